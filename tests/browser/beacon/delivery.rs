//! What becomes of events when the server cannot be reached, has no time, or the page is left.

use http::StatusCode;
use serde_json::json;

use super::{SITE, paths, settle};
use crate::support::{Browser, Hosted, until_true};

#[tokio::test]
async fn a_view_made_while_the_server_is_away_arrives_later() {
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
async fn a_view_made_offline_arrives_later() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    browser.go(&site.url("/herons/")).await;
    site.wire.until_taken("view", 1).await;
    let network = async |is_offline: bool| {
        let conditions = json!({
            "offline": is_offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1
        });
        browser.devtools("Network.emulateNetworkConditions", conditions).await;
    };
    browser.devtools("Network.enable", json!({})).await;
    network(true).await;
    browser.run("history.pushState(null, '', '/owls/')").await;
    browser.pass(31_000).await;
    let answer = "fetch('/_/health').then(() => done('answered'), () => done('offline'))";
    assert_eq!(browser.run_async(answer).await, "offline");
    assert_eq!(paths(&site.wire.taken("view")), ["/herons/"]);

    network(false).await;
    browser.pass(31_000).await;
    assert_eq!(paths(&site.wire.until_taken("view", 2).await), ["/herons/", "/owls/"]);
}

#[tokio::test]
async fn never_are_two_requests_under_way() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    site.wire.hold(true);
    browser.go(&site.url("/herons/")).await;
    until_true("it arrives", async || site.wire.sent().len() == 1).await;
    for _ in 0..3 {
        browser.pass(31_000).await;
    }
    // What the page asks for now arrives after what it would have sent before.
    let ask = "fetch('/_/health').then((answer) => done(answer.status))";
    assert_eq!(browser.run_async(ask).await, 200);
    assert_eq!(site.wire.sent().len(), 1);
    site.wire.hold(false);
    site.wire.until_taken("heartbeat", 1).await;
    settle(&site, &browser).await;
    assert_eq!(site.wire.sent().len(), 2, "of totals that grow the last is enough");
}

#[tokio::test]
async fn how_long_a_page_was_seen_arrives_although_the_page_is_gone() {
    for without in ["", "navigator.sendBeacon = () => false", "navigator.sendBeacon = undefined"] {
        let site = Hosted::new(&SITE).await;
        let browser = Browser::open().await;
        browser.before_each_page(without).await;
        browser.go(&site.url("/herons/")).await;
        site.wire.until_taken("view", 1).await;
        browser.go("about:blank").await;
        let beats = site.wire.until_taken("heartbeat", 1).await;
        assert_eq!(paths(&beats), ["/herons/"], "{without}");
    }
}

#[tokio::test]
async fn what_waits_for_a_server_that_stays_away_is_bounded() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    site.wire.be_busy(true);
    browser.go(&site.url("/herons/")).await;
    browser.run("document.body.dataset.count = 'click'").await;
    browser.run("for (let time = 0; time < 100; time++) document.body.click()").await;
    site.wire.be_busy(false);
    browser.pass(31_000).await;
    let events = site.wire.until_taken("event", 27).await;
    settle(&site, &browser).await;
    assert_eq!((events.len(), site.wire.taken("view").len()), (27, 1), "the first ones are kept");
    browser.pass(31_000).await;
    site.wire.until_taken("heartbeat", 1).await;
}

#[tokio::test]
async fn a_view_that_was_refused_is_kept_while_the_page_is_out_of_sight() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    site.wire.be_busy(true);
    browser.go(&site.url("/herons/")).await;
    until_true("it arrives", async || site.wire.sent().len() == 1).await;
    browser.hide().await;
    until_true("all is tried", async || site.wire.sent().len() == 3).await;
    settle(&site, &browser).await;
    site.wire.be_busy(false);
    browser.show().await;
    site.wire.until_taken("view", 1).await;
}
