//! Where a mistake is: a file, and where in it.

use std::cell::Cell;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Where a mistake is: a file below the site's folder, and where in it, counted from one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The file, relative to the site's folder, with forward slashes.
    pub file: Arc<str>,
    /// Line and column (in characters); none when the whole file is meant.
    pub position: Option<Position>,
}

impl Place {
    /// The whole of `file`.
    pub fn file(file: impl Into<Arc<str>>) -> Self {
        Self { file: file.into(), position: None }
    }

    /// The byte `offset` of `text`, the contents of `file`.
    pub fn at(file: impl Into<Arc<str>>, text: &str, offset: usize) -> Self {
        Self { file: file.into(), position: Some(Position::of(text, offset)) }
    }

    /// The place of `path` as authors know it: below `root`, with forward slashes.
    pub fn name_of(path: &Path, root: &Path) -> String {
        let relative = path.strip_prefix(root).unwrap_or(path);
        relative.to_string_lossy().replace('\\', "/")
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        match self.position {
            Some(Position { line, column }) => write!(f, ":{line}:{column}"),
            None => Ok(()),
        }
    }
}

/// A line and a column, both counted from one; columns are characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

impl Position {
    /// Where the byte `offset` is in `text`; the end if it lies beyond.
    pub fn of(text: &str, offset: usize) -> Self {
        Positions::of(text).at(offset)
    }
}

/// Finds the positions of many offsets of one text, in time that grows with the text alone if they ascend.
#[derive(Debug)]
pub struct Positions<'a> {
    text: &'a str,
    last: Cell<(usize, Position)>,
}

impl<'a> Positions<'a> {
    /// The positions of `text`.
    pub fn of(text: &'a str) -> Self {
        Self { text, last: Cell::new((0, Position { line: 1, column: 1 })) }
    }

    /// Where the byte `offset` is; the end if it lies beyond.
    pub fn at(&self, offset: usize) -> Position {
        let offset = self.text.floor_char_boundary(offset);
        let (last, from) = self.last.get();
        let (start, from) =
            if last <= offset { (last, from) } else { (0, Position { line: 1, column: 1 }) };
        let passed = &self.text[start..offset];
        let position = match memchr::memrchr(b'\n', passed.as_bytes()) {
            Some(newline) => Position {
                line: from.line + counted(memchr::memchr_iter(b'\n', passed.as_bytes()).count()),
                column: counted(passed[newline + 1..].chars().count()) + 1,
            },
            None => {
                Position { line: from.line, column: from.column + counted(passed.chars().count()) }
            }
        };
        self.last.set((offset, position));
        position
    }
}

/// No file that is read is so long that this matters.
fn counted(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_counts_lines_and_characters_from_one() {
        let text = "é: 1\nßx: 2\n";
        for (offset, line, column) in [(0, 1, 1), (3, 1, 3), (6, 2, 1), (8, 2, 2), (99, 3, 1)] {
            assert_eq!(Position::of(text, offset), Position { line, column }, "{offset}");
        }
        let positions = Positions::of(text);
        for offset in [8, 3, 6, 7, 0, 99, 2] {
            assert_eq!(positions.at(offset), Position::of(text, offset), "{offset}");
        }
    }
}
