//! Front matter as keys and values: read by `gray_matter`, guarded against what it lets through.

use std::borrow::Cow;

use gray_matter::Pod;
use gray_matter::engine::{Engine, JSON, TOML, YAML};
use serde_json::Value;

use super::fences::Format;
use super::plain;
use crate::problem::Mistake;

/// More front matter than any page needs, in bytes.
const LARGEST: usize = 64 * 1024;

/// A mistake within front matter, and the byte of it where it is, if known.
pub(super) type Misplaced = (Option<usize>, Mistake);

/// Reads `matter` into a JSON object; keys are ordered by name, for the engine forgets their order.
pub(super) fn read(
    format: Format,
    matter: &str,
) -> Result<serde_json::Map<String, Value>, Misplaced> {
    if matter.len() > LARGEST {
        return Err((None, Mistake::FrontMatterTooLarge));
    }
    let plain = if format == Format::Yaml { plain::read(matter) } else { None };
    plain.map_or_else(|| read_with_engine(format, matter), Ok)
}

/// As [`read`], whatever the engine takes for it.
pub(super) fn read_with_engine(
    format: Format,
    matter: &str,
) -> Result<serde_json::Map<String, Value>, Misplaced> {
    match value_in(format, matter)? {
        Value::Object(table) => Ok(table),
        Value::Null => Ok(serde_json::Map::new()),
        other => Err((Some(0), Mistake::NotATable { found: kind_of(&other).into() })),
    }
}

/// Reads a file that is nothing but `text`.
pub(in crate::content) fn read_value(format: Format, text: &str) -> Result<Value, Misplaced> {
    value_in(format, text).map_err(|(offset, mistake)| match mistake {
        Mistake::FrontMatterSyntax { format, reason } => {
            (offset, Mistake::Data { reason: format!("the file is not {format}: {reason}") })
        }
        other => (offset, other),
    })
}

fn value_in(format: Format, text: &str) -> Result<Value, Misplaced> {
    if let Some(offset) = text.find('\0') {
        let reason = "it has a NUL character in it".to_owned();
        let mistake = Mistake::FrontMatterSyntax { format: format.name().into(), reason };
        return Err((Some(offset), mistake));
    }
    if let Some(offset) = anchor(text).filter(|_| format == Format::Yaml) {
        return Err((Some(offset), Mistake::YamlAlias));
    }
    let parsed = match format {
        Format::Yaml => YAML::parse(&with_closers_indented(text)),
        Format::Toml => TOML::parse(text),
        Format::Json => JSON::parse(text),
    };
    parsed.map(to_json).map_err(|error| syntax_mistake(format, text, &error.to_string()))
}

/// The engine wants the bracket that closes a list over several lines indented; authors and other tools do not.
fn with_closers_indented(matter: &str) -> Cow<'_, str> {
    if !matter.contains("\n]") && !matter.contains("\n}") {
        return Cow::Borrowed(matter);
    }
    Cow::Owned(matter.replace("\n]", "\n ]").replace("\n}", "\n }"))
}

/// What kind of value it is, with an article.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}

fn to_json(pod: Pod) -> Value {
    match pod {
        Pod::Null => Value::Null,
        Pod::String(text) => Value::String(text),
        Pod::Integer(number) => Value::from(number),
        Pod::Float(number) => Value::from(number),
        Pod::Boolean(truth) => Value::Bool(truth),
        Pod::Array(items) => items.into_iter().map(to_json).collect(),
        Pod::Hash(table) => {
            let mut entries: Vec<(String, Pod)> = table.into_iter().collect();
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            entries.into_iter().map(|(key, value)| (key, to_json(value))).collect()
        }
    }
}

/// So few aliases cannot let a value grow much.
const FEW_ALIASES: usize = 8;

/// The first YAML anchor: without anchors there are no aliases, and without aliases nothing grows.
fn anchor(matter: &str) -> Option<usize> {
    anchor_before_value(matter).or_else(|| {
        // What looks like text here may be none to the parser: that must not let a file of 300 bytes take gigabytes.
        let first = marks(matter, '&').next()?;
        (marks(matter, '*').count() > FEW_ALIASES).then_some(first)
    })
}

/// Where `mark` stands before a name and could begin a value, text or not.
fn marks(matter: &str, mark: char) -> impl Iterator<Item = usize> {
    let mut previous = ' ';
    let mut letters = matter.char_indices().peekable();
    std::iter::from_fn(move || {
        while let Some((offset, letter)) = letters.next() {
            let begins = letter == mark && !previous.is_alphanumeric();
            previous = letter;
            if begins && letters.peek().is_some_and(|(_, next)| !next.is_whitespace()) {
                return Some(offset);
            }
        }
        None
    })
}

/// The first YAML anchor where a value may begin, as people write it.
fn anchor_before_value(matter: &str) -> Option<usize> {
    let mut offset = 0;
    let mut block_indent = None;
    for line in matter.split_inclusive('\n') {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let is_blank = line.trim().is_empty();
        if block_indent.is_none_or(|block| !is_blank && indent <= block) {
            if let Some(found) = anchor_in(line) {
                return Some(offset + found);
            }
            block_indent = opens_block(line).then_some(indent);
        }
        offset += line.len();
    }
    None
}

/// Whether the lines below are the text of a scalar, in which nothing means anything: `key: |`.
fn opens_block(line: &str) -> bool {
    let last = line.split(" #").next().unwrap_or_default().split_whitespace().last();
    let mark = last
        .map(|last| last.trim_end_matches(|end: char| end.is_ascii_digit() || "+-".contains(end)));
    matches!(mark, Some("|" | ">"))
}

/// An `&name` where a value may begin, outside quotes and comments.
fn anchor_in(line: &str) -> Option<usize> {
    let mut quote = None;
    let mut value_may_begin = true;
    let mut in_tag = false;
    let mut previous = ' ';
    for (offset, letter) in line.char_indices() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (None, '#') if previous.is_whitespace() => return None,
            (None, '"' | '\'') if value_may_begin => quote = Some(letter),
            (None, '&') if value_may_begin => return Some(offset),
            (None, '!') if value_may_begin => in_tag = true,
            _ => {}
        }
        in_tag &= !letter.is_whitespace() || letter == '!';
        value_may_begin = match letter {
            '[' | '{' | ',' => true,
            // Behind a quoted key, a value needs no space: `{"a":&b 1}`.
            ':' => matches!(previous, '"' | '\''),
            ' ' | '\t' => value_may_begin || matches!(previous, ':' | '-' | '?'),
            '-' | '?' => value_may_begin,
            _ => in_tag,
        };
        previous = letter;
    }
    None
}

fn syntax_mistake(format: Format, matter: &str, message: &str) -> Misplaced {
    let message = message.strip_prefix("Deserialize error: ").unwrap_or(message);
    let line = number_after(message, "line ");
    let column = number_after(message, "column ").or_else(|| number_after(message, "col "));
    let offset = line.map(|line| offset_of(matter, line, column.unwrap_or(1)));
    let reason = reason_in(message);
    (offset, Mistake::FrontMatterSyntax { format: format.name().into(), reason })
}

/// The sentence in what a parser says, without its own places and pictures.
fn reason_in(message: &str) -> String {
    let lines = message.lines().filter(|line| {
        let line = line.trim_start();
        !line.is_empty()
            && !line.starts_with("TOML parse error")
            && !line.contains('|')
            && !line.starts_with('^')
    });
    let joined = lines.collect::<Vec<_>>().join(", ");
    let twice = joined.strip_prefix("String(\"");
    if let Some((key, _)) = twice.and_then(|rest| rest.split_once("\"): duplicated key")) {
        return format!("`{key}` is there twice");
    }
    let end =
        [" at byte", " at line", " at char"].iter().filter_map(|mark| joined.find(mark)).min();
    joined[..end.unwrap_or(joined.len())].trim_matches(['"', ' ']).to_owned()
}

fn number_after(text: &str, mark: &str) -> Option<usize> {
    let start = text.find(mark)? + mark.len();
    let digits = text[start..].find(|letter: char| !letter.is_ascii_digit());
    text[start..digits.map_or(text.len(), |digits| start + digits)].parse().ok()
}

/// The byte offset of a line and column, both counted from one.
fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = text[start..].lines().next().unwrap_or_default();
    let within = rest.char_indices().nth(column.saturating_sub(1));
    start + within.map_or(rest.len(), |(offset, _)| offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_are_found_where_values_begin_and_nowhere_else() {
        for (line, found) in [
            ("a: &x 1", Some(3)),
            ("- &x 1", Some(2)),
            ("a: [&x 1, 2]", Some(4)),
            ("&x", Some(0)),
            ("a: !!seq &x [1]", Some(9)),
            ("{\"a\":&x [1]}", Some(5)),
            ("a: |\n  &not\n  - &an\nb: &x 1", Some(23)),
            ("a: >-\n\n  &not", None),
            ("title: R&D, Q &A", None),
            ("title: \"a: &b\"", None),
            ("# a: &b", None),
            ("url: https://x/?a=1&b=2", None),
            ("x:\n# |\n  a: &a [1]\n  b: [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n", Some(12)),
            ("a: [\"x |\n  \", &a [1], *a,*a,*a,*a,*a,*a,*a,*a,*a]\n", Some(14)),
            ("x: |\n  Q &A, *a*, *b*\n", None),
        ] {
            assert_eq!(anchor(line), found, "{line}");
        }
    }

    #[test]
    fn a_syntax_error_is_placed() {
        for (format, matter, offset) in [
            (Format::Yaml, "a: 1\nb: [1\n", 5..12),
            (Format::Toml, "a = 1\nb = \n", 6..11),
            (Format::Json, "{\"a\": 1,\n \"b\" 2}", 9..16),
        ] {
            let (found, mistake) = read(format, matter).unwrap_err();
            assert!(offset.contains(&found.unwrap()), "{found:?} {mistake}");
        }
    }

    #[test]
    fn a_key_that_is_there_twice_is_called_by_its_name() {
        let (_, mistake) = read(Format::Yaml, "title: A\ntitle: B\n").unwrap_err();
        assert!(mistake.to_string().ends_with("`title` is there twice"), "{mistake}");
    }

    #[test]
    fn a_list_may_close_at_the_margin() {
        let table = read(Format::Yaml, "a: [\n  'x',\n  'y',\n]\nb: {\n  c: 1\n}\n").unwrap();
        assert_eq!(Value::Object(table).to_string(), r#"{"a":["x","y"],"b":{"c":1}}"#);
    }

    #[test]
    fn a_bomb_is_refused_at_once() {
        let line = |n: usize| format!("a{n}: &a{n} [*a{p}, *a{p}, *a{p}, *a{p}]", p = n - 1);
        let bomb = (1..12).map(line).collect::<Vec<_>>().join("\n");
        assert_eq!(read(Format::Yaml, &bomb).unwrap_err().1, Mistake::YamlAlias);
        for (format, text) in [
            (Format::Toml, format!("a = {}", "[".repeat(60_000))),
            (Format::Yaml, "[".repeat(60_000)),
            (Format::Json, format!("{{\"a\": {}", "[".repeat(60_000))),
        ] {
            assert!(read(format, &text).is_err());
        }
    }
}
