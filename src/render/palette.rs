//! Code that was colored lately, so that a block seen before is not colored again: in a page and in the feed, in a page
//! that is edited, in the pages of a series.

use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;

use crate::fingerprint::Fingerprint;
use crate::markdown::highlight;

/// How much colored code is kept, in bytes.
const MOST: usize = 4 << 20;

/// Blocks as short as this are colored as fast as they are found.
const SHORT: usize = 64;

/// Code that was colored lately.
#[derive(Debug)]
pub(super) struct Palette(Mutex<Kept>);

#[derive(Debug)]
struct Kept {
    /// By language and code, and the length of the code.
    blocks: LruCache<(Fingerprint, usize), Arc<str>>,
    bytes: usize,
}

impl Default for Palette {
    fn default() -> Self {
        Self(Mutex::new(Kept { blocks: LruCache::unbounded(), bytes: 0 }))
    }
}

impl Palette {
    /// `code` as HTML, colored as `language` asks; none if the language is not known.
    pub(super) fn colored(&self, language: &str, code: &str) -> Option<Arc<str>> {
        if code.len() <= SHORT {
            return highlight(language, code).map(Arc::from);
        }
        let key = (Fingerprint::of(&(language, code)), code.len());
        let kept = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept().blocks.get(&key) {
            return Some(known.clone());
        }
        let colored: Arc<str> = highlight(language, code)?.into();
        kept().keep(key, colored.clone());
        Some(colored)
    }
}

impl Kept {
    fn keep(&mut self, key: (Fingerprint, usize), colored: Arc<str>) {
        self.bytes += colored.len();
        if let Some(other) = self.blocks.put(key, colored) {
            self.bytes -= other.len();
        }
        while self.bytes > MOST
            && let Some((_, oldest)) = self.blocks.pop_lru()
        {
            self.bytes -= oldest.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_seen_before_is_not_colored_again_and_what_is_kept_is_bounded() {
        let palette = Palette::default();
        let code =
            "fn main() {\n    println!(\"a block that is longer than the short ones\");\n}\n";
        let first = palette.colored("rust", code).unwrap();
        assert_eq!(*first, highlight("rust", code).unwrap());
        assert!(Arc::ptr_eq(&first, &palette.colored("rust", code).unwrap()));
        assert_ne!(first, palette.colored("python", code).unwrap());
        assert!(palette.colored("klingon", code).is_none());
        for number in 0..200 {
            palette
                .colored("rust", &format!("// {number}\n{}", "let a = 1;\n".repeat(2000)))
                .unwrap();
        }
        let kept = palette.0.lock().unwrap();
        assert!(kept.bytes <= MOST && !kept.blocks.is_empty());
        assert_eq!(kept.bytes, kept.blocks.iter().map(|(_, block)| block.len()).sum::<usize>());
    }
}
