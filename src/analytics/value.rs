//! Text that a visitor's browser names, made fit to be kept: short, visible, without secrets.

use super::policy;

/// What stands for a part that looks like a secret or an address.
const MASK: &str = "…";

/// The shortest run of letters and digits that is taken for a token, if digits are among them.
const TOKEN: usize = 24;

/// `text` as a value of a dimension; none if nothing is left of it.
pub(super) fn tidy(text: &str) -> Option<String> {
    let visible: String = text.chars().filter(|letter| !is_hidden(*letter)).collect();
    let masked: Vec<&str> = visible.split_whitespace().map(mask).collect();
    let kept = shorten(masked.join(" "));
    (!kept.is_empty()).then_some(kept)
}

/// A path without its query, as it may be kept.
pub(super) fn tidy_path(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let visible: String = path.chars().filter(|letter| !is_hidden(*letter)).collect();
    let masked: Vec<&str> = visible.split('/').map(mask).collect();
    shorten(masked.join("/"))
}

/// A link as it may be kept: without query, fragment and names of users; none if it leads nowhere on the web.
pub(super) fn tidy_url(url: &str) -> Option<String> {
    let url = url.trim();
    if url.starts_with('/') && !url.starts_with("//") {
        return Some(tidy_path(url));
    }
    let (scheme, rest) = url.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
    let is_web = matches!(scheme.as_str(), "http" | "https") && !host.is_empty();
    let host: String =
        host.chars().filter(|letter| !is_hidden(*letter) && !letter.is_whitespace()).collect();
    is_web.then(|| shorten(format!("{scheme}://{host}{}", tidy_path(path))))
}

/// Cuts at a character, not within one.
fn shorten(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(policy::VALUE_BYTES));
    text
}

/// A segment, unless it looks like an e-mail address or a token.
fn mask(segment: &str) -> &str {
    // What begins with the sign is somebody's public name: `/@jane`.
    let is_address = |sign: &str| segment.find(sign).is_some_and(|at| at > 0);
    if is_address("@") || is_address("%40") || is_token(segment) { MASK } else { segment }
}

/// Whether there is a long run without a separator that mixes letters and digits, as people do not write.
fn is_token(segment: &str) -> bool {
    segment.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|run| {
        let digits = run.bytes().filter(u8::is_ascii_digit).count();
        run.len() >= TOKEN && digits >= 3
    }) || is_uuid(segment)
}

fn is_uuid(segment: &str) -> bool {
    segment.len() == 36 && uuid::Uuid::try_parse(segment).is_ok()
}

/// Characters that do not show, or that change how what follows is shown.
fn is_hidden(letter: char) -> bool {
    (letter.is_control() && !letter.is_whitespace())
        || matches!(letter, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_kept_path_shows_what_it_is_and_gives_nothing_away() {
        for (path, kept) in [
            ("/gone/", "/gone/"),
            ("/gone/?token=secret#x", "/gone/"),
            ("/a\u{202e}b\0c\u{200b}/", "/abc/"),
            ("/reset/5f2b8c9d0e1f2a3b4c5d6e7f8a9b0c1d", "/reset/…"),
            ("/u/6ba7b810-9dad-11d1-80b4-00c04fd430c8/x", "/u/…/x"),
            ("/unsubscribe/jane@example.org", "/unsubscribe/…"),
            ("/@jane/1", "/@jane/1"),
            ("/unsubscribe/jane%40example.org", "/unsubscribe/…"),
            (
                "/a-rather-long-title-about-2026-and-1000-things/",
                "/a-rather-long-title-about-2026-and-1000-things/",
            ),
            ("", ""),
        ] {
            assert_eq!(tidy_path(path), kept, "{path:?}");
        }
        assert_eq!(tidy_path(&"ß".repeat(500)).len(), policy::VALUE_BYTES);
    }

    #[test]
    fn a_kept_link_is_where_it_leads_and_no_more() {
        for (url, kept) in [
            ("https://Example.org/a/b?token=1#c", Some("https://example.org/a/b")),
            ("https://me:secret@example.org", Some("https://example.org")),
            ("http://example.org:8080/x", Some("http://example.org:8080/x")),
            ("/files/a.pdf?x", Some("/files/a.pdf")),
            ("mailto:jane@example.org", None),
            ("javascript://x", None),
            ("//example.org/x", None),
            ("https://", None),
            ("", None),
        ] {
            assert_eq!(tidy_url(url).as_deref(), kept, "{url}");
        }
    }

    #[test]
    fn a_kept_value_is_one_visible_line() {
        for (text, kept) in [
            ("  spring\r\n sale\t", Some("spring sale")),
            ("jane@example.org", Some("…")),
            ("\u{202e}\u{feff}", None),
            ("", None),
        ] {
            assert_eq!(tidy(text).as_deref(), kept, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_kept_short_and_without_controls(text in ".*") {
            for kept in tidy(&text).into_iter().chain([tidy_path(&text)]).chain(tidy_url(&format!("https://{text}"))) {
                prop_assert!(kept.len() <= policy::VALUE_BYTES);
                prop_assert!(!kept.chars().any(is_hidden));
            }
        }
    }
}
