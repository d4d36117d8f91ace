//! What posts are filed under: terms, their spellings and their addresses.

use std::collections::BTreeMap;
use std::sync::Arc;

use unicode_normalization::UnicodeNormalization as _;

use super::Page;
use crate::fingerprint::FastMap;
use crate::permalink::{Slug, UniqueSlugs, UrlPath};

/// The folder of the lists of posts by tag.
pub const TAGS_FOLDER: &str = "/tags/";

/// Posts that are filed under one word.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// The word, as the oldest post spells it.
    pub name: Arc<str>,
    /// Where the list of its posts is.
    pub path: UrlPath,
    /// The posts, newest first.
    pub posts: Vec<Arc<Page>>,
}

/// Every term, in the order of the alphabet.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tags {
    terms: Vec<Term>,
    by_folded: Arc<FastMap<String, usize>>,
}

impl Tags {
    /// The terms of `posts`, which come newest first.
    pub(super) fn of(posts: &[Arc<Page>]) -> Self {
        let mut grouped: BTreeMap<String, (String, Vec<Arc<Page>>)> = BTreeMap::new();
        for post in posts.iter().rev() {
            for tag in &post.front_matter.tags {
                let (_, filed) =
                    grouped.entry(fold(tag)).or_insert_with(|| (tag.clone(), Vec::new()));
                if filed.last() != Some(post) {
                    filed.push(post.clone());
                }
            }
        }
        let mut slugs = UniqueSlugs::default();
        let mut terms = Vec::new();
        let mut by_folded = FastMap::default();
        for (folded, (name, mut posts)) in grouped {
            posts.reverse();
            let slug = Slug::new(&name).map_or_else(|| "tag".to_owned(), |slug| slug.to_string());
            let is_file_name = UrlPath::parse(&slug).is_ok();
            let slug = if is_file_name { slug } else { format!("tag-{slug}") };
            let address = format!("{TAGS_FOLDER}{}/", slugs.claim(&slug));
            let Ok(path) = UrlPath::parse(&address) else { continue };
            by_folded.insert(folded, terms.len());
            terms.push(Term { name: name.into(), path, posts });
        }
        Self { terms, by_folded: Arc::new(by_folded) }
    }

    /// Every post, as often as it is filed.
    pub(super) fn posts_mut(&mut self) -> impl Iterator<Item = &mut Arc<Page>> {
        self.terms.iter_mut().flat_map(|term| term.posts.iter_mut())
    }

    /// Every term, in the order of the alphabet.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// The term of this name, in any letter case.
    pub fn term(&self, name: &str) -> Option<&Term> {
        let is_folded = name.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
        let at = if is_folded { self.by_folded.get(name) } else { self.by_folded.get(&fold(name)) };
        at.map(|at| &self.terms[*at])
    }
}

/// A word in the one form that it has in whatever letters, composed or not, it is typed.
fn fold(name: &str) -> String {
    if name.is_ascii() {
        name.to_ascii_lowercase()
    } else {
        name.nfc().collect::<String>().to_lowercase()
    }
}
