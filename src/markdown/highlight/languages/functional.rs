//! Haskell, Elixir, Nix, Clojure and OCaml.

use crate::markdown::highlight::class::Class;
use crate::markdown::highlight::language::{Capitals, Language, PLAIN, Quote, Table};
use crate::markdown::highlight::painter::{Painter, is_word};

pub(super) static HASKELL: Language = Language::new(
    &["haskell", "hs", "purescript", "elm"],
    Table {
        keywords: "as case class data default deriving do else family forall foreign hiding if import in infix infixl \
                   infixr instance let mdo module newtype of qualified then type where",
        block_comments: &[("{-", "-}")],
        nested_comments: true,
        quotes: &[Quote::new("\"")],
        word: "'",
        capitals: Capitals::Types,
        special: haskell,
        ..PLAIN
    },
);

pub(super) static ELIXIR: Language = Language::new(
    &["elixir", "ex", "exs", "iex", "heex"],
    Table {
        keywords: "after alias and case catch cond def defdelegate defexception defguard defimpl defmacro defmodule \
                   defp defprotocol defstruct do else end fn for if import in not or quote raise receive require \
                   rescue try unless unquote use when with",
        constants: "true false nil",
        line_comments: &["#"],
        quotes: &[
            Quote::new("\"\"\"").over_lines().with_code(&[("#{", b'}')]),
            Quote::new("'''").over_lines().with_code(&[("#{", b'}')]),
            Quote::new("\"").over_lines().with_code(&[("#{", b'}')]),
            Quote::new("'"),
        ],
        word: "?!",
        capitals: Capitals::Types,
        sigils: &[(b'@', Class::Attribute)],
        special: elixir,
        ..PLAIN
    },
);

pub(super) static NIX: Language = Language::new(
    &["nix"],
    Table {
        keywords: "assert else if in inherit let or rec then with",
        constants: "true false null",
        functions: "import map toString throw abort builtins",
        line_comments: &["#"],
        block_comments: &[("/*", "*/")],
        quotes: &[
            Quote::raw("''", "''").with_code(&[("${", b'}')]),
            Quote::new("\"").over_lines().with_code(&[("${", b'}')]),
        ],
        word: "-'",
        special: nix,
        ..PLAIN
    },
);

pub(super) static CLOJURE: Language = Language::new(
    &[
        "clojure",
        "clj",
        "cljs",
        "edn",
        "lisp",
        "scheme",
        "elisp",
        "emacs-lisp",
        "racket",
        "common-lisp",
    ],
    Table {
        keywords: "and case catch cond def defmacro defmethod defmulti defn defn- defonce defprotocol defrecord defun \
                   defvar define do doseq dotimes else finally fn for if if-let if-not lambda let let* letrec loop ns \
                   or quote recur require setq throw try use when when-let when-not",
        constants: "true false nil t",
        line_comments: &[";"],
        quotes: &[Quote::new("\"").over_lines()],
        word: "-?!*+<>=/&",
        special: clojure,
        ..PLAIN
    },
);

pub(super) static OCAML: Language = Language::new(
    &["ocaml", "ml", "mli", "fsharp", "f#", "fs", "sml", "reason"],
    Table {
        keywords: "and as assert begin class constraint do done downto else end exception external for fun function \
                   functor if in include inherit initializer lazy let match member method module mutable namespace new \
                   object of open or private rec sig static struct then to try type use val virtual when while with \
                   yield",
        types: "bool char float int list option string unit array",
        constants: "true false",
        line_comments: &["//"],
        block_comments: &[("(*", "*)")],
        nested_comments: true,
        quotes: &[Quote::new("\"").over_lines()],
        word: "'",
        capitals: Capitals::Types,
        ..PLAIN
    },
);

/// `--` is a comment unless it is a part of an operator; `'x'` is a character.
fn haskell(painter: &mut Painter<'_>, _: &'static Language) -> bool {
    let bytes = painter.rest().as_bytes();
    match bytes {
        [b'-', b'-', ..] => {
            let dashes = bytes.iter().take_while(|byte| **byte == b'-').count();
            let is_operator =
                bytes.get(dashes).is_some_and(|byte| b"!#$%&*+./<=>?@\\^|~:".contains(byte));
            let length = if is_operator { 0 } else { painter.line() };
            painter.paint(Class::Comment, length);
            length > 0
        }
        [b'\'', b'\\', rest @ ..] => {
            let end = rest.iter().take(8).skip(1).position(|byte| *byte == b'\'');
            painter.paint(Class::String, end.map_or(0, |end| end + 4));
            end.is_some()
        }
        [b'\'', letter, b'\'', ..] if letter.is_ascii() => {
            painter.paint(Class::String, 3);
            true
        }
        [b'\'', ..] => {
            painter.plain(1);
            true
        }
        _ => false,
    }
}

/// Atoms, keys, and sigils such as `~r/.../`.
fn elixir(painter: &mut Painter<'_>, _: &'static Language) -> bool {
    let bytes = painter.rest().as_bytes();
    let name = |from: usize| {
        bytes[from..].iter().take_while(|byte| is_word(**byte) || b"?!".contains(byte)).count()
    };
    match bytes {
        [b':', b':', ..] => {
            painter.plain(2);
            true
        }
        [b':', first, ..] if is_word(*first) && !first.is_ascii_digit() => {
            painter.paint(Class::Constant, 1 + name(1));
            true
        }
        [b'~', kind, mark, ..] if kind.is_ascii_alphabetic() => {
            let close = match mark {
                b'(' => ")",
                b'[' => "]",
                b'{' => "}",
                b'<' => ">",
                b'"' if painter.rest()[2..].starts_with("\"\"\"") => "\"\"\"",
                b'/' => "/",
                b'|' => "|",
                b'"' => "\"",
                _ => return false,
            };
            let opening = if close.len() == 3 { 5 } else { 3 };
            painter.paint(Class::String, painter.past(opening, close));
            true
        }
        [first, ..] if is_word(*first) => {
            let length = name(0);
            let is_key = bytes.get(length) == Some(&b':') && bytes.get(length + 1) == Some(&b' ');
            painter.paint(Class::Constant, if is_key { length + 1 } else { 0 });
            is_key
        }
        _ => false,
    }
}

/// A name before `=` or an attribute path.
fn nix(painter: &mut Painter<'_>, language: &'static Language) -> bool {
    let belongs = |byte: u8| is_word(byte) || b"-.'".contains(&byte);
    if painter.previous().is_some_and(belongs) {
        return false;
    }
    let length = painter.run(belongs);
    let text = &painter.rest()[..length];
    let behind = painter.rest()[length..].trim_start_matches(' ');
    let is_key = length > 0
        && !text.starts_with(|first: char| first.is_ascii_digit() || first == '\'')
        && behind.starts_with('=')
        && !behind.starts_with("==")
        && language.class(text).is_none();
    painter.paint(Class::Attribute, if is_key { length } else { 0 });
    is_key
}

/// `:keyword`, `\character`, and what stands first in a list.
fn clojure(painter: &mut Painter<'_>, language: &'static Language) -> bool {
    let belongs = |byte: u8| is_word(byte) || b"-?!*+<>=/&.".contains(&byte);
    match painter.byte() {
        Some(b':') => painter.paint(
            Class::Constant,
            1 + painter.rest().as_bytes()[1..].iter().take_while(|byte| belongs(**byte)).count(),
        ),
        Some(b'\\') => painter.paint(Class::String, 2),
        Some(byte)
            if belongs(byte) && !byte.is_ascii_digit() && painter.previous() == Some(b'(') =>
        {
            let length = painter.run(belongs);
            let class = language.class(&painter.rest()[..length]).unwrap_or(Class::Function);
            painter.paint(class, length);
        }
        _ => return false,
    }
    true
}
