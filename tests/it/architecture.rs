//! The architecture as a test: who may import whom, who owns which library, and that every file says what it is for.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// From the top down; a module imports only what stands on a line below its own.
const LAYERS: &[&[&str]] = &[
    &["cli"],
    &["server", "watch"],
    &["pipeline"],
    &["publish", "render"],
    &["content"],
    &["markdown", "analytics"],
    &["site"],
    &["config"],
    &["problem"],
    &["permalink", "clock", "fingerprint", "folder"],
];

/// Modules of the authors' half may not know what readers did, whatever the layers say.
const AUTHORS_HALF: &[&str] = &["content", "markdown", "render", "publish", "pipeline", "watch"];

/// Who may name which library.
const OWNERS: &[(&str, &[&str])] = &[
    ("pulldown_cmark", &["markdown"]),
    ("gray_matter", &["content/front_matter"]),
    ("walkdir", &["content/source.rs", "publish/refusal.rs"]),
    ("tera", &["render"]),
    (
        "rayon",
        &[
            "render",
            "content",
            "pipeline/problems.rs",
            "publish/stage.rs",
            "publish/catalog.rs",
            "cli/build.rs",
        ],
    ),
    ("tikv_jemallocator", &["main.rs"]),
    ("axum", &["server"]),
    ("httparse", &["server/wire.rs"]),
    ("aho_corasick", &["analytics/agent.rs"]),
    ("hyper", &["server", "cli/stats.rs"]),
    ("hyper_util", &["server", "cli/stats.rs"]),
    ("argon2", &["server/access/password.rs"]),
    ("rpassword", &["cli/password.rs"]),
    ("redb", &["analytics/store"]),
    ("notify", &["watch/eyes.rs"]),
    ("clap", &["cli"]),
    ("anstream", &["cli"]),
    ("include_dir", &["render/builtin.rs"]),
    ("toml", &["config"]),
    ("rapidhash", &["fingerprint.rs"]),
    ("csv", &["content/data.rs", "analytics/import/table.rs"]),
    ("ureq", &["cli/external.rs"]),
    ("url", &["cli/external.rs", "analytics/import/access_log.rs", "server/dashboard/lists.rs"]),
    ("zip", &["analytics/import"]),
    ("icu_decimal", &["render/locale.rs"]),
    ("icu_datetime", &["render/locale.rs"]),
];

/// What only one place may do, and how it would be written.
const DEEDS: &[(&str, &[&str])] = &[
    ("SystemTime::now", &[]),
    ("jiff::Timestamp::now", &["clock.rs"]),
    ("Timestamp::now(", &["clock.rs"]),
    ("std::env::", &["cli/workspace.rs"]),
    ("env::var", &["cli/workspace.rs"]),
    ("println!", &[]),
    ("process::exit", &[]),
    ("async fn", &["server"]),
    ("async move", &["server", "cli/serve.rs", "cli/stats.rs"]),
];

#[test]
fn the_code_keeps_to_its_architecture() {
    let violations = violations(&sources());
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

#[test]
fn a_planted_violation_is_found() {
    for (file, text, expected) in [
        ("analytics/event.rs", "//! X.\nuse crate::render;\n", "analytics/event.rs imports render"),
        (
            "analytics/event.rs",
            "//! X.\nuse crate::{clock, markdown};\n",
            "analytics/event.rs imports markdown",
        ),
        (
            "content/page.rs",
            "//! X.\nuse crate::analytics::Query;\n",
            "content/page.rs imports analytics",
        ),
        ("site.rs", "//! X.\nfn f() { crate::content::load() }\n", "site.rs imports content"),
        ("markdown/x.rs", "//! X.\nuse tera::Tera;\n", "markdown/x.rs uses tera"),
        ("cli/x.rs", "//! X.\nfn f() { redb::Database::open() }\n", "cli/x.rs uses redb"),
        ("render/x.rs", "//! X.\nfn f() { println!() }\n", "render/x.rs does println!"),
        ("render/x.rs", "//! X.\nasync fn f() {}\n", "render/x.rs does async fn"),
        ("config/x.rs", "use std::fs;\n", "config/x.rs does not open with a sentence"),
        (
            "config/x.rs",
            "//! no capital and no stop\n",
            "config/x.rs does not open with a sentence",
        ),
        ("drawer/mod.rs", "//! X.\n", "drawer/mod.rs is in no layer"),
    ] {
        let sources = BTreeMap::from([(file.to_owned(), text.to_owned())]);
        assert_eq!(violations(&sources), [expected], "{file}");
    }
}

/// The files below `src/`, by name, without their tests.
fn sources() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = BTreeMap::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod ").next().unwrap().to_owned();
                sources.insert(name, code);
            }
        }
    }
    assert!(sources.len() > 50, "the sources were not found");
    sources
}

fn violations(sources: &BTreeMap<String, String>) -> Vec<String> {
    let mut violations = Vec::new();
    for (file, text) in sources.iter().filter(|(file, _)| !is_root(file)) {
        let code = without_comments(text);
        violations.extend(sentence_violation(file, text));
        violations.extend(layer_violations(file, &code));
        violations.extend(owner_violations(file, &code));
    }
    violations
}

fn is_root(file: &str) -> bool {
    file == "main.rs" || file == "lib.rs"
}

fn sentence_violation(file: &str, text: &str) -> Option<String> {
    let doc: String = text.lines().map_while(|line| line.strip_prefix("//!")).fold(
        String::new(),
        |mut doc, line| {
            write!(doc, "{line}").unwrap();
            doc
        },
    );
    let doc = doc.trim_start();
    let is_sentence = doc.starts_with(|first: char| first.is_uppercase() || first == '`')
        && doc.contains(['.', ':']);
    (!is_sentence).then(|| format!("{file} does not open with a sentence"))
}

fn layer_violations(file: &str, code: &str) -> Vec<String> {
    let module = module_of(file);
    let Some(own) = layer_of(module) else { return vec![format!("{file} is in no layer")] };
    let is_forbidden = |other: &&str| {
        let below = layer_of(other).is_some_and(|layer| layer > own);
        let crosses = AUTHORS_HALF.contains(&module) && *other == "analytics";
        *other != module && (!below || crosses)
    };
    let imported = imports(code).into_iter().collect::<std::collections::BTreeSet<_>>();
    imported
        .iter()
        .map(String::as_str)
        .filter(|other| layer_of(other).is_some())
        .filter(is_forbidden)
        .map(|other| format!("{file} imports {other}"))
        .collect()
}

fn owner_violations(file: &str, code: &str) -> Vec<String> {
    let is_owner = |owners: &[&str]| owners.iter().any(|owner| file.starts_with(owner));
    let libraries = OWNERS.iter().filter(|(library, owners)| {
        let uses = [
            format!("use {library}::"),
            format!("use {library};"),
            format!(" {library}::"),
            format!("({library}::"),
        ];
        !is_owner(owners) && uses.iter().any(|used| code.contains(used.as_str()))
    });
    let libraries = libraries.map(|(library, _)| format!("{file} uses {library}"));
    let deeds = DEEDS.iter().filter(|(deed, owners)| !is_owner(owners) && code.contains(deed));
    libraries.chain(deeds.map(|(deed, _)| format!("{file} does {deed}"))).collect()
}

fn module_of(file: &str) -> &str {
    file.split(['/', '.']).next().unwrap()
}

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// The modules of this crate that `code` names: `crate::x`, `crate::{x, y::Z}`.
fn imports(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, path) in code.match_indices("crate::") {
        let is_own =
            !code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_');
        let rest = &code[at + path.len()..];
        let names: Vec<&str> = match rest.strip_prefix('{') {
            Some(group) => top_level(group),
            None => vec![rest],
        };
        let name = |text: &&str| -> String {
            text.trim()
                .chars()
                .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
                .collect()
        };
        found.extend(names.iter().map(name).filter(|name| is_own && !name.is_empty()));
    }
    found
}

/// The parts of `a, b::{c, d}, e}...` up to the brace that closes it.
fn top_level(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0_usize, 0, Vec::new());
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => {
                parts.push(&group[start..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts
}

fn without_comments(text: &str) -> String {
    let code = |line: &&str| !line.trim_start().starts_with("//");
    text.lines().filter(code).collect::<Vec<_>>().join("\n")
}
