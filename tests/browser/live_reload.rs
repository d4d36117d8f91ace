//! Writing with `serve --dev`: open tabs follow what is saved, and say what is wrong with it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::support::{Browser, until_true};

const POST: &str = "content/blog/herons.md";

/// The program as a writer runs it, on a site of one post.
struct Desk {
    program: Child,
    url: String,
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (file, text) in [
            ("tallymark.toml", "title = \"Field notes\"\n"),
            (POST, "---\ntitle: Herons at dusk\ndate: 2026-11-01\n---\n\nThey stand.\n"),
            (
                "content/blog/owls.md",
                "---\ntitle: Owls\ndate: 2026-11-02\ndraft: true\n---\n\nThey sit.\n",
            ),
            ("static/own.css", "h1 { color: rgb(1, 2, 3) }\n"),
            ("templates/base.html", &with_own_styles()),
        ] {
            save(&folder, file, text);
        }
        let mut program = Command::new(env!("CARGO_BIN_EXE_tallymark"))
            .arg("--root")
            .arg(folder.path())
            .args(["serve", "--dev", "--port", "0"])
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(program.stderr.take().expect("it is piped"));
        let mut lines = output.lines().map_while(Result::ok);
        let url = lines
            .find_map(|line| Some(line.split_once("serving ")?.1.trim_end_matches('/').to_owned()));
        // Whatever it says later must be taken, or it would wait.
        std::thread::spawn(move || lines.for_each(drop));
        Self { program, url: url.expect("it says where it serves"), folder }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    fn save(&self, file: &str, text: &str) {
        save(&self.folder, file, text);
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        drop(self.program.kill());
        drop(self.program.wait());
    }
}

fn save(folder: &TempDir, file: &str, text: &str) {
    let file = folder.path().join(file);
    fs::create_dir_all(file.parent().expect("it is below a folder")).unwrap();
    fs::write(file, text).unwrap();
}

/// The built-in frame of a page with another style sheet.
fn with_own_styles() -> String {
    let base = include_str!("../../templates/base.html");
    base.replace(
        "</head>",
        "<link rel=\"stylesheet\" href=\"{{ asset(path=\"own.css\") }}\">\n</head>",
    )
}

const COLOR: &str = "return getComputedStyle(document.querySelector('h1')).color";
const OVERLAY: &str =
    "return document.querySelector('tallymark-problems')?.shadowRoot.textContent ?? ''";

#[tokio::test]
async fn a_page_follows_what_is_saved() {
    let desk = Desk::new();
    let browser = Browser::open().await;
    browser.go(&desk.url("/herons/")).await;
    browser.until_text("article", "They stand.").await;
    desk.save(POST, "---\ntitle: Herons at dusk\ndate: 2026-11-01\n---\n\nThey fly.\n");
    browser.until_text("article", "They fly.").await;
}

#[tokio::test]
async fn a_page_stays_where_it_was_scrolled_to() {
    const LONG: &str = include_str!("long.md");
    let desk = Desk::new();
    desk.save("content/blog/long.md", LONG);
    let browser = Browser::open().await;
    let is_there = async || {
        browser.go(&desk.url("/long/")).await;
        browser.text("h1").await.as_deref() == Some("A long walk")
    };
    until_true("the new post is served", is_there).await;
    browser.run("scrollTo({ top: 500, behavior: 'instant' })").await;
    desk.save("content/blog/long.md", &LONG.replace("Mile 30", "The last mile"));
    browser.until_text("article", "The last mile").await;
    until_true("it is scrolled", async || browser.run("return scrollY").await == 500).await;
}

#[tokio::test]
async fn a_draft_is_shown_and_marked_while_writing() {
    let desk = Desk::new();
    let browser = Browser::open().await;
    browser.go(&desk.url("/owls/")).await;
    browser.until_text("article", "Draft").await;
    assert_eq!(
        browser.run("return document.querySelectorAll('script[src*=beacon]').length").await,
        0
    );
}

#[tokio::test]
async fn a_style_changes_without_the_page_being_loaded_again() {
    let desk = Desk::new();
    let browser = Browser::open().await;
    browser.go(&desk.url("/herons/")).await;
    assert_eq!(browser.run(COLOR).await, "rgb(1, 2, 3)");
    browser.run("window.wasNotReloaded = true").await;
    desk.save("static/own.css", "h1 { color: rgb(4, 5, 6) }\n");
    until_true("the style has changed", async || browser.run(COLOR).await == "rgb(4, 5, 6)").await;
    assert_eq!(browser.run("return window.wasNotReloaded").await, true);
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_mistake_lies_over_the_page_until_it_is_mended() {
    let desk = Desk::new();
    let browser = Browser::open().await;
    browser.go(&desk.url("/herons/")).await;
    assert_eq!(browser.run(OVERLAY).await, "");
    desk.save(POST, "---\ntitle: Herons at dusk\ndate: soon\n---\n\nThey fly.\n");
    let says = async |part: &str| {
        browser.run(OVERLAY).await.as_str().is_some_and(|text| text.contains(part))
    };
    until_true("the place of the mistake is shown", async || {
        says("content/blog/herons.md:3:7").await
    })
    .await;
    for part in ["1 error", "`date` is not a date: `soon`", "write `date` as `2026-11-24`"] {
        assert!(says(part).await, "{}", browser.run(OVERLAY).await);
    }
    browser.until_text("article", "They stand.").await;
    desk.save(POST, "---\ntitle: Herons at dusk\ndate: 2026-11-01\n---\n\nThey fly.\n");
    browser.until_text("article", "They fly.").await;
    until_true("the mistake is gone", async || browser.run(OVERLAY).await == "").await;
}
