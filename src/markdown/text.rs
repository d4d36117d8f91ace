//! Running text: what the parser gives in pieces becomes one, in which bare addresses are found.

use std::fmt::Write as _;
use std::ops::Range;

use super::autolink::{self, Autolink};
use super::escape;
use super::script::{self, Script};
use super::writer::Writer;

/// Text that was read but not yet written.
///
/// The parser cuts text at every `_`, `&` and `'`, so an address may come in pieces, and it may have
/// had its dashes and quotation marks made typographic. Here it is whole and as it was written.
#[derive(Default)]
pub(super) struct Pending {
    raw: String,
    /// What stands before it in the source.
    before: Option<char>,
    /// Where it begins in the source; close to right for what follows escapes in it.
    offset: usize,
    typography: Vec<Typography>,
    /// Whether there is a `^` or `~` in it; known once it is whole.
    has_marks: bool,
    /// Where a `^` or `~` stands that a backslash takes the meaning from.
    escaped: Vec<usize>,
    /// What to write instead of the text that comes next.
    instead: Option<String>,
}

/// A piece of the raw text, and what typography makes of it.
struct Typography {
    piece: Range<usize>,
    becomes: String,
}

impl Pending {
    fn push(&mut self, source: &str, text: &str, range: Range<usize>) {
        if self.raw.is_empty() {
            self.before = source[..range.start].chars().next_back();
            self.offset = range.start;
        }
        let start = self.raw.len();
        if text.starts_with(['^', '~']) && source[..range.start].ends_with('\\') {
            self.escaped.push(start);
        }
        let written = &source[range];
        if is_typographic(text, written) {
            self.raw.push_str(written);
            let piece = start..self.raw.len();
            self.typography.push(Typography { piece, becomes: text.to_owned() });
        } else {
            self.raw.push_str(text);
        }
    }

    /// Has `text` written instead of the text that comes next, up to what is not text.
    pub(super) fn show_instead(&mut self, text: String) {
        self.instead = Some(text);
    }

    fn clear(&mut self) {
        self.raw.clear();
        self.escaped.clear();
        self.typography.clear();
    }
}

/// Whether `text` is what the parser's typography made of `written`: one sign of the block "general
/// punctuation" for ASCII.
fn is_typographic(text: &str, written: &str) -> bool {
    text.len() == 3
        && text.as_bytes()[0] == 0xe2
        && matches!(written, "'" | "\"" | "--" | "---" | "...")
}

impl Writer<'_> {
    /// Takes a piece of text.
    pub(super) fn text(&mut self, text: &str, range: Range<usize>) {
        match &mut self.code {
            Some(code) => code.push(text),
            None => self.pending.push(self.source, text, range),
        }
    }

    /// Writes the text that was read so far; called before anything else is written.
    pub(super) fn flush_text(&mut self) {
        if self.pending.raw.is_empty() {
            return;
        }
        let mut pending = std::mem::take(&mut self.pending);
        let raw = pending.raw.as_bytes();
        pending.has_marks = memchr::memchr2(b'^', b'~', raw).is_some();
        if let Some(text) = pending.instead.take() {
            self.put(&text);
        } else if self.may_link() && autolink::is_possible(&pending.raw) {
            self.text_with_links(&pending);
        } else {
            self.prose(&pending, 0..pending.raw.len());
        }
        pending.clear();
        self.pending = pending;
    }

    /// Whether a bare address may become a link: not within another, nor in the description of an image.
    fn may_link(&self) -> bool {
        let is_in_link = self.open_links > 0 || self.is_in_raw_link;
        self.options.autolinks && !is_in_link && self.images.is_empty()
    }

    fn text_with_links(&mut self, pending: &Pending) {
        let mut done = 0;
        while let Some(link) = autolink::find(&pending.raw, done, pending.before) {
            let Autolink { range, prefix } = link;
            self.prose(pending, done..range.start);
            // Escapes before it are part of the source but not of the text, so this is near the link.
            let offset = self.source.floor_char_boundary(pending.offset + range.start);
            self.autolink(prefix, &pending.raw[range.clone()], offset);
            done = range.end;
        }
        self.prose(pending, done..pending.raw.len());
    }

    /// Writes a part of the text in which no address is.
    fn prose(&mut self, pending: &Pending, part: Range<usize>) {
        let mut done = part.start;
        while let Some(script) = self.next_script(pending, done..part.end) {
            let Range { start, end } = script.range;
            self.typeset(pending, done..start);
            let _ = write!(self.html, "<{}>", script.element);
            self.typeset(pending, start + 1..end - 1);
            let _ = write!(self.html, "</{}>", script.element);
            done = end;
        }
        self.typeset(pending, done..part.end);
    }

    fn next_script(&self, pending: &Pending, part: Range<usize>) -> Option<Script> {
        let (options, raw) = (self.options, pending.raw.as_bytes());
        let is_on = options.superscript || options.subscript;
        if !pending.has_marks || !is_on || !self.images.is_empty() {
            return None;
        }
        script::find(&pending.raw, part, |at| {
            let is_on = if raw[at] == b'^' { options.superscript } else { options.subscript };
            is_on && pending.escaped.binary_search(&at).is_err()
        })
    }

    /// Writes a part of the text with its typography.
    fn typeset(&mut self, pending: &Pending, part: Range<usize>) {
        let mut done = part.start;
        let first = pending.typography.partition_point(|sign| sign.piece.start < part.start);
        for sign in &pending.typography[first..] {
            if sign.piece.end > part.end {
                break;
            }
            self.put(&pending.raw[done..sign.piece.start]);
            self.put(&sign.becomes);
            done = sign.piece.end;
        }
        self.put(&pending.raw[done..part.end]);
    }

    /// Writes text to where text goes now: the description of an image, or the HTML.
    pub(super) fn put(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if let Some(image) = self.images.last_mut() {
            return image.alt.push_str(text);
        }
        escape::text(&mut self.html, text);
        self.put_plain(text);
    }

    /// Adds to the plain text of an open heading.
    pub(super) fn put_plain(&mut self, text: &str) {
        if let Some(heading) = &mut self.heading {
            heading.text.push_str(text);
        }
    }
}
