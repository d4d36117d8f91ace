//! The catalog as JSON, written on all cores: it is as long as the site is large, and readers wait for it.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::Serialize;

use crate::permalink::UrlPath;
use crate::site::Catalog;

/// How many entries one core writes at a time.
const PIECE: usize = 2048;

/// `catalog` as JSON.
pub(super) fn to_json(catalog: &Catalog) -> serde_json::Result<Vec<u8>> {
    // Named one by one, so that none is forgotten.
    let Catalog { identity, files, redirects, pages, gone } = catalog;
    let (files, pages) = rayon::join(|| table(files), || table(pages));
    let fields = [
        ("identity", serde_json::to_vec(identity)?),
        ("files", files?),
        ("redirects", serde_json::to_vec(redirects)?),
        ("pages", pages?),
        ("gone", serde_json::to_vec(gone)?),
    ];
    let mut json = Vec::with_capacity(fields.iter().map(|(_, field)| field.len() + 16).sum());
    for (name, field) in fields {
        json.extend_from_slice(if json.is_empty() { b"{\"" } else { b",\"" });
        json.extend_from_slice(name.as_bytes());
        json.extend_from_slice(b"\":");
        json.extend(field);
    }
    json.push(b'}');
    Ok(json)
}

fn table<V: Serialize + Sync>(entries: &BTreeMap<UrlPath, V>) -> serde_json::Result<Vec<u8>> {
    let entries: Vec<(&UrlPath, &V)> = entries.iter().collect();
    let pieces: Vec<Vec<u8>> =
        entries.par_chunks(PIECE).map(lines).collect::<serde_json::Result<_>>()?;
    let mut json = b"{".to_vec();
    for (at, piece) in pieces.into_iter().enumerate() {
        if at > 0 {
            json.push(b',');
        }
        json.extend(piece);
    }
    json.push(b'}');
    Ok(json)
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
        for count in [0, 1, PIECE, PIECE + 1] {
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
            assert_eq!(to_json(&catalog).unwrap(), serde_json::to_vec(&catalog).unwrap());
        }
    }
}
