//! Each folder of `tests/sites` is a site; what it becomes is reviewed as prose in `tests/it/snapshots`.

use std::fmt::Write;

use crate::support::{Rendered, cases};

/// Files that are the theme's own, the same on every site.
const OF_THE_THEME: [&str; 2] = ["/style", "/favicon"];

#[test]
fn each_site_becomes_what_was_reviewed() {
    for case in cases("sites") {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let rendered = Rendered::of(&case);
        insta::assert_snapshot!(name, shown(&rendered));
    }
}

/// The whole of a site as text: problems, redirects, pages, files.
fn shown(rendered: &Rendered) -> String {
    let mut text = String::new();
    for problem in &rendered.problems {
        writeln!(text, "{problem}").unwrap();
    }
    for (from, to) in &rendered.catalog().redirects {
        writeln!(text, "{from} redirects to {to}").unwrap();
    }
    for (path, page) in &rendered.catalog().pages {
        let unlisted = if page.listed { "" } else { " (unlisted)" };
        writeln!(text, "{path} is {:?} {:?}{unlisted}", page.kind, page.title).unwrap();
    }
    for (path, content) in rendered.texts() {
        let is_own = OF_THE_THEME.iter().any(|start| path.starts_with(start));
        let content = if is_own { "(of the theme)\n".to_owned() } else { without_hashes(&content) };
        write!(text, "\n=== {}\n{content}", without_hashes(&path)).unwrap();
    }
    text
}

/// Fingerprints change with every change of a style sheet; what matters is that they are there.
fn without_hashes(text: &str) -> String {
    text.split('.')
        .map(|part| {
            let is_hash = part.len() == 16 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
            if is_hash { "HASH" } else { part }
        })
        .collect::<Vec<_>>()
        .join(".")
}
