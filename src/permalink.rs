//! Every rule about addresses: slugs, URL paths, the base URL, reserved paths, output file names.

use std::borrow::Borrow;
use std::fmt;
use std::path::PathBuf;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

/// The longest segment that every file system takes, in bytes, with room for `index.html.tmp` forms.
const LONGEST_SEGMENT: usize = 240;

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

/// Text as it may stand in a URL: lower case, letters and digits of any script, single hyphens between words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Slug(String);

impl Slug {
    /// The slug of `text`; none if nothing in it is a letter, a digit or an underscore.
    pub fn new(text: &str) -> Option<Self> {
        let slug = if text.is_ascii() {
            words(text.chars().map(|letter| letter.to_ascii_lowercase()))
        } else {
            words(text.nfc().flat_map(char::to_lowercase)).nfc().collect()
        };
        let end = slug.floor_char_boundary(LONGEST_SEGMENT);
        let slug = slug[..end].trim_end_matches('-').to_owned();
        (!slug.is_empty()).then_some(Self(slug))
    }

    /// The slug as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The words of a text in lower case, with single hyphens between them.
fn words(letters: impl Iterator<Item = char>) -> String {
    let mut words = String::with_capacity(letters.size_hint().0);
    for letter in letters {
        match letter {
            '\'' | '’' => {}
            _ if is_word(letter) => words.push(letter),
            _ if words.is_empty() || words.ends_with('-') => {}
            _ => words.push('-'),
        }
    }
    words.truncate(words.trim_end_matches('-').len());
    words
}

/// Combining marks count as parts of a word, or scripts that write vowels with them would lose these.
fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric()
        || letter == '_'
        || !letter.is_ascii() && is_word_beyond_ascii(letter)
}

fn is_word_beyond_ascii(letter: char) -> bool {
    letter.is_alphanumeric()
        || unicode_normalization::char::is_combining_mark(letter)
        || matches!(letter, '\u{200c}' | '\u{200d}')
}

/// Gives each slug of a page or a site once: the second `setup` becomes `setup-1`.
#[derive(Debug, Default)]
pub struct UniqueSlugs {
    given: std::collections::HashMap<String, usize>,
}

impl UniqueSlugs {
    /// `wanted`, or the first of `wanted-1`, `wanted-2`, ... that was not given yet.
    pub fn claim(&mut self, wanted: &str) -> String {
        if !self.given.contains_key(wanted) {
            self.given.insert(wanted.to_owned(), 0);
            return wanted.to_owned();
        }
        let mut number = self.given[wanted];
        loop {
            number += 1;
            let candidate = format!("{wanted}-{number}");
            if !self.given.contains_key(&candidate) {
                self.given.insert(wanted.to_owned(), number);
                self.given.insert(candidate.clone(), 0);
                return candidate;
            }
        }
    }

    /// Keeps `slug` from being given to anyone else.
    pub fn reserve(&mut self, slug: &str) {
        self.given.entry(slug.to_owned()).or_insert(0);
    }
}

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
pub struct UrlPath(String);

impl UrlPath {
    /// The path of the home page.
    pub fn root() -> Self {
        Self("/".to_owned())
    }

    /// Reads a path as an author, a manifest or a decoded request gives it; a missing first slash is added.
    /// A final `index.html` means the folder it answers for.
    pub fn parse(text: &str) -> Result<Self, UrlPathError> {
        let text = text.trim();
        if text.contains("://") || text.starts_with("//") {
            return Err(UrlPathError::Host);
        }
        let inner = text.strip_prefix('/').unwrap_or(text);
        let is_index = inner == INDEX || inner.ends_with(&format!("/{INDEX}"));
        let inner = if is_index { &inner[..inner.len() - INDEX.len()] } else { inner };
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
            format!("/{body}{slash}")
        } else {
            format!("/{}{slash}", body.nfc())
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
        Self(format!("{}{segment}/", self.as_folder().0))
    }

    /// The file `name` in this folder; `name` may have slashes in it.
    pub fn file(&self, name: &str) -> Result<Self, UrlPathError> {
        Self::parse(&format!("{}{name}", self.as_folder().0))
    }

    /// This path with a final slash.
    #[must_use]
    pub fn as_folder(&self) -> Self {
        if self.is_folder() { self.clone() } else { Self(format!("{}/", self.0)) }
    }

    /// Whether the path ends in a slash, and so is answered by an `index.html`.
    pub fn is_folder(&self) -> bool {
        self.0.ends_with('/')
    }

    /// Whether the server keeps this path, or what is below it, for itself or from the web; `stats` is where the
    /// dashboard is.
    pub fn is_reserved(&self, stats: &Self) -> bool {
        let folded = self.as_folder().folded();
        let own = ["/_/", "/.tallymark/"];
        own.iter().any(|own| folded.starts_with(own))
            || folded.starts_with(stats.as_folder().folded().as_str())
    }

    /// The path for comparison: two paths that a file system without letter case would confuse have one form.
    pub fn folded(&self) -> String {
        if self.0.is_ascii() {
            return self.0.to_ascii_lowercase();
        }
        self.0.nfkc().flat_map(char::to_lowercase).nfc().collect()
    }

    /// The path as text, decoded.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path as a URL spells it: percent-encoded, non-ASCII too.
    pub fn encoded(&self) -> String {
        encoded(&self.0)
    }

    /// The file that holds the answer, relative to the output folder: `/a/` is `a/index.html`.
    pub fn output_file(&self) -> PathBuf {
        let mut file: PathBuf = self.0.split('/').filter(|segment| !segment.is_empty()).collect();
        if self.is_folder() {
            file.push(INDEX);
        }
        file
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
    if segment.chars().any(forbidden) || is_device(segment) {
        return Err(UrlPathError::Character);
    }
    if segment.len() > LONGEST_SEGMENT {
        return Err(UrlPathError::TooLong);
    }
    Ok(())
}

/// Names that Windows gives to devices, with any extension.
fn is_device(segment: &str) -> bool {
    let stem = segment.split('.').next().unwrap_or_default().to_ascii_uppercase();
    let numbered = stem.len() == 4
        && (stem.starts_with("COM") || stem.starts_with("LPT"))
        && stem.ends_with(|digit: char| ('1'..='9').contains(&digit));
    numbered || matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL")
}

/// The address of posts, with tokens: `/{slug}/`, or `/{year}/{month}/{slug}/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostPermalink(String);

impl PostPermalink {
    /// Reads a pattern; none if it has no `{slug}`, an unknown token, or is no path.
    pub fn parse(text: &str) -> Option<Self> {
        let probe = Self(text.to_owned()).expand("slug", jiff::civil::date(2026, 1, 1))?;
        let lacks_slug = !text.contains("{slug}");
        let unknown = probe.as_str().contains(['{', '}']);
        (!lacks_slug && !unknown).then(|| Self(text.to_owned()))
    }

    /// The address of the post `slug` of `date`; none if it is no path.
    pub fn expand(&self, slug: &str, date: jiff::civil::Date) -> Option<UrlPath> {
        let path = self
            .0
            .replace("{year}", &format!("{:04}", date.year()))
            .replace("{month}", &format!("{:02}", date.month()))
            .replace("{day}", &format!("{:02}", date.day()))
            .replace("{slug}", slug);
        UrlPath::parse(&path).ok().map(|path| path.as_folder())
    }
}

impl Default for PostPermalink {
    fn default() -> Self {
        Self("/{slug}/".to_owned())
    }
}

/// Why some text is not the base URL of a site.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BaseUrlError {
    /// It has no scheme, or another one than http and https.
    #[error("it does not start with `https://` or `http://`")]
    Scheme,
    /// The host is missing or malformed.
    #[error("its host is missing or malformed")]
    Host,
    /// It has user information, a query or a fragment.
    #[error("it has more than a host and a path")]
    Extra,
    /// Its path is not one of a site.
    #[error("its path is wrong: {0}")]
    Path(UrlPathError),
}

/// Where the site is on the web: an origin, and the path that everything is below (`/` for most).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseUrl {
    origin: String,
    prefix: String,
}

impl BaseUrl {
    /// Reads `https://example.org` or `https://example.org/blog`; a final slash makes no difference.
    pub fn parse(text: &str) -> Result<Self, BaseUrlError> {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").ok_or(BaseUrlError::Scheme)?;
        let scheme = scheme.to_ascii_lowercase();
        if scheme != "http" && scheme != "https" {
            return Err(BaseUrlError::Scheme);
        }
        if rest.contains(['?', '#', '@']) {
            return Err(BaseUrlError::Extra);
        }
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let authority: http::uri::Authority = host.parse().map_err(|_| BaseUrlError::Host)?;
        if authority.host().is_empty() {
            return Err(BaseUrlError::Host);
        }
        let path = UrlPath::decode(path).map_err(BaseUrlError::Path)?;
        Ok(Self {
            origin: format!("{scheme}://{}", authority.as_str().to_ascii_lowercase()),
            prefix: path.encoded().trim_end_matches('/').to_owned(),
        })
    }

    /// Scheme, host and port: `https://example.org`.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// What stands before every path of the site in a URL: empty, or `/blog`.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The link to `path` within its origin: `/blog/about/`.
    pub fn link(&self, path: &UrlPath) -> String {
        format!("{}{}", self.prefix, path.encoded())
    }

    /// The whole URL of `path`: `https://example.org/blog/about/`.
    pub fn permalink(&self, path: &UrlPath) -> String {
        format!("{}{}", self.origin, self.link(path))
    }

    /// The path of the site in what follows the origin, still encoded; none if it lies outside.
    pub fn strip<'a>(&self, request_path: &'a str) -> Option<&'a str> {
        let rest = request_path.strip_prefix(self.prefix.as_str())?;
        if rest.is_empty() && !self.prefix.is_empty() {
            return Some("/");
        }
        rest.starts_with('/').then_some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn slugs_stay_readable_in_every_script() {
        for (text, slug) in [
            ("Hello, World!", Some("hello-world")),
            ("Don't panic — it’s fine", Some("dont-panic-its-fine")),
            ("Über Größe & Café", Some("über-größe-café")),
            ("日本語のタイトル", Some("日本語のタイトル")),
            ("हिन्दी शीर्षक", Some("हिन्दी-शीर्षक")),
            ("snake_case::path<T>", Some("snake_case-path-t")),
            ("e\u{301}te\u{301}", Some("été")),
            ("  --  ", None),
            ("🎉", None),
        ] {
            assert_eq!(Slug::new(text).as_ref().map(Slug::as_str), slug, "{text}");
        }
    }

    #[test]
    fn a_taken_slug_gets_the_next_free_number() {
        let mut slugs = UniqueSlugs::default();
        let given: Vec<String> =
            ["a", "a", "a-1", "a", "b"].iter().map(|wanted| slugs.claim(wanted)).collect();
        assert_eq!(given, ["a", "a-1", "a-1-1", "a-2", "b"]);
    }

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

    #[test]
    fn a_base_url_joins_and_strips_its_prefix() {
        let about = UrlPath::parse("/about/").unwrap();
        for (base, permalink, link) in [
            ("https://Example.org", "https://example.org/about/", "/about/"),
            ("http://localhost:4747/", "http://localhost:4747/about/", "/about/"),
            ("https://example.org/blog/", "https://example.org/blog/about/", "/blog/about/"),
        ] {
            let base = BaseUrl::parse(base).unwrap();
            assert_eq!(base.permalink(&about), permalink);
            assert_eq!(base.link(&about), link);
            assert_eq!(base.strip(link), Some("/about/"));
        }
        let blog = BaseUrl::parse("https://example.org/blog").unwrap();
        assert_eq!(blog.strip("/blog"), Some("/"));
        assert_eq!(blog.strip("/blogger/"), None);
        for bad in
            ["example.org", "ftp://x", "https://", "https://a b", "https://u@h", "https://h/?q"]
        {
            assert!(BaseUrl::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_pattern_of_post_addresses_needs_the_slug_and_known_tokens() {
        let date = jiff::civil::date(2026, 3, 4);
        let dated = PostPermalink::parse("/{year}/{month}/{day}/{slug}").unwrap();
        assert_eq!(dated.expand("x", date).unwrap().as_str(), "/2026/03/04/x/");
        for bad in ["/{year}/", "/{slug}/{title}/", "/../{slug}/"] {
            assert_eq!(PostPermalink::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn the_slug_of_a_slug_is_itself(text in ".*") {
            if let Some(slug) = Slug::new(&text) {
                prop_assert_eq!(Slug::new(slug.as_str()), Some(slug.clone()));
                let path = UrlPath::parse(slug.as_str());
                prop_assert!(path.is_ok() || is_device(slug.as_str()));
            }
        }

        #[test]
        fn a_parsed_path_parses_to_itself(text in ".*") {
            if let Ok(path) = UrlPath::parse(&text) {
                prop_assert_eq!(UrlPath::parse(path.as_str()), Ok(path.clone()));
                prop_assert_eq!(UrlPath::decode(&path.encoded()), Ok(path));
            }
        }
    }
}
