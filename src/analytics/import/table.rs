//! A table as CSV whose columns have names.

use std::io::Read;

use anyhow::{Context as _, anyhow};
use csv::{ReaderBuilder, StringRecord};

/// A table that is read row by row.
pub(super) struct Table<R> {
    reader: csv::Reader<R>,
    names: Vec<String>,
    row: StringRecord,
}

/// A row, by the names of its columns.
pub(super) struct Row<'a> {
    names: &'a [String],
    row: &'a StringRecord,
}

impl<R: Read> Table<R> {
    /// The table in `input`, which has at least the columns `wanted`.
    pub(super) fn open(input: R, wanted: &[&str]) -> anyhow::Result<Self> {
        let mut reader = ReaderBuilder::new().flexible(true).from_reader(input);
        let headers = reader.headers()?;
        let names: Vec<String> =
            headers.iter().map(|name| name.trim_start_matches('\u{feff}').to_owned()).collect();
        if let Some(missing) = wanted.iter().find(|name| !names.iter().any(|has| has == *name)) {
            return Err(anyhow!("line 1: there is no column `{missing}`"));
        }
        Ok(Self { reader, names, row: StringRecord::new() })
    }

    /// Whether there is a column `name`.
    pub(super) fn has(&self, name: &str) -> bool {
        self.names.iter().any(|has| has == name)
    }

    /// Calls `each` with every row; what it says of a row is told with the line.
    pub(super) fn each(
        &mut self,
        mut each: impl FnMut(Row<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        while self.reader.read_record(&mut self.row)? {
            let line = self.row.position().map_or(0, csv::Position::line);
            let row = Row { names: &self.names, row: &self.row };
            each(row).with_context(|| format!("line {line}"))?;
        }
        Ok(())
    }
}

impl<'a> Row<'a> {
    /// What is in the column `name`; empty if there is none.
    pub(super) fn get(&self, name: &str) -> &'a str {
        let at = self.names.iter().position(|has| has == name);
        at.and_then(|at| self.row.get(at)).unwrap_or_default().trim()
    }

    /// Whether there is a column `name`.
    pub(super) fn has(&self, name: &str) -> bool {
        self.names.iter().any(|has| has == name)
    }

    /// The number in the column `name`; zero if there is none.
    pub(super) fn number(&self, name: &str) -> anyhow::Result<u64> {
        number(self.get(name)).with_context(|| format!("`{name}`"))
    }
}

/// A number that may have been left out.
fn number(text: &str) -> anyhow::Result<u64> {
    if text.is_empty() {
        return Ok(0);
    }
    // Some programs write sums as decimals.
    let whole = text.split('.').next().unwrap_or_default();
    whole.parse().map_err(|_| anyhow!("`{text}` is no number"))
}
