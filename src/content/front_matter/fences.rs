//! Where front matter begins and ends in a file.

use std::ops::Range;

use crate::problem::Mistake;

/// The language that front matter is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::content) enum Format {
    Yaml,
    Toml,
    Json,
}

impl Format {
    /// The name that authors know.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Yaml => "YAML",
            Self::Toml => "TOML",
            Self::Json => "JSON",
        }
    }
}

/// Front matter and body as byte ranges of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fenced {
    /// The language and the front matter itself, without fences; none if there is none.
    pub(super) matter: Option<(Format, Range<usize>)>,
    /// Where the body begins.
    pub(super) body: usize,
}

/// Finds the front matter of `text`; a fence that never closes is a mistake at the start of the file. After empty lines it
/// is a line between texts.
pub(super) fn find(text: &str) -> Result<Fenced, Mistake> {
    let body = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let start = body + empty_lines(&text[body..]);
    match find_at(text, start) {
        Ok(Fenced { matter: None, .. }) | Err(_) if start > body => {
            Ok(Fenced { matter: None, body })
        }
        found => found,
    }
}

/// The length of the lines at the start of `text` that have nothing in them.
fn empty_lines(text: &str) -> usize {
    let lines = text
        .split_inclusive('\n')
        .take_while(|line| line.ends_with('\n') && line.trim().is_empty());
    lines.map(str::len).sum()
}

fn find_at(text: &str, start: usize) -> Result<Fenced, Mistake> {
    let rest = &text[start..];
    let first_line = rest.lines().next().unwrap_or_default().trim_end();
    match first_line {
        "---" => fenced(text, start, "---", Format::Yaml),
        "+++" => fenced(text, start, "+++", Format::Toml),
        _ if opens_json(rest) => json(text, start),
        _ => Ok(Fenced { matter: None, body: start }),
    }
}

fn fenced(
    text: &str,
    start: usize,
    fence: &'static str,
    format: Format,
) -> Result<Fenced, Mistake> {
    let matter_start = line_end(text, start);
    let mut line_start = matter_start;
    while line_start < text.len() {
        let end = line_end(text, line_start);
        if text[line_start..end].trim_end() == fence {
            return Ok(Fenced { matter: Some((format, matter_start..line_start)), body: end });
        }
        line_start = end;
    }
    Err(Mistake::UnclosedFence { fence: fence.into() })
}

/// The offset after the line that `start` is in.
fn line_end(text: &str, start: usize) -> usize {
    text[start..].find('\n').map_or(text.len(), |newline| start + newline + 1)
}

/// Whether a body could not begin so: a brace, then a key in quotes, or nothing at all.
fn opens_json(text: &str) -> bool {
    let Some(inner) = text.strip_prefix('{') else { return false };
    inner.trim_start().starts_with(['"', '}'])
}

fn json(text: &str, start: usize) -> Result<Fenced, Mistake> {
    let mut values =
        serde_json::Deserializer::from_str(&text[start..]).into_iter::<serde::de::IgnoredAny>();
    match values.next() {
        Some(Err(error)) if error.is_eof() => Err(Mistake::UnclosedFence { fence: "{".into() }),
        Some(Ok(_)) => {
            let end = start + values.byte_offset();
            let after = text[end..].trim_start_matches([' ', '\t', '\r']);
            let body = text.len() - after.strip_prefix('\n').unwrap_or(after).len();
            Ok(Fenced { matter: Some((Format::Json, start..end)), body })
        }
        // What is wrong within is told by who reads it; the body is whatever follows.
        _ => Ok(Fenced { matter: Some((Format::Json, start..text.len())), body: text.len() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Option<(Option<&str>, &str)> {
        let fenced = find(text).ok()?;
        let matter = fenced.matter.map(|(_, range)| &text[range]);
        Some((matter, &text[fenced.body..]))
    }

    #[test]
    fn the_body_is_kept_to_the_byte() {
        for (text, matter, body) in [
            ("---\na: 1\n---\n\n\nx\n", Some("a: 1\n"), "\n\nx\n"),
            ("---\r\na: 1\r\n---\r\nx\r\n", Some("a: 1\r\n"), "x\r\n"),
            ("\u{feff}---\na: 1\n---\nx", Some("a: 1\n"), "x"),
            ("+++\na = 1\n+++\nx", Some("a = 1\n"), "x"),
            ("{\"a\": {\"b\": \"}\"}}\nx", Some("{\"a\": {\"b\": \"}\"}}"), "x"),
            ("---\n---\n", Some(""), ""),
            ("x", None, "x"),
            ("", None, ""),
            ("\u{feff}x", None, "x"),
            ("{% raw %}", None, "{% raw %}"),
            ("---- \nx", None, "---- \nx"),
            ("x\n---\ny\n---\n", None, "x\n---\ny\n---\n"),
            ("\n---\ndraft: true\n---\nx\n", Some("draft: true\n"), "x\n"),
            ("\u{feff} \r\n\t\n+++\na = 1\n+++\nx", Some("a = 1\n"), "x"),
            ("\n{\"a\": 1}\nx", Some("{\"a\": 1}"), "x"),
            ("\n---\nx\n", None, "\n---\nx\n"),
            ("\n\nx\n", None, "\n\nx\n"),
            ("\n\n", None, "\n\n"),
        ] {
            assert_eq!(parts(text), Some((matter, body)), "{text:?}");
        }
    }

    #[test]
    fn a_fence_that_never_closes_is_a_mistake() {
        for (text, fence) in
            [("---\na: 1\n", "---"), ("+++\n", "+++"), ("{\"a\": 1", "{"), ("---", "---")]
        {
            assert_eq!(find(text), Err(Mistake::UnclosedFence { fence: fence.into() }), "{text:?}");
        }
    }
}
