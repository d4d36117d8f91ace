//! Folders that a build must not write into.

use std::collections::HashSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use thiserror::Error;
use walkdir::WalkDir;

use crate::site::PRIVATE_FOLDER;

/// Why nothing was published. Nothing was touched either.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The folder is one that a site is made from, or lies around one.
    #[error("`{}` is not a folder for output: {reason}; choose another with `--output`", folder.display())]
    Precious {
        /// The folder.
        folder: PathBuf,
        /// What it is.
        reason: &'static str,
    },
    /// It has files in it that no build has written.
    #[error(
        "`{}` holds files that were not built here, such as `{example}`; \
         move them to `static/`, choose another folder with `--output`, \
         or keep them there with `--force`",
        folder.display()
    )]
    Foreign {
        /// The folder.
        folder: PathBuf,
        /// One of the files.
        example: String,
    },
    /// It is a file.
    #[error("`{}` is a file, not a folder; choose another with `--output`", folder.display())]
    File {
        /// The file.
        folder: PathBuf,
    },
}

/// Folders that matter to a site, and what they are.
const OWN_FOLDERS: [(&str, &str); 7] = [
    ("content", "it is where the content is"),
    ("templates", "it is where the templates are"),
    ("themes", "it is where the themes are"),
    ("static", "it is where the static files are"),
    ("data", "it is where the data is"),
    ("state", "it is where the statistics are"),
    (".git", "it belongs to Git"),
];

/// Refuses `output` if it is, holds, or lies in a folder that the site at `root` is made from.
pub(super) fn check_place(output: &Path, root: &Path, home: Option<&Path>) -> Result<(), Refusal> {
    let real = resolved(output);
    let root = resolved(root);
    let refuse = |reason| Err(Refusal::Precious { folder: output.to_owned(), reason });
    if real.parent().is_none() {
        return refuse("it is the root of the file system");
    }
    if home.is_some_and(|home| resolved(home).starts_with(&real)) {
        return refuse("it is or holds the home folder");
    }
    if root.starts_with(&real) {
        return refuse("it is or holds the folder of the site");
    }
    for (name, reason) in OWN_FOLDERS {
        if real.starts_with(resolved(&root.join(name))) {
            return refuse(reason);
        }
    }
    if real.join(".git").join("HEAD").is_file() && real.join("content").is_dir() {
        return refuse("it is a working tree with content in it");
    }
    if output.exists() && !output.is_dir() {
        return Err(Refusal::File { folder: output.to_owned() });
    }
    Ok(())
}

/// Refuses `output` if it holds a file that is not `known`, which no build has written then; hidden files at its
/// top are let be.
pub(super) fn check_contents(
    output: &Path,
    known: &HashSet<PathBuf>,
) -> anyhow::Result<Result<(), Refusal>> {
    let is_hidden_at_top = |entry: &walkdir::DirEntry| {
        entry.depth() == 1 && entry.file_name().to_string_lossy().starts_with('.')
    };
    let entries = WalkDir::new(output).min_depth(1).sort_by_file_name().into_iter();
    for entry in entries.filter_entry(|entry| !is_hidden_at_top(entry)) {
        let entry = entry?;
        let relative = entry.path().strip_prefix(output).unwrap_or(entry.path());
        if !entry.file_type().is_dir() && !known.contains(relative) {
            return Ok(Err(foreign(output, relative)));
        }
    }
    debug_assert!(PRIVATE_FOLDER.starts_with('.'), "our own folder is hidden");
    Ok(Ok(()))
}

/// The refusal of an `output` that holds the file `relative`, which no build has written.
pub(super) fn foreign(output: &Path, relative: &Path) -> Refusal {
    let example = relative.to_string_lossy().into_owned();
    Refusal::Foreign { folder: output.to_owned(), example }
}

/// The real path of `path`, as far as it exists.
fn resolved(path: &Path) -> PathBuf {
    if let Ok(real) = fs::canonicalize(path) {
        return real;
    }
    match (path.parent(), path.components().next_back()) {
        (Some(parent), Some(Component::Normal(name))) => resolved(parent).join(name),
        (Some(parent), Some(Component::ParentDir)) => {
            let mut real = resolved(parent);
            real.pop();
            real
        }
        _ => path.to_owned(),
    }
}
