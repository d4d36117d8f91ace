//! A path of this site: where its parts may lead, how a URL spells it, which file answers it.

use std::borrow::Borrow;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

use super::Slug;

/// The longest segment that every file system takes, in bytes, with room for `index.html.tmp` forms.
pub(super) const LONGEST_SEGMENT: usize = 240;

/// The file that answers for a folder.
const INDEX: &str = "index.html";

/// What must be escaped in the path of a URL; the rest of ASCII stays readable.
const PATH_ESCAPES: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Why some text is not a path of this site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UrlPathError {
    /// It has `..`, `.` or an empty segment in it.
    #[error("it has an empty segment, `.` or `..` in it")]
    Climbs,
    /// It has a control character, a backslash or another character that no file may have.
    #[error("it has a character that cannot stand in a path")]
    Character,
    /// A segment is too long for a file name.
    #[error("a part of it is longer than 240 bytes")]
    TooLong,
    /// It names another site.
    #[error("it has a host in it")]
    Host,
}

/// A path of this site, decoded, from its root: `/`, `/about/`, `/feed.xml`.
///
/// No segment is empty, `.` or `..`, and none has a control character or a backslash, so a path can be
/// joined to a folder without leaving it. A final slash says that an `index.html` answers it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct UrlPath(Arc<str>);

impl UrlPath {
    /// The path of the home page.
    pub fn root() -> Self {
        Self("/".into())
    }

    /// Reads a path as an author, a manifest or a decoded request gives it; a missing first slash is added.
    /// A final `index.html` means the folder it answers for.
    pub fn parse(text: &str) -> Result<Self, UrlPathError> {
        let text = text.trim();
        let mut colons = memchr::memchr_iter(b':', text.as_bytes());
        if text.starts_with("//") || colons.any(|at| text[at..].starts_with("://")) {
            return Err(UrlPathError::Host);
        }
        let inner = text.strip_prefix('/').unwrap_or(text);
        let folder = inner.strip_suffix(INDEX);
        let inner = folder.filter(|it| it.is_empty() || it.ends_with('/')).unwrap_or(inner);
        let body = inner.strip_suffix('/').unwrap_or(inner);
        if body.is_empty() {
            return Ok(Self::root());
        }
        for segment in body.split('/') {
            check_segment(segment)?;
        }
        let slash = if inner.len() > body.len() { "/" } else { "" };
        // ASCII is in normal form already, and most paths are ASCII.
        Ok(Self(if body.is_ascii() {
            ["/", body, slash].concat().into()
        } else {
            format!("/{}{slash}", body.nfc()).into()
        }))
    }

    /// Reads a percent-encoded path, as in a link or a request line, decoding it exactly once.
    pub fn decode(encoded: &str) -> Result<Self, UrlPathError> {
        let decoded =
            percent_decode_str(encoded).decode_utf8().map_err(|_| UrlPathError::Character)?;
        Self::parse(&decoded)
    }

    /// The folder `segment` below this one: `/` and `a` give `/a/`.
    #[must_use]
    pub fn child(&self, segment: &Slug) -> Self {
        Self(format!("{}{segment}/", self.as_folder().0).into())
    }

    /// The file `name` in this folder; `name` may have slashes in it.
    pub fn file(&self, name: &str) -> Result<Self, UrlPathError> {
        Self::parse(&format!("{}{name}", self.as_folder().0))
    }

    /// This path with a final slash.
    #[must_use]
    pub fn as_folder(&self) -> Self {
        if self.is_folder() { self.clone() } else { Self(format!("{}/", self.0).into()) }
    }

    /// The path as authors mean it: a file if its last part ends like one, else a folder.
    #[must_use]
    pub fn as_address(&self) -> Self {
        let name = self.0.rsplit('/').next().unwrap_or_default();
        let is_file = name.rsplit_once('.').is_some_and(|(_, extension)| {
            (1..=5).contains(&extension.len())
                && extension.bytes().all(|byte| byte.is_ascii_alphabetic())
        });
        if is_file { self.clone() } else { self.as_folder() }
    }

    /// Whether the path ends in a slash, and so is answered by an `index.html`.
    pub fn is_folder(&self) -> bool {
        self.0.ends_with('/')
    }

    /// Whether the server keeps this path, or what is below it, for itself or from the web; `stats` is where the
    /// dashboard is.
    pub fn is_reserved(&self, stats: &Self) -> bool {
        let folded = self.folded_as_folder();
        let own = ["/_/", "/.tallymark/"];
        own.iter().any(|own| folded.starts_with(own))
            || folded.starts_with(stats.folded_as_folder().as_str())
    }

    /// The path for comparison: two paths that a file system without letter case would confuse have one form.
    pub fn folded(&self) -> String {
        if self.0.is_ascii() {
            // With room for a final slash.
            let mut folded = String::with_capacity(self.0.len() + 1);
            folded.push_str(&self.0);
            folded.make_ascii_lowercase();
            return folded;
        }
        self.0.nfkc().flat_map(char::to_lowercase).nfc().collect()
    }

    /// As [`folded`](Self::folded), with a final slash: what answers for a folder and a file of its name share it.
    pub fn folded_as_folder(&self) -> String {
        let mut folded = self.folded();
        if !folded.ends_with('/') {
            folded.push('/');
        }
        folded
    }

    /// The path as text, decoded.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path as a URL spells it: percent-encoded, non-ASCII too.
    pub fn encoded(&self) -> String {
        encoded(&self.0)
    }

    /// Appends the path as a URL spells it.
    pub(super) fn encode_into(&self, url: &mut String) {
        url.extend(utf8_percent_encode(&self.0, PATH_ESCAPES));
    }

    /// The file that holds the answer, relative to the output folder: `/a/` is `a/index.html`.
    pub fn output_file(&self) -> PathBuf {
        let relative = &self.0[1..];
        let mut file = String::with_capacity(relative.len() + INDEX.len());
        file.push_str(relative);
        if self.is_folder() {
            file.push_str(INDEX);
        }
        file.into()
    }
}

impl fmt::Display for UrlPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for UrlPath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for UrlPath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A text as the path of a URL spells it.
pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, PATH_ESCAPES).to_string()
}

/// Confines a segment: what passes is a plain file name on every common file system.
fn check_segment(segment: &str) -> Result<(), UrlPathError> {
    if segment.is_empty() || segment == "." || segment == ".." {
        return Err(UrlPathError::Climbs);
    }
    let forbidden = |letter: char| {
        letter.is_control() || matches!(letter, '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
    };
    // As a folder it would be in the way of the file that answers for the folder around it.
    let is_index = segment.eq_ignore_ascii_case(INDEX);
    let has_forbidden = if segment.is_ascii() {
        segment.bytes().any(|byte| forbidden(char::from(byte)))
    } else {
        segment.chars().any(forbidden)
    };
    if has_forbidden || is_device(segment) || is_index {
        return Err(UrlPathError::Character);
    }
    if segment.len() > LONGEST_SEGMENT {
        return Err(UrlPathError::TooLong);
    }
    Ok(())
}

/// Names that Windows gives to devices, with any extension.
pub(super) fn is_device(segment: &str) -> bool {
    let stem = segment.split('.').next().unwrap_or_default();
    if !(3..=4).contains(&stem.len()) {
        return false;
    }
    let stem = stem.to_ascii_uppercase();
    let numbered = stem.len() == 4
        && (stem.starts_with("COM") || stem.starts_with("LPT"))
        && stem.ends_with(|digit: char| ('1'..='9').contains(&digit));
    numbered || matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_cannot_leave_the_site() {
        for bad in [
            "../../escape",
            "/a/../b",
            "a//b",
            "/./",
            "/a\0b",
            "\\\\host\\x",
            "C:/x",
            "/con/",
            "/nul.txt",
            "//evil.example",
            "https://evil.example/",
            "/a\nb",
        ] {
            assert!(UrlPath::parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(UrlPath::parse(&"x".repeat(300)), Err(UrlPathError::TooLong));
        for bad in ["/%2e%2e/x", "/a%00", "/%ff"] {
            assert!(UrlPath::decode(bad).is_err(), "{bad:?}");
        }
        assert_eq!(UrlPath::decode("/%252e%252e/").unwrap().as_str(), "/%2e%2e/");
    }

    #[test]
    fn a_path_knows_its_file_and_its_spelling_in_a_url() {
        for (path, file, encoded) in [
            ("/", "index.html", "/"),
            ("/a/b/", "a/b/index.html", "/a/b/"),
            ("/feed.xml", "feed.xml", "/feed.xml"),
            ("/größe/", "größe/index.html", "/gr%C3%B6%C3%9Fe/"),
            ("/50% off/", "50% off/index.html", "/50%25%20off/"),
            ("/index.html", "index.html", "/"),
            ("a/index.html", "a/index.html", "/a/"),
            ("/my-index.html", "my-index.html", "/my-index.html"),
        ] {
            let path = UrlPath::parse(path).unwrap();
            assert_eq!(path.output_file(), PathBuf::from(file));
            assert_eq!(path.encoded(), encoded);
            assert_eq!(UrlPath::decode(&path.encoded()).as_ref(), Ok(&path));
        }
    }

    #[test]
    fn only_the_servers_own_paths_are_reserved() {
        let stats = UrlPath::parse("/stats/").unwrap();
        for (path, reserved) in [
            ("/_/x", true),
            ("/_", true),
            ("/stats/", true),
            ("/Stats", true),
            ("/stats/x/", true),
            ("/.tallymark/site.json", true),
            ("/statistics/", false),
            ("/_x/", false),
            ("/", false),
        ] {
            assert_eq!(UrlPath::parse(path).unwrap().is_reserved(&stats), reserved, "{path}");
        }
    }

    proptest! {
        #[test]
        fn a_parsed_path_parses_to_itself(text in ".*") {
            if let Ok(path) = UrlPath::parse(&text) {
                prop_assert_eq!(UrlPath::parse(path.as_str()), Ok(path.clone()));
                prop_assert_eq!(UrlPath::decode(&path.encoded()), Ok(path));
            }
        }
    }
}
