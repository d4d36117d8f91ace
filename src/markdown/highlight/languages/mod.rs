//! The languages, a file for each family.

mod c;
mod css;
mod data;
mod functional;
mod javascript;
mod jvm;
mod lines;
mod markup;
mod native;
mod php;
mod python;
mod query;
mod ruby;
mod rust;
mod script;
mod shell;

use super::language::Language;

/// All of them, those that blogs use most first.
pub(super) static LANGUAGES: &[&Language] = &[
    &shell::BASH,
    &python::PYTHON,
    &data::YAML,
    &data::TOML,
    &query::SQL,
    &markup::HTML,
    &markup::XML,
    &markup::TEMPLATE,
    &data::JSON,
    &lines::MARKDOWN,
    &javascript::JAVASCRIPT,
    &javascript::TYPESCRIPT,
    &javascript::TSX,
    &css::CSS,
    &css::SCSS,
    &ruby::RUBY,
    &rust::RUST,
    &lines::DIFF,
    &lines::TEXT,
    &shell::CONSOLE,
    &python::CONSOLE,
    &native::GO,
    &c::C,
    &c::CPP,
    &c::CSHARP,
    &jvm::JAVA,
    &jvm::KOTLIN,
    &jvm::SCALA,
    &jvm::GROOVY,
    &native::SWIFT,
    &native::ZIG,
    &native::DART,
    &php::PHP,
    &data::INI,
    &shell::DOCKERFILE,
    &shell::MAKEFILE,
    &shell::POWERSHELL,
    &script::LUA,
    &script::PERL,
    &script::R,
    &script::JULIA,
    &script::VIM,
    &functional::HASKELL,
    &functional::ELIXIR,
    &functional::NIX,
    &functional::CLOJURE,
    &functional::OCAML,
    &query::GRAPHQL,
    &query::PROTOBUF,
    &query::HCL,
    &query::NGINX,
];
