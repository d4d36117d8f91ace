//! What a file system says of a file, by which a file that has not changed is known without being read.

use std::fs::Metadata;
use std::path::Path;
use std::time::{Duration, SystemTime};
use std::{fs, io};

use serde::{Deserialize, Serialize};

use crate::fingerprint::Fingerprint;

/// What a file system says of a file: if it says the same again, the file is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stamp(Fingerprint);

/// The coarsest that times of files are kept, by the file systems of memory cards.
const COARSEST: Duration = Duration::from_secs(2);

/// The moment at which a build began, as the file system tells it.
///
/// A file that was changed at this moment or later may change again without its times showing it, for these are
/// no finer than a few milliseconds; so it has no stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    at: SystemTime,
    device: Option<u64>,
}

impl Moment {
    /// The moment now, by the clock that the file system of `folder` goes by, which may be another machine's.
    pub fn now(folder: &Path) -> io::Result<Self> {
        let mark = folder.join("now");
        fs::write(&mark, b"A build began when this was written.\n")?;
        let metadata = fs::metadata(&mark)?;
        Ok(Self { at: metadata.modified()?, device: Identity::of(&metadata).device() })
    }

    /// Whether what happened `then` to a file on `device` is over: it could not happen again and look the same.
    fn is_after(self, then: SystemTime, device: Option<u64>) -> bool {
        // Another file system may keep its times less well than the one whose moment this is.
        let is_same = device.is_some() && device == self.device;
        let grain = if is_same { Duration::ZERO } else { COARSEST };
        then.checked_add(grain).is_some_and(|then| then < self.at)
    }
}

impl Stamp {
    /// The stamp of the file at `path`, seen by a build that began at `moment`.
    pub fn of(path: &Path, moment: Moment) -> io::Result<Option<Self>> {
        fs::metadata(path).map(|metadata| Self::of_metadata(&metadata, moment))
    }

    fn of_metadata(metadata: &Metadata, moment: Moment) -> Option<Self> {
        let modified = metadata.modified().ok()?;
        let identity = Identity::of(metadata);
        let device = identity.device();
        let is_over = |then| moment.is_after(then, device);
        let is_settled = is_over(modified) && identity.changed.is_none_or(is_over);
        is_settled.then(|| Self(Fingerprint::of(&(modified, identity, metadata.len()))))
    }
}

/// Which file it is, and when it was last changed in any way, which nobody can set back; nothing where the system does
/// not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Identity {
    /// The device, and the number of the file on it.
    file: Option<(u64, u64)>,
    changed: Option<SystemTime>,
}

impl Identity {
    #[cfg(unix)]
    fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        let seconds = u64::try_from(metadata.ctime()).ok().map(Duration::from_secs);
        let rest = u64::try_from(metadata.ctime_nsec()).ok().map(Duration::from_nanos);
        let since = seconds.zip(rest).map(|(seconds, rest)| seconds + rest);
        let changed = since.and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since));
        Self { file: Some((metadata.dev(), metadata.ino())), changed }
    }

    #[cfg(not(unix))]
    fn of(_metadata: &Metadata) -> Self {
        Self { file: None, changed: None }
    }

    fn device(&self) -> Option<u64> {
        self.file.map(|(device, _)| device)
    }
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
