//! The beacon: what it sends when, and above all when it sends nothing.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};

use super::support::{Browser, Hosted, Wishes, until_true};

const SITE: [(&str, &str); 4] = [
    ("tallymark.toml", "title = \"Field notes\"\n"),
    (
        "content/blog/herons.md",
        "---\ntitle: Herons at dusk\ndate: 2026-11-01\n---\n\nThey stand.\n",
    ),
    ("content/blog/owls.md", "---\ntitle: Owls at night\ndate: 2026-11-02\n---\n\nThey sit.\n"),
    ("content/blog/long.md", include_str!("long.md")),
];

/// Waits until everything has been answered that the page has sent so far.
async fn settle(site: &Hosted, browser: &Browser) {
    // What the page asks for now arrives after what it sent before.
    let ask =
        "fetch('/_/health').then(() => fetch('/_/health')).then((answer) => done(answer.status))";
    assert_eq!(browser.run_async(ask).await, 200);
    let is_answered = async || site.wire.sent().iter().all(|sent| sent.status.is_some());
    until_true("every event is answered", is_answered).await;
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a heartbeat has numbers")
}

fn paths(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["path"].as_str()).collect()
}

#[tokio::test]
async fn a_view_is_counted_once_under_the_path_of_its_page() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    browser.go(&site.url("/herons/?utm_source=letter#top")).await;
    site.wire.until_taken("view", 1).await;
    settle(&site, &browser).await;

    let sent = site.wire.sent();
    assert_eq!(sent.len(), 1, "{sent:#?}");
    let view = &sent[0].event;
    assert_eq!((&view["type"], &view["path"]), (&json!("view"), &json!("/herons/")));
    assert_eq!(view["utmSource"], "letter");
    assert_eq!(view["width"], browser.run("return innerWidth / 100 | 0").await);
    assert_eq!(view["visitor"], browser.run("return localStorage.tallymark").await);
}

#[tokio::test]
async fn the_page_that_led_here_is_told_once() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    browser.go(&site.url("/")).await;
    browser.click("a[href='/owls/']").await;
    let views = site.wire.until_taken("view", 2).await;
    assert_eq!(paths(&views), ["/", "/owls/"]);
    assert_eq!(views[1]["referrer"], site.url("/"));
    assert_eq!(views[0]["visitor"], views[1]["visitor"]);
}

#[tokio::test]
async fn a_tab_that_nobody_has_seen_sends_nothing() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    browser.go("about:blank").await;
    browser.hide().await;
    browser.go(&site.url("/herons/")).await;
    browser.pass(31_000).await;
    settle(&site, &browser).await;
    assert_eq!(browser.run("return document.visibilityState").await, "hidden");
    assert_eq!(site.wire.sent().len(), 0);

    browser.show().await;
    site.wire.until_taken("view", 1).await;
}

#[tokio::test]
async fn a_page_made_ready_in_advance_waits_until_it_is_seen() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    let in_advance =
        "Object.defineProperty(document, 'prerendering', { get: () => !window.isSeen })";
    browser.before_each_page(in_advance).await;
    browser.go(&site.url("/herons/")).await;
    browser.pass(31_000).await;
    settle(&site, &browser).await;
    assert_eq!(site.wire.sent().len(), 0);
    browser.run("isSeen = true; document.dispatchEvent(new Event('prerenderingchange'))").await;
    site.wire.until_taken("view", 1).await;
}

#[tokio::test]
async fn a_heartbeat_says_how_long_the_page_was_seen_and_how_far() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    browser.go(&site.url("/long/")).await;
    let view = site.wire.until_taken("view", 1).await.remove(0);
    browser.pass(31_000).await;
    let beat = site.wire.until_taken("heartbeat", 1).await.remove(0);
    assert_eq!(beat["view"], view["view"]);
    let (engaged, scroll) = (number(&beat["engaged"]), number(&beat["scroll"]));
    assert!((31_000..46_000).contains(&engaged), "{engaged} ms");
    assert!((1..50).contains(&scroll), "{scroll} % at the top of a long page");

    browser.run("scrollTo(0, document.body.scrollHeight)").await;
    browser.pass(6_000).await;
    browser.hide().await;
    let beat = site.wire.until_taken("heartbeat", 2).await.remove(1);
    assert!(number(&beat["scroll"]) >= 100, "{beat}");
    browser.pass(600_000).await;
    browser.show().await;
    browser.pass(31_000).await;
    let engaged = site
        .wire
        .until_taken("heartbeat", 4)
        .await
        .iter()
        .map(|beat| number(&beat["engaged"]))
        .max();
    let engaged = engaged.unwrap();
    assert!((68_000..98_000).contains(&engaged), "{engaged} ms; time out of sight is not engaged");
}

#[tokio::test]
async fn heartbeats_keep_their_distance() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    browser.go(&site.url("/herons/")).await;
    site.wire.until_taken("view", 1).await;
    browser.pass(31_000).await;
    for _ in 0..5 {
        browser.run("for (const tick of tests.ticks) tick.act()").await;
    }
    site.wire.until_taken("heartbeat", 1).await;
    settle(&site, &browser).await;
    assert_eq!(site.wire.taken("heartbeat").len(), 1);
    assert_eq!(browser.run("return tests.ticks.map((tick) => tick.every)").await, json!([30_000]));
}

#[tokio::test]
async fn a_page_that_comes_back_from_the_cache_is_a_new_viewing() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    browser.go(&site.url("/herons/")).await;
    browser.run("window.isKept = true").await;
    site.wire.until_taken("view", 1).await;
    browser.go(&site.url("/owls/")).await;
    site.wire.until_taken("view", 2).await;
    site.pass(Duration::from_mins(30));
    browser.back().await;
    assert_eq!(browser.run("return window.isKept").await, true, "it was not loaded again");
    let views = site.wire.until_taken("view", 3).await;
    assert_eq!(paths(&views), ["/herons/", "/owls/", "/herons/"]);
    assert_eq!(site.wire.viewings("view"), 3);
    assert_eq!(site.numbers().total_page_views, 3);
}

#[tokio::test]
async fn a_reader_whose_browser_keeps_nothing_is_counted() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::with(Wishes { no_storage: true, ..Wishes::default() }).await;
    browser.go(&site.url("/herons/")).await;
    let storage = "try { return typeof localStorage } catch (error) { return error.name }";
    assert_eq!(browser.run(storage).await, "SecurityError");
    site.wire.until_taken("view", 1).await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn who_does_not_want_to_be_counted_says_so_in_the_address() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    browser.go(&site.url("/herons/")).await;
    site.wire.until_taken("view", 1).await;

    browser.run("setTimeout(() => { location.hash = 'dont-count' })").await;
    assert_eq!(browser.close_dialog().await, "This browser is not counted");
    browser.go(&site.url("/owls/")).await;
    browser.pass(31_000).await;
    settle(&site, &browser).await;
    assert_eq!(paths(&site.wire.taken("view")), ["/herons/"]);

    browser.run("setTimeout(() => { location.hash = 'dont-count' })").await;
    assert_eq!(browser.close_dialog().await, "This browser is counted");
    browser.go(&site.url("/long/")).await;
    assert_eq!(paths(&site.wire.until_taken("view", 2).await), ["/herons/", "/long/"]);
}

#[tokio::test]
async fn a_browser_that_asks_for_privacy_sends_nothing() {
    for wish in ["globalPrivacyControl: { value: true }", "doNotTrack: { value: '1' }"] {
        let site = Hosted::new(&SITE).await;
        let browser = Browser::open().await;
        let script = format!("Object.defineProperties(navigator, {{ {wish} }})");
        browser.before_each_page(&script).await;
        browser.go(&site.url("/herons/")).await;
        browser.pass(31_000).await;
        settle(&site, &browser).await;
        assert_eq!(site.wire.sent().len(), 0, "{wish}");
        assert_eq!(browser.run("return localStorage.length").await, 0, "{wish}");
    }
}

#[tokio::test]
async fn a_proxy_that_asks_for_privacy_is_heard_too() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    browser.devtools("Network.enable", json!({})).await;
    let headers = json!({ "headers": { "Sec-GPC": "1" } });
    browser.devtools("Network.setExtraHTTPHeaders", headers).await;
    browser.go(&site.url("/herons/")).await;
    until_true("it arrives", async || site.wire.sent().len() == 1).await;
    settle(&site, &browser).await;
    assert_eq!(site.wire.sent()[0].status, Some(StatusCode::FORBIDDEN));
    browser.pass(31_000).await;
    settle(&site, &browser).await;
    let views = site.wire.sent().into_iter().filter(|sent| sent.event["type"] == "view").count();
    assert_eq!(views, 1, "what is refused for good is not tried again");
    assert_eq!(site.numbers().total_page_views, 0);
}

#[tokio::test]
async fn a_view_made_offline_arrives_later() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    browser.go("about:blank").await;
    browser.hide().await;
    browser.go(&site.url("/herons/")).await;
    site.wire.cut();
    browser.show().await;
    let answer = "fetch('/_/health').then(() => done('answered'), () => done('offline'))";
    assert_eq!(browser.run_async(answer).await, "offline");
    browser.pass(31_000).await;
    assert_eq!(browser.run_async(answer).await, "offline");
    assert_eq!(site.wire.sent().len(), 0);

    site.wire.mend();
    browser.pass(31_000).await;
    site.wire.until_taken("view", 1).await;
    assert_eq!(site.wire.taken("view").len(), 1);
}

#[tokio::test]
async fn what_a_busy_server_refuses_arrives_once_it_has_time() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    site.wire.be_busy(true);
    browser.go(&site.url("/herons/")).await;
    until_true("it arrives", async || site.wire.sent().len() == 1).await;
    settle(&site, &browser).await;
    assert_eq!(site.wire.sent()[0].status, Some(StatusCode::SERVICE_UNAVAILABLE));
    site.wire.be_busy(false);
    browser.pass(31_000).await;
    site.wire.until_taken("view", 1).await;
    site.wire.until_taken("heartbeat", 1).await;
    browser.pass(31_000).await;
    site.wire.until_taken("heartbeat", 2).await;
    let refused = &site.wire.sent()[0].event;
    let views = site.wire.taken("view");
    assert_eq!(views.len(), 1, "it is not sent again");
    assert_eq!(&views[0], refused);
}

#[tokio::test]
async fn another_path_without_another_document_is_another_view() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    browser.go(&site.url("/herons/")).await;
    site.wire.until_taken("view", 1).await;
    browser.run("location.hash = 'wings'").await;
    browser.run("history.replaceState(null, '', '/herons/?page=2')").await;
    browser.run("history.pushState(null, '', '/herons/?page=3')").await;
    browser.run("history.pushState(null, '', '/owls/')").await;
    site.wire.until_taken("view", 2).await;
    browser.run("history.replaceState(null, '', '/long/')").await;
    settle(&site, &browser).await;
    assert_eq!(paths(&site.wire.taken("view")), ["/herons/", "/owls/"]);
}

#[tokio::test]
async fn no_cookie_is_set_and_nothing_leaves_the_site() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    browser.requested().await;
    for path in ["/", "/herons/", "/stats/", "/nothing-here/"] {
        browser.go(&site.url(path)).await;
        settle(&site, &browser).await;
        assert_eq!(browser.run("return tests.violations").await, json!([]));
    }
    site.wire.until_taken("view", 3).await;
    assert_eq!(browser.cookies().await, Vec::<Value>::new());
    assert!(!site.wire.has_cookie());
    let requested = browser.requested().await;
    assert!(requested.contains(&site.url("/_/event")), "{requested:#?}");
    let is_foreign = |url: &&String| url.contains("://") && !url.starts_with(&site.url("/"));
    assert_eq!(requested.iter().filter(is_foreign).collect::<Vec<_>>(), Vec::<&String>::new());
}
