//! Files that are published as they are: beside the page whose folder they lie in, else at their own path.

use std::collections::HashMap;
use std::sync::Arc;

use super::source::SourceFile;
use super::{Page, Role};
use crate::permalink::{UrlPath, UrlPathError};

/// A file that is published as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// The file.
    pub file: SourceFile,
    /// Its address.
    pub path: UrlPath,
    /// The source of the page that it belongs to, below `content/`; it is published with that page only.
    pub owner: Option<Arc<str>>,
}

/// The folders that are pages with files of their own.
pub(super) struct Bundles<'a> {
    by_folder: HashMap<&'a str, &'a Page>,
}

impl<'a> Bundles<'a> {
    /// The folders whose `index.md` is among `pages`.
    pub(super) fn of(pages: &'a [Arc<Page>]) -> Self {
        let bundles = pages.iter().filter(|page| matches!(page.role, Role::Post | Role::Page));
        let by_folder = bundles.filter_map(|page| {
            let (folder, name) = page.file.relative.rsplit_once('/')?;
            let is_index = name.starts_with("index.") || name.starts_with("_index.");
            is_index.then_some((folder, page.as_ref()))
        });
        Self { by_folder: by_folder.collect() }
    }

    /// Where `file` is published.
    pub(super) fn place(&self, file: SourceFile) -> Result<Asset, UrlPathError> {
        let owner = ancestors(&file.relative)
            .find_map(|folder| Some((folder, *self.by_folder.get(folder)?)));
        let (path, owner) = if let Some((folder, page)) = owner {
            let rest = &file.relative[folder.len() + 1..];
            (folder_of(&page.path).file(rest)?, Some(page.file.relative.clone()))
        } else {
            let relative = file.relative.strip_prefix("pages/").unwrap_or(&file.relative);
            (UrlPath::parse(relative)?, None)
        };
        Ok(Asset { file, path, owner })
    }
}

/// The folder that a page is in: its own, unless its address is that of a file.
fn folder_of(path: &UrlPath) -> UrlPath {
    if path.is_folder() {
        return path.clone();
    }
    let end = path.as_str().rfind('/').map_or(0, |slash| slash + 1);
    UrlPath::parse(&path.as_str()[..end]).unwrap_or_else(|_| UrlPath::root())
}

/// `a/b/c.png` lies in `a/b`, then in `a`.
fn ancestors(relative: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(relative.rsplit_once('/').map(|(folder, _)| folder), |folder| {
        folder.rsplit_once('/').map(|(parent, _)| parent)
    })
}
