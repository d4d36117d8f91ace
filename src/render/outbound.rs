//! What the pages of a site say of other sites: every link and image that leaves it.

use super::resolver::web_address;
use super::scope::Scope;
use crate::markdown::Rendered;
use crate::problem::Place;

/// A link or an image that leaves the site.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Outbound {
    /// Where it leads: `http://` or `https://`, as the author wrote it.
    pub url: String,
    /// Where it is.
    pub place: Place,
}

/// The links and images of a body that leave the site. Those in raw HTML are not seen.
pub(super) fn of_body<'a>(
    body: &'a Rendered,
    place: &'a impl Fn(usize) -> Place,
    scope: &'a Scope,
) -> impl Iterator<Item = Outbound> + 'a {
    let links = body.links.iter().map(|link| (&link.href, link.offset));
    let images = body.images.iter().map(|image| (&image.src, image.offset));
    links.chain(images).filter_map(move |(href, offset)| {
        let url = web_address(href, scope)?;
        Some(Outbound { url, place: place(offset) })
    })
}
