//! The line that opens a code block: language, title, marked lines, line numbers.

use std::ops::RangeInclusive;

/// What the author asks of a code block.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Info {
    /// The language as it was written, without what follows a comma or a brace; may be empty.
    pub(super) language: String,
    /// The name of a file, or whatever else stands above the code.
    pub(super) title: Option<String>,
    /// Lines to mark, counted from 1.
    pub(super) marked: Vec<RangeInclusive<usize>>,
    /// The number of the first line, if lines are numbered.
    pub(super) first_line: Option<usize>,
}

impl Info {
    /// Reads ```` ```rust,ignore {2,4-6} title="main.rs" linenos ````; what it does not know is ignored.
    pub(super) fn parse(text: &str) -> Self {
        let text = text.trim();
        let end = text.find(|letter: char| letter.is_whitespace() || matches!(letter, ',' | '{'));
        let (language, rest) = text.split_at(end.unwrap_or(text.len()));
        let mut info = Self { language: language.to_owned(), ..Self::default() };
        let mut rest = rest;
        while let Some(word) = next_word(&mut rest) {
            info.take(word);
        }
        info
    }

    fn take(&mut self, word: &str) {
        if let Some(lines) = word.strip_prefix('{') {
            return self.mark(lines.trim_end_matches('}'));
        }
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        let value = value.trim_matches(['"', '\'']);
        match key {
            "title" | "name" | "file" | "filename" => self.title = Some(value.to_owned()),
            "hl_lines" | "hl" => self.mark(value),
            "linenos" | "linenumbers" | "line-numbers" | "showLineNumbers" if value != "false" => {
                self.first_line.get_or_insert(1);
            }
            "linenostart" | "start" => self.first_line = value.parse().ok().or(self.first_line),
            _ => {}
        }
    }

    fn mark(&mut self, lines: &str) {
        for part in lines.split([',', ' ']).filter(|part| !part.is_empty()) {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            if let (Ok(first), Ok(last)) = (first.trim().parse(), last.trim().parse()) {
                self.marked.push(first..=last);
            }
        }
    }

    /// Whether line `number`, counted from 1, is to be marked.
    pub(super) fn marks(&self, number: usize) -> bool {
        self.marked.iter().any(|lines| lines.contains(&number))
    }

    /// Whether lines are told apart at all.
    pub(super) fn has_lines(&self) -> bool {
        self.first_line.is_some() || !self.marked.is_empty()
    }
}

/// The next word, where what stands in quotation marks or braces is one.
fn next_word<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let text = rest.trim_start_matches(|letter: char| letter.is_whitespace() || letter == ',');
    let mut closing = None;
    let mut end = text.len();
    for (at, letter) in text.char_indices() {
        match closing {
            Some(awaited) if letter == awaited => closing = None,
            None if letter.is_whitespace() || letter == ',' => {
                end = at;
                break;
            }
            None if letter == '{' => closing = Some('}'),
            None if matches!(letter, '"' | '\'') => closing = Some(letter),
            _ => {}
        }
    }
    let (word, after) = text.split_at(end);
    *rest = after;
    (!word.is_empty()).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_ways_to_write_it_are_understood() {
        for (text, language, title, marked, first) in [
            ("rust", "rust", None, &[][..], None),
            ("rust,ignore", "rust", None, &[], None),
            ("js {1,3-5} title=\"a b.js\"", "js", Some("a b.js"), &[1..=1, 3..=5], None),
            ("js{2}", "js", None, &[2..=2], None),
            (
                "python hl_lines=\"2-3 7\" linenos linenostart=10",
                "python",
                None,
                &[2..=3, 7..=7],
                Some(10),
            ),
            ("toml,name=a.toml,linenos", "toml", Some("a.toml"), &[], Some(1)),
            ("c++ linenos=false", "c++", None, &[], None),
            ("", "", None, &[], None),
            ("x {9-", "x", None, &[], None),
            ("x title=\"never closed", "x", Some("never closed"), &[], None),
        ] {
            let info = Info::parse(text);
            assert_eq!(info.language, language, "{text}");
            assert_eq!(info.title.as_deref(), title, "{text}");
            assert_eq!(info.marked, marked, "{text}");
            assert_eq!(info.first_line, first, "{text}");
        }
    }
}
