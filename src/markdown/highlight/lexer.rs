//! The reader that follows a table: one pass, one token at a time, never back.

use super::class::Class;
use super::language::{Capitals, Escape, Language, Quote};
use super::painter::{Painter, is_word};

/// How deep code may stand in strings that stand in code.
const DEEPEST: usize = 16;

/// Reads all there is.
pub(super) fn read(painter: &mut Painter<'_>, language: &'static Language) {
    read_until(painter, language, None);
}

/// Reads up to the `stop` that closes what is open here, or to the end.
pub(super) fn read_until(painter: &mut Painter<'_>, language: &'static Language, stop: Option<u8>) {
    let mut open = 0_usize;
    while let Some(byte) = painter.byte() {
        if Some(byte) == stop && open == 0 {
            return;
        }
        if token(painter, language, byte) {
            continue;
        }
        if Some(byte) == stop {
            open -= 1;
        } else if stop.is_some_and(|stop| byte == opening(stop)) {
            open += 1;
        }
        painter.after_value = matches!(byte, b')' | b']' | b'}');
        painter.awaited = painter.awaited.filter(|_| byte == b'.');
        painter.plain(1);
    }
}

const fn opening(close: u8) -> u8 {
    match close {
        b'}' => b'{',
        b']' => b'[',
        _ => b'(',
    }
}

/// Reads one token, unless it is punctuation.
fn token(painter: &mut Painter<'_>, language: &'static Language, byte: u8) -> bool {
    if byte.is_ascii_whitespace() {
        painter.plain(painter.run(|byte| byte.is_ascii_whitespace()));
        return true;
    }
    if (language.table.special)(painter, language) {
        return true;
    }
    if byte.is_ascii_digit() {
        number(painter);
    } else if is_word(byte) || may_begin_word(language, byte) {
        word(painter, language);
    } else {
        return sigil(painter, language, byte)
            || comment(painter, language)
            || quoted(painter, language);
    }
    true
}

/// Quotation marks and minus signs belong to words only within them.
fn may_begin_word(language: &Language, byte: u8) -> bool {
    !matches!(byte, b'-' | b'\'') && language.table.word.as_bytes().contains(&byte)
}

/// `0x1f`, `1_000u32`, `2.5e-3`, `10px`; but `1..2` is two of them.
pub(super) fn number(painter: &mut Painter<'_>) {
    let bytes = painter.rest().as_bytes();
    let is_hex = bytes.len() > 1 && matches!(bytes[1], b'x' | b'X');
    let mut length = 0;
    while let Some(byte) = bytes.get(length) {
        let next = bytes.get(length + 1).copied().unwrap_or_default();
        let belongs = match byte {
            b'.' => next.is_ascii_digit(),
            b'+' | b'-' => {
                !is_hex && matches!(bytes[length - 1], b'e' | b'E') && next.is_ascii_digit()
            }
            b'\'' => length > 0 && next.is_ascii_digit(),
            byte => byte.is_ascii_alphanumeric() || *byte == b'_',
        };
        if !belongs {
            break;
        }
        length += 1;
    }
    painter.paint(Class::Number, length);
    painter.after_value = true;
    painter.awaited = None;
}

/// A keyword, a type, a call or just a name.
fn word(painter: &mut Painter<'_>, language: &'static Language) {
    let length = painter.word(language.table.word).max(1);
    let Some(text) = painter.rest().get(..length) else { return painter.plain(length) };
    let is_member = painter.previous() == Some(b'.');
    let listed = language.class(text).filter(|_| !is_member);
    let is_qualifier = painter.rest().as_bytes().get(length) == Some(&b'.');
    let awaited = if is_qualifier { None } else { painter.awaited.take() };
    painter.after_value = listed != Some(Class::Keyword);
    match listed.or(awaited).or_else(|| guess(painter, language, text)) {
        Some(class) => painter.paint(class, length),
        None => painter.plain(length),
    }
    if listed == Some(Class::Keyword) {
        painter.awaited = introduces(text);
    }
}

/// What the name after a keyword is.
fn introduces(keyword: &str) -> Option<Class> {
    match keyword {
        "fn" | "func" | "fun" | "function" | "def" | "defp" | "defmacro" | "sub" | "proc" => {
            Some(Class::Function)
        }
        "class" | "struct" | "enum" | "trait" | "interface" | "protocol" | "record" | "module"
        | "defmodule" | "namespace" | "union" | "type" | "input" | "scalar" => Some(Class::Type),
        _ => None,
    }
}

/// What a name that no list has seems to be.
fn guess(painter: &Painter<'_>, language: &Language, text: &str) -> Option<Class> {
    let first = text.bytes().next()?;
    let capitals = language.table.capitals;
    if capitals != Capitals::Names && first.is_ascii_uppercase() {
        if capitals == Capitals::TypesAndCalls && painter.rest()[text.len()..].starts_with('(') {
            return Some(Class::Function);
        }
        let is_constant = text.len() > 1 && !text.bytes().any(|byte| byte.is_ascii_lowercase());
        return Some(if is_constant { Class::Constant } else { Class::Type });
    }
    let behind = painter.rest().as_bytes();
    (behind.get(text.len()) == Some(&b'(')).then_some(Class::Function)
}

fn sigil(painter: &mut Painter<'_>, language: &Language, byte: u8) -> bool {
    let Some((_, class)) = language.table.sigils.iter().find(|(sign, _)| *sign == byte) else {
        return false;
    };
    let rest = painter.rest().as_bytes();
    let length = 1 + rest[1..].iter().take_while(|byte| is_word(**byte) || **byte == b'.').count();
    let length = if rest[..length].ends_with(b".") { length - 1 } else { length };
    if length == 1 {
        return false;
    }
    painter.paint(*class, length);
    painter.after_value = true;
    true
}

/// A comment of either kind.
pub(super) fn comment(painter: &mut Painter<'_>, language: &Language) -> bool {
    let table = &language.table;
    if table.line_comments.iter().any(|mark| painter.sees(mark)) {
        painter.paint(Class::Comment, painter.line());
        return true;
    }
    let Some((open, close)) = table.block_comments.iter().find(|(open, _)| painter.sees(open))
    else {
        return false;
    };
    let length = if table.nested_comments {
        nested(painter.rest(), open, close)
    } else {
        painter.past(open.len(), close)
    };
    painter.paint(Class::Comment, length);
    true
}

/// How long a comment is in which others may stand.
fn nested(text: &str, open: &str, close: &str) -> usize {
    let (bytes, mut at, mut depth) = (text.as_bytes(), 0, 0_usize);
    while at < bytes.len() {
        if bytes[at..].starts_with(open.as_bytes()) {
            depth += 1;
            at += open.len();
        } else if bytes[at..].starts_with(close.as_bytes()) {
            depth -= 1;
            at += close.len();
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// A string of any of the language's kinds.
pub(super) fn quoted(painter: &mut Painter<'_>, language: &'static Language) -> bool {
    let Some(quote) = language.table.quotes.iter().find(|quote| painter.sees(quote.open)) else {
        return false;
    };
    string(painter, language, quote, quote.open.len());
    true
}

/// A string whose opening mark, and whatever precedes it, is `start` bytes long.
pub(super) fn string(
    painter: &mut Painter<'_>,
    language: &'static Language,
    quote: &Quote,
    start: usize,
) {
    painter.paint(Class::String, start);
    while !painter.is_done() && !ends(painter, quote) {
        if !(escape(painter, quote) || variable(painter, quote) || code(painter, language, quote)) {
            let length = painter.run(|byte| !is_special(byte, quote));
            painter.paint(Class::String, length.max(1));
        }
    }
    painter.after_value = true;
    painter.awaited = None;
}

/// Whether something other than text may begin with `byte`.
fn is_special(byte: u8, quote: &Quote) -> bool {
    byte == b'\\'
        || byte == b'\n'
        || byte == quote.close.as_bytes()[0]
        || (byte == b'$' && quote.variables)
        || quote.code.iter().any(|(open, _)| open.as_bytes()[0] == byte)
}

/// Reads the closing mark; an end of line ends what may not go beyond it.
fn ends(painter: &mut Painter<'_>, quote: &Quote) -> bool {
    if !quote.lines && painter.byte() == Some(b'\n') {
        return true;
    }
    if !painter.sees(quote.close) {
        return false;
    }
    let length = quote.close.len();
    if quote.escape == Escape::Doubled && painter.rest()[length..].starts_with(quote.close) {
        return false;
    }
    painter.paint(Class::String, length);
    true
}

fn escape(painter: &mut Painter<'_>, quote: &Quote) -> bool {
    match quote.escape {
        Escape::Backslash if painter.byte() == Some(b'\\') => {
            if quote.code.iter().any(|(open, _)| painter.sees(open)) {
                return false;
            }
            painter.paint(Class::Escape, escape_length(painter.rest()));
            true
        }
        Escape::Doubled if painter.sees(quote.close) => {
            painter.paint(Class::Escape, quote.close.len() * 2);
            true
        }
        _ => false,
    }
}

/// How long `\n`, `\x1b`, `\u00e9` or `\u{1f600}` is.
fn escape_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = match bytes.get(1) {
        Some(b'u') if bytes.get(2) == Some(&b'{') => {
            let window = &bytes[..bytes.len().min(12)];
            return window.iter().position(|byte| *byte == b'}').map_or(2, |end| end + 1);
        }
        Some(b'x') => 2,
        Some(b'u') => 4,
        Some(b'U') => 8,
        _ => 0,
    };
    let hex = bytes.iter().skip(2).take(digits).take_while(|byte| byte.is_ascii_hexdigit()).count();
    2 + hex
}

fn variable(painter: &mut Painter<'_>, quote: &Quote) -> bool {
    if !quote.variables {
        return false;
    }
    let is_braced = painter.sees("${") && quote.code.iter().all(|(open, _)| *open != "${");
    if is_braced {
        painter.paint(Class::Variable, painter.past_in_line(2, "}"));
    }
    is_braced || dollar(painter)
}

/// Reads `$name`, `$1`, `$?`.
pub(super) fn dollar(painter: &mut Painter<'_>) -> bool {
    let rest = painter.rest().as_bytes();
    if rest.first() != Some(&b'$') {
        return false;
    }
    let name = rest[1..].iter().take_while(|byte| is_word(**byte)).count();
    let is_special = rest.get(1).is_some_and(|sign| b"?@#*!$-".contains(sign));
    if name == 0 && !is_special {
        return false;
    }
    painter.paint(Class::Variable, 1 + name.max(1));
    true
}

/// Reads code in a string, together with the marks around it.
fn code(painter: &mut Painter<'_>, language: &'static Language, quote: &Quote) -> bool {
    let Some((open, close)) = quote.code.iter().find(|(open, _)| painter.sees(open)) else {
        return false;
    };
    if painter.depth >= DEEPEST {
        return false;
    }
    if *open == "{" && painter.sees("{{") {
        painter.paint(Class::Escape, 2);
        return true;
    }
    // The sign of a variable belongs to the variable: `{$x}`.
    painter.paint(Class::Escape, open.len() - usize::from(open.ends_with("{$")));
    painter.depth += 1;
    painter.after_value = false;
    read_until(painter, language, Some(*close));
    painter.depth -= 1;
    if painter.byte() == Some(*close) {
        painter.paint(Class::Escape, 1);
    }
    true
}
