//! C, C++ and C#: the preprocessor, raw and interpolated strings.

use crate::markdown::highlight::class::Class;
use crate::markdown::highlight::language::{C_LIKE, Capitals, Escape, Language, Quote, Table};
use crate::markdown::highlight::lexer;
use crate::markdown::highlight::painter::Painter;

const TABLE: Table = Table {
    keywords: "alignas alignof auto break case const constexpr continue default do else enum extern for goto if \
               inline register restrict return sizeof static static_assert struct switch thread_local typedef \
               typeof union volatile while",
    types: "bool char double float int long short signed unsigned void size_t ssize_t ptrdiff_t int8_t \
            int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t intptr_t uintptr_t FILE",
    constants: "true false nullptr NULL",
    special,
    ..C_LIKE
};

pub(super) static C: Language = Language::new(&["c", "h"], TABLE);

pub(super) static CPP: Language = Language::new(
    &["c++", "cpp", "cc", "cxx", "hpp", "hh", "objective-c", "objc", "arduino", "cuda", "glsl"],
    Table {
        keywords: "alignas alignof and asm auto break case catch class co_await co_return co_yield concept \
                   const const_cast consteval constexpr constinit continue decltype default delete do \
                   dynamic_cast else enum explicit export extern final for friend goto if import inline \
                   module mutable namespace new noexcept not operator or override private protected public \
                   register reinterpret_cast requires return sizeof static static_assert static_cast struct \
                   switch template this thread_local throw try typedef typeid typename union using virtual \
                   volatile while",
        types: "bool char char8_t char16_t char32_t double float int long short signed unsigned void wchar_t \
                size_t int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t string vector map \
                string_view unique_ptr shared_ptr optional",
        ..TABLE
    },
);

pub(super) static CSHARP: Language = Language::new(
    &["c#", "csharp", "cs"],
    Table {
        keywords: "abstract add as async await base break case catch checked class const continue default \
                   delegate do else enum event explicit extern finally fixed for foreach from get global goto \
                   group if implicit in init interface internal is join let lock namespace nameof new not \
                   operator or orderby out override params partial private protected public readonly record \
                   ref remove required return sealed select set sizeof stackalloc static struct switch this \
                   throw try typeof unchecked unsafe using value var virtual volatile when where while with \
                   yield",
        types: "bool byte char decimal double dynamic float int long nint nuint object sbyte short string uint \
                ulong ushort void",
        quotes: &[
            Quote::raw("\"\"\"", "\"\"\""),
            Quote { escape: Escape::Doubled, ..Quote::raw("@\"", "\"") },
            Quote { close: "\"", ..Quote::new("$\"").with_code(&[("{", b'}')]) },
            Quote::new("\""),
            Quote::new("'"),
        ],
        capitals: Capitals::TypesAndCalls,
        special: csharp,
        ..C_LIKE
    },
);

fn special(painter: &mut Painter<'_>, _: &'static Language) -> bool {
    match painter.byte() {
        Some(b'#') if painter.is_at_line_start() => directive(painter),
        Some(b'R') if painter.sees("R\"") => raw(painter),
        _ => false,
    }
}

/// `#include <x.h>`, `#define`: the word, and a name in angle brackets.
fn directive(painter: &mut Painter<'_>) -> bool {
    let word =
        painter.rest().as_bytes()[1..].iter().take_while(|byte| b" \t".contains(byte)).count();
    let name =
        painter.rest().as_bytes()[1 + word..].iter().take_while(|byte| byte.is_ascii_alphabetic());
    let length = 1 + word + name.count();
    let is_include = painter.rest()[..length].ends_with("include");
    painter.paint(Class::Meta, length);
    if is_include && painter.sees(" <") {
        painter.plain(1);
        painter.paint(Class::String, painter.past_in_line(0, ">"));
    }
    true
}

/// `R"mark(...)mark"`.
fn raw(painter: &mut Painter<'_>) -> bool {
    let rest = painter.rest();
    let Some(open) = rest.as_bytes().iter().take(20).position(|byte| *byte == b'(') else {
        return false;
    };
    let closing = format!("){}\"", &rest[2..open]);
    painter.paint(Class::String, painter.past(open, &closing));
    true
}

fn csharp(painter: &mut Painter<'_>, language: &'static Language) -> bool {
    match painter.byte() {
        Some(b'#') if painter.is_at_line_start() => directive(painter),
        Some(b'$') if painter.sees("$@\"") => {
            let quote = Quote { escape: Escape::Doubled, ..Quote::raw("$@\"", "\"") };
            lexer::string(painter, language, &quote.with_code(&[("{", b'}')]), 3);
            true
        }
        Some(b'[') if painter.is_at_line_start() => {
            let name = painter.rest().as_bytes()[1..]
                .iter()
                .take_while(|byte| byte.is_ascii_alphanumeric());
            let length = 1 + name.count();
            painter.plain(1);
            painter.paint(Class::Attribute, length - 1);
            true
        }
        _ => false,
    }
}
