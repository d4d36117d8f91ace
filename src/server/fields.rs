//! The fields of a request's head, whoever has read it.

use http::HeaderMap;

/// Names and values of a head, some names perhaps in several lines. Names are asked for in lower case.
pub(super) trait Fields {
    /// The values of the lines that have this name, in their order.
    fn values<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f [u8]>;

    /// The value of the first line that has this name.
    fn value<'f>(&'f self, name: &'f str) -> Option<&'f [u8]> {
        self.values(name).next()
    }

    /// The same as text; none if it has other characters than visible ones of ASCII.
    fn text<'f>(&'f self, name: &'f str) -> Option<&'f str> {
        self.value(name).and_then(text)
    }

    /// Whether a line has this name.
    fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }
}

/// The value of a field as text, if that is all visible characters of ASCII, spaces and tabs.
pub(super) fn text(value: &[u8]) -> Option<&str> {
    let is_shown = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t');
    std::str::from_utf8(value).ok().filter(|_| value.iter().all(is_shown))
}

impl Fields for HeaderMap {
    fn values<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f [u8]> {
        self.get_all(name).iter().map(http::HeaderValue::as_bytes)
    }
}

/// The lines of a head as they were sent.
#[derive(Debug)]
pub(super) struct Lines<'l>(pub(super) &'l [httparse::Header<'l>]);

impl Fields for Lines<'_> {
    fn values<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f [u8]> {
        let lines = self.0.iter().filter(move |line| line.name.eq_ignore_ascii_case(name));
        lines.map(|line| line.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of `x-one`, the first of them as text, and whether there is an `x-two`.
    type Said = (Vec<Vec<u8>>, Option<String>, bool);

    fn said(fields: &impl Fields) -> Said {
        let values = fields.values("x-one").map(<[u8]>::to_vec).collect();
        (values, fields.text("x-one").map(str::to_owned), fields.has("x-two"))
    }

    #[test]
    fn lines_say_what_a_map_of_them_says() {
        for (lines, values, text, has_two) in [
            (&[][..], &[][..], None, false),
            (&[("X-One", "a b"), ("x-two", ""), ("x-ONE", "c")], &["a b", "c"], Some("a b"), true),
            (&[("x-one", "käse")], &["käse"], None, false),
            (&[("x-one", "")], &[""], Some(""), false),
        ] {
            let line = |(name, value): &(&'static str, &'static str)| httparse::Header {
                name,
                value: value.as_bytes(),
            };
            let sent: Vec<httparse::Header<'_>> = lines.iter().map(line).collect();
            let mut map = HeaderMap::new();
            for (name, value) in lines {
                let value = http::HeaderValue::from_bytes(value.as_bytes()).unwrap();
                map.append(name.parse::<http::HeaderName>().unwrap(), value);
            }
            let values = values.iter().map(|value: &&str| value.as_bytes().to_vec()).collect();
            let expected: Said = (values, text.map(str::to_owned), has_two);
            assert_eq!(said(&Lines(&sent)), expected, "{lines:?}");
            assert_eq!(said(&map), expected, "{lines:?}");
        }
    }
}
