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

#[cfg(test)]
mod tests {
    use crate::markdown::{AsWritten, Finding, Options, render};

    #[test]
    fn footnotes_stand_at_the_end_in_order_with_ways_back() {
        let text = "a[^x] b[^Y] c[^x]\n\n[^y]: Second.\n[^x]: First `code`.\n[^z]: Unused.\n\nend";
        let rendered = render(text, &Options::default(), &AsWritten);
        assert_eq!(
            rendered.html,
            "<p>a<sup class=\"footnote\"><a href=\"#fn:1\" id=\"fnref:1\" role=\"doc-noteref\">1</a></sup> \
             b<sup class=\"footnote\"><a href=\"#fn:2\" id=\"fnref:2\" role=\"doc-noteref\">2</a></sup> \
             c<sup class=\"footnote\"><a href=\"#fn:1\" id=\"fnref:1-2\" role=\"doc-noteref\">1</a></sup></p>\n\
             <p>end</p>\n\
             <section class=\"footnotes\" role=\"doc-endnotes\" aria-label=\"Footnotes\">\n<ol>\n\
             <li id=\"fn:1\">\n<p>First <code>code</code>. \
             <a class=\"footnote-back\" href=\"#fnref:1\" role=\"doc-backlink\" aria-label=\"Back to reference 1\">↩</a> \
             <a class=\"footnote-back\" href=\"#fnref:1-2\" role=\"doc-backlink\" aria-label=\"Back to reference 1-2\">↩</a></p>\n</li>\n\
             <li id=\"fn:2\">\n<p>Second. \
             <a class=\"footnote-back\" href=\"#fnref:2\" role=\"doc-backlink\" aria-label=\"Back to reference 2\">↩</a></p>\n</li>\n\
             </ol>\n</section>\n"
        );
        let offset = text.find("[^z]").unwrap();
        assert_eq!(rendered.findings, [Finding::UnusedFootnote { offset, label: "z".into() }]);
    }

    #[test]
    fn a_footnote_that_ends_in_a_list_has_its_way_back_below() {
        let rendered = render("a[^1]\n\n[^1]:\n    - b\n", &Options::default(), &AsWritten);
        assert!(
            rendered.html.contains("</ul>\n<p> <a class=\"footnote-back\""),
            "{}",
            rendered.html
        );
    }

    #[test]
    fn a_reference_to_nothing_is_text() {
        let rendered = render("a[^1]", &Options::default(), &AsWritten);
        assert_eq!(rendered.html, "<p>a[^1]</p>\n");
    }
}
