//! A page is opened, and what becomes of it: requests in through the router, numbers out.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use tallymark::config::Access;
use tallymark::permalink::BaseUrl;
use tallymark::server::Peer;
use tallymark::site::{GonePage, PageKind};

use crate::hosted::{BROWSER, Hosted, NOW, PROXY, READER, Setup, entry, get, path, request, site};
use crate::serving::next_event;

const ONE: &str = "b1b3a7c2-2f0e-4a7e-9c55-0d6f4a1c2b3d";
const OTHER: &str = "0c2d7b1e-93f4-4c8a-8b57-5f1f6a0e9d21";

/// The body of a view; `view` tells one viewing from another.
fn view(view: u64, visitor: &str, path: &str) -> String {
    json!({
        "type": "view", "view": format!("{view:016x}"), "visitor": visitor, "path": path,
        "referrer": "", "width": 12, "zone": "Europe/Oslo",
    })
    .to_string()
}

fn heartbeat(view: u64, visitor: &str, path: &str) -> String {
    let view = format!("{view:016x}");
    json!({"type": "heartbeat", "view": view, "visitor": visitor, "path": path, "engaged": 3000})
        .to_string()
}

/// A POST of `body` as a page of the site sends it, with these headers besides or instead.
fn post(body: impl Into<Body>, headers: &[(&str, &str)]) -> Request<Body> {
    let mut all = vec![
        ("content-type", "text/plain;charset=UTF-8"),
        ("user-agent", BROWSER),
        ("accept-language", "en"),
        ("origin", "https://example.org"),
    ];
    all.retain(|(name, _)| headers.iter().all(|(other, _)| other != name));
    all.extend(headers.iter().filter(|(_, value)| !value.is_empty()));
    request(Method::POST, "/_/event", &all, body.into())
}

impl Hosted {
    /// Sends an event that counts.
    pub(crate) async fn count(&self, body: String) {
        let answer = self.send(post(body, &[])).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.header("x-rejected"));
        assert!(answer.body.is_empty());
        assert_eq!(answer.header("cache-control"), "no-store");
    }

    pub(crate) async fn numbers(&self) -> Value {
        let answer = self.get("/_/stats.json").await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.header("cache-control"), "no-store");
        answer.json()
    }
}

#[tokio::test]
async fn every_answer_to_an_event_says_what_became_of_it() {
    let hosted = Hosted::default();
    let good = || view(1, ONE, "/first/");
    let deep = "[".repeat(4000);
    let long = format!("{{\"x\":\"{}\"}}", "a".repeat(4096));
    for (body, headers, status, reason) in [
        (good(), &[][..], 202, ""),
        (good(), &[("content-type", "application/json; charset=utf-8")], 202, ""),
        (good(), &[("origin", ""), ("sec-fetch-site", "same-origin")], 202, ""),
        (good(), &[("origin", "")], 202, ""),
        (good(), &[("origin", "https://other.example")], 202, ""),
        (good(), &[("content-type", "application/x-www-form-urlencoded")], 415, "content-type"),
        (good(), &[("origin", "https://evil.example")], 403, "foreign-origin"),
        (good(), &[("origin", "null")], 403, "foreign-origin"),
        (good(), &[("origin", ""), ("sec-fetch-site", "cross-site")], 403, "foreign-origin"),
        (good(), &[("sec-gpc", "1")], 403, "opted-out"),
        (good(), &[("dnt", "1")], 403, "opted-out"),
        (good(), &[("sec-purpose", "prefetch")], 403, "prefetch"),
        (good(), &[("user-agent", "curl/8.0")], 403, "bot"),
        (good(), &[("user-agent", "")], 403, "bot"),
        (view(2, ONE, "/secret/"), &[], 403, "excluded"),
        (view(2, ONE, "/secret/below/"), &[], 403, "excluded"),
        (view(2, ONE, "/logo.svg"), &[], 403, "excluded"),
        (view(2, "no-uuid", "/first/"), &[], 400, "malformed"),
        (view(2, ONE, "no-path"), &[], 400, "malformed"),
        (String::new(), &[], 400, "malformed"),
        ("{".into(), &[], 400, "malformed"),
        ("null".into(), &[], 400, "malformed"),
        ("{\"type\":\"view\",\"view\":1e999}".into(), &[], 400, "malformed"),
        (deep, &[], 400, "malformed"),
        (long, &[], 413, "too-large"),
    ] {
        let answer = hosted.send(post(body.clone(), headers)).await;
        let shown = &body[..body.len().min(80)];
        assert_eq!(answer.status.as_u16(), status, "{shown} {headers:?}");
        assert_eq!(answer.header("x-rejected"), reason, "{shown} {headers:?}");
        assert_eq!(answer.header("cache-control"), "no-store", "{shown} {headers:?}");
    }
    let raw = hosted.send(post(vec![0xff, 0xfe, 0x00], &[])).await;
    assert_eq!(raw.status, StatusCode::BAD_REQUEST);
    assert_eq!(hosted.numbers().await["totalPageViews"], 1, "the same viewing, again and again");
}

#[tokio::test]
async fn three_reloads_are_one_view_and_two_minutes_later_nobody_is_active() {
    let hosted = Hosted::default();
    for reload in 0..3 {
        hosted.count(view(reload, ONE, "/first/")).await;
        hosted.clock.advance(Duration::from_secs(5));
    }
    let numbers = hosted.numbers().await;
    assert_eq!(numbers["totalPageViews"], 1);
    assert_eq!(numbers["uniqueVisitors"], 1);
    assert_eq!(numbers["activeVisitors"], 1);
    assert_eq!(numbers["activeByPath"][0]["title"], "First post");

    hosted.clock.advance(Duration::from_secs(115));
    hosted.wait_for(|snapshot| snapshot.active_visitors == 0).await;
    let numbers = hosted.numbers().await;
    assert_eq!(numbers["activeVisitors"], 0);
    assert_eq!(numbers["activeByPath"], json!([]));
    assert_eq!(numbers["totalPageViews"], 1);

    hosted.count(heartbeat(0, ONE, "/first/")).await;
    assert_eq!(hosted.numbers().await["activeVisitors"], 1, "back again, without a view");
}

#[tokio::test]
async fn the_numbers_have_titles_types_and_an_order() {
    let hosted = Hosted::default();
    assert_eq!(hosted.numbers().await["trackingSince"], Value::Null);
    for (id, visitor, path) in [
        (1, ONE, "/first/"),
        (2, OTHER, "/first/"),
        (3, ONE, "/"),
        (4, OTHER, "/stats/"),
        (5, ONE, "/About/"),
    ] {
        hosted.count(view(id, visitor, path)).await;
    }
    hosted.count(view(6, OTHER, "/no/such/page/")).await;
    let numbers = hosted.numbers().await;
    // Two visits: one from the first post to another page, one to the statistics.
    let entries = |path: &str| if path == "/first/" { 2 } else { 0 };
    let exits = |path: &str| u64::from(["/About/", "/stats/"].contains(&path));
    let row = |path: &str, title: &str, kind: &str, views: u64, share: u64| {
        json!({
            "path": path, "title": title, "url": path, "pageType": kind, "views": views,
            "visitors": views, "share": share, "words": 0, "tags": [], "authors": [], "reads": 0,
            "engagedMs": 0, "bounces": 0, "entries": entries(path), "exits": exits(path),
        })
    };
    assert_eq!(
        numbers["pageStats"],
        json!([
            row("/first/", "First post", "blog", 2, 100),
            row("/", "Home", "home", 1, 50),
            row("/About/", "About", "page", 1, 50),
            row("/stats/", "Stats", "stats", 1, 50),
        ])
    );
    assert_eq!(numbers["publishedPosts"], 2);
    assert_eq!(numbers["publishedPages"], 1);
    assert_eq!(numbers["trackingSince"], NOW.as_millis());
    assert_eq!(numbers["trackingSinceDate"], "2026-11-24T08:00:00+00:00");
    assert_eq!(numbers["degraded"], false);
}

#[tokio::test]
async fn numbers_follow_the_site_when_it_changes() {
    let hosted = Hosted::default();
    hosted.count(view(1, ONE, "/second/")).await;
    hosted.count(view(2, ONE, "/first/")).await;
    hosted.count(view(3, OTHER, "/first/")).await;
    hosted.sites.send_replace(Arc::new(site(|catalog| {
        let first = catalog.pages.remove(&path("/first/")).unwrap();
        catalog.pages.insert(path("/renamed/"), first);
        let body = catalog.files.remove(&path("/first/")).unwrap();
        catalog.files.insert(path("/renamed/"), body);
        catalog.redirects.insert(path("/first/"), path("/renamed/"));
        catalog.pages.get_mut(&path("/renamed/")).unwrap().title = "A better title".into();
        catalog.files.remove(&path("/second/"));
        catalog.pages.remove(&path("/second/"));
        let gone = GonePage { title: "Second post".into(), listed: true };
        catalog.gone.insert(path("/second/"), gone);
    })));
    hosted.count(view(4, ONE, "/renamed/")).await;
    let numbers = hosted.numbers().await;
    let better = &numbers["pageStats"][0];
    assert_eq!(better["title"], "A better title");
    assert_eq!(better["path"], "/renamed/");
    assert_eq!((&better["views"], &better["visitors"]), (&json!(3), &json!(2)), "no one twice");
    let gone = &numbers["pageStats"][1];
    assert_eq!(gone["title"], "Second post");
    assert_eq!(gone["pageType"], "gone");
    assert_eq!(gone["gone"], true);
    assert_eq!(gone["url"], Value::Null);
    assert_eq!(numbers["publishedPosts"], 1);
}

/// What was counted, as `[views, visitors]`: of the site, then of each page.
fn counted(numbers: &Value) -> Value {
    let rows = numbers["pageStats"].as_array().unwrap().iter();
    let pages: Vec<Value> =
        rows.map(|row| json!([row["path"], row["views"], row["visitors"]])).collect();
    json!([numbers["totalPageViews"], numbers["uniqueVisitors"], pages])
}

#[tokio::test]
async fn a_period_has_what_was_counted_in_it_and_nothing_else() {
    let hosted = Hosted::default();
    let instant = |text: &str| text.parse::<jiff::Timestamp>().unwrap().into();
    for (id, (time, visitor, path)) in [
        ("2025-12-31T23:59:59.999Z", ONE, "/first/"),
        ("2026-01-01T00:00:00Z", OTHER, "/second/"),
        ("2026-08-25T23:59:59.999Z", ONE, "/About/"),
        ("2026-08-26T00:00:00Z", OTHER, "/About/"),
        ("2026-10-28T00:00:00Z", ONE, "/first/"),
        ("2026-11-01T00:00:00Z", OTHER, "/first/"),
        ("2026-11-18T00:00:00Z", ONE, "/second/"),
        ("2026-11-23T08:00:00Z", ONE, "/first/"),
        ("2026-11-24T08:00:00Z", OTHER, "/no/such/page/"),
    ]
    .into_iter()
    .enumerate()
    {
        hosted.clock.set(instant(time));
        hosted.count(view(id as u64, visitor, path)).await;
    }
    hosted.sites.send_replace(Arc::new(site(|catalog| {
        catalog.files.remove(&path("/second/"));
        catalog.pages.remove(&path("/second/"));
        catalog.redirects.insert(path("/second/"), path("/first/"));
    })));
    let all = hosted.numbers().await;
    assert_eq!(counted(&all), json!([8, 2, [["/first/", 6, 2], ["/About/", 2, 2]]]));
    assert_eq!(hosted.get("/_/stats.json?period=all").await.json(), all);
    assert!(all.get("period").is_none());
    for (period, from, expected) in [
        ("24h", "2026-11-23T08:00:00Z", json!([1, 1, [["/first/", 1, 1]]])),
        ("7d", "2026-11-18T00:00:00Z", json!([2, 1, [["/first/", 2, 1]]])),
        ("month", "2026-11-01T00:00:00Z", json!([3, 2, [["/first/", 3, 2]]])),
        ("28d", "2026-10-28T00:00:00Z", json!([4, 2, [["/first/", 4, 2]]])),
        ("91d", "2026-08-26T00:00:00Z", json!([5, 2, [["/first/", 4, 2], ["/About/", 1, 1]]])),
        ("year", "2026-01-01T00:00:00Z", json!([7, 2, [["/first/", 5, 2], ["/About/", 2, 2]]])),
    ] {
        let answer = hosted.get(&format!("/_/stats.json?period={period}")).await;
        assert_eq!(answer.header("cache-control"), "no-store");
        let numbers = answer.json();
        assert_eq!(counted(&numbers), expected, "{period}");
        let from: tallymark::clock::Timestamp = instant(from);
        let span = json!({"name": period, "from": from, "to": NOW});
        assert_eq!(numbers["period"], span);
        for field in ["activeVisitors", "activeByPath", "publishedPosts", "trackingSince"] {
            assert_eq!(numbers[field], all[field], "{period}: {field}");
        }
    }
}

#[tokio::test]
async fn the_days_of_a_period_are_those_of_the_site() {
    let site = site(|catalog| catalog.identity.timezone = "Europe/Oslo".into());
    let hosted = Hosted::new(Setup { site, ..Setup::default() });
    for (id, (time, visitor)) in
        [("2026-11-17T22:59:59.999Z", ONE), ("2026-11-17T23:00:00Z", OTHER)].into_iter().enumerate()
    {
        hosted.clock.set(time.parse::<jiff::Timestamp>().unwrap().into());
        hosted.count(view(id as u64, visitor, "/first/")).await;
    }
    hosted.clock.set(NOW);
    let numbers = hosted.get("/_/stats.json?period=7d").await.json();
    assert_eq!(counted(&numbers), json!([1, 1, [["/first/", 1, 1]]]));
    assert_eq!(numbers["trackingSinceDate"], "2026-11-17T23:59:59+01:00");
}

#[tokio::test]
async fn only_a_period_that_there_is_can_be_asked_for() {
    let hosted = Hosted::default();
    for (query, status) in [
        ("period=%37d", 200),
        ("a=b&period=month&c", 200),
        ("periods=8d", 200),
        ("period=8d", 400),
        ("period=", 400),
        ("period=7d%0a", 400),
    ] {
        let answer = hosted.get(&format!("/_/stats.json?{query}")).await;
        assert_eq!(answer.status.as_u16(), status, "{query}");
        if status == 400 {
            let told = "a period is one of `24h`, `7d`, `28d`, `91d`, `month`, `year`, `all`\n";
            assert_eq!(
                (answer.text(), answer.header("content-type")),
                (told, "text/plain; charset=utf-8")
            );
        }
    }
}

#[tokio::test]
async fn an_unlisted_page_counts_and_is_not_named() {
    let site = site(|catalog| {
        let mut hidden = entry(PageKind::Post, "Hidden");
        hidden.listed = false;
        catalog.pages.insert(path("/second/"), hidden);
    });
    let hosted = Hosted::new(Setup { site, ..Setup::default() });
    hosted.count(view(1, ONE, "/second/")).await;
    let numbers = hosted.numbers().await;
    assert_eq!(numbers["totalPageViews"], 1);
    assert_eq!(numbers["publishedPosts"], 2);
    assert_eq!(numbers["activeVisitors"], 1);
    assert_eq!(numbers["activeByPath"], json!([]));
    assert_eq!(numbers["pageStats"], json!([]));
    assert!(!hosted.get("/stats/").await.text().contains("Hidden"));
}

#[tokio::test]
async fn a_page_is_known_by_every_spelling_of_its_path() {
    let site = site(|catalog| {
        catalog.identity.base = BaseUrl::parse("https://example.org/blog").unwrap();
        catalog.pages.insert(path("/größe/"), entry(PageKind::Page, "Size"));
    });
    let hosted = Hosted::new(Setup { site, ..Setup::default() });
    for (id, spelled) in
        ["/blog/gr%C3%B6%C3%9Fe/", "/gr%C3%B6%C3%9Fe/", "/größe", "/blog/Gr%c3%b6%c3%9fe/?q#h"]
            .iter()
            .enumerate()
    {
        hosted.count(view(id as u64, ONE, spelled)).await;
    }
    let numbers = hosted.numbers().await;
    assert_eq!(numbers["pageStats"][0]["title"], "Size");
    assert_eq!(numbers["pageStats"][0]["url"], "/blog/gr%C3%B6%C3%9Fe/");
    assert_eq!(numbers["pageStats"].as_array().unwrap().len(), 1);
    assert_eq!(numbers["totalPageViews"], 1);
}

#[tokio::test]
async fn the_dashboard_is_complete_without_a_script() {
    let hosted = Hosted::default();
    hosted.count(view(1, ONE, "/first/")).await;
    let answer = hosted.get("/stats/").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.text().contains("First post"), "{}", answer.text());
    assert!(answer.text().starts_with("<!doctype html>"));
    assert!(answer.text().ends_with("</main>"));
    let script = hosted.get("/_/stats.js").await;
    assert_eq!(script.header("content-type"), "text/javascript; charset=utf-8");
}

#[tokio::test]
async fn a_title_is_text_on_the_dashboard_whatever_is_in_it() {
    let hosted = Hosted::new(Setup {
        site: site(|catalog| {
            let hostile = entry(PageKind::Post, "<script>alert(1)</script>\"'&\u{202e}");
            catalog.pages.insert(path("/first/"), hostile);
        }),
        ..Setup::default()
    });
    hosted.count(view(1, ONE, "/first/")).await;
    hosted.count(view(2, ONE, "/<img src=x onerror=alert(1)>")).await;
    let page = hosted.get("/stats/").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text().contains("&lt;script&gt;"), "{}", page.text());
    assert!(!page.text().contains("<script>") && !page.text().contains("<img"));
    let stream = hosted.open(get("/_/stats/live", &[])).await;
    let mut events = stream.into_body();
    next_event(&mut events).await;
    let event = next_event(&mut events).await;
    assert_eq!(event.matches('\n').count(), 3, "one line of data, whatever is in it: {event}");
}

#[tokio::test]
async fn an_open_dashboard_sees_a_view_at_once() {
    let hosted = Hosted::default();
    let response = hosted.open(get("/_/stats/live", &[])).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut events = response.into_body();
    assert!(next_event(&mut events).await.starts_with("retry:"));
    assert!(next_event(&mut events).await.contains("\"totalPageViews\":0"));
    hosted.count(view(1, ONE, "/first/")).await;
    let event = next_event(&mut events).await;
    assert!(event.contains("\"totalPageViews\":1") && event.contains("First post"), "{event}");
    assert!(event.starts_with("id: "), "{event}");
}

#[tokio::test]
async fn streams_are_bounded_and_their_places_are_given_back() {
    let mut setup = Setup::default();
    setup.limits.streams = 1;
    let hosted = Hosted::new(setup);
    let first = hosted.open(get("/_/stats/live", &[])).await;
    let second = hosted.get("/_/stats/live").await;
    assert_eq!(second.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(second.header("retry-after"), "30");
    drop(first);
    let again = async {
        while hosted.open(get("/_/stats/live", &[])).await.status() != StatusCode::OK {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), again).await.unwrap();
}

#[tokio::test]
async fn one_address_cannot_flood_and_others_do_not_notice() {
    let hosted = Hosted::default();
    let send = |peer: &'static str, forwarded: &'static str| {
        let mut event = post(view(1, ONE, "/first/"), &[("x-forwarded-for", forwarded)]);
        event.extensions_mut().insert(Peer(peer.parse().unwrap()));
        hosted.send(event)
    };
    let refused = loop {
        let answer = send(READER, "198.51.100.1").await;
        if answer.status != StatusCode::ACCEPTED {
            break answer;
        }
    };
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.header("x-rejected"), "too-many");
    assert_ne!(refused.header("retry-after"), "");
    for (peer, forwarded, status) in [
        (READER, "198.51.100.2", 429),
        (PROXY, READER, 429),
        (PROXY, "198.51.100.1", 202),
        ("203.0.113.78", "", 202),
    ] {
        let answer = send(peer, forwarded).await;
        assert_eq!(answer.status.as_u16(), status, "{peer} for {forwarded}");
    }
}

#[tokio::test]
async fn only_allowed_origins_are_told_the_answer() {
    let hosted = Hosted::default();
    for (origin, allowed) in [
        ("https://other.example", "https://other.example"),
        ("https://evil.example", ""),
        ("https://example.org", ""),
    ] {
        let answer = hosted.send(post(view(1, ONE, "/first/"), &[("origin", origin)])).await;
        assert_eq!(answer.header("access-control-allow-origin"), allowed, "{origin}");
        let asked = [("origin", origin), ("access-control-request-method", "POST")];
        let preflight = request(Method::OPTIONS, "/_/event", &asked, Body::empty());
        let answer = hosted.send(preflight).await;
        assert_eq!(answer.header("access-control-allow-origin"), allowed, "{origin}");
        assert_eq!(answer.status == StatusCode::FORBIDDEN, origin.contains("evil"));
    }
}

#[tokio::test]
async fn the_beacon_is_immutable_under_its_name_and_there_under_any_other() {
    let hosted = Hosted::default();
    let current = format!("/_/beacon.{}.js", tallymark::analytics::beacon::hash());
    for (target, caching) in [
        (current.as_str(), "public, max-age=31536000, immutable"),
        ("/_/beacon.0000000000000000.js", "public, max-age=600"),
    ] {
        let answer = hosted.get(target).await;
        assert_eq!(answer.status, StatusCode::OK, "{target}");
        assert_eq!(answer.header("content-type"), "text/javascript; charset=utf-8");
        assert_eq!(answer.header("cache-control"), caching, "{target}");
        assert_eq!(answer.text(), tallymark::analytics::beacon::script());
    }
}

#[tokio::test]
async fn what_is_switched_off_is_not_there() {
    let off = Hosted::new(Setup { access: Access::Off, ..Setup::default() });
    for target in [
        "/stats/",
        "/_/stats.json",
        "/_/stats.json?period=7d",
        "/_/stats.json?period=x",
        "/_/stats/live",
    ] {
        assert_eq!(off.get(target).await.status, StatusCode::NOT_FOUND, "{target}");
    }
    off.count(view(1, ONE, "/first/")).await;

    let uncounted = Hosted::new(Setup { is_counted: false, ..Setup::default() });
    let answer = uncounted.send(post(view(1, ONE, "/first/"), &[])).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(answer.header("x-rejected"), "disabled");
    let numbers = uncounted.numbers().await;
    assert_eq!(numbers["totalPageViews"], 0);
    assert_eq!(numbers["publishedPosts"], 2);
    let year = uncounted.get("/_/stats.json?period=year").await.json();
    assert_eq!(counted(&year), json!([0, 0, []]));
}

#[tokio::test]
async fn the_server_says_how_it_is() {
    let hosted = Hosted::default();
    let health = hosted.get("/_/health").await;
    assert_eq!((health.status, health.text()), (StatusCode::OK, "ok\n"));
    hosted.send(post("x", &[])).await;
    hosted.count(view(1, ONE, "/first/")).await;
    let metrics = hosted.get("/_/metrics").await;
    for line in [
        "tallymark_requests_total{status=\"4xx\"} 1",
        "tallymark_views_total 1",
        "tallymark_events_rejected_total{reason=\"malformed\"} 1",
        "tallymark_streams 0",
        "tallymark_degraded 0",
    ] {
        assert!(metrics.text().lines().any(|found| found == line), "{line}\n{}", metrics.text());
    }
}
