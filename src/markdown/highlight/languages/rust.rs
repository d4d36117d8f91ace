//! Rust: raw strings, lifetimes, attributes, macros.

use crate::markdown::highlight::class::Class;
use crate::markdown::highlight::language::{C_LIKE, Language, Quote, Table};
use crate::markdown::highlight::lexer;
use crate::markdown::highlight::painter::{Painter, is_word};

pub(super) static RUST: Language = Language::new(
    &["rust", "rs"],
    Table {
        keywords: "as async await break const continue crate dyn else enum extern fn for if impl in let loop \
                   match mod move mut pub ref return self static struct super trait type union unsafe use \
                   where while yield macro_rules",
        types: "bool char str u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64 Self",
        constants: "true false None",
        nested_comments: true,
        quotes: &[Quote::new("\"").over_lines()],
        special,
        ..C_LIKE
    },
);

/// The longest character: `'\\u{10ffff}'`.
const LONGEST_CHARACTER: usize = 12;

/// The longest attribute that is looked for.
const LONGEST_ATTRIBUTE: usize = 512;

fn special(painter: &mut Painter<'_>, language: &'static Language) -> bool {
    match painter.byte() {
        Some(b'\'') => quote(painter),
        Some(b'#') => attribute(painter),
        Some(b'r' | b'b' | b'c') if prefixed(painter, language) => true,
        Some(byte) if is_word(byte) && !byte.is_ascii_digit() => macro_call(painter),
        _ => false,
    }
}

/// A character, or the name of a lifetime.
fn quote(painter: &mut Painter<'_>) -> bool {
    let rest = painter.rest();
    let mut letters = rest[1..].chars();
    let first = letters.next();
    let length = match first {
        Some('\\') => {
            let bytes = rest.as_bytes().iter().take(LONGEST_CHARACTER);
            bytes.skip(3).position(|byte| *byte == b'\'').map_or(2, |at| at + 4)
        }
        Some(letter) if letters.next() == Some('\'') => letter.len_utf8() + 2,
        _ => {
            let name = painter.word("'");
            painter.paint(Class::Variable, name.max(1));
            return true;
        }
    };
    painter.paint(Class::String, length);
    true
}

/// `r"..."`, `r#"..."#`, `b"..."`, `b'x'`, `br"..."`, `c"..."`.
fn prefixed(painter: &mut Painter<'_>, language: &'static Language) -> bool {
    let rest = painter.rest();
    let letters = painter.run(|byte| matches!(byte, b'r' | b'b' | b'c'));
    let prefix = &rest[..letters];
    if !matches!(prefix, "r" | "b" | "c" | "br" | "cr") {
        return false;
    }
    if prefix == "b" && rest[1..].starts_with('\'') {
        painter.paint(Class::String, 1);
        return quote(painter);
    }
    if !prefix.ends_with('r') {
        let is_string = rest[letters..].starts_with('"');
        if is_string {
            lexer::string(painter, language, &language.table.quotes[0], letters + 1);
        }
        return is_string;
    }
    let hashes = rest[letters..].bytes().take_while(|byte| *byte == b'#').count();
    if !rest[letters + hashes..].starts_with('"') {
        return false;
    }
    let closing = format!("\"{}", "#".repeat(hashes));
    painter.paint(Class::String, painter.past(letters + hashes + 1, &closing));
    painter.after_value = true;
    true
}

/// `#[...]` or `#![...]`.
fn attribute(painter: &mut Painter<'_>) -> bool {
    let bytes = painter.rest().as_bytes();
    let start = if painter.sees("#![") { 2 } else { 1 };
    if bytes.get(start) != Some(&b'[') {
        return false;
    }
    let mut open = 0_usize;
    for (at, byte) in bytes.iter().enumerate().take(LONGEST_ATTRIBUTE).skip(start) {
        match byte {
            b'[' => open += 1,
            b']' => open -= 1,
            _ => {}
        }
        if open == 0 {
            painter.paint(Class::Attribute, at + 1);
            return true;
        }
    }
    false
}

/// `name!(...)`, `name![...]`, `name! { ... }`.
fn macro_call(painter: &mut Painter<'_>) -> bool {
    let length = painter.word("");
    let rest = &painter.rest().as_bytes()[length..];
    let is_call =
        rest.first() == Some(&b'!') && matches!(rest.get(1), Some(b'(' | b'[' | b'{' | b' '));
    if is_call {
        painter.paint(Class::Function, length + 1);
        painter.after_value = false;
    }
    is_call
}
