//! PHP, in and out of HTML.

use super::markup;
use crate::markdown::highlight::class::Class;
use crate::markdown::highlight::language::{C_LIKE, Language, Quote, Table};
use crate::markdown::highlight::lexer;
use crate::markdown::highlight::painter::{Painter, is_word};

pub(super) static PHP: Language = Language::read_by(
    &["php", "php3", "phtml"],
    Table {
        keywords: "abstract and array as break case catch class clone const continue declare default do echo \
                   else elseif empty enddeclare endfor endforeach endif endswitch endwhile enum extends final \
                   finally fn for foreach function global goto if implements include include_once instanceof \
                   insteadof interface isset list match namespace new or print private protected public \
                   readonly require require_once return static switch throw trait try unset use var while xor \
                   yield",
        types: "bool callable false float int iterable mixed never object self string void",
        constants: "true false null TRUE FALSE NULL",
        line_comments: &["//", "#"],
        quotes: &[
            Quote::new("\"").over_lines().with_code(&[("{$", b'}')]).with_variables(),
            Quote::new("'").over_lines(),
        ],
        special,
        ..C_LIKE
    },
    read,
);

/// Code that never opens PHP is all PHP; else what is outside is HTML.
fn read(painter: &mut Painter<'_>, language: &'static Language) {
    if !painter.rest().contains("<?") {
        return lexer::read(painter, language);
    }
    while !painter.is_done() {
        painter.within(painter.until("<?"), |painter| markup::read(painter, &markup::HTML));
        let opening = ["<?php", "<?=", "<?"].into_iter().find(|mark| painter.sees(mark));
        painter.paint(Class::Meta, opening.map_or(0, str::len));
        painter.within(painter.until("?>"), |painter| lexer::read(painter, language));
        painter.paint(Class::Meta, 2);
    }
}

fn special(painter: &mut Painter<'_>, language: &'static Language) -> bool {
    match painter.byte() {
        Some(b'$') => {
            painter.after_value = true;
            lexer::dollar(painter)
        }
        Some(b'#') if painter.sees("#[") => {
            painter.plain(2);
            painter.paint(Class::Attribute, painter.run(is_word));
            true
        }
        Some(b'<') if painter.sees("<<<") => heredoc(painter, language),
        _ => false,
    }
}

/// `<<<MARK` or `<<<'MARK'`, up to a line that begins with the mark.
fn heredoc(painter: &mut Painter<'_>, language: &'static Language) -> bool {
    let line = painter.line();
    let mark = painter.rest()[3..line].trim().trim_matches(['"', '\'']);
    if mark.is_empty() || !mark.bytes().all(is_word) {
        return false;
    }
    let length = super::shell::heredoc_length(painter.rest(), line, mark);
    let mut quote = Quote::raw("<<<", "\0");
    if !painter.rest()[..line].contains('\'') {
        quote = quote.with_code(&[("{$", b'}')]).with_variables();
    }
    painter.within(length, |painter| lexer::string(painter, language, &quote, line));
    true
}
