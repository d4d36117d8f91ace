//! HTML, XML, and the templates that make them.

use super::{css, javascript};
use crate::markdown::highlight::class::Class;
use crate::markdown::highlight::language::{Language, PLAIN, Quote, Table};
use crate::markdown::highlight::lexer;
use crate::markdown::highlight::painter::{Painter, is_word};

pub(super) static HTML: Language = Language::read_by(&["html", "htm", "xhtml"], PLAIN, read);

pub(super) static XML: Language = Language::read_by(
    &["xml", "svg", "rss", "atom", "xsl", "xslt", "xsd", "plist", "mathml", "wsdl", "csproj"],
    PLAIN,
    read,
);

pub(super) static TEMPLATE: Language = Language::read_by(
    &[
        "html+jinja",
        "jinja",
        "jinja2",
        "j2",
        "tera",
        "html+django",
        "django",
        "liquid",
        "twig",
        "nunjucks",
        "njk",
        "go-html-template",
        "go-template",
        "gotmpl",
        "go-text-template",
        "handlebars",
        "hbs",
        "mustache",
        "vue",
        "svelte",
        "erb",
        "html+erb",
        "ejs",
    ],
    Table {
        keywords: "and assign autoescape block break capture case comment component continue cycle define each \
                   else elseif elsif elif end endassign endblock endcapture endcase endcomment endfilter endfor \
                   endif endmacro endraw endset endunless endwith extends filter for from if ignore import in \
                   include include_relative increment is layout macro not or paginate partial range raw render \
                   return set super tablerow template unless when with without",
        constants: "true false nil none null True False None",
        quotes: &[Quote::new("\""), Quote::new("'"), Quote::raw("`", "`")],
        functions: "default dict eq first ge gt index le len lt ne now print printf slice urlize where",
        sigils: &[(b'$', Class::Variable), (b'@', Class::Variable)],
        ..PLAIN
    },
    read,
);

/// Marks of templates, and what closes them.
const TEMPLATE_MARKS: [(&str, &str); 9] = [
    ("{{", "}}"),
    ("{%", "%}"),
    ("<%", "%>"),
    ("{# ", "#}"),
    ("{#-", "#}"),
    ("{#", "}"),
    ("{@", "}"),
    ("{:", "}"),
    ("{/", "}"),
];

/// Reads text, tags, comments and entities.
pub(super) fn read(painter: &mut Painter<'_>, language: &'static Language) {
    while let Some(byte) = painter.byte() {
        if template(painter, language) {
            continue;
        }
        match byte {
            b'<' if painter.sees("<!--") => painter.paint(Class::Comment, painter.past(4, "-->")),
            b'<' if painter.sees("<![CDATA[") => {
                painter.paint(Class::String, painter.past(9, "]]>"));
            }
            b'<' if painter.sees("<!") || painter.sees("<?") => {
                painter.paint(Class::Meta, painter.past(2, ">"));
            }
            b'<' if is_tag(painter.rest().as_bytes()) => tag(painter, language),
            b'&' => entity(painter),
            b'<' | b'{' => painter.plain(1),
            _ => painter.plain(painter.run(|byte| !matches!(byte, b'<' | b'&' | b'{'))),
        }
    }
}

/// Reads what a template puts in, if this is a template.
fn template(painter: &mut Painter<'_>, language: &'static Language) -> bool {
    if language.table.keywords.is_empty() {
        return false;
    }
    let Some((_, close)) = TEMPLATE_MARKS.iter().find(|(open, _)| painter.sees(open)) else {
        return false;
    };
    let length = painter.past(2, close);
    if *close == "#}" || painter.sees("{{/*") {
        painter.paint(Class::Comment, length);
        return true;
    }
    painter.within(length, |painter| {
        painter.paint(
            Class::Meta,
            2 + usize::from(painter.rest()[2..].starts_with(['-', '=', '#', '/', ':'])),
        );
        let closing = if painter.rest().ends_with(close) { close.len() } else { 0 };
        let trims = painter.rest().as_bytes().iter().rev().nth(closing) == Some(&b'-');
        let inner = painter.rest().len() - closing - usize::from(trims && closing > 0);
        painter.within(inner, |painter| lexer::read(painter, language));
        painter.paint(Class::Meta, painter.rest().len());
    });
    true
}

fn is_tag(bytes: &[u8]) -> bool {
    matches!(bytes, [b'<', first, ..] if first.is_ascii_alphabetic())
        || matches!(bytes, [b'<', b'/', first, ..] if first.is_ascii_alphabetic())
}

/// A tag with its attributes, and what stands in it if that is not HTML.
fn tag(painter: &mut Painter<'_>, language: &'static Language) {
    let is_closing = painter.sees("</");
    painter.plain(1 + usize::from(is_closing));
    let length = painter.run(is_name);
    let name = painter.rest()[..length].to_ascii_lowercase();
    painter.paint(Class::Tag, length);
    let closes_itself = attributes(painter, language);
    if is_closing || closes_itself {
        return;
    }
    match name.as_str() {
        "script" => painter.within(painter.until("</script"), |painter| {
            painter.after_value = false;
            lexer::read(painter, &javascript::JAVASCRIPT);
        }),
        "style" => {
            painter.within(painter.until("</style"), |painter| css::read(painter, &css::CSS));
        }
        _ => {}
    }
}

/// Reads to the end of the tag; whether it has no content.
fn attributes(painter: &mut Painter<'_>, language: &'static Language) -> bool {
    while let Some(byte) = painter.byte() {
        if template(painter, language) {
            continue;
        }
        match byte {
            b'>' => {
                painter.plain(1);
                return false;
            }
            b'/' if painter.sees("/>") => {
                painter.plain(2);
                return true;
            }
            b'"' => value(painter, language, "\""),
            b'\'' => value(painter, language, "'"),
            b'=' => {
                painter.plain(1);
                let bare =
                    painter.run(|byte| !byte.is_ascii_whitespace() && !b"\"'<>{".contains(&byte));
                painter.paint(Class::String, bare);
            }
            _ => match painter.run(|byte| is_name(byte) || b"@#*[]()".contains(&byte)) {
                0 => painter.plain(1),
                length => painter.paint(Class::Attribute, length),
            },
        }
    }
    false
}

/// The value of an attribute, with what a template puts in.
fn value(painter: &mut Painter<'_>, language: &'static Language, mark: &str) {
    painter.paint(Class::String, 1);
    while !painter.is_done() && !painter.sees(mark) {
        if !template(painter, language) {
            let length =
                painter.run(|byte| byte != mark.as_bytes()[0] && byte != b'{' && byte != b'<');
            painter.paint(Class::String, length.max(1));
        }
    }
    painter.paint(Class::String, 1);
}

fn is_name(byte: u8) -> bool {
    is_word(byte) || b"-:.".contains(&byte)
}

/// `&amp;` or `&#39;`; an `&` alone is text.
fn entity(painter: &mut Painter<'_>) {
    let bytes = painter.rest().as_bytes();
    let name = bytes[1..]
        .iter()
        .take(32)
        .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'#')
        .count();
    if name > 0 && bytes.get(1 + name) == Some(&b';') {
        painter.paint(Class::Escape, name + 2);
    } else {
        painter.plain(1);
    }
}
