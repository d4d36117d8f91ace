//! JSON, YAML, TOML and settings files.

use crate::markdown::highlight::class::Class;
use crate::markdown::highlight::language::{Language, PLAIN, Quote, Table};
use crate::markdown::highlight::lexer;
use crate::markdown::highlight::painter::{Painter, is_word};

pub(super) static JSON: Language = Language::new(
    &["json", "jsonc", "json5", "jsonl", "geojson", "webmanifest"],
    Table {
        constants: "true false null",
        line_comments: &["//"],
        block_comments: &[("/*", "*/")],
        special: json_key,
        ..PLAIN
    },
);

pub(super) static TOML: Language = Language::new(
    &["toml"],
    Table {
        constants: "true false inf nan",
        line_comments: &["#"],
        quotes: &[
            Quote::new("\"\"\"").over_lines(),
            Quote::raw("'''", "'''"),
            Quote::new("\""),
            Quote { lines: false, ..Quote::raw("'", "'") },
        ],
        special: toml_key,
        ..PLAIN
    },
);

pub(super) static YAML: Language = Language::read_by(
    &["yaml", "yml"],
    Table { constants: "true false null yes no on off True False ~", ..PLAIN },
    read_yaml,
);

pub(super) static INI: Language = Language::read_by(
    &["ini", "cfg", "conf", "env", "dotenv", "properties", "desktop", "editorconfig", "systemd"],
    PLAIN,
    read_ini,
);

/// A string before a colon.
fn json_key(painter: &mut Painter<'_>, _: &'static Language) -> bool {
    if painter.byte() != Some(b'"') {
        return false;
    }
    let length = quoted_length(painter.rest(), b'"');
    let is_key = painter.rest()[length..].trim_start_matches([' ', '\t']).starts_with(':');
    painter.paint(Class::Attribute, if is_key { length } else { 0 });
    is_key
}

/// How long the string is that `text` begins with; it does not go beyond its line.
fn quoted_length(text: &str, mark: u8) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            byte if *byte == mark => return at + 1,
            b'\n' => return at,
            _ => at += 1,
        }
    }
    text.len().min(at)
}

/// `[section]` at the start of a line, or a name before `=`.
fn toml_key(painter: &mut Painter<'_>, _: &'static Language) -> bool {
    if painter.byte() == Some(b'[') && painter.is_at_line_start() {
        let line = &painter.rest()[..painter.line()];
        if let Some(end) = line.rfind(']').filter(|_| !line.contains([',', '"', '='])) {
            painter.paint(Class::Heading, end + 1);
            return true;
        }
    }
    if painter.byte().is_some_and(|byte| byte.is_ascii_digit()) && toml_date(painter) {
        return true;
    }
    if painter.previous().is_some_and(|byte| is_word(byte) || b"-.".contains(&byte)) {
        return false;
    }
    let length = match painter.byte() {
        Some(b'"') => quoted_length(painter.rest(), b'"'),
        _ => painter.run(|byte| is_word(byte) || byte == b'-' || byte == b'.'),
    };
    let is_key = length > 0 && painter.rest()[length..].trim_start_matches(' ').starts_with('=');
    painter.paint(Class::Attribute, if is_key { length } else { 0 });
    is_key
}

/// `2026-11-24T08:00:00Z`, or a part of it.
fn toml_date(painter: &mut Painter<'_>) -> bool {
    let length = painter.run(|byte| byte.is_ascii_digit() || b"-:.TZ+".contains(&byte));
    let digits = painter.run(|byte| byte.is_ascii_digit());
    let is_date = matches!(
        (digits, painter.rest().as_bytes().get(digits)),
        (4, Some(b'-')) | (2, Some(b':'))
    );
    painter.paint(Class::Number, if is_date { length } else { 0 });
    is_date
}

fn read_yaml(painter: &mut Painter<'_>, language: &'static Language) {
    while !painter.is_done() {
        let indent = painter.run(|byte| byte == b' ');
        painter.plain(indent);
        let line = &painter.rest()[..painter.line()];
        if line.starts_with("---") || line.starts_with("...") {
            painter.paint(Class::Meta, 3);
        }
        let dashes = yaml_dashes(painter);
        yaml_entry(painter, language);
        let ends_in_block =
            painter.passed().ends_with(['|', '>', '-', '+']) && is_block_header(painter);
        painter.plain(1);
        if ends_in_block {
            block_scalar(painter, indent + dashes.saturating_sub(2));
        }
    }
}

/// The dashes of list items; how long they are.
fn yaml_dashes(painter: &mut Painter<'_>) -> usize {
    let mut length = 0;
    while painter.sees("- ") {
        let spaces =
            1 + painter.rest().as_bytes()[1..].iter().take_while(|byte| **byte == b' ').count();
        painter.plain(spaces);
        length += spaces;
    }
    length
}

/// Whether the line that was just read ends in `: |`, `- >-` or the like.
fn is_block_header(painter: &Painter<'_>) -> bool {
    let passed = painter.passed();
    let before = passed.trim_end_matches(['|', '>', '-', '+']);
    let mark = &passed[before.len()..];
    mark.starts_with(['|', '>']) && before.ends_with(' ')
}

/// The lines of a block scalar: those indented more than `indent`.
fn block_scalar(painter: &mut Painter<'_>, indent: usize) {
    while !painter.is_done() {
        let line = painter.line();
        let text = &painter.rest()[..line];
        let is_inside =
            text.trim().is_empty() || text.len() - text.trim_start_matches(' ').len() > indent;
        if !is_inside {
            return;
        }
        painter.paint(Class::String, line);
        painter.plain(1);
    }
}

/// `key: value`, or a value.
fn yaml_entry(painter: &mut Painter<'_>, language: &'static Language) {
    let line = &painter.rest()[..painter.line()];
    let key = match line.as_bytes().first() {
        Some(b'"' | b'\'') => quoted_length(line, line.as_bytes()[0]),
        Some(b'#' | b'{' | b'[' | b'|' | b'>' | b'&' | b'!') => 0,
        _ => line.find(": ").or(line.strip_suffix(':').map(str::len)).unwrap_or(0),
    };
    let is_key = key > 0 && line[key..].starts_with(':') && !line[..key].contains(" #");
    if is_key {
        painter.paint(Class::Attribute, key);
        painter.plain(1);
    }
    painter.within(painter.line(), |painter| yaml_value(painter, language));
}

fn yaml_value(painter: &mut Painter<'_>, language: &'static Language) {
    let mut flow = 0_usize;
    while let Some(byte) = painter.byte() {
        match byte {
            b' ' | b'\t' => painter.plain(painter.run(|byte| matches!(byte, b' ' | b'\t'))),
            b'#' if painter.previous().is_none_or(|byte| byte.is_ascii_whitespace()) => {
                painter.paint(Class::Comment, painter.line());
            }
            b'"' | b'\'' => painter.paint(Class::String, quoted_length(painter.rest(), byte)),
            b'&' | b'*' => painter.paint(
                Class::Variable,
                1 + painter.rest()[1..]
                    .bytes()
                    .take_while(|byte| is_word(*byte) || *byte == b'-')
                    .count(),
            ),
            b'!' => painter.paint(Class::Type, painter.run(|byte| !byte.is_ascii_whitespace())),
            b'[' | b'{' => {
                flow += 1;
                painter.plain(1);
            }
            b']' | b'}' | b',' if flow > 0 => painter.plain(1),
            b'|' | b'>' => painter.plain(painter.line()),
            _ => yaml_scalar(painter, language, flow > 0),
        }
    }
}

/// A value without quotation marks, which goes on to the end of the line or of its place in a list.
fn yaml_scalar(painter: &mut Painter<'_>, language: &'static Language, in_flow: bool) {
    let rest = painter.rest();
    let end = if in_flow { rest.find([',', ']', '}', ':']) } else { rest.find(" #") };
    let end = end.unwrap_or(rest.len()).max(1);
    let text = rest.get(..end).unwrap_or(rest).trim_end_matches([' ', '\t']);
    let class = if in_flow && rest[text.len()..].starts_with(':') {
        painter.paint(Class::Attribute, text.len());
        return painter.plain(1);
    } else if text.parse::<f64>().is_ok() {
        Class::Number
    } else {
        language.class(text).unwrap_or(Class::String)
    };
    painter.paint(class, text.len().max(1));
}

fn read_ini(painter: &mut Painter<'_>, language: &'static Language) {
    while !painter.is_done() {
        let line = painter.line();
        let text = &painter.rest()[..line];
        let key = text.find(['=', ':']).filter(|at| !text[..*at].trim().is_empty());
        if text.trim_start().starts_with(['#', ';']) {
            painter.paint(Class::Comment, line);
        } else if text.trim_start().starts_with('[') {
            painter.paint(Class::Heading, line);
        } else if let Some(key) = key {
            painter.paint(Class::Attribute, text[..key].trim_end().len());
            painter.plain(key + 1 - text[..key].trim_end().len());
            painter.within(line - key - 1, |painter| lexer::read(painter, language));
        }
        painter.within(painter.line(), |_| {});
        painter.plain(1);
    }
}
