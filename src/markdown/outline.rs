//! What lists, feeds and titles need of a text, without rendering it.

use pulldown_cmark::{BrokenLink, Event, LinkType, Parser, Tag, TagEnd};

use super::{Options, block, script, words};

/// How much of a text is looked at first, and then; the whole of it only when the answer is not in there.
const GLANCES: [usize; 2] = [512, 2048];

/// How much of a comment is looked at to see whether it ends the summary.
const LONGEST_MARK: usize = 64;

/// A text at a glance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outline {
    /// The first heading, as plain text.
    pub heading: Option<String>,
    /// Whether the text opens with a level-1 heading, which then is a title.
    pub opens_with_title: bool,
    /// What stands before `<!-- more -->`, else the first paragraph, as plain text.
    pub summary: String,
    /// How many words a reader meets, code blocks aside.
    pub words: usize,
}

/// Which heading is sought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Sought {
    /// The first, however late it comes.
    #[default]
    First,
    /// One that the text opens with; a later one may be missed.
    Opening,
}

/// Reads the outline of `text`.
pub fn outline(text: &str, options: &Options) -> Outline {
    seek(text, options, Sought::First)
}

/// Reads the outline of a text that has a title already, for which a heading matters only if the text opens
/// with it; much less of the text must be looked at then.
pub fn outline_of_titled(text: &str, options: &Options) -> Outline {
    seek(text, options, Sought::Opening)
}

fn seek(text: &str, options: &Options, sought: Sought) -> Outline {
    let mut outline = match before_more(text).filter(|_| options.more) {
        Some(before) => {
            let mut outline = skim(before, options, true, sought);
            if outline.heading.is_none() && sought == Sought::First {
                outline.heading = skim(text, options, false, sought).heading;
            }
            outline
        }
        None => skim_in_steps(text, options, sought),
    };
    outline.words = words::count(text);
    outline
}

/// Looks at the beginning, and at more only if that was not enough.
fn skim_in_steps(text: &str, options: &Options, sought: Sought) -> Outline {
    let has_heading = |outline: &Outline| outline.heading.is_some() || sought == Sought::Opening;
    let glance = |length: usize| {
        let start = &text[..text.floor_char_boundary(length)];
        let end = start.rfind("\n\n").filter(|_| start.len() < text.len())?;
        let outline = skim(&start[..end], options, false, sought);
        (has_heading(&outline) && !outline.summary.is_empty()).then_some(outline)
    };
    let seen = GLANCES.into_iter().find_map(glance);
    seen.unwrap_or_else(|| skim(text, options, false, sought))
}

/// What stands before the first `<!-- more -->`.
fn before_more(text: &str) -> Option<&str> {
    let at = comments(text).find(|at| {
        let comment = &text[*at..text.floor_char_boundary(at + LONGEST_MARK)];
        let end = comment.find("-->").map(|end| end + "-->".len());
        end.is_some_and(|end| block::is_more(&comment[..end]))
    })?;
    Some(&text[..at])
}

/// Where comments begin. Few texts have any, so the rare sign of them is sought.
fn comments(text: &str) -> impl Iterator<Item = usize> {
    let bytes = text.as_bytes();
    let marks = memchr::memchr_iter(b'!', bytes);
    let begins = |at: &usize| bytes[..*at].ends_with(b"<") && bytes[*at..].starts_with(b"!--");
    marks.filter(begins).map(|at| at - 1)
}

/// Reads the events of `text` until the heading and the summary are known.
fn skim(text: &str, options: &Options, all_is_summary: bool, sought: Sought) -> Outline {
    let mut skim = Skim { all_is_summary, sought, ..Skim::default() };
    let mut references = |link: BrokenLink<'_>| is_reference(&link).then(|| ("".into(), "".into()));
    let parser =
        Parser::new_with_broken_link_callback(text, options.of_parser(text), Some(&mut references));
    for event in parser {
        skim.event(&event);
        if skim.is_done() {
            break;
        }
    }
    skim.finish()
}

/// A link whose destination may be defined in the part of the text that was not looked at.
fn is_reference(link: &BrokenLink<'_>) -> bool {
    matches!(link.link_type, LinkType::Reference | LinkType::Collapsed)
}

/// What was seen of a text so far.
#[derive(Default)]
struct Skim {
    outline: Outline,
    all_is_summary: bool,
    is_summary_done: bool,
    sought: Sought,
    heading: Option<String>,
    place: Place,
    /// What an image shows is no part of a summary.
    in_image: bool,
}

/// Where in a text the reading is.
#[derive(Default, PartialEq, Eq)]
enum Place {
    /// Before all of it.
    #[default]
    Start,
    Paragraph,
    Code,
    /// Anywhere else.
    Block,
}

impl Skim {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(*tag),
            Event::Text(text) | Event::Code(text) => self.text(text),
            Event::SoftBreak | Event::HardBreak => self.text(" "),
            _ => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Heading { level, .. } => {
                self.outline.opens_with_title |= self.place == Place::Start && *level as u8 == 1;
                self.heading = Some(String::new());
                self.place = Place::Block;
            }
            Tag::Paragraph => self.place = Place::Paragraph,
            Tag::CodeBlock(_) => self.place = Place::Code,
            Tag::Image { .. } => self.in_image = true,
            Tag::Item | Tag::TableCell => {
                self.place = Place::Block;
                self.space();
            }
            _ if self.place == Place::Start => self.place = Place::Block,
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(_) => {
                let heading = self.heading.take().filter(|text| !text.trim().is_empty());
                self.outline.heading = self.outline.heading.take().or(heading);
            }
            TagEnd::Paragraph => {
                self.place = Place::Block;
                self.is_summary_done |=
                    !self.all_is_summary && !self.outline.summary.trim().is_empty();
                self.space();
            }
            TagEnd::CodeBlock => self.place = Place::Block,
            TagEnd::Image => self.in_image = false,
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(heading) = &mut self.heading {
            heading.push_str(text);
        } else if self.is_summary() {
            self.outline.summary.push_str(text);
        }
    }

    fn is_summary(&self) -> bool {
        match self.place {
            _ if self.in_image => false,
            Place::Paragraph => !self.is_summary_done,
            Place::Code => false,
            Place::Start | Place::Block => self.all_is_summary,
        }
    }

    fn space(&mut self) {
        if !self.is_summary_done && !self.outline.summary.is_empty() {
            self.outline.summary.push(' ');
        }
    }

    fn is_done(&self) -> bool {
        let is_heading_done = self.sought == Sought::Opening || self.outline.heading.is_some();
        self.is_summary_done && is_heading_done
    }

    fn finish(mut self) -> Outline {
        self.outline.summary = tidied(&self.outline.summary);
        self.outline.heading = self.outline.heading.map(|heading| tidied(&heading));
        self.outline
    }
}

/// Single spaces between words, and no marks of scripts and of footnotes whose definitions were not looked at.
fn tidied(text: &str) -> String {
    let text = script::plain(text);
    let mut without = String::with_capacity(text.len());
    let mut rest = &*text;
    while let Some((before, after)) = rest.split_once("[^") {
        without.push_str(before);
        match after.split_once(']') {
            Some((label, behind)) if !label.contains(char::is_whitespace) => rest = behind,
            _ => {
                without.push_str("[^");
                rest = after;
            }
        }
    }
    without.push_str(rest);
    without.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Outline {
        outline(text, &Options::default())
    }

    #[test]
    fn the_summary_is_what_stands_before_the_mark_else_the_first_paragraph() {
        for (text, summary) in [
            ("First *one*\nof `two`.\n\nSecond.", "First one of two."),
            ("# Title\n\n```\ncode\n```\n\n- item\n\nText.", "Text."),
            ("One.\n\nTwo [a](b).\n\n<!-- more -->\n\nThree.", "One. Two a."),
            ("One.\n\n- a\n- b\n\n<!--more-->", "One. a b"),
            (
                "A [link][ref], [sic] and a note[^1].\n\n[^1]: Note.\n\n[ref]: /x",
                "A link, [sic] and a note.",
            ),
            ("![alt](a.png)\n\nText \"it's\".", "Text “it’s”."),
            ("mc^2^ and H~2~O.", "mc2 and H2O."),
            ("", ""),
            ("# Only a heading", ""),
        ] {
            assert_eq!(of(text).summary, summary, "{text}");
        }
    }

    #[test]
    fn the_first_heading_is_found_however_late_it_comes() {
        assert_eq!(of("# A *b* `c`\n\ntext").heading.as_deref(), Some("A b c"));
        assert!(of("# A").opens_with_title);
        assert!(!of("text\n\n# A").opens_with_title && !of("## A").opens_with_title);
        let late = format!("{}\n\n## Late\n", "text\n\n".repeat(2_000));
        assert_eq!(of(&late).heading.as_deref(), Some("Late"));
        assert_eq!(of("a\n\n<!-- more -->\n\n## Late").heading.as_deref(), Some("Late"));
        assert_eq!(of("text").heading, None);
    }

    #[test]
    fn a_text_with_a_title_is_read_only_as_far_as_its_summary() {
        let options = Options::default();
        let late = outline_of_titled("Summary.\n\nMore.\n\n## Late\n", &options);
        assert_eq!((late.summary.as_str(), late.heading.as_deref()), ("Summary.", None));
        let opening = outline_of_titled("# Title\n\nSummary.", &options);
        assert!(opening.opens_with_title);
        assert_eq!(
            (opening.summary.as_str(), opening.heading.as_deref()),
            ("Summary.", Some("Title"))
        );
    }

    #[test]
    fn a_long_text_gives_the_same_outline_as_its_beginning() {
        let text = format!("# Title\n\nSummary.\n\n{}", "More of it.\n\n".repeat(1_000));
        let outline = of(&text);
        assert_eq!((outline.summary.as_str(), outline.opens_with_title), ("Summary.", true));
        assert_eq!(outline.words, 2 + 3_000);
    }
}
