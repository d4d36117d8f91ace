//! The dashboard in each of its states is for everyone: by day and by night, wide and narrow, without a mouse.

use std::time::Duration;

use super::SITE;
use crate::support::audit::{look, sticking_out, violations};
use crate::support::{Browser, Hosted};

/// Each state that the dashboard can be in.
const STATES: [&str; 9] = [
    "",
    "?period=7d&compare=previous",
    "?period=24h",
    "?page=/herons/",
    "?country=NO",
    "?tag=nothing",
    "?list=pages&sort=name",
    "?list=referrers&search=nothing",
    "?fewer=1",
];

async fn judge(site: &Hosted, browser: &Browser) {
    let mut found = Vec::new();
    for state in STATES {
        browser.go(&site.url(&format!("/stats/{state}"))).await;
        browser.until_text("[data-stat=connection]", "Live").await;
        browser
            .run("for (const more of document.querySelectorAll('details')) more.open = true")
            .await;
        for (width, scheme) in [(1280, "light"), (1280, "dark"), (320, "light")] {
            look(browser, width, scheme).await;
            let of_axe = violations(browser).await;
            let out = sticking_out(browser).await;
            let out = out.as_array().into_iter().flatten().map(ToString::to_string);
            let here = of_axe.into_iter().chain(out);
            found.extend(here.map(|what| format!("{state} at {width}, {scheme}: {what}")));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[tokio::test]
async fn everyone_can_use_it_when_there_is_nothing_to_see() {
    let site = Hosted::new(&SITE).await;
    judge(&site, &Browser::open().await).await;
}

#[tokio::test]
async fn everyone_can_use_it_with_numbers_and_while_somebody_reads() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    for path in ["/herons/", "/about/", "/nothing-here/"] {
        browser.go(&site.url(path)).await;
    }
    site.until_views(2).await;
    site.pass(Duration::from_mins(31));
    browser.go(&site.url("/herons/")).await;
    site.until_views(3).await;
    judge(&site, &browser).await;
    browser.key("?").await;
    browser.until_text("dialog", "Turn these keys off").await;
    assert_eq!(violations(&browser).await, Vec::<String>::new());
}
