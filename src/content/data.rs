//! Files of `data/`, which templates read: tables and lists that no page is made of.

use std::path::Path;

use serde_json::{Map, Value};

use super::front_matter::{self, Format};
use super::source;
use crate::config::Config;
use crate::fingerprint::Fingerprint;
use crate::permalink::UrlPath;

/// A file of `data/`, as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Data {
    /// What is in it.
    pub value: Value,
    /// What it hashes to.
    pub fingerprint: Fingerprint,
}

/// Reads the file `name` of `data/`; what is wrong with it is told in a sentence that names it.
pub fn read(name: &str, config: &Config) -> Result<Data, String> {
    let told = format!("data/{}", name.trim_start_matches('/'));
    // A name is no way out of the folder.
    let relative = UrlPath::parse(name).map_err(|error| format!("`{told}` is no file: {error}"))?;
    let relative = relative.as_str().trim_start_matches('/');
    let path = config.data_dir().join(relative);
    let text = source::read_text(&path, &config.root)
        .map_err(|reason| format!("`{told}` cannot be read: {reason}"))?;
    let value = value_of(&told, &text).map_err(|reason| format!("`{told}`{reason}"))?;
    Ok(Data { value, fingerprint: Fingerprint::of(text.as_str()) })
}

fn value_of(name: &str, text: &str) -> Result<Value, String> {
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str());
    let format = match extension.map(str::to_ascii_lowercase).as_deref() {
        Some("csv") => return rows(text),
        Some("toml") => Format::Toml,
        Some("json") => Format::Json,
        Some("yaml" | "yml") => Format::Yaml,
        _ => return Err(" must be called .toml, .json, .yaml or .csv".to_owned()),
    };
    front_matter::read_value(format, text)
}

/// Each row as a table, by the names in the first.
fn rows(text: &str) -> Result<Value, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
    let names = reader.headers().map_err(|error| told(&error))?.clone();
    let row = |record: csv::StringRecord| -> Value {
        let fields = names.iter().map(str::to_owned).zip(record.iter().map(Value::from));
        Value::Object(fields.collect::<Map<String, Value>>())
    };
    reader.records().map(|record| record.map(row).map_err(|error| told(&error))).collect()
}

/// What is wrong with a table, and in which line.
fn told(error: &csv::Error) -> String {
    let reason = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("the row has {len} fields, but the first has {expected_len}")
        }
        _ => error.to_string(),
    };
    match error.position() {
        Some(position) => format!(", line {}: {reason}", position.line()),
        None => format!(": {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_is_read_and_what_is_wrong_is_told_with_its_line() {
        let list = serde_json::json!([{"a": "1", "b": "x, y"}]);
        assert_eq!(value_of("data/x.csv", "a,b\n1,\"x, y\"\n"), Ok(list));
        let table = serde_json::json!({"a": 1, "b": ["x"]});
        assert_eq!(value_of("data/x.toml", "a = 1\nb = [\"x\"]\n").as_ref(), Ok(&table));
        assert_eq!(value_of("data/x.json", "{\"a\": 1, \"b\": [\"x\"]}").as_ref(), Ok(&table));
        assert_eq!(value_of("data/x.yaml", "a: 1\nb: [x]\n").as_ref(), Ok(&table));
        assert_eq!(value_of("data/x.yml", "- 1\n- 2\n"), Ok(serde_json::json!([1, 2])));
        assert_eq!(value_of("data/x.json", "[1, 2]"), Ok(serde_json::json!([1, 2])));
        for (name, text, line) in [
            ("data/x.csv", "a,b\n1,2\n3\n", ", line 3: the row has 1 fields, but the first has 2"),
            ("data/x.toml", "a = 1\nb = \n", ", line 2"),
            ("data/x.json", "{\n\"a\": }", ", line 2"),
            ("data/x.yaml", "a: 1\nb: [\n", ", line "),
            ("data/x.yaml", "a: &b 1\nc: *b\n", ", line 1"),
        ] {
            let told = value_of(name, text).unwrap_err();
            assert!(told.starts_with(line), "{name}: {told}");
        }
        assert!(value_of("data/x.txt", "").unwrap_err().contains(".toml"));
    }
}
