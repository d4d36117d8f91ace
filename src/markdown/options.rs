//! Which extensions of Markdown are on.

use memchr::memchr_iter;
use pulldown_cmark::Options as ParserOptions;

use super::Labels;

/// What is understood beyond `CommonMark`, and how some of it is written as HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own, set by name")]
pub struct Options {
    /// Tables with `|`, each in a container that scrolls.
    pub tables: bool,
    /// `- [ ]` and `- [x]`.
    pub task_lists: bool,
    /// `~~gone~~`.
    pub strikethrough: bool,
    /// Bare addresses become links, as GFM's extended autolinks do.
    pub autolinks: bool,
    /// `[^1]`, collected at the end with links back.
    pub footnotes: bool,
    /// `> [!NOTE]` and its four siblings.
    pub alerts: bool,
    /// Headings get an id made of their text.
    pub heading_ids: bool,
    /// Headings with an id get a link to themselves.
    pub heading_anchors: bool,
    /// `{#id .class key=value}` after a heading; such an id wins over the one made of the text.
    pub heading_attributes: bool,
    /// A line that begins with `: ` defines the line above it.
    pub definition_lists: bool,
    /// `H~2~O`; a single `~` is then no strikethrough.
    pub subscript: bool,
    /// `x^2^`.
    pub superscript: bool,
    /// Typographic quotation marks, dashes and ellipses.
    pub smart_punctuation: bool,
    /// `[[page]]` and `[[page|text]]`.
    pub wikilinks: bool,
    /// `[TOC]` alone in a paragraph is replaced by the table of contents.
    pub toc: bool,
    /// `<!-- more -->` ends the summary and leaves no trace in the HTML.
    pub more: bool,
    /// Images load lazily and decode asynchronously.
    pub lazy_images: bool,
    /// An image with a title, alone in its paragraph, becomes a figure with the title as its caption.
    pub figures: bool,
    /// Code blocks are colored, can be focused, and take a title, marked lines and line numbers.
    pub highlighting: bool,
    /// Takes the effect from nine HTML tags (`script`, `iframe`, ...), as GFM asks for text of strangers.
    ///
    /// Off unless asked for: a site's text is its author's own, who embeds videos and scripts on purpose.
    pub tagfilter: bool,
    /// Leaves a level-1 heading out of the HTML if the text opens with it.
    ///
    /// Right when that heading is the page's title and the template shows the title itself, which
    /// [`Outline::opens_with_title`](super::Outline::opens_with_title) and a comparison tell. Then its
    /// id is not part of the page either.
    pub skip_title: bool,
    /// The few words that the HTML itself needs.
    pub labels: Labels,
}

impl Options {
    /// `CommonMark` and nothing else.
    pub fn commonmark() -> Self {
        Self {
            tables: false,
            task_lists: false,
            strikethrough: false,
            autolinks: false,
            footnotes: false,
            alerts: false,
            heading_ids: false,
            heading_anchors: false,
            heading_attributes: false,
            definition_lists: false,
            subscript: false,
            superscript: false,
            smart_punctuation: false,
            wikilinks: false,
            toc: false,
            more: false,
            lazy_images: false,
            figures: false,
            highlighting: false,
            tagfilter: false,
            skip_title: false,
            labels: Labels::default(),
        }
    }

    /// What the parser is asked to recognize in `text`.
    pub(super) fn of_parser(&self, text: &str) -> ParserOptions {
        let definition_lists = self.definition_lists && has_definition(text);
        [
            (self.tables, ParserOptions::ENABLE_TABLES),
            (self.task_lists, ParserOptions::ENABLE_TASKLISTS),
            (self.strikethrough, ParserOptions::ENABLE_STRIKETHROUGH),
            (self.footnotes, ParserOptions::ENABLE_FOOTNOTES),
            (self.alerts, ParserOptions::ENABLE_GFM),
            (self.heading_attributes, ParserOptions::ENABLE_HEADING_ATTRIBUTES),
            (definition_lists, ParserOptions::ENABLE_DEFINITION_LIST),
            (self.subscript, ParserOptions::ENABLE_SUBSCRIPT),
            (self.superscript, ParserOptions::ENABLE_SUPERSCRIPT),
            (self.smart_punctuation, ParserOptions::ENABLE_SMART_PUNCTUATION),
            (self.wikilinks, ParserOptions::ENABLE_WIKILINKS),
        ]
        .into_iter()
        .filter_map(|(wanted, flag)| wanted.then_some(flag))
        .collect()
    }
}

/// Whether a line of `text` may define something: it begins with a colon and a space. The parser takes each that begins with
/// a colon for a definition, a smile too.
fn has_definition(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr_iter(b':', bytes).any(|at| {
        let mut before = bytes[..at].iter().rev().take_while(|byte| **byte != b'\n');
        matches!(bytes.get(at + 1), Some(b' ' | b'\t'))
            && before.all(|byte| matches!(byte, b' ' | b'\t' | b'>'))
    })
}

impl Default for Options {
    /// What a site gets unless its author says otherwise.
    fn default() -> Self {
        Self {
            tables: true,
            task_lists: true,
            strikethrough: true,
            autolinks: true,
            footnotes: true,
            alerts: true,
            heading_ids: true,
            heading_anchors: true,
            heading_attributes: true,
            definition_lists: true,
            subscript: true,
            superscript: true,
            smart_punctuation: true,
            wikilinks: true,
            toc: true,
            more: true,
            lazy_images: true,
            figures: true,
            highlighting: true,
            tagfilter: false,
            skip_title: false,
            labels: Labels::default(),
        }
    }
}
