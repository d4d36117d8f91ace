//! A cursor over code that writes what it passes, so that nothing is ever lost, added or moved.

use std::cell::Cell;

use super::class::Class;
use crate::markdown::escape;

const END: &str = "</span>";

/// Reads code and writes it, in one pass. Whatever a language does, the text that comes out is the code.
pub(super) struct Painter<'a> {
    code: &'a str,
    at: usize,
    end: usize,
    /// Where the line ends that was asked for last.
    line_end: Cell<usize>,
    html: String,
    /// The class of the `span` that was written last, if nothing was written after it.
    last: Option<Class>,
    /// Whether what was passed last is a value, so that a `/` after it divides.
    pub(super) after_value: bool,
    /// What the next name is, after a word that introduces one.
    pub(super) awaited: Option<Class>,
    /// How deep strings and code stand in one another.
    pub(super) depth: usize,
}

impl<'a> Painter<'a> {
    pub(super) fn new(code: &'a str) -> Self {
        Self {
            code,
            at: 0,
            end: code.len(),
            line_end: Cell::new(0),
            html: String::with_capacity(code.len() * 2),
            last: None,
            after_value: false,
            awaited: None,
            depth: 0,
        }
    }

    /// What is still to be read.
    pub(super) fn rest(&self) -> &'a str {
        &self.code[self.at..self.end]
    }

    /// What was read.
    pub(super) fn passed(&self) -> &'a str {
        &self.code[..self.at]
    }

    /// The next byte.
    pub(super) fn byte(&self) -> Option<u8> {
        self.rest().as_bytes().first().copied()
    }

    /// The byte that was passed last.
    pub(super) fn previous(&self) -> Option<u8> {
        self.code.as_bytes()[..self.at].last().copied()
    }

    pub(super) fn is_done(&self) -> bool {
        self.at >= self.end
    }

    pub(super) fn sees(&self, text: &str) -> bool {
        self.rest().starts_with(text)
    }

    /// Whether a line begins here, spaces aside.
    pub(super) fn is_at_line_start(&self) -> bool {
        let before = &self.code.as_bytes()[..self.at];
        let indent = before.iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        before.len() == indent || before[before.len() - indent - 1] == b'\n'
    }

    /// How long the rest of this line is, without its end. Each line is searched once, however often this is asked.
    pub(super) fn line(&self) -> usize {
        if self.line_end.get() <= self.at {
            let code = &self.code[self.at..];
            self.line_end.set(self.at + code.find('\n').unwrap_or(code.len()));
        }
        self.line_end.get().min(self.end) - self.at
    }

    /// How far the end of `text` is within this line, searched for from `skip` on, or the end of the line.
    pub(super) fn past_in_line(&self, skip: usize, text: &str) -> usize {
        let line = &self.rest()[..self.line()];
        line.get(skip..)
            .and_then(|rest| rest.find(text))
            .map_or(line.len(), |at| skip + at + text.len())
    }

    /// How far `text` is, or the end.
    pub(super) fn until(&self, text: &str) -> usize {
        self.rest().find(text).unwrap_or(self.rest().len())
    }

    /// How far the end of `text` is, searched for from `skip` on, or the end.
    pub(super) fn past(&self, skip: usize, text: &str) -> usize {
        let rest = self.rest();
        rest.get(skip..)
            .and_then(|rest| rest.find(text))
            .map_or(rest.len(), |at| skip + at + text.len())
    }

    /// How many bytes from here on satisfy `belongs`.
    pub(super) fn run(&self, belongs: impl Fn(u8) -> bool) -> usize {
        self.rest().bytes().take_while(|byte| belongs(*byte)).count()
    }

    /// How long the word here is: letters, digits, `_` and the bytes of `others`.
    pub(super) fn word(&self, others: &str) -> usize {
        self.run(|byte| is_word(byte) || others.as_bytes().contains(&byte))
    }

    /// Passes `length` bytes without a color.
    pub(super) fn plain(&mut self, length: usize) {
        let text = self.take(length);
        if !text.is_empty() {
            escape::text(&mut self.html, text);
            self.last = None;
        }
    }

    /// Passes `length` bytes in the color of `class`, each line in an element of its own.
    pub(super) fn paint(&mut self, class: Class, length: usize) {
        let text = self.take(length);
        for line in text.split_inclusive('\n') {
            let content = line.strip_suffix('\n').unwrap_or(line);
            self.span(class, content);
            if content.len() < line.len() {
                self.html.push('\n');
                self.last = None;
            }
        }
    }

    /// Passes what stands between here and `length` with `read`, which cannot go beyond that.
    pub(super) fn within(&mut self, length: usize, read: impl FnOnce(&mut Self)) {
        let outer = self.end;
        self.end = self.boundary(length);
        read(self);
        self.plain(self.end - self.at);
        self.end = outer;
    }

    /// The code as HTML; what was not read yet follows without colors.
    pub(super) fn finish(mut self) -> String {
        self.end = self.code.len();
        self.plain(self.end - self.at);
        self.html
    }

    fn span(&mut self, class: Class, text: &str) {
        if text.trim().is_empty() {
            return self.html.push_str(text);
        }
        if self.last == Some(class) && self.html.ends_with(END) {
            self.html.truncate(self.html.len() - END.len());
        } else {
            self.html.push_str(class.start());
        }
        escape::text(&mut self.html, text);
        self.html.push_str(END);
        self.last = Some(class);
    }

    fn take(&mut self, length: usize) -> &'a str {
        let start = self.at;
        self.at = self.boundary(length);
        &self.code[start..self.at]
    }

    fn boundary(&self, length: usize) -> usize {
        self.code.ceil_char_boundary(self.at.saturating_add(length).min(self.end))
    }
}

/// Letters, digits, underscores, and every byte of a character beyond ASCII.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}
