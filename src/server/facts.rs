//! What HTTP and the site say about an event: where it happened, and what its sender wishes.

use std::net::IpAddr;

use percent_encoding::percent_decode_str;

use super::fields::Fields;
use super::forwarded;
use crate::analytics::{Place, Signals};
use crate::permalink::{BaseUrl, UrlPath};
use crate::site::Site;

/// The headers in which browsers say that they load a page before somebody wants it.
pub(super) const AHEAD_OF_TIME: [&str; 4] = ["sec-purpose", "purpose", "x-purpose", "x-moz"];

/// What they say then.
pub(super) const IS_AHEAD: [&str; 3] = ["prefetch", "prerender", "preview"];

/// What a path means on the site as it is now. Browsers give it as the address has it: with the prefix, encoded.
pub(super) fn place(site: &Site, spelled: &str) -> Place {
    let spelled = spelled.split(['?', '#']).next().unwrap_or_default();
    let stripped = site.identity().base.strip(spelled).unwrap_or(spelled);
    let page = [stripped, spelled].into_iter().find_map(|spelled| {
        let path = UrlPath::decode(spelled).ok()?;
        let (path, page) = site.page(&path)?;
        let words = u32::try_from(page.words).unwrap_or(u32::MAX);
        Some(Place::Page { path: path.clone(), words })
    });
    page.unwrap_or_else(|| {
        Place::NotFound(percent_decode_str(stripped).decode_utf8_lossy().into_owned())
    })
}

/// Whether `excluded` is where something happened, or a folder above it.
pub(super) fn covers(excluded: &UrlPath, place: &Place) -> bool {
    let path = match place {
        Place::Page { path, .. } => path.as_str(),
        Place::NotFound(path) => path,
    };
    path == excluded.as_str() || (excluded.is_folder() && path.starts_with(excluded.as_str()))
}

/// What the fields of a head say about the one who sends from `peer`.
pub(super) fn signals(fields: &impl Fields, peer: IpAddr) -> Signals {
    let says_any = |name: &str, words: &[&str]| {
        fields.text(name).is_some_and(|value| {
            let is_one = |part: &str| words.iter().any(|word| part.eq_ignore_ascii_case(word));
            value.split([',', ';']).any(|part| is_one(part.trim()))
        })
    };
    Signals {
        opted_out: says_any("sec-gpc", &["1"]) || says_any("dnt", &["1"]),
        prefetch: AHEAD_OF_TIME.iter().any(|name| says_any(name, &IS_AHEAD)),
        own_machine: peer.is_loopback() && is_browser(fields) && !forwarded::is_passed_on(fields),
    }
}

/// Whether there are fields of a browser's own making, which scripts cannot set.
fn is_browser(fields: &impl Fields) -> bool {
    fields.has("sec-fetch-site") && fields.has("accept-language")
}

/// The host names of the site itself.
pub(super) fn own_hosts(base: &BaseUrl) -> Vec<String> {
    vec![base.host().to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;

    #[test]
    fn a_folder_excludes_what_is_below_it_and_a_file_itself() {
        for (excluded, path, covered) in [
            ("/drafts/", "/drafts/", true),
            ("/drafts/", "/drafts/a/", true),
            ("/drafts/", "/drafts-and-more/", false),
            ("/a.html", "/a.html", true),
            ("/a.html", "/a.html.bak", false),
        ] {
            let excluded = UrlPath::parse(excluded).unwrap();
            let page = Place::Page { path: UrlPath::parse(path).unwrap(), words: 0 };
            assert_eq!(covers(&excluded, &page), covered, "{path}");
            assert_eq!(covers(&excluded, &Place::NotFound(path.to_owned())), covered);
        }
    }

    #[test]
    fn headers_say_what_a_reader_wishes() {
        for (name, value, opted_out, prefetch) in [
            ("sec-gpc", "1", true, false),
            ("dnt", "1", true, false),
            ("dnt", "0", false, false),
            ("sec-purpose", "prefetch;prerender", false, true),
            ("purpose", "Prefetch", false, true),
            ("x-moz", "prefetch", false, true),
            ("accept-language", "en", false, false),
        ] {
            let headers: HeaderMap =
                [(name.parse().unwrap(), value.parse().unwrap())].into_iter().collect();
            let found = signals(&headers, IpAddr::from([192, 0, 2, 1]));
            assert_eq!((found.opted_out, found.prefetch), (opted_out, prefetch), "{name}: {value}");
        }
    }

    #[test]
    fn only_a_browser_on_this_machine_itself_is_the_owners() {
        let headers = |names: &[&str]| -> HeaderMap {
            names.iter().map(|name| (name.parse().unwrap(), "x".parse().unwrap())).collect()
        };
        let browser = ["sec-fetch-site", "accept-language"];
        let passed_on = ["sec-fetch-site", "accept-language", "x-forwarded-for"];
        let (here, there) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([192, 0, 2, 1]));
        for (names, peer, own) in [
            (&browser[..], here, true),
            (&browser[..], there, false),
            (&browser[..1], here, false),
            (&passed_on[..], here, false),
        ] {
            assert_eq!(signals(&headers(names), peer).own_machine, own, "{names:?} {peer}");
        }
    }
}
