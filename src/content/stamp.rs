//! What a file system says of a file, by which a file that has not changed is known without being read.

use std::fs::Metadata;
use std::path::Path;
use std::time::SystemTime;
use std::{fs, io};

use serde::{Deserialize, Serialize};

use crate::fingerprint::Fingerprint;

/// What a file system says of a file: if it says the same again, the file is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stamp(Fingerprint);

/// The moment at which a build began, as the file system tells it.
///
/// A file that was changed at this moment or later may change again without its times showing it, for these are
/// no finer than a few milliseconds; so it has no stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(SystemTime);

impl Moment {
    /// The moment now, by the clock that the file system of `folder` goes by, which may be another machine's.
    pub fn now(folder: &Path) -> io::Result<Self> {
        let mark = folder.join("now");
        fs::write(&mark, b"A build began when this was written.\n")?;
        fs::metadata(&mark)?.modified().map(Self)
    }
}

impl Stamp {
    /// The stamp of the file at `path`, seen by a build that began at `moment`.
    pub fn of(path: &Path, moment: Moment) -> io::Result<Option<Self>> {
        fs::metadata(path).map(|metadata| Self::of_metadata(&metadata, moment))
    }

    fn of_metadata(metadata: &Metadata, moment: Moment) -> Option<Self> {
        let modified = metadata.modified().ok()?;
        let (changed, identity) = changed(metadata)?;
        let is_settled = modified < moment.0 && changed < moment.0;
        let told = (modified, changed, identity, metadata.len());
        is_settled.then(|| Self(Fingerprint::of(&told)))
    }
}

/// When the file was last changed in any way, which nobody can set back, and which file it is.
#[cfg(unix)]
fn changed(metadata: &Metadata) -> Option<(SystemTime, (u64, u64))> {
    use std::os::unix::fs::MetadataExt;
    let seconds = std::time::Duration::from_secs(u64::try_from(metadata.ctime()).ok()?);
    let nanoseconds = std::time::Duration::from_nanos(u64::try_from(metadata.ctime_nsec()).ok()?);
    Some((SystemTime::UNIX_EPOCH + seconds + nanoseconds, (metadata.dev(), metadata.ino())))
}

#[cfg(not(unix))]
fn changed(metadata: &Metadata) -> Option<(SystemTime, (u64, u64))> {
    Some((metadata.modified().ok()?, (0, 0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_a_stamp_once_the_moment_it_was_changed_at_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let before = Moment::now(folder.path()).unwrap();
        let file = folder.path().join("a");
        fs::write(&file, "x").unwrap();
        assert_eq!(Stamp::of(&file, before).unwrap(), None);
        let after = loop {
            let moment = Moment::now(folder.path()).unwrap();
            if moment != before && Stamp::of(&file, moment).unwrap().is_some() {
                break moment;
            }
        };
        let stamp = Stamp::of(&file, after).unwrap();
        assert_eq!(Stamp::of(&file, after).unwrap(), stamp);
        let copy = folder.path().join("b");
        fs::copy(&file, &copy).unwrap();
        let times =
            fs::FileTimes::new().set_modified(fs::metadata(&file).unwrap().modified().unwrap());
        fs::File::options().write(true).open(&copy).unwrap().set_times(times).unwrap();
        fs::rename(&copy, &file).unwrap();
        let other = loop {
            if let Some(other) = Stamp::of(&file, Moment::now(folder.path()).unwrap()).unwrap() {
                break other;
            }
        };
        assert_ne!(Some(other), stamp, "another file of the same age and length");
    }
}
