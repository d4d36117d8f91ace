//! How fast each hot path is alone: front matter, Markdown, highlighting, page templates, events.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use jiff::tz::TimeZone;
use tallymark::analytics::{
    Event, Facts, Place, Raw, Recorder, Rules, Sender, Settings, Signals, Store, admit, policy,
};
use tallymark::clock::{FixedClock, Timestamp};
use tallymark::config::{Config, Sources};
use tallymark::content::{self, front_matter};
use tallymark::markdown::{AsWritten, Options, highlight, outline, render};
use tallymark::permalink::UrlPath;
use tallymark::render::{self as templates, Extras};
use tallymark::site::NullSink;

/// Noon of 24 November 2026, UTC.
const NOW: Timestamp = Timestamp::from_millis(1_795_521_600_000);
/// How many events wait when a commit begins.
const BATCH: u64 = 256;
const POSTS: usize = 100;

const YAML: &str = "---\ntitle: \"Notes: on counting\"\ndate: 2026-10-01\nslug: on-counting\n\
    description: What is counted, what is not, and why\ntags: [rust, web, notes]\n\
    aliases:\n  - /old/counting/\npublished: true\n---\n\nText.\n";
const TOML: &str = "+++\ntitle = \"Notes: on counting\"\ndate = 2026-10-01\nslug = \"on-counting\"\n\
    description = \"What is counted, what is not, and why\"\naliases = [\"/old/counting/\"]\n\
    [taxonomies]\ntags = [\"rust\", \"web\", \"notes\"]\n+++\n\nText.\n";

const CODE: [(&str, &str); 4] = [
    ("rust", include_str!("../tests/highlight/sample.rs")),
    ("python", include_str!("../tests/highlight/sample.py")),
    ("shell", include_str!("../tests/highlight/sample.sh")),
    ("json", include_str!("../tests/highlight/sample.json")),
];

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

fn front_matter(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("front matter");
    for (name, text) in [("yaml", YAML), ("toml", TOML)] {
        let source = front_matter::Source { name: "content/blog/a.md", text };
        assert!(front_matter::parse(source, &TimeZone::UTC).problems.is_empty(), "valid: {name}");
        group.bench_function(name, |bencher| {
            bencher.iter(|| front_matter::parse(black_box(source), &TimeZone::UTC));
        });
    }
    group.finish();
}

fn markdown(criterion: &mut Criterion) {
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
}

fn highlighting(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("highlight");
    for (language, code) in CODE {
        group.throughput(Throughput::Bytes(code.len() as u64));
        group.bench_function(language, |bencher| {
            bencher.iter(|| highlight(language, black_box(code)));
        });
    }
    group.finish();
}

/// Writes a site of short posts, so that what a page's templates cost outweighs its Markdown.
fn write_site(root: &Path) -> std::io::Result<()> {
    let posts = root.join("content/blog");
    fs::create_dir_all(&posts)?;
    fs::write(root.join("tallymark.toml"), "base_url = \"https://example.org\"\n")?;
    for number in 0..POSTS {
        let (day, tag) = (number % 28 + 1, number % 7);
        let matter = format!("title: Post {number}\ndate: 2026-10-{day:02}\ntags: [tag {tag}]\n");
        let text = format!("---\n{matter}---\n\nText.\n");
        fs::write(posts.join(format!("post-{number}.md")), text)?;
    }
    Ok(())
}

/// All outputs of a site that was loaded before, without writing them.
fn pages(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    write_site(folder.path()).expect("the folder can be written to");
    let sources = Sources { root: folder.path().to_owned(), ..Sources::default() };
    let (config, _) = Config::load(&sources).expect("the settings were just written");
    let config = Arc::new(config);
    let survey = content::Survey::of(&config, None).expect("the posts were just written");
    let (index, _) = content::load(&config, survey, NOW, &content::Memory::default())
        .expect("the posts were just written");
    let pages = || {
        templates::render(&config, &index, Extras::default(), &NullSink)
            .expect("the posts are there")
    };
    let rendering = pages();
    assert!(rendering.problems.is_empty(), "a site without mistakes");
    let mut group = criterion.benchmark_group("pages");
    group.throughput(Throughput::Elements(rendering.files.len() as u64));
    group.bench_function("all outputs of 100 short posts", |bencher| bencher.iter(pages));
    group.finish();
}

/// The body of a view; each `number` is another visitor.
fn view(number: u64) -> String {
    format!(
        r#"{{"type":"view","view":"{number:016x}","visitor":"00000000-0000-4000-8000-{number:012x}","path":"/a/",
        "referrer":"https://news.example/item?id=1","width":3,"zone":"Europe/Oslo"}}"#
    )
}

/// An event of that body, admitted as one that a browser has sent from the site itself.
fn admitted(body: &str) -> Event {
    let facts = Facts {
        place: Place::Page { path: UrlPath::parse("/a/").expect("a path"), words: 700 },
        agent: Some("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
        origin: Some("https://example.org"),
        sender: Sender::Own,
        signals: Signals::default(),
    };
    let raw = Raw::parse(body.as_bytes()).expect("a body as the beacon sends it");
    admit(raw, &facts, &Rules::default(), NOW).expect("an event that is counted")
}

fn events(criterion: &mut Criterion) {
    let body = view(1);
    let mut group = criterion.benchmark_group("events");
    group.throughput(Throughput::Elements(1));
    group.bench_function("admit a view", |bencher| bencher.iter(|| admitted(black_box(&body))));
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let store = Store::open(&folder.path().join("analytics.redb")).expect("a new database");
    let clock = FixedClock::at(NOW);
    let recorder = Recorder::start(Arc::new(store), Arc::new(clock.clone()), Settings::default())
        .expect("an empty database is readable");
    let mut next = 0;
    let mut batch = || {
        // The visitors of the batch before have left, or ever more of them would be here at once.
        clock.advance(2 * policy::DEDUP_WINDOW);
        next += BATCH;
        (next..next + BATCH).map(|number| admitted(&view(number))).collect::<Vec<_>>()
    };
    group.throughput(Throughput::Elements(BATCH)).sample_size(10);
    group.bench_function("record a batch, durably", |bencher| {
        bencher.iter_batched(
            &mut batch,
            |events| record(&recorder, events),
            BatchSize::PerIteration,
        );
    });
    group.finish();
    recorder.close();
}

/// Hands all events in, then waits until each is on disk.
fn record(recorder: &Recorder, events: Vec<Event>) {
    let taken: Vec<_> = events.into_iter().map(|event| recorder.record(event)).collect();
    for receipt in taken {
        let stored = receipt.expect("a batch fits into the queue").wait();
        stored.expect("the folder of temporary files has room");
    }
}

criterion_group!(all, front_matter, markdown, highlighting, pages, events);
criterion_main!(all);
