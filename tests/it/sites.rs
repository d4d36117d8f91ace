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
            "content/about.md:1:1: error: the address `/about/` is also that of `static/about/index.html`",
            "content/pic.png: error: the address `/pic.png` is also that of `static/PIC.png`",
            "static/stats/x.html: error: the address `/stats/x.html` is kept for the site itself",
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
        ("visitor_id = \"none\"", "beacon.js\" data-visitor=\"none\"></script>"),
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

#[test]
fn an_index_that_is_spelled_out_is_the_folder() {
    let site = TestSite::new(&[
        ("content/about.md", "---\naliases: [/about/index.html]\n---\nOwn text."),
        ("content/hugo.md", "---\nurl: /from/hugo/index.html\n---\nx"),
        ("content/demo.md", "x"),
        ("content/demo/index.html", "x"),
    ]);
    let rendered = site.render();
    assert!(rendered.text("/about/").contains("Own text."));
    assert!(rendered.text("/from/hugo/").contains("<p>x</p>"));
    assert_eq!(
        first_lines(&rendered.problems),
        [
            "content/demo.md:1:1: error: the address `/demo/` is also that of `content/demo/index.html`"
        ]
    );
}

#[test]
fn a_feed_is_well_formed_whatever_is_pasted_into_a_post() {
    let site = TestSite::new(&[(
        "content/blog/a.md",
        "---\ndate: 2026-11-02\ntitle: \"A\\u0007b\"\n---\n\u{1b}[31mred",
    )]);
    let feed = site.render().text("/feed.xml");
    assert!(feed.contains("[31mred") && feed.contains("<title>Ab</title>"));
    assert!(!feed.contains(['\u{1b}', '\u{7}']));
}

#[test]
fn hidden_files_of_static_are_copied_as_they_are() {
    let site = TestSite::new(&[
        ("content/a.md", "x"),
        ("static/.well-known/security.txt", "x"),
        ("static/.nojekyll", ""),
        ("static/old.bak", "x"),
        ("static/.a.txt.swp", "x"),
    ]);
    let paths: Vec<String> = site.render().texts().into_keys().collect();
    for path in ["/.well-known/security.txt", "/.nojekyll", "/old.bak"] {
        assert!(paths.iter().any(|there| there == path), "{path}");
    }
    assert!(!paths.iter().any(|path| path.contains("swp")));
}

#[test]
fn a_file_in_the_way_of_a_folder_is_told_with_both_names() {
    let site = TestSite::new(&[
        ("static/notes", "file"),
        ("content/notes/a.md", "x"),
        ("static/deep/er/x.txt", "x"),
        ("content/b/index.md", "---\npermalink: /deep/er.html\n---\nx"),
        ("content/c.md", "---\npermalink: /deep/er.txt/x/\n---\nx"),
        ("static/deep/er.txt", "x"),
    ]);
    assert_eq!(
        first_lines(&site.render().problems),
        [
            "content/c.md:2:12: error: the address `/deep/er.txt/x/` is also that of `static/deep/er.txt`",
            "content/notes/a.md:1:1: error: the address `/notes/a/` is also that of `static/notes`",
        ]
    );
}

#[test]
fn what_every_site_has_is_in_nobodys_way() {
    let site = TestSite::new(&[
        ("content/a.md", "---\npermalink: /feed.xml\n---\nx"),
        ("content/b.md", "---\naliases: [/sitemap.xml]\n---\nx"),
        ("content/c.md", "---\npermalink: /.tallymark/site.json\n---\nx"),
        ("content/d.md", "---\npermalink: /\n---\nx"),
        ("content/e.md", "---\npermalink: /Robots.txt/\n---\nx"),
    ]);
    let lines = first_lines(&site.render().problems);
    let kept: Vec<&str> =
        lines.iter().filter_map(|line| line.strip_suffix(" is kept for the site itself")).collect();
    assert_eq!(
        kept,
        [
            "content/a.md:2:12: error: the address `/feed.xml`",
            "content/b.md:2:10: error: the address `/sitemap.xml`",
            "content/c.md:2:12: error: the address `/.tallymark/site.json`",
            "content/d.md:2:12: error: the address `/`",
            "content/e.md:2:12: error: the address `/Robots.txt/`",
        ]
    );
}

#[test]
fn a_theme_may_bring_a_few_files_and_leave_the_rest_to_the_built_in_one() {
    let site = TestSite::new(&[
        ("content/a.md", "x"),
        ("themes/mine/static/style.css", "mine"),
        (
            "themes/mine/templates/page.html",
            "{% extends \"base.html\" %}{% block main %}MINE{% endblock main %}",
        ),
    ]);
    site.write("tallymark.toml", "base_url = \"https://example.org\"\ntheme = \"mine\"\n");
    let rendered = site.render();
    assert_eq!(first_lines(&rendered.problems), [""; 0]);
    assert_eq!(rendered.text("/style.css"), "mine");
    assert!(rendered.text("/a/").contains("MINE") && rendered.text("/").contains("/favicon."));
}

#[test]
fn the_text_of_a_folder_of_posts_stands_above_their_list() {
    let site = TestSite::new(&[
        ("content/blog/_index.md", "---\ntitle: Journal\n---\nWhat this is about."),
        ("content/blog/a.md", POST),
    ]);
    let page = site.render().text("/blog/");
    assert!(page.contains("<h1>Journal</h1>") && page.contains("What this is about."));
    assert!(page.contains("/a/"));
}

#[test]
fn a_picture_that_front_matter_names_must_be_there() {
    let site = TestSite::new(&[
        (
            "content/a.md",
            "---\nimage: nope.png\nauthor_image: https://elsewhere.example/x.png\n---\nx",
        ),
        ("content/b.md", "---\nimage: pic.png\n---\nx"),
        ("content/pic.png", "x"),
    ]);
    let rendered = site.render();
    assert_eq!(
        first_lines(&rendered.problems),
        ["content/a.md:2:8: warning: there is no image `nope.png`"]
    );
    assert!(rendered.text("/b/").contains("content=\"https://example.org/pic.png\""));
}

#[test]
fn the_built_in_lists_are_the_same_beside_a_template_of_the_authors_own() {
    let post =
        |day: u32, more: &str| format!("---\ndate: 2026-11-{day:02}\n{more}---\n\nText *{day}*.\n");
    let site = TestSite::new(&[
        ("content/blog/a.md", &post(1, "title: A & B\ntags: [x, y]\nread_time: a while\n")),
        (
            "content/blog/b.md",
            &post(2, "title: B\ntags: [x]\nfeatured: true\nupdated: 2026-11-05\n"),
        ),
        ("content/blog/c.md", &post(3, "title: C\nexcerpt: Short.\nauthors: [Ada]\nseries: S\n")),
        ("content/about.md", "---\ntitle: About\nshow_in_nav: true\n---\nText.\n"),
    ]);
    let built_in = site.render().texts();
    // Whoever writes templates may ask for every field of a page in a list; those built in are handed the few they show.
    site.write("templates/own.html", "{{ page.words }}");
    assert_eq!(site.render().texts(), built_in);
}
