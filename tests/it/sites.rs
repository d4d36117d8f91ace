//! What is published, and where: through the pipeline, in memory.

use crate::support::TestSite;

const POST: &str = "---\ntitle: A post\ndate: 2026-11-01\ntags: [rust]\n---\nText.\n";

fn first_lines(problems: &[tallymark::problem::Problem]) -> Vec<String> {
    let first = |text: String| text.lines().next().unwrap_or_default().to_owned();
    problems.iter().map(|problem| first(problem.to_string())).collect()
}

#[test]
fn a_static_file_takes_the_place_of_what_would_be_generated() {
    let site = TestSite::new(&[
        ("content/blog/a.md", POST),
        ("static/robots.txt", "own"),
        ("static/404.html", "own"),
        ("static/tags/index.html", "own"),
        ("static/style.css", "own"),
    ]);
    let rendered = site.render();
    assert_eq!(first_lines(&rendered.problems), [""; 0]);
    for path in ["/robots.txt", "/404.html", "/tags/", "/style.css"] {
        assert_eq!(rendered.text(path), "own", "{path}");
    }
}

#[test]
fn a_page_takes_the_place_of_a_list_and_an_alias_does_too() {
    let site = TestSite::new(&[
        ("content/blog/a.md", POST),
        ("content/tags.md", "My own tags page."),
        ("content/new.md", "---\naliases: [/blog/]\n---\nHere now."),
    ]);
    let rendered = site.render();
    assert_eq!(first_lines(&rendered.problems), [""; 0]);
    assert!(rendered.text("/tags/").contains("My own tags page"));
    assert!(rendered.text("/blog/").contains("url=/new/"));
}

#[test]
fn two_files_at_one_address_are_told_with_both_names() {
    let site = TestSite::new(&[
        ("content/about.md", "x"),
        ("static/about/index.html", "x"),
        ("content/pic.png", "x"),
        ("static/PIC.png", "x"),
        ("static/stats/x.html", "x"),
    ]);
    assert_eq!(
        first_lines(&site.render().problems),
        [
            "content/about.md: error: the address `/about/` is also that of `static/about/index.html`",
            "content/pic.png: error: the address `/pic.png` is also that of `static/PIC.png`",
            "static/stats/x.html: error: the address `/stats/x.html` is kept for the server",
        ]
    );
}

#[test]
fn an_unlisted_post_is_reached_by_its_address_and_named_nowhere() {
    let site = TestSite::new(&[
        ("content/blog/a.md", POST),
        (
            "content/blog/hush.md",
            "---\ndate: 2026-11-02\nunlisted: true\ntags: [rust, only-there]\n---\nx",
        ),
        ("content/blog/b.md", "---\ndate: 2026-11-03\n---\nx"),
    ]);
    let rendered = site.render();
    assert!(rendered.text("/hush/").contains("noindex"));
    for (path, text) in rendered.texts() {
        assert!(path == "/hush/" || !text.contains("hush"), "{path} names it");
        assert!(!path.contains("only-there"), "{path}");
    }
}

#[test]
fn what_is_not_published_leaves_no_trace() {
    let site = TestSite::new(&[
        ("content/blog/draft/index.md", "---\ndate: 2026-11-02\ndraft: true\n---\nx"),
        ("content/blog/draft/pic.png", "x"),
        ("content/blog/future.md", "---\ndate: 2026-11-25\ntitle: Later\n---\nx"),
        ("content/blog/over.md", "---\ndate: 2026-11-02\nexpires: 2026-11-03\n---\nx"),
    ]);
    for (path, text) in site.render().texts() {
        for word in ["draft", "future", "Later", "/over/"] {
            assert!(!path.contains(word) && !text.contains(&format!("/{word}")), "{path}: {word}");
        }
    }
}

#[test]
fn files_beside_a_page_are_found_from_its_text_wherever_it_is_shown() {
    let site = TestSite::new(&[
        (
            "content/blog/trip/index.md",
            "---\ndate: 2026-11-02\nslug: far-away\n---\n![A](a.png) [B](sub/b.pdf)",
        ),
        ("content/blog/trip/a.png", "x"),
        ("content/blog/trip/sub/b.pdf", "x"),
    ]);
    let rendered = site.render();
    assert_eq!(first_lines(&rendered.problems), [""; 0]);
    let page = rendered.text("/far-away/");
    assert!(
        page.contains("src=\"/far-away/a.png\"") && page.contains("href=\"/far-away/sub/b.pdf\"")
    );
    assert!(rendered.text("/feed.xml").contains("https://example.org/far-away/a.png"));
}

#[test]
fn the_beacon_is_in_every_page_once_whatever_the_theme_does() {
    let site = TestSite::new(&[
        ("content/blog/a.md", POST),
        ("content/b.md", "`</head>` in a page"),
        ("templates/page.html", "<p>a theme without a head</p>"),
    ]);
    let rendered = site.render();
    for path in rendered.catalog().pages.keys().filter(|path| path.as_str() != "/stats/") {
        assert_eq!(rendered.text(path.as_str()).matches("/_/beacon.js").count(), 1, "{path}");
    }
}

#[test]
fn how_readers_are_counted_is_said_where_the_beacon_is_loaded() {
    for (settings, expected) in [
        ("", "<script defer src=\"/_/beacon.js\"></script>"),
        ("visitor_id = \"none\"", "beacon.js\" data-anonymous=\"1\"></script>"),
        ("respect_gpc = false", "beacon.js\" data-gpc=\"ignore\"></script>"),
        ("endpoint = \"https://stats.example\"", "src=\"https://stats.example/_/beacon.js\""),
    ] {
        let site = TestSite::new(&[]);
        let text = format!("base_url = \"https://example.org\"\n[analytics]\n{settings}\n");
        site.write("tallymark.toml", &text);
        assert!(site.render().text("/").contains(expected), "{settings}");
    }
    let site = TestSite::new(&[]);
    site.write(
        "tallymark.toml",
        "base_url = \"https://example.org\"\n[analytics]\nenabled = false\n",
    );
    assert!(!site.render().text("/").contains("beacon"));
}
