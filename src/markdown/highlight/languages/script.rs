//! Lua, Perl, R, Julia and Vim.

use super::javascript::regex;
use crate::markdown::highlight::class::Class;
use crate::markdown::highlight::language::{Capitals, Language, PLAIN, QUOTES, Quote, Table};
use crate::markdown::highlight::painter::{Painter, is_word};

pub(super) static LUA: Language = Language::new(
    &["lua", "luau", "nvim"],
    Table {
        keywords: "and break do else elseif end for function goto if in local not or repeat return then until while",
        constants: "true false nil self",
        special: long_bracket,
        ..PLAIN
    },
);

pub(super) static PERL: Language = Language::new(
    &["perl", "pl", "pm"],
    Table {
        keywords: "and cmp continue die do else elsif eq eval for foreach ge gt if last le local lt my ne next no not \
                   or our package redo require return sub unless until use while xor",
        functions: "chomp close defined delete each exists join keys length map open pop print printf push say shift \
                    sort split sprintf unshift values grep",
        line_comments: &["#"],
        block_comments: &[("=pod", "=cut"), ("=head", "=cut")],
        quotes: &[Quote::new("\"").over_lines().with_variables(), Quote::new("'").over_lines()],
        special: perl,
        ..PLAIN
    },
);

pub(super) static R: Language = Language::new(
    &["r", "rscript", "splus"],
    Table {
        keywords: "break else for function if in next repeat return while library require",
        constants: "TRUE FALSE NULL NA NaN Inf NA_integer_ NA_real_ NA_character_",
        line_comments: &["#"],
        quotes: &[
            Quote::new("\"").over_lines(),
            Quote::new("'").over_lines(),
            Quote::raw("`", "`"),
        ],
        word: ".",
        ..PLAIN
    },
);

pub(super) static JULIA: Language = Language::new(
    &["julia", "jl"],
    Table {
        keywords: "abstract baremodule begin break catch const continue do else elseif end export finally for function \
                   global if import in let local macro module mutable primitive quote return struct try type using \
                   where while",
        constants: "true false nothing missing Inf NaN",
        line_comments: &["#"],
        block_comments: &[],
        quotes: &[
            Quote::new("\"\"\"").over_lines().with_code(&[("$(", b')')]).with_variables(),
            Quote::new("\"").over_lines().with_code(&[("$(", b')')]).with_variables(),
        ],
        word: "!",
        capitals: Capitals::Types,
        sigils: &[(b'@', Class::Function)],
        special: |painter, _| {
            let is_block = painter.sees("#=");
            painter.paint(Class::Comment, if is_block { painter.past(2, "=#") } else { 0 });
            is_block
        },
        ..PLAIN
    },
);

pub(super) static VIM: Language = Language::new(
    &["vim", "viml", "vimscript"],
    Table {
        keywords: "abort augroup au autocmd call cnoremap colorscheme command echo else elseif end endfor endfunction \
                   endif endtry endwhile execute filetype for function function! hi highlight if imap inoremap in let \
                   map nmap nnoremap noremap onoremap Plug plugin return runtime set setlocal silent source syntax \
                   tnoremap try unlet vmap vnoremap while xnoremap",
        quotes: QUOTES,
        word: "!#",
        sigils: &[(b'&', Class::Variable)],
        special: vim,
        ..PLAIN
    },
);

/// `--[[ ... ]]`, `[[ ... ]]`, with any number of `=` between the brackets; and `--`.
fn long_bracket(painter: &mut Painter<'_>, _: &'static Language) -> bool {
    let is_comment = painter.sees("--");
    let start = if is_comment { 2 } else { 0 };
    let bytes = &painter.rest().as_bytes()[start..];
    let level = bytes.iter().skip(1).take_while(|byte| **byte == b'=').count();
    let is_long = bytes.first() == Some(&b'[') && bytes.get(1 + level) == Some(&b'[');
    if !is_long && !is_comment {
        return false;
    }
    let class = if is_comment { Class::Comment } else { Class::String };
    let length = if is_long {
        painter.past(start + level + 2, &format!("]{}]", "=".repeat(level)))
    } else {
        painter.line()
    };
    painter.paint(class, length);
    painter.after_value = true;
    true
}

fn perl(painter: &mut Painter<'_>, _: &'static Language) -> bool {
    match painter.byte() {
        Some(b'$' | b'@' | b'%') => {
            let bytes = painter.rest().as_bytes();
            let name =
                bytes[1..].iter().take_while(|byte| is_word(**byte) || **byte == b':').count();
            let is_modulo = bytes[0] == b'%' && painter.after_value;
            let is_special =
                bytes[0] == b'$' && bytes.get(1).is_some_and(|sign| b"_!@/\\&,;".contains(sign));
            if is_modulo || (name == 0 && !is_special) {
                return false;
            }
            painter.paint(Class::Variable, 1 + name.max(1));
            painter.after_value = true;
            true
        }
        Some(b'/') if !painter.after_value => regex(painter),
        Some(b'q' | b'm' | b's' | b't' | b'y') => quote_operator(painter),
        _ => false,
    }
}

/// `q(...)`, `qw/.../`, `m{...}`, `s/.../.../`, `tr/.../.../`.
fn quote_operator(painter: &mut Painter<'_>) -> bool {
    let length = painter.word("");
    let (name, rest) = painter.rest().split_at(length);
    let parts = match name {
        "q" | "qq" | "qw" | "qr" | "m" => 1,
        "s" | "tr" | "y" => 2,
        _ => return false,
    };
    let close = match rest.as_bytes().first() {
        Some(b'(') => b')',
        Some(b'{') => b'}',
        Some(b'[') => b']',
        Some(mark @ (b'/' | b'|' | b'!')) => *mark,
        _ => return false,
    };
    let line = &rest.as_bytes()[1..];
    let mut ends = line
        .iter()
        .enumerate()
        .take(1024)
        .filter(|(at, byte)| **byte == close && (*at == 0 || line[at - 1] != b'\\'));
    let Some((end, _)) = ends.nth(if close == rest.as_bytes()[0] { parts - 1 } else { 0 }) else {
        return false;
    };
    painter.paint(Class::String, length + 1 + end + 1);
    painter.paint(Class::String, painter.run(|byte| parts > 0 && b"gimsxe".contains(&byte)));
    painter.after_value = true;
    true
}

/// A `"` at the start of a line begins a comment; `g:name` and `<leader>` speak of themselves.
fn vim(painter: &mut Painter<'_>, _: &'static Language) -> bool {
    match painter.byte() {
        Some(b'"') if painter.is_at_line_start() => painter.paint(Class::Comment, painter.line()),
        Some(b'<') => {
            let name = painter.rest().as_bytes()[1..]
                .iter()
                .take_while(|byte| is_word(**byte) || **byte == b'-')
                .count();
            if name == 0 || painter.rest().as_bytes().get(1 + name) != Some(&b'>') {
                return false;
            }
            painter.paint(Class::Constant, name + 2);
        }
        Some(b'g' | b's' | b'l' | b'b' | b'w' | b'a' | b'v')
            if painter.rest().as_bytes().get(1) == Some(&b':') =>
        {
            let name =
                painter.rest().as_bytes()[2..].iter().take_while(|byte| is_word(**byte)).count();
            painter.paint(Class::Variable, name + 2);
        }
        _ => return false,
    }
    true
}
