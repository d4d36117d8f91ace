//! Pages of the server itself in the look of the site: the theme's page, cut where the server fills something in.

use bytes::Bytes;

use super::files::Found;
use super::pages;
use super::state::Handle;
use crate::site::{SIGN_IN_FRAME, SIGN_IN_HOLE, STATS_FRAME, STATS_HOLE, Site};

/// Which page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frame {
    /// The dashboard.
    Stats,
    /// Where the owner signs in.
    SignIn,
}

impl Frame {
    /// The page with `parts` in it; none if the folder has other files by now.
    pub(super) async fn around(self, parts: &[&str], state: &Handle, site: &Site) -> Option<Bytes> {
        let (file, hole, title) = match self {
            Self::Stats => (STATS_FRAME, STATS_HOLE, "Stats"),
            Self::SignIn => (SIGN_IN_FRAME, SIGN_IN_HOLE, "Sign in"),
        };
        let (before, after) = cut(file, hole, state, site).await?.unwrap_or_else(|| bare(title));
        let whole = [&[before.as_str()], parts, &[after.as_str()]].concat().concat();
        Some(whole.into())
    }
}

/// What stands before and after the hole; the inner none if the site was built without such a page.
async fn cut(
    name: &str,
    hole: &str,
    state: &Handle,
    site: &Site,
) -> Option<Option<(String, String)>> {
    let path = Site::private(name);
    let Some(file) = site.catalog().files.get(&path) else { return Some(None) };
    let Found::Whole(bytes) = pages::contents(state, site, &path, *file).await? else {
        return None;
    };
    let text = String::from_utf8_lossy(&bytes);
    let (before, after) = text.split_once(hole).unwrap_or((&text, ""));
    Some(Some((before.to_owned(), after.to_owned())))
}

fn bare(title: &str) -> (String, String) {
    let before = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n<main>\n"
    );
    (before, "\n</main>\n</html>\n".to_owned())
}
