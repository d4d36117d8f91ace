//! Files of the site on disk: read only if they are still what the site says they are.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use axum::body::Body;
use bytes::Bytes;
use tokio::sync::mpsc;

use super::channel_body::ChannelBody;
use super::limits;
use crate::site::{Digest, OutputFile};

/// A file that was found to be what the site says.
#[derive(Debug)]
pub(super) enum Found {
    /// Its bytes.
    Whole(Bytes),
    /// It is long; open, at its beginning. Publishing replaces files by renaming, so what is open stays as it is.
    Open(File),
}

/// Remembers which long files were checked, so that each is read through once and not for every range.
#[derive(Debug, Default)]
pub(super) struct CheckedFiles(Mutex<HashMap<PathBuf, (Stamp, Digest)>>);

/// What changes when a file is replaced.
type Stamp = (Option<SystemTime>, u64);

impl CheckedFiles {
    /// Reads or opens the file at `path`; none if it is not `expected` (any more). Blocks.
    pub(super) fn find(
        &self,
        path: &Path,
        expected: OutputFile,
        longest_whole: u64,
    ) -> io::Result<Option<Found>> {
        match self.open(path, expected, longest_whole) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            found => found,
        }
    }

    fn open(&self, path: &Path, expected: OutputFile, whole: u64) -> io::Result<Option<Found>> {
        // Opening a pipe would wait for a writer.
        if !fs::symlink_metadata(path)?.is_file() {
            return Ok(None);
        }
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.len() != expected.len {
            return Ok(None);
        }
        if expected.len <= whole {
            return read(&mut file, expected);
        }
        let stamp = (metadata.modified().ok(), metadata.len());
        let matches = self.digest(path, &mut file, stamp)? == expected.digest;
        Ok(matches.then_some(Found::Open(file)))
    }

    fn digest(&self, path: &Path, file: &mut File, stamp: Stamp) -> io::Result<Digest> {
        if let Some((known, digest)) = self.lock().get(path)
            && *known == stamp
        {
            return Ok(*digest);
        }
        let digest = Digest::of_reader(&mut *file)?;
        file.seek(SeekFrom::Start(0))?;
        self.lock().insert(path.to_owned(), (stamp, digest));
        Ok(digest)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, (Stamp, Digest)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(file: &mut File, expected: OutputFile) -> io::Result<Option<Found>> {
    let mut bytes = Vec::with_capacity(usize::try_from(expected.len).unwrap_or(0));
    file.take(expected.len + 1).read_to_end(&mut bytes)?;
    let matches = Digest::of(&bytes) == expected.digest;
    Ok(matches.then(|| Found::Whole(bytes.into())))
}

/// A body of the `len` bytes of `file` from `first` on, read piece by piece as the client takes them.
pub(super) fn stream(file: File, first: u64, len: u64) -> Body {
    let (frames, body) = ChannelBody::with_capacity(1);
    tokio::spawn(send(file, first, len, frames));
    Body::new(body)
}

async fn send(mut file: File, first: u64, mut left: u64, frames: mpsc::Sender<io::Result<Bytes>>) {
    if let Err(error) = file.seek(SeekFrom::Start(first)) {
        let _ = frames.send(Err(error)).await;
        return;
    }
    while left > 0 {
        // The place is taken first: nothing is read for a client that has stopped taking.
        let Ok(place) = frames.reserve().await else { return };
        let read = tokio::task::spawn_blocking(move || read_chunk(file, left)).await;
        match read.map_err(io::Error::other).and_then(|read| read) {
            Ok((chunk, same_file)) => {
                left -= chunk.len() as u64;
                file = same_file;
                place.send(Ok(chunk));
            }
            Err(error) => return place.send(Err(error)),
        }
    }
}

fn read_chunk(mut file: File, left: u64) -> io::Result<(Bytes, File)> {
    let len = usize::try_from(left).unwrap_or(usize::MAX).min(limits::CHUNK);
    let mut chunk = vec![0; len];
    file.read_exact(&mut chunk)?;
    Ok((chunk.into(), file))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(text: &str) -> OutputFile {
        OutputFile { digest: Digest::of(text.as_bytes()), len: text.len() as u64 }
    }

    #[test]
    fn a_file_is_found_only_while_it_is_what_the_site_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.html");
        let files = CheckedFiles::default();
        let find = |text: &str, longest| files.find(&path, expected(text), longest).unwrap();
        assert!(find("one", 10).is_none(), "there is no file yet");
        fs::write(&path, "one").unwrap();
        assert!(matches!(find("one", 10), Some(Found::Whole(bytes)) if bytes == "one"));
        assert!(matches!(find("one", 2), Some(Found::Open(_))));
        for longest in [10, 2] {
            assert!(find("two", longest).is_none(), "other bytes");
            assert!(find("three", longest).is_none(), "another length");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("secret"), folder.path().join("a.html"));
        fs::write(&target, "one").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert!(CheckedFiles::default().find(&link, expected("one"), 10).unwrap().is_none());
    }

    #[tokio::test]
    async fn a_stream_has_exactly_the_bytes_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long");
        let text: Vec<u8> = (0..=250).cycle().take(limits::CHUNK * 2 + 5).collect();
        fs::write(&path, &text).unwrap();
        let (first, len) = (3, limits::CHUNK + 7);
        let body = stream(File::open(&path).unwrap(), first as u64, len as u64);
        let sent = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        assert!(sent == text[first..first + len]);
    }
}
