//! The finished site: each URL path and the file that answers it, and which page a path means.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::{fmt, fs, io};

use bytes::Bytes;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::config::{Access, Config};
use crate::permalink::{BaseUrl, UrlPath};

/// The folder within the output that travels with it and is never answered to the web.
pub const PRIVATE_FOLDER: &str = ".tallymark";

/// The frame of the dashboard within [`PRIVATE_FOLDER`]: a page of the theme's look with a hole in it.
pub const STATS_FRAME: &str = "stats.html";

/// What the frame of the dashboard has where the numbers go.
pub const STATS_HOLE: &str = "<!--tallymark:dashboard-->";

/// The frame of the page where the owner signs in, within [`PRIVATE_FOLDER`].
pub const SIGN_IN_FRAME: &str = "sign-in.html";

/// What that frame has where the form goes.
pub const SIGN_IN_HOLE: &str = "<!--tallymark:sign-in-->";

/// Where the site says what becomes of its readers' data.
pub const PRIVACY: &str = "/_/privacy/";

/// The first 128 bits of the BLAKE3 hash of a file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(u128);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self::from(blake3::hash(bytes))
    }

    /// The digest of everything that `reader` gives.
    pub fn of_reader(reader: impl io::Read) -> io::Result<Self> {
        Ok(Self::from(blake3::Hasher::new().update_reader(reader)?.finalize()))
    }
}

impl From<blake3::Hash> for Digest {
    fn from(hash: blake3::Hash) -> Self {
        let (head, _) = hash.as_bytes().split_first_chunk().expect("32 bytes hold 16");
        Self(u128::from_be_bytes(*head))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return self.0.serialize(serializer);
        }
        let mut digits = [0_u8; 32];
        for (at, digit) in digits.iter_mut().enumerate() {
            let nibble = (self.0 >> (124 - 4 * at)) & 15;
            *digit = b"0123456789abcdef"[usize::try_from(nibble).unwrap_or(0)];
        }
        serializer.serialize_str(std::str::from_utf8(&digits).map_err(serde::ser::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return u128::deserialize(deserializer).map(Self);
        }
        let text = Cow::<'_, str>::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16).map(Self).map_err(serde::de::Error::custom)
    }
}

/// A file of the site, without its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputFile {
    /// What its bytes hash to; two files with one digest are the same.
    pub digest: Digest,
    /// Its length in bytes.
    pub len: u64,
}

/// Takes finished files, from many threads at once, in any order.
pub trait Sink: Sync {
    /// Takes the file that answers `path`.
    fn put(&self, path: &UrlPath, bytes: Vec<u8>) -> io::Result<OutputFile>;

    /// Keeps `file`, which was the answer to `path` before; false if its bytes are needed again.
    fn keep(&self, path: &UrlPath, file: OutputFile) -> bool;

    /// Takes the file at `source`, as it is, as the answer to `path`.
    fn copy(&self, path: &UrlPath, source: &Path) -> io::Result<OutputFile>;
}

/// A sink that keeps the bytes.
#[derive(Debug, Default)]
pub struct MemorySink {
    kept: Mutex<HashMap<UrlPath, Bytes>>,
}

impl MemorySink {
    /// The files taken so far, as the bodies of a site.
    pub fn into_bodies(self) -> Bodies {
        Bodies::Memory(self.kept.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

impl Sink for MemorySink {
    fn keep(&self, _path: &UrlPath, _file: OutputFile) -> bool {
        false
    }

    fn put(&self, path: &UrlPath, bytes: Vec<u8>) -> io::Result<OutputFile> {
        let file = OutputFile { digest: Digest::of(&bytes), len: bytes.len() as u64 };
        let mut kept = self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Without the room that was left for more.
        kept.insert(path.clone(), bytes.into_boxed_slice().into());
        Ok(file)
    }

    fn copy(&self, path: &UrlPath, source: &Path) -> io::Result<OutputFile> {
        self.put(path, fs::read(source)?)
    }
}

/// A sink that forgets the bytes; for checks.
#[derive(Debug, Default, Clone, Copy)]
pub struct NullSink;

impl Sink for NullSink {
    fn keep(&self, _path: &UrlPath, _file: OutputFile) -> bool {
        true
    }

    fn put(&self, _path: &UrlPath, bytes: Vec<u8>) -> io::Result<OutputFile> {
        Ok(OutputFile { digest: Digest::of(&bytes), len: bytes.len() as u64 })
    }

    fn copy(&self, _path: &UrlPath, source: &Path) -> io::Result<OutputFile> {
        Ok(OutputFile {
            digest: Digest::of_reader(fs::File::open(source)?)?,
            len: fs::metadata(source)?.len(),
        })
    }
}

/// Where the bytes of a site are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bodies {
    /// In an output folder.
    Folder(PathBuf),
    /// In memory.
    Memory(HashMap<UrlPath, Bytes>),
}

/// The bytes of one file, or where to read them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// The file at this place.
    File(PathBuf),
    /// These bytes.
    Bytes(Bytes),
}

/// What kind of thing is at an address, as statistics name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PageKind {
    /// The home page, and its further pages.
    Home,
    /// A post.
    #[serde(rename = "blog")]
    Post,
    /// A page.
    Page,
    /// A list: of a tag, of a year, of all tags.
    List,
    /// The dashboard.
    Stats,
}

/// What statistics want to know of a page at an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageEntry {
    /// What readers know the page by.
    pub title: String,
    /// Post, page, list.
    pub kind: PageKind,
    /// Whether it may be named in public; an unlisted page may not.
    pub listed: bool,
    /// A name that outlives the address: the source path, unless the author gave an `id`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub id: Option<Arc<str>>,
    /// When a post was published.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub published: Option<Timestamp>,
    /// How many words its body has.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub words: usize,
    /// What a post is filed under, by name.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub tags: Vec<Arc<str>>,
    /// Who wrote it, by name.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub authors: Vec<Arc<str>>,
    /// The series that it is part of.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub series: Option<Arc<str>>,
}

impl PageEntry {
    /// A page of which nothing is known but what it is called and what kind it is.
    pub fn named(title: &str, kind: PageKind) -> Self {
        Self {
            title: title.to_owned(),
            kind,
            listed: true,
            id: None,
            published: None,
            words: 0,
            tags: Vec::new(),
            authors: Vec::new(),
            series: None,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// What everybody may know of the site itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The site's title.
    pub title: String,
    /// Its language, as BCP 47 spells it.
    pub language: String,
    /// Where it is on the web.
    pub base: BaseUrl,
    /// Where its dashboard is.
    pub stats: UrlPath,
    /// The name of the time zone in which its days begin.
    #[serde(default)]
    pub timezone: String,
    /// Whether there is anybody who may see its statistics.
    #[serde(default)]
    pub shows_stats: bool,
    /// Whether its statistics ask for a password.
    #[serde(default)]
    pub private_stats: bool,
}

impl Identity {
    /// What `config` says about the site.
    pub fn of(config: &Config) -> Self {
        Self {
            title: config.title.clone(),
            language: config.language.clone(),
            base: config.base.clone(),
            stats: config.stats.path.clone(),
            timezone: config.timezone.iana_name().unwrap_or("UTC").to_owned(),
            shows_stats: config.shows_stats(),
            private_stats: config.stats.access == Access::Private,
        }
    }

    /// The time zone in which its days begin.
    pub fn zone(&self) -> TimeZone {
        TimeZone::get(&self.timezone).unwrap_or(TimeZone::UTC)
    }
}

/// Everything about a site but its bytes; what travels with the output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalog {
    /// What the site is.
    pub identity: Identity,
    /// Each path that is answered with a file, private ones too.
    pub files: BTreeMap<UrlPath, OutputFile>,
    /// Each old path, and the path it leads to.
    pub redirects: BTreeMap<UrlPath, UrlPath>,
    /// Each path that readers may be counted on.
    pub pages: BTreeMap<UrlPath, PageEntry>,
    /// Pages that were once at a path and are no more.
    pub gone: BTreeMap<UrlPath, GonePage>,
}

/// A page that is no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GonePage {
    /// What readers knew it by.
    pub title: String,
    /// Whether it may be named in public.
    pub listed: bool,
}

/// How a path is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer<'a> {
    /// With this file.
    File(&'a UrlPath, &'a OutputFile),
    /// By sending the reader to this path.
    Redirect(&'a UrlPath),
    /// With the 404 page.
    Missing,
}

/// The finished site. Whole, immutable, cheap to share.
#[derive(Debug, Clone)]
pub struct Site {
    catalog: Catalog,
    bodies: Bodies,
    /// Every address in one letter case, made when a request asks for another spelling.
    by_folded: OnceLock<HashMap<String, UrlPath>>,
}

impl PartialEq for Site {
    fn eq(&self, other: &Self) -> bool {
        (&self.catalog, &self.bodies) == (&other.catalog, &other.bodies)
    }
}

impl Eq for Site {}

impl Site {
    /// The site of `catalog`, its bytes in `bodies`.
    pub fn new(catalog: Catalog, bodies: Bodies) -> Self {
        Self { catalog, bodies, by_folded: OnceLock::new() }
    }

    fn by_folded(&self) -> &HashMap<String, UrlPath> {
        self.by_folded.get_or_init(|| {
            let addresses = self.catalog.files.keys().chain(self.catalog.redirects.keys());
            addresses
                .filter(|path| !is_private(path))
                .map(|path| (path.folded_as_folder(), path.clone()))
                .collect()
        })
    }

    /// Everything but the bytes.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// What the site is.
    pub fn identity(&self) -> &Identity {
        &self.catalog.identity
    }

    /// How `path` is answered: exactly, else as an alias, with or without its final slash, or in another
    /// letter case.
    pub fn look_up(&self, path: &UrlPath) -> Answer<'_> {
        if is_private(path) {
            return Answer::Missing;
        }
        // An alias has a file too, for hosts that know no redirects.
        if let Some(target) = self.catalog.redirects.get(path) {
            return Answer::Redirect(target);
        }
        if let Some((path, file)) = self.catalog.files.get_key_value(path) {
            return Answer::File(path, file);
        }
        match self.by_folded().get(&path.folded_as_folder()) {
            Some(found) => Answer::Redirect(self.catalog.redirects.get(found).unwrap_or(found)),
            None => Answer::Missing,
        }
    }

    /// The address that answers for `path`, which may be spelled otherwise or be an alias; `path` itself if none does.
    pub fn canonical<'a>(&'a self, path: &'a UrlPath) -> &'a UrlPath {
        match self.look_up(path) {
            Answer::File(path, _) | Answer::Redirect(path) => path,
            Answer::Missing => path,
        }
    }

    /// The page that `path` means, at its canonical address; aliases and other spellings included.
    pub fn page(&self, path: &UrlPath) -> Option<(&UrlPath, &PageEntry)> {
        self.catalog.pages.get_key_value(self.canonical(path))
    }

    /// Where the bytes of the file at `path` are; none if there is no such file.
    pub fn body(&self, path: &UrlPath) -> Option<Body> {
        self.catalog.files.get(path)?;
        match &self.bodies {
            Bodies::Folder(folder) => Some(Body::File(folder.join(path.output_file()))),
            Bodies::Memory(kept) => kept.get(path).cloned().map(Body::Bytes),
        }
    }

    /// The path of a file that is kept from the web, such as [`STATS_FRAME`].
    pub fn private(name: &str) -> UrlPath {
        UrlPath::parse(&format!("/{PRIVATE_FOLDER}/{name}")).expect("a plain file name")
    }
}

fn is_private(path: &UrlPath) -> bool {
    path.as_str().trim_start_matches('/').starts_with(PRIVATE_FOLDER)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> UrlPath {
        UrlPath::parse(text).unwrap()
    }

    fn site() -> Site {
        let sink = MemorySink::default();
        let files = ["/", "/About/", "/feed.xml", "/.tallymark/stats.html"]
            .map(|text| (path(text), sink.put(&path(text), text.into()).unwrap()))
            .into();
        let page = PageEntry::named("About", PageKind::Page);
        let catalog = Catalog {
            identity: Identity {
                title: "T".into(),
                language: "en".into(),
                base: BaseUrl::parse("https://example.org").unwrap(),
                stats: path("/stats/"),
                timezone: "UTC".into(),
                shows_stats: true,
                private_stats: false,
            },
            files,
            redirects: [(path("/old/"), path("/About/"))].into(),
            pages: [(path("/About/"), page)].into(),
            gone: BTreeMap::new(),
        };
        Site::new(catalog, sink.into_bodies())
    }

    #[test]
    fn a_path_is_answered_exactly_or_sent_to_its_canonical_form() {
        let site = site();
        for (asked, target) in [
            ("/about/", "/About/"),
            ("/About", "/About/"),
            ("/ABOUT/index.html", "/About/"),
            ("/old/", "/About/"),
            ("/OLD", "/About/"),
            ("/feed.xml/", "/feed.xml"),
        ] {
            assert_eq!(site.look_up(&path(asked)), Answer::Redirect(&path(target)), "{asked}");
        }
        assert!(matches!(site.look_up(&path("/About/")), Answer::File(..)));
    }

    #[test]
    fn private_files_are_missing_to_the_web_and_readable_inside() {
        let site = site();
        for asked in ["/.tallymark/stats.html", "/.TALLYMARK/stats.html", "/.tallymark"] {
            assert_eq!(site.look_up(&path(asked)), Answer::Missing, "{asked}");
        }
        assert!(site.body(&Site::private(STATS_FRAME)).is_some());
    }

    #[test]
    fn an_alias_and_another_spelling_mean_the_page() {
        let site = site();
        for asked in ["/old/", "/about", "/About/"] {
            assert_eq!(site.page(&path(asked)).unwrap().0, &path("/About/"), "{asked}");
        }
        assert!(site.page(&path("/feed.xml")).is_none());
    }

    #[test]
    fn a_catalog_survives_being_written_and_read() {
        let site = site();
        let text = serde_json::to_string(site.catalog()).unwrap();
        let read: Catalog = serde_json::from_str(&text).unwrap();
        assert_eq!(&read, site.catalog());
    }
}
