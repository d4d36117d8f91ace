//! What `/_/stats.json` says when it is asked about a time, about pages, about readers.

use std::sync::Arc;

use serde_json::{Value, json};
use tallymark::clock::Timestamp;
use tallymark::site::{PageEntry, PageKind};

use crate::hosted::{Hosted, Setup, path, site};

pub(crate) fn instant(text: &str) -> Timestamp {
    text.parse::<jiff::Timestamp>().unwrap().into()
}

/// A site of three posts by two authors, one of them unlisted, another with an old address.
pub(crate) fn blog() -> Hosted {
    let site = site(|catalog| {
        catalog.pages.clear();
        for (at, title, tags, author, words, listed) in [
            ("/walk/", "A walk", &["Snow", "Hills"][..], "Ada", 200, true),
            ("/swim/", "A swim", &["Snow"][..], "Ben", 400, true),
            ("/hidden/", "A secret", &["Snow"][..], "Ben", 400, false),
        ] {
            let entry = PageEntry {
                tags: tags.iter().map(|tag| Arc::from(*tag)).collect(),
                authors: vec![author.into()],
                series: (at == "/walk/").then(|| "Outdoors".into()),
                published: Some(instant("2026-11-20T08:00:00Z")),
                words,
                listed,
                ..PageEntry::named(title, PageKind::Post)
            };
            catalog.pages.insert(path(at), entry);
        }
        catalog.redirects.insert(path("/hike/"), path("/walk/"));
    });
    Hosted::new(Setup { site, ..Setup::default() })
}

/// A view as the browser of `visitor` sends it.
pub(crate) fn view(id: u64, visitor: u64, path: &str, more: &Value) -> Value {
    let mut body = json!({
        "type": "view", "view": format!("{id:016x}"), "path": path,
        "visitor": format!("6ba7b810-9dad-41d1-80b4-{visitor:012x}"),
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

pub(crate) async fn count(hosted: &Hosted, at: &str, event: Value) {
    hosted.clock.set(instant(at));
    hosted.count(event.to_string()).await;
}

/// Five visitors: three from Norway by a link on the news, two from elsewhere.
pub(crate) async fn read(hosted: &Hosted) {
    let news = json!({"referrer": "https://news.example/item", "zone": "Europe/Oslo", "width": 4});
    let rare = json!({"referrer": "https://rare.example/", "zone": "Europe/Paris", "width": 14});
    for (id, visitor, page, more, at) in [
        (1, 1, "/walk/", &news, "2026-11-22T10:00:00Z"),
        (2, 2, "/walk/", &news, "2026-11-22T11:00:00Z"),
        (3, 3, "/hike/", &news, "2026-11-23T10:00:00Z"),
        (4, 4, "/swim/", &rare, "2026-11-23T11:00:00Z"),
        (5, 5, "/hidden/", &rare, "2026-11-23T12:00:00Z"),
        (6, 1, "/swim/", &json!({}), "2026-11-24T07:00:00Z"),
        (7, 1, "/wlak/", &json!({"referrer": "https://news.example/old"}), "2026-11-24T07:01:00Z"),
    ] {
        count(hosted, at, view(id, visitor, page, more)).await;
    }
    let beat = json!({
        "type": "heartbeat", "view": format!("{:016x}", 6), "path": "/swim/",
        "visitor": format!("6ba7b810-9dad-41d1-80b4-{:012x}", 1), "engaged": 61_000, "scroll": 100,
    });
    count(hosted, "2026-11-24T07:02:00Z", beat).await;
    hosted.clock.set(instant("2026-11-24T08:00:00Z"));
    hosted.wait_for(|snapshot| snapshot.active_visitors == 0).await;
}

async fn ask(hosted: &Hosted, query: &str) -> Value {
    hosted.get(&format!("/_/stats.json?{query}")).await.json()
}

/// Of each row of a list, these fields.
fn rows(list: &Value, fields: &[&str]) -> Value {
    let row = |row: &Value| fields.iter().map(|field| row[*field].clone()).collect::<Value>();
    list.as_array().unwrap().iter().map(row).collect()
}

#[tokio::test]
async fn a_report_says_how_much_was_read_by_whom_and_from_where() {
    let hosted = blog();
    read(&hosted).await;
    let report = ask(&hosted, "period=7d").await;
    let totals = &report["totals"];
    assert_eq!([&totals["views"], &totals["visitors"], &totals["visits"]], [6, 5, 6]);
    assert_eq!([&totals["reads"], &totals["engagedMs"], &totals["bounces"]], [1, 61_000, 6]);
    assert_eq!(totals["bounceRate"], 1.0);
    assert_eq!((&report["step"], report["series"].as_array().unwrap().len()), (&json!("day"), 7));
    let day = &report["series"][5];
    assert_eq!((&day["date"], &day["views"]), (&json!("2026-11-23T00:00:00+00:00"), &json!(3)));
    // The unlisted page is counted and not named, an old address is the page that it leads to.
    let pages = rows(&report["pageStats"], &["path", "views", "visitors", "reads", "words"]);
    assert_eq!(pages, json!([["/walk/", 3, 3, 0, 200], ["/swim/", 2, 2, 1, 400]]));
    let entries = rows(&report["entryPages"], &["path", "visits"]);
    assert_eq!(entries, json!([["/walk/", 3], ["/swim/", 2]]));
    let groups = ["tags", "authors", "postSeries"]
        .map(|list| rows(&report[list], &["name", "pages", "views"]));
    assert_eq!(
        groups,
        [
            json!([["Snow", 2, 5], ["Hills", 1, 3]]),
            json!([["Ada", 1, 3], ["Ben", 1, 2]]),
            json!([["Outdoors", 1, 3]]),
        ]
    );
    let missing = &report["notFound"][0];
    assert_eq!(
        rows(&report["notFound"], &["path", "views", "referrer"]),
        json!([["/wlak/", 1, "news.example/old"]])
    );
    assert_eq!(
        (&missing["likeliest"]["path"], &missing["alias"]),
        (&json!("/walk/"), &json!("aliases: [\"/wlak/\"]"))
    );
    let published = rows(&report["published"], &["path", "at"]);
    let at: Timestamp = instant("2026-11-20T08:00:00Z");
    assert_eq!(published, json!([["/swim/", at], ["/walk/", at]]));
}

#[tokio::test]
async fn in_public_nobody_is_told_by_being_the_only_one() {
    let hosted = blog();
    read(&hosted).await;
    let report = ask(&hosted, "period=7d").await;
    let values = |report: &Value, list: &str| rows(&report[list], &["value", "visitors"]);
    assert_eq!(values(&report, "referrers"), json!([["news.example/item", 3]]));
    assert_eq!(values(&report, "countries"), json!([["NO", 3]]));
    assert_eq!(values(&report, "devices"), json!([["phone", 3]]));
    let with = async |key: &str| {
        hosted.get_with("/_/stats.json?period=7d", &[("authorization", key)]).await.json()
    };
    let owners = with("Bearer the key").await;
    assert_eq!(
        values(&owners, "referrers"),
        json!([["news.example/item", 3], ["rare.example", 2]])
    );
    assert_eq!(
        rows(&owners["pageStats"], &["path"]),
        json!([["/walk/"], ["/swim/"], ["/hidden/"]])
    );
    assert_eq!(with("Bearer a key").await, report);
}

#[tokio::test]
async fn in_public_views_of_nobody_in_particular_do_not_stand_for_readers() {
    let hosted = blog();
    for id in 1..=3 {
        let news = json!({"referrer": "https://news.example/", "zone": "Europe/Oslo", "width": 4});
        let mut view = view(id, 1, "/walk/", &news);
        view.as_object_mut().unwrap().remove("visitor");
        count(&hosted, "2026-11-24T07:00:00Z", view).await;
    }
    let report = ask(&hosted, "period=7d").await;
    assert_eq!((&report["totals"]["views"], &report["totals"]["visitors"]), (&json!(3), &json!(0)));
    for list in ["referrers", "countries", "devices"] {
        assert_eq!(report[list], json!([]), "{list}");
    }
}

#[tokio::test]
async fn a_report_knows_what_was_answered_as_stored_a_moment_ago() {
    let hosted = blog();
    count(&hosted, "2026-11-24T07:00:00Z", view(1, 1, "/walk/", &json!({}))).await;
    let totals = async || ask(&hosted, "period=7d").await["totals"].clone();
    assert_eq!(totals().await["engagedMs"], 0);
    let beat = json!({
        "type": "heartbeat", "view": format!("{:016x}", 1), "path": "/walk/",
        "visitor": format!("6ba7b810-9dad-41d1-80b4-{:012x}", 1), "engaged": 11_000, "scroll": 10,
    });
    count(&hosted, "2026-11-24T07:00:20Z", beat).await;
    assert_eq!(totals().await["engagedMs"], 11_000);
}

#[tokio::test]
async fn all_time_begins_with_what_was_counted_before_the_first_view() {
    let hosted = blog();
    count(&hosted, "2026-11-22T10:00:00Z", view(1, 1, "/wlak/", &json!({}))).await;
    let missing = async || rows(&ask(&hosted, "period=all").await["notFound"], &["path", "views"]);
    hosted.clock.set(instant("2026-11-24T07:00:00Z"));
    assert_eq!(missing().await, json!([["/wlak/", 1]]), "and there need not be one");
    count(&hosted, "2026-11-24T07:00:00Z", view(2, 2, "/walk/", &json!({}))).await;
    assert_eq!(missing().await, json!([["/wlak/", 1]]));
}

#[tokio::test]
async fn in_public_no_filter_tells_what_one_visitor_has_read() {
    let hosted = blog();
    read(&hosted).await;
    let lists = ["pageStats", "entryPages", "exitPages", "tags", "countries", "notFound", "events"];
    for query in ["country=FR", "referrer=rare.example", "country=FR&compare=previous&step=day"] {
        let target = format!("/_/stats.json?period=7d&{query}");
        let key = [("authorization", "Bearer the key")];
        let owners = hosted.get_with(&target, &key).await.json();
        assert_ne!(owners["totals"]["views"], 0, "{query}");
        assert_ne!(owners["pageStats"], json!([]), "{query}");
        let public = hosted.get(&target).await.json();
        assert_eq!(public["totals"]["views"], 0, "{query}");
        assert!(lists.iter().all(|list| public[list] == json!([])), "{query}: {public}");
        let steps = public["series"].as_array().unwrap();
        assert!(!steps.is_empty() && steps.iter().all(|step| step["views"] == 0), "{query}");
    }
    // Of those who are many, what one of them has read alone is not told either.
    let many = hosted.get("/_/stats.json?period=7d&country=NO").await.json();
    assert_eq!(rows(&many["pageStats"], &["path", "visitors"]), json!([["/walk/", 3]]));
}

#[tokio::test]
async fn filters_say_which_pages_and_which_readers_are_asked_about() {
    let hosted = blog();
    read(&hosted).await;
    for (query, views, visitors) in [
        ("page=/walk/", 3, 3),
        ("page=/hike/", 3, 3),
        ("page=/hidden/", 0, 0),
        ("tag=snow", 5, 4),
        ("tag=Hills", 3, 3),
        ("author=Ben", 2, 2),
        ("series=Outdoors", 3, 3),
        ("country=NO", 3, 3),
        ("referrer=news.example/item&device=phone", 3, 3),
        // One alone; the owner may know.
        ("tag=snow&country=FR", 0, 0),
        ("os=Plan+9", 0, 0),
        ("from=2026-11-22&to=2026-11-22", 2, 2),
        ("from=2026-11-22&to=2026-11-23&page=/walk/", 3, 3),
    ] {
        let report = ask(&hosted, query).await;
        let totals = &report["totals"];
        assert_eq!(
            (&totals["views"], &totals["visitors"]),
            (&json!(views), &json!(visitors)),
            "{query}"
        );
    }
    let report = ask(&hosted, "page=/swim/&period=28d").await;
    assert_eq!(report["filters"], json!({"page": "/swim/"}));
    assert_eq!(report["scroll"], json!([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]));
    assert_eq!(rows(&report["pageStats"], &["path", "reads"]), json!([["/swim/", 1]]));
    let compared = ask(&hosted, "period=7d&compare=previous").await;
    assert_eq!(compared["compared"]["totals"]["views"], 0);
    assert_eq!(compared["compared"]["series"].as_array().unwrap().len(), 7);
    let limited = ask(&hosted, "limit=1").await;
    assert_eq!(rows(&limited["pageStats"], &["path"]), json!([["/walk/"]]));
    let wrong = hosted.get("/_/stats.json?compare=that").await;
    assert_eq!((wrong.status.as_u16(), wrong.text()), (400, "`compare` is `previous` or `year`\n"));
}

#[tokio::test(start_paused = true)]
async fn what_the_server_answers_is_counted_apart_by_who_asked() {
    let hosted = Hosted::default();
    let browser = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    for (target, headers, _what) in [
        ("/first/", &[("user-agent", browser)][..], "the long way"),
        (
            "/first/",
            &[("user-agent", browser), ("sec-fetch-dest", "document")],
            "and the short one",
        ),
        ("/first/", &[("user-agent", browser), ("sec-fetch-dest", "iframe")], "no document"),
        (
            "/first/",
            &[("user-agent", browser), ("sec-gpc", "1")],
            "who does not want to be counted",
        ),
        (
            "/first/",
            &[("user-agent", browser), ("sec-purpose", "prefetch;prerender")],
            "nobody yet",
        ),
        ("/first/", &[("user-agent", "Mozilla/5.0 (compatible; Googlebot/2.1)")], "a bot"),
        ("/", &[("user-agent", browser)], "home"),
        ("/style.css", &[("user-agent", browser)], "no page"),
        ("/no/such/", &[("user-agent", browser)], "nothing there"),
    ] {
        hosted.get_with(target, headers).await;
    }
    // What was answered is handed on by itself, and stored with what comes next.
    tokio::time::sleep(std::time::Duration::from_secs(11)).await;
    hosted.count(view(1, 1, "/first/", &json!({})).to_string()).await;
    let report = ask(&hosted, "period=7d").await;
    assert_eq!(report["served"]["callers"], json!({"reader": 3, "prefetch": 1, "search": 1}));
    assert_eq!(
        rows(&report["served"]["pages"], &["path", "views"]),
        json!([["/first/", 2], ["/", 1]])
    );
    assert_eq!(report["totalPageViews"], 1, "the two are never mixed");
    assert_eq!(ask(&hosted, "page=/first/").await.get("served"), None);
}
