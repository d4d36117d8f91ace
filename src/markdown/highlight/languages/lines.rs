//! What is read line by line: differences, Markdown, plain text.

use super::data;
use crate::markdown::highlight::class::Class;
use crate::markdown::highlight::language::{Language, PLAIN};
use crate::markdown::highlight::painter::Painter;

pub(super) static TEXT: Language = Language::read_by(
    &["text", "txt", "plain", "plaintext", "output", "log", "none", "csv", "tsv", "tree", "ascii"],
    PLAIN,
    |painter, _| painter.plain(painter.rest().len()),
);

pub(super) static DIFF: Language = Language::read_by(&["diff", "patch", "udiff"], PLAIN, read_diff);

pub(super) static MARKDOWN: Language =
    Language::read_by(&["markdown", "md", "mdx", "mkd", "rmd", "qmd"], PLAIN, read_markdown);

/// `---` and `+++` name files where they stand together; else they are lines like others.
fn read_diff(painter: &mut Painter<'_>, _: &'static Language) {
    let mut after_old_name = false;
    while !painter.is_done() {
        let line = painter.line();
        let text = &painter.rest()[..line];
        let is_old_name = text.starts_with("--- ") && painter.rest()[line..].starts_with("\n+++ ");
        let is_about = [
            "diff ",
            "index ",
            "@@",
            "Only in ",
            "new file ",
            "deleted file ",
            "rename ",
            "similarity ",
        ]
        .iter()
        .any(|start| text.starts_with(start));
        if is_old_name || after_old_name || is_about {
            painter.paint(Class::Meta, line);
        } else if text.starts_with(['+', '>']) {
            painter.paint(Class::Inserted, line);
        } else if text.starts_with(['-', '<']) {
            painter.paint(Class::Deleted, line);
        } else {
            painter.plain(line);
        }
        after_old_name = is_old_name;
        painter.plain(1);
    }
}

fn read_markdown(painter: &mut Painter<'_>, _: &'static Language) {
    front_matter(painter);
    while !painter.is_done() {
        let line = painter.line();
        let text = &painter.rest()[..line];
        let trimmed = text.trim_start();
        if trimmed.starts_with("```") || trimmed.starts_with("~~~") {
            fence(painter, line);
        } else if is_heading(trimmed) {
            painter.paint(Class::Heading, line);
        } else if trimmed.starts_with("<!--") {
            painter.paint(Class::Comment, painter.past(0, "-->"));
        } else {
            painter.paint(Class::Keyword, mark_length(text));
            painter.within(painter.line(), inline);
        }
        painter.plain(usize::from(painter.sees("\n")));
    }
}

/// Settings between two lines of `---` or `+++`.
fn front_matter(painter: &mut Painter<'_>) {
    for (mark, language) in [("---\n", &data::YAML), ("+++\n", &data::TOML)] {
        let Some(end) = painter.rest().strip_prefix(mark).and_then(|rest| rest.find(&mark[..3]))
        else {
            continue;
        };
        painter.paint(Class::Meta, 3);
        painter.within(1 + end, |painter| (language.read)(painter, language));
        painter.paint(Class::Meta, 3);
        return;
    }
}

fn is_heading(line: &str) -> bool {
    let marks = line.bytes().take_while(|byte| *byte == b'#').count();
    (1..=6).contains(&marks) && line[marks..].starts_with([' ', '\t'])
}

/// A code block: its fences, and the code in its own colors where the language has any but these.
fn fence(painter: &mut Painter<'_>, line: usize) {
    let opening = painter.rest()[..line].trim();
    let marks = opening.len() - opening.trim_start_matches(['`', '~']).len();
    let (marks, info) = opening.split_at(marks);
    let name = info.trim().split([' ', ',', '{']).next().unwrap_or_default();
    let language =
        super::super::find(name).filter(|language| !std::ptr::eq(*language, &raw const MARKDOWN));
    painter.paint(Class::Meta, line);
    let length = closing_fence(painter.rest(), marks);
    painter.within(length, |painter| match language {
        Some(language) => (language.read)(painter, language),
        None => painter.plain(length),
    });
    painter.paint(Class::Meta, painter.line());
}

/// How far the line is that closes a code block.
fn closing_fence(text: &str, marks: &str) -> usize {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.trim().starts_with(marks) {
            return at;
        }
        at += line.len();
    }
    text.len()
}

/// How long the mark of a list item or a quotation is.
fn mark_length(line: &str) -> usize {
    let trimmed = line.trim_start();
    let digits = trimmed.bytes().take_while(u8::is_ascii_digit).count();
    let is_item =
        trimmed.starts_with("- ") || trimmed.starts_with("* ") || trimmed.starts_with("+ ");
    let is_number = (1..10).contains(&digits) && trimmed[digits..].starts_with(". ");
    line.len() - trimmed.len()
        + match (is_item || trimmed.starts_with('>'), is_number) {
            (true, _) => 1,
            (_, true) => digits + 1,
            _ => return 0,
        }
}

/// Code spans, destinations of links, tags.
fn inline(painter: &mut Painter<'_>) {
    while let Some(byte) = painter.byte() {
        let length = match byte {
            b'`' => {
                let marks = painter.run(|byte| byte == b'`');
                let end = painter.past(marks, &"`".repeat(marks));
                painter.paint(Class::String, end);
                continue;
            }
            b']' if painter.sees("](") => {
                painter.plain(2);
                painter.paint(Class::Variable, painter.until(")"));
                continue;
            }
            b'<' => {
                painter.paint(Class::Tag, painter.past(1, ">"));
                continue;
            }
            _ => painter.rest().as_bytes()[1..]
                .iter()
                .take_while(|byte| !b"`]<".contains(byte))
                .count(),
        };
        painter.plain(length + 1);
    }
}
