//! Files in which a build leaves to the next process what it has found out.
//!
//! ```text
//! "tallymark memory\n"     16 + 1 bytes
//! fingerprint              8 bytes, of everything that follows
//! program                  8 bytes, the fingerprint of the program that wrote it
//! sections, each:
//!   length, blob           4 bytes each, and the blob; what is in it is its owner's affair
//!   end                    4 bytes, all ones
//! ```
//!
//! Numbers are little-endian. A file that is damaged, or of another program, is none: then all is made anew.

use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use bytes::Bytes;

use crate::fingerprint::{Fingerprint, Fold};

const MAGIC: &[u8] = b"tallymark memory\n";

/// What stands where a section ends, and no blob is so long.
const END: u32 = u32::MAX;

/// The blobs of a section.
pub(super) type Blobs = Vec<Bytes>;

/// Reads what the `program` has left at `path`; none if it is not there, not whole, or another's.
pub(super) fn read(path: &Path, program: Fingerprint) -> Option<Vec<Blobs>> {
    let mut rest = Bytes::from(fs::read(path).ok()?);
    (rest.len() > MAGIC.len()).then_some(())?;
    (rest.split_to(MAGIC.len()) == MAGIC).then_some(())?;
    let whole = number(&mut rest)?;
    (number(&mut rest)? == program.to_bytes()).then_some(())?;
    let mut all = Fold::default();
    all.add(&program);
    let mut sections = Vec::new();
    while !rest.is_empty() {
        sections.push(section(&mut rest, &mut all)?);
    }
    (all.finish().to_bytes() == whole).then_some(sections)
}

/// A file on its way to disk: there whole, or not at all.
pub(super) struct Writer {
    file: BufWriter<File>,
    all: Fold,
}

impl Writer {
    /// Writes what the `program` leaves at `path`; `write` writes each section.
    pub(super) fn write(
        path: &Path,
        program: Fingerprint,
        write: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        let next = path.with_extension("next");
        let mut writer = Self { file: BufWriter::new(File::create(&next)?), all: Fold::default() };
        writer.file.write_all(MAGIC)?;
        writer.file.write_all(&[0; 8])?;
        writer.file.write_all(&program.to_bytes())?;
        writer.all.add(&program);
        write(&mut writer)?;
        writer.file.seek(SeekFrom::Start(MAGIC.len() as u64))?;
        let whole = writer.all.clone().finish();
        writer.file.write_all(&whole.to_bytes())?;
        writer.file.flush()?;
        fs::rename(&next, path)
    }

    /// Writes a blob.
    pub(super) fn blob(&mut self, blob: &[u8]) -> io::Result<()> {
        self.length(blob.len())?;
        self.all.add(blob);
        self.file.write_all(blob)
    }

    /// Ends a section.
    pub(super) fn end(&mut self) -> io::Result<()> {
        self.number(END)
    }

    fn length(&mut self, length: usize) -> io::Result<()> {
        let length = u32::try_from(length).ok().filter(|length| *length != END);
        self.number(length.ok_or(io::ErrorKind::FileTooLarge)?)
    }

    fn number(&mut self, length: u32) -> io::Result<()> {
        self.all.add(&length);
        self.file.write_all(&length.to_le_bytes())
    }
}

fn section(rest: &mut Bytes, all: &mut Fold) -> Option<Blobs> {
    let mut blobs = Vec::new();
    loop {
        let (length, _) = rest.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(*length);
        drop(rest.split_to(4));
        all.add(&length);
        if length == END {
            return Some(blobs);
        }
        let length = usize::try_from(length).ok().filter(|length| *length <= rest.len())?;
        let blob = rest.split_to(length);
        all.add(&blob[..]);
        blobs.push(blob);
    }
}

fn number(rest: &mut Bytes) -> Option<[u8; 8]> {
    let (number, _) = rest.split_first_chunk::<8>()?;
    let number = *number;
    drop(rest.split_to(8));
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_what_is_damaged_or_foreign_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.memory");
        let program = Fingerprint::of("this");
        let sections: Vec<Vec<Vec<u8>>> =
            vec![vec![b"a".to_vec()], vec![], vec![b"bc".to_vec(), b"".to_vec()]];
        Writer::write(&path, program, |writer| {
            sections.iter().try_for_each(|blobs| {
                blobs.iter().try_for_each(|blob| writer.blob(blob))?;
                writer.end()
            })
        })
        .unwrap();
        let read_again: Vec<Vec<Vec<u8>>> = read(&path, program)
            .unwrap()
            .iter()
            .map(|blobs| blobs.iter().map(|blob| blob.to_vec()).collect())
            .collect();
        assert_eq!(read_again, sections);
        assert!(read(&path, Fingerprint::of("another")).is_none());
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            fs::write(&path, &damaged).unwrap();
            assert!(read(&path, program).is_none(), "byte {at}");
            fs::write(&path, &whole[..at]).unwrap();
            assert!(read(&path, program).is_none(), "the first {at} bytes");
        }
    }
}
