//! Style sheets: CSS, SCSS, Less.

use crate::markdown::highlight::class::Class;
use crate::markdown::highlight::language::{C_LIKE, Language, Table};
use crate::markdown::highlight::lexer;
use crate::markdown::highlight::painter::{Painter, is_word};

pub(super) static CSS: Language =
    Language::read_by(&["css"], Table { line_comments: &[], ..C_LIKE }, read);

pub(super) static SCSS: Language =
    Language::read_by(&["scss", "sass", "less", "stylus", "postcss"], C_LIKE, read);

/// Reads statements: what ends in `{` is a selector, what ends otherwise a declaration.
pub(super) fn read(painter: &mut Painter<'_>, language: &'static Language) {
    while let Some(byte) = painter.byte() {
        if lexer::comment(painter, language) {
            continue;
        }
        if byte.is_ascii_whitespace() || matches!(byte, b'{' | b'}' | b';') {
            painter.plain(1);
            continue;
        }
        let length = statement_length(painter.rest().as_bytes());
        let opens_block = painter.rest().as_bytes().get(length) == Some(&b'{');
        let is_rule = byte == b'@' && !painter.rest()[..length].contains(": ");
        painter.within(length, |painter| {
            match (is_rule || byte == b'@' && opens_block, opens_block) {
                (true, _) => at_rule(painter, language),
                (_, true) => selector(painter, language),
                _ => declaration(painter, language),
            }
        });
    }
}

/// The longest `#{...}` that is looked for.
const LONGEST_INTERPOLATION: usize = 128;

/// How far the `{`, `}` or `;` is that ends a statement; those in parentheses and strings do not.
fn statement_length(bytes: &[u8]) -> usize {
    let (mut at, mut open, mut mark) = (0, 0_usize, None);
    while let Some(byte) = bytes.get(at) {
        match (mark, byte) {
            (_, b'\\') => at += 1,
            (Some(awaited), byte) if awaited == *byte => mark = None,
            (Some(_), b'\n') => mark = None,
            (None, b'"' | b'\'') => mark = Some(*byte),
            (None, b'(') => open += 1,
            (None, b')') => open = open.saturating_sub(1),
            (None, b'#') if bytes.get(at + 1) == Some(&b'{') => {
                let name = bytes[at..].iter().take(LONGEST_INTERPOLATION);
                at += name.copied().position(|byte| byte == b'}').unwrap_or(0);
            }
            (None, b'{' | b'}' | b';') if open == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// `@media (...)`, `@include name(...)`.
fn at_rule(painter: &mut Painter<'_>, language: &'static Language) {
    painter.paint(Class::Keyword, name(painter, 1));
    while let Some(byte) = painter.byte() {
        let length = name(painter, 0);
        let text = &painter.rest()[..length];
        if matches!(
            text,
            "and" | "or" | "not" | "only" | "from" | "to" | "in" | "if" | "else" | "as" | "with"
        ) {
            painter.paint(Class::Keyword, length);
        } else if length > 0 && painter.rest()[length..].starts_with(':') {
            painter.paint(Class::Attribute, length);
        } else {
            value(painter, language, byte);
        }
    }
}

fn selector(painter: &mut Painter<'_>, language: &'static Language) {
    while let Some(byte) = painter.byte() {
        if lexer::comment(painter, language) {
            continue;
        }
        match byte {
            b'.' | b'%' => painter.paint(Class::Type, name(painter, 1)),
            b'#' if painter.sees("#{") => painter.paint(Class::Escape, painter.past(0, "}")),
            b'#' => painter.paint(Class::Variable, name(painter, 1)),
            b':' => {
                let colons = painter.run(|byte| byte == b':');
                painter.paint(Class::Keyword, name(painter, colons));
            }
            b'[' => {
                painter.plain(1);
                painter.paint(Class::Attribute, name(painter, 0));
            }
            b'"' | b'\'' => string(painter, byte),
            byte if byte.is_ascii_digit() => number(painter, 0),
            byte if is_word(byte) => painter.paint(Class::Tag, name(painter, 0)),
            _ => painter.plain(1),
        }
    }
}

/// `property: value`.
fn declaration(painter: &mut Painter<'_>, language: &'static Language) {
    let length = painter.run(|byte| byte != b':');
    let property = painter.rest()[..length].trim_end();
    let is_variable = property.starts_with("--") || property.starts_with(['$', '@']);
    let class = if is_variable { Class::Variable } else { Class::Attribute };
    painter.paint(class, property.len());
    while let Some(byte) = painter.byte() {
        value(painter, language, byte);
    }
}

/// A piece of a value.
fn value(painter: &mut Painter<'_>, language: &'static Language, byte: u8) {
    let next_is_digit =
        painter.rest().as_bytes().get(1).is_some_and(|byte| byte.is_ascii_digit() || *byte == b'.');
    if lexer::comment(painter, language) {
        return;
    }
    match byte {
        b'"' | b'\'' => string(painter, byte),
        b'#' if painter.sees("#{") => painter.paint(Class::Escape, painter.past(0, "}")),
        b'#' => painter.paint(Class::Number, name(painter, 1)),
        b'$' | b'@' => painter.paint(Class::Variable, name(painter, 1)),
        b'!' => painter.paint(Class::Keyword, name(painter, 1)),
        b'-' if painter.sees("--") => painter.paint(Class::Variable, name(painter, 2)),
        b'0'..=b'9' => number(painter, 0),
        b'-' | b'+' | b'.' if next_is_digit => number(painter, 1),
        byte if is_word(byte) || byte == b'-' => word(painter),
        _ => painter.plain(1),
    }
}

fn number(painter: &mut Painter<'_>, sign: usize) {
    let digits = painter.rest().as_bytes()[sign..]
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || b".%".contains(byte));
    painter.paint(Class::Number, (sign + digits.count()).max(1));
}

/// A function, an address, or a word that says itself what it is.
fn word(painter: &mut Painter<'_>) {
    let length = name(painter, 0).max(1);
    let text = painter.rest().get(..length).unwrap_or_default();
    if !painter.rest()[text.len()..].starts_with('(') {
        return painter.plain(length);
    }
    painter.paint(Class::Function, length);
    let is_bare = text == "url" && !painter.sees("(\"") && !painter.sees("('");
    if is_bare {
        painter.plain(1);
        painter.paint(Class::String, painter.until(")"));
    }
}

fn string(painter: &mut Painter<'_>, mark: u8) {
    let bytes = painter.rest().as_bytes();
    let mut at = 1;
    while bytes.get(at).is_some_and(|byte| *byte != mark && *byte != b'\n') {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    painter.paint(Class::String, at + usize::from(bytes.get(at) == Some(&mark)));
}

/// How long the name is that begins after `skip` bytes, these included.
fn name(painter: &Painter<'_>, skip: usize) -> usize {
    let bytes = painter.rest().as_bytes();
    let skip = skip.min(bytes.len());
    skip + bytes[skip..].iter().take_while(|byte| is_word(**byte) || **byte == b'-').count()
}
