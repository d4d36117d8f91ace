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
