//! The database as lines of JSON, and back: everything in it, each row also in words.

use std::io::{BufRead, Write};

use anyhow::{Context as _, bail, ensure};
use redb::{ReadableTable as _, ReadableTableMetadata as _, TableHandle as _, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::every_table::{Put, Show, visit_rows, visit_sums};
use super::load::name;
use super::tables::{CELLS, EVENTS, NAMES};
use super::{FORMAT, Store, merge};
use crate::analytics::rollup::Dimension;
use crate::analytics::row::{Flags, Row, RowKey};

/// How many lines are taken in with one transaction.
const LINES: usize = 50_000;

/// A line of an export.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", untagged)]
enum Line {
    /// What the file is; the first line.
    Head {
        tallymark: String,
        format: u64,
        /// Whether a last line says that nothing is missing; not so in files of before there was one.
        #[serde(default)]
        ends: bool,
    },
    /// The last line: how many came before.
    End { lines: usize },
    /// An entry of a table, in hexadecimal digits.
    Entry { table: String, key: String, value: String },
    /// A row: in hexadecimal digits, and in words for whoever reads it.
    Row {
        key: String,
        row: String,
        #[serde(flatten)]
        words: Box<Words>,
    },
}

/// A row in words. Who takes the export in again needs none of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Words {
    /// When it was counted, as RFC 3339 spells it, in UTC.
    pub at: String,
    /// `view`, `event`, or `notFound`.
    pub kind: String,
    /// The path.
    pub path: String,
    /// The number of the visitor.
    pub visitor: u32,
    /// Where the visitor came from.
    pub referrer: String,
    /// Two letters.
    pub country: String,
    /// The kind of device.
    pub device: String,
    /// The browser.
    pub browser: String,
    /// The operating system.
    pub system: String,
    /// `utm_source`.
    pub source: String,
    /// `utm_campaign`.
    pub campaign: String,
    /// What happened.
    pub name: String,
    /// What was followed.
    pub detail: String,
    /// Percent of the article that was on screen.
    pub scroll: u8,
    /// Milliseconds that it was visible.
    pub engaged_ms: u64,
    /// Whether it was read to the end.
    pub read: bool,
    /// Whether a visit began with it.
    pub entry: bool,
    /// Whether a visit ended with it.
    pub exit: bool,
}

impl Store {
    /// Writes everything to `out`, as it is at one instant.
    pub fn export(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        let head = Line::Head { tallymark: "statistics".to_owned(), format: FORMAT, ends: true };
        put(out, &head)?;
        let mut lines = 1;
        self.read(|from| {
            let entry = |table: &str, key: &[u8], value: &[u8]| {
                let (key, value) = (to_hex(key), to_hex(value));
                lines += 1;
                put(out, &Line::Entry { table: table.to_owned(), key, value })
            };
            visit_sums(&mut Show { from, show: entry })
        })?;
        self.each_in_words(|key, row, words| {
            let (key, row) = (to_hex(&key.to_bytes()), to_hex(&row.encode()));
            lines += 1;
            put(out, &Line::Row { key, row, words: Box::new(words) })
        })?;
        put(out, &Line::End { lines })
    }

    /// Shows `visit` each row in words.
    pub fn each_event(
        &self,
        mut visit: impl FnMut(Words) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        self.each_in_words(|_, _, words| visit(words))
    }

    /// Shows `visit` each row, in words too.
    fn each_in_words(
        &self,
        mut visit: impl FnMut(RowKey, &Row, Words) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let Some(first) = self.first_row()? else { return Ok(()) };
        let last = self.last_row()?;
        // A day at a time, so that words are not looked up while a transaction is open that shows the rows.
        for day in RowKey::first_at(first).day()..=RowKey::first_at(last).day() {
            let mut rows = Vec::new();
            let times = RowKey::first_of_day(day).time()..=RowKey::last_of_day(day).time();
            self.each_row(times, &mut |key: RowKey, row: &Row| rows.push((key, *row)))?;
            for some in rows.chunks(1000) {
                for ((key, row), words) in some.iter().zip(self.in_words(some)?) {
                    visit(*key, row, words)?;
                }
            }
        }
        Ok(())
    }

    fn in_words(&self, rows: &[(RowKey, Row)]) -> anyhow::Result<Vec<Words>> {
        self.read(|transaction| {
            let names = transaction.open_table(NAMES)?;
            let text = |number: u32| name(&names, number);
            let words = |(key, row): &(RowKey, Row)| -> anyhow::Result<Words> {
                let trait_of = |dimension: Dimension| {
                    let place = Dimension::TRAITS.iter().position(|of| *of == dimension);
                    text(place.map_or(0, |place| row.traits[place]))
                };
                let kind = match row.flags {
                    flags if flags.has(Flags::CUSTOM) => "event",
                    flags if flags.has(Flags::MISSING) => "notFound",
                    _ => "view",
                };
                Ok(Words {
                    at: key.time().to_rfc3339_in(&jiff::tz::TimeZone::UTC),
                    kind: kind.to_owned(),
                    path: text(row.path)?,
                    visitor: row.visitor,
                    referrer: trait_of(Dimension::Referrer)?,
                    country: trait_of(Dimension::Country)?,
                    device: trait_of(Dimension::Device)?,
                    browser: trait_of(Dimension::Browser)?,
                    system: trait_of(Dimension::System)?,
                    source: trait_of(Dimension::Source)?,
                    campaign: trait_of(Dimension::Campaign)?,
                    name: text(row.name)?,
                    detail: text(row.detail)?,
                    scroll: row.scroll,
                    engaged_ms: row.engaged_ms(),
                    read: row.flags.has(Flags::READ),
                    entry: row.flags.has(Flags::ENTRY),
                    exit: row.flags.has(Flags::EXIT),
                })
            };
            rows.iter().map(words).collect()
        })
    }

    /// Takes in what [`export`](Self::export) wrote; nothing may have been counted here.
    pub fn take_in_export(&self, input: &mut dyn BufRead) -> anyhow::Result<u64> {
        let is_empty = self.read(|transaction| {
            let (cells, events) = (transaction.open_table(CELLS)?, transaction.open_table(EVENTS)?);
            Ok(cells.is_empty()? && events.is_empty()?)
        })?;
        ensure!(
            is_empty,
            "something has been counted here already; an export can only be taken in where nothing has"
        );
        let mut lines = input.lines().enumerate();
        read_head(&mut lines)?;
        let mut rows = 0;
        loop {
            let some: Vec<(usize, String)> = lines
                .by_ref()
                .take(LINES)
                .map(|(number, line)| anyhow::Ok((number + 1, line?)))
                .collect::<anyhow::Result<_>>()?;
            if some.is_empty() {
                self.with_database(merge::settle)?;
                return Ok(rows);
            }
            rows += self.take_in_lines(&some)?;
        }
    }

    fn take_in_lines(&self, lines: &[(usize, String)]) -> anyhow::Result<u64> {
        self.transact(|to| {
            let mut rows = 0;
            for (number, line) in lines.iter().filter(|(_, line)| !line.trim().is_empty()) {
                rows += u64::from(take_in(to, line).with_context(|| format!("line {number}"))?);
            }
            Ok(rows)
        })
    }
}

/// Whether all of an export is there, to its last line, and can be read: to be known before any of it is taken in.
pub fn check_export(input: &mut dyn BufRead) -> anyhow::Result<()> {
    let mut lines = input.lines().enumerate();
    let ends = read_head(&mut lines)?;
    let (mut last, mut has_ended) = (1, false);
    for (before, line) in lines {
        last = before + 1;
        let line = line.with_context(|| format!("line {last}"))?;
        if line.trim().is_empty() {
            continue;
        }
        ensure!(!has_ended, "line {last}: something follows the end");
        match serde_json::from_str(&line).with_context(|| format!("line {last}"))? {
            Line::End { lines } => {
                ensure!(lines == before, "line {last}: {before} lines are there of {lines}");
                has_ended = true;
            }
            Line::Head { .. } => bail!("line {last}: a second export begins here"),
            Line::Entry { .. } | Line::Row { .. } => {}
        }
    }
    ensure!(
        !ends || has_ended,
        "it is cut off after line {last}: the line is missing that ends it"
    );
    Ok(())
}

/// Reads the first line of an export, and says whether a last one ends it.
fn read_head(
    lines: &mut impl Iterator<Item = (usize, std::io::Result<String>)>,
) -> anyhow::Result<bool> {
    let head = lines.next().map(|(_, line)| line).transpose()?.unwrap_or_default();
    match serde_json::from_str(&head) {
        // What the second format has, this one has as well.
        Ok(Line::Head { tallymark, format: 2..=FORMAT, ends }) if tallymark == "statistics" => {
            Ok(ends)
        }
        Ok(Line::Head { format, .. }) => {
            bail!("line 1: it has format {format}, and this version of tallymark reads {FORMAT}")
        }
        _ => bail!("line 1: this is no export of tallymark"),
    }
}

/// Takes a line in, and says whether it is a row.
fn take_in(to: &WriteTransaction, line: &str) -> anyhow::Result<bool> {
    let (name, key, value) = match serde_json::from_str(line)? {
        Line::Entry { table, key, value } => (table, key, value),
        Line::Row { key, row, .. } => (EVENTS.name().to_owned(), key, row),
        Line::End { .. } => return Ok(false),
        Line::Head { .. } => bail!("a second export begins here"),
    };
    let (key, value) =
        from_hex(&key).zip(from_hex(&value)).context("these are no hexadecimal digits")?;
    let is_row = name == EVENTS.name();
    let key = if is_row { free_key(to, &key)? } else { key };
    let mut put = Put { to, name: &name, key: &key, value: &value, is_done: false };
    visit_sums(&mut put)?;
    visit_rows(&mut put)?;
    ensure!(put.is_done, "there is no table `{name}` that this fits into");
    Ok(is_row)
}

/// The key of a row, or the next that is free: of packed rows only the time is known.
fn free_key(to: &WriteTransaction, key: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut key = RowKey::from_bytes(key.try_into().context("this is no key of a row")?);
    let events = to.open_table(EVENTS)?;
    while events.get(&key.to_bytes())?.is_some() {
        key = key.next();
    }
    Ok(key.to_bytes().to_vec())
}

fn put(out: &mut dyn Write, line: &Line) -> anyhow::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")?;
    Ok(())
}

fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| Some(digit(pair[0])? << 4 | digit(pair[1])?);
    let is_whole = text.len().is_multiple_of(2);
    is_whole.then(|| text.as_bytes().chunks_exact(2).map(pair).collect::<Option<_>>())?
}
