//! Every example of `CommonMark`, and cases of our own for what GFM adds to it.

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

/// What GFM adds, and nothing else that a site may have.
fn gfm() -> Options {
    Options {
        tables: true,
        task_lists: true,
        strikethrough: true,
        autolinks: true,
        ..Options::commonmark()
    }
}

fn check(cases: &[(&str, &str)]) {
    let options = gfm();
    for (markdown, expected) in cases {
        assert_eq!(render(markdown, &options, &AsWritten).html, *expected, "{markdown}");
    }
}

#[test]
fn strikethrough_needs_one_or_two_tildes_on_both_sides() {
    check(&[
        ("~~gone~~ ~too~", "<p><del>gone</del> <del>too</del></p>\n"),
        ("~~a *b* c~~", "<p><del>a <em>b</em> c</del></p>\n"),
        ("~~a~ ~~~b~~~ ~ c ~", "<p>~~a~ ~~~b~~~ ~ c ~</p>\n"),
        ("~~a\n\nb~~", "<p>~~a</p>\n<p>b~~</p>\n"),
        ("`~~a~~`", "<p><code>~~a~~</code></p>\n"),
    ]);
}

#[test]
fn a_task_is_a_list_item_that_begins_with_a_box() {
    let open = "<li class=\"task\"><input type=\"checkbox\" disabled aria-label=\"To do\" /> ";
    let done =
        "<li class=\"task\"><input type=\"checkbox\" disabled checked aria-label=\"Done\" /> ";
    check(&[
        ("- [ ] a", &format!("<ul>\n{open}a</li>\n</ul>\n")),
        ("1. [X] a", &format!("<ol>\n{done}a</li>\n</ol>\n")),
        (
            "- [ ] a\n  - [x] b",
            &format!("<ul>\n{open}a\n<ul>\n{done}b</li>\n</ul>\n</li>\n</ul>\n"),
        ),
        ("- [] a", "<ul>\n<li>[] a</li>\n</ul>\n"),
        ("- [y] a", "<ul>\n<li>[y] a</li>\n</ul>\n"),
        ("[ ] a", "<p>[ ] a</p>\n"),
    ]);
}

/// The rows of a table, without what surrounds them.
fn rows(markdown: &str) -> String {
    let html = render(markdown, &gfm(), &AsWritten).html;
    let rows: Vec<&str> = html.lines().filter(|line| line.starts_with("<tr>")).collect();
    rows.join("\n").replace(" scope=\"col\"", "")
}

#[test]
fn a_table_has_a_head_a_line_of_dashes_and_rows() {
    for (markdown, expected) in [
        (
            "| a | b |\n| - | - |\n| 1 | 2 |",
            "<tr><th>a</th><th>b</th></tr>\n<tr><td>1</td><td>2</td></tr>",
        ),
        ("a | b\n-|-\n1 | 2 | 3", "<tr><th>a</th><th>b</th></tr>\n<tr><td>1</td><td>2</td></tr>"),
        ("|a|b|\n|-|-|\n|1|", "<tr><th>a</th><th>b</th></tr>\n<tr><td>1</td><td></td></tr>"),
        ("|a|\n|-|\n|`b \\| c`|", "<tr><th>a</th></tr>\n<tr><td><code>b | c</code></td></tr>"),
        ("|a|\n|-|\n|*b* \\| c|", "<tr><th>a</th></tr>\n<tr><td><em>b</em> | c</td></tr>"),
        (
            "|a|\n|:-:|\n|b|\n\nafter",
            "<tr><th class=\"center\">a</th></tr>\n<tr><td class=\"center\">b</td></tr>",
        ),
        ("|a|\n|-|\n|b|\n> quoted", "<tr><th>a</th></tr>\n<tr><td>b</td></tr>"),
        ("|a|b|\n|-|", ""),
        ("|a|\n|x|", ""),
    ] {
        assert_eq!(rows(markdown), expected, "{markdown}");
    }
}

#[test]
fn bare_addresses_are_links_where_they_stand_alone() {
    check(&[
        ("www.a.example", "<p><a href=\"http://www.a.example\">www.a.example</a></p>\n"),
        ("*www.a.example*", "<p><em><a href=\"http://www.a.example\">www.a.example</a></em></p>\n"),
        (
            "http://a.example/b_c_d",
            "<p><a href=\"http://a.example/b_c_d\">http://a.example/b_c_d</a></p>\n",
        ),
        (
            "http://a.example/?b&amp;c=*d*",
            "<p><a href=\"http://a.example/?b&amp;c=\">http://a.example/?b&amp;c=</a><em>d</em></p>\n",
        ),
        (
            "(https://a.example/b(c)).",
            "<p>(<a href=\"https://a.example/b(c)\">https://a.example/b(c)</a>).</p>\n",
        ),
        (
            "a@b.example\nwww.c.example",
            "<p><a href=\"mailto:a@b.example\">a@b.example</a>\n<a href=\"http://www.c.example\">www.c.example</a></p>\n",
        ),
        ("`www.a.example`", "<p><code>www.a.example</code></p>\n"),
        ("[www.a.example](/b)", "<p><a href=\"/b\">www.a.example</a></p>\n"),
        ("[*www.a.example*](/b)", "<p><a href=\"/b\"><em>www.a.example</em></a></p>\n"),
        ("![www.a.example](/b)", "<p><img src=\"/b\" alt=\"www.a.example\" /></p>\n"),
        ("<https://a.example>", "<p><a href=\"https://a.example\">https://a.example</a></p>\n"),
        ("    www.a.example", "<pre><code>www.a.example</code></pre>\n"),
        ("<b>www.a.example</b>", "<p><b>www.a.example</b></p>\n"),
        ("awww.a.example", "<p>awww.a.example</p>\n"),
    ]);
}
