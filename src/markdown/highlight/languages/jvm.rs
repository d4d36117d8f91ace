//! Java, Kotlin, Scala and Groovy.

use crate::markdown::highlight::class::Class;
use crate::markdown::highlight::language::{C_LIKE, Language, Quote, Table};

const SIGILS: &[(u8, Class)] = &[(b'@', Class::Attribute)];

pub(super) static JAVA: Language = Language::new(
    &["java"],
    Table {
        keywords: "abstract assert break case catch class continue default do else enum exports extends final \
                   finally for goto if implements import instanceof interface module native new non-sealed \
                   package permits private protected public record requires return sealed static strictfp \
                   super switch synchronized this throw throws transient try var volatile when while yield",
        types: "boolean byte char double float int long short void",
        quotes: &[Quote::new("\"\"\"").over_lines(), Quote::new("\""), Quote::new("'")],
        sigils: SIGILS,
        ..C_LIKE
    },
);

pub(super) static KOTLIN: Language = Language::new(
    &["kotlin", "kt", "kts"],
    Table {
        keywords: "abstract actual annotation as break by catch class companion const constructor continue \
                   crossinline data do else enum expect external final finally for fun get if import in infix \
                   init inline inner interface internal is lateinit noinline object open operator out override \
                   package private protected public reified return sealed set super suspend tailrec this throw \
                   try typealias typeof val value var vararg when where while",
        nested_comments: true,
        quotes: &[
            Quote::raw("\"\"\"", "\"\"\"").with_code(&[("${", b'}')]).with_variables(),
            Quote::new("\"").with_code(&[("${", b'}')]).with_variables(),
            Quote::new("'"),
        ],
        sigils: SIGILS,
        ..C_LIKE
    },
);

pub(super) static SCALA: Language = Language::new(
    &["scala", "sc", "sbt"],
    Table {
        keywords: "abstract case catch class def derives do else end enum export extends extension final finally \
                   for given if implicit import inline lazy match new object opaque open override package \
                   private protected return sealed super then this throw trait transparent try type using val \
                   var while with yield",
        nested_comments: true,
        quotes: &[
            Quote::raw("s\"\"\"", "\"\"\"").with_code(&[("${", b'}')]).with_variables(),
            Quote::raw("f\"\"\"", "\"\"\"").with_code(&[("${", b'}')]).with_variables(),
            Quote::raw("\"\"\"", "\"\"\""),
            Quote { close: "\"", ..Quote::new("s\"").with_code(&[("${", b'}')]).with_variables() },
            Quote { close: "\"", ..Quote::new("f\"").with_code(&[("${", b'}')]).with_variables() },
            Quote::new("\""),
        ],
        sigils: SIGILS,
        special: |painter, language| {
            let is_prefix = matches!(painter.byte(), Some(b's' | b'f'));
            (is_prefix && crate::markdown::highlight::lexer::quoted(painter, language))
                || character(painter)
        },
        ..C_LIKE
    },
);

pub(super) static GROOVY: Language = Language::new(
    &["groovy", "gradle", "jenkinsfile"],
    Table {
        keywords: "abstract as assert break case catch class continue def default do else enum extends final \
                   finally for if implements import in instanceof interface new package private protected \
                   public return static super switch this throw throws trait try var void while",
        types: "boolean byte char double float int long short",
        quotes: &[
            Quote::new("\"\"\"").over_lines().with_code(&[("${", b'}')]).with_variables(),
            Quote::new("'''").over_lines(),
            Quote::new("\"").with_code(&[("${", b'}')]).with_variables(),
            Quote::new("'"),
        ],
        sigils: SIGILS,
        ..C_LIKE
    },
);

/// `'x'`, but not the `'` of a type variable or a symbol.
fn character(painter: &mut crate::markdown::highlight::painter::Painter<'_>) -> bool {
    let bytes = painter.rest().as_bytes();
    let length = match bytes {
        [b'\'', b'\\', _, b'\'', ..] => 4,
        [b'\'', letter, b'\'', ..] if letter.is_ascii() => 3,
        _ => return false,
    };
    painter.paint(Class::String, length);
    true
}
