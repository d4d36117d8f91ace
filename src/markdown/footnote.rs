//! Footnotes: collected at the end in the order in which they are referred to, with links back.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::ops::Range;

use super::writer::Writer;
use super::{Finding, escape};

/// The footnotes of a text. Ids have a colon in them, which no id made of a heading has.
#[derive(Default)]
pub(super) struct Footnotes {
    /// Folded labels in the order of their first references, and how many references each has.
    references: Vec<(String, usize)>,
    numbers: HashMap<String, usize>,
    /// By folded label.
    definitions: HashMap<String, Definition>,
    open: Vec<OpenDefinition>,
}

struct Definition {
    html: String,
    label: String,
    offset: usize,
}

/// A definition that is being read, and where it begins in the HTML.
struct OpenDefinition {
    label: String,
    offset: usize,
    start: usize,
}

impl Footnotes {
    /// Whether a definition is being read.
    pub(super) fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Counts a reference; its number, and the how-manieth to that footnote it is.
    fn refer(&mut self, label: &str) -> (usize, usize) {
        let key = label.to_lowercase();
        let next = self.references.len();
        let index = *self.numbers.entry(key.clone()).or_insert(next);
        if index == next {
            self.references.push((key, 0));
        }
        let (_, count) = &mut self.references[index];
        *count += 1;
        (index + 1, *count)
    }
}

impl Writer<'_> {
    pub(super) fn footnote_reference(&mut self, label: &str) {
        if !self.images.is_empty() {
            return;
        }
        let (number, nth) = self.footnotes.refer(label);
        let id = reference_id(number, nth);
        let _ = write!(
            self.html,
            "<sup class=\"footnote\"><a href=\"#fn:{number}\" id=\"{id}\" role=\"doc-noteref\">{number}</a></sup>"
        );
    }

    pub(super) fn start_footnote(&mut self, label: &str, range: Range<usize>) {
        self.fresh_line();
        let (label, offset, start) = (label.to_owned(), range.start, self.html.len());
        self.footnotes.open.push(OpenDefinition { label, offset, start });
        self.open("", "");
    }

    /// Moves what was written since the definition began to where it waits for the end.
    pub(super) fn end_footnote(&mut self) {
        let Some(OpenDefinition { label, offset, start }) = self.footnotes.open.pop() else {
            return;
        };
        let html = self.html.split_off(start);
        let key = label.to_lowercase();
        self.footnotes.definitions.entry(key).or_insert(Definition { html, label, offset });
    }

    pub(super) fn write_footnotes(&mut self) {
        let mut footnotes = std::mem::take(&mut self.footnotes);
        if !footnotes.references.is_empty() {
            self.fresh_line();
            self.html.push_str("<section class=\"footnotes\" role=\"doc-endnotes\" aria-label=\"");
            escape::attribute(&mut self.html, &self.options.labels.footnotes);
            self.html.push_str("\">\n<ol>\n");
            for (index, (label, count)) in footnotes.references.iter().enumerate() {
                let definition = footnotes.definitions.remove(label);
                let html = definition.map(|definition| definition.html).unwrap_or_default();
                self.write_footnote(index + 1, &html, *count);
            }
            self.html.push_str("</ol>\n</section>\n");
        }
        self.report_unused(footnotes.definitions);
    }

    /// The links back stand in the last paragraph, if there is one, and else on their own.
    fn write_footnote(&mut self, number: usize, html: &str, references: usize) {
        let _ = writeln!(self.html, "<li id=\"fn:{number}\">");
        let inner = html.strip_suffix("</p>\n");
        self.html.push_str(inner.unwrap_or(html));
        if inner.is_none() {
            self.html.push_str("<p>");
        }
        for nth in 1..=references {
            self.write_way_back(number, nth);
        }
        self.html.push_str("</p>\n</li>\n");
    }

    fn write_way_back(&mut self, number: usize, nth: usize) {
        let id = reference_id(number, nth);
        let _ = write!(
            self.html,
            " <a class=\"footnote-back\" href=\"#{id}\" role=\"doc-backlink\" aria-label=\""
        );
        escape::attribute(&mut self.html, &self.options.labels.back);
        let _ = write!(self.html, " {number}");
        if nth > 1 {
            let _ = write!(self.html, "-{nth}");
        }
        self.html.push_str("\">↩</a>");
    }

    fn report_unused(&mut self, definitions: HashMap<String, Definition>) {
        let mut unused: Vec<_> = definitions.into_values().collect();
        unused.sort_by_key(|definition| definition.offset);
        for Definition { label, offset, .. } in unused {
            self.learnt.findings.push(Finding::UnusedFootnote { offset, label });
        }
    }
}

fn reference_id(number: usize, nth: usize) -> String {
    if nth == 1 { format!("fnref:{number}") } else { format!("fnref:{number}-{nth}") }
}
