//! What is to be known about a language to color it: most of it in a table.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::class::Class;
use super::painter::Painter;

/// Reads something at the cursor if it is there, and says whether it was.
pub(super) type Rule = fn(&mut Painter<'_>, &'static Language) -> bool;

/// A language: its names, and a table or a reader of its own.
pub(super) struct Language {
    /// Its name and the others it goes by, in lower case.
    pub(super) names: &'static [&'static str],
    pub(super) table: Table,
    /// Reads the whole; the reader that follows the table, for most.
    pub(super) read: fn(&mut Painter<'_>, &'static Language),
    words: OnceLock<HashMap<&'static str, Class>>,
}

/// What a language is made of. Lists of words are separated by spaces.
#[derive(Clone, Copy)]
pub(super) struct Table {
    pub(super) keywords: &'static str,
    pub(super) types: &'static str,
    pub(super) constants: &'static str,
    /// Functions that are called without parentheses.
    pub(super) functions: &'static str,
    pub(super) line_comments: &'static [&'static str],
    pub(super) block_comments: &'static [(&'static str, &'static str)],
    /// Whether a comment may stand in a comment.
    pub(super) nested_comments: bool,
    pub(super) quotes: &'static [Quote],
    /// What words have in them besides letters, digits and `_`.
    pub(super) word: &'static str,
    /// Whether letter case makes no difference.
    pub(super) any_case: bool,
    pub(super) capitals: Capitals,
    /// Signs that make an annotation or a variable of the word after them.
    pub(super) sigils: &'static [(u8, Class)],
    /// What no table can say; asked at every token, first.
    pub(super) special: Rule,
}

/// What a name is that begins with a capital.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Capitals {
    /// A name like others.
    Names,
    /// A type.
    Types,
    /// A type, but where it is called a function.
    TypesAndCalls,
}

/// A kind of string.
#[derive(Clone, Copy)]
pub(super) struct Quote {
    pub(super) open: &'static str,
    pub(super) close: &'static str,
    pub(super) escape: Escape,
    /// Whether it may go on in the next line.
    pub(super) lines: bool,
    /// What begins code in it, and the byte that ends that.
    pub(super) code: &'static [(&'static str, u8)],
    /// Whether `$name` in it is a variable.
    pub(super) variables: bool,
}

/// How a string says that its next character is special.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Escape {
    None,
    Backslash,
    /// The closing mark, twice.
    Doubled,
}

impl Quote {
    /// A string on one line with backslashes.
    pub(super) const fn new(mark: &'static str) -> Self {
        Self {
            open: mark,
            close: mark,
            escape: Escape::Backslash,
            lines: false,
            code: &[],
            variables: false,
        }
    }

    /// A string in which nothing is special.
    pub(super) const fn raw(open: &'static str, close: &'static str) -> Self {
        Self { open, close, escape: Escape::None, ..Self::new(open) }.over_lines()
    }

    /// The same, over several lines.
    pub(super) const fn over_lines(self) -> Self {
        Self { lines: true, ..self }
    }

    /// The same, with code in it.
    pub(super) const fn with_code(self, code: &'static [(&'static str, u8)]) -> Self {
        Self { code, ..self }
    }

    /// The same, with variables in it.
    pub(super) const fn with_variables(self) -> Self {
        Self { variables: true, ..self }
    }
}

/// `"` and `'`, with backslashes.
pub(super) const QUOTES: &[Quote] = &[Quote::new("\""), Quote::new("'")];

/// A table in which nothing is special, to begin with.
pub(super) const PLAIN: Table = Table {
    keywords: "",
    types: "",
    constants: "",
    functions: "",
    line_comments: &[],
    block_comments: &[],
    nested_comments: false,
    quotes: QUOTES,
    word: "",
    any_case: false,
    capitals: Capitals::Names,
    sigils: &[],
    special: |_, _| false,
};

/// What C gave to most languages.
pub(super) const C_LIKE: Table = Table {
    constants: "true false null",
    line_comments: &["//"],
    block_comments: &[("/*", "*/")],
    capitals: Capitals::Types,
    ..PLAIN
};

impl Language {
    /// A language that its table describes.
    pub(super) const fn new(names: &'static [&'static str], table: Table) -> Self {
        Self::read_by(names, table, super::lexer::read)
    }

    /// A language with a reader of its own.
    pub(super) const fn read_by(
        names: &'static [&'static str],
        table: Table,
        read: fn(&mut Painter<'_>, &'static Language),
    ) -> Self {
        Self { names, table, read, words: OnceLock::new() }
    }

    /// What `word` is, if the table lists it.
    pub(super) fn class(&'static self, word: &str) -> Option<Class> {
        let words = self.words.get_or_init(|| self.table.words());
        if self.table.any_case {
            words.get(word.to_ascii_lowercase().as_str()).copied()
        } else {
            words.get(word).copied()
        }
    }
}

impl Table {
    fn words(&self) -> HashMap<&'static str, Class> {
        [
            (self.functions, Class::Function),
            (self.types, Class::Type),
            (self.constants, Class::Constant),
            (self.keywords, Class::Keyword),
        ]
        .into_iter()
        .flat_map(|(words, class)| words.split_ascii_whitespace().map(move |word| (word, class)))
        .collect()
    }
}
