//! What tests of the pipeline share: a site of files in, its catalog and bytes out.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tallymark::clock::Timestamp;
use tallymark::config::{Overrides, Sources};
use tallymark::pipeline::{self, Memory, Order};
use tallymark::problem::Problem;
use tallymark::render::Uncounted;
use tallymark::site::{Body, Catalog, MemorySink, Site};

/// Noon of 24 November 2026, UTC: now, for every test that does not say otherwise.
pub(crate) fn noon() -> Timestamp {
    "2026-11-24T12:00:00Z".parse::<jiff::Timestamp>().unwrap().into()
}

/// The folders in `tests/NAME`, in order.
pub(crate) fn cases(name: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name);
    let mut cases: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

/// An order to build the site at `root`.
pub(crate) fn order(root: &Path) -> Order {
    Order {
        sources: Sources {
            root: root.to_owned(),
            overrides: Overrides::default(),
            ..Sources::default()
        },
        beacon: "/_/beacon.js".to_owned(),
        strict: false,
        force: false,
        home: None,
        progress: std::sync::Arc::default(),
        readership: std::sync::Arc::new(Uncounted),
        memory: Memory::default(),
    }
}

/// A rendered site, in memory.
pub(crate) struct Rendered {
    pub(crate) site: Site,
    pub(crate) problems: Vec<Problem>,
}

impl Rendered {
    /// Renders the site at `root`.
    pub(crate) fn of(root: &Path) -> Self {
        let sink = MemorySink::default();
        let (catalog, problems) = pipeline::render_into(&order(root), noon(), &sink).unwrap();
        Self { site: Site::new(catalog, sink.into_bodies()), problems }
    }

    /// Everything but the bytes.
    pub(crate) fn catalog(&self) -> &Catalog {
        self.site.catalog()
    }

    /// Each file as text, by its path.
    pub(crate) fn texts(&self) -> BTreeMap<String, String> {
        let text = |path: &tallymark::permalink::UrlPath| match self.site.body(path) {
            Some(Body::Bytes(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
            other => panic!("{path} is not in memory: {other:?}"),
        };
        self.catalog().files.keys().map(|path| (path.to_string(), text(path))).collect()
    }

    /// The text of the file at `path`.
    pub(crate) fn text(&self, path: &str) -> String {
        self.texts().remove(path).unwrap_or_else(|| panic!("there is no {path}"))
    }
}

/// A site made of a few files, in a folder that goes when it is dropped.
pub(crate) struct TestSite {
    folder: tempfile::TempDir,
}

impl TestSite {
    /// A site of `files`, by their names below its folder.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let site = Self { folder: tempfile::tempdir().unwrap() };
        site.write("tallymark.toml", "base_url = \"https://example.org\"\ntitle = \"Test\"\n");
        for (name, text) in files {
            site.write(name, text);
        }
        site
    }

    /// Its folder.
    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.root().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Renders it.
    pub(crate) fn render(&self) -> Rendered {
        Rendered::of(self.root())
    }
}
