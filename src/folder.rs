//! A folder that is open: what is in it is found from there, without walking its whole path each time.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// A folder, open if it is there and the system can open one; else a path like others.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    #[cfg(unix)]
    handle: Option<std::os::fd::OwnedFd>,
}

impl Folder {
    /// The folder at `path`.
    pub fn of(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            #[cfg(unix)]
            handle: at::folder(path).ok(),
        }
    }

    /// Where it was when it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a file of it for reading.
    pub fn open(&self, relative: &Path) -> io::Result<File> {
        #[cfg(unix)]
        if let Some(handle) = &self.handle {
            return at::open(handle, relative);
        }
        File::open(self.path.join(relative))
    }

    /// Makes a file in it, or empties the one that is there, for writing.
    pub fn create(&self, relative: &Path) -> io::Result<File> {
        #[cfg(unix)]
        if let Some(handle) = &self.handle {
            return at::create(handle, relative);
        }
        File::create(self.path.join(relative))
    }

    /// Makes a folder in it.
    pub fn create_folder(&self, relative: &Path) -> io::Result<()> {
        #[cfg(unix)]
        if let Some(handle) = &self.handle {
            return at::create_folder(handle, relative);
        }
        fs::create_dir(self.path.join(relative))
    }
}

/// As the standard library does it, from an open folder.
#[cfg(unix)]
mod at {
    use std::fs::File;
    use std::io;
    use std::os::fd::OwnedFd;
    use std::path::Path;

    use rustix::fs::{Mode, OFlags, mkdirat, openat};
    use rustix::io::retry_on_intr;

    pub(super) fn folder(path: &Path) -> io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(retry_on_intr(|| rustix::fs::open(path, flags, Mode::empty()))?)
    }

    pub(super) fn open(folder: &OwnedFd, relative: &Path) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        Ok(retry_on_intr(|| openat(folder, relative, flags, Mode::empty()))?.into())
    }

    pub(super) fn create(folder: &OwnedFd, relative: &Path) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(0o666);
        Ok(retry_on_intr(|| openat(folder, relative, flags, mode))?.into())
    }

    pub(super) fn create_folder(folder: &OwnedFd, relative: &Path) -> io::Result<()> {
        let mode = Mode::from_raw_mode(0o777);
        Ok(retry_on_intr(|| mkdirat(folder, relative, mode))?)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn what_is_in_a_folder_is_made_and_found_from_there() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("folder");
        let missing = Folder::of(&path);
        assert_eq!(
            missing.create_folder(Path::new("a")).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
        fs::create_dir(&path).unwrap();
        for folder in [missing, Folder::of(&path)] {
            let name = Path::new("a/b.txt");
            assert_eq!(folder.create(name).unwrap_err().kind(), io::ErrorKind::NotFound);
            folder.create_folder(Path::new("a")).unwrap();
            let again = folder.create_folder(Path::new("a")).unwrap_err();
            assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
            for text in ["longer", "text"] {
                folder.create(name).unwrap().write_all(text.as_bytes()).unwrap();
                assert_eq!(io::read_to_string(folder.open(name).unwrap()).unwrap(), text);
            }
            assert_eq!(fs::read_to_string(folder.path().join(name)).unwrap(), "text");
            assert_eq!(folder.open(&path.join(name)).unwrap().metadata().unwrap().len(), 4);
            fs::remove_dir_all(path.join("a")).unwrap();
        }
    }
}
