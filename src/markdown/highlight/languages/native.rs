//! Go, Swift, Zig and Dart.

use crate::markdown::highlight::class::Class;
use crate::markdown::highlight::language::{C_LIKE, Capitals, Language, Quote, Table};
use crate::markdown::highlight::painter::Painter;

pub(super) static GO: Language = Language::new(
    &["go", "golang"],
    Table {
        keywords: "break case chan const continue default defer else fallthrough for func go goto if import \
                   interface map package range return select struct switch type var",
        types: "any bool byte comparable complex64 complex128 error float32 float64 int int8 int16 int32 int64 \
                rune string uint uint8 uint16 uint32 uint64 uintptr",
        constants: "true false nil iota",
        quotes: &[Quote::new("\""), Quote::new("'"), Quote::raw("`", "`")],
        capitals: Capitals::TypesAndCalls,
        special: field,
        ..C_LIKE
    },
);

pub(super) static SWIFT: Language = Language::new(
    &["swift"],
    Table {
        keywords: "actor any as associatedtype async await break case catch class continue convenience default \
                   defer deinit didSet do dynamic else enum extension fallthrough fileprivate final for func get \
                   guard if import in indirect infix init inout internal is lazy let mutating nonisolated open \
                   operator optional override postfix precedencegroup prefix private protocol public repeat \
                   required rethrows return self set some static struct subscript super switch throw throws try \
                   typealias unowned var weak where while willSet",
        types: "Self",
        constants: "true false nil",
        nested_comments: true,
        quotes: &[
            Quote::raw("#\"", "\"#").with_code(&[("\\#(", b')')]),
            Quote::new("\"\"\"").over_lines().with_code(&[("\\(", b')')]),
            Quote::new("\"").with_code(&[("\\(", b')')]),
        ],
        sigils: &[(b'@', Class::Attribute), (b'#', Class::Meta)],
        ..C_LIKE
    },
);

pub(super) static ZIG: Language = Language::new(
    &["zig"],
    Table {
        keywords: "addrspace align allowzero and anyframe anytype asm async await break callconv catch comptime \
                   const continue defer else enum errdefer error export extern fn for if inline linksection \
                   noalias noinline nosuspend opaque or orelse packed pub resume return struct suspend switch \
                   test threadlocal try union unreachable usingnamespace var volatile while",
        types: "anyerror anyopaque bool comptime_float comptime_int f16 f32 f64 f128 i8 i16 i32 i64 i128 isize \
                noreturn type u8 u16 u32 u64 u128 usize void",
        constants: "true false null undefined",
        block_comments: &[],
        sigils: &[(b'@', Class::Function)],
        special: multiline,
        ..C_LIKE
    },
);

pub(super) static DART: Language = Language::new(
    &["dart", "flutter"],
    Table {
        keywords: "abstract as assert async await base break case catch class const continue covariant default \
                   deferred do dynamic else enum export extends extension external factory final finally for get \
                   if implements import in interface is late library mixin new on operator part required \
                   rethrow return sealed set show static super switch sync this throw try typedef var when while \
                   with yield",
        types: "bool double int num void",
        quotes: &[
            Quote::raw("r'", "'"),
            Quote::raw("r\"", "\""),
            Quote::new("'''").over_lines().with_code(&[("${", b'}')]).with_variables(),
            Quote::new("\"\"\"").over_lines().with_code(&[("${", b'}')]).with_variables(),
            Quote::new("'").with_code(&[("${", b'}')]).with_variables(),
            Quote::new("\"").with_code(&[("${", b'}')]).with_variables(),
        ],
        sigils: &[(b'@', Class::Attribute)],
        special: |painter, language| {
            (painter.sees("r'") || painter.sees("r\""))
                && crate::markdown::highlight::lexer::quoted(painter, language)
        },
        ..C_LIKE
    },
);

/// A line of a string over several lines: `\\text`.
fn multiline(painter: &mut Painter<'_>, _: &'static Language) -> bool {
    let is_line = painter.sees("\\\\") && painter.is_at_line_start();
    if is_line {
        painter.paint(Class::String, painter.line());
    }
    is_line
}

/// A name with a type after it is a field, though it begins with a capital.
fn field(painter: &mut Painter<'_>, _: &'static Language) -> bool {
    if painter.awaited.is_some() || !painter.byte().is_some_and(|byte| byte.is_ascii_uppercase()) {
        return false;
    }
    let length = painter.word("");
    let behind = painter.rest()[length..].trim_start_matches([' ', '\t']);
    let is_apart = behind.len() < painter.rest().len() - length;
    let is_field = is_apart
        && behind.starts_with(|next: char| next.is_ascii_alphabetic() || "*[".contains(next));
    painter.plain(if is_field { length } else { 0 });
    is_field
}
