//! The cookies of who signs in or comes by a link: what they are called, how they are set and read.

use std::time::Duration;

use http::HeaderValue;
use http::header::{COOKIE, HeaderMap};

use crate::permalink::BaseUrl;

/// What the cookie of the owner ends with, whatever stands before it, and no other cookie of ours does.
const MARK: &[u8] = b"tallymark=";

/// Whose cookie it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// The owner's, which no other site can have a browser send.
    Owner,
    /// A guest's. It is sent when another site leads here, as the letter does that a link was sent with: otherwise the
    /// redirect to the statistics, which is part of the same navigation, would be without it. A guest can change nothing.
    Guest,
}

/// The cookies of a site.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cookies<'a>(pub(super) &'a BaseUrl);

impl Cookies<'_> {
    /// The header that sets the cookie of `whose` for a time; none to a time of nothing, which removes it.
    pub(super) fn set(self, whose: Whose, value: &str, lasts: Duration) -> HeaderValue {
        let same_site = if whose == Whose::Owner { "Strict" } else { "Lax" };
        let (secure, path) = if self.is_secure() {
            // A name that begins with `__Host-` is believed only so: no other host can have set it.
            ("; Secure", "")
        } else {
            ("", self.0.prefix())
        };
        let cookie = format!(
            "{}={value}; Path={path}/; Max-Age={}; HttpOnly; SameSite={same_site}{secure}",
            self.name(whose),
            lasts.as_secs()
        );
        HeaderValue::try_from(cookie).unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// The values of the cookies of `whose` in a request. There may be several, by different hosts and paths.
    pub(super) fn values(self, whose: Whose, headers: &HeaderMap) -> impl Iterator<Item = &str> {
        let name = self.name(whose);
        let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
        let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
        pairs.filter(move |(other, _)| other.trim() == name).map(|(_, value)| value.trim())
    }

    fn name(self, whose: Whose) -> &'static str {
        match (self.is_secure(), whose) {
            (true, Whose::Owner) => "__Host-tallymark",
            (true, Whose::Guest) => "__Host-tallymark-guest",
            (false, Whose::Owner) => "tallymark",
            (false, Whose::Guest) => "tallymark-guest",
        }
    }

    fn is_secure(self) -> bool {
        self.0.origin().starts_with("https:")
    }
}

/// Whether a value of the header `Cookie` may have the cookie of the owner in it.
pub(in crate::server) fn may_be_of_owner(cookies: &[u8]) -> bool {
    cookies.windows(MARK.len()).any(|part| part == MARK)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    #[test]
    fn a_cookie_goes_to_this_host_alone_and_to_no_script() {
        for (base, whose, expected) in [
            (
                "https://example.org/blog",
                Whose::Owner,
                "__Host-tallymark=x; Path=/; Max-Age=86400; HttpOnly; SameSite=Strict; Secure",
            ),
            (
                "https://example.org",
                Whose::Guest,
                "__Host-tallymark-guest=x; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax; Secure",
            ),
            (
                "http://localhost:4747",
                Whose::Owner,
                "tallymark=x; Path=/; Max-Age=86400; HttpOnly; SameSite=Strict",
            ),
            (
                "http://localhost:4747/blog",
                Whose::Owner,
                "tallymark=x; Path=/blog/; Max-Age=86400; HttpOnly; SameSite=Strict",
            ),
        ] {
            let base = BaseUrl::parse(base).unwrap();
            assert_eq!(Cookies(&base).set(whose, "x", DAY), expected);
            let set = expected.split(';').next().unwrap();
            assert_eq!(may_be_of_owner(set.as_bytes()), whose == Whose::Owner, "{set}");
        }
    }

    #[test]
    fn cookies_are_found_among_others() {
        let base = BaseUrl::parse("https://example.org").unwrap();
        let mut headers = HeaderMap::new();
        let one = "a=b; __Host-tallymark=1;x; tallymark=2; __Host-tallymark-guest=3";
        headers.append(COOKIE, one.parse().unwrap());
        headers.append(COOKIE, " __Host-tallymark = 4".parse().unwrap());
        let values = |whose| Cookies(&base).values(whose, &headers).collect::<Vec<_>>();
        assert_eq!(values(Whose::Owner), ["1", "4"]);
        assert_eq!(values(Whose::Guest), ["3"]);
        assert!(!may_be_of_owner(b"a=b; tallymark-guest=1") && !may_be_of_owner(b""));
    }
}
