//! What the project says about itself, compared with what it does.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Command, CommandFactory, Parser};
use tallymark::analytics::{Class, Rejection, policy};
use tallymark::cli::Cli;
use tallymark::clock::Timestamp;
use tallymark::config::{Config, Sources};
use tallymark::content::front_matter::KEYS;
use tallymark::pipeline;
use tallymark::server::Limits;

use crate::support::order;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn text(name: &str) -> String {
    let text = fs::read_to_string(root().join(name));
    text.map_err(|error| format!("{name}: {error}")).expect("it is a file of the project")
}

/// The cells of each row of the tables of a page whose first cell is code.
fn rows(page: &str) -> Vec<Vec<String>> {
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

/// What stands between single backticks.
fn codes(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The lines of fenced blocks in `language`.
fn fenced<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let mut lines = Vec::new();
    let mut open = None;
    for line in page.lines() {
        match (open, line.strip_prefix("```")) {
            (None, Some(info)) => open = Some(info.split(' ').next() == Some(language)),
            (Some(_), Some("")) => open = None,
            (Some(true), _) => lines.push(line),
            _ => {}
        }
    }
    lines
}

/// The Markdown files of the project's own documentation.
fn pages() -> Vec<(String, String)> {
    let folder = root().join("content/docs");
    let entries = fs::read_dir(folder).expect("there is documentation").flatten();
    let names = entries.map(|entry| entry.file_name());
    let names = names.map(|name| format!("content/docs/{}", name.to_string_lossy()));
    let others = ["README.md", "CONTRIBUTING.md"].map(str::to_owned);
    let mut pages: Vec<_> = names.chain(others).map(|name| (name.clone(), text(&name))).collect();
    pages.sort();
    pages
}

#[test]
fn every_key_of_front_matter_is_documented_with_its_type_and_spellings() {
    let rows = rows(&text("content/docs/writing.md"));
    for key in KEYS {
        let name = format!("`{}`", key.name);
        let row = rows.iter().find(|row| row[0] == name).unwrap_or_else(|| panic!("no row {name}"));
        let expected = key.expected.strip_prefix("a ").unwrap_or(key.expected);
        assert_eq!(row[1], expected, "{name}");
        assert_eq!(codes(row.last().unwrap()), key.spellings, "{name}");
    }
}

/// The keys that the loader of settings takes, read from its source, which alone knows them all.
fn settings() -> Vec<String> {
    let source = text("src/config/load.rs");
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let calls = [".take(", ".take_as(", ".take_table(", "positive(settings, "];
    let mut keys: Vec<String> = Vec::new();
    for call in calls {
        for (at, _) in source.match_indices(call) {
            let argument = source[at + call.len()..].trim_start();
            if let Some(key) = argument.strip_prefix('"').and_then(|rest| rest.split('"').next()) {
                keys.push(key.to_owned());
            }
        }
    }
    keys.sort();
    keys
}

#[test]
fn every_setting_is_documented() {
    let page = rows(&text("content/docs/settings.md"));
    let settings = settings();
    assert!(settings.len() > 20, "{settings:?}");
    for key in settings {
        let rows = page.iter().filter(|row| row[0] == format!("`{key}`")).count();
        assert_eq!(rows, 1, "`{key}`");
    }
}

#[test]
fn every_documented_setting_exists() {
    let sources = Sources { root: "/site".into(), ..Sources::default() };
    for row in rows(&text("content/docs/settings.md")) {
        let key = codes(&row[0])[0].to_owned();
        let (_, problems) = Config::from_text("tallymark.toml", &format!("{key} = []\n"), &sources);
        let unknown: Vec<String> = problems
            .iter()
            .map(ToString::to_string)
            .filter(|problem| problem.contains("there is no setting"))
            .collect();
        assert_eq!(unknown, [""; 0], "{key}");
    }
}

#[test]
fn the_settings_shown_are_right() {
    let sources = Sources { root: "/site".into(), ..Sources::default() };
    for (name, page) in pages() {
        for block in page.split("```toml title=\"tallymark.toml").skip(1) {
            let (_, block) = block.split_once('\n').unwrap();
            let block = block.split("```").next().unwrap();
            let (_, problems) = Config::from_text("tallymark.toml", block, &sources);
            let errors: Vec<_> = problems.iter().filter(|problem| problem.is_error()).collect();
            assert!(errors.is_empty(), "{name}: {errors:?}");
        }
    }
}

/// The words of a command as a shell takes them, up to a comment or a redirection.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim();
    while let Some(first) = rest.chars().next().filter(|first| !"#>|".contains(*first)) {
        let (word, after) = if first == '"' {
            rest[1..].split_once('"').unwrap_or((&rest[1..], ""))
        } else {
            rest.split_once(' ').unwrap_or((rest, ""))
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    words
}

#[test]
fn every_command_that_is_shown_is_understood() {
    let mut shown = 0;
    for (name, page) in pages() {
        for line in fenced(&page, "sh") {
            let line = line.replacen("cargo run --release -- ", "tallymark ", 1);
            if !line.starts_with("tallymark ") {
                continue;
            }
            shown += 1;
            if let Err(error) = Cli::try_parse_from(words(&line)) {
                assert!(!error.use_stderr(), "{name}: {line}: {error}");
            }
        }
    }
    assert!(shown > 10, "only {shown} commands were found");
}

/// What of `command` a page does not name: its flags and those of the commands below it.
fn unnamed(command: &Command, page: &str) -> Vec<String> {
    let flags = command.get_arguments().filter_map(|flag| flag.get_long());
    let flags = flags.map(|flag| format!("`--{flag}")).filter(|flag| !page.contains(flag.as_str()));
    let inner = command.get_subcommands().filter(|inner| inner.get_name() != "help");
    let inner = inner.flat_map(|inner| {
        let name = inner.get_name();
        let is_named = ["`", " "].iter().any(|before| page.contains(&format!("{before}{name}")));
        let missing = (!is_named).then(|| name.to_owned());
        missing.into_iter().chain(unnamed(inner, page))
    });
    flags.chain(inner).collect()
}

#[test]
fn every_command_and_flag_is_documented() {
    let page = text("content/docs/command-line.md");
    assert_eq!(unnamed(&Cli::command(), &page), [""; 0]);
    for command in Cli::command().get_subcommands().map(Command::get_name) {
        let is_section = page.lines().any(|line| {
            line.starts_with("## ") && codes(line).iter().any(|code| code.starts_with(command))
        });
        assert!(is_section, "`{command}` has no section");
    }
}

#[test]
fn every_function_and_filter_of_templates_is_documented() {
    let page = text("content/docs/templates.md");
    for kind in ["functions", "filters"] {
        let source = text(&format!("src/render/{kind}.rs"));
        let (_, list) = source.split_once(&format!("\n{kind}! {{\n")).unwrap();
        let lines = list.lines().take_while(|line| *line != "}");
        let names: Vec<&str> =
            lines.map(|line| line.trim().split(['(', ';']).next().unwrap()).collect();
        assert!(!names.is_empty(), "{kind}");
        for name in names {
            let row = [format!("| `{name}("), format!("| `{name}`")];
            assert!(row.iter().any(|row| page.contains(row.as_str())), "{name}");
        }
    }
}

/// The names of the fields that templates see, read from the structs that are their contract.
fn template_fields() -> Vec<String> {
    let source = text("src/render/view.rs");
    let mut fields = Vec::new();
    let mut renamed = None;
    for line in source.lines().take_while(|line| !line.starts_with("impl")) {
        if let Some(rest) = line.trim().strip_prefix("#[serde(rename = \"") {
            renamed = rest.split('"').next().map(str::to_owned);
        }
        let Some((name, _)) = line.trim().trim_start_matches("pub(super) ").split_once(": ") else {
            continue;
        };
        if line.starts_with("    ")
            && name.bytes().all(|letter| letter.is_ascii_lowercase() || letter == b'_')
        {
            fields.push(renamed.take().unwrap_or_else(|| name.to_owned()));
        }
    }
    fields
}

#[test]
fn every_field_of_templates_is_documented() {
    let page = text("content/docs/templates.md");
    let fields = template_fields();
    assert!(fields.len() > 50, "{fields:?}");
    for field in fields {
        assert!(page.contains(&format!("`{field}`")), "`{field}`");
    }
}

/// `30 min`, `10 s`.
fn written(duration: Duration) -> String {
    match duration.as_secs() {
        seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}

/// `4,096`.
fn grouped(number: usize) -> String {
    let (thousands, rest) = (number / 1000, number % 1000);
    if thousands == 0 { rest.to_string() } else { format!("{thousands},{rest:03}") }
}

#[test]
fn the_numbers_of_counting_are_those_of_the_policy() {
    let rate = |rate: policy::Rate| {
        let [burst, steady] = [rate.burst, rate.per_second].map(|n| grouped(n as usize));
        format!("{burst}, then {steady}")
    };
    let page = text("content/docs/counting.md");
    for (rule, value) in [
        ("is one view until", written(policy::DEDUP_WINDOW)),
        ("says that it is still read every", written(policy::HEARTBEAT)),
        ("never twice for the same page within", written(policy::HEARTBEAT_GAP)),
        ("active when last seen less than", written(policy::ACTIVE)),
        ("is not written again within", written(policy::PRESENCE_REWRITE)),
        ("is swept from the file every", written(policy::SWEEP)),
        ("without a sign of the visitor for", written(policy::VISIT)),
        ("and in any case after", format!("{} h", policy::VISIT_AT_MOST.as_secs() / 3600)),
        ("can be repeated, and go on", format!("{} h", policy::VIEWING.as_secs() / 3600)),
        ("A page was read", format!("{} words a minute", policy::READING_SPEED)),
        ("An event is at most", format!("{} bytes", grouped(policy::EVENT_BYTES))),
        ("of one address at once", rate(policy::ADDRESS_RATE)),
        ("of all addresses at once", rate(policy::GLOBAL_RATE)),
        ("values of a dimension a day", grouped(policy::VALUES_A_DAY)),
        ("remembered by name", grouped(policy::NOT_FOUND_PATHS)),
    ] {
        let row = page.lines().find(|line| line.starts_with("| ") && line.contains(rule));
        let row = row.unwrap_or_else(|| panic!("no row says `{rule}`"));
        let documented = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        assert!(documented.starts_with(&value), "{rule}: {documented}, not {value}");
    }
    assert!(page.contains(&format!("queue of {} events", grouped(policy::QUEUE))));
    assert!(page.contains(&format!("cut at {} bytes", policy::VALUE_BYTES)));
}

#[test]
fn the_limits_of_the_server_are_documented() {
    let page = text("content/docs/hosting.md");
    let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
    let limits = Limits::default();
    let kib = |bytes: usize| format!("{} KiB", bytes >> 10);
    for (what, value) in [
        ("| connections of one address |", limits.connections_per_address.to_string()),
        ("| request line, all headers |", kib(limits.request_line)),
        (", all headers | 8 KiB,", kib(limits.head_bytes)),
        ("| an event |", kib(policy::EVENT_BYTES)),
        (
            "| time for the head of a request, for the body of an event |",
            written(limits.head_timeout),
        ),
        ("takes no byte of an answer |", written(limits.write_stall)),
        ("| an idle connection |", written(limits.idle)),
        ("is under way for up to", written(limits.drain)),
        ("Files over", format!("{} MiB", limits.whole_file >> 20)),
        ("when it is not asked for:", format!("{} MiB", limits.cache_bytes >> 20)),
    ] {
        let (_, after) = page.split_once(what).unwrap_or_else(|| panic!("nothing says `{what}`"));
        let end = after.find(['|', '.']).unwrap_or(after.len());
        assert!(after[..end].contains(&value), "{what}: {}, not {value}", &after[..end]);
    }
}

#[test]
fn every_reason_not_to_count_is_documented_with_its_status() {
    let page = text("content/docs/counting.md");
    for rejection in Rejection::ALL {
        let status = match rejection.class() {
            Class::Invalid => 400,
            Class::Refused => 403,
            Class::TooLarge => 413,
            Class::TooMany => 429,
        };
        let row = format!("| `{}` | {status} |", rejection.name());
        assert!(page.contains(&row), "{row}");
    }
}

#[test]
fn the_files_that_are_linked_to_exist() {
    for name in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"] {
        let page = text(name);
        let links = page.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://")) {
            let file = link.split('#').next().unwrap();
            assert!(file.is_empty() || root().join(file).exists(), "{name}: {link}");
        }
    }
}

#[test]
fn the_map_of_the_architecture_names_what_is_there() {
    let page = text("ARCHITECTURE.md");
    assert!(page.lines().count() <= 120, "it is one page");
    let modules = fs::read_dir(root().join("src")).unwrap();
    for entry in modules {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        let slash = if entry.path().is_dir() { "/" } else { "" };
        let is_named = name == "lib.rs"
            || page.lines().any(|line| line.starts_with(&format!("      {name}{slash} ")));
        assert!(is_named, "src/{name}");
    }
    assert_eq!(layers(&page), layers_of_lib(), "the layers are those of src/lib.rs");
}

/// The layers as the page draws them, names sorted within each.
fn layers(page: &str) -> Vec<Vec<String>> {
    let section = page.split("## Layers").nth(1).unwrap_or_default();
    let drawn = section.lines().skip_while(|line| !line.starts_with("    "));
    drawn.take_while(|line| line.starts_with("    ")).map(sorted_words).collect()
}

/// The layers as `src/lib.rs` shows them: a blank line between each two.
fn layers_of_lib() -> Vec<Vec<String>> {
    let source = text("src/lib.rs");
    let layers = source.split("\n\n").map(|layer| layer.replace("pub mod ", "").replace(';', ""));
    layers.filter(|layer| !layer.starts_with("//!")).map(|layer| sorted_words(&layer)).collect()
}

fn sorted_words(line: &str) -> Vec<String> {
    let mut words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    words.sort();
    words
}

#[test]
fn the_projects_own_site_has_no_problem() {
    let order = order(&root());
    // Late enough for every post to be out.
    let now = Timestamp::from_millis(4_000_000_000_000);
    let problems = pipeline::check(&order, now).unwrap();
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(told, [""; 0]);
    assert!(root().join("content/home.md").is_file());
}
