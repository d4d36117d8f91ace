//! Front matter as most of it is written, read without the engine: `key: value`, a line each, nothing else.
//!
//! Whatever is not plainly so is left to the engine. What is read here, the engine would read to the same values;
//! a test holds them together.

use serde_json::{Map, Value};

/// Words that YAML does not take for texts, or that other readers of it do not.
const NO_TEXTS: [&str; 8] = ["true", "false", "null", "nan", "inf", "infinity", "yes", "no"];

/// Reads `matter`, if every line of it is plain.
pub(super) fn read(matter: &str) -> Option<Map<String, Value>> {
    let mut entries: Vec<(&str, Value)> = Vec::new();
    for line in matter.lines() {
        let (key, value) = line.split_once(": ")?;
        if !is_key(key) || entries.iter().any(|(known, _)| *known == key) {
            return None;
        }
        entries.push((key, value_of(value)?));
    }
    entries.sort_unstable_by_key(|(key, _)| *key);
    Some(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn is_key(key: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    key.starts_with(|first: char| first.is_ascii_alphabetic())
        && key.bytes().all(is_plain)
        && !NO_TEXTS.iter().any(|word| key.eq_ignore_ascii_case(word))
}

fn value_of(value: &str) -> Option<Value> {
    match value {
        "true" => Some(Value::Bool(true)),
        "false" => Some(Value::Bool(false)),
        _ => match value.strip_prefix('[') {
            Some(rest) => list(rest.strip_suffix(']')?),
            None => text(value).map(Value::from),
        },
    }
}

/// `"a", b`
fn list(inner: &str) -> Option<Value> {
    if inner.is_empty() {
        return Some(Value::Array(Vec::new()));
    }
    inner.split(", ").map(|item| item_of(item).map(Value::from)).collect()
}

fn item_of(item: &str) -> Option<&str> {
    // Quoted, a comma would have been cut at.
    text(item).filter(|text| !text.contains([',', '[', ']', '{', '}']))
}

/// A text in quotes without anything that means something in them, or a word or more without quotes.
fn text(value: &str) -> Option<&str> {
    if let Some(rest) = value.strip_prefix('"') {
        let inner = rest.strip_suffix('"')?;
        let is_plain = |letter: char| {
            !letter.is_control()
                && !matches!(letter, '"' | '\\' | '\u{feff}' | '\u{85}' | '\u{2028}' | '\u{2029}')
        };
        return inner.chars().all(is_plain).then_some(inner);
    }
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'-' | b'_' | b'.');
    let begins = value.starts_with(|first: char| first.is_ascii_alphabetic()) || is_date(value);
    let is_text = begins
        && value.bytes().all(is_plain)
        && !value.ends_with(' ')
        && !NO_TEXTS.iter().any(|word| value.eq_ignore_ascii_case(word));
    is_text.then_some(value)
}

/// `2026-11-24`, which is no number.
fn is_date(value: &str) -> bool {
    let bytes = value.as_bytes();
    bytes.len() == 10
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fences::Format;
    use super::super::values::read_with_engine;
    use super::*;

    #[test]
    fn what_is_plain_is_read_here_and_what_is_not_is_left() {
        let plain = "title: \"A: b, c\"\ndate: 2026-11-24\ntags: [\"a b\", c]\ndraft: true\nlayout: wide one\n";
        assert_eq!(read(plain).unwrap().len(), 5);
        assert_eq!(read("").unwrap().len(), 0);
        for other in [
            "title: a: b",
            "title: 'a'",
            "title: \"a\\n\"",
            "title: a # b",
            "title:",
            "title:\n  b",
            "- a",
            "a: 1",
            "a: 1.0",
            "a: ~",
            "a: null",
            "a: Yes",
            "a: &b c",
            "a: *b",
            "a: !c d",
            "a: |",
            "a: >",
            "a: {b: c}",
            "a: [b, [c]]",
            "a: [\"b, c\"]",
            "a: b\na: c",
            "a: \"b\" c",
            "1: a",
            "# a",
            "a: b ",
            "a: [b,c]x",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn the_engine_reads_the_same(pieces in prop::collection::vec(prop::sample::select(vec![
            "title", "date", "tags", "draft", "a-b", "c_d", "true", "no", ": ", ": ", ": ", ": ", "\n", "\n", "\n", "\"", "\"", "[", "]", ", ",
            ",", " ", "word", "two words", "2026-11-24", "12", "1.5", "-", "#", "'", ":", "&", "*", "é", "\\", "|", "{", "}", "x.y", "e5",
        ]), 0..24)) {
            let matter = pieces.concat();
            if let Some(table) = read(&matter) {
                prop_assert_eq!(read_with_engine(Format::Yaml, &matter).ok(), Some(table), "{}", matter);
            }
        }

        #[test]
        fn the_engine_reads_plain_lines_the_same(
            lines in prop::collection::vec(("[a-zA-Z][a-zA-Z0-9_-]{0,6}", prop_oneof![
                "\"[^\\\\\"\\x00-\\x1f]{0,8}\"", "[a-zA-Z][a-zA-Z0-9 ._-]{0,10}", "[0-9]{4}-[0-9]{2}-[0-9]{2}",
                "\\[(\"[a-z :#&*'-]{0,5}\", ){0,2}[a-z][a-z0-9.]{0,3}\\]", "true", "false",
            ]), 0..5)
        ) {
            let matter: Vec<String> = lines.iter().map(|(key, value)| format!("{key}: {value}\n")).collect();
            let matter = matter.concat();
            if let Some(table) = read(&matter) {
                prop_assert_eq!(read_with_engine(Format::Yaml, &matter).ok(), Some(table), "{}", matter);
            }
        }
    }
}
