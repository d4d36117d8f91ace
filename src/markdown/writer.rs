//! The way from the parser's events to HTML: who writes which event, and what is open.

use std::ops::Range;

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use super::block::Paragraph;
use super::code::OpenCode;
use super::footnote::Footnotes;
use super::heading::OpenHeading;
use super::image::OpenImage;
use super::table::Table;
use super::text::Pending;
use super::{Finding, Options, Rendered, Resolver, contents};
use crate::permalink::UniqueSlugs;

/// How many elements may stand in one another. Browsers stop at 512; nobody reads more than ten.
const DEEPEST: usize = 100;

/// Turns `text` into HTML.
///
/// Never panics and never fails: every text is Markdown. Time and size are linear in the text: nesting
/// beyond a hundred levels loses its tags, and rows of a table are not filled up without end.
pub fn render(text: &str, options: &Options, resolver: &dyn Resolver) -> Rendered {
    let mut writer = Writer::new(text, options, resolver);
    for (event, range) in Parser::new_ext(text, options.of_parser(text)).into_offset_iter() {
        writer.event(event, range);
    }
    writer.finish()
}

/// HTML in the making. The files beside this one add what they know about their events.
pub(super) struct Writer<'a> {
    pub(super) source: &'a str,
    pub(super) options: &'a Options,
    pub(super) resolver: &'a dyn Resolver,
    pub(super) html: String,
    /// What ends each open element, outermost first.
    closers: Vec<&'static str>,
    pub(super) pending: Pending,
    pub(super) paragraph: Paragraph,
    pub(super) heading: Option<OpenHeading>,
    pub(super) images: Vec<OpenImage>,
    pub(super) open_links: usize,
    /// Whether an `<a>` of the author's own HTML is open.
    pub(super) is_in_raw_link: bool,
    pub(super) code: Option<OpenCode>,
    pub(super) table: Table,
    pub(super) footnotes: Footnotes,
    pub(super) slugs: UniqueSlugs,
    /// Where tables of contents are to stand in the HTML.
    pub(super) contents: Vec<usize>,
    /// All that was learnt; its `html` stays empty until the end.
    pub(super) learnt: Rendered,
    too_deep: bool,
    /// Whether the page's title was met and left out.
    pub(super) title_left_out: bool,
}

impl<'a> Writer<'a> {
    fn new(source: &'a str, options: &'a Options, resolver: &'a dyn Resolver) -> Self {
        Self {
            source,
            options,
            resolver,
            html: String::with_capacity(source.len() + source.len() / 2),
            closers: Vec::new(),
            pending: Pending::default(),
            paragraph: Paragraph::default(),
            heading: None,
            images: Vec::new(),
            open_links: 0,
            is_in_raw_link: false,
            code: None,
            table: Table::default(),
            footnotes: Footnotes::default(),
            slugs: UniqueSlugs::default(),
            contents: Vec::new(),
            learnt: Rendered::default(),
            too_deep: false,
            title_left_out: false,
        }
    }

    fn event(&mut self, event: Event<'_>, range: Range<usize>) {
        if let Event::Text(text) = &event {
            return self.text(text, range);
        }
        self.flush_text();
        match event {
            Event::Start(tag) => self.start(tag, range),
            Event::End(tag) => self.end(tag, range),
            Event::Html(html) => self.raw_html(&html),
            Event::InlineHtml(html) => self.inline_html(&html),
            Event::Code(code) => self.code_span(&code),
            Event::SoftBreak => self.line_break("\n"),
            Event::HardBreak => self.line_break("<br />\n"),
            Event::Rule => self.block("<hr />\n"),
            Event::FootnoteReference(label) => self.footnote_reference(&label),
            Event::TaskListMarker(done) => self.task(done),
            // Asked of the parser by no option yet, and dealt with above.
            Event::InlineMath(_) | Event::DisplayMath(_) | Event::Text(_) => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>, range: Range<usize>) {
        if !self.images.is_empty() && !matches!(tag, Tag::Image { .. }) {
            return self.closers.push("");
        }
        match tag {
            Tag::Heading { .. } => self.start_heading(tag, range),
            Tag::CodeBlock(kind) => self.start_code(kind, range),
            Tag::FootnoteDefinition(label) => self.start_footnote(&label, range),
            Tag::Link { link_type, dest_url, title, .. } => {
                self.start_link(link_type, &dest_url, &title, range);
            }
            Tag::Image { dest_url, title, .. } => self.start_image(&dest_url, &title, range),
            Tag::Emphasis
            | Tag::Strong
            | Tag::Strikethrough
            | Tag::Superscript
            | Tag::Subscript => self.start_inline(&tag, range),
            Tag::Table(_) | Tag::TableHead | Tag::TableRow | Tag::TableCell => {
                self.start_table_part(tag, range);
            }
            _ => self.start_block(&tag, range),
        }
    }

    fn end(&mut self, tag: TagEnd, range: Range<usize>) {
        let close = self.closers.pop().unwrap_or_default();
        if !self.images.is_empty() && tag != TagEnd::Image {
            return;
        }
        match tag {
            TagEnd::Image => self.end_image(range),
            TagEnd::Heading(_) => self.end_heading(close),
            TagEnd::Paragraph => self.end_paragraph(range),
            TagEnd::CodeBlock => self.end_code(),
            TagEnd::FootnoteDefinition => self.end_footnote(),
            TagEnd::TableHead => self.end_table_head(close),
            TagEnd::TableCell => self.end_table_cell(close),
            TagEnd::Link => self.end_link(close),
            _ => self.html.push_str(close),
        }
    }

    fn finish(mut self) -> Rendered {
        self.write_footnotes();
        // One table of contents is enough; a text of nothing but marks for it would grow without bound.
        if let Some(at) = self.contents.first() {
            let list = contents::write(&self.learnt.headings, &self.options.labels.contents);
            self.html.insert_str(*at, &list);
        }
        self.learnt.html = self.html;
        self.learnt
    }

    /// Writes the start of an element and remembers how it ends.
    pub(super) fn open(&mut self, start: &str, close: &'static str) {
        self.html.push_str(start);
        self.closers.push(close);
    }

    /// As [`Self::open`], on a line of its own.
    pub(super) fn open_block(&mut self, start: &str, close: &'static str) {
        self.fresh_line();
        self.open(start, close);
    }

    /// Writes a whole element on a line of its own.
    pub(super) fn block(&mut self, html: &str) {
        self.fresh_line();
        self.html.push_str(html);
    }

    /// Begins a new line unless one has just begun.
    pub(super) fn fresh_line(&mut self) {
        if !self.html.is_empty() && !self.html.ends_with('\n') {
            self.html.push('\n');
        }
    }

    /// Whether an element that begins at `offset` stands too deep to be written; found once a text.
    pub(super) fn is_too_deep(&mut self, offset: usize) -> bool {
        let deep = self.depth() >= DEEPEST;
        if deep && !self.too_deep {
            self.too_deep = true;
            self.learnt.findings.push(Finding::Nesting { offset });
        }
        deep
    }

    /// Whether the list around an item was too deep to be written.
    pub(super) fn is_in_lost_list(&self) -> bool {
        self.depth() > DEEPEST
    }

    fn depth(&self) -> usize {
        self.closers.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::markdown::{AsWritten, Finding, Options, outline, render};

    fn html(text: &str) -> String {
        render(text, &Options::default(), &AsWritten).html
    }

    #[test]
    fn nesting_stops_at_a_hundred_levels_and_is_found() {
        for (piece, tag) in [
            ("> ", "<blockquote>"),
            ("- ", "<ul>"),
            ("1. ", "<ol>"),
            ("*a **a ", "<em>"),
            ("![", "<img"),
            ("[", "<a"),
        ] {
            let text = format!("{}x", piece.repeat(30_000));
            let rendered = render(&text, &Options::default(), &AsWritten);
            assert!(rendered.html.matches(tag).count() <= 100, "{piece}");
            assert!(rendered.html.len() < 8 * text.len(), "{piece}");
            assert!(rendered.html.contains('x'), "{piece}");
            let found =
                rendered.findings.iter().any(|finding| matches!(finding, Finding::Nesting { .. }));
            assert_eq!(found, matches!(piece, "> " | "- " | "1. "), "{piece}");
        }
    }

    #[test]
    fn nothing_overflows_the_stack_of_a_small_thread() {
        let render_all = || {
            for piece in [
                "> ", "- ", "*_", "**a *a ", "[^a]: ", "![a](", "[[", "<b>", "~^", "|", "`", "[a](",
            ] {
                let text = piece.repeat(20_000);
                let rendered = render(&text, &Options::default(), &AsWritten);
                assert!(rendered.html.len() < 20 * text.len(), "{piece}");
                outline(&text, &Options::default());
            }
        };
        let thread = std::thread::Builder::new().stack_size(512 * 1024).spawn(render_all);
        thread.unwrap().join().unwrap();
    }

    #[test]
    fn emphasis_in_emphasis_stops_too() {
        let text = format!("{}x{}", "*a ".repeat(500), " b*".repeat(500));
        let rendered = render(&text, &Options::default(), &AsWritten);
        assert_eq!(rendered.html.matches("<em>").count(), rendered.html.matches("</em>").count());
        assert!(rendered.html.matches("<em>").count() <= 100);
    }

    #[test]
    fn a_table_of_contents_stands_where_it_was_asked_for() {
        let text = "# A\n\n[TOC]\n\n## B *b*\n\n### C\n\n> [TOC]\n";
        let rendered = html(text);
        assert_eq!(rendered.matches("<nav class=\"toc\"").count(), 1, "the first mark alone");
        assert!(rendered.contains("<li><a href=\"#b-b\">B b</a>"));
        assert!(rendered.find("<nav") < rendered.find("id=\"b-b\""));
        for other in ["\\[TOC\\]", "a [TOC]", "`[TOC]`", "[^1]\n\n[^1]: [TOC]\n\n# H"] {
            assert!(!html(other).contains("<nav"), "{other}");
        }
    }

    #[test]
    fn the_mark_that_ends_a_summary_leaves_no_trace() {
        assert_eq!(html("a\n\n<!-- more -->\n\nb"), "<p>a</p>\n<p>b</p>\n");
        assert_eq!(html("a <!--MORE--> b"), "<p>a  b</p>\n");
        assert!(html("<!-- more or less -->").contains("more or less"));
    }

    #[test]
    fn the_title_can_be_left_out() {
        let options = Options { skip_title: true, ..Options::default() };
        let of = |text: &str| render(text, &options, &AsWritten);
        assert_eq!(of("# *Title*\n\ntext").html, "<p>text</p>\n");
        assert!(of("# Title\n\n## Part").headings.iter().all(|heading| heading.text == "Part"));
        assert!(of("text\n\n# Title").html.contains("<h1"));
        assert!(of("# Title\n\n# Other").html.contains("Other"));
        assert!(of("## Part").html.contains("<h2"));
    }

    #[test]
    fn typography_leaves_code_and_addresses_alone() {
        assert_eq!(
            html("\"it's\" -- `'a' -- b` https://x.example/a--b'c wait..."),
            "<p>“it’s” – <code>'a' -- b</code> \
             <a href=\"https://x.example/a--b&#x27;c\">https://x.example/a--b'c</a> wait…</p>\n"
        );
        assert!(html("```\n'a' -- b...\n```").contains("'a' -- b..."));
    }

    #[test]
    fn definitions_and_scripts_are_understood() {
        assert_eq!(html("term\n: what it is"), "<dl>\n<dt>term</dt>\n<dd>what it is</dd>\n</dl>\n");
        for text in ["> term\n> : what", "- term\n\n  : what", "term\n:\twhat"] {
            assert!(html(text).contains("<dd>"), "{text}: {}", html(text));
        }
        for text in ["I was glad.\n\n:-) Really: yes.", ":smile: too", "glad\n\n:\n", ":x\n: y"] {
            assert_eq!(html(text).contains("<dd>"), text.contains("\n: "), "{text}");
        }
        assert_eq!(html("glad\n\n:-) too"), "<p>glad</p>\n<p>:-) too</p>\n");
        assert_eq!(html("H~2~O and x^2^"), "<p>H<sub>2</sub>O and x<sup>2</sup></p>\n");
        assert_eq!(
            html("2^10 and 2^20, ~5 to ~10, a\\^b^"),
            "<p>2^10 and 2^20, ~5 to ~10, a^b^</p>\n"
        );
    }

    proptest! {
        #[test]
        fn any_text_can_be_rendered(text in "(?s).{0,300}") {
            render(&text, &Options::default(), &AsWritten);
            render(&text, &Options::commonmark(), &AsWritten);
            outline(&text, &Options::default());
        }

        #[test]
        fn any_marks_can_be_rendered(pieces in prop::collection::vec(prop::sample::select(vec![
            "# ", "> ", "- ", "1. ", "```", "~~~\n", "|a|b|\n|-|-|\n", "|", "*", "_", "**", "~", "~~", "^", "`", "[", "]",
            "(", ")", "![", "[[", "]]", "<", ">", "<b>", "<!-- more -->", "[^1]", "[^1]: ", "[TOC]", "\n", "\n\n", "  ", "\t",
            "http://", "www.", "a@b.c", "é", "\"", "'", "--", "&amp;", "\\", "{#x .y}", "[!NOTE]\n", ": ", "- [x] ", "text",
        ]), 0..60)) {
            let text = pieces.concat();
            let rendered = render(&text, &Options::default(), &AsWritten);
            prop_assert!(rendered.html.len() <= 200 + 400 * text.len());
            let in_text = |offset: usize| text.is_char_boundary(offset) && offset <= text.len();
            prop_assert!(rendered.links.iter().all(|link| in_text(link.offset)));
            prop_assert!(rendered.images.iter().all(|image| in_text(image.offset)));
            prop_assert!(rendered.headings.iter().all(|heading| in_text(heading.offset)));
            outline(&text, &Options::default());
        }
    }
}
