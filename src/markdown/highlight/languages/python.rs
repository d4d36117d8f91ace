//! Python: prefixed strings, f-strings, decorators, the interactive console.

use crate::markdown::highlight::class::Class;
use crate::markdown::highlight::language::{Capitals, Escape, Language, PLAIN, Quote, Table};
use crate::markdown::highlight::lexer;
use crate::markdown::highlight::painter::Painter;

const TABLE: Table = Table {
    keywords: "and as assert async await break case class continue def del elif else except finally for from \
               global if import in is lambda match nonlocal not or pass raise return try while with yield",
    types: "bool bytes complex dict float frozenset int list object set str tuple type",
    constants: "True False None Ellipsis NotImplemented self cls __name__",
    line_comments: &["#"],
    quotes: QUOTES,
    capitals: Capitals::Types,
    special,
    ..PLAIN
};

const QUOTES: &[Quote] = &[
    Quote::new("\"\"\"").over_lines(),
    Quote::new("'''").over_lines(),
    Quote::new("\""),
    Quote::new("'"),
];

pub(super) static PYTHON: Language =
    Language::new(&["python", "py", "python3", "py3", "starlark", "bzl"], TABLE);

pub(super) static CONSOLE: Language =
    Language::read_by(&["pycon", "python-console", "python-repl"], TABLE, read_console);

fn special(painter: &mut Painter<'_>, language: &'static Language) -> bool {
    match painter.byte() {
        Some(b'@') if painter.is_at_line_start() => {
            let length = painter.run(|byte| byte.is_ascii_alphanumeric() || b"@._".contains(&byte));
            painter.paint(Class::Attribute, length);
            true
        }
        Some(b'r' | b'R' | b'b' | b'B' | b'f' | b'F' | b'u' | b'U' | b't') => {
            prefixed(painter, language)
        }
        _ => false,
    }
}

/// `f"..."`, `r'...'`, `Rb"""..."""`.
fn prefixed(painter: &mut Painter<'_>, language: &'static Language) -> bool {
    let letters = painter.run(|byte| b"rRbBfFuUt".contains(&byte));
    let (prefix, rest) = painter.rest().split_at(letters);
    let Some(quote) = QUOTES.iter().find(|quote| letters <= 2 && rest.starts_with(quote.open))
    else {
        return false;
    };
    let has = |letters: &[char]| prefix.contains(letters);
    let escape = if has(&['r', 'R']) { Escape::None } else { Escape::Backslash };
    let code: &[_] = if has(&['f', 'F', 't']) { &[("{", b'}')] } else { &[] };
    let quote = Quote { escape, code, ..*quote };
    lexer::string(painter, language, &quote, letters + quote.open.len());
    true
}

/// Lines that begin with a prompt are code, the others what came of it.
fn read_console(painter: &mut Painter<'_>, language: &'static Language) {
    while !painter.is_done() {
        if painter.sees(">>>") || painter.sees("...") {
            painter.paint(Class::Meta, 3);
            painter.within(painter.line(), |painter| lexer::read(painter, language));
        } else {
            painter.plain(painter.line());
        }
        painter.plain(1);
    }
}
