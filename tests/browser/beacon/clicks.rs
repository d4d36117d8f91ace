//! Links to elsewhere, downloads, and what the author has given a name to.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{SITE, settle};
use crate::support::{Browser, Hosted, until};

/// A site with a page of things to click on at `/cranes/`, and one at another origin that its links lead to.
struct Scene {
    site: Hosted,
    other: Hosted,
    browser: Browser,
}

impl Scene {
    async fn open() -> Self {
        let other = Hosted::new(&SITE).await;
        let page = page(&other);
        let mut files = SITE.to_vec();
        files.extend([("content/blog/cranes.md", page.as_str()), ("static/birds.pdf", "%PDF-1.7")]);
        files.extend([("static/birds.txt", "Crane")]);
        let site = Hosted::new(&files).await;
        let browser = Browser::open().await;
        browser.go(&site.url("/cranes/")).await;
        site.wire.until_taken("view", 1).await;
        Self { site, other, browser }
    }

    /// Waits until so many events were taken, and gives the name and the address of the last.
    async fn last(&self, count: usize) -> (Value, Value) {
        let events = self.site.wire.until_taken("event", count).await;
        let last = &events[count - 1];
        (last["name"].clone(), last["props"]["url"].clone())
    }

    /// Keeps the page from being left, whatever is clicked on.
    async fn stay(&self) {
        self.browser.run("onclick = onsubmit = (event) => event.preventDefault()").await;
    }

    /// How much has happened that was sent, be it twice because the page was left before the answer came.
    async fn sent(&self) -> usize {
        settle(&self.site, &self.browser).await;
        let sent = self.site.wire.sent();
        let events = sent.iter().filter(|sent| sent.event["type"] == "event");
        events.map(|sent| sent.event["event"].to_string()).collect::<HashSet<_>>().len()
    }
}

fn page(other: &Hosted) -> String {
    format!(
        "---\ntitle: Cranes\ndate: 2026-11-04\n---\n\n\
         <p><a id=\"out\" href=\"{}\"><b>Elsewhere</b></a>\n\
         <a id=\"own\" href=\"/owls/\">Owls</a>\n\
         <a id=\"file\" href=\"/birds.pdf?page=2\">Birds</a>\n\
         <a id=\"saved\" href=\"/birds.txt\" download>Birds</a>\n\
         <a id=\"letter\" href=\"mailto:jane@example.org\">Write</a>\n\
         <a id=\"anchor\">Nowhere</a>\n\
         <svg id=\"drawing\" width=\"9\" height=\"9\"><a href=\"{}\"><rect width=\"9\" height=\"9\"/></a></svg></p>\n\
         <button id=\"button\" data-count=\"ask\"><b id=\"child\">Ask</b></button>\n\
         <form id=\"form\" data-count=\"subscribe\" action=\"/owls/\"><input id=\"field\" name=\"q\">\n\
         <button id=\"send\">Send</button></form>\n",
        other.url("/herons/?token=secret#top"),
        other.url("/owls/"),
    )
}

#[tokio::test]
async fn a_link_to_another_site_is_counted_although_it_is_followed_at_once() {
    let scene = Scene::open().await;
    scene.browser.click("#out b").await;
    let event = scene.site.wire.until_taken("event", 1).await.remove(0);
    let view = &scene.site.wire.taken("view")[0];
    for field in ["view", "visitor", "path"] {
        assert_eq!(event[field], view[field]);
    }
    assert_eq!(event["name"], "outbound");
    assert_eq!(event["props"], json!({ "url": scene.other.url("/herons/") }), "without its query");
    let id = event["event"].as_str().unwrap_or_default();
    assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    scene.other.wire.until_taken("view", 1).await;
}

#[tokio::test]
async fn a_click_arrives_although_the_page_is_gone_before_the_last_event_is_answered() {
    let scene = Scene::open().await;
    scene.site.wire.hold(true);
    scene.browser.pass(31_000).await;
    scene.browser.click("#out").await;
    scene.other.wire.until_taken("view", 1).await;
    scene.site.wire.hold(false);
    assert_eq!(scene.last(1).await.0, "outbound");
}

#[tokio::test]
async fn a_link_is_followed_with_the_keyboard_and_in_another_tab_too() {
    let scene = Scene::open().await;
    let address = json!(scene.other.url("/herons/"));
    scene.browser.press("middle", "#out").await;
    assert_eq!(scene.last(1).await, (json!("outbound"), address.clone()));
    scene.browser.press("right", "#out").await;
    assert_eq!(scene.sent().await, 1, "whoever opens the menu has not followed the link");
    scene.stay().await;
    scene.browser.enter("#out").await;
    assert_eq!(scene.last(2).await, (json!("outbound"), address));
}

#[tokio::test]
async fn what_leads_nowhere_or_stays_on_the_site_is_not_counted() {
    let scene = Scene::open().await;
    scene.stay().await;
    for css in ["#own", "#letter", "#anchor", "#drawing rect", "#field", "h1"] {
        scene.browser.press("left", css).await;
    }
    scene.browser.run("document.dispatchEvent(new Event('click'))").await;
    assert_eq!(scene.sent().await, 0);
    scene.browser.run("navigation.reload()").await;
    scene.site.wire.until_taken("view", 2).await;
    scene.browser.click("#own").await;
    scene.site.wire.until_taken("view", 3).await;
    assert_eq!(scene.sent().await, 0);
    assert_eq!(scene.browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn downloads_are_known_by_their_ending_or_as_the_author_says() {
    let scene = Scene::open().await;
    scene.stay().await;
    scene.browser.click("#file").await;
    assert_eq!(scene.last(1).await, (json!("download"), json!(scene.site.url("/birds.pdf"))));
    scene.browser.click("#saved").await;
    assert_eq!(scene.last(2).await, (json!("download"), json!(scene.site.url("/birds.txt"))));
    let elsewhere = "document.querySelector('#out').href = arguments[0]";
    let address = scene.other.url("/Birds.ZIP");
    scene.browser.run(&elsewhere.replace("arguments[0]", &format!("'{address}'"))).await;
    scene.browser.click("#out").await;
    assert_eq!(scene.last(3).await, (json!("download"), json!(address)));
}

#[tokio::test]
async fn what_the_author_has_named_is_counted_by_that_name() {
    let scene = Scene::open().await;
    scene.stay().await;
    scene.browser.click("#button").await;
    assert_eq!(scene.last(1).await, (json!("ask"), json!("")));
    scene.browser.press("left", "#child").await;
    assert_eq!(scene.last(2).await.0, "ask");
    scene.browser.run("document.querySelector('#out').dataset.count = 'source'").await;
    scene.browser.click("#out").await;
    let address = json!(scene.other.url("/herons/"));
    assert_eq!(scene.last(3).await, (json!("source"), address), "one click has one name");
    scene.browser.run("document.querySelector('#letter').dataset.count = 'write'").await;
    scene.browser.click("#letter").await;
    assert_eq!(scene.last(4).await, (json!("write"), json!("")), "nobody's address is sent");
}

#[tokio::test]
async fn a_form_is_counted_when_it_is_sent() {
    let scene = Scene::open().await;
    scene.browser.press("left", "#field").await;
    scene.browser.press("left", "#form").await;
    assert_eq!(scene.sent().await, 0);
    scene.browser.enter("#field").await;
    assert_eq!(scene.last(1).await, (json!("subscribe"), json!("")));
    let arrives = async || (scene.site.wire.taken("view").len() == 2).then_some(());
    until("the page that it leads to is counted", arrives).await;
    assert_eq!(scene.sent().await, 1);
}

#[tokio::test]
async fn a_click_on_a_page_that_was_not_counted_is_not_counted() {
    let scene = Scene::open().await;
    let browser = &scene.browser;
    browser.before_each_page("navigator.globalPrivacyControl = true").await;
    browser.reload().await;
    scene.stay().await;
    let before = scene.site.wire.sent().len();
    browser.click("#button").await;
    browser.click("#out").await;
    settle(&scene.site, browser).await;
    assert_eq!(scene.site.wire.sent().len(), before);
}

#[tokio::test]
async fn a_page_that_was_left_by_a_link_comes_back_as_it_was() {
    let scene = Scene::open().await;
    scene.browser.run("window.isKept = true").await;
    scene.site.wire.hold(true);
    scene.browser.click("#out").await;
    scene.other.wire.until_taken("view", 1).await;
    scene.browser.back().await;
    assert_eq!(
        scene.browser.run("return window.isKept").await,
        true,
        "no request stands in the way"
    );
    scene.site.wire.hold(false);
    scene.site.wire.until_taken("view", 2).await;
    assert_eq!(scene.sent().await, 1, "what is sent twice has one id");
}
