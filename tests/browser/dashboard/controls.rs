//! What clicks and keys do on the dashboard: each leads to an address, and the way back leads back.

use serde_json::json;

use super::{PAGES, SITE};
use crate::support::{Browser, Hosted, Wishes, until_true};

/// A site with a reader who looks at the dashboard.
async fn dashboard() -> (Hosted, Browser) {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    browser.go(&site.url("/about/")).await;
    browser.go(&site.url("/herons/")).await;
    site.until_views(2).await;
    browser.go(&site.url("/stats/")).await;
    browser.until_text("[data-stat=connection]", "Live").await;
    (site, browser)
}

/// Sends a view of the post by another visitor.
async fn view_by(browser: &Browser, visitor: u64) {
    let event = json!({
        "type": "view", "view": format!("{visitor:016x}"), "path": "/herons/",
        "visitor": format!("6ba7b810-9dad-41d1-80b4-{visitor:012x}"),
    });
    let send = "return fetch('/_/event', { method: 'POST', body: JSON.stringify(arguments[0]) }).then(() => true)";
    browser.run_with(send, event).await;
}

async fn until_query(browser: &Browser, query: &str) {
    let is_there = async || browser.run("return location.search").await == query;
    until_true(&format!("the address says `{query}`"), is_there).await;
}

#[tokio::test]
async fn keys_choose_times_and_filters_end_with_escape() {
    let (_site, browser) = dashboard().await;
    for (key, query) in [
        ("w", "?period=7d"),
        ("x", "?period=7d&compare=previous"),
        ("x", "?period=7d"),
        ("ArrowLeft", "?from=2026-11-11&to=2026-11-17"),
        ("ArrowRight", "?from=2026-11-18&to=2026-11-24"),
        ("M", "?period=month"),
        ("y", "?period=year"),
        ("d", "?period=24h"),
        ("f", "?period=24h&fewer=1"),
        ("f", "?period=24h"),
        ("a", ""),
    ] {
        browser.key(key).await;
        until_query(&browser, query).await;
    }
    browser.click("[data-stat=pageStats] [data-path=\"/herons/\"] [dir]").await;
    until_query(&browser, "?page=%2Fherons%2F").await;
    browser.until_text(".post-name", "Herons at dusk").await;
    browser.key("Escape").await;
    until_query(&browser, "").await;
    browser.back().await;
    until_query(&browser, "?page=%2Fherons%2F").await;
    browser.until_text(".post-name", "Herons at dusk").await;
}

#[tokio::test]
async fn a_click_filters_and_the_next_one_does_so_no_longer() {
    let (site, browser) = dashboard().await;
    for visitor in 1..=2 {
        view_by(&browser, visitor).await;
    }
    browser.go(&site.url("/stats/")).await;
    browser.click("[data-part=Readers] tbody a").await;
    let filtered = browser.run("return location.search").await;
    assert!(filtered.as_str().unwrap().contains('='), "{filtered}");
    assert_eq!(browser.run("return document.querySelectorAll('.pill').length").await, 1);
    browser.click(".pill").await;
    until_query(&browser, "").await;
    browser.back().await;
    browser.click("[data-part=Readers] tbody a[aria-current]").await;
    until_query(&browser, "").await;
}

#[tokio::test]
async fn the_chart_tells_exact_numbers_and_leads_to_a_day() {
    let (_site, browser) = dashboard().await;
    browser.key("w").await;
    until_query(&browser, "?period=7d").await;
    browser.until_text("[data-stat=connection]", "Live").await;
    let last = ".plot svg a:last-of-type";
    browser.point_at(last).await;
    let told = "24 November 2026: 2 views, 1 visitor";
    browser.until_text("[data-stat=readout]", told).await;
    browser.point_at("h1").await;
    browser.run("document.querySelector('.plot svg a:last-of-type').focus()").await;
    browser.until_text("[data-stat=readout]", told).await;
    browser.key("ArrowLeft").await;
    browser.until_text("[data-stat=readout]", "23 November 2026: 0 views, 0 visitors").await;
    assert_eq!(
        browser.run("return document.querySelectorAll('.plot svg a[tabindex=\"0\"]').length").await,
        1,
        "the chart is one stop of the tab key"
    );
    browser.key("ArrowRight").await;
    browser.key("Enter").await;
    until_query(&browser, "?from=2026-11-24&to=2026-11-24").await;
}

#[tokio::test]
async fn the_sheet_of_keys_can_turn_them_off() {
    let (_site, browser) = dashboard().await;
    browser.key("?").await;
    browser.until_text("dialog", "w 7 days").await;
    browser.key("Escape").await;
    let is_closed =
        async || browser.run("return document.querySelector('dialog').open").await == false;
    until_true("the sheet is closed", is_closed).await;
    browser.click("[data-stat=keys]").await;
    browser.click("dialog button:last-of-type").await;
    until_true("the sheet is closed", is_closed).await;
    browser.key("w").await;
    browser.key("?").await;
    assert_eq!(browser.run("return document.querySelector('dialog').open").await, false);
    browser.reload().await;
    browser.until_text("[data-stat=connection]", "Live").await;
    browser.key("w").await;
    assert_eq!(browser.run("return location.search").await, "", "keys that are off do nothing");
    browser.click("[data-stat=keys]").await;
    browser.click("dialog button:last-of-type").await;
    browser.key("w").await;
    until_query(&browser, "?period=7d").await;
}

#[tokio::test]
async fn what_is_typed_is_no_key() {
    let (site, browser) = dashboard().await;
    browser.go(&site.url("/stats/?list=pages")).await;
    browser.click("#search").await;
    browser.key("w").await;
    assert_eq!(browser.run("return document.querySelector('#search').value").await, "w");
    assert_eq!(browser.run("return location.search").await, "?list=pages");
}

#[tokio::test]
async fn a_list_is_searched_and_sorted_without_scripts() {
    let (site, _) = dashboard().await;
    let browser = Browser::with(Wishes { no_scripts: true, ..Wishes::default() }).await;
    browser.go(&site.url("/stats/?list=pages")).await;
    browser.until_text(".whole", "About me").await;
    browser.type_into("#search", "HERON").await;
    browser.click(".search button").await;
    until_query(&browser, "?list=pages&search=HERON").await;
    let shown = browser.text(".whole tbody").await.unwrap();
    assert!(shown.contains("Herons at dusk") && !shown.contains("About me"), "{shown}");
    browser.click(".whole thead th:first-child a").await;
    until_query(&browser, "?list=pages&sort=name&search=HERON").await;
    browser.click("[data-key=Escape]").await;
    until_query(&browser, "").await;
    browser.until_text(PAGES, "About me").await;
}

#[tokio::test]
async fn what_is_not_live_follows_within_half_a_minute() {
    let (site, browser) = dashboard().await;
    browser.go(&site.url("/stats/?period=7d")).await;
    browser.until_text("[data-stat=connection]", "Live").await;
    browser.until_text(".figures", "Views 2").await;
    browser
        .run("window.wasNotReloaded = true; document.querySelector('.numbers').open = true")
        .await;
    browser.pass(31_000).await;
    view_by(&browser, 1).await;
    browser.until_text(".figures", "Views 3").await;
    assert_eq!(browser.run("return window.wasNotReloaded").await, true);
    assert_eq!(browser.run("return document.querySelector('.numbers').open").await, true);
}
