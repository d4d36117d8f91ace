//! Blobs that wait on disk, behind one another, until all of them are asked for: what nobody reads before a build ends need
//! not be in memory until then.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Blobs in a file without a name, which is gone when this is, also if the process is killed.
#[derive(Debug)]
pub(super) struct Spool(BufWriter<File>);

/// How much is written and read at once, in bytes.
const AT_ONCE: usize = 64 << 10;

impl Spool {
    /// A spool without blobs on the file system of `folder`.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        Ok(Self(BufWriter::with_capacity(AT_ONCE, tempfile::tempfile_in(folder)?)))
    }

    /// Adds a blob.
    pub(super) fn add(&mut self, blob: &[u8]) -> io::Result<()> {
        let length = u32::try_from(blob.len()).map_err(|_| ErrorKind::FileTooLarge)?;
        self.0.write_all(&length.to_le_bytes())?;
        self.0.write_all(blob)
    }

    /// Hands each blob to `put`, in their order.
    pub(super) fn drain(self, put: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let mut file = self.0.into_inner().map_err(io::IntoInnerError::into_error)?;
        let mut left = file.stream_position()?;
        file.seek(SeekFrom::Start(0))?;
        let mut file = BufReader::with_capacity(AT_ONCE, file);
        let mut blob = Vec::new();
        while left > 0 {
            let mut length = [0; 4];
            file.read_exact(&mut length)?;
            let length = u32::from_le_bytes(length);
            blob.resize(usize::try_from(length).map_err(io::Error::other)?, 0);
            file.read_exact(&mut blob)?;
            put(&blob)?;
            left = left.saturating_sub(4 + u64::from(length));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_comes_back_in_order_and_nothing_stays() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = [b"a".to_vec(), Vec::new(), vec![7; 3 * AT_ONCE], b"b".to_vec()];
        let mut spool = Spool::open(folder.path()).unwrap();
        for blob in &blobs {
            spool.add(blob).unwrap();
        }
        let mut drained = Vec::new();
        spool
            .drain(&mut |blob| {
                drained.push(blob.to_vec());
                Ok(())
            })
            .unwrap();
        assert_eq!(drained, blobs);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
