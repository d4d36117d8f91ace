//! What the engine reports of templates, as problems of their authors.

use std::collections::{BTreeMap, BTreeSet};
use std::iter;

use tera::ErrorKind;

use super::templates::Found;
use super::{filters, functions};
use crate::problem::{Mistake, Place, Position, Problem, TemplateName, nearest};

/// What the engine itself brings, and does not list.
const ENGINE_FILTERS: &str = "abs capitalize default escape escape_html escape_xml first float get group_by indent int join \
    keys last length lower newlines_to_br nth pairs pluralize replace reverse round safe sort \
    split str title trim trim_end trim_start truncate unique upper values wordcount";
const ENGINE_FUNCTIONS: &str = "range throw";
const ENGINE_TESTS: &str = "array bool containing defined divisible_by ending_with even float integer iterable map none \
    number odd starting_with string undefined";

/// The templates of a site, by name.
pub(super) type Templates = BTreeMap<String, Found>;

/// What went wrong while the template `name` was read or filled in.
pub(super) fn problem(found: &Templates, name: &str, error: &tera::Error) -> Problem {
    match error.kind() {
        ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report) => {
            let span = report.span();
            let counted = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
            let (line, column) = (counted(span.start_line), counted(span.start_col + 1));
            let file = Some(report.filename()).filter(|file| !file.is_empty()).unwrap_or(name);
            let place = place(found, file, Some(Position { line, column }));
            Problem::new(place, failure(report.message()))
        }
        ErrorKind::TemplateNotFound(missing) => {
            let mistake = unknown(found, TemplateName::Template, missing);
            Problem::new(place(found, name, None), mistake)
        }
        _ => Problem::new(place(found, name, None), failure(&error.to_string())),
    }
}

/// What is wrong with templates together: they name what is not there, or lead back to themselves.
pub(super) fn problems(found: &Templates, error: &tera::Error) -> Vec<Problem> {
    match error.kind() {
        ErrorKind::MissingParent { current, parent } => {
            let mistake = unknown(found, TemplateName::Template, parent);
            vec![Problem::new(place_of_tag(found, current, "extends", parent), mistake)]
        }
        ErrorKind::CircularExtend { tpl, inheritance_chain } => {
            let chain = iter::once(tpl).chain(inheritance_chain);
            vec![circle(found, chain.map(String::as_str).collect(), ("extends", "extends"))]
        }
        ErrorKind::CircularInclude { include_chain, .. } => {
            let chain = include_chain.iter().map(String::as_str).collect();
            vec![circle(found, chain, ("include", "includes"))]
        }
        _ => {
            let text = error.to_string();
            let mut problems: Vec<_> =
                text.split("\n\nerror: ").map(|text| report(found, text)).collect();
            let mut lacks = BTreeSet::new();
            problems.retain(|problem| lack(problem).is_none_or(|lack| lacks.insert(lack)));
            problems
        }
    }
}

/// The engine tells all that is not there in one text: for each a sentence, then `--> template:line:column`, then that line.
fn report(found: &Templates, text: &str) -> Problem {
    let mut lines = text.lines();
    let reason = lines.next().unwrap_or_default().trim_start_matches("error: ");
    let at = lines.find_map(|line| line.trim_start().strip_prefix("--> "));
    let mut parts = at.unwrap_or_default().rsplitn(3, ':');
    let column = parts.next().and_then(|column| column.parse().ok());
    let line = parts.next().and_then(|line| line.parse().ok());
    let position = line.zip(column).map(|(line, column)| Position { line, column });
    let name = parts.next().unwrap_or_default();
    if let Some(problem) = missing_block(found, name, reason) {
        return problem;
    }
    let mistake = unknown_of(found, reason).unwrap_or_else(|| failure(reason));
    Problem::new(place(found, name, position), mistake)
}

/// The problem of an author's template that lacks a block which a built-in one, `name`, fills.
fn missing_block(found: &Templates, name: &str, reason: &str) -> Option<Problem> {
    let block =
        reason.strip_prefix("Block `")?.strip_suffix("` is not defined in any parent template")?;
    let child = found.get(name).filter(|template| template.is_built_in())?;
    let parents = iter::successors(Some(child), |template| {
        found.get(tags(&template.text, "extends").next()?.1)
    });
    let parent = parents.take(found.len()).find(|template| !template.is_built_in())?;
    let mistake = Mistake::MissingBlock { block: block.to_owned(), filled_by: name.to_owned() };
    Some(Problem::new(Place::file(parent.place.as_str()), mistake))
}

/// The template that lacks a block, and which: of those that fill it one is told.
fn lack(problem: &Problem) -> Option<(Place, String)> {
    match &problem.mistake {
        Mistake::MissingBlock { block, .. } => Some((problem.place.clone(), block.clone())),
        _ => None,
    }
}

/// The mistake of a sentence such as ``Unknown filter `datee` ``.
fn unknown_of(found: &Templates, reason: &str) -> Option<Mistake> {
    let (kind, name) = reason.strip_prefix("Unknown ")?.split_once(" `")?;
    let kind = match kind {
        "template" => TemplateName::Template,
        "component" => TemplateName::Component,
        "filter" => TemplateName::Filter,
        "function" => TemplateName::Function,
        "test" => TemplateName::Test,
        _ => return None,
    };
    Some(unknown(found, kind, name.strip_suffix('`')?))
}

/// That nothing is called `name`.
pub(super) fn unknown(found: &Templates, kind: TemplateName, name: &str) -> Mistake {
    let suggestion = match kind {
        TemplateName::Template => nearest(name, found.keys().map(String::as_str)),
        TemplateName::Component => None,
        TemplateName::Filter => nearest_of(name, filters::NAMES, ENGINE_FILTERS),
        TemplateName::Function => nearest_of(name, functions::NAMES, ENGINE_FUNCTIONS),
        TemplateName::Test => nearest_of(name, &[], ENGINE_TESTS),
    };
    let suggestion = suggestion.map(str::to_owned);
    Mistake::UnknownName { kind, name: name.to_owned(), suggestion }
}

/// The name that may have been meant, of this program's own and of those of the engine.
fn nearest_of<'a>(name: &str, own: &[&'a str], of_engine: &'a str) -> Option<&'a str> {
    nearest(name, own.iter().copied().chain(of_engine.split_whitespace()))
}

/// Templates that lead back to themselves by tags of a kind: the last of `chain` is in it before. The kind is told as it is
/// written in a tag, and in a sentence.
fn circle(found: &Templates, mut chain: Vec<&str>, (tag, verb): (&str, &str)) -> Problem {
    let name = chain.pop().unwrap_or_default();
    let start = chain.iter().position(|other| *other == name).unwrap_or_default();
    let through = chain.get(start + 1..).unwrap_or_default();
    let next = through.first().copied().unwrap_or(name);
    let names: Vec<String> = through.iter().map(|name| format!("`{name}`")).collect();
    let through =
        if names.is_empty() { String::new() } else { format!(", through {}", names.join(" and ")) };
    let reason = format!("it {verb} itself{through}");
    Problem::new(
        place_of_tag(found, name, tag, next),
        Mistake::Template { reason, suggestion: None },
    )
}

/// A failure that the engine tells in a sentence of its own.
fn failure(reason: &str) -> Mistake {
    let reason = reason.lines().collect::<Vec<_>>().join(", ");
    misspelled(&reason)
        .unwrap_or_else(|| Mistake::Template { reason: sentence(&reason), suggestion: None })
}

/// Of the fields or variables that the engine lists, the one that was meant.
fn misspelled(reason: &str) -> Option<Mistake> {
    let (reason, known) = reason
        .split_once(" Available fields: ")
        .or_else(|| reason.split_once(" Available variables: "))?;
    let suggestion = nearest(reason.split('`').nth(1)?, known.split(", "))?.to_owned();
    Some(Mistake::Template { reason: sentence(reason), suggestion: Some(suggestion) })
}

/// As our other sentences: no capital at the start, no full stop at the end.
fn sentence(reason: &str) -> String {
    let mut letters = reason.trim_end_matches('.').chars();
    match letters.next() {
        Some(first) if letters.clone().next().is_some_and(char::is_lowercase) => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => reason.trim_end_matches('.').to_owned(),
    }
}

fn place(found: &Templates, name: &str, position: Option<Position>) -> Place {
    let file =
        found.get(name).map_or_else(|| format!("templates/{name}"), |found| found.place.clone());
    Place { file: file.into(), position }
}

/// Where the template `name` has the first tag of a kind that names `other`; the template alone if that is not found.
fn place_of_tag(found: &Templates, name: &str, tag: &str, other: &str) -> Place {
    let position = found.get(name).and_then(|template| {
        let offset = tags(&template.text, tag).find(|(_, named)| *named == other)?.0;
        Some(Position::of(&template.text, offset))
    });
    place(found, name, position)
}

/// The tags of a kind that name a template, as in `{% include "card.html" %}`: where the name is, and the name.
fn tags<'a>(text: &'a str, tag: &str) -> impl Iterator<Item = (usize, &'a str)> {
    text.match_indices("{%").filter_map(move |(start, _)| {
        let inner = text[start + 2..].trim_start_matches('-').trim_start();
        let quoted = inner.strip_prefix(tag)?.trim_start();
        let name = quoted.strip_prefix(['"', '\'', '`'])?.split(['"', '\'', '`']).next()?;
        Some((text.len() - quoted.len(), name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_has_what_it_is_said_to_have() {
        let uses = |template: String| tera::Tera::new().add_raw_template("a.html", &template);
        for filter in ENGINE_FILTERS.split_whitespace() {
            uses(format!("{{{{ 1 | {filter} }}}}")).unwrap();
        }
        for function in ENGINE_FUNCTIONS.split_whitespace() {
            uses(format!("{{{{ {function}() }}}}")).unwrap();
        }
        for test in ENGINE_TESTS.split_whitespace() {
            uses(format!("{{% if 1 is {test} %}}{{% endif %}}")).unwrap();
        }
        uses("{{ 1 | no_filter }}".to_owned()).unwrap_err();
    }
}
