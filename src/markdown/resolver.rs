//! Who knows where the links and images of a text lead, and what was colored before.

use std::sync::Arc;

use super::highlight;

/// What a link or an image of a text leads to, answered by who knows the site.
pub trait Resolver {
    /// Where a link to `destination` leads, fragment and query included.
    fn link(&self, destination: &str) -> Target;

    /// What an image at `source` is.
    fn image(&self, source: &str) -> ImageTarget;

    /// Where `[[name]]` leads; a fragment may follow the name.
    fn wikilink(&self, name: &str) -> Target;

    /// `code` as HTML, colored as `language` asks; none if the language is not known. Who has it already need not color
    /// it again.
    fn colored(&self, language: &str, code: &str) -> Option<Arc<str>> {
        highlight(language, code).map(Arc::from)
    }
}

/// Where a link leads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// What the link says in the HTML; none keeps what the author wrote.
    pub href: Option<String>,
    /// What to show for a wikilink that has no text of its own, for example the title of the page.
    pub text: Option<String>,
    /// Whether it leaves the site.
    pub external: bool,
    /// Whether it leads nowhere. Such a link stays as written, and such a wikilink becomes text.
    pub broken: bool,
}

/// What an image is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageTarget {
    /// What the image says in the HTML; none keeps what the author wrote.
    pub src: Option<String>,
    /// Its width in CSS pixels.
    pub width: Option<u32>,
    /// Its height in CSS pixels.
    pub height: Option<u32>,
    /// Whether there is no such image.
    pub broken: bool,
}

/// Leaves every destination as it was written; for text that belongs to no site.
#[derive(Debug, Clone, Copy, Default)]
pub struct AsWritten;

impl Resolver for AsWritten {
    fn link(&self, _destination: &str) -> Target {
        Target::default()
    }

    fn image(&self, _source: &str) -> ImageTarget {
        ImageTarget::default()
    }

    fn wikilink(&self, _name: &str) -> Target {
        Target::default()
    }
}
