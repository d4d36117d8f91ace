//! How long a page was seen, and how far down.

use serde_json::json;

use super::{SITE, number, settle};
use crate::support::{Browser, Hosted, until_true};

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
    assert_eq!(engaged, 30_000, "ms");
    assert!((1..50).contains(&scroll), "{scroll} % at the top of a long page");

    browser.run("scrollTo(0, document.body.scrollHeight)").await;
    browser.pass(6_000).await;
    browser.hide().await;
    let beat = site.wire.until_taken("heartbeat", 2).await.remove(1);
    assert_eq!(beat["scroll"], 100);
    browser.pass(600_000).await;
    browser.show().await;
    // What is still under way is replaced by what comes after it.
    site.wire.until_taken("heartbeat", 3).await;
    browser.pass(31_000).await;
    let engaged = site
        .wire
        .until_taken("heartbeat", 4)
        .await
        .iter()
        .map(|beat| number(&beat["engaged"]))
        .max();
    let engaged = engaged.unwrap();
    assert!((66_000..96_000).contains(&engaged), "{engaged} ms; time out of sight is not engaged");
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
async fn the_clock_of_the_machine_may_be_wrong_and_change() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    browser.go(&site.url("/herons/")).await;
    site.wire.until_taken("view", 1).await;
    for (now, engaged) in [("864e13", 30_000), ("0", 60_000)] {
        browser.run(&format!("Date.now = () => {now}")).await;
        browser.pass(30_000).await;
        let is_said = async || {
            let beats = site.wire.taken("heartbeat");
            beats.last().is_some_and(|beat| beat["engaged"] == engaged)
        };
        until_true("the time is what passed", is_said).await;
    }
}

#[tokio::test]
async fn time_that_a_machine_slept_is_not_engaged() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    browser.go(&site.url("/herons/")).await;
    site.wire.until_taken("view", 1).await;
    browser.pass(30_000).await;
    site.wire.until_taken("heartbeat", 1).await;
    browser.pass(8 * 3_600_000).await;
    let beat = site.wire.until_taken("heartbeat", 2).await.remove(1);
    assert_eq!(
        beat["engaged"], 60_000,
        "a clock that goes on while the machine sleeps is no reader"
    );
}

#[tokio::test]
async fn time_that_a_page_was_frozen_is_not_engaged() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    browser.go(&site.url("/herons/")).await;
    site.wire.until_taken("view", 1).await;
    for state in ["frozen", "active"] {
        browser.devtools("Page.setWebLifecycleState", json!({ "state": state })).await;
    }
    // That page is out of sight.
    site.wire.until_taken("heartbeat", 1).await;
    browser.pass(600_000).await;
    browser.hide().await;
    browser.show().await;
    site.wire.until_taken("heartbeat", 2).await;
    browser.pass(30_000).await;
    let beats = site.wire.until_taken("heartbeat", 3).await;
    let engaged = number(&beats[2]["engaged"]);
    assert!((30_000..60_000).contains(&engaged), "{engaged} ms");
}

#[tokio::test]
async fn what_comes_after_the_article_is_not_part_of_it() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    browser.go(&site.url("/long/")).await;
    site.wire.until_taken("view", 1).await;
    let half = "const comments = document.createElement('aside');
        comments.style.height = '20000px';
        const article = document.querySelector('article');
        article.after(comments);
        const box = article.getBoundingClientRect();
        scrollTo(0, scrollY + box.top + box.height / 2 - innerHeight)";
    browser.run(half).await;
    browser.pass(30_000).await;
    let beat = site.wire.until_taken("heartbeat", 1).await.remove(0);
    assert!((49..=50).contains(&number(&beat["scroll"])), "{beat}");

    browser.run("scrollTo(0, document.body.scrollHeight)").await;
    browser.pass(30_000).await;
    let beat = site.wire.until_taken("heartbeat", 2).await.remove(1);
    assert_eq!(beat["scroll"], 100);
    browser.run("scrollTo(0, 0)").await;
    browser.pass(30_000).await;
    let beat = site.wire.until_taken("heartbeat", 3).await.remove(2);
    assert_eq!(beat["scroll"], 100, "what was seen stays seen");
}

#[tokio::test]
async fn who_looks_away_and_back_at_once_is_not_heard_twice() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    browser.go(&site.url("/herons/")).await;
    site.wire.until_taken("view", 1).await;
    browser.hide().await;
    site.wire.until_taken("heartbeat", 1).await;
    browser.run("performance.now = () => 1").await;
    browser.show().await;
    browser.hide().await;
    browser.pass(60_000).await;
    settle(&site, &browser).await;
    assert_eq!(site.wire.taken("heartbeat").len(), 1);
}

#[tokio::test]
async fn a_list_of_articles_is_measured_as_a_whole() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    browser.go(&site.url("/")).await;
    site.wire.until_taken("view", 1).await;
    let articles = browser.run("return document.querySelectorAll('article').length").await;
    assert_eq!(articles, 3);
    browser.run("document.body.style.paddingBottom = '20000px'").await;
    browser.pass(30_000).await;
    let beat = site.wire.until_taken("heartbeat", 1).await.remove(0);
    assert!(number(&beat["scroll"]) < 10, "{beat}");
}
