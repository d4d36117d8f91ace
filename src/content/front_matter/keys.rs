//! The keys of front matter, and what other generators call them.

use std::collections::HashMap;
use std::sync::LazyLock;

/// A key that means something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Its name; letter case, hyphens and underscores make no difference when it is read.
    pub name: &'static str,
    /// What other generators call it.
    pub spellings: &'static [&'static str],
    /// What its value must be, with an article.
    pub expected: &'static str,
}

const fn key(
    name: &'static str,
    expected: &'static str,
    spellings: &'static [&'static str],
) -> Key {
    Key { name, spellings, expected }
}

const TEXT: &str = "a text";
const FLAG: &str = "`true` or `false`";
const LIST: &str = "a list of texts";
const NUMBER: &str = "a whole number";
const DATE: &str = "a date";
const TABLE: &str = "a table";

/// Every key, in the order of the documentation.
pub const KEYS: &[Key] = &[
    key("title", TEXT, &[]),
    key("date", DATE, &["pubDate", "publishDate"]),
    key("updated", DATE, &["lastmod", "last_modified_at", "modified"]),
    key("published", FLAG, &[]),
    key("draft", FLAG, &[]),
    key("expires", DATE, &["expiryDate"]),
    key("slug", TEXT, &[]),
    key("permalink", TEXT, &["url", "path", "link"]),
    key("aliases", LIST, &["redirect_from", "alias"]),
    key("description", TEXT, &[]),
    key("excerpt", TEXT, &["summary"]),
    key("tags", LIST, &["tag", "categories", "category", "keywords"]),
    key("authors", LIST, &["author"]),
    key("series", TEXT, &[]),
    key("taxonomies", TABLE, &[]),
    key("author_name", TEXT, &[]),
    key("author_image", TEXT, &[]),
    key("image", TEXT, &["cover", "thumbnail", "banner_image", "hero"]),
    key("image_alt", TEXT, &[]),
    key("show_image_at_top", FLAG, &[]),
    key("featured", FLAG, &[]),
    key("featured_order", NUMBER, &[]),
    key("order", NUMBER, &["weight", "position"]),
    key("show_in_nav", FLAG, &[]),
    key("layout", TEXT, &[]),
    key("template", TEXT, &[]),
    key("unlisted", FLAG, &[]),
    key("noindex", FLAG, &[]),
    key("canonical", TEXT, &["canonical_url"]),
    key("lang", TEXT, &["language"]),
    key("read_time", TEXT, &[]),
    key("toc", FLAG, &[]),
    key("math", FLAG, &[]),
    key("slides", FLAG, &[]),
    key("id", TEXT, &[]),
    key("extra", TABLE, &[]),
];

/// Every spelling without letter case and separators, and the key that it means.
static BY_FOLDED: LazyLock<HashMap<String, &'static Key>> = LazyLock::new(|| {
    let spellings = |key: &'static Key| [key.name].into_iter().chain(key.spellings.iter().copied());
    KEYS.iter().flat_map(|key| spellings(key).map(move |spelling| (fold(spelling), key))).collect()
});

/// The key that `written` means.
pub(super) fn find(written: &str) -> Option<&'static Key> {
    BY_FOLDED.get(&fold(written)).copied()
}

fn fold(key: &str) -> String {
    key.chars().filter(|letter| !matches!(letter, '_' | '-')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_known_in_every_spelling() {
        for (written, name) in [
            ("title", "title"),
            ("readTime", "read_time"),
            ("featured-order", "featured_order"),
            ("pubDate", "date"),
            ("redirect_from", "aliases"),
            ("Categories", "tags"),
            ("canonicalUrl", "canonical"),
        ] {
            assert_eq!(find(written).map(|key| key.name), Some(name), "{written}");
        }
        assert_eq!(find("docsSection"), None);
    }

    #[test]
    fn no_two_keys_share_a_spelling() {
        let mut seen = std::collections::HashSet::new();
        for key in KEYS {
            for spelling in [key.name].iter().chain(key.spellings) {
                assert!(seen.insert(fold(spelling)), "{spelling}");
            }
        }
    }
}
