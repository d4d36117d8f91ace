//! Files of `data/`, which templates read: tables and lists that no page is made of.

use std::cell::Cell;
use std::path::Path;

use serde_json::{Map, Value};

use super::front_matter::{self, Format};
use super::source;
use crate::config::Config;
use crate::fingerprint::Fingerprint;
use crate::permalink::UrlPath;
use crate::problem::{Mistake, Place, Position, Problem};

/// A file of `data/`, as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Data {
    /// What is in it.
    pub value: Value,
    /// What it hashes to.
    pub fingerprint: Fingerprint,
}

/// Why there is nothing to show.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum NoData {
    /// Whoever asks names what is no file that could be read.
    Name(String),
    /// Something is wrong in the file.
    File(Problem),
}

/// Reads the file `name` of `data/`.
pub fn read(name: &str, config: &Config) -> Result<Data, NoData> {
    let told = format!("data/{}", name.trim_start_matches('/'));
    let no_file = |reason: String| NoData::Name(format!("`{told}` {reason}"));
    // A name is no way out of the folder.
    let relative = UrlPath::parse(name).map_err(|error| no_file(format!("is no file: {error}")))?;
    let path = config.data_dir().join(relative.as_str().trim_start_matches('/'));
    let form = Form::of(&told)
        .ok_or_else(|| no_file("must be called .toml, .json, .yaml or .csv".to_owned()))?;
    let in_file = |position, mistake| {
        NoData::File(Problem::new(Place { file: told.as_str().into(), position }, mistake))
    };
    let text = source::read_text(&path, &config.root).map_err(|reason| {
        let reason = format!("cannot be read: {reason}");
        if path.is_file() {
            in_file(None, Mistake::Data { reason: format!("the file {reason}") })
        } else {
            no_file(reason)
        }
    })?;
    let value = form.read(&text).map_err(|(offset, mistake)| {
        in_file(offset.map(|offset| Position::of(&text, offset)), mistake)
    })?;
    Ok(Data { value, fingerprint: Fingerprint::of(text.as_str()) })
}

/// How a file is written.
enum Form {
    Tree(Format),
    Table,
}

/// What is wrong, and the byte where it is.
type Misplaced = (Option<usize>, Mistake);

impl Form {
    /// The form of a file that is called so.
    fn of(name: &str) -> Option<Self> {
        let extension = Path::new(name).extension()?.to_str()?.to_ascii_lowercase();
        Some(match extension.as_str() {
            "csv" => Self::Table,
            "toml" => Self::Tree(Format::Toml),
            "json" => Self::Tree(Format::Json),
            "yaml" | "yml" => Self::Tree(Format::Yaml),
            _ => return None,
        })
    }

    fn read(&self, text: &str) -> Result<Value, Misplaced> {
        let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let text = &text[start..];
        let read = match self {
            Self::Tree(format) => front_matter::read_value(*format, text),
            Self::Table => rows(text),
        };
        read.map_err(|(offset, mistake)| (offset.map(|offset| start + offset), mistake))
    }
}

const OPEN_QUOTE: &str = "a quote of the row is never closed";

/// Each row as a table, by the names in the first.
fn rows(text: &str) -> Result<Value, Misplaced> {
    let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
    let names = reader.headers().map_err(|error| misplaced(text, &error))?.clone();
    let last = Cell::new(0);
    let row = |record: csv::StringRecord| -> Value {
        last.set(record.position().map_or(0, csv::Position::byte));
        let fields = names.iter().map(str::to_owned).zip(record.iter().map(Value::from));
        Value::Object(fields.collect::<Map<String, Value>>())
    };
    let rows: Vec<Value> = reader
        .records()
        .map(|record| record.map(row).map_err(|error| misplaced(text, &error)))
        .collect::<Result<_, _>>()?;
    // A quote that is never closed takes in what follows, to the end.
    let offset = usize::try_from(last.get()).ok();
    let rest = offset.and_then(|offset| text.get(offset..)).unwrap_or_default();
    if has_open_quote(rest) && rest.trim_end().contains('\n') {
        return Err((offset, Mistake::Data { reason: OPEN_QUOTE.to_owned() }));
    }
    Ok(Value::Array(rows))
}

fn has_open_quote(row: &str) -> bool {
    row.matches('"').count() % 2 == 1
}

/// What is wrong with a table, and where its row begins.
fn misplaced(text: &str, error: &csv::Error) -> Misplaced {
    let offset = error.position().and_then(|position| usize::try_from(position.byte()).ok());
    let row = offset.and_then(|offset| text.get(offset..)).unwrap_or_default();
    let reason = match error.kind() {
        csv::ErrorKind::UnequalLengths { .. } if has_open_quote(row) => OPEN_QUOTE.to_owned(),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("the row has {len} fields, but the first has {expected_len}")
        }
        _ => error.to_string(),
    };
    (offset, Mistake::Data { reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_read_and_what_is_wrong_is_told_with_its_line() {
        let read = |name: &str, text: &str| Form::of(name).unwrap().read(text);
        let list = serde_json::json!([{"a": "1", "b": "x, y"}]);
        assert_eq!(read("x.csv", "a,b\n1,\"x, y\"\n"), Ok(list));
        let inches = serde_json::json!([{"a": "5\" disk", "b": "x\ny"}, {"a": "1", "b": "2\""}]);
        assert_eq!(read("x.csv", "a,b\n5\" disk,\"x\ny\"\n1,2\"\n"), Ok(inches));
        let table = serde_json::json!({"a": 1, "b": ["x"]});
        assert_eq!(read("x.toml", "\u{feff}a = 1\nb = [\"x\"]\n").as_ref(), Ok(&table));
        assert_eq!(read("x.json", "{\"a\": 1, \"b\": [\"x\"]}").as_ref(), Ok(&table));
        assert_eq!(read("x.yaml", "a: 1\nb: [x]\n").as_ref(), Ok(&table));
        assert_eq!(read("x.YML", "- 1\n- 2\n"), Ok(serde_json::json!([1, 2])));
        assert_eq!(read("x.json", "[1, 2]"), Ok(serde_json::json!([1, 2])));
        assert!(Form::of("x.txt").is_none());
        for (name, text, line, what) in [
            ("x.csv", "a,b\n1,2\n3\n", 3, "the row has 1 fields, but the first has 2"),
            ("x.csv", "a,b\n\"1,2\n3,4\n", 2, "a quote of the row is never closed"),
            ("x.csv", "a,b\n1,2\n3,\"4\n5,6\n", 3, "a quote of the row is never closed"),
            ("x.toml", "a = 1\nb = \n", 2, "the file is not TOML: "),
            ("x.json", "{\n\"a\": }", 2, "the file is not JSON: expected value"),
            ("x.yaml", "a: 1\nb: [\n", 3, "the file is not YAML: "),
            ("x.yaml", "a: &b 1\nc: *b\n", 1, "YAML anchors and aliases are not read"),
        ] {
            let (offset, mistake) = read(name, text).unwrap_err();
            assert_eq!(Position::of(text, offset.unwrap()).line, line, "{name}: {text:?}");
            assert!(mistake.to_string().starts_with(what), "{name}: {mistake}");
        }
    }
}
