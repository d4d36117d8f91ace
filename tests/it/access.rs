//! Who may see the statistics: strangers, who signs in, who comes by a link; and what each is shown.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use tallymark::config::Access;
use tallymark::permalink::BaseUrl;
use tallymark::server::{NewPassword, PasswordFile, ShareKey};
use tallymark::site::{PageEntry, PageKind, Site};

use crate::cli::expect;
use crate::hosted::{Answer, Hosted, NOW, PROXY, READER, Setup, add, catalog, get, path, request};
use crate::program::{Client, Folder, Ran, Server};
use crate::serving::next_event;
use crate::support::TestSite;

const PASSWORD: &str = "three blue herons";
const DAY: Duration = Duration::from_hours(24);

/// The addresses that tell numbers.
const TELLING: [&str; 4] = ["/stats/", "/_/stats.json", "/_/stats/live", "/_/stats.csv"];

/// A millisecond less.
fn just_before(time: Duration) -> Duration {
    time.saturating_sub(Duration::from_millis(1))
}

/// A site of a listed and an unlisted post, each a whole page.
fn blog() -> Site {
    let (mut catalog, sink) = catalog();
    for (at, title, listed) in [("/first/", "First post", true), ("/hidden/", "A secret", false)] {
        let html =
            format!("<!doctype html><title>{title}</title><body><p>{title}</p></body></html>");
        add(&mut catalog, &sink, at, &html);
        let entry = PageEntry { listed, ..PageEntry::named(title, PageKind::Post) };
        catalog.pages.insert(path(at), entry);
    }
    add(&mut catalog, &sink, "/_/privacy/", "<h1>Privacy</h1>");
    Site::new(catalog, sink.into_bodies())
}

fn setup(access: Access) -> Setup {
    Setup { site: blog(), access, password: Some(PASSWORD), ..Setup::default() }
}

fn private() -> Hosted {
    Hosted::new(setup(Access::Private))
}

/// A form as a browser sends it from a page of the site, with these headers besides or instead.
fn form(target: &str, body: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut all = vec![
        ("content-type", "application/x-www-form-urlencoded"),
        ("origin", "https://example.org"),
        ("sec-fetch-site", "same-origin"),
    ];
    all.retain(|(name, _)| headers.iter().all(|(other, _)| other != name));
    all.extend(headers.iter().filter(|(_, value)| !value.is_empty()));
    request(Method::POST, target, &all, Body::from(body.to_owned()))
}

/// What the form sends into which `password` was typed.
fn typed(password: &str) -> String {
    format!("username=example.org&password={}", password.replace(' ', "+"))
}

/// The cookie that an answer sets, as a browser sends it back.
#[track_caller]
fn cookie_of(answer: &Answer) -> String {
    let set = answer.header("set-cookie");
    assert!(!set.is_empty(), "{} sets no cookie", answer.status);
    set.split(';').next().unwrap().to_owned()
}

impl Hosted {
    async fn sign_in_with(&self, password: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(form("/_/sign-in", &typed(password), headers)).await
    }

    /// Signs in, and gives the cookie.
    async fn sign_in(&self) -> String {
        let answer = self.sign_in_with(PASSWORD, &[]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        cookie_of(&answer)
    }

    async fn get_as(&self, target: &str, cookie: &str) -> Answer {
        self.get_with(target, &[("cookie", cookie)]).await
    }

    /// Whether who shows this cookie is the owner.
    async fn is_owner(&self, cookie: &str) -> bool {
        let page = self.get_as("/stats/", cookie).await;
        page.status == StatusCode::OK && page.text().contains("You are signed in")
    }

    /// Opens a page, by a reader from a country that few others are in.
    async fn read(&self, id: u64, at: &str) {
        let event = json!({
            "type": "view", "view": format!("{id:016x}"), "path": at, "zone": "Europe/Oslo",
            "visitor": format!("6ba7b810-9dad-41d1-80b4-{id:012x}"),
        });
        self.count(event.to_string()).await;
    }
}

fn set_password(hosted: &Hosted, password: &str) {
    let password = NewPassword::parse(password).unwrap();
    PasswordFile::in_folder(hosted.folder.path()).set(&password).unwrap();
}

#[tokio::test]
async fn private_statistics_are_for_no_stranger() {
    let hosted = private();
    hosted.read(1, "/first/").await;
    let strange = format!("__Host-tallymark={}; tallymark=x", "0".repeat(64));
    for cookie in ["", &strange] {
        let page = hosted.get_as("/stats/", cookie).await;
        assert_eq!((page.status, page.header("location")), (StatusCode::SEE_OTHER, "/_/sign-in"));
        assert_eq!(page.header("cache-control"), "no-store");
        let asked = hosted.get_as("/stats/?period=7d&page=%2Ffirst%2F", cookie).await;
        assert_eq!(asked.header("location"), "/_/sign-in?period=7d&page=%2Ffirst%2F");
        assert_eq!(hosted.get_as("/stats", cookie).await.header("location"), "/stats/");
        for told in &TELLING[1..] {
            let answer = hosted.get_as(told, cookie).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{told}");
            assert!(answer.text().contains("sign in at `/_/sign-in`"), "{}", answer.text());
            assert_eq!(answer.header("cache-control"), "no-store", "{told}");
            assert!(answer.header("www-authenticate").starts_with("Bearer"), "{told}");
        }
    }
    assert!(!hosted.get("/_/metrics").await.text().contains("views_total"));
    let key = [("authorization", "Bearer the key")];
    assert_eq!(hosted.get_with("/_/stats.json", &key).await.json()["totalPageViews"], 1);
    assert_eq!(hosted.get("/first/").await.status, StatusCode::OK, "the site is for everybody");
}

#[tokio::test]
async fn a_site_that_becomes_private_is_so_with_the_next_build() {
    let hosted = Hosted::new(setup(Access::Public));
    let mut stream = hosted.open(get("/_/stats/live", &[])).await.into_body();
    next_event(&mut stream).await;
    next_event(&mut stream).await;
    let site = crate::hosted::site(|catalog| catalog.identity.private_stats = true);
    hosted.sites.send_replace(Arc::new(site));
    assert_eq!(hosted.get("/stats/").await.header("location"), "/_/sign-in");
    assert_eq!(hosted.get("/_/stats.json").await.status, StatusCode::UNAUTHORIZED);
    hosted.read(1, "/first/").await;
    assert_ends(stream).await;
}

/// Asserts that a stream tells nothing more.
async fn assert_ends(mut stream: Body) {
    use http_body_util::BodyExt as _;
    let rest = tokio::time::timeout(Duration::from_secs(20), stream.frame()).await;
    assert!(rest.unwrap().is_none(), "it goes on");
}

#[tokio::test]
async fn without_a_password_nobody_gets_in_and_is_told_how_to_set_one() {
    let hosted = Hosted::new(Setup { password: None, ..setup(Access::Private) });
    let page = hosted.get("/_/sign-in").await;
    assert!(page.text().contains("tallymark stats password"), "{}", page.text());
    assert!(page.text().contains("TALLYMARK_PASSWORD") && !page.text().contains("<form"));
    for password in ["", PASSWORD] {
        let answer = hosted.sign_in_with(password, &[]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert!(answer.header("set-cookie").is_empty());
        assert!(answer.text().contains("No password is set"));
    }
    set_password(&hosted, PASSWORD);
    assert!(hosted.get("/_/sign-in").await.text().contains("<form"));
    let cookie = hosted.sign_in().await;
    assert!(hosted.is_owner(&cookie).await, "a running server has noticed");
}

#[tokio::test]
async fn the_form_works_without_a_script_and_nobody_can_frame_it() {
    let hosted = private();
    let page = hosted.get("/_/sign-in?period=7d&x=%22%3E").await;
    assert_eq!(page.status, StatusCode::OK);
    for part in [
        "<form method=\"post\" action=\"/_/sign-in?period=7d&amp;x=%22%3E\">",
        "<label for=\"password\">",
        "type=\"password\" autocomplete=\"current-password\" required autofocus",
    ] {
        assert!(page.text().contains(part), "{part} is not in {}", page.text());
    }
    let wrong = hosted.sign_in_with("not that one", &[]).await;
    assert_eq!(wrong.status, StatusCode::FORBIDDEN);
    assert!(wrong.text().contains("role=\"alert\""), "{}", wrong.text());
    assert!(wrong.text().contains("That is not the password."));
    assert!(wrong.header("set-cookie").is_empty() && !wrong.text().contains("not that one"));
    let cookie = hosted.sign_in().await;
    let dashboard = hosted.get_as("/stats/", &cookie).await;
    for answer in [&page, &wrong, &dashboard] {
        assert_eq!(answer.header("cache-control"), "no-store");
        assert!(answer.header("etag").is_empty());
        let policy = answer.header("content-security-policy");
        for part in ["default-src 'none'", "form-action 'self'", "frame-ancestors 'none'"] {
            assert!(policy.contains(part) && !policy.contains("unsafe"), "{policy}");
        }
        for (name, value) in [
            ("x-frame-options", "DENY"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "strict-origin-when-cross-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), value, "{name}");
        }
    }
}

#[tokio::test]
async fn who_signs_in_is_known_until_they_sign_out() {
    let hosted = private();
    let answer = hosted.send(form("/_/sign-in?period=7d", &typed(PASSWORD), &[])).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (StatusCode::SEE_OTHER, "/stats/?period=7d")
    );
    let set = answer.header("set-cookie");
    let (name, rest) = set.split_once('=').unwrap();
    let (ticket, flags) = rest.split_once("; ").unwrap();
    assert_eq!((name, ticket.len()), ("__Host-tallymark", 64));
    assert!(ticket.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(flags, "Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict; Secure");
    let first = cookie_of(&answer);
    for told in TELLING {
        let answer = hosted.open(get(told, &[("cookie", &first)])).await;
        assert_eq!(answer.status(), StatusCode::OK, "{told}");
    }
    let form_again = hosted.get_as("/_/sign-in?period=7d", &first).await;
    assert_eq!(form_again.header("location"), "/stats/?period=7d", "they are in already");

    let answer = hosted.sign_in_with(PASSWORD, &[("cookie", &first)]).await;
    let second = cookie_of(&answer);
    assert_ne!(first, second);
    assert!(!hosted.is_owner(&first).await && hosted.is_owner(&second).await);

    let other = hosted.sign_in().await;
    let out = hosted.send(form("/_/sign-out", "", &[("cookie", &second)])).await;
    assert_eq!((out.status, out.header("location")), (StatusCode::SEE_OTHER, "/_/sign-in"));
    let removed = "__Host-tallymark=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict; Secure";
    assert_eq!(out.header("set-cookie"), removed);
    assert!(!hosted.is_owner(&second).await && hosted.is_owner(&other).await);

    let third = hosted.sign_in().await;
    hosted.send(form("/_/sign-out", "everywhere=1", &[])).await;
    assert!(hosted.is_owner(&other).await, "a stranger signs nobody out");
    hosted.send(form("/_/sign-out", "everywhere=1", &[("cookie", &third)])).await;
    assert!(!hosted.is_owner(&other).await && !hosted.is_owner(&third).await);
}

#[tokio::test]
async fn over_http_the_cookie_is_for_the_path_of_the_site() {
    let (mut catalog, sink) = catalog();
    catalog.identity.base = BaseUrl::parse("http://localhost:4747/blog").unwrap();
    let site = Site::new(catalog, sink.into_bodies());
    let hosted = Hosted::new(Setup { site, ..setup(Access::Private) });
    let own = [("host", "localhost:4747"), ("origin", "http://localhost:4747")];
    let answer = hosted.send(form("/blog/_/sign-in", &typed(PASSWORD), &own)).await;
    assert_eq!(answer.header("location"), "/blog/stats/");
    let (cookie, flags) = answer.header("set-cookie").split_once("; ").unwrap();
    assert!(cookie.starts_with("tallymark="), "{cookie}");
    assert_eq!(flags, "Path=/blog/; Max-Age=2592000; HttpOnly; SameSite=Strict");
    assert!(
        hosted.get_as("/blog/stats/", cookie).await.text().contains("action=\"/blog/_/sign-out\"")
    );
}

#[tokio::test]
async fn a_form_of_another_site_does_nothing() {
    let hosted = private();
    let cookie = hosted.sign_in().await;
    for headers in [
        &[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")][..],
        &[("origin", "https://evil.example"), ("sec-fetch-site", "")],
        &[("origin", "null"), ("sec-fetch-site", "")],
        &[("origin", ""), ("sec-fetch-site", "cross-site")],
        &[("origin", "https://sub.example.org"), ("sec-fetch-site", "same-site")],
        &[("origin", "https://other.example"), ("sec-fetch-site", "cross-site")],
        &[("origin", ""), ("sec-fetch-site", "")],
    ] {
        let answer = hosted.sign_in_with(PASSWORD, headers).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{headers:?}");
        assert!(answer.header("set-cookie").is_empty(), "{headers:?}");
        let all: Vec<_> = headers.iter().copied().chain([("cookie", cookie.as_str())]).collect();
        let answer = hosted.send(form("/_/sign-out", "everywhere=1", &all)).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{headers:?}");
    }
    let read = hosted.get_as("/_/sign-out", &cookie).await;
    assert_eq!(read.status, StatusCode::METHOD_NOT_ALLOWED, "a link signs nobody out");
    for (body, kind, status) in [
        (typed(PASSWORD), "text/plain", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (typed(PASSWORD), "", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("x".repeat(4097), "application/x-www-form-urlencoded", StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let answer = hosted.send(form("/_/sign-in", &body, &[("content-type", kind)])).await;
        assert_eq!(answer.status, status, "{kind}");
    }
    assert!(hosted.is_owner(&cookie).await);
}

#[tokio::test]
async fn who_guesses_has_to_wait() {
    let hosted = private();
    for _ in 0..5 {
        assert_eq!(hosted.sign_in_with("a wrong one", &[]).await.status, StatusCode::FORBIDDEN);
    }
    let answer = hosted.sign_in_with(PASSWORD, &[]).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "the right one tells no more");
    assert_eq!(answer.header("retry-after"), "60");
    assert!(answer.text().contains("Try again in 60 seconds."), "{}", answer.text());

    let by_proxy = |client: &'static str| {
        let mut request = form("/_/sign-in", &typed("a wrong one"), &[("x-forwarded-for", client)]);
        request.extensions_mut().insert(tallymark::server::Peer(PROXY.parse().unwrap()));
        request
    };
    assert_eq!(hosted.send(by_proxy(READER)).await.status, StatusCode::TOO_MANY_REQUESTS);
    for (client, status) in [
        ("2001:db8:1:2::1", StatusCode::FORBIDDEN),
        ("2001:db8:1:2::2", StatusCode::FORBIDDEN),
        ("2001:db8:1:2::3", StatusCode::FORBIDDEN),
        ("2001:db8:1:2::4", StatusCode::FORBIDDEN),
        ("2001:db8:1:2::5", StatusCode::FORBIDDEN),
        ("2001:db8:1:2::6", StatusCode::TOO_MANY_REQUESTS),
        ("2001:db8:1:3::1", StatusCode::FORBIDDEN),
    ] {
        assert_eq!(hosted.send(by_proxy(client)).await.status, status, "{client}");
    }
    hosted.clock.advance(Duration::from_millis(59_999));
    assert_eq!(hosted.sign_in_with(PASSWORD, &[]).await.status, StatusCode::TOO_MANY_REQUESTS);
    hosted.clock.advance(Duration::from_millis(1));
    hosted.sign_in().await;
}

#[tokio::test]
async fn many_addresses_together_have_to_wait_too() {
    let hosted = private();
    let guess = |number: usize| {
        let client = format!("198.51.100.{number}");
        let mut request =
            form("/_/sign-in", &typed("a wrong one"), &[("x-forwarded-for", &client)]);
        request.extensions_mut().insert(tallymark::server::Peer(PROXY.parse().unwrap()));
        request
    };
    for number in 0..30 {
        assert_eq!(hosted.send(guess(number)).await.status, StatusCode::FORBIDDEN, "{number}");
    }
    assert_eq!(hosted.send(guess(30)).await.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(hosted.sign_in_with(PASSWORD, &[]).await.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn two_passwords_are_checked_at_once_and_no_more() {
    let hosted = private();
    let attempt = || hosted.sign_in_with(PASSWORD, &[]);
    let (a, b, c, d) = tokio::join!(attempt(), attempt(), attempt(), attempt());
    let statuses = [&a, &b, &c, &d].map(|answer| answer.status);
    let busy = StatusCode::TOO_MANY_REQUESTS;
    assert_eq!(statuses, [StatusCode::SEE_OTHER, StatusCode::SEE_OTHER, busy, busy]);
    assert_eq!((c.header("retry-after"), d.header("retry-after")), ("1", "1"));
    for _ in 0..5 {
        hosted.sign_in().await;
    }
}

#[tokio::test]
async fn a_session_ends_a_week_after_the_last_visit_and_a_month_after_the_first() {
    let hosted = Hosted::new(Setup { is_counted: false, ..setup(Access::Private) });
    let moment = Duration::from_millis(1);
    let cookie = hosted.sign_in().await;
    hosted.clock.advance(just_before(7 * DAY));
    assert!(hosted.is_owner(&cookie).await);
    hosted.clock.advance(7 * DAY);
    assert!(!hosted.is_owner(&cookie).await);

    let cookie = hosted.sign_in().await;
    for _ in 0..5 {
        hosted.clock.advance(just_before(6 * DAY));
        assert!(hosted.is_owner(&cookie).await);
    }
    hosted.clock.advance(5 * moment);
    assert!(!hosted.is_owner(&cookie).await);
}

#[tokio::test]
async fn sessions_outlive_a_restart_but_not_another_password() {
    let first = private();
    let cookie = first.sign_in().await;
    let again = |password| Setup { password, is_counted: false, ..setup(Access::Private) };
    let folder = || Arc::clone(&first.folder);
    assert!(Hosted::within(folder(), again(Some(PASSWORD))).is_owner(&cookie).await);
    let other = Hosted::within(folder(), again(Some("four grey herons")));
    assert!(!other.is_owner(&cookie).await);
    assert!(!Hosted::within(folder(), again(Some(PASSWORD))).is_owner(&cookie).await, "for good");

    let hosted = Hosted::within(folder(), again(None));
    set_password(&hosted, PASSWORD);
    let cookie = hosted.sign_in().await;
    assert!(Hosted::within(folder(), again(None)).is_owner(&cookie).await);
    set_password(&hosted, PASSWORD);
    assert!(!hosted.is_owner(&cookie).await, "set again is set anew");
    #[cfg(unix)]
    for file in ["sessions.json", "password"] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(hosted.folder.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[tokio::test]
async fn an_open_dashboard_of_who_signs_out_is_told_nothing_more() {
    let hosted = private();
    let cookie = hosted.sign_in().await;
    let mut stream = hosted.open(get("/_/stats/live", &[("cookie", &cookie)])).await.into_body();
    next_event(&mut stream).await;
    hosted.read(1, "/hidden/").await;
    let mut told = next_event(&mut stream).await;
    if !told.contains("A secret") {
        told = next_event(&mut stream).await;
    }
    assert!(told.contains("A secret"), "{told}");
    hosted.send(form("/_/sign-out", "", &[("cookie", &cookie)])).await;
    hosted.read(2, "/first/").await;
    assert_ends(stream).await;
}

#[tokio::test]
async fn the_owner_sees_what_others_do_not() {
    let hosted = Hosted::new(setup(Access::Public));
    hosted.read(1, "/first/").await;
    hosted.read(2, "/hidden/").await;
    let cookie = hosted.sign_in().await;
    let titles = |json: &Value| {
        let rows = json["pageStats"].as_array().unwrap().iter();
        rows.map(|row| row["title"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let public = hosted.get("/_/stats.json?period=7d").await.json();
    assert_eq!(
        (titles(&public), &public["countries"]),
        (vec!["First post".to_owned()], &json!([]))
    );
    assert_eq!(public["activeByPath"].as_array().unwrap().len(), 1);
    let owner = hosted.get_as("/_/stats.json?period=7d", &cookie).await.json();
    assert_eq!(titles(&owner), ["First post", "A secret"]);
    assert_eq!(owner["countries"][0]["value"], "NO");
    assert_eq!(owner["activeByPath"].as_array().unwrap().len(), 2);
    for query in ["", "?period=7d"] {
        let target = format!("/stats/{query}");
        for (cookie, sees) in [("", false), (cookie.as_str(), true), ("", false)] {
            let page = hosted.get_as(&target, cookie).await;
            assert_eq!(page.text().contains("A secret"), sees, "{target} {cookie}");
            assert_eq!(page.text().contains("Sign out"), sees, "{target} {cookie}");
        }
    }
    for (cookie, sees) in [("", false), (cookie.as_str(), true)] {
        let mut stream = hosted.open(get("/_/stats/live", &[("cookie", cookie)])).await.into_body();
        let told = next_event(&mut stream).await + &next_event(&mut stream).await;
        assert_eq!(told.contains("A secret"), sees, "{told}");
        let csv = hosted.get_as("/_/stats.csv?list=pages", cookie).await;
        assert_eq!(csv.text().contains("A secret"), sees, "{}", csv.text());
    }
    hosted.send(form("/_/sign-out", "", &[("cookie", &cookie)])).await;
    assert!(!hosted.get_as("/stats/", &cookie).await.text().contains("A secret"));
}

#[tokio::test]
async fn where_nothing_is_shown_nobody_signs_in() {
    let hosted = Hosted::new(setup(Access::Off));
    assert_eq!(hosted.get("/_/sign-in").await.status, StatusCode::NOT_FOUND);
    assert_eq!(hosted.sign_in_with(PASSWORD, &[]).await.status, StatusCode::NOT_FOUND);
    let link = ShareKey::in_folder(hosted.folder.path()).invite(NOW + DAY).unwrap();
    let answer = hosted.get(&format!("/stats/?share={link}")).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_link_lets_a_guest_in_for_a_time() {
    let hosted = private();
    hosted.read(1, "/first/").await;
    hosted.read(2, "/hidden/").await;
    let key = ShareKey::in_folder(hosted.folder.path());
    let link = key.invite(NOW + 3 * DAY).unwrap();
    let opened = hosted.get(&format!("/stats/?period=7d&share={link}")).await;
    assert_eq!(
        (opened.status, opened.header("location")),
        (StatusCode::SEE_OTHER, "/stats/?period=7d")
    );
    assert_eq!(opened.header("cache-control"), "no-store");
    let set = opened.header("set-cookie");
    // Sent along when a letter leads here; a guest can do nothing that another site could make them do.
    let flags = "; Path=/; Max-Age=259200; HttpOnly; SameSite=Lax; Secure";
    assert!(set.starts_with("__Host-tallymark-guest=") && set.ends_with(flags), "{set}");
    let guest = cookie_of(&opened);
    assert!(!guest.contains(&link), "the cookie is not the link");
    let page = hosted.get_as("/stats/", &guest).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text().contains("First post") && !page.text().contains("A secret"));
    assert!(page.text().contains("by a link") && !page.text().contains("Sign out"));
    let report = hosted.get_as("/_/stats.json?period=7d", &guest).await.json();
    assert_eq!(report["countries"], json!([]), "as the public would see it");
    assert!(!hosted.get_as("/first/", &guest).await.text().contains("author-bar"));

    let (end, signature) = link.split_once('.').unwrap();
    let later = end.parse::<i64>().unwrap() + 86_400;
    for forged in [format!("{later}.{signature}"), "x".into(), String::new(), format!("{end}.00")] {
        let answer = hosted.get(&format!("/stats/?share={forged}")).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{forged}");
        assert!(answer.header("set-cookie").is_empty());
        assert!(answer.text().contains("This link has ended, or is not whole."), "{forged}");
    }

    hosted.clock.advance(just_before(3 * DAY));
    assert_eq!(hosted.get_as("/stats/", &guest).await.status, StatusCode::OK);
    hosted.clock.advance(Duration::from_millis(1));
    assert_eq!(hosted.get_as("/stats/", &guest).await.status, StatusCode::SEE_OTHER);
    let answer = hosted.get(&format!("/stats/?share={link}")).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn links_are_revoked_and_guests_go_with_another_password() {
    let hosted = Hosted::new(Setup { password: None, is_counted: false, ..setup(Access::Private) });
    set_password(&hosted, PASSWORD);
    let key = ShareKey::in_folder(hosted.folder.path());
    let target = format!("/stats/?share={}", key.invite(NOW + DAY).unwrap());
    let guest = cookie_of(&hosted.get(&target).await);
    set_password(&hosted, "four grey herons");
    assert_eq!(hosted.get_as("/stats/", &guest).await.status, StatusCode::SEE_OTHER);
    let guest = cookie_of(&hosted.get(&target).await);
    assert_eq!(hosted.get_as("/stats/", &guest).await.status, StatusCode::OK);
    assert!(key.revoke().unwrap());
    assert_eq!(hosted.get_as("/stats/", &guest).await.status, StatusCode::SEE_OTHER);
    assert_eq!(hosted.get(&target).await.status, StatusCode::FORBIDDEN);
    let public = Hosted::new(setup(Access::Public));
    let answer = public.get("/stats/?share=anything&period=7d").await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (StatusCode::SEE_OTHER, "/stats/?period=7d")
    );
    assert!(answer.header("set-cookie").is_empty(), "nobody needs it");
}

#[tokio::test]
async fn the_owner_sees_on_a_page_itself_how_it_is_read_and_nobody_else_does() {
    for access in [Access::Public, Access::Private] {
        let hosted = Hosted::new(setup(access));
        hosted.read(1, "/first/").await;
        hosted.read(2, "/first/").await;
        let before = hosted.get("/first/").await;
        let cookie = hosted.sign_in().await;
        for accepted in ["", "gzip"] {
            let headers = [("cookie", cookie.as_str()), ("accept-encoding", accepted)];
            let page = hosted.get_with("/first/", &headers).await;
            assert_eq!(page.header("cache-control"), "private, no-store");
            assert!(page.header("etag").is_empty() && page.header("accept-ranges").is_empty());
            assert_eq!(page.header("content-length"), page.body.len().to_string());
        }
        let tag = before.header("etag");
        let headers = [("cookie", cookie.as_str()), ("if-none-match", tag), ("range", "bytes=0-3")];
        let page = hosted.get_with("/first/", &headers).await;
        assert_eq!(page.status, StatusCode::OK);
        let text = page.text().replace("</b>", "").replace("<b>", "");
        for part in [
            "<p>First post</p><aside class=\"author-bar\" aria-label=",
            "2 views",
            "2 visitors",
            "0 reads",
            "2 reading now",
            "href=\"/stats/?page=%2Ffirst%2F\"",
        ] {
            assert!(text.contains(part), "`{part}` is not in {text}");
        }
        assert!(text.trim_end().ends_with("</aside>\n</body></html>"), "{text}");
        assert!(!text.contains("style="), "no policy would allow it");
        let hidden = hosted.get_as("/hidden/", &cookie).await;
        assert!(hidden.text().contains("author-bar"), "unlisted pages have one as well");
        assert_eq!(hosted.get_as("/feed.xml", &cookie).await.text(), "<feed/>");
        assert_eq!(hosted.get_as("/nothing/", &cookie).await.status, StatusCode::NOT_FOUND);
        for strange in ["", "tallymark=1", "__Host-tallymark=1; a=b"] {
            let after = hosted.get_as("/first/", strange).await;
            assert_eq!((after.body, after.headers), (before.body.clone(), before.headers.clone()));
        }
    }
}

#[tokio::test]
async fn the_privacy_page_is_at_its_address_with_and_without_a_slash() {
    for access in [Access::Public, Access::Private, Access::Off] {
        let hosted = Hosted::new(setup(access));
        for target in ["/_/privacy", "/_/privacy/"] {
            let page = hosted.get(target).await;
            assert_eq!(
                (page.status, page.text()),
                (StatusCode::OK, "<h1>Privacy</h1>"),
                "{target}"
            );
        }
    }
}

/// The text of the privacy page of a site with these settings, as it is read.
fn privacy(settings: &str) -> String {
    let site = TestSite::new(&[("content/home.md", "Hello.")]);
    let common = "base_url = \"https://example.org\"\ntitle = \"Herons\"\n";
    site.write("tallymark.toml", &format!("{common}{settings}"));
    let rendered = site.render();
    assert_eq!(rendered.problems, [], "{settings}");
    let html = rendered.text("/_/privacy/");
    assert!(!html.contains("beacon"), "who reads it is not counted");
    let mut text = String::new();
    let mut is_tag = false;
    for letter in html.chars() {
        match letter {
            '<' => is_tag = true,
            '>' => is_tag = false,
            letter if !is_tag => text.push(letter),
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_privacy_page_says_what_the_settings_do() {
    let (public, private) =
        ("Everybody sees the statistics", "who has a password, and those whom they have sent");
    let (obeyed, ignored) =
        ("you are not counted: the script sends nothing", "are not heeded here");
    let (persistent, daily, none) = (
        "stands for your browser, so that several views are known",
        "thrown away when the day is over",
        "nothing that tells visitors apart",
    );
    let (for_ever, once) = ("No end is set", "are forgotten after");
    for (settings, says, says_not) in [
        (
            "",
            &[public, obeyed, persistent, for_ever, "without cookies, and tells nobody else"][..],
            &[private, ignored, daily, none, once][..],
        ),
        ("[analytics]\nvisitor_id = \"daily\"", &[daily], &[persistent, none]),
        (
            "[analytics]\nvisitor_id = \"none\"",
            &[none, "keeps nothing for this"],
            &[persistent, daily, "forgets the id", "random id, which"],
        ),
        (
            "[analytics]\nretention = \"13 months\"",
            &["are forgotten after 13 months. Sums stay"],
            &[for_ever],
        ),
        ("[analytics]\nrespect_gpc = false", &[ignored], &[obeyed]),
        ("[stats]\naccess = \"private\"", &[private, "Readers get none."], &[public]),
        (
            "[stats]\naccess = \"off\"",
            &["The statistics are not on the web.", "There are none."],
            &[public, private],
        ),
        (
            "[analytics]\nendpoint = \"https://count.example\"",
            &[
                "with a server at count.example",
                "https://count.example/_/privacy/",
                "That is decided at count.example.",
            ],
            &[public, "It does so itself"],
        ),
        (
            "[analytics]\nenabled = false",
            &["does not count its readers", "There are none."],
            &[public, persistent, obeyed, "What is stored"],
        ),
    ] {
        let text = privacy(settings);
        for part in says {
            assert!(text.contains(part), "{settings}: `{part}` is not in {text}");
        }
        for part in says_not {
            assert!(!text.contains(part), "{settings}: `{part}` is in {text}");
        }
    }
}

#[test]
fn every_page_leads_to_what_is_said_of_privacy() {
    let site = TestSite::new(&[("content/home.md", "[More](/_/privacy/)")]);
    let rendered = site.render();
    assert_eq!(rendered.problems, []);
    assert!(rendered.text("/").contains("<a href=\"/_/privacy/\">Privacy</a>"));
    assert!(rendered.text("/_/privacy/").contains("href=\"/#dont-count\""));
}

/// Runs a command, which reads `input`.
fn run_with(folder: &Folder, args: &[&str], input: &str) -> Ran {
    use std::io::Write as _;
    use std::process::Stdio;
    let file = folder.path("input");
    std::fs::File::create(&file).unwrap().write_all(input.as_bytes()).unwrap();
    let mut command = folder.command(args);
    command.stdin(Stdio::from(std::fs::File::open(file).unwrap()));
    Ran::of(command)
}

const PRIVATE: &str =
    "base_url = \"https://example.org\"\ntitle = \"Mine\"\n[stats]\naccess = \"private\"\n";

#[test]
fn the_owner_sets_a_password_and_sends_links_from_the_terminal() {
    let post = "---\ntitle: Hello\ndate: 2025-01-02\n---\n\nHello, reader.\n";
    let folder = Folder::with(&[("tallymark.toml", PRIVATE), ("content/blog/hello.md", post)]);
    let short = run_with(&folder, &["stats", "password"], "1234567\n");
    expect(&short, 2, &["a password has at least 8 characters"]);
    assert!(!folder.has("state/password"));
    let server = folder.serve(&["--no-watch"]);
    assert!(server.log().contains("no password is set"), "{}", server.log());
    let set = run_with(&folder, &["stats", "password"], "three blue herons\r\n");
    expect(&set, 0, &["the password is set", "sign in at https://example.org/_/sign-in"]);
    assert_eq!(set.out, "");
    assert!(!folder.read("state/password").contains("herons"));

    let mut client = Client::new(server.address);
    let body = typed(PASSWORD);
    let head = format!(
        "POST /_/sign-in HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Origin: https://example.org\r\nContent-Length: {}\r\n",
        body.len()
    );
    let answer = client.exchange(&head, &body).unwrap();
    assert_eq!(answer.status, 303, "{}", answer.head);
    let set = answer.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    let cookie = set.split(';').next().unwrap().to_owned();
    let mut get = |target: &str, cookie: &str| {
        let head = format!("GET {target} HTTP/1.1\r\nCookie: {cookie}\r\n");
        client.exchange(&head, "").unwrap()
    };
    // What was answered to others is ready to be answered again, and is not what the owner gets, nor the other way round.
    for _ in 0..3 {
        let (plain, own) = (get("/hello/", "a=b"), get("/hello/", &cookie));
        assert!(
            !plain.body.contains("author-bar") && plain.head.contains("etag: "),
            "{}",
            plain.head
        );
        assert!(own.body.contains("author-bar") && !own.head.contains("etag: "), "{}", own.head);
    }
    assert_eq!(get("/stats/", &cookie).status, 200);

    for (args, code, words) in [
        (&["--until", "2020-01-01"][..], 2, "`2020-01-01` is over"),
        (&["--until", "soon"], 2, "`soon` is no day; write it as"),
        (&["--days", "0"], 2, "0 is not in 1"),
        (&["--days", "1", "--until", "2040-01-01"], 2, "cannot be used with"),
        (&["--days", "3"], 0, "ends all links"),
    ] {
        expect(&folder.run(&[&["stats", "share"], args].concat()), code, &[words]);
    }
    let link = folder.run(&["stats", "share"]).out;
    let target = link.trim().strip_prefix("https://example.org").unwrap().to_owned();
    assert!(target.starts_with("/stats/?share="), "{link}");
    assert_eq!(get(&target, "").status, 303);
    expect(&folder.run(&["stats", "share", "--revoke"]), 0, &["all links have ended"]);
    expect(&folder.run(&["stats", "share", "--revoke"]), 0, &["there are no links"]);
    assert_eq!(get(&target, "").status, 403);
    expect(&folder.run(&["stats"]), 0, &[]);
    expect(&folder.run(&["stats", "/hello/"]), 0, &[]);
}

#[test]
fn a_password_in_the_environment_is_one_or_the_server_does_not_start() {
    let folder = Folder::with(&[("tallymark.toml", PRIVATE), ("content/about.md", "# About\n")]);
    let mut command = folder.command(&["serve", "--port", "0"]);
    command.env("TALLYMARK_PASSWORD", "short");
    let told = "`TALLYMARK_PASSWORD` cannot be used: a password has at least 8 characters";
    expect(&Ran::of(command), 2, &[told]);
    let mut command = folder.command(&["serve", "--port", "0", "--no-watch"]);
    command.env("TALLYMARK_PASSWORD", PASSWORD);
    let server = Server::start(command);
    assert!(!server.log().contains("no password is set"), "{}", server.log());
    let nowhere = Folder::new();
    expect(&run_with(&nowhere, &["stats", "password"], "three blue herons\n"), 2, &["no site in"]);
}
