//! Text to HTML: a pure function of the Markdown, the options and what links lead to.
//!
//! The parser's events stream straight into the `writer`; nothing of the document is collected on
//! the way but what a caller asks for. Each extension is a file of its own, and code is colored by
//! [`highlight()`] alone, so either can be exchanged without touching the rest.

mod alert;
mod autolink;
mod block;
mod code;
mod contents;
mod escape;
mod footnote;
mod heading;
mod highlight;
mod image;
mod info;
mod inline;
mod labels;
mod link;
mod options;
mod outline;
mod rendered;
mod resolver;
mod script;
mod table;
mod tagfilter;
mod text;
mod words;
mod writer;

pub use contents::{TocEntry, table_of_contents};
pub use highlight::{highlight, is_known_language};
pub use labels::Labels;
pub use options::Options;
pub use outline::{Outline, outline, outline_of_titled};
pub use rendered::{Finding, Heading, Image, Link, Rendered};
pub use resolver::{AsWritten, ImageTarget, Resolver, Target};
pub use writer::render;
