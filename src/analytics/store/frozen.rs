//! A file that cannot be written to, as a database that can be read: what opening and mending it writes stays in memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;

/// How many bytes are kept together; as many as a page of the database has.
const BLOCK: usize = 4096;

/// The file as it is, and what is different in memory.
#[derive(Debug)]
pub(super) struct Frozen(Mutex<Layers>);

#[derive(Debug)]
struct Layers {
    file: File,
    /// How long the file is.
    file_len: u64,
    /// How long it looks.
    len: u64,
    /// By their number, the blocks that are not as they are in the file.
    blocks: BTreeMap<u64, Box<[u8; BLOCK]>>,
}

/// Whether the file at `path` is there and cannot be written to, as on a disk that is mounted read-only.
pub(super) fn is_frozen(path: &Path) -> bool {
    use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    let opened = File::options().write(true).open(path);
    opened.is_err_and(|error| matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem))
}

impl Frozen {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let file_len = file.metadata()?.len();
        let layers = Layers { file, file_len, len: file_len, blocks: BTreeMap::new() };
        Ok(Self(Mutex::new(layers)))
    }

    fn layers(&self) -> MutexGuard<'_, Layers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Layers {
    /// A block as it is in the file; what lies behind its end is zero.
    fn block_of_file(&mut self, number: u64) -> io::Result<Box<[u8; BLOCK]>> {
        let mut block = Box::new([0; BLOCK]);
        let start = number * BLOCK as u64;
        let there = self.file_len.saturating_sub(start).min(BLOCK as u64);
        let there = usize::try_from(there).unwrap_or(BLOCK);
        self.file.seek(SeekFrom::Start(start))?;
        self.file.read_exact(&mut block[..there])?;
        Ok(block)
    }

    fn read(&mut self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if offset + out.len() as u64 > self.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        for (number, within, part) in parts(offset, out.len()) {
            let out = &mut out[part];
            let of_file;
            let block = if let Some(block) = self.blocks.get(&number) {
                block
            } else {
                of_file = self.block_of_file(number)?;
                &of_file
            };
            out.copy_from_slice(&block[within..within + out.len()]);
        }
        Ok(())
    }

    fn write(&mut self, offset: u64, data: &[u8]) -> io::Result<()> {
        for (number, within, part) in parts(offset, data.len()) {
            let data = &data[part];
            if !self.blocks.contains_key(&number) {
                let block = self.block_of_file(number)?;
                self.blocks.insert(number, block);
            }
            if let Some(block) = self.blocks.get_mut(&number) {
                block[within..within + data.len()].copy_from_slice(data);
            }
        }
        self.len = self.len.max(offset + data.len() as u64);
        Ok(())
    }

    /// What is cut off is zero if it comes back.
    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.blocks.retain(|number, _| number * (BLOCK as u64) < len);
        let within = usize::try_from(len % BLOCK as u64).unwrap_or(0);
        if len < self.file_len && within > 0 {
            let number = len / BLOCK as u64;
            let block = self.block_of_file(number)?;
            self.blocks.entry(number).or_insert(block);
        }
        if let Some(block) = self.blocks.get_mut(&(len / BLOCK as u64)) {
            block[within..].fill(0);
        }
        self.file_len = self.file_len.min(len);
        self.len = len;
        Ok(())
    }
}

/// The blocks of `len` bytes from `offset` on: the number of each, where in it they begin, and which of them it has.
fn parts(offset: u64, len: usize) -> impl Iterator<Item = (u64, usize, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = offset + done as u64;
        let within = usize::try_from(at % BLOCK as u64).unwrap_or(0);
        let end = len.min(done + BLOCK - within);
        let part = std::mem::replace(&mut done, end)..end;
        (!part.is_empty()).then_some((at / BLOCK as u64, within, part))
    })
}

impl StorageBackend for Frozen {
    fn len(&self) -> Result<u64, io::Error> {
        Ok(self.layers().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.layers().read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.layers().set_len(len)
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.layers().write(offset, data)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is done to a file.
    #[derive(Debug, Clone)]
    enum Step {
        Write(u16, Vec<u8>),
        Length(u16),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..20_000_u16, prop::collection::vec(1..=255_u8, 0..9_000))
                .prop_map(|(at, data)| Step::Write(at, data)),
            (0..30_000_u16).prop_map(Step::Length),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_is_written_is_read_and_the_file_stays_as_it_is(
            bytes in prop::collection::vec(1..=255_u8, 0..20_000),
            steps in prop::collection::vec(step(), 0..8),
        ) {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), &bytes).unwrap();
            let frozen = Frozen::open(file.path()).unwrap();
            let mut expected = bytes.clone();
            for step in steps {
                match step {
                    Step::Write(at, data) => {
                        frozen.write(at.into(), &data).unwrap();
                        let end = usize::from(at) + data.len();
                        expected.resize(expected.len().max(end), 0);
                        expected[usize::from(at)..end].copy_from_slice(&data);
                    }
                    Step::Length(len) => {
                        frozen.set_len(len.into()).unwrap();
                        expected.resize(len.into(), 0);
                    }
                }
                let mut seen = vec![0; expected.len()];
                prop_assert_eq!(frozen.len().unwrap(), expected.len() as u64);
                frozen.read(0, &mut seen).unwrap();
                prop_assert!(seen == expected);
            }
            prop_assert!(frozen.read(expected.len() as u64, &mut [0]).is_err());
            prop_assert!(std::fs::read(file.path()).unwrap() == bytes);
        }
    }
}
