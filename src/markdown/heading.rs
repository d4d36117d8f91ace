//! Headings: their ids, and the link of each to itself.

use std::ops::Range;

use pulldown_cmark::{CowStr, Tag};

use super::writer::Writer;
use super::{Finding, Heading, escape};
use crate::permalink::Slug;

/// The id of a heading in which nothing is a letter or a digit.
const NAMELESS: &str = "section";

/// A heading that is being read.
pub(super) struct OpenHeading {
    level: u8,
    /// The id that the author gave.
    id: Option<String>,
    /// Other attributes, as HTML.
    attributes: String,
    /// What it says so far, as plain text.
    pub(super) text: String,
    /// Where it begins in the HTML, and in the source.
    start: usize,
    offset: usize,
    /// Whether it is the page's title, which the template shows.
    is_left_out: bool,
}

impl Writer<'_> {
    pub(super) fn start_heading(&mut self, tag: Tag<'_>, range: Range<usize>) {
        let Tag::Heading { level, id, classes, attrs } = tag else { return };
        let level = level as u8;
        let is_first = self.html.is_empty() && !self.title_left_out;
        let is_left_out = self.options.skip_title && level == 1 && is_first;
        self.title_left_out |= is_left_out;
        self.fresh_line();
        self.heading = Some(OpenHeading {
            level,
            id: id.map(|id| id.to_string()),
            attributes: attributes(&classes, &attrs),
            text: String::new(),
            start: self.html.len(),
            offset: range.start,
            is_left_out,
        });
        self.open("", closing(level));
    }

    pub(super) fn end_heading(&mut self, close: &'static str) {
        let Some(heading) = self.heading.take() else { return };
        let inner = self.html.split_off(heading.start);
        if heading.is_left_out {
            return;
        }
        let id = self.heading_id(&heading);
        self.html.push('<');
        self.html.push_str(&close[2..4]);
        if !id.is_empty() {
            self.html.push_str(" id=\"");
            escape::attribute(&mut self.html, &id);
            self.html.push('"');
        }
        self.html.push_str(&heading.attributes);
        self.html.push('>');
        self.html.push_str(&inner);
        self.heading_anchor(&id);
        self.html.push_str(close);
        let OpenHeading { level, text, offset, .. } = heading;
        self.learnt.headings.push(Heading { level, id, text, html: inner, offset });
    }

    /// The id that the author gave, else one made of the text.
    fn heading_id(&mut self, heading: &OpenHeading) -> String {
        if let Some(id) = &heading.id {
            if self.slugs.claim(id) != *id {
                let (offset, id) = (heading.offset, id.clone());
                self.learnt.findings.push(Finding::DuplicateId { offset, id });
            }
            return id.clone();
        }
        if !self.options.heading_ids {
            return String::new();
        }
        let slug = Slug::new(&heading.text);
        self.slugs.claim(slug.as_ref().map_or(NAMELESS, Slug::as_str))
    }

    /// The link has a name of its own, so a screen reader says the heading once.
    fn heading_anchor(&mut self, id: &str) {
        if id.is_empty() || !self.options.heading_anchors {
            return;
        }
        self.html.push_str(" <a class=\"anchor\" href=\"#");
        escape::href(&mut self.html, id);
        self.html.push_str("\" aria-label=\"");
        escape::attribute(&mut self.html, &self.options.labels.anchor);
        self.html.push_str("\">#</a>");
    }
}

fn attributes(classes: &[CowStr<'_>], others: &[(CowStr<'_>, Option<CowStr<'_>>)]) -> String {
    let mut html = String::new();
    let mut add = |name: &str, value: &str| {
        html.push(' ');
        escape::attribute(&mut html, name);
        html.push_str("=\"");
        escape::attribute(&mut html, value);
        html.push('"');
    };
    if !classes.is_empty() {
        let classes: Vec<&str> = classes.iter().map(AsRef::as_ref).collect();
        add("class", &classes.join(" "));
    }
    for (name, value) in others {
        add(name, value.as_deref().unwrap_or_default());
    }
    html
}

fn closing(level: u8) -> &'static str {
    match level {
        1 => "</h1>\n",
        2 => "</h2>\n",
        3 => "</h3>\n",
        4 => "</h4>\n",
        5 => "</h5>\n",
        _ => "</h6>\n",
    }
}

#[cfg(test)]
mod tests {
    use crate::markdown::{AsWritten, Options, render};

    fn html(text: &str) -> String {
        render(text, &Options::default(), &AsWritten).html
    }

    #[test]
    fn a_heading_has_an_id_and_a_link_to_itself_that_says_what_it_is() {
        assert_eq!(
            html("## It's *the* `end`"),
            "<h2 id=\"its-the-end\">It’s <em>the</em> <code>end</code> \
             <a class=\"anchor\" href=\"#its-the-end\" aria-label=\"Link to this section\">#</a></h2>\n"
        );
    }

    #[test]
    fn no_two_headings_share_an_id_unless_their_author_insists() {
        let text = "# A\n\n# A\n\n# A {#own .wide lang=en}\n\n# B {#a}\n\n# !!!\n\n# ???";
        let rendered = render(text, &Options::default(), &AsWritten);
        let ids: Vec<&str> = rendered.headings.iter().map(|heading| heading.id.as_str()).collect();
        assert_eq!(ids, ["a", "a-1", "own", "a", "section", "section-1"]);
        assert!(rendered.html.contains("<h1 id=\"own\" class=\"wide\" lang=\"en\">A <a"));
        let duplicate =
            super::Finding::DuplicateId { offset: text.find("# B").unwrap(), id: "a".into() };
        assert_eq!(rendered.findings, [duplicate]);
    }

    #[test]
    fn what_a_heading_says_is_known_as_text_and_as_html() {
        let rendered = render("x\n\n### A [b](c) & ![d](e)", &Options::default(), &AsWritten);
        let heading = &rendered.headings[0];
        assert_eq!((heading.level, heading.offset, heading.text.as_str()), (3, 3, "A b & "));
        assert!(heading.html.starts_with("A <a href=\"c\">b</a> &amp; <img"));
    }
}
