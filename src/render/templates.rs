//! Finds templates, the site's over the theme's over the built-in ones, and fills them in.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use tera::{Context, ErrorKind, Tera};

use super::{builtin, filters, functions, reports};
use crate::config::Config;
use crate::content::source::{self, Hidden};
use crate::fingerprint::{Fingerprint, Fold};
use crate::problem::{Mistake, Place, Problem, TemplateName};

/// What stands behind the place of a template that is part of the program.
const BUILT_IN: &str = " (built in)";

/// What lies beside templates without being one.
const NO_TEMPLATES: [&str; 2] = ["js", "css"];

/// How a template that is part of the program includes another, before and after the name of that.
const INCLUDE: (&str, &str) = ("{% include \"", "\" %}");

/// For how many bytes of a page there is room before it grows: for most pages of most sites.
const USUAL_PAGE: usize = 12 << 10;

/// Templates that answer with HTML or XML have what they show escaped.
const ESCAPED: [&str; 3] = [".html", ".xml", ".htm"];

/// The templates of a site.
#[derive(Debug)]
pub(super) struct Templates {
    tera: Tera,
    /// Each as it was found, by name.
    found: BTreeMap<String, Found>,
    /// The fingerprint of each, and of all that it may include.
    fingerprints: BTreeMap<String, Fingerprint>,
    /// Whether no author has written any of them.
    pub(super) are_all_built_in: bool,
    /// Each name in those that an author has written.
    names: BTreeSet<String>,
}

/// Everything in a template that may be a name.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
}

/// A template as it was found.
#[derive(Debug)]
pub(super) struct Found {
    /// What authors call it: its file below the site's folder.
    pub(super) place: String,
    /// What is in it.
    pub(super) text: String,
}

impl Found {
    /// Whether it is part of the program.
    pub(super) fn is_built_in(&self) -> bool {
        self.place.ends_with(BUILT_IN)
    }

    /// The text with what it includes in its place, which saves the engine a frame for each; as it is where an author
    /// has written either, who is told of a mistake by the place that it has.
    fn with_parts(&self, found: &BTreeMap<String, Self>) -> Cow<'_, str> {
        let include = |rest: &str| {
            let (name, after) = rest.split_once(INCLUDE.1)?;
            let part = found.get(name).filter(|part| self.is_built_in() && part.is_built_in())?;
            Some((part.with_parts(found).into_owned(), rest.len() - after.len()))
        };
        let mut text = String::new();
        let mut rest = self.text.as_str();
        while let Some((before, after)) = rest.split_once(INCLUDE.0) {
            let Some((part, len)) = include(after) else { return Cow::Borrowed(&self.text) };
            text.push_str(before);
            text.push_str(&part);
            rest = &after[len..];
        }
        if text.is_empty() {
            return Cow::Borrowed(&self.text);
        }
        text.push_str(rest);
        Cow::Owned(text)
    }
}

impl Templates {
    /// The templates of the site of `config`; those that cannot be read are problems, and then none is.
    pub(super) fn load(config: &Config) -> anyhow::Result<Result<Self, Vec<Problem>>> {
        let mut found = BTreeMap::new();
        for (name, bytes) in builtin::templates() {
            add_builtin(&mut found, name, bytes, "templates");
        }
        for (name, bytes) in builtin::theme_files(&config.theme, "templates") {
            let folder = format!("themes/{}/templates", config.theme);
            add_builtin(&mut found, name, bytes, &folder);
        }
        let mut problems = add_folder(&mut found, &config.theme_dir().join("templates"), config)?;
        problems.extend(add_folder(&mut found, &config.templates_dir(), config)?);
        if !problems.is_empty() {
            return Ok(Err(problems));
        }
        Ok(Self::parse(found))
    }

    fn parse(found: BTreeMap<String, Found>) -> Result<Self, Vec<Problem>> {
        let mut tera = engine();
        let sources = found.iter().map(|(name, template)| (name, template.with_parts(&found)));
        let added = tera.add_raw_templates(sources);
        if let Err(error) = added {
            return Err(every_problem(&found, &error));
        }
        let fingerprints = fingerprints(&found);
        let are_all_built_in = found.values().all(Found::is_built_in);
        let own = found.values().filter(|template| !template.is_built_in());
        let names = own.flat_map(|template| names(&template.text)).map(str::to_owned).collect();
        Ok(Self { tera, found, fingerprints, are_all_built_in, names })
    }

    /// Whether there is a template of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.found.contains_key(name)
    }

    /// That there is none of this name.
    pub(super) fn unknown(&self, name: &str) -> Mistake {
        reports::unknown(&self.found, TemplateName::Template, name)
    }

    /// Whether an author's template has this name in it, whatever it stands for there.
    pub(super) fn mention(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// The fingerprint of the template `name`, and of all that it may include.
    pub(super) fn fingerprint(&self, name: &str) -> Fingerprint {
        self.fingerprints.get(name).copied().unwrap_or_default()
    }

    /// Fills in the template `name`, in UTF-8; what goes wrong is the template's author's mistake.
    pub(super) fn fill(&self, name: &str, context: &Context) -> Result<Vec<u8>, Problem> {
        let mut filled = Vec::with_capacity(USUAL_PAGE);
        let made = self.tera.render_to(name, context, &mut filled);
        made.map(|()| filled).map_err(|error| reports::problem(&self.found, name, &error))
    }
}

/// The engine stops at the first template that it cannot read; an author wants to hear of all.
fn every_problem(found: &BTreeMap<String, Found>, first: &tera::Error) -> Vec<Problem> {
    let alone = found.iter().filter_map(|(name, template)| {
        let error = engine().add_raw_template(name, &template.text).err()?;
        let is_syntax = matches!(error.kind(), ErrorKind::SyntaxError(_));
        is_syntax.then(|| reports::problem(found, name, &error))
    });
    let problems: Vec<Problem> = alone.collect();
    if problems.is_empty() { reports::problems(found, first) } else { problems }
}

/// The fingerprint of each template: of its text, and of the text of every other that it may lead to.
fn fingerprints(found: &BTreeMap<String, Found>) -> BTreeMap<String, Fingerprint> {
    let named: BTreeMap<&str, Vec<&str>> = found
        .iter()
        .map(|(name, template)| (name.as_str(), leads_to(&template.text, found)))
        .collect();
    let fingerprint = |name: &String| {
        let (mut reached, mut waiting) = (BTreeSet::new(), vec![name.as_str()]);
        while let Some(next) = waiting.pop() {
            if reached.insert(next) {
                waiting.extend(&named[next]);
            }
        }
        let mut fold = Fold::default();
        for name in reached {
            fold.add(&(name, &found[name].text));
        }
        (name.clone(), fold.finish())
    };
    found.keys().map(fingerprint).collect()
}

/// The templates that a template may extend or include: all whose names are in it. A component may come from any.
fn leads_to<'a>(text: &str, found: &'a BTreeMap<String, Found>) -> Vec<&'a str> {
    let may_be_any = has_components(text);
    let names = found.keys().map(String::as_str);
    names.filter(|name| may_be_any || text.contains(name)).collect()
}

/// Whether a template defines or calls a component: `{% component card() %}`, `{{<card/>}}`, `{% <card> %}`.
fn has_components(text: &str) -> bool {
    let tags = text.match_indices(['{']).map(|(at, _)| &text[at + 1..]);
    let inner = tags.filter_map(|rest| rest.strip_prefix(['{', '%']));
    let mut opened = inner.map(|rest| rest.trim_start_matches('-').trim_start());
    opened.any(|rest| rest.starts_with('<') || rest.starts_with("component"))
}

fn engine() -> Tera {
    let mut tera = Tera::new();
    tera.autoescape_on(ESCAPED);
    functions::register(&mut tera);
    filters::register(&mut tera);
    tera
}

fn is_template(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    !extension.is_some_and(|extension| NO_TEMPLATES.contains(&extension))
}

fn add_builtin(found: &mut BTreeMap<String, Found>, name: String, bytes: &[u8], folder: &str) {
    if is_template(&name) {
        let place = format!("{folder}/{name}{BUILT_IN}");
        let text = String::from_utf8_lossy(bytes).into_owned();
        found.insert(name, Found { place, text });
    }
}

fn add_folder(
    found: &mut BTreeMap<String, Found>,
    folder: &Path,
    config: &Config,
) -> anyhow::Result<Vec<Problem>> {
    let walk = source::walk(folder, &config.root, Hidden::Passed)?;
    let mut problems = walk.problems;
    for file in walk.files.into_iter().filter(|file| is_template(&file.relative)) {
        let bytes = fs::read(&file.path).with_context(|| format!("cannot read `{}`", file.name))?;
        match String::from_utf8(bytes) {
            Ok(text) => {
                found.insert(
                    file.relative.to_string(),
                    Found { place: file.name.to_string(), text },
                );
            }
            Err(_) => problems.push(Problem::new(Place::file(file.name), Mistake::NotUtf8)),
        }
    }
    Ok(problems)
}
