//! Every example of CommonMark, and cases of our own for what GFM adds to it.

use std::fs;
use std::path::Path;

use tallymark::markdown::{AsWritten, Options, render};

/// The examples come with the npm package of the specification, which `scripts/test` installs.
const SPECIFICATION: &str = "tests/node_modules/commonmark-spec/spec.txt";

/// Examples that are rendered otherwise on purpose: number and reason. The list may only shrink.
const DEVIATIONS: [(usize, &str); 0] = [];

const FENCE: &str = "````````````````````````````````";

struct Example {
    number: usize,
    markdown: String,
    html: String,
}

/// Reads the examples: Markdown and HTML between long fences, a line of one period between the two.
fn examples(specification: &str) -> Vec<Example> {
    let mut examples = Vec::new();
    let mut lines = specification.lines();
    while let Some(line) = lines.next() {
        if line == "<!-- END TESTS -->" {
            break;
        }
        if line.strip_prefix(FENCE) == Some(" example") {
            let markdown = block(lines.by_ref(), ".");
            let html = block(lines.by_ref(), FENCE);
            examples.push(Example { number: examples.len() + 1, markdown, html });
        }
    }
    examples
}

fn block<'a>(lines: impl Iterator<Item = &'a str>, end: &str) -> String {
    let mut text = String::new();
    for line in lines.take_while(|line| *line != end) {
        text.push_str(&line.replace('→', "\t"));
        text.push('\n');
    }
    text
}

/// A quotation mark in text may be written as it is or as an entity; all else is compared byte for byte.
fn comparable(html: &str) -> String {
    html.replace("&quot;", "\"")
}

#[test]
fn every_example_of_commonmark_is_rendered_as_specified() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(SPECIFICATION);
    let specification = fs::read_to_string(&path).unwrap_or_else(|failure| {
        panic!("{SPECIFICATION}: {failure}; run scripts/test, which installs it")
    });
    let examples = examples(&specification);
    assert_eq!(examples.len(), 652, "all examples of CommonMark 0.31.2");
    let options = Options::commonmark();
    let wrong: Vec<String> = examples
        .iter()
        .filter(|example| !DEVIATIONS.iter().any(|(number, _)| *number == example.number))
        .filter_map(|example| {
            let html = render(&example.markdown, &options, &AsWritten).html;
            let Example { number, markdown, html: expected } = example;
            (comparable(&html) != comparable(expected)).then(|| {
                format!("{number}\n{markdown}--- expected\n{expected}--- rendered\n{html}")
            })
        })
        .collect();
    assert!(wrong.is_empty(), "{} examples differ\n{}", wrong.len(), wrong.join("\n=== "));
}
