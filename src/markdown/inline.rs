//! Emphasis and its kind, code spans, line breaks.

use std::ops::Range;

use pulldown_cmark::Tag;

use super::escape;
use super::writer::Writer;

impl Writer<'_> {
    pub(super) fn start_inline(&mut self, tag: &Tag<'_>, range: Range<usize>) {
        if self.is_too_deep(range.start) {
            return self.open("", "");
        }
        match tag {
            Tag::Strong => self.open("<strong>", "</strong>"),
            Tag::Strikethrough => self.open("<del>", "</del>"),
            Tag::Superscript => self.start_script("^", "<sup>", "</sup>", range),
            Tag::Subscript => self.start_script("~", "<sub>", "</sub>", range),
            _ => self.open("<em>", "</em>"),
        }
    }

    /// What is raised or lowered has no spaces in it, so that `2^10 and 2^20` stays as it is.
    fn start_script(
        &mut self,
        mark: &'static str,
        start: &str,
        close: &'static str,
        range: Range<usize>,
    ) {
        if self.source[range].contains(char::is_whitespace) {
            self.put_plain(mark);
            self.open(mark, mark);
        } else {
            self.open(start, close);
        }
    }

    pub(super) fn code_span(&mut self, code: &str) {
        if let Some(image) = self.images.last_mut() {
            return image.alt.push_str(code);
        }
        self.html.push_str("<code>");
        escape::text(&mut self.html, code);
        self.html.push_str("</code>");
        self.put_plain(code);
    }

    pub(super) fn line_break(&mut self, html: &str) {
        if let Some(image) = self.images.last_mut() {
            return image.alt.push(' ');
        }
        self.html.push_str(html);
        self.put_plain(" ");
    }
}
