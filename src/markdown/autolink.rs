//! Bare addresses in text, as GFM's extended autolinks specify.
//!
//! See <https://github.github.com/gfm/#autolinks-extension->. Where the specification and GitHub differ
//! (hosts without a period, quotation marks around an address), this does as GitHub does.

use std::ops::Range;

/// A bare address.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Autolink {
    /// Where it stands in the text.
    pub(super) range: Range<usize>,
    /// What the destination has before it: nothing, `http://` or `mailto:`.
    pub(super) prefix: &'static str,
}

/// The longest host name that the domain name system knows. Also what keeps the search linear.
const LONGEST_HOST: usize = 253;

/// Whether there may be a bare address in `text`: a quick look that spares most text a closer one.
pub(super) fn is_possible(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr3_iter(b':', b'@', b'w', bytes).any(|at| match bytes[at] {
        b':' => bytes[at..].starts_with(b"://"),
        b'w' => bytes[at..].starts_with(b"www."),
        _ => true,
    })
}

/// The first bare address in `text[from..]`; `before` is what precedes the text.
pub(super) fn find(text: &str, from: usize, before: Option<char>) -> Option<Autolink> {
    let bytes = text.as_bytes();
    memchr::memchr3_iter(b':', b'@', b'w', &bytes[from..]).map(|at| from + at).find_map(|at| {
        match bytes[at] {
            b':' => url(text, from, at, before),
            b'w' => www(text, from, at, before),
            b'@' => email(text, from, at),
            _ => None,
        }
    })
}

/// An address whose `://` is at `colon`.
fn url(text: &str, from: usize, colon: usize, before: Option<char>) -> Option<Autolink> {
    let host = colon + 3;
    if !text[colon..].starts_with("://") {
        return None;
    }
    let start = ["https", "http", "ftp"].into_iter().find_map(|scheme| {
        let start = colon.checked_sub(scheme.len()).filter(|start| *start >= from)?;
        text.get(start..colon)?.eq_ignore_ascii_case(scheme).then_some(start)
    })?;
    if preceding(text, start, before).is_some_and(char::is_alphanumeric) {
        return None;
    }
    host_length(&text[host..], false)?;
    let end = end_of_address(text, host);
    Some(Autolink { range: start..end, prefix: "" })
}

/// An address that begins with `www.` at `start`.
fn www(text: &str, from: usize, start: usize, before: Option<char>) -> Option<Autolink> {
    if !text[start..].starts_with("www.") {
        return None;
    }
    let may_begin = |before: char| before.is_whitespace() || "*_~([".contains(before);
    if start < from || !preceding(text, start, before).is_none_or(may_begin) {
        return None;
    }
    host_length(&text[start..], true)?;
    Some(Autolink { range: start..end_of_address(text, start), prefix: "http://" })
}

/// An address of e-mail whose `@` is at `at`.
fn email(text: &str, from: usize, at: usize) -> Option<Autolink> {
    let is_local = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte);
    let local = text.as_bytes()[from..at].iter().rev().take_while(|byte| is_local(**byte)).count();
    let is_domain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let domain = text.as_bytes()[at + 1..].iter().take_while(|byte| is_domain(**byte)).count();
    let domain = text[at + 1..at + 1 + domain].trim_end_matches('.');
    let ends_well = domain.ends_with(|last: char| last.is_ascii_alphanumeric());
    if local == 0 || !ends_well || !domain.contains('.') || domain.split('.').any(str::is_empty) {
        return None;
    }
    let (start, end) = (at - local, at + 1 + domain.len());
    if text[from..start].ends_with("mailto:") {
        return Some(Autolink { range: start - "mailto:".len()..end, prefix: "" });
    }
    Some(Autolink { range: start..end, prefix: "mailto:" })
}

fn preceding(text: &str, at: usize, before: Option<char>) -> Option<char> {
    text[..at].chars().next_back().or(before)
}

/// The length of the host at the start of `text`, if it is a valid one.
fn host_length(text: &str, needs_period: bool) -> Option<usize> {
    let belongs = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.');
    let text = &text[..text.floor_char_boundary(LONGEST_HOST + 1)];
    let length = text.find(|letter| !belongs(letter)).unwrap_or(text.len());
    let host = text[..length].trim_end_matches('.');
    let mut last_two = host.rsplit('.').take(2);
    let is_valid = !host.is_empty()
        && host.len() <= LONGEST_HOST
        && last_two.all(|segment| !segment.is_empty() && !segment.contains('_'))
        && (!needs_period || host.contains('.'));
    is_valid.then_some(host.len())
}

/// Where the address ends that goes on at `from`: before a space or `<`, without trailing punctuation.
fn end_of_address(text: &str, from: usize) -> usize {
    let rest = &text[from..];
    let stops = |letter: char| letter.is_whitespace() || letter == '<';
    let address = &rest[..rest.find(stops).unwrap_or(rest.len())];
    from + trimmed(address).len()
}

/// Takes off trailing punctuation, entities, and closing brackets that nothing opened.
fn trimmed(mut address: &str) -> &str {
    let mut surplus = [('(', ')'), ('[', ']')].map(|(opening, closing)| {
        let closings = address.matches(closing).count();
        (closing, closings.saturating_sub(address.matches(opening).count()))
    });
    while let Some(last) = address.chars().next_back() {
        let shorter = &address[..address.len() - last.len_utf8()];
        address = match last {
            '?' | '!' | '.' | ',' | ':' | '*' | '_' | '~' | '\'' | '"' => shorter,
            ';' => match entity_start(shorter) {
                Some(start) => &address[..start],
                None => return address,
            },
            ')' | ']' => {
                let of_kind =
                    surplus.iter_mut().find(|(closing, left)| *closing == last && *left > 0);
                let Some((_, left)) = of_kind else { return address };
                *left -= 1;
                shorter
            }
            _ => return address,
        };
    }
    address
}

/// Where the `&` is if `text` ends like an entity without its semicolon: `&hl`.
fn entity_start(text: &str) -> Option<usize> {
    let name = text.bytes().rev().take_while(u8::is_ascii_alphanumeric).count();
    let start = text.len() - name;
    (name > 0 && text[..start].ends_with('&')).then(|| start - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(text: &str) -> Vec<String> {
        let mut done = 0;
        let mut found = Vec::new();
        while let Some(link) = find(text, done, None) {
            found.push(format!("{}{}", link.prefix, &text[link.range.clone()]));
            done = link.range.end;
        }
        found
    }

    #[test]
    fn bare_addresses_end_where_a_reader_would_end_them() {
        for (text, links) in [
            ("see https://example.org/a_b?c=d#e now", &["https://example.org/a_b?c=d#e"][..]),
            ("www.example.org.", &["http://www.example.org"]),
            ("awww.example.org", &[]),
            ("(www.example.org/a(b))", &["http://www.example.org/a(b)"]),
            ("(https://x.example/a(b)c)", &["https://x.example/a(b)c"]),
            ("http://x.example/?q=1&hl;", &["http://x.example/?q=1"]),
            ("http://x.example/a&b;c", &["http://x.example/a&b;c"]),
            ("HTTP://X.example", &["HTTP://X.example"]),
            ("xhttp://x.example", &[]),
            ("http://localhost:4747/stats/", &["http://localhost:4747/stats/"]),
            ("http:// nothing", &[]),
            ("http://a_b.c_d", &[]),
            ("http://x.example<br>", &["http://x.example"]),
            ("\"https://x.example/\"!", &["https://x.example/"]),
            ("https://größe.example/ü.", &["https://größe.example/ü"]),
            ("me@x.example, you+1@y.example.", &["mailto:me@x.example", "mailto:you+1@y.example"]),
            ("a.b-c_d@a.b", &["mailto:a.b-c_d@a.b"]),
            ("a.b-c_d@a.b-", &[]),
            ("@home me@home a@@b.c", &[]),
            ("mailto:me@x.example", &["mailto:me@x.example"]),
            ("http://a.example http://b.example", &["http://a.example", "http://b.example"]),
            ("[https://x.example]", &["https://x.example"]),
        ] {
            assert_eq!(found(text), links, "{text}");
        }
    }

    proptest! {
        #[test]
        fn links_lie_within_the_text_and_never_overlap(text in "[a-z@:/.&;()_wé ]{0,60}|(http://|www\\.|@|a|\\.|_|é){0,30}") {
            let mut done = 0;
            while let Some(link) = find(&text, done, None) {
                prop_assert!(link.range.start >= done && link.range.end > link.range.start);
                prop_assert!(text.get(link.range.clone()).is_some());
                done = link.range.end;
            }
        }
    }
}
