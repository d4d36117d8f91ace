//! A text as HTML and what was learnt on the way.

/// A text as HTML and what was learnt on the way. Offsets are bytes into the Markdown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rendered {
    /// The HTML.
    pub html: String,
    /// The headings, in order.
    pub headings: Vec<Heading>,
    /// Every link, in order, autolinks and wikilinks too; those in raw HTML are not seen.
    pub links: Vec<Link>,
    /// Every image, in order; those in raw HTML are not seen.
    pub images: Vec<Image>,
    /// The ids and names that raw HTML gives, which links may lead to as they do to headings.
    pub anchors: Vec<String>,
    /// What an author may want to know.
    pub findings: Vec<Finding>,
}

/// A heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// 1 to 6.
    pub level: u8,
    /// The id in the HTML; empty if headings get none.
    pub id: String,
    /// What it says, as plain text.
    pub text: String,
    /// What it says, as HTML, without the link to itself.
    pub html: String,
    /// Where it begins.
    pub offset: usize,
}

/// A link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What the author wrote.
    pub destination: String,
    /// What the HTML says: where it leads, fragment included.
    pub href: String,
    /// Whether it leaves the site.
    pub external: bool,
    /// Whether it leads nowhere.
    pub broken: bool,
    /// Where it begins.
    pub offset: usize,
}

impl Link {
    /// What follows the first `#` of where it leads, still percent-encoded; empty names the top.
    pub fn fragment(&self) -> Option<&str> {
        self.href.split_once('#').map(|(_, fragment)| fragment)
    }
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// What the author wrote.
    pub source: String,
    /// What the HTML says.
    pub src: String,
    /// What it shows, in words; empty if the author did not say.
    pub alt: String,
    /// Whether there is no such image.
    pub broken: bool,
    /// Where it begins.
    pub offset: usize,
}

/// Something about a text that its author may want to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// From here on, blocks or emphasis stand in one another so deep that their tags were left out.
    Nesting {
        /// Where the first of them begins.
        offset: usize,
    },
    /// From here on, the missing cells of table rows were no longer added.
    Table {
        /// Where the table begins.
        offset: usize,
    },
    /// A footnote that nothing refers to; it is not in the HTML.
    UnusedFootnote {
        /// Where it begins.
        offset: usize,
        /// Its label, without `[^` and `]`.
        label: String,
    },
    /// A heading was given an id that another heading has.
    DuplicateId {
        /// Where the heading begins.
        offset: usize,
        /// The id.
        id: String,
    },
    /// A code block in a language that is not known; it is not colored.
    UnknownLanguage {
        /// Where the block begins.
        offset: usize,
        /// The language as it was written.
        language: String,
    },
    /// A code block too long to be colored.
    LongCode {
        /// Where the block begins.
        offset: usize,
    },
}
