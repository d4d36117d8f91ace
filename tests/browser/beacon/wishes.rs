//! What readers and their browsers wish, and what the beacon does without.

use http::StatusCode;
use serde_json::{Value, json};

use super::{SITE, paths, settle};
use crate::support::{Browser, Hosted, Wishes, until_true};

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
    assert_eq!(browser.close_dialog().await, "Counting is off");
    assert_eq!(browser.run("return localStorage.tallymark").await, "off", "the id is forgotten");
    browser.go(&site.url("/owls/")).await;
    browser.pass(31_000).await;
    browser.run("document.body.dataset.count = 'anything'; document.body.click()").await;
    settle(&site, &browser).await;
    assert_eq!(site.wire.sent().len(), 1, "{:#?}", site.wire.sent());

    browser.run("setTimeout(() => { location.hash = 'dont-count' })").await;
    assert_eq!(browser.close_dialog().await, "Counting is on");
    browser.go(&site.url("/long/")).await;
    let views = site.wire.until_taken("view", 2).await;
    assert_eq!(paths(&views), ["/herons/", "/long/"]);
    assert_ne!(views[0]["visitor"], views[1]["visitor"], "who comes back is somebody else");
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

#[tokio::test]
async fn a_reader_whose_storage_is_full_is_counted() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    browser.go(&site.url("/stats/")).await;
    let fill = "for (let size = 1 << 23; size; size >>= 1)
            try { localStorage[size] = '-'.repeat(size) } catch {}
        try { localStorage.tallymark = '-' } catch (error) { return error.name }";
    assert_eq!(browser.run(fill).await, "QuotaExceededError");
    browser.go(&site.url("/herons/")).await;
    site.wire.until_taken("view", 1).await;
    browser.run("history.pushState(null, '', '/owls/')").await;
    let views = site.wire.until_taken("view", 2).await;
    assert_eq!(views[0]["visitor"], views[1]["visitor"], "the id lasts as long as the page");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_reader_of_a_site_without_https_is_counted() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    browser.before_each_page("delete Crypto.prototype.randomUUID").await;
    browser.go(&site.url("/herons/")).await;
    browser.go(&site.url("/owls/")).await;
    let views = site.wire.until_taken("view", 2).await;
    assert_eq!(views[0]["visitor"], views[1]["visitor"]);
    let id = views[0]["visitor"].as_str().unwrap_or_default();
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
}

#[tokio::test]
async fn the_mode_without_visitors_keeps_nothing_in_the_browser() {
    let mut files = SITE;
    files[0].1 = "title = \"Field notes\"\n[analytics]\nvisitor_id = \"none\"\n";
    let site = Hosted::new(&files).await;
    let browser = Browser::open().await;
    browser.go(&site.url("/herons/")).await;
    let view = site.wire.until_taken("view", 1).await.remove(0);
    assert_eq!(view["visitor"], "");
    assert_eq!(browser.run("return localStorage.length").await, 0);
}

#[tokio::test]
async fn what_still_waits_when_a_reader_opts_out_is_not_sent() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    site.wire.be_busy(true);
    browser.go(&site.url("/herons/")).await;
    until_true("it arrives", async || site.wire.sent().len() == 1).await;
    settle(&site, &browser).await;
    browser.run("setTimeout(() => { location.hash = 'dont-count' })").await;
    assert_eq!(browser.close_dialog().await, "Counting is off");
    site.wire.be_busy(false);
    browser.pass(31_000).await;
    settle(&site, &browser).await;
    assert_eq!(site.wire.sent().len(), 1);
}
