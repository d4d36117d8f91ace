//! The page that somebody most likely meant who asked for a path that there is none at.

use super::numbers::{NamedPage, named};
use super::report::Viewer;
use crate::permalink::UrlPath;
use crate::problem::nearest;
use crate::site::Site;

/// Guesses pages of a site.
pub(super) struct Likeliest<'a> {
    site: &'a Site,
    /// Each page by the last part of its path, the listed ones alone.
    by_name: Vec<(&'a str, &'a UrlPath)>,
}

impl<'a> Likeliest<'a> {
    pub(super) fn of(site: &'a Site) -> Self {
        let pages = site.catalog().pages.iter().filter(|(_, entry)| entry.listed);
        let by_name = pages.map(|(path, _)| (name(path.as_str()), path));
        Self { site, by_name: by_name.filter(|(name, _)| !name.is_empty()).collect() }
    }

    /// The page whose path ends as `path` does, or almost so.
    pub(super) fn of_path(&self, path: &str) -> Option<NamedPage> {
        let wanted = name(path);
        let wanted = PAGES.iter().find_map(|end| wanted.strip_suffix(end)).unwrap_or(wanted);
        if wanted.is_empty() {
            return None;
        }
        let same = |name: &str| name.eq_ignore_ascii_case(wanted);
        let found = self.by_name.iter().find(|(name, _)| same(name)).or_else(|| {
            let near = nearest(wanted, self.by_name.iter().map(|(name, _)| *name))?;
            self.by_name.iter().find(|(name, _)| *name == near)
        });
        named(found?.1.as_str(), self.site, Viewer::Public)
    }
}

/// What other sites have behind the names of their pages.
const PAGES: [&str; 4] = [".html", ".htm", ".php", ".md"];

/// The last part of a path that says something.
fn name(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    let path = path.strip_suffix("/index.html").unwrap_or(path);
    path.rsplit('/').next().unwrap_or_default()
}
