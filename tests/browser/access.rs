//! Signing in and out, as a browser without scripts does it.

use serde_json::Value;

use super::support::{Browser, Hosted, Wishes};

const SITE: [(&str, &str); 2] = [
    ("tallymark.toml", "title = \"Field notes\"\n[stats]\naccess = \"private\"\n"),
    (
        "content/blog/herons.md",
        "---\ntitle: Herons at dusk\ndate: 2026-11-01\n---\n\nThey stand.\n",
    ),
];

#[tokio::test]
async fn the_owner_signs_in_and_out_without_a_script() {
    let site = Hosted::new(&SITE).await;
    site.set_password("three blue herons");
    let reader = Browser::open().await;
    reader.go(&site.url("/herons/")).await;
    site.until_views(1).await;
    assert_eq!(reader.cookies().await, Vec::<Value>::new(), "readers get no cookie");

    let browser = Browser::with(Wishes { no_scripts: true, ..Wishes::default() }).await;
    browser.go(&site.url("/stats/?period=7d")).await;
    browser.until_text("h1", "Sign in").await;
    browser.type_into("#password", "three blue hens").await;
    browser.click(".sign-in button").await;
    browser.until_text("[role=alert]", "That is not the password.").await;
    browser.type_into("#password", "three blue herons").await;
    browser.click(".sign-in button").await;
    browser.until_text(".account", "You are signed in").await;
    assert!(browser.address().await.ends_with("/stats/?period=7d"), "where they wanted to go");
    let cookies = browser.cookies().await;
    assert_eq!((cookies.len(), &cookies[0]["httpOnly"]), (1, &Value::Bool(true)));
    assert_eq!(cookies[0]["sameSite"], "Strict");

    browser.go(&site.url("/herons/")).await;
    browser.until_text(".author-bar", "1 view 1 visitor 0 reads 1 reading now").await;
    browser.click(".author-bar a").await;
    browser.until_text(".account", "You are signed in").await;
    assert!(browser.address().await.contains("/stats/?page="));
    browser.click(".account button").await;
    browser.until_text("h1", "Sign in").await;
    assert_eq!(browser.cookies().await, Vec::<Value>::new());
    browser.back().await;
    browser.go(&site.url("/stats/")).await;
    browser.until_text("h1", "Sign in").await;
    browser.go(&site.url("/herons/")).await;
    assert_eq!(browser.text(".author-bar").await, None);
}

#[tokio::test]
async fn a_guest_comes_from_elsewhere_by_a_link() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    let link = site.url(&format!("/stats/?share={}", site.invitation()));
    // As a letter in a browser does, which is another site.
    browser.go(&format!("data:text/html,<a href='{link}'>Look</a>")).await;
    browser.click("a").await;
    browser.until_text(".account", "by a link").await;
    assert!(
        browser.address().await.ends_with("/stats/"),
        "the link is not in the address any more"
    );
}
