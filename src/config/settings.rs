//! Takes settings one by one out of a TOML file and the environment, noting what is wrong with each and where.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use crate::problem::{Mistake, Place, Problem, nearest};

/// Variables of the environment that are settings start with this.
const ENVIRONMENT_PREFIX: &str = "TALLYMARK_";

/// Tables whose keys the author invents; they are taken whole.
const OPEN_TABLES: [&str; 2] = ["extra", "serve.headers"];

/// Settings of versions to come: a file that has them is not wrong, but must not be believed either.
const PLANNED: [&str; 5] = ["taxonomies", "images", "search", "build", "permalinks.pages"];

/// The settings that were not taken yet, and the problems met so far.
pub(super) struct Settings<'a> {
    file: String,
    text: &'a str,
    entries: BTreeMap<String, Entry<'a>>,
    environment: &'a BTreeMap<String, String>,
    known: Vec<&'static str>,
    /// Where the value of what was taken is, or its key in a table that was taken whole.
    offsets: BTreeMap<String, usize>,
    problems: Vec<Problem>,
}

struct Entry<'a> {
    key_offset: usize,
    value_offset: usize,
    value: DeValue<'a>,
}

/// A type that settings have.
pub(super) trait Setting: Sized {
    /// What an author must write, as in "must be a number".
    const EXPECTED: &'static str;

    /// The value in a file.
    fn from_toml(value: &DeValue<'_>) -> Option<Self>;

    /// The value in the environment.
    fn from_text(text: &str) -> Option<Self>;
}

impl<'a> Settings<'a> {
    /// The settings of `text`, the contents of `file`, and of the environment.
    pub(super) fn read(
        file: &str,
        text: &'a str,
        environment: &'a BTreeMap<String, String>,
    ) -> Self {
        let (table, errors) = DeTable::parse_recoverable(text);
        let problems = errors.iter().map(|error| syntax_problem(file, text, error)).collect();
        let mut entries = BTreeMap::new();
        flatten("", table.into_inner(), &mut entries);
        let (file, known, offsets) = (file.to_owned(), Vec::new(), BTreeMap::new());
        Self { file, text, entries, environment, known, offsets, problems }
    }

    /// The value of `key`, if it is set and of the right type; the environment wins.
    pub(super) fn take<T: Setting>(&mut self, key: &'static str) -> Option<T> {
        self.take_as(key, T::EXPECTED, |value: T| Some(value))
    }

    /// The value of `key` as `parse` understands it; `expected` is what it must be.
    pub(super) fn take_as<S: Setting, T>(
        &mut self,
        key: &'static str,
        expected: &str,
        parse: impl Fn(S) -> Option<T>,
    ) -> Option<T> {
        self.known.push(key);
        let entry = self.entries.remove(key);
        let variable = variable_of(key);
        if let Some(text) = self.environment.get(&variable) {
            let parsed = S::from_text(text).and_then(&parse);
            if parsed.is_none() {
                let found = format!("`{text}`");
                self.report(Place::file(format!("${variable}")), key, expected, found);
            }
            return parsed;
        }
        let Entry { value_offset, value, .. } = entry?;
        self.offsets.insert(key.to_owned(), value_offset);
        let parsed = S::from_toml(&value).and_then(parse);
        if parsed.is_none() {
            let place = Place::at(&*self.file, self.text, value_offset);
            self.report(place, key, expected, describe(&value));
        }
        parsed
    }

    /// The table at `key`, whole, as JSON; empty if it is not set.
    pub(super) fn take_table(
        &mut self,
        key: &'static str,
    ) -> serde_json::Map<String, serde_json::Value> {
        self.known.push(key);
        let Some(entry) = self.entries.remove(key) else { return serde_json::Map::new() };
        if let DeValue::Table(table) = &entry.value {
            let inner =
                table.keys().map(|name| (format!("{key}.{}", name.get_ref()), name.span().start));
            self.offsets.extend(inner);
        }
        if let serde_json::Value::Object(table) = to_json(&entry.value) {
            return table;
        }
        let place = Place::at(&*self.file, self.text, entry.value_offset);
        let expected = format!("a table: `[{key}]`");
        self.report(place, key, &expected, describe(&entry.value));
        serde_json::Map::new()
    }

    /// Notes that `key`, which was taken, must be `expected`.
    pub(super) fn reject(&mut self, key: &str, expected: &str, found: String) {
        self.report(self.place_of(key), key, expected, found);
    }

    /// Where `key`, which was taken, is set; the file alone if it is not.
    pub(super) fn place_of(&self, key: &str) -> Place {
        let variable = variable_of(key);
        match self.offsets.get(key) {
            _ if self.environment.contains_key(&variable) => Place::file(format!("${variable}")),
            Some(offset) => Place::at(&*self.file, self.text, *offset),
            None => Place::file(&*self.file),
        }
    }

    /// Every problem, with one for each setting that nobody asked for.
    pub(super) fn finish(mut self) -> Vec<Problem> {
        for (key, entry) in &self.entries {
            if is_planned(key) {
                let place = Place::at(&*self.file, self.text, entry.key_offset);
                let mistake = Mistake::PlannedSetting { key: key.clone() };
                self.problems.push(Problem::new(place, mistake));
                continue;
            }
            let suggestion = nearest(key, self.known.iter().copied())
                .or_else(|| self.known.iter().copied().find(|known| last(known) == last(key)))
                .map(str::to_owned);
            self.problems.push(Problem::new(
                Place::at(&*self.file, self.text, entry.key_offset),
                Mistake::UnknownSetting { key: key.clone(), suggestion },
            ));
        }
        self.problems.sort();
        self.problems
    }

    fn report(&mut self, place: Place, key: &str, expected: &str, found: String) {
        let (key, expected) = (key.to_owned(), expected.to_owned());
        self.problems.push(Problem::new(place, Mistake::Setting { key, expected, found }));
    }
}

fn is_planned(key: &str) -> bool {
    PLANNED.iter().any(|planned| {
        let below = key.strip_prefix(planned);
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

fn last(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

/// `serve.port` is `TALLYMARK_SERVE_PORT`.
fn variable_of(key: &str) -> String {
    format!("{ENVIRONMENT_PREFIX}{}", key.replace('.', "_").to_uppercase())
}

fn syntax_problem(file: &str, text: &str, error: &toml::de::Error) -> Problem {
    let offset = error.span().map_or(0, |span| span.start);
    let reason = error.message().lines().collect::<Vec<_>>().join(", ");
    Problem::new(Place::at(file, text, offset), Mistake::SettingsSyntax { reason })
}

fn flatten<'a>(prefix: &str, table: DeTable<'a>, entries: &mut BTreeMap<String, Entry<'a>>) {
    for (key, value) in table {
        let (key_offset, value_offset) = (key.span().start, value.span().start);
        let dotted = if prefix.is_empty() {
            key.get_ref().to_string()
        } else {
            format!("{prefix}.{}", key.get_ref())
        };
        match value.into_inner() {
            DeValue::Table(inner) if !OPEN_TABLES.contains(&dotted.as_str()) => {
                flatten(&dotted, inner, entries);
            }
            value => {
                entries.insert(dotted, Entry { key_offset, value_offset, value });
            }
        }
    }
}

fn describe(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("`{text}`"),
        DeValue::Integer(number) => format!("the number {}", number.as_str()),
        DeValue::Float(number) => format!("the number {}", number.as_str()),
        DeValue::Boolean(truth) => format!("`{truth}`"),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

fn to_json(value: &DeValue<'_>) -> serde_json::Value {
    use serde_json::Value;
    match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(_) => integer(value).map_or(Value::Null, Value::from),
        DeValue::Float(number) => {
            number.as_str().replace('_', "").parse::<f64>().map_or(Value::Null, Value::from)
        }
        DeValue::Boolean(truth) => Value::Bool(*truth),
        DeValue::Datetime(date) => Value::String(date.to_string()),
        DeValue::Array(items) => items.iter().map(|item| to_json(item.get_ref())).collect(),
        DeValue::Table(table) => table
            .iter()
            .map(|(key, value)| (key.get_ref().to_string(), to_json(value.get_ref())))
            .collect(),
    }
}

fn integer(value: &DeValue<'_>) -> Option<i64> {
    let number = value.as_integer()?;
    i64::from_str_radix(&number.as_str().replace('_', ""), number.radix()).ok()
}

impl Setting for String {
    const EXPECTED: &'static str = "a text in quotes";

    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }

    fn from_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl Setting for bool {
    const EXPECTED: &'static str = "`true` or `false`";

    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        value.as_bool()
    }

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Setting for u16 {
    const EXPECTED: &'static str = "a number from 0 to 65535";

    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        integer(value)?.try_into().ok()
    }

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Setting for Vec<String> {
    const EXPECTED: &'static str = "a list of texts: `[\"a\", \"b\"]`";

    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        value.as_array()?.iter().map(|item| String::from_toml(item.get_ref())).collect()
    }

    fn from_text(text: &str) -> Option<Self> {
        Some(text.split(',').map(|item| item.trim().to_owned()).collect())
    }
}
