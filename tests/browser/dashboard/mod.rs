//! The dashboard: live, by title, complete without scripts, and unmoved by what strangers write into it.

use std::time::{Duration, Instant};

mod controls;
mod everyone;
mod strangers;

use super::support::{Browser, Hosted, Wishes, until_true};

const SITE: [(&str, &str); 3] = [
    ("tallymark.toml", "title = \"Field notes\"\n"),
    (
        "content/blog/herons.md",
        "---\ntitle: Herons at dusk\ndate: 2026-11-01\n---\n\nThey stand.\n",
    ),
    ("content/about.md", "---\ntitle: About me\n---\n\nI watch birds.\n"),
];

const NOW: &str = "[data-stat=now]";
const READ_NOW: &str = "[data-stat=activeByPath]";
const PAGES: &str = "[data-stat=pageStats]";

#[tokio::test]
async fn a_reader_shows_within_two_seconds_and_leaves_after_two_minutes() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    browser.go(&site.url("/stats/")).await;
    browser.until_text("[data-stat=connection]", "Live").await;
    browser.run("window.wasNotReloaded = true").await;
    let dashboard = browser.window().await;

    browser.open_window().await;
    browser.go(&site.url("/herons/")).await;
    site.until_views(1).await;
    let counted = Instant::now();
    let post = browser.window().await;
    browser.turn_to(&dashboard).await;
    browser.until_text(READ_NOW, "Herons at dusk 1").await;
    assert!(counted.elapsed() < Duration::from_secs(2), "{:?}", counted.elapsed());
    browser.until_text(NOW, "One person is reading right now.").await;

    browser.turn_to(&post).await;
    for _ in 0..3 {
        browser.reload().await;
    }
    browser.go("about:blank").await;
    let arrived = async || (site.wire.viewings("view"), site.wire.viewings("heartbeat")) == (4, 4);
    until_true("the beginning and the end of each viewing arrive", arrived).await;
    site.pass(Duration::from_mins(2));
    browser.turn_to(&dashboard).await;
    browser.until_text(NOW, "Nobody is reading right now.").await;
    browser.until_text(PAGES, "Herons at dusk ↗ 1 1").await;
    assert_eq!(site.numbers().total_page_views, 1, "reloading is not another view");
    assert_eq!(browser.run("return window.wasNotReloaded").await, true);
}

#[tokio::test]
async fn who_turns_from_a_post_to_the_dashboard_sees_the_post() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    browser.go(&site.url("/herons/")).await;
    site.until_views(1).await;
    browser.open_window().await;
    browser.go(&site.url("/stats/")).await;
    browser.until_text("[data-stat=connection]", "Live").await;
    browser.pass(31_000).await;
    browser.run_async("fetch('/_/health').then(done)").await;
    browser.until_text(READ_NOW, "Herons at dusk 1").await;
    site.pass(Duration::from_mins(2));
    browser.until_text(NOW, "Nobody is reading right now.").await;
}

#[tokio::test]
async fn the_dashboard_is_complete_without_scripts() {
    let site = Hosted::new(&SITE).await;
    let reader = Browser::open().await;
    reader.go(&site.url("/herons/")).await;
    site.until_views(1).await;

    let browser = Browser::with(Wishes { no_scripts: true, ..Wishes::default() }).await;
    browser.go(&site.url("/stats/")).await;
    for (part, text) in [
        ("[data-stat=connection]", "Reload for newer numbers"),
        (NOW, "One person is reading right now."),
        ("[data-stat=total]", "1 view by 1 visitor since 24 November 2026."),
        (".cards", "Posts 1"),
        (READ_NOW, "Herons at dusk 1"),
        (PAGES, "Herons at dusk ↗ 1 1"),
    ] {
        let shown = browser.text(part).await.unwrap_or_default();
        assert!(shown.contains(text), "`{part}` says `{shown}`, not `{text}`");
    }
    browser.click("[data-stat=pageStats] a").await;
    browser.until_text(".post-name", "Herons at dusk").await;
    browser.click(".post-name a").await;
    browser.until_text("h1", "Herons at dusk").await;
    assert_eq!(browser.run("return localStorage.length").await, 0, "no script of the page has run");
}

#[tokio::test]
async fn an_open_dashboard_follows_a_title_that_changes() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    browser.go(&site.url("/herons/")).await;
    site.until_views(1).await;
    browser.go(&site.url("/stats/")).await;
    browser.until_text(PAGES, "Herons at dusk ↗ 1 1").await;
    browser.run("window.wasNotReloaded = true").await;
    let renamed =
        "---\ntitle: Herons at dawn\ndate: 2026-11-01\nslug: herons\n---\n\nThey stand.\n";
    site.save(&[("content/blog/herons.md", renamed)]);
    browser.until_text(PAGES, "Herons at dawn ↗ 1 1").await;
    browser.until_text(READ_NOW, "Herons at dawn 1").await;
    assert_eq!(browser.run("return window.wasNotReloaded").await, true);
}

#[tokio::test]
async fn an_open_dashboard_says_when_it_is_cut_off_and_catches_up() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    browser.go(&site.url("/herons/")).await;
    site.until_views(1).await;
    browser.go(&site.url("/stats/")).await;
    browser.until_text("[data-stat=connection]", "Live").await;
    browser.run("window.wasNotReloaded = true").await;
    site.wire.cut();
    browser.until_text("[data-stat=connection]", "reconnecting").await;
    site.pass(Duration::from_mins(2));
    browser.until_text(NOW, "One person is reading right now.").await;
    site.wire.mend();
    browser.until_text("[data-stat=connection]", "Live").await;
    browser.until_text(NOW, "Nobody is reading right now.").await;
    assert_eq!(browser.run("return window.wasNotReloaded").await, true);
}

#[tokio::test]
async fn a_page_that_moves_takes_its_views_along() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    browser.go(&site.url("/herons/")).await;
    site.until_views(1).await;
    let moved = "---\ntitle: Herons at dusk\ndate: 2026-11-01\nslug: grey-herons\naliases: [/herons/]\n---\n";
    site.save(&[("content/blog/herons.md", moved)]);
    site.pass(Duration::from_mins(31));
    browser.go(&site.url("/herons/")).await;
    assert_eq!(browser.run("return location.pathname").await, "/grey-herons/");
    site.until_views(2).await;
    browser.go(&site.url("/stats/")).await;
    browser.until_text(PAGES, "Herons at dusk ↗ 2 1").await;
    assert_eq!(
        browser
            .run("return document.querySelectorAll('[data-stat=pageStats] tbody tr').length")
            .await,
        1
    );
}
