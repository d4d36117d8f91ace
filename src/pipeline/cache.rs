//! Files in which a build leaves to the next process what it has found out.
//!
//! ```text
//! "tallymark memory\n"     16 + 1 bytes
//! fingerprint              8 bytes, of everything that follows
//! program                  8 bytes, the fingerprint of the program that wrote it
//! number of sections       4 bytes; then each section:
//!   number of blobs        4 bytes
//!   length, blob           4 bytes each, and the blob; what is in it is its owner's affair
//! ```
//!
//! Numbers are little-endian. A file that is damaged, or of another program, is none: then all is made anew.

use std::fs;
use std::path::Path;

use bytes::Bytes;

use crate::fingerprint::Fingerprint;

const MAGIC: &[u8] = b"tallymark memory\n";

/// The blobs of a section.
pub(super) type Blobs = Vec<Bytes>;

/// Reads what the `program` has left at `path`; none if it is not there, not whole, or another's.
pub(super) fn read(path: &Path, program: Fingerprint) -> Option<Vec<Blobs>> {
    let mut rest = Bytes::from(fs::read(path).ok()?);
    (rest.len() > MAGIC.len()).then_some(())?;
    (rest.split_to(MAGIC.len()) == MAGIC).then_some(())?;
    let whole = number(&mut rest)?;
    (Fingerprint::of(&rest[..]).to_bytes() == whole).then_some(())?;
    (number(&mut rest)? == program.to_bytes()).then_some(())?;
    let count = taken_length(&mut rest)?;
    (0..count).map(|_| section(&mut rest)).collect()
}

/// Writes `sections` to `path`, whole or not at all.
pub(super) fn write(
    path: &Path,
    program: Fingerprint,
    sections: Vec<Vec<Vec<u8>>>,
) -> std::io::Result<()> {
    let size: usize = sections.iter().flatten().map(|blob| blob.len() + 4).sum();
    let mut bytes = Vec::with_capacity(size + 64);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&[0; 8]);
    let start = bytes.len();
    bytes.extend_from_slice(&program.to_bytes());
    bytes.extend_from_slice(&length(sections.len())?);
    for blobs in sections {
        bytes.extend_from_slice(&length(blobs.len())?);
        for blob in blobs {
            bytes.extend_from_slice(&length(blob.len())?);
            bytes.extend_from_slice(&blob);
        }
    }
    let whole = Fingerprint::of(&bytes[start..]).to_bytes();
    bytes[MAGIC.len()..start].copy_from_slice(&whole);
    let next = path.with_extension("next");
    fs::write(&next, bytes)?;
    fs::rename(&next, path)
}

fn length(length: usize) -> std::io::Result<[u8; 4]> {
    let length = u32::try_from(length).map_err(std::io::Error::other)?;
    Ok(length.to_le_bytes())
}

fn section(rest: &mut Bytes) -> Option<Blobs> {
    let count = taken_length(rest)?;
    let mut blobs = Vec::with_capacity(count.min(rest.len() / 4));
    for _ in 0..count {
        let length = taken_length(rest)?;
        blobs.push((rest.len() >= length).then(|| rest.split_to(length))?);
    }
    Some(blobs)
}

fn taken_length(rest: &mut Bytes) -> Option<usize> {
    let (length, _) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    drop(rest.split_to(4));
    Some(length)
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
        let sections = vec![vec![b"a".to_vec()], vec![], vec![b"bc".to_vec(), b"".to_vec()]];
        write(&path, program, sections.clone()).unwrap();
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
