//! SQL, GraphQL, and other languages that declare.

use crate::markdown::highlight::class::Class;
use crate::markdown::highlight::language::{
    C_LIKE, Capitals, Escape, Language, PLAIN, Quote, Table,
};
use crate::markdown::highlight::painter::{Painter, is_word};

pub(super) static SQL: Language = Language::new(
    &["sql", "postgres", "postgresql", "psql", "plpgsql", "mysql", "sqlite", "tsql", "plsql"],
    Table {
        keywords: "add all alter analyze and any as asc begin between by cascade case cast check column commit \
                   concurrently conflict constraint create cross current database declare default delete desc distinct do drop \
                   each else end except exclude execute exists explain extension fetch filter first for foreign from \
                   full function generated grant group having if ilike in index inner insert intersect interval into is \
                   join key language last lateral left like limit materialized natural not nothing nulls of offset on \
                   only or order outer over partition policy primary procedure recursive references rename replace \
                   restrict return returning returns revoke right rollback row rows schema select sequence set show \
                   some table temporary temp then to transaction trigger truncate type union unique update using \
                   vacuum values view when where window with",
        types: "bigint bigserial bit blob bool boolean bytea char character cidr date datetime decimal double float \
                inet int integer json jsonb money numeric precision real serial smallint text time timestamp \
                timestamptz tinyint uuid varchar xml",
        constants: "true false null",
        line_comments: &["--"],
        block_comments: &[("/*", "*/")],
        quotes: &[
            Quote { escape: Escape::Doubled, ..Quote::raw("'", "'") },
            Quote { escape: Escape::Doubled, ..Quote::raw("\"", "\"") },
            Quote::raw("`", "`"),
        ],
        any_case: true,
        special: dollar_quoted,
        ..PLAIN
    },
);

pub(super) static GRAPHQL: Language = Language::new(
    &["graphql", "gql"],
    Table {
        keywords: "directive enum extend fragment implements input interface mutation on query repeatable scalar \
                   schema subscription type union",
        types: "Boolean Float ID Int String",
        constants: "true false null",
        line_comments: &["#"],
        quotes: &[Quote::new("\"\"\"").over_lines(), Quote::new("\"")],
        capitals: Capitals::Types,
        sigils: &[(b'$', Class::Variable), (b'@', Class::Attribute)],
        special: key_before_colon,
        ..PLAIN
    },
);

pub(super) static PROTOBUF: Language = Language::new(
    &["protobuf", "proto", "thrift"],
    Table {
        keywords: "enum extend extensions import map message oneof option optional package public repeated required \
                   reserved returns rpc service stream syntax to",
        types: "bool bytes double fixed32 fixed64 float int32 int64 sfixed32 sfixed64 sint32 sint64 string uint32 \
                uint64",
        ..C_LIKE
    },
);

pub(super) static HCL: Language = Language::new(
    &["hcl", "terraform", "tf"],
    Table {
        keywords: "data dynamic for for_each if in locals module output provider resource terraform variable",
        types: "any bool list map number object set string",
        constants: "true false null",
        line_comments: &["#", "//"],
        block_comments: &[("/*", "*/")],
        quotes: &[Quote::new("\"").with_code(&[("${", b'}')])],
        special: key_before_equals,
        ..PLAIN
    },
);

pub(super) static NGINX: Language = Language::new(
    &["nginx", "nginxconf", "caddyfile", "caddy", "apache", "apacheconf"],
    Table {
        constants: "on off",
        line_comments: &["#"],
        sigils: &[(b'$', Class::Variable)],
        special: directive,
        ..PLAIN
    },
);

/// `$$ ... $$` or `$tag$ ... $tag$`.
fn dollar_quoted(painter: &mut Painter<'_>, _: &'static Language) -> bool {
    if painter.byte() != Some(b'$') {
        return false;
    }
    let bytes = painter.rest().as_bytes();
    let tag = bytes[1..].iter().take_while(|byte| is_word(**byte)).count();
    if bytes.get(1 + tag) != Some(&b'$') {
        let length = 1 + bytes[1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        painter.paint(Class::Variable, if length > 1 { length } else { 0 });
        return length > 1;
    }
    let mark = &painter.rest()[..tag + 2];
    painter.paint(Class::String, painter.past(mark.len(), mark));
    true
}

fn key_before_colon(painter: &mut Painter<'_>, _: &'static Language) -> bool {
    key(painter, b':')
}

fn key_before_equals(painter: &mut Painter<'_>, _: &'static Language) -> bool {
    key(painter, b'=')
}

fn key(painter: &mut Painter<'_>, sign: u8) -> bool {
    let starts = painter.byte().is_some_and(|byte| is_word(byte) && !byte.is_ascii_digit());
    if !starts || painter.previous() == Some(b'-') {
        return false;
    }
    let length = painter.run(|byte| is_word(byte) || byte == b'-');
    let behind = painter.rest()[length..].trim_start_matches(' ').as_bytes();
    let is_key = behind.first() == Some(&sign) && behind.get(1) != Some(&b'=');
    painter.paint(Class::Attribute, if is_key { length } else { 0 });
    is_key
}

/// What a line begins with.
fn directive(painter: &mut Painter<'_>, _: &'static Language) -> bool {
    let length = painter.run(|byte| is_word(byte) || byte == b'-');
    let is_directive = length > 0 && painter.is_at_line_start();
    painter.paint(Class::Keyword, if is_directive { length } else { 0 });
    is_directive
}
