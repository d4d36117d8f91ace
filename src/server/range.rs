//! Byte ranges: which part of a file a request asks for.

use http::header::{HeaderMap, IF_RANGE, RANGE};

/// What a request wants of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it.
    Whole,
    /// The bytes from `first` to `last`, both included.
    Part { first: u64, last: u64 },
    /// Bytes that it does not have.
    Nothing,
}

impl Wanted {
    /// What `headers` ask for of a file of `len` bytes whose entity tag is `tag` (RFC 9110, 14).
    ///
    /// Several ranges, another unit or a malformed header ask for the whole file: a server may ignore ranges.
    pub(super) fn of(headers: &HeaderMap, tag: &str, len: u64) -> Self {
        let mut lines = headers.get_all(RANGE).iter();
        let (Some(line), None) = (lines.next(), lines.next()) else { return Self::Whole };
        let unchanged =
            headers.get(IF_RANGE).is_none_or(|known| known.as_bytes() == tag.as_bytes());
        let range = line.to_str().ok().filter(|_| unchanged);
        range.and_then(|text| parse(text, len)).unwrap_or(Self::Whole)
    }
}

fn parse(text: &str, len: u64) -> Option<Wanted> {
    let (unit, range) = text.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = range.trim().split_once('-')?;
    match (first.trim(), last.trim()) {
        ("", suffix) => Some(suffix_of(number(suffix)?, len)),
        (first, "") => Some(part(number(first)?, u64::MAX, len)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then(|| part(first, last, len))
        }
    }
}

fn part(first: u64, last: u64, len: u64) -> Wanted {
    if first < len { Wanted::Part { first, last: last.min(len - 1) } } else { Wanted::Nothing }
}

fn suffix_of(suffix: u64, len: u64) -> Wanted {
    if suffix == 0 { Wanted::Nothing } else { part(len.saturating_sub(suffix), u64::MAX, len) }
}

/// Digits alone; a number too large for any file is as good as the largest.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wanted(range: &str, len: u64) -> Wanted {
        let headers = [(RANGE, range.parse().unwrap())].into_iter().collect();
        Wanted::of(&headers, "\"t\"", len)
    }

    #[test]
    fn ranges_are_cut_to_the_file() {
        let part = |first, last| Wanted::Part { first, last };
        for (range, expected) in [
            ("bytes=0-0", part(0, 0)),
            ("bytes=2-4", part(2, 4)),
            ("bytes=2-", part(2, 9)),
            ("bytes=2-99999999999999999999999", part(2, 9)),
            ("bytes=-3", part(7, 9)),
            ("bytes=-30", part(0, 9)),
            ("Bytes = 1 - 2", part(1, 2)),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=10-", Wanted::Nothing),
            ("bytes=10-20", Wanted::Nothing),
            ("bytes=4-2", Wanted::Whole),
            ("bytes=0-1,3-4", Wanted::Whole),
            ("lines=0-1", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes", Wanted::Whole),
        ] {
            assert_eq!(wanted(range, 10), expected, "{range}");
        }
        assert_eq!(wanted("bytes=0-", 0), Wanted::Nothing);
    }

    #[test]
    fn a_range_of_another_version_gets_the_whole_file() {
        for (known, expected) in [
            ("\"t\"", Wanted::Part { first: 0, last: 0 }),
            ("\"u\"", Wanted::Whole),
            ("W/\"t\"", Wanted::Whole),
            ("Tue, 24 Nov 2026 07:00:00 GMT", Wanted::Whole),
        ] {
            let headers =
                [(RANGE, "bytes=0-0".parse().unwrap()), (IF_RANGE, known.parse().unwrap())]
                    .into_iter()
                    .collect();
            assert_eq!(Wanted::of(&headers, "\"t\"", 10), expected, "{known}");
        }
    }

    proptest! {
        #[test]
        fn no_range_reaches_beyond_the_file(text in "bytes=[0-9-]{0,24}", len in 0..100_u64) {
            if let Wanted::Part { first, last } = wanted(&text, len) {
                prop_assert!(first <= last && last < len);
            }
        }
    }
}
