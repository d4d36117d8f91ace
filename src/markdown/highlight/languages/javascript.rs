//! JavaScript and TypeScript: regular expressions, templates, JSX.

use crate::markdown::highlight::class::Class;
use crate::markdown::highlight::language::{C_LIKE, Language, Quote, Table};
use crate::markdown::highlight::lexer;
use crate::markdown::highlight::painter::Painter;

const TABLE: Table = Table {
    keywords: "as async await break case catch class const continue debugger default delete do else export \
               extends finally for from function get if import in instanceof let new of return set static \
               super switch this throw try typeof var void while with yield",
    constants: "true false null undefined NaN Infinity",
    quotes: &[
        Quote::new("\""),
        Quote::new("'"),
        Quote::new("`").over_lines().with_code(&[("${", b'}')]),
    ],
    word: "$",
    sigils: &[(b'@', Class::Attribute), (b'#', Class::Variable)],
    special,
    ..C_LIKE
};

pub(super) static JAVASCRIPT: Language =
    Language::new(&["javascript", "js", "jsx", "mjs", "cjs", "node", "ecmascript"], TABLE);

const TYPED: Table = Table {
    keywords: "abstract as asserts async await break case catch class const continue debugger declare \
                   default delete do else enum export extends finally for from function get if implements \
                   import in infer instanceof interface is keyof let namespace new of override private \
                   protected public readonly return satisfies set static super switch this throw try type \
                   typeof var void while with yield",
    types: "any bigint boolean never number object string symbol unknown",
    ..TABLE
};

pub(super) static TSX: Language = Language::new(&["tsx"], TYPED);

/// Without JSX, because `<Page>value` converts a type here.
pub(super) static TYPESCRIPT: Language = Language::new(
    &["typescript", "ts", "mts", "cts", "astro"],
    Table { special: without_elements, ..TYPED },
);

/// The longest regular expression that is looked for.
const LONGEST_REGEX: usize = 512;

/// How deep elements and code may stand in one another.
const DEEPEST: usize = 64;

fn special(painter: &mut Painter<'_>, language: &'static Language) -> bool {
    match painter.byte() {
        Some(b'<') if may_be_element(painter) => {
            element(painter, language);
            painter.after_value = true;
            true
        }
        _ => without_elements(painter, language),
    }
}

fn without_elements(painter: &mut Painter<'_>, _: &'static Language) -> bool {
    match painter.byte() {
        Some(b'/') if !painter.after_value => regex(painter),
        Some(b'#') if painter.sees("#!") && painter.is_at_line_start() => {
            painter.paint(Class::Meta, painter.line());
            true
        }
        _ => false,
    }
}

/// A regular expression, where a value is expected. Comments also begin with a slash.
pub(super) fn regex(painter: &mut Painter<'_>) -> bool {
    let bytes = painter.rest().as_bytes();
    if matches!(bytes.get(1), None | Some(b'/' | b'*' | b' ' | b'=')) {
        return false;
    }
    let (mut at, mut in_class) = (1, false);
    while let Some(byte) = bytes.get(at).filter(|_| at < LONGEST_REGEX) {
        match byte {
            b'\n' => return false,
            b'\\' => at += 1,
            b'[' => in_class = true,
            b']' => in_class = false,
            b'/' if !in_class => {
                let flags = bytes[at + 1..].iter().take_while(|flag| flag.is_ascii_lowercase());
                painter.paint(Class::String, at + 1 + flags.count());
                painter.after_value = true;
                return true;
            }
            _ => {}
        }
        at += 1;
    }
    false
}

fn may_be_element(painter: &Painter<'_>) -> bool {
    !painter.after_value && painter.depth < DEEPEST && is_element(painter.rest())
}

/// Whether `<` begins an element, rather than a comparison or the parameters of a generic function.
fn is_element(text: &str) -> bool {
    let bytes = text.as_bytes();
    match bytes.get(1) {
        Some(b'>') => true,
        Some(first) if first.is_ascii_alphabetic() => {
            let name = 1 + name_length(&bytes[1..]);
            match bytes.get(name) {
                Some(b'>') => !text[name + 1..].starts_with('('),
                Some(b'/' | b'\n') => true,
                Some(b' ') => !text[name..].starts_with(" extends"),
                _ => false,
            }
        }
        _ => false,
    }
}

fn name_length(bytes: &[u8]) -> usize {
    let belongs = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-:$".contains(byte);
    bytes.iter().take_while(|byte| belongs(byte)).count()
}

/// An element and what stands in it.
fn element(painter: &mut Painter<'_>, language: &'static Language) {
    painter.depth += 1;
    if tag(painter, language) {
        content(painter, language);
    }
    painter.depth -= 1;
}

/// What stands in an element, and the tag that closes it.
fn content(painter: &mut Painter<'_>, language: &'static Language) {
    while let Some(byte) = painter.byte() {
        match byte {
            b'<' if painter.sees("</") => {
                tag(painter, language);
                return;
            }
            b'<' if painter.depth < DEEPEST && is_element(painter.rest()) => {
                element(painter, language);
            }
            b'{' if braces(painter, language) => {}
            b'<' | b'{' => painter.plain(1),
            _ => painter.plain(painter.run(|byte| !matches!(byte, b'<' | b'{'))),
        }
    }
}

/// A tag; whether it is one that content follows.
fn tag(painter: &mut Painter<'_>, language: &'static Language) -> bool {
    painter.plain(if painter.sees("</") { 2 } else { 1 });
    painter.paint(Class::Tag, name_length(painter.rest().as_bytes()));
    while let Some(byte) = painter.byte() {
        match byte {
            b'>' => {
                painter.plain(1);
                return true;
            }
            b'/' if painter.sees("/>") => {
                painter.plain(2);
                return false;
            }
            b'{' if braces(painter, language) => {}
            b'"' => painter.paint(Class::String, painter.past(1, "\"")),
            b'\'' => painter.paint(Class::String, painter.past(1, "'")),
            _ => match name_length(painter.rest().as_bytes()) {
                0 => painter.plain(1),
                length => painter.paint(Class::Attribute, length),
            },
        }
    }
    false
}

/// Code in braces.
fn braces(painter: &mut Painter<'_>, language: &'static Language) -> bool {
    if painter.depth >= DEEPEST {
        return false;
    }
    painter.plain(1);
    painter.depth += 1;
    painter.after_value = false;
    lexer::read_until(painter, language, Some(b'}'));
    painter.depth -= 1;
    painter.plain(usize::from(painter.byte() == Some(b'}')));
    true
}
