//! Shells and what is written in their manner: consoles, Dockerfiles, makefiles, PowerShell.

use crate::markdown::highlight::class::Class;
use crate::markdown::highlight::language::{Escape, Language, PLAIN, Quote, Table};
use crate::markdown::highlight::lexer;
use crate::markdown::highlight::painter::{Painter, is_word};

/// How deep commands may stand in one another.
const DEEPEST: usize = 16;

const TABLE: Table = Table {
    keywords: "if then else elif fi for while until do done case esac in function select time return exit break \
               continue local export readonly declare unset shift trap source set alias eval exec",
    quotes: &[
        Quote::new("\"").over_lines().with_code(&[("$(", b')')]).with_variables(),
        Quote { close: "'", ..Quote::new("$'").over_lines() },
        Quote::raw("'", "'"),
    ],
    special,
    ..PLAIN
};

pub(super) static BASH: Language =
    Language::new(&["bash", "sh", "shell", "zsh", "fish", "ksh", "shellscript", "ash"], TABLE);

pub(super) static CONSOLE: Language = Language::read_by(
    &["console", "shell-session", "shellsession", "sh-session", "terminal"],
    TABLE,
    read_console,
);

pub(super) static DOCKERFILE: Language = Language::read_by(
    &["dockerfile", "docker", "containerfile"],
    Table {
        keywords: "add arg cmd copy entrypoint env expose from healthcheck label maintainer onbuild run shell \
                   stopsignal user volume workdir",
        any_case: true,
        ..TABLE
    },
    read_dockerfile,
);

pub(super) static MAKEFILE: Language = Language::read_by(
    &["makefile", "make", "mk", "just", "justfile"],
    Table {
        keywords: "include ifeq ifneq ifdef ifndef else endif define endef override export unexport vpath set alias",
        ..TABLE
    },
    read_makefile,
);

pub(super) static POWERSHELL: Language = Language::new(
    &["powershell", "ps1", "pwsh", "ps"],
    Table {
        keywords: "begin break catch class continue data do dynamicparam else elseif end enum exit filter finally \
                   for foreach function if in param process return switch throw trap try until using while",
        line_comments: &["#"],
        block_comments: &[("<#", "#>")],
        quotes: &[
            Quote { code: &[("$(", b')')], variables: true, ..Quote::raw("@\"", "\n\"@") },
            Quote::raw("@'", "\n'@"),
            Quote {
                escape: Escape::Doubled,
                ..Quote::raw("\"", "\"").with_code(&[("$(", b')')]).with_variables()
            },
            Quote { escape: Escape::Doubled, ..Quote::raw("'", "'") },
        ],
        any_case: true,
        special: powershell,
        ..PLAIN
    },
);

/// In a shell, `after_value` says that the command of this line was named already.
fn special(painter: &mut Painter<'_>, language: &'static Language) -> bool {
    if painter.is_at_line_start() && !is_continued(painter) {
        painter.after_value = false;
        if painter.sees("$ ") || painter.sees("#!") {
            let length = if painter.sees("$ ") { 1 } else { painter.line() };
            painter.paint(Class::Meta, length);
            return true;
        }
    }
    let starts_word =
        painter.previous().is_none_or(|byte| byte.is_ascii_whitespace() || b";(`".contains(&byte));
    match painter.byte() {
        Some(b'#') if starts_word => painter.paint(Class::Comment, painter.line()),
        Some(b'$') => return dollar(painter, language),
        Some(b'<') if painter.sees("<<") && !painter.sees("<<<") => {
            return heredoc(painter, language);
        }
        Some(b'<' | b'>' | b'=' | b'*' | b',') => painter.plain(1),
        Some(b'\\') => painter.paint(Class::Escape, 2),
        Some(b'-') if starts_word => option(painter),
        Some(byte) if is_argument(byte) => argument(painter, language),
        Some(b'"' | b'\'') => return lexer::quoted(painter, language),
        _ => return false,
    }
    true
}

/// Whether the line before ends in a backslash.
fn is_continued(painter: &Painter<'_>) -> bool {
    painter.passed().trim_end_matches([' ', '\t']).ends_with("\\\n")
}

fn is_argument(byte: u8) -> bool {
    is_word(byte) || b"./:@%+~-[]!?^#".contains(&byte)
}

/// `$x`, `${x}`, `$(command)`.
fn dollar(painter: &mut Painter<'_>, language: &'static Language) -> bool {
    if painter.sees("${") {
        let length = painter.past_in_line(2, "}");
        painter.paint(Class::Variable, length);
        return true;
    }
    if painter.sees("$(") && painter.depth < DEEPEST {
        painter.paint(Class::Escape, 2);
        let outer = std::mem::replace(&mut painter.after_value, false);
        painter.depth += 1;
        lexer::read_until(painter, language, Some(b')'));
        painter.depth -= 1;
        painter.paint(Class::Escape, usize::from(painter.byte() == Some(b')')));
        painter.after_value = outer;
        return true;
    }
    lexer::dollar(painter) || (painter.sees("$'") && lexer::quoted(painter, language))
}

/// `-x` or `--long`, without its value.
fn option(painter: &mut Painter<'_>) {
    let length = painter.run(|byte| is_word(byte) || byte == b'-');
    if length > 1 && painter.after_value {
        painter.paint(Class::Attribute, length);
    } else {
        painter.plain(length);
    }
}

/// A keyword, an assignment, a command, or an argument.
fn argument(painter: &mut Painter<'_>, language: &'static Language) {
    let length = painter.run(is_argument).max(1);
    let text = painter.rest().get(..length).unwrap_or_default();
    let name = text.bytes().take_while(|byte| is_word(*byte)).count();
    let keyword = language.class(text) == Some(Class::Keyword);
    if name == length && painter.rest()[length..].starts_with('=') {
        painter.paint(Class::Variable, length);
        painter.plain(1);
    } else if painter.after_value {
        let joins = matches!(text, "in" | "do" | "then") && painter.previous() == Some(b' ');
        painter.after_value = !joins || text == "in";
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        match (joins, is_number) {
            (true, _) => painter.paint(Class::Keyword, length),
            (_, true) => painter.paint(Class::Number, length),
            _ => painter.plain(length),
        }
    } else if keyword {
        painter.paint(Class::Keyword, length);
        painter.after_value = names_something(text);
    } else if text.starts_with(['[', '!', ']']) {
        painter.plain(length);
        painter.after_value = text.starts_with('[');
    } else {
        painter.paint(Class::Function, length);
        painter.after_value = true;
    }
}

/// Whether what follows the keyword is not a command.
fn names_something(keyword: &str) -> bool {
    !matches!(
        keyword,
        "if" | "then" | "else" | "elif" | "while" | "until" | "do" | "time" | "eval" | "exec"
    )
}

/// `<<MARK`, whose text begins in the next line.
fn heredoc(painter: &mut Painter<'_>, language: &'static Language) -> bool {
    let (rest, line) = (painter.rest(), painter.line());
    let opening = rest[2..line].trim_start_matches('-').trim_start();
    let quoted = opening.starts_with(['"', '\'']);
    let mark = opening.trim_start_matches(['"', '\'']);
    let mark = &mark[..mark.bytes().take_while(|byte| is_word(*byte)).count()];
    if mark.is_empty() || rest.len() == line {
        return false;
    }
    let start = (line - opening.len() + mark.len() + if quoted { 2 } else { 0 }).min(line);
    let length = heredoc_length(rest, line, mark);
    painter.paint(Class::String, start);
    painter.within(line - start, |painter| lexer::read(painter, language));
    let mut quote = Quote::raw("\n", "\0");
    if !quoted {
        quote = quote.with_code(&[("$(", b')')]).with_variables();
    }
    painter.within(length - line, |painter| lexer::string(painter, language, &quote, 1));
    true
}

/// How long a here-document is whose first line is `line` bytes long, the line of its mark included.
pub(super) fn heredoc_length(text: &str, line: usize, mark: &str) -> usize {
    let mut at = (line + 1).min(text.len());
    for line in text[at..].split_inclusive('\n') {
        if line.trim().trim_end_matches([';', ')', ',']) == mark {
            return at + line.trim_end().len();
        }
        at += line.len();
    }
    text.len()
}

/// Lines with a prompt are commands, the others what came of them.
fn read_console(painter: &mut Painter<'_>, _: &'static Language) {
    let mut goes_on = false;
    while !painter.is_done() {
        let line = painter.line();
        let prompt = prompt_length(&painter.rest()[..line]);
        if prompt > 0 || goes_on {
            goes_on = painter.rest()[..line].ends_with('\\');
            painter.paint(Class::Meta, prompt);
            painter.after_value &= prompt == 0;
            painter.within(line - prompt, |painter| lexer::read(painter, &BASH));
        } else {
            painter.plain(line);
        }
        painter.plain(1);
    }
}

/// How long the prompt at the start of a line is: `$ `, `# `, `> `, `user@host:~$ `.
fn prompt_length(line: &str) -> usize {
    let sign = line.find(['$', '#', '%', '>', '❯']).filter(|at| {
        let before = &line[..*at];
        before.is_empty() || (before.contains('@') && !before.contains(char::is_whitespace))
    });
    let length = sign.map_or(0, |at| at + line[at..].chars().next().map_or(0, char::len_utf8));
    if line[length..].starts_with(' ') || line.len() == length { length } else { 0 }
}

fn read_dockerfile(painter: &mut Painter<'_>, language: &'static Language) {
    let mut goes_on = false;
    while !painter.is_done() {
        let line = painter.line();
        let text = &painter.rest()[..line];
        if text.trim_start().starts_with('#') {
            painter.paint(Class::Comment, line);
        } else {
            let length =
                if goes_on { 0 } else { text.bytes().take_while(u8::is_ascii_alphabetic).count() };
            let is_instruction = language.class(&text[..length]).is_some();
            painter.paint(Class::Keyword, if is_instruction { length } else { 0 });
            painter.after_value =
                if goes_on { painter.after_value } else { !text.starts_with("RUN") };
            let rest = line - if is_instruction { length } else { 0 };
            painter.within(rest, |painter| docker_arguments(painter, goes_on));
            goes_on = text.trim_end().ends_with('\\');
        }
        painter.plain(1);
    }
}

/// The arguments of an instruction; `AS` names a stage.
fn docker_arguments(painter: &mut Painter<'_>, goes_on: bool) {
    if goes_on {
        painter.plain(painter.run(|byte| byte == b' '));
    }
    let is_stage = painter.rest().to_ascii_lowercase().find(" as ");
    if let Some(at) = is_stage.filter(|_| painter.after_value) {
        painter.within(at, |painter| lexer::read(painter, &BASH));
        painter.plain(1);
        painter.paint(Class::Keyword, 2);
    }
    lexer::read(painter, &BASH);
}

fn read_makefile(painter: &mut Painter<'_>, language: &'static Language) {
    while !painter.is_done() {
        let line = painter.line();
        let text = &painter.rest()[..line];
        let word = text.bytes().take_while(|byte| is_word(*byte)).count();
        let assigns = text.find('=');
        if text.starts_with('#') {
            painter.paint(Class::Comment, line);
        } else if text.starts_with(['\t', ' ']) {
            recipe(painter, line);
        } else if language.class(&text[..word]).is_some() {
            painter.paint(Class::Keyword, word);
            recipe(painter, line - word);
        } else if let Some(at) = assigns
            .filter(|at| !text[..*at].trim_end_matches([':', '?', '+', ' ']).contains([':', ' ']))
        {
            painter.paint(Class::Variable, text[..at].trim_end_matches([':', '?', '+', ' ']).len());
            recipe(painter, text.len() - text[..at].trim_end_matches([':', '?', '+', ' ']).len());
        } else {
            let target = text.find(':').unwrap_or(0);
            painter.paint(Class::Function, target);
            recipe(painter, line - target);
        }
        painter.plain(1);
    }
}

/// Text with `$(NAME)`, `$@`, strings and comments in it.
fn recipe(painter: &mut Painter<'_>, length: usize) {
    painter.within(length, |painter| {
        while let Some(byte) = painter.byte() {
            match byte {
                b'$' if painter.sees("$(") => painter.paint(Class::Variable, painter.past(2, ")")),
                b'$' => painter.paint(Class::Variable, 2),
                b'{' if painter.sees("{{") => painter.paint(Class::Variable, painter.past(2, "}}")),
                b'"' => painter.paint(Class::String, painter.past(1, "\"")),
                b'\'' => painter.paint(Class::String, painter.past(1, "'")),
                b'#' if painter.previous() == Some(b' ') => {
                    painter.paint(Class::Comment, painter.line());
                }
                _ => painter.plain(
                    1 + painter.rest().as_bytes()[1..]
                        .iter()
                        .take_while(|byte| !b"${\"'#".contains(byte))
                        .count(),
                ),
            }
        }
    });
}

fn powershell(painter: &mut Painter<'_>, _: &'static Language) -> bool {
    let class = match painter.byte() {
        Some(b'$') => {
            let length = 1 + painter.rest().as_bytes()[1..]
                .iter()
                .take_while(|byte| is_word(**byte) || **byte == b':')
                .count();
            painter.paint(Class::Variable, length);
            return true;
        }
        Some(b'-') if painter.previous().is_some_and(|byte| byte.is_ascii_whitespace()) => {
            Class::Attribute
        }
        Some(b'`') => Class::Escape,
        Some(b'[') => {
            painter.plain(1);
            painter.paint(Class::Type, painter.run(|byte| is_word(byte) || byte == b'.'));
            return true;
        }
        Some(byte) if byte.is_ascii_alphabetic() => {
            let length = painter.word("-");
            let text = &painter.rest()[..length];
            let is_command = text.contains('-') && !text.ends_with('-');
            painter.paint(Class::Function, if is_command { length } else { 0 });
            return is_command;
        }
        _ => return false,
    };
    let length = if class == Class::Escape { 2 } else { painter.word("-") };
    let is_option = length > 1;
    painter.paint(class, if is_option { length } else { 0 });
    is_option
}
