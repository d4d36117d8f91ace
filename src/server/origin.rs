//! Who sent an event: a page of this site, one of an origin that the settings allow, or any other.

use super::fields::{self, Fields};
use crate::analytics::Sender;
use crate::permalink::BaseUrl;

/// What a sender's origin is compared with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowed<'a> {
    /// The host that the request names.
    pub(super) host: Option<&'a str>,
    /// Where the site is on the web.
    pub(super) base: &'a BaseUrl,
    /// Other origins that may send events.
    pub(super) origins: &'a [String],
}

/// The field in which browsers say where they send something from.
const ORIGIN: &str = "origin";

/// The value of `Origin`, if it is one.
pub(super) fn of(fields: &impl Fields) -> Option<&str> {
    fields.text(ORIGIN)
}

/// Who sent a request with these fields.
///
/// A browser always says so in a POST, in `Sec-Fetch-Site` or `Origin`; a program that says nothing could as
/// well say anything, so silence counts as the site's own.
pub(super) fn sender(fields: &impl Fields, allowed: Allowed<'_>) -> Sender {
    let site = fields.value("sec-fetch-site");
    let origin = fields.value(ORIGIN).map(|origin| fields::text(origin).unwrap_or("null"));
    match (site, origin) {
        (Some(b"same-origin"), _) | (None | Some(b"none"), None) => Sender::Own,
        (_, Some(origin)) if allowed.origins.iter().any(|other| is_same(other, origin)) => {
            Sender::Allowed
        }
        (None, Some(origin)) if is_own(origin, allowed) => Sender::Own,
        _ => Sender::Foreign,
    }
}

fn is_own(origin: &str, allowed: Allowed<'_>) -> bool {
    is_same(origin, allowed.base.origin())
        || allowed.host.is_some_and(|host| {
            is_same(origin, &format!("http://{host}"))
                || is_same(origin, &format!("https://{host}"))
        })
}

/// Whether two origins are one; the default port may be written out.
fn is_same(one: &str, other: &str) -> bool {
    bare(one).eq_ignore_ascii_case(bare(other))
}

fn bare(origin: &str) -> &str {
    let origin = origin.trim_end_matches('/');
    let port = if origin.starts_with("https:") { ":443" } else { ":80" };
    origin.strip_suffix(port).unwrap_or(origin)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;

    #[test]
    fn only_the_site_and_allowed_origins_may_send_events() {
        let base = BaseUrl::parse("https://example.org/blog").unwrap();
        let origins = ["https://other.example".to_owned()];
        let allowed = Allowed { host: Some("localhost:4747"), base: &base, origins: &origins };
        for (site, origin, expected) in [
            (Some("same-origin"), Some("https://behind.a.proxy"), Sender::Own),
            (Some("same-origin"), Some("null"), Sender::Own),
            (None, Some("https://example.org"), Sender::Own),
            (None, Some("https://EXAMPLE.org:443"), Sender::Own),
            (None, Some("http://localhost:4747"), Sender::Own),
            (None, None, Sender::Own),
            (Some("none"), None, Sender::Own),
            (Some("cross-site"), Some("https://other.example"), Sender::Allowed),
            (None, Some("https://other.example"), Sender::Allowed),
            (Some("cross-site"), Some("https://evil.example"), Sender::Foreign),
            (Some("same-site"), Some("https://sub.example.org"), Sender::Foreign),
            (Some("cross-site"), None, Sender::Foreign),
            (None, Some("https://example.org.evil.example"), Sender::Foreign),
            (None, Some("http://example.org"), Sender::Foreign),
            (None, Some("http://localhost:8080"), Sender::Foreign),
            (None, Some("null"), Sender::Foreign),
            (None, Some(""), Sender::Foreign),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(site) = site {
                headers.insert("sec-fetch-site", site.parse().unwrap());
            }
            if let Some(origin) = origin {
                headers.insert(ORIGIN, origin.parse().unwrap());
            }
            assert_eq!(sender(&headers, allowed), expected, "{site:?} {origin:?}");
        }
    }
}
