//! The templates and themes that are part of the binary.

use include_dir::{Dir, include_dir};

static TEMPLATES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates");
static THEMES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/themes");

/// A file of the binary: its name below its folder, with forward slashes, and its bytes.
pub(super) type BuiltinFile = (String, &'static [u8]);

/// The built-in templates.
pub(super) fn templates() -> Vec<BuiltinFile> {
    files_below(&TEMPLATES)
}

/// The names of the built-in themes.
pub(super) fn theme_names() -> Vec<String> {
    THEMES.dirs().map(|dir| dir.path().to_string_lossy().into_owned()).collect()
}

/// The files of `folder` of a built-in theme.
pub(super) fn theme_files(theme: &str, folder: &str) -> Vec<BuiltinFile> {
    THEMES.get_dir(format!("{theme}/{folder}")).map(files_below).unwrap_or_default()
}

fn files_below(dir: &'static Dir<'static>) -> Vec<BuiltinFile> {
    let mut files = Vec::new();
    collect(dir, dir, &mut files);
    files.sort_by(|(a, _), (b, _)| a.cmp(b));
    files
}

fn collect(dir: &'static Dir<'static>, root: &Dir<'_>, files: &mut Vec<BuiltinFile>) {
    for file in dir.files() {
        let name = file.path().strip_prefix(root.path()).unwrap_or(file.path());
        files.push((name.to_string_lossy().replace('\\', "/"), file.contents()));
    }
    dir.dirs().for_each(|inner| collect(inner, root, files));
}
