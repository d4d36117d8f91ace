//! Walks `content/` and reads it: which Markdown files and which other files the author has put there.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use anyhow::Context;
use rayon::slice::ParallelSliceMut as _;
use walkdir::{DirEntry, WalkDir};

use crate::folder::Folder;
use crate::problem::{Mistake, Place, Problem};

/// The largest Markdown file that is read, in bytes.
const LARGEST: u64 = 16 << 20;

/// How long most Markdown files are at most, in bytes.
const USUAL: usize = 14 << 10;

/// Folders of a site that nothing is published from, whatever leads there.
const NO_SOURCES: [&str; 4] = ["state", "public", ".tallymark", ".git"];

/// A file that the author has put below a folder of the site.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourceFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its name below the site's folder, with forward slashes: what problems call it.
    pub name: Arc<str>,
    /// Its name below the folder that was walked, with forward slashes.
    pub relative: Arc<str>,
}

impl SourceFile {
    /// Opens the file from the folder that was walked; by its path, if its name is none that can be told.
    fn open_in(&self, folder: &Folder) -> io::Result<fs::File> {
        folder.open(Path::new(&*self.relative)).or_else(|_| fs::File::open(&self.path))
    }

    /// Whether it is a page or a post.
    pub fn is_markdown(&self) -> bool {
        self.path.extension().is_some_and(|extension| {
            extension.eq_ignore_ascii_case("md") || extension.eq_ignore_ascii_case("markdown")
        })
    }
}

/// The files below a folder, in the order of their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Walk {
    /// The files.
    pub files: Vec<SourceFile>,
    /// Links that lead out of the site, and things that are no files.
    pub problems: Vec<Problem>,
}

/// What is done with files whose name begins with a dot, and with backups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hidden {
    /// They are passed over.
    Passed,
    /// They are files like others: `.well-known`, `.nojekyll`.
    Kept,
}

/// Walks `folder` of the site at `root`; a folder that does not exist is empty.
///
/// What editors leave behind is passed over. Links are followed within `root` only.
pub fn walk(folder: &Path, root: &Path, hidden: Hidden) -> anyhow::Result<Walk> {
    let mut walk = Walk::default();
    if !folder.is_dir() {
        return Ok(walk);
    }
    let bounds =
        Bounds::of(folder, root).with_context(|| format!("cannot open `{}`", root.display()))?;
    let mut escaped = BTreeSet::new();
    let entries = WalkDir::new(folder).follow_links(true).into_iter();
    let entries = entries.filter_entry(|entry| {
        entry.depth() == 0
            || (!is_ignored(entry, hidden) && stays_inside(entry, &bounds, &mut escaped))
    });
    for entry in entries {
        match entry {
            Ok(entry) if entry.file_type().is_dir() => {}
            Ok(entry) if entry.file_type().is_file() => {
                walk.files.push(source_file(entry.into_path(), folder, root));
            }
            Ok(entry) => walk.problems.push(problem(entry.path(), root, Mistake::SpecialFile)),
            Err(error) => match dead_link(&error) {
                Some(path) => walk.problems.push(problem(&path, root, Mistake::Symlink)),
                None => return Err(error).context("cannot read a folder of the site"),
            },
        }
    }
    // As a walk in the order of names would meet them: what is in a folder before what is beside it.
    walk.files.par_sort_by_cached_key(|file| file.relative.replace('/', "\0"));
    walk.problems.extend(escaped.iter().map(|path| problem(path, root, Mistake::Symlink)));
    Ok(walk)
}

/// The files of the site at `root` that links below `folder` lead to, where they really are.
pub fn linked(folder: &Path, root: &Path) -> Vec<PathBuf> {
    let Ok(bounds) = Bounds::of(folder, root) else { return Vec::new() };
    let entries = WalkDir::new(folder).into_iter().filter_map(Result::ok);
    let links = entries.filter(DirEntry::path_is_symlink);
    let targets = links.filter_map(|link| fs::canonicalize(link.path()).ok());
    targets.filter(|target| target.starts_with(&bounds.root) && target.is_file()).collect()
}

/// Reads a Markdown file of the folder that was walked; one that is too large or not UTF-8 is a problem.
pub fn read(file: &SourceFile, folder: &Folder) -> anyhow::Result<Result<String, Problem>> {
    let read = file.open_in(folder).and_then(|opened| read_at_most(opened, LARGEST + 1));
    let bytes = read.with_context(|| format!("cannot read `{}`", file.name))?;
    if bytes.len() as u64 > LARGEST {
        return Ok(Err(Problem::new(Place::file(file.name.clone()), Mistake::FileTooLarge)));
    }
    Ok(String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let before = String::from_utf8_lossy(valid);
        Problem::new(Place::at(file.name.clone(), &before, before.len()), Mistake::NotUtf8)
    }))
}

/// Reads a Markdown file that was read before, and says whether `is_it` still.
pub(super) fn read_again(
    file: &SourceFile,
    folder: &Folder,
    is_it: impl Fn(&[u8]) -> bool,
) -> io::Result<(String, bool)> {
    let not_text = |error| io::Error::new(io::ErrorKind::InvalidData, error);
    let mut bytes = Vec::new();
    let mut file = file.open_in(folder)?;
    let is_whole = read_once(&mut file, &mut bytes, USUAL)? < USUAL;
    // What is the same to the last byte is all of it, without looking for more.
    let is_same = is_whole && is_it(&bytes);
    if !is_same {
        file.read_to_end(&mut bytes)?;
    }
    let is_same = is_same || is_it(&bytes);
    Ok((String::from_utf8(bytes).map_err(not_text)?, is_same))
}

/// Reads a file of text below `root` that no page is made of; what prevents it is told in a few words.
pub(super) fn read_text(path: &Path, root: &Path) -> Result<String, String> {
    let told = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => error.to_string(),
    };
    let real = fs::canonicalize(path).map_err(told)?;
    let is_inside = Bounds::of(root, root).is_ok_and(|bounds| real.starts_with(&bounds.root));
    if !is_inside {
        return Err("it leads out of the site".to_owned());
    }
    let opened = fs::File::open(&real).map_err(told)?;
    let bytes = read_at_most(opened, LARGEST + 1).map_err(told)?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!("it is larger than {} MiB", LARGEST >> 20));
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
}

/// The first `limit` bytes of a file.
fn read_at_most(mut file: fs::File, limit: u64) -> io::Result<Vec<u8>> {
    let len = file.metadata()?.len().min(limit);
    let len = usize::try_from(len).unwrap_or(0);
    let mut bytes = Vec::new();
    // A byte more than there should be: if that does not come, nothing follows, and nobody need look.
    let read = read_once(&mut file, &mut bytes, len + 1)?;
    if read != len {
        file.take(limit.saturating_sub(read as u64)).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// Reads what one call gives into `bytes`, which is empty, `most` at most, and says how much that was.
fn read_once(file: &mut fs::File, bytes: &mut Vec<u8>, most: usize) -> io::Result<usize> {
    bytes.reserve_exact(most);
    bytes.resize(most, 0);
    let read = match file.read(bytes) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
        read => read?,
    };
    bytes.truncate(read);
    Ok(read)
}

fn source_file(path: PathBuf, folder: &Path, root: &Path) -> SourceFile {
    let name = Place::name_of(&path, root).into();
    let relative = Place::name_of(&path, folder).into();
    SourceFile { path, name, relative }
}

fn problem(path: &Path, root: &Path, mistake: Mistake) -> Problem {
    Problem::new(Place::file(Place::name_of(path, root)), mistake)
}

/// A link to nothing, or in a circle.
fn dead_link(error: &walkdir::Error) -> Option<PathBuf> {
    let path = error.path()?;
    // Whatever the system says of it: what it leads to is not there, or it is itself, or out of reach.
    let is_dead = error.loop_ancestor().is_some() || path.is_symlink();
    is_dead.then(|| path.to_owned())
}

fn stays_inside(entry: &DirEntry, bounds: &Bounds, escaped: &mut BTreeSet<PathBuf>) -> bool {
    if !entry.path_is_symlink() {
        return true;
    }
    match fs::canonicalize(entry.path()) {
        Ok(target) if !bounds.allow(&target) => {
            escaped.insert(entry.path().to_owned());
            false
        }
        _ => true,
    }
}

/// Where links may lead.
struct Bounds {
    root: PathBuf,
    folder: PathBuf,
}

impl Bounds {
    fn of(folder: &Path, root: &Path) -> io::Result<Self> {
        Ok(Self { root: fs::canonicalize(root)?, folder: fs::canonicalize(folder)? })
    }

    /// Within the site, but not to what is no source of it, nor round in a circle.
    fn allow(&self, target: &Path) -> bool {
        let Ok(relative) = target.strip_prefix(&self.root) else { return false };
        let is_source = !NO_SOURCES.iter().any(|folder| relative.starts_with(folder));
        is_source && !self.folder.starts_with(target)
    }
}

fn is_ignored(entry: &DirEntry, hidden: Hidden) -> bool {
    let name = entry.file_name().to_string_lossy();
    match hidden {
        Hidden::Passed => is_leftover(&name) || is_hidden(&name),
        // The history of a folder is not for the web, whether the folder is a repository or a submodule.
        Hidden::Kept => is_leftover(&name) || matches!(name.as_ref(), ".git" | ".hg" | ".svn"),
    }
}

fn is_hidden(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    name.starts_with('.') || extension.is_some_and(|extension| matches!(extension, "bak" | "tmp"))
}

/// Whether a file of this name is what an editor or a desktop leaves beside the files that people work on.
pub fn is_leftover(name: &str) -> bool {
    let ends = ["~", ".swp", ".swx"];
    let starts = [".#", ".goutputstream-"];
    name.starts_with('#') && name.ends_with('#')
        || matches!(name, "4913" | "Thumbs.db" | ".DS_Store")
        || ends.iter().any(|end| name.ends_with(end))
        || starts.iter().any(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn links_are_followed_within_the_site_only() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let (root, outside) = (folder.path().join("site"), folder.path().join("outside"));
        fs::create_dir_all(root.join("content/sub")).unwrap();
        fs::create_dir_all(&outside).unwrap();
        fs::write(outside.join("secret.md"), "x").unwrap();
        fs::write(root.join("content/sub/a.md"), "x").unwrap();
        fs::write(root.join("content/.hidden.md"), "x").unwrap();
        symlink(outside.join("secret.md"), root.join("content/escape.md")).unwrap();
        symlink(&outside, root.join("content/folder")).unwrap();
        symlink(root.join("content"), root.join("content/sub/loop")).unwrap();
        symlink(root.join("nowhere"), root.join("content/dead.md")).unwrap();
        symlink("self.md", root.join("content/self.md")).unwrap();
        symlink(root.join("content/sub/a.md"), root.join("content/b.md")).unwrap();
        fs::create_dir_all(root.join("state")).unwrap();
        symlink(root.join("state"), root.join("content/numbers")).unwrap();
        symlink(&root, root.join("content/up")).unwrap();
        let walk = walk(&root.join("content"), &root, Hidden::Passed).unwrap();
        let names: Vec<&str> = walk.files.iter().map(|file| &*file.name).collect();
        assert_eq!(names, ["content/b.md", "content/sub/a.md"]);
        let mut places: Vec<String> =
            walk.problems.iter().map(|problem| problem.place.to_string()).collect();
        places.sort();
        assert_eq!(
            places,
            [
                "content/dead.md",
                "content/escape.md",
                "content/folder",
                "content/numbers",
                "content/self.md",
                "content/sub/loop",
                "content/up",
            ]
        );
    }
}
