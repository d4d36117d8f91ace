//! Takes the values of front matter by key, noting which are of the wrong type, and where.

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::keys::{self, KEYS};
use super::values::kind_of;
use super::{Source, dates};
use crate::clock::Timestamp;
use crate::problem::{Mistake, Position, Problem, nearest};

/// Keys whose lists are joined when several spellings of them are used.
const JOINED: [&str; 2] = ["tags", "aliases"];

/// The values that were not taken yet, by the name of their key.
pub(super) struct Fields<'a> {
    source: &'a Source<'a>,
    matter: Range<usize>,
    values: BTreeMap<&'static str, Vec<(String, Value)>>,
    unknown: Map<String, Value>,
    problems: Vec<Problem>,
}

impl<'a> Fields<'a> {
    /// Sorts `table`, the front matter found at `matter`, by what its keys mean.
    pub(super) fn new(
        source: &'a Source<'a>,
        matter: Range<usize>,
        table: Map<String, Value>,
    ) -> Self {
        let (values, unknown) = (BTreeMap::new(), Map::new());
        let mut fields = Self { source, matter, values, unknown, problems: Vec::new() };
        for (written, value) in table {
            fields.sort(written, value);
        }
        fields
    }

    fn sort(&mut self, written: String, value: Value) {
        let Some(key) = keys::find(&written) else {
            if let Some(suggestion) = nearest(&written, KEYS.iter().map(|key| key.name)) {
                let mistake =
                    Mistake::NearMissKey { key: written.clone(), suggestion: suggestion.into() };
                self.report_key(&written, mistake);
            }
            self.unknown.insert(written, value);
            return;
        };
        let given = self.values.entry(key.name).or_default();
        match given.first().filter(|_| !JOINED.contains(&key.name)) {
            Some((other, _)) => {
                let (key, other, meaning) = (written.clone(), other.clone(), key.name.into());
                self.report_key(&written, Mistake::DuplicateKey { key, other, meaning });
            }
            None => given.push((written, value)),
        }
    }

    /// A text; numbers and truths are taken as they were written.
    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        self.take(name).into_iter().find_map(|(written, value)| match value {
            Value::String(text) => Some(text),
            Value::Number(_) | Value::Bool(_) => Some(self.as_written(&written, &value)),
            Value::Null => None,
            other => self.wrong_type(&written, name, &other),
        })
    }

    /// A text that is not blank.
    pub(super) fn filled(&mut self, name: &'static str) -> Option<String> {
        self.text(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// True or false.
    pub(super) fn flag(&mut self, name: &'static str) -> Option<bool> {
        self.take(name).into_iter().find_map(|(written, value)| match value {
            Value::Bool(truth) => Some(truth),
            Value::Null => None,
            other => self.wrong_type(&written, name, &other),
        })
    }

    /// Whether it is true; it is not unless it says so.
    pub(super) fn is_set(&mut self, name: &'static str) -> bool {
        self.flag(name).unwrap_or(false)
    }

    /// A whole number.
    pub(super) fn number(&mut self, name: &'static str) -> Option<i64> {
        self.take(name).into_iter().find_map(|(written, value)| match &value {
            Value::Number(number) if number.is_i64() => number.as_i64(),
            Value::Null => None,
            other => self.wrong_type(&written, name, other),
        })
    }

    /// A list of texts; a single text is split at its commas.
    pub(super) fn list(&mut self, name: &'static str) -> Vec<String> {
        let mut items = Vec::new();
        for (written, value) in self.take(name) {
            items.extend(self.items_of(&written, name, value).unwrap_or_default());
        }
        items.shrink_to_fit();
        items
    }

    fn items_of(&mut self, written: &str, name: &'static str, value: Value) -> Option<Vec<String>> {
        let items = match value {
            Value::Null => return None,
            Value::String(text) => text.split(',').map(str::to_owned).collect(),
            Value::Array(items) => {
                let texts: Option<Vec<String>> = items.iter().map(text_of).collect();
                match texts {
                    Some(texts) => texts,
                    None => return self.wrong_type(written, name, &Value::Array(items)),
                }
            }
            Value::Number(_) | Value::Bool(_) => vec![self.as_written(written, &value)],
            other @ Value::Object(_) => return self.wrong_type(written, name, &other),
        };
        let trimmed = items.into_iter().map(|item| item.trim().to_owned());
        Some(trimmed.filter(|item| !item.is_empty()).collect())
    }

    /// A date or an instant.
    pub(super) fn date(&mut self, name: &'static str, zone: &TimeZone) -> Option<Timestamp> {
        self.take(name).into_iter().find_map(|(written, value)| match value {
            Value::Null => None,
            Value::String(text) => {
                let instant = dates::parse(&text, zone);
                if instant.is_none() {
                    let mistake = Mistake::WrongDate { key: written.clone(), value: text };
                    self.report_value(&written, mistake);
                }
                instant
            }
            other => self.wrong_type(&written, name, &other),
        })
    }

    /// A table.
    pub(super) fn table(&mut self, name: &'static str) -> Map<String, Value> {
        let taken = self.take(name).into_iter().find_map(|(written, value)| match value {
            Value::Object(table) => Some(table),
            Value::Null => None,
            other => self.wrong_type(&written, name, &other),
        });
        taken.unwrap_or_default()
    }

    /// The keys that mean nothing to us, and every problem.
    pub(super) fn finish(self) -> (Map<String, Value>, Vec<Problem>) {
        (self.unknown, self.problems)
    }

    fn take(&mut self, name: &'static str) -> Vec<(String, Value)> {
        self.values.remove(name).unwrap_or_default()
    }

    fn wrong_type<T>(&mut self, written: &str, name: &'static str, value: &Value) -> Option<T> {
        let expected = keys::find(name).map_or("something else", |key| key.expected);
        let found = match value {
            Value::String(text) if text.chars().count() <= 40 => format!("the text `{text}`"),
            Value::Number(number) => format!("the number {number}"),
            Value::Bool(truth) => format!("`{truth}`"),
            other => kind_of(other).to_owned(),
        };
        self.report_value(
            written,
            Mistake::WrongType { key: written.to_owned(), expected: expected.into(), found },
        );
        None
    }

    /// What the author typed: `1.10` is a text, though YAML takes it for 1.1.
    fn as_written(&self, key: &str, value: &Value) -> String {
        let line =
            self.offset_of(key).and_then(|(_, value)| self.source.text[value..].lines().next());
        let typed = line.map(|line| line.split(" #").next().unwrap_or_default());
        let typed = typed.unwrap_or_default().trim().trim_end_matches(',');
        match serde_json::from_str::<Value>(typed) {
            Ok(Value::Number(_) | Value::Bool(_)) => typed.to_owned(),
            _ if typed.parse::<f64>().is_ok() => typed.to_owned(),
            _ => value.to_string(),
        }
    }

    fn report_key(&mut self, written: &str, mistake: Mistake) {
        let offset = self.offset_of(written).map_or(self.matter.start, |(key, _)| key);
        self.problems.push(Problem::new(self.source.place(offset), mistake));
    }

    fn report_value(&mut self, written: &str, mistake: Mistake) {
        let offset = self.offset_of(written).map_or(self.matter.start, |(_, value)| value);
        self.problems.push(Problem::new(self.source.place(offset), mistake));
    }

    /// Where a key and its value begin in the file: the first line that opens with the key.
    fn offset_of(&self, key: &str) -> Option<(usize, usize)> {
        offsets_in(&self.source.text[self.matter.clone()], key)
            .map(|(at, value)| (self.matter.start + at, self.matter.start + value))
    }

    /// Where the value of the key `name` is, if it was given and not taken yet.
    pub(super) fn position_of(&self, name: &'static str) -> Option<Position> {
        let (written, _) = self.values.get(name)?.first()?;
        let (_, value) = self.offset_of(written)?;
        self.source.place(value).position
    }

    /// The place of the value of `key`.
    pub(super) fn place_of(&self, name: &'static str) -> crate::problem::Place {
        let key = keys::find(name);
        let spellings =
            key.iter().flat_map(|key| [key.name].into_iter().chain(key.spellings.iter().copied()));
        let offset =
            spellings.filter_map(|spelling| self.offset_of(spelling)).map(|(_, value)| value).min();
        self.source.place(offset.unwrap_or(self.matter.start))
    }
}

fn text_of(item: &Value) -> Option<String> {
    match item {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(item.to_string()),
        _ => None,
    }
}

/// Where a key and its value begin: on the first line that opens with the key, one at the margin first, for
/// an indented key is one of a table.
fn offsets_in(matter: &str, key: &str) -> Option<(usize, usize)> {
    let at_margin = lines_of(matter).find_map(|(start, line)| offsets_in_line(line, key, start, 0));
    at_margin
        .or_else(|| {
            lines_of(matter).find_map(|(start, line)| {
                let indent = line.len() - line.trim_start_matches(OPENING).len();
                offsets_in_line(line, key, start, indent)
            })
        })
        .or_else(|| offsets_in_json(matter, key))
}

/// What may stand before a key.
const OPENING: [char; 6] = [' ', '\t', '{', '"', '\'', ','];

fn lines_of(matter: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut start = 0;
    matter.split_inclusive('\n').map(move |line| {
        start += line.len();
        (start - line.len(), line)
    })
}

fn offsets_in_line(line: &str, key: &str, start: usize, indent: usize) -> Option<(usize, usize)> {
    let rest = line[indent..].strip_prefix(key)?;
    let rest = rest.trim_start_matches(['"', '\'']).trim_start_matches([' ', '\t']);
    let value = rest.strip_prefix([':', '='])?.trim_start_matches([' ', '\t']);
    Some((start + indent, start + line.len() - value.len()))
}

/// A JSON object on one line has its keys anywhere.
fn offsets_in_json(matter: &str, key: &str) -> Option<(usize, usize)> {
    let quoted = format!("\"{key}\"");
    let at = matter.find(&quoted)?;
    let value = matter[at + quoted.len()..].trim_start_matches([' ', '\t', ':', '=']);
    Some((at + 1, matter.len() - value.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_where_they_are_written() {
        for (matter, key, offsets) in [
            ("title: x\ndate:  y\n", "date", Some((9, 16))),
            ("title = \"x\"\n", "title", Some((0, 8))),
            ("{\"title\": \"x\"}", "title", Some((2, 10))),
            ("{\"a\": 1, \"title\": \"x\"}", "title", Some((10, 18))),
            ("[taxonomies]\ntags = [1]\n", "tags", Some((13, 20))),
            ("subtitle: x\n", "title", None),
            ("extra:\n  date: x\ndate: soon\n", "date", Some((17, 23))),
        ] {
            assert_eq!(offsets_in(matter, key), offsets, "{matter}");
        }
    }
}
