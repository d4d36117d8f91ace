//! After any sequence of changes, a build that knows the last one gives what a clean build gives, byte for byte.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use tallymark::fingerprint::Fingerprint;
use tallymark::permalink::UrlPath;
use tallymark::pipeline::{self, Memory, Order};
use tallymark::problem::Problem;
use tallymark::publish;

use crate::support::{Rendered, TestSite, noon, order};

/// A change of a site's sources.
#[derive(Debug, Clone)]
enum Change {
    Post { number: usize, title: usize, tags: usize, day: usize, extra: usize },
    Page { number: usize, body: usize },
    Text { number: usize, body: usize },
    Remove { number: usize },
    Rename { number: usize },
    Special { name: usize, text: usize },
    Data { number: usize },
    Setting { number: usize },
    Touch,
}

const TITLES: [&str; 4] = ["Alpha", "Beta", "Gamma: a \"quoted\" one", "Alpha"];
const TAGS: [&str; 5] = ["[]", "[rust]", "[Rust, web]", "[web]", "[notes, rust, web]"];
const EXTRAS: [&str; 6] = [
    "",
    "unlisted: true\n",
    "draft: true\n",
    "aliases: [/old/]\n",
    "image: pic.png\n",
    "featured: true\n",
];
const BODIES: [&str; 8] = [
    "Plain text.",
    "Longer text, with more words in it than before.",
    "A link to [a post](blog/p1.md) and [its part](/p1/#part).",
    "[[Alpha]] and [[Beta]].",
    "![A picture](pic.png) and [a broken one](/p3/).",
    "[Tags](/tags/rust/) and [old](/old/).",
    "## Part\n\nText below a heading.\n\n[To it](#part)",
    "[Another page](page1.md), [a third](/page2/#part).",
];
const SETTINGS: [&str; 4] = [
    "title = \"One\"",
    "title = \"Two\"\npaginate_by = 2",
    "title = \"One\"\n[feeds]\nlimit = 2",
    "title = \"One\"\n[markdown]\nsmart_punctuation = false",
];

fn change() -> impl Strategy<Value = Change> {
    let post = (0..5_usize, 0..4_usize, 0..5_usize, 1..6_usize, 0..6_usize).prop_map(
        |(number, title, tags, day, extra)| Change::Post { number, title, tags, day, extra },
    );
    let page = (0..3_usize, 0..8_usize).prop_map(|(number, body)| Change::Page { number, body });
    prop_oneof![
        5 => post,
        4 => page,
        4 => (0..5_usize, 0..8_usize).prop_map(|(number, body)| Change::Text { number, body }),
        1 => (0..5_usize).prop_map(|number| Change::Remove { number }),
        1 => (0..5_usize).prop_map(|number| Change::Rename { number }),
        2 => (0..6_usize, 0..8_usize).prop_map(|(name, text)| Change::Special { name, text }),
        1 => (0..4_usize).prop_map(|number| Change::Setting { number }),
        1 => (0..3_usize).prop_map(|number| Change::Data { number }),
        1 => Just(Change::Touch),
    ]
}

impl Change {
    fn apply(&self, site: &TestSite) {
        match self {
            Self::Post { number, title, tags, day, extra } => {
                let (title, tags) = (TITLES[*title].replace('"', "\\\""), TAGS[*tags]);
                let (extra, body) = (EXTRAS[*extra], BODIES[(title.len() + day) % BODIES.len()]);
                let text = format!(
                    "---\ntitle: \"{title}\"\ndate: 2026-11-0{day}\ntags: {tags}\n{extra}---\n{body}\n"
                );
                site.write(&format!("content/blog/p{number}.md"), &text);
            }
            Self::Page { number, body } => {
                let text = format!("---\nshow_in_nav: {}\n---\n{}\n", body % 2 == 0, BODIES[*body]);
                site.write(&format!("content/page{number}.md"), &text);
            }
            // The text alone, as a writer changes it most of the time.
            Self::Text { number, body } => {
                let path = site.root().join(format!("content/blog/p{number}.md"));
                let Ok(text) = fs::read_to_string(&path) else { return };
                let matter = text.rsplit_once("---\n").unwrap().0;
                fs::write(path, format!("{matter}---\n{}\n", BODIES[*body])).unwrap();
            }
            Self::Remove { number } => {
                let _ = fs::remove_file(site.root().join(format!("content/blog/p{number}.md")));
            }
            Self::Rename { number } => {
                let from = site.root().join(format!("content/blog/p{number}.md"));
                let _ = fs::rename(from, site.root().join("content/blog/renamed.md"));
            }
            Self::Special { name, text } => {
                let body = BODIES[*text];
                match name {
                    0 => site.write("content/home.md", body),
                    1 => site.write("content/footer.md", body),
                    2 => site.write("content/pic.png", body),
                    3 => site.write("static/style.css", body),
                    4 => site.write("content/blog/_index.md", body),
                    _ => site.write(
                        "templates/page.html",
                        &format!("{{% extends \"base.html\" %}}{{% block main %}}{text} {{% for post in pages(limit=2) %}}{{{{ post.title }}}}{{% endfor %}} {{{{ page.content | safe }}}}{{% endblock main %}}"),
                    ),
                }
            }
            Self::Data { number } => {
                site.write("data/list.toml", &format!("name = \"{number}\"\n"));
                let template = "{% extends \"base.html\" %}{% block main %}{{ load_data(path=\"list.toml\").name }} {{ page.content | safe }}{% endblock main %}";
                if *number > 0 {
                    site.write("templates/post.html", template);
                }
            }
            Self::Setting { number } => {
                let text = format!("base_url = \"https://example.org\"\n{}\n", SETTINGS[*number]);
                site.write("tallymark.toml", &text);
            }
            Self::Touch => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_build_that_knows_the_last_one_equals_a_clean_one(steps in steps()) {
        let memory = Memory::default();
        every_build_equals_a_clean_one(&steps, || memory.clone())?;
    }

    #[test]
    fn a_build_that_another_process_has_left_something_for_equals_a_clean_one(steps in steps()) {
        let program = Fingerprint::of("this program");
        every_build_equals_a_clean_one(&steps, || Memory::of_one_build(program))?;
    }

    #[test]
    fn a_build_that_is_told_what_has_changed_equals_a_clean_one(steps in steps()) {
        let site = TestSite::new(&[("content/page0.md", "x")]);
        let order = order(site.root());
        pipeline::build(&order, noon()).unwrap();
        for step in steps {
            let before = sources(&site);
            for change in &step {
                change.apply(&site);
            }
            let after = sources(&site);
            let is_other = |file: &&PathBuf| before.get(*file) != after.get(*file);
            let files = before.keys().chain(after.keys());
            let changed: BTreeSet<PathBuf> = files.filter(is_other).cloned().collect();
            let build = pipeline::rebuild(&order, noon(), &changed).unwrap();
            let clean = Rendered::of(site.root());
            if build.is_stopped {
                prop_assert!(clean.problems.iter().any(Problem::is_error));
                continue;
            }
            equals_clean(&site, &build.problems, &clean)?;
        }
    }

    #[test]
    fn builds_that_know_the_disk_and_one_another_equal_clean_ones(steps in steps()) {
        let program = Fingerprint::of("this program");
        let memory = Memory::of_many_builds(program);
        let (lasting, mut number) = (memory, 0);
        every_build_equals_a_clean_one(&steps, move || {
            number += 1;
            // Somebody builds beside the server now and then.
            if number % 3 == 0 { Memory::of_one_build(program) } else { lasting.clone() }
        })?;
    }
}

fn steps() -> impl Strategy<Value = Vec<Vec<Change>>> {
    prop::collection::vec(prop::collection::vec(change(), 1..4), 1..12)
}

/// Makes the changes of each step, and builds with the memory that `next` gives.
fn every_build_equals_a_clean_one(
    steps: &[Vec<Change>],
    mut next: impl FnMut() -> Memory,
) -> Result<(), TestCaseError> {
    let site = TestSite::new(&[("content/page0.md", "x")]);
    for step in steps {
        for change in step {
            change.apply(&site);
        }
        let order = Order { memory: next(), ..order(site.root()) };
        let build = pipeline::build(&order, noon()).unwrap();
        let clean = Rendered::of(site.root());
        if build.is_stopped {
            prop_assert!(clean.problems.iter().any(Problem::is_error));
            continue;
        }
        equals_clean(&site, &build.problems, &clean)?;
    }
    Ok(())
}

/// Each file that the site is made from, and what is in it.
fn sources(site: &TestSite) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders =
        ["content", "data", "static", "templates"].map(|name| site.root().join(name)).to_vec();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(path.clone(), fs::read(path).unwrap());
            }
        }
    }
    let settings = site.root().join("tallymark.toml");
    files.insert(settings.clone(), fs::read(settings).unwrap());
    files
}

fn equals_clean(
    site: &TestSite,
    problems: &[Problem],
    clean: &Rendered,
) -> Result<(), TestCaseError> {
    let built = publish::open(&site.root().join("public")).unwrap().unwrap();
    prop_assert_eq!(&built.catalog().files, &clean.catalog().files);
    prop_assert_eq!(&built.catalog().pages, &clean.catalog().pages);
    prop_assert_eq!(&built.catalog().redirects, &clean.catalog().redirects);
    for (path, text) in clean.texts() {
        let file = UrlPath::parse(&path).unwrap().output_file();
        let written = fs::read(site.root().join("public").join(file)).unwrap();
        prop_assert!(written == text.as_bytes(), "{} is not what it should be", path);
    }
    let is_shown = |problem: &&Problem| {
        let text = problem.to_string();
        !text.contains("has no alt text")
            && !text.contains("the title `")
            && !text.contains("the page was at")
    };
    let shown: Vec<_> = problems.iter().filter(is_shown).collect();
    let expected: Vec<_> = clean.problems.iter().filter(is_shown).collect();
    prop_assert_eq!(shown, expected);
    Ok(())
}

/// The files in which builds leave to the next process what they have found out.
fn left_behind(site: &TestSite) -> Vec<PathBuf> {
    let folder = fs::read_dir(site.root().join(".tallymark")).unwrap();
    let files = folder.map(|entry| entry.unwrap().path());
    files.filter(|file| file.extension().is_some()).collect()
}

#[test]
fn what_is_left_behind_is_believed_only_whole_and_by_the_program_that_wrote_it() {
    let site = TestSite::new(&[("content/a.md", "A [link](b.md)."), ("content/b.md", "B.")]);
    let build = |program: &str| {
        let memory = Memory::of_one_build(Fingerprint::of(program));
        pipeline::build(&Order { memory, ..order(site.root()) }, noon()).unwrap()
    };
    build("this");
    let left = left_behind(&site);
    assert_eq!(left.len(), 2, "{left:?}");
    for file in &left {
        let mut bytes = fs::read(file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(file, bytes).unwrap();
    }
    fs::remove_file(site.root().join("public/a/index.html")).unwrap();
    assert_eq!(build("this").written, 1, "damaged: what is missing is made anew");
    fs::remove_file(site.root().join("public/a/index.html")).unwrap();
    assert_eq!(build("another").written, 1);
    for file in left_behind(&site) {
        fs::write(file, "").unwrap();
    }
    let again = build("another");
    assert!(!again.is_stopped);
    assert_eq!(again.written, 0);
}

#[test]
fn what_somebody_else_has_written_into_the_output_is_written_again() {
    let site = TestSite::new(&[("content/a.md", "A."), ("content/b.md", "B.")]);
    let build = || {
        let memory = Memory::of_one_build(Fingerprint::of("this"));
        pipeline::build(&Order { memory, ..order(site.root()) }, noon()).unwrap()
    };
    build();
    let page = site.root().join("public/a/index.html");
    let text = fs::read_to_string(&page).unwrap();
    fs::write(&page, "longer or shorter").unwrap();
    assert_eq!(build().written, 1);
    assert_eq!(fs::read_to_string(&page).unwrap(), text);
}

#[test]
fn an_edited_body_renders_its_own_page_and_what_shows_it_alone() {
    let post = |number: usize, text: &str| {
        (
            format!("content/blog/p{number}.md"),
            format!("---\ntitle: Post {number}\ndate: 2026-10-{number}\n---\n{text}\n"),
        )
    };
    let site = TestSite::new(&[("content/a.md", "x")]);
    for number in 10..30 {
        let (name, text) = post(number, "Text.");
        site.write(&name, &text);
    }
    let order = order(site.root());
    assert!(pipeline::build(&order, noon()).unwrap().written > 20);
    let (name, text) = post(15, "Text.\n\nAnd more of it.");
    site.write(&name, &text);
    let build = pipeline::build(&order, noon()).unwrap();
    // The page, the feed; no list shows more than the first paragraph.
    assert_eq!((build.written, build.removed), (2, 0));
    assert_eq!(pipeline::build(&order, noon()).unwrap().written, 0);
}

#[test]
fn a_template_or_a_file_of_data_changes_what_leads_to_it_and_nothing_else() {
    let post = "---\ntitle: A\ndate: 2026-11-01\ntags: [rust]\n---\nx\n";
    let site = TestSite::new(&[
        ("content/blog/a.md", post),
        ("content/b.md", "B."),
        ("content/c.md", "C."),
    ]);
    let template = |inner: &str| {
        format!(
            "{{% extends \"base.html\" %}}{{% block main %}}{inner}{{{{ page.content | safe }}}}{{% endblock main %}}"
        )
    };
    site.write("content/c.md", "---\ntemplate: books\n---\nC.\n");
    site.write("data/books.csv", "title\nEmma\n");
    site.write("templates/books.html", &template("{% include \"books_list.html\" %}"));
    let list = "{% for book in load_data(path=\"books.csv\") %}<p>{{ book.title }}</p>{% endfor %}";
    site.write("templates/books_list.html", list);
    let order = order(site.root());
    let build = || pipeline::build(&order, noon()).unwrap();
    assert!(build().site.is_some());
    for (name, text) in [
        ("data/books.csv", "title\nEmma\nPersuasion\n".to_owned()),
        ("templates/books_list.html", format!("<h2>Books</h2>{list}")),
        ("templates/page.html", template("<p>New.</p>")),
    ] {
        site.write(name, &text);
        assert_eq!(build().written, 1, "{name}");
    }
    let page = fs::read_to_string(site.root().join("public/c/index.html")).unwrap();
    assert!(page.contains("<h2>Books</h2><p>Emma</p><p>Persuasion</p>"), "{page}");
    site.write("data/books.csv", "title\nEmma,1815\n");
    let problem = build().problems[0].to_string();
    assert!(problem.starts_with("data/books.csv:2:1: error: the row has 2 fields"), "{problem}");
}

#[test]
fn what_an_author_puts_in_the_place_of_something_kept_wins() {
    let post = "---\ntitle: A\ndate: 2026-11-01\ntags: [rust]\n---\nx\n";
    let site = TestSite::new(&[("content/blog/a.md", post), ("content/blog/b.md", post)]);
    site.write("tallymark.toml", "base_url = \"https://example.org\"\npaginate_by = 1\n");
    let order = order(site.root());
    pipeline::build(&order, noon()).unwrap();
    for name in ["sitemap.xml", "page/2/index.html", "blog/index.html", "tags/rust/index.html"] {
        site.write(&format!("static/{name}"), "own");
    }
    let build = pipeline::build(&order, noon()).unwrap();
    assert!(build.site.is_some(), "{:?}", build.problems);
    for name in ["sitemap.xml", "page/2/index.html", "blog/index.html", "tags/rust/index.html"] {
        let written = fs::read_to_string(site.root().join("public").join(name)).unwrap();
        assert_eq!(written, "own", "{name}");
    }
    let clean = Rendered::of(site.root());
    assert_eq!(build.site.unwrap().catalog().files, clean.catalog().files);
}
