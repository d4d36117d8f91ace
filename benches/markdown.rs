//! How fast Markdown becomes HTML: a page, with and without colored code, and each part alone.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tallymark::markdown::{AsWritten, Options, highlight, outline, render};

/// A page as blogs have them: prose with links and emphasis, a list, a table, three code blocks.
fn page() -> String {
    let prose = "A paragraph of *ordinary* prose with a [link](https://example.org/a), some `code`, \
                 and \"quotes\" -- it's what most pages are made of. It goes on for a few lines, as \
                 paragraphs do, and mentions https://example.org/bare once.\n\n";
    let code = "```rust\nfn main() {\n    let views: HashMap<String, u64> = load(\"state\")?; // all\n    \
                for (path, count) in &views {\n        println!(\"{path}: {count}\");\n    }\n}\n```\n\n";
    let table = "| path | views |\n|---|---:|\n| /a/ | 12 |\n| /b/ | 7 |\n\n";
    let section =
        format!("## A section\n\n{}- one\n- two\n- three\n\n{code}{table}", prose.repeat(5));
    section.repeat(3)
}

fn benches(criterion: &mut Criterion) {
    let page = page();
    let mut group = criterion.benchmark_group("markdown");
    group.throughput(Throughput::Bytes(page.len() as u64));
    for (name, options) in [
        ("render", Options::default()),
        ("render, code plain", Options { highlighting: false, ..Options::default() }),
        ("render, commonmark alone", Options::commonmark()),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| render(black_box(&page), &options, &AsWritten));
        });
    }
    let options = Options::default();
    group.bench_function("outline", |bencher| bencher.iter(|| outline(black_box(&page), &options)));
    group.finish();
    let code = include_str!("../tests/highlight/sample.rs");
    let mut group = criterion.benchmark_group("highlight");
    group.throughput(Throughput::Bytes(code.len() as u64));
    group.bench_function("rust", |bencher| bencher.iter(|| highlight("rust", black_box(code))));
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
