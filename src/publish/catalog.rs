//! The catalog as JSON, written on all cores: it is as long as the site is large, and readers wait for it.

use std::collections::BTreeMap;
use std::io::{self, Write};

use rayon::prelude::*;
use serde::Serialize;

use crate::permalink::UrlPath;
use crate::site::Catalog;

/// How many entries one core writes at a time.
const PIECE: usize = 1024;

/// Writes `catalog` as JSON. All of it at once would be the most memory that a build needs.
pub(super) fn write(catalog: &Catalog, out: &mut impl Write) -> io::Result<()> {
    // Named one by one, so that none is forgotten.
    let Catalog { identity, files, redirects, pages, gone } = catalog;
    out.write_all(b"{\"identity\":")?;
    out.write_all(&serde_json::to_vec(identity)?)?;
    out.write_all(b",\"files\":")?;
    write_table(files, out)?;
    out.write_all(b",\"redirects\":")?;
    write_table(redirects, out)?;
    out.write_all(b",\"pages\":")?;
    write_table(pages, out)?;
    out.write_all(b",\"gone\":")?;
    write_table(gone, out)?;
    out.write_all(b"}")
}

fn write_table<V: Serialize + Sync>(
    entries: &BTreeMap<UrlPath, V>,
    out: &mut impl Write,
) -> io::Result<()> {
    let entries: Vec<(&UrlPath, &V)> = entries.iter().collect();
    out.write_all(b"{")?;
    for (at, wave) in entries.chunks(PIECE * rayon::current_num_threads()).enumerate() {
        let pieces: Vec<Vec<u8>> =
            wave.par_chunks(PIECE).map(lines).collect::<serde_json::Result<_>>()?;
        for (beside, piece) in pieces.iter().enumerate() {
            if at + beside > 0 {
                out.write_all(b",")?;
            }
            out.write_all(piece)?;
        }
    }
    out.write_all(b"}")
}

/// Entries of a table, with commas between them.
fn lines<V: Serialize>(entries: &[(&UrlPath, &V)]) -> serde_json::Result<Vec<u8>> {
    let mut json = Vec::with_capacity(entries.len() * 128);
    for (at, (path, value)) in entries.iter().enumerate() {
        if at > 0 {
            json.push(b',');
        }
        serde_json::to_writer(&mut json, path)?;
        json.push(b':');
        serde_json::to_writer(&mut json, value)?;
    }
    Ok(json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permalink::BaseUrl;
    use crate::site::{Digest, Identity, OutputFile, PageEntry, PageKind};

    #[test]
    fn the_json_is_that_of_the_whole() {
        let path =
            |number: usize| UrlPath::parse(&format!("/\"{number}/").replace('"', "ä")).unwrap();
        let file = |number: usize| OutputFile { digest: Digest::of(&[1]), len: number as u64 };
        let page = |number: usize| PageEntry {
            id: Some("x".into()),
            words: number,
            tags: vec!["\"t\"".into()],
            ..PageEntry::named(&format!("\"{number}\""), PageKind::Post)
        };
        for count in [0, 1, PIECE, PIECE + 1, 20 * PIECE] {
            let catalog = Catalog {
                identity: Identity {
                    title: "T".into(),
                    language: "en".into(),
                    base: BaseUrl::parse("https://example.org").unwrap(),
                    stats: path(0),
                    timezone: "UTC".into(),
                    shows_stats: true,
                    private_stats: false,
                },
                files: (0..count).map(|number| (path(number), file(number))).collect(),
                redirects: (0..count.min(3)).map(|number| (path(number), path(0))).collect(),
                pages: (0..count).map(|number| (path(number), page(number))).collect(),
                gone: BTreeMap::new(),
            };
            let mut json = Vec::new();
            write(&catalog, &mut json).unwrap();
            assert_eq!(json, serde_json::to_vec(&catalog).unwrap());
        }
    }
}
