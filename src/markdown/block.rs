//! Paragraphs, quotations, lists, and HTML as the author wrote it.

use std::ops::Range;

use pulldown_cmark::Tag;

use super::writer::Writer;
use super::{escape, tagfilter};

/// The paragraph that is open, or was last.
#[derive(Default)]
pub(super) struct Paragraph {
    /// Where it begins in the HTML.
    pub(super) start: usize,
    /// An image that stands at its very beginning.
    pub(super) image: Option<LeadingImage>,
}

/// Where an image ends in the HTML, and what it is titled.
pub(super) struct LeadingImage {
    /// Where the image ends without its title.
    pub(super) untitled_end: usize,
    /// Where it ends.
    pub(super) end: usize,
    pub(super) title: String,
}

const PARAGRAPH: &str = "<p>";

impl Writer<'_> {
    pub(super) fn start_block(&mut self, tag: &Tag<'_>, range: Range<usize>) {
        match tag {
            Tag::Paragraph => self.start_paragraph(),
            Tag::Item => self.start_item("<li>", "</li>\n"),
            Tag::DefinitionListTitle => self.start_item("<dt>", "</dt>\n"),
            Tag::DefinitionListDefinition => self.start_item("<dd>", "</dd>\n"),
            Tag::HtmlBlock => self.open_block("", ""),
            _ if self.is_too_deep(range.start) => self.open_block("", ""),
            Tag::BlockQuote(Some(kind)) => self.start_alert(*kind),
            Tag::BlockQuote(None) => self.open_block("<blockquote>\n", "</blockquote>\n"),
            Tag::List(Some(1)) => self.open_block("<ol>\n", "</ol>\n"),
            Tag::List(Some(first)) => {
                self.open_block(&format!("<ol start=\"{first}\">\n"), "</ol>\n");
            }
            Tag::List(None) => self.open_block("<ul>\n", "</ul>\n"),
            Tag::DefinitionList => self.open_block("<dl>\n", "</dl>\n"),
            _ => self.open("", ""),
        }
    }

    fn start_item(&mut self, start: &str, close: &'static str) {
        if self.is_in_lost_list() {
            self.open_block("", "\n");
        } else {
            self.open_block(start, close);
        }
    }

    fn start_paragraph(&mut self) {
        self.fresh_line();
        self.is_in_raw_link = false;
        self.paragraph = Paragraph { start: self.html.len(), image: None };
        self.open(PARAGRAPH, "</p>\n");
    }

    pub(super) fn end_paragraph(&mut self, range: Range<usize>) {
        if self.options.toc && self.is_contents_marker(range) {
            self.html.truncate(self.paragraph.start);
            self.contents.push(self.html.len());
            return;
        }
        match self.paragraph.image.take() {
            Some(image) if self.html.len() == image.end => self.figure(&image),
            _ => self.html.push_str("</p>\n"),
        }
    }

    /// Whether the paragraph is `[TOC]` alone. Footnotes are moved about, so it means nothing in them.
    fn is_contents_marker(&self, range: Range<usize>) -> bool {
        self.html[self.paragraph.start..].len() == "<p>[TOC]".len()
            && self.source[range].trim() == "[TOC]"
            && !self.footnotes.is_open()
    }

    /// Makes a figure of the paragraph that holds nothing but `image`.
    fn figure(&mut self, image: &LeadingImage) {
        self.html.truncate(image.untitled_end);
        let start = self.paragraph.start;
        self.html.replace_range(start..start + PARAGRAPH.len(), "<figure>");
        self.html.push_str(" />\n<figcaption>");
        escape::text(&mut self.html, &image.title);
        self.html.push_str("</figcaption></figure>\n");
    }

    /// Whether nothing was written since the paragraph began.
    pub(super) fn is_at_start_of_paragraph(&self) -> bool {
        self.html.len() == self.paragraph.start + PARAGRAPH.len() && self.html.ends_with(PARAGRAPH)
    }

    /// Ticks or clears the box of a list item.
    pub(super) fn task(&mut self, done: bool) {
        let marked = ["<li>", "<li>\n<p>"].into_iter().find(|start| self.html.ends_with(start));
        if let Some(start) = marked {
            let at = self.html.len() - start.len() + "<li".len();
            self.html.insert_str(at, " class=\"task\"");
        }
        let labels = &self.options.labels;
        let (label, checked) = if done { (&labels.done, " checked") } else { (&labels.open, "") };
        self.html.push_str("<input type=\"checkbox\" disabled");
        self.html.push_str(checked);
        self.html.push_str(" aria-label=\"");
        escape::attribute(&mut self.html, label);
        self.html.push_str("\" /> ");
    }

    /// Passes on a tag or a comment that stands in text.
    pub(super) fn inline_html(&mut self, html: &str) {
        let name = html.trim_start_matches(['<', '/']);
        let is_link = name.starts_with(['a', 'A'])
            && name[1..].starts_with(|next: char| next.is_whitespace() || next == '>');
        if is_link {
            self.is_in_raw_link = !html.starts_with("</");
        }
        self.raw_html(html);
    }

    /// Passes on HTML that the author wrote.
    pub(super) fn raw_html(&mut self, html: &str) {
        if !self.images.is_empty() || (self.options.more && is_more(html)) {
            return;
        }
        collect_anchors(html, &mut self.learnt.anchors);
        if self.options.tagfilter {
            tagfilter::filter(&mut self.html, html);
        } else {
            self.html.push_str(html);
        }
    }
}

/// Whether `html` is `<!-- more -->`, however spaced.
pub(super) fn is_more(html: &str) -> bool {
    let inner = html.trim().strip_prefix("<!--").and_then(|rest| rest.strip_suffix("-->"));
    inner.is_some_and(|inner| inner.trim().eq_ignore_ascii_case("more"))
}

/// Adds the values of `id` and `name` attributes.
fn collect_anchors(html: &str, anchors: &mut Vec<String>) {
    for name in ["id=", "name="] {
        for (at, _) in html.match_indices(name) {
            let is_attribute = html[..at].ends_with(|before: char| before.is_ascii_whitespace());
            let value = html[at + name.len()..].trim_start_matches(['"', '\'']);
            let end = value.find(['"', '\'', '>', ' ', '\n']).unwrap_or(value.len());
            if is_attribute && end > 0 {
                anchors.push(value[..end].to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::markdown::{AsWritten, Options, render};

    fn html(text: &str) -> String {
        render(text, &Options::default(), &AsWritten).html
    }

    #[test]
    fn a_task_says_whether_it_is_done() {
        assert_eq!(
            html("- [x] a\n- [ ] b\n- c"),
            "<ul>\n<li class=\"task\"><input type=\"checkbox\" disabled checked aria-label=\"Done\" /> a</li>\n\
             <li class=\"task\"><input type=\"checkbox\" disabled aria-label=\"To do\" /> b</li>\n<li>c</li>\n</ul>\n"
        );
        assert!(html("- [x] a\n\n- b").starts_with("<ul>\n<li class=\"task\">\n<p><input"));
    }

    #[test]
    fn html_of_the_author_stays_and_its_anchors_are_known() {
        let rendered = render(
            "<div id=\"a\">\n\n*b* <a name='c'>d</a> <i data-id=x id=e>",
            &Options::default(),
            &AsWritten,
        );
        assert!(rendered.html.starts_with("<div id=\"a\">\n<p><em>b</em> <a name='c'>d</a>"));
        assert_eq!(rendered.anchors, ["a", "c", "e"]);
    }

    #[test]
    fn an_address_in_a_link_of_the_author_is_no_other_link() {
        let text = "<a href=\"/x\">https://x.example</a> https://y.example";
        assert_eq!(html(text).matches("<a ").count(), 2);
        assert_eq!(html("<a name=x>\n\nhttps://y.example").matches("<a ").count(), 2);
    }

    #[test]
    fn tags_lose_their_effect_only_when_asked() {
        let text = "<script>a</script>\n\nb <iframe>";
        assert!(html(text).contains("<script>"));
        let options = Options { tagfilter: true, ..Options::default() };
        let filtered = render(text, &options, &AsWritten).html;
        assert!(!filtered.contains("<script>") && !filtered.contains("<iframe>"));
    }
}
