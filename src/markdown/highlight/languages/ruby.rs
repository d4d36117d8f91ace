//! Ruby: symbols, instance variables, heredocs, regular expressions.

use super::javascript::regex;
use super::shell::heredoc_length;
use crate::markdown::highlight::class::Class;
use crate::markdown::highlight::language::{Capitals, Language, PLAIN, Quote, Table};
use crate::markdown::highlight::lexer;
use crate::markdown::highlight::painter::{Painter, is_word};

pub(super) static RUBY: Language = Language::new(
    &["ruby", "rb", "gemfile", "rakefile", "crystal", "irb"],
    Table {
        keywords: "alias and begin BEGIN break case class def defined? do else elsif end END ensure for if in \
                   module next not or redo rescue retry return self super then undef unless until when while \
                   yield",
        constants: "true false nil __FILE__",
        functions: "attr_accessor attr_reader attr_writer extend include lambda loop prepend private proc \
                    protected public puts raise require require_relative",
        line_comments: &["#"],
        block_comments: &[("=begin", "=end")],
        quotes: &[
            Quote::new("\"").over_lines().with_code(&[("#{", b'}')]),
            Quote::new("'").over_lines(),
            Quote::new("`").with_code(&[("#{", b'}')]),
        ],
        word: "?!",
        capitals: Capitals::Types,
        special,
        ..PLAIN
    },
);

fn special(painter: &mut Painter<'_>, language: &'static Language) -> bool {
    match painter.byte() {
        Some(b':') => symbol(painter),
        Some(b'@' | b'$') => variable(painter),
        Some(b'%') => percent(painter),
        Some(b'<') if painter.sees("<<~") || painter.sees("<<-") => heredoc(painter, language),
        Some(b'/') if !painter.after_value => regex(painter),
        Some(b'?' | b'!') => {
            painter.plain(1);
            painter.after_value = false;
            true
        }
        Some(byte) if is_word(byte) && !byte.is_ascii_digit() => key(painter),
        _ => false,
    }
}

/// `:name` or `:"name"`, but not `::` and not the colon of `a ? b : c`.
fn symbol(painter: &mut Painter<'_>) -> bool {
    if painter.sees("::") {
        painter.plain(2);
        return true;
    }
    let bytes = painter.rest().as_bytes();
    let name = bytes[1..].iter().take_while(|byte| is_word(**byte)).count();
    if name == 0 {
        return false;
    }
    let sign = bytes.get(1 + name).is_some_and(|sign| matches!(sign, b'?' | b'!'));
    painter.paint(Class::Constant, 1 + name + usize::from(sign));
    painter.after_value = true;
    true
}

fn variable(painter: &mut Painter<'_>) -> bool {
    let length = painter.run(|byte| is_word(byte) || matches!(byte, b'@' | b'$'));
    painter.paint(Class::Variable, length);
    painter.after_value = true;
    true
}

/// `name:` in a hash or among arguments.
fn key(painter: &mut Painter<'_>) -> bool {
    let length = painter.word("?!");
    let behind = &painter.rest().as_bytes()[length..];
    let is_key = behind.first() == Some(&b':')
        && behind.get(1) != Some(&b':')
        && painter.previous() != Some(b'?');
    if is_key {
        painter.paint(Class::Constant, length + 1);
        painter.after_value = false;
    }
    is_key
}

/// `%w[a b]`, `%i(a b)`, `%q{...}`.
fn percent(painter: &mut Painter<'_>) -> bool {
    let bytes = painter.rest().as_bytes();
    let (Some(b'w' | b'W' | b'i' | b'I' | b'q' | b'Q' | b'r'), Some(open)) =
        (bytes.get(1), bytes.get(2))
    else {
        return false;
    };
    let close = match open {
        b'[' => "]",
        b'(' => ")",
        b'{' => "}",
        b'<' => ">",
        b'|' => "|",
        b'/' => "/",
        _ => return false,
    };
    painter.paint(Class::String, painter.past(3, close));
    painter.after_value = true;
    true
}

/// `<<~MARK`, whose text begins in the next line; the rest of this line is code.
fn heredoc(painter: &mut Painter<'_>, language: &'static Language) -> bool {
    let line = painter.line();
    let rest = painter.rest();
    let mark = rest[3..line].trim_start_matches(['"', '\'']);
    let mark = &mark[..mark.bytes().take_while(|byte| is_word(*byte)).count()];
    if mark.is_empty() || rest.len() == line {
        return false;
    }
    let opening = 3 + mark.len() + if rest[3..].starts_with(['"', '\'']) { 2 } else { 0 };
    let length = heredoc_length(rest, line, mark);
    painter.paint(Class::String, opening.min(line));
    painter.within(line.saturating_sub(opening), |painter| lexer::read(painter, language));
    let quote = Quote::raw("\n", "\0").with_code(&[("#{", b'}')]);
    painter
        .within(length - line.max(opening), |painter| lexer::string(painter, language, &quote, 1));
    true
}
