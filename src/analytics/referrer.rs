//! Where a visitor came from: what of a referrer is kept.

use super::value;

/// The longest host name there is.
const LONGEST_HOST: usize = 253;

/// The source that a referrer stands for, as host and path: `news.example/item`. None if it is no page of the
/// web, or if `is_own` knows its host.
///
/// Scheme, user information, port, query and fragment are dropped, a leading `www.` too; what looks like a
/// secret in the path is masked.
pub(super) fn source(url: &str, is_own: impl Fn(&str) -> bool) -> Option<String> {
    let host = host(url)?;
    if is_own(&host) {
        return None;
    }
    let rest = after_scheme(url)?;
    let path = value::tidy_path(&rest[rest.find(['/', '?', '#']).unwrap_or(rest.len())..]);
    let name = host.strip_prefix("www.").unwrap_or(&host);
    value::tidy(&format!("{name}{}", path.trim_end_matches('/')))
}

/// The host of a URL of the web, in lower case and without port.
pub(super) fn host(url: &str) -> Option<String> {
    let rest = after_scheme(url)?;
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let host = authority.rsplit('@').next()?;
    let host = without_port(host).trim_end_matches('.').to_lowercase();
    let is_name = |letter: char| letter.is_alphanumeric() || "-._[]:".contains(letter);
    let fits = !host.is_empty() && host.len() <= LONGEST_HOST && host.chars().all(is_name);
    fits.then_some(host)
}

fn after_scheme(url: &str) -> Option<&str> {
    let (scheme, rest) = url.trim().split_once("://")?;
    let web = scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http");
    // An Android app names itself `android-app://com.example`, which says as much as a host does.
    (web || scheme.eq_ignore_ascii_case("android-app")).then_some(rest)
}

/// A colon within brackets is part of an IPv6 address.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_referrer_is_kept_as_host_and_path() {
        for (url, kept) in [
            ("https://news.example/item?id=1#top", Some("news.example/item")),
            ("https://www.Example.com/", Some("example.com")),
            ("https://example.com", Some("example.com")),
            ("http://user:secret@example.com:8080/a/", Some("example.com/a")),
            ("https://example.com./x", Some("example.com/x")),
            ("https://example.com?q=x", Some("example.com")),
            ("https://mail.example/u/jane@example.org/inbox", Some("mail.example/u/…/inbox")),
            ("https://[2001:db8::1]:80/x", Some("[2001:db8::1]/x")),
            ("https://пример.рф/путь", Some("пример.рф/путь")),
            ("android-app://com.example.reader/", Some("com.example.reader")),
            ("HTTPS://EXAMPLE.COM/A", Some("example.com/A")),
            ("https://own.example/other/", None),
            ("about:blank", None),
            ("javascript://alert(1)", None),
            ("file:///etc/passwd", None),
            ("https://", None),
            ("https://<script>alert(1)</script>/", None),
            ("https://exa mple.com/", None),
            ("", None),
        ] {
            assert_eq!(source(url, |host| host == "own.example").as_deref(), kept, "{url}");
        }
    }

    proptest! {
        #[test]
        fn nothing_after_a_question_mark_is_kept(path in "[a-z/]{0,20}", query in "[A-Z]{3,20}") {
            let kept = source(&format!("https://a.example/{path}?{query}"), |_| false);
            prop_assert!(!kept.unwrap_or_default().contains(&query));
        }

        #[test]
        fn any_text_is_read_without_harm(url in ".*") {
            prop_assert!(source(&url, |_| false).is_none_or(|kept| kept.len() <= 200));
        }
    }
}
