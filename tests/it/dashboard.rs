//! `/stats/` as it comes from the server: all of it there without a script, and each of its links leading somewhere.

use std::collections::BTreeSet;

use serde_json::json;

use crate::hosted::Hosted;
use crate::report::{blog, count, instant, read, view};

/// The page at `query`, which must be there.
async fn page(hosted: &Hosted, query: &str) -> String {
    let answer = hosted.get(&format!("/stats/{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    answer.text().to_owned()
}

/// What a reader sees of a page: its text, one space between words.
fn words(html: &str) -> String {
    let mut text = String::new();
    for part in html.split('<') {
        let shown = part.split_once('>').map_or(part, |(_, shown)| shown);
        text.push(' ');
        text.push_str(shown);
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The addresses of the dashboard that a page leads to.
fn links(html: &str) -> BTreeSet<String> {
    let hrefs = html.split("href=\"").skip(1).filter_map(|rest| rest.split_once('"'));
    let hrefs = hrefs.map(|(href, _)| href.replace("&amp;", "&").replace("&#x2F;", "/"));
    let own = hrefs.filter(|href| href.starts_with("/stats/") || href.starts_with("/_/stats"));
    own.map(|href| href.split('#').next().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn everything_is_there_without_a_script() {
    let hosted = blog();
    read(&hosted).await;
    let shown = words(&page(&hosted, "?period=7d&compare=previous").await);
    for text in [
        "Nobody is reading right now.",
        "The last seven days had 6 views",
        "published 4 days ago, was viewed",
        "Views 6",
        "Bounced 100 %",
        "24 November 2026: 1 view, 1 visitor (0 views before)",
        "; published: A swim, A walk",
        "A walk ↗ 3 3 0 50 %",
        "A swim ↗ 2 2 1 33 %",
        "Where visits begin",
        "Snow 5 83 %",
        "news.example/item ↗ 3 3 50 %",
        "🇳🇴 Norway 3 50 %",
        "/wlak/ from news.example/old perhaps A walk ; aliases: [&quot;/wlak/&quot;] in its front matter leads there 1 100 %",
    ] {
        assert!(shown.contains(text), "`{text}` is not in\n{shown}");
    }
    assert!(!shown.contains("A secret"), "an unlisted page is named");
    assert!(!shown.contains("rare.example") && !shown.contains("France"), "one visitor is told");
}

#[tokio::test]
async fn every_link_of_the_dashboard_leads_somewhere() {
    let hosted = blog();
    read(&hosted).await;
    let mut known: BTreeSet<String> = ["/stats/".to_owned()].into();
    let mut next: Vec<String> = known.iter().cloned().collect();
    for _ in 0..2 {
        let mut found = BTreeSet::new();
        for address in next.drain(..) {
            let answer = hosted.get(&address).await;
            assert_eq!(answer.status, 200, "{address}: {}", answer.text());
            if address.starts_with("/stats/") {
                found.extend(links(answer.text()));
            }
        }
        next = found.difference(&known).cloned().collect();
        known.extend(found);
    }
    for address in ["/stats/?period=7d", "/stats/?country=NO", "/stats/?page=%2Fwalk%2F"] {
        assert!(known.contains(address), "{address} is not linked: {known:#?}");
    }
}

#[tokio::test]
async fn a_page_has_a_view_of_its_own() {
    let hosted = blog();
    read(&hosted).await;
    let shown = words(&page(&hosted, "?page=/swim/").await);
    for text in [
        "page: /swim/ ×",
        "A swim Published on 20 November 2026. 400 words.",
        "Views 2",
        "How far it is read",
        "the end 1 50 %",
    ] {
        assert!(shown.contains(text), "`{text}` is not in\n{shown}");
    }
    assert!(!shown.contains("A walk ↗"), "the pages are not listed again");
    // Nobody is told that there is an unlisted page.
    let secret = words(&page(&hosted, "?page=/hidden/").await);
    assert!(!secret.contains("A secret") && secret.contains("Views 0"), "{secret}");
}

#[tokio::test]
async fn a_post_is_compared_with_the_middle_of_the_others_from_its_first_day_on() {
    let hosted = blog();
    count(&hosted, "2026-11-19T10:00:00Z", view(90, 9, "/walk/", &json!({}))).await;
    read(&hosted).await;
    let shown = words(&page(&hosted, "?page=/hike/").await);
    assert!(
        shown.contains("beside those of the median post Day Views Median 1 0 2 0 3 2 4 3 5 3 "),
        "{shown}"
    );
}

#[tokio::test]
async fn a_list_is_shown_whole_sorted_and_searched() {
    let hosted = blog();
    for (id, name) in ["b.example", "a.example", "c.example"].iter().enumerate() {
        for visitor in 0..(3 + id as u64) {
            let id = id as u64 * 10 + visitor + 1;
            let from = json!({"referrer": format!("https://{name}/")});
            count(&hosted, "2026-11-24T07:00:00Z", view(id, id, "/walk/", &from)).await;
        }
    }
    let listed = |html: &str| {
        let shown = words(html);
        let places = ["a.example", "b.example", "c.example"].map(|name| shown.find(name));
        let mut named: Vec<_> =
            "abc".chars().zip(places).filter_map(|(c, at)| Some((at?, c))).collect();
        named.sort_unstable();
        named.into_iter().map(|(_, c)| c).collect::<String>()
    };
    for (query, order) in [
        ("?list=referrers", "cab"),
        ("?list=referrers&sort=name", "abc"),
        ("?list=referrers&sort=visitors", "cab"),
        ("?list=referrers&sort=nothing", "cab"),
        ("?list=referrers&search=A.EX", "a"),
        ("?list=referrers&search=nothing", ""),
    ] {
        assert_eq!(listed(&page(&hosted, query).await), order, "{query}");
    }
    assert_eq!(hosted.get("/stats/?list=all").await.status, 400);
    let fewer = page(&hosted, "?fewer=1").await;
    assert!(fewer.contains("<div class=\"fewer\">") && fewer.contains("Show all numbers"));
}

#[tokio::test]
async fn what_is_shown_is_a_table_for_spreadsheets_too() {
    let hosted = blog();
    read(&hosted).await;
    for visitor in 20..24 {
        let formula = json!({"utmCampaign": "=1+1,\"x\""});
        count(&hosted, "2026-11-24T07:50:00Z", view(visitor, visitor, "/walk/", &formula)).await;
    }
    for (query, first, second) in [
        ("list=pages", "path,title,views,visitors,reads", "/walk/,A walk,7,7,0"),
        ("list=campaigns", "utm_campaign,views,visitors", "\"'=1+1,\"\"x\"\"\",4,4"),
        (
            "period=7d",
            "date,views,visitors,visits,bounces,engaged_ms,reads",
            "2026-11-18T00:00:00+00:00,0,0,0,0,0,0",
        ),
    ] {
        let answer = hosted.get(&format!("/_/stats.csv?{query}")).await;
        let mut lines = answer.text().split("\r\n");
        assert_eq!((lines.next(), lines.next()), (Some(first), Some(second)), "{query}");
        assert!(answer.header("content-disposition").contains("attachment"));
    }
    hosted.clock.set(instant("2026-11-24T08:00:00Z"));
}
