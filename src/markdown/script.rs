//! Sub- and superscript within words: `H~2~O`, `x^2^`.
//!
//! The parser sees them only where a word begins, where they are of little use.

use std::borrow::Cow;
use std::ops::Range;

/// Raised or lowered text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Script {
    /// Where it stands in the text, its marks included; each mark is one byte.
    pub(super) range: Range<usize>,
    /// `sub` or `sup`.
    pub(super) element: &'static str,
}

/// The first of `text[part]`; no space is in it, and a letter or a bracket before it.
///
/// `is_mark` says of a position whether a mark there is meant as one, rather than escaped or switched off.
pub(super) fn find(
    text: &str,
    part: Range<usize>,
    is_mark: impl Fn(usize) -> bool,
) -> Option<Script> {
    let bytes = &text.as_bytes()[..part.end];
    let is_open = |at: &usize| {
        matches!(bytes[*at], b'^' | b'~') && is_mark(*at) && *at > 0 && may_precede(bytes[at - 1])
    };
    (part.start..part.end).filter(is_open).find_map(|open| {
        let mark = bytes[open];
        let rest = &bytes[open + 1..];
        let length = rest.iter().position(|byte| *byte == mark || byte.is_ascii_whitespace())?;
        let close = open + 1 + length;
        let is_closed = length > 0 && bytes[close] == mark && is_mark(close);
        let element = if mark == b'^' { "sup" } else { "sub" };
        is_closed.then_some(Script { range: open..close + 1, element })
    })
}

/// `text` where nothing can be raised or lowered: without the marks.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    if memchr::memchr2(b'^', b'~', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let (mut plain, mut done) = (String::with_capacity(text.len()), 0);
    while let Some(Script { range, .. }) = find(text, done..text.len(), |_| true) {
        plain.push_str(&text[done..range.start]);
        plain.push_str(&text[range.start + 1..range.end - 1]);
        done = range.end;
    }
    plain.push_str(&text[done..]);
    Cow::Owned(plain)
}

fn may_precede(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b')' | b']') || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_have_no_spaces_and_follow_something() {
        for (text, found) in [
            ("H~2~O", Some((1..4, "sub"))),
            ("x^2^", Some((1..4, "sup"))),
            ("(a)^b+c^", Some((3..8, "sup"))),
            ("é^2^", Some((2..5, "sup"))),
            ("2^10 and 2^20", None),
            ("a^^b", None),
            ("^2^", None),
            ("~/a and ~/b", None),
            ("a^b", None),
        ] {
            let script = find(text, 0..text.len(), |_| true);
            assert_eq!(script.map(|script| (script.range, script.element)), found, "{text}");
        }
        assert_eq!(find("x^2^", 0..4, |at| at != 1), None);
        assert_eq!(plain("E = mc^2^, H~2~O, 2^10 and ~/a"), "E = mc2, H2O, 2^10 and ~/a");
    }
}
