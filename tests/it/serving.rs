//! The built site as the web sees it: forms, versions, ranges, redirects, refusals, and the limits of sockets.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{Method, StatusCode};
use tallymark::permalink::BaseUrl;
use tallymark::server::{self, DevProblem, DevState, Limits};
use tallymark::site::{Digest, Site};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};

use crate::hosted::{BROWSER, Hosted, Setup, get, in_folder, request, site};

#[tokio::test]
async fn each_file_has_its_type_and_its_caching() {
    let hosted = Hosted::default();
    for (target, content_type, caching) in [
        ("/", "text/html; charset=utf-8", "no-cache"),
        ("/first/", "text/html; charset=utf-8", "no-cache"),
        ("/gr%C3%B6%C3%9Fe/", "text/html; charset=utf-8", "no-cache"),
        ("/feed.xml", "application/atom+xml; charset=utf-8", "no-cache"),
        ("/style.0123abcd.css", "text/css; charset=utf-8", "public, max-age=31536000, immutable"),
        ("/logo.svg", "image/svg+xml", "public, max-age=600"),
    ] {
        let answer = hosted.get(target).await;
        assert_eq!(answer.status, StatusCode::OK, "{target}");
        assert_eq!(answer.header("content-type"), content_type, "{target}");
        assert_eq!(answer.header("cache-control"), caching, "{target}");
        assert_eq!(answer.header("content-length"), answer.body.len().to_string(), "{target}");
        assert_eq!(answer.header("vary"), "accept-encoding", "{target}");
        assert!(answer.header("etag").starts_with('"'), "{target}");
    }
}

#[tokio::test]
async fn every_encoding_has_the_same_text_and_a_tag_of_its_own() {
    let hosted = Hosted::default();
    let plain = hosted.get("/first/").await;
    let mut tags = vec![plain.header("etag").to_owned()];
    for encoding in ["br", "zstd", "gzip"] {
        let answer = hosted.get_with("/first/", &[("accept-encoding", encoding)]).await;
        assert_eq!(answer.header("content-encoding"), encoding);
        assert_eq!(answer.header("content-length"), answer.body.len().to_string());
        assert!(answer.body.len() < plain.body.len() / 5, "{encoding}");
        assert_eq!(decode(encoding, &answer.body), plain.body, "{encoding}");
        tags.push(answer.header("etag").to_owned());
    }
    for (index, tag) in tags.iter().enumerate() {
        assert!(!tags[..index].contains(tag), "{tag} stands for two forms");
    }
    let short = hosted.get_with("/second/", &[("accept-encoding", "br")]).await;
    assert_eq!(short.header("content-encoding"), "", "not worth it");
}

fn decode(encoding: &str, bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    match encoding {
        "br" => brotli::BrotliDecompress(&mut &*bytes, &mut decoded).unwrap(),
        "zstd" => decoded = zstd::decode_all(bytes).unwrap(),
        _ => drop(flate2::read::GzDecoder::new(bytes).read_to_end(&mut decoded).unwrap()),
    }
    decoded
}

#[tokio::test]
async fn a_known_version_is_not_sent_again() {
    let hosted = Hosted::default();
    for encoding in ["identity", "br", "gzip"] {
        let first = hosted.get_with("/first/", &[("accept-encoding", encoding)]).await;
        let tag = first.header("etag");
        for (known, status) in [
            (tag.to_owned(), StatusCode::NOT_MODIFIED),
            (format!("\"x\", W/{tag}"), StatusCode::NOT_MODIFIED),
            ("*".to_owned(), StatusCode::NOT_MODIFIED),
            ("\"x\"".to_owned(), StatusCode::OK),
        ] {
            let headers = [("accept-encoding", encoding), ("if-none-match", known.as_str())];
            let answer = hosted.get_with("/first/", &headers).await;
            assert_eq!(answer.status, status, "{encoding} {known}");
            assert_eq!(answer.header("etag"), tag);
            assert_eq!(answer.header("cache-control"), "no-cache");
            assert_eq!(answer.body.is_empty(), status == StatusCode::NOT_MODIFIED);
        }
    }
    let plain = hosted.get("/first/").await;
    let other_form = [("accept-encoding", "br"), ("if-none-match", plain.header("etag"))];
    assert_eq!(hosted.get_with("/first/", &other_form).await.status, StatusCode::OK);
}

#[tokio::test]
async fn ranges_are_parts_of_the_plain_file() {
    let hosted = Hosted::default();
    let tag = hosted.get("/letters.txt").await.header("etag").to_owned();
    for (range, condition, status, body, content_range) in [
        ("bytes=0-2", "", 206, "abc", "bytes 0-2/10"),
        ("bytes=7-", "", 206, "hij", "bytes 7-9/10"),
        ("bytes=-2", "", 206, "ij", "bytes 8-9/10"),
        ("bytes=8-99", "", 206, "ij", "bytes 8-9/10"),
        ("bytes=10-", "", 416, "", "bytes */10"),
        ("bytes=0-1,4-5", "", 200, "abcdefghij", ""),
        ("bytes=nonsense", "", 200, "abcdefghij", ""),
        ("bytes=0-2", tag.as_str(), 206, "abc", "bytes 0-2/10"),
        ("bytes=0-2", "\"other\"", 200, "abcdefghij", ""),
    ] {
        let mut headers = vec![("range", range), ("accept-encoding", "br, gzip")];
        headers.extend((!condition.is_empty()).then_some(("if-range", condition)));
        let answer = hosted.get_with("/letters.txt", &headers).await;
        assert_eq!(answer.status.as_u16(), status, "{range} {condition}");
        assert_eq!(answer.text(), body, "{range} {condition}");
        assert_eq!(answer.header("content-range"), content_range, "{range} {condition}");
        assert_eq!(answer.header("content-encoding"), "");
    }
    let head = request(Method::HEAD, "/letters.txt", &[("range", "bytes=0-2")], Body::empty());
    assert_eq!(hosted.send(head).await.status, StatusCode::OK, "ranges are for GET");
    let long =
        hosted.get_with("/first/", &[("range", "bytes=3-6"), ("accept-encoding", "br")]).await;
    assert_eq!(long.text(), "to b", "a range of a page that has compressed forms");
}

#[tokio::test]
async fn head_answers_as_get_does_without_the_body() {
    let hosted = Hosted::default();
    for target in ["/", "/first/", "/nowhere/", "/old/", "/stats/", "/_/stats.json", "/_/health"] {
        for encoding in ["identity", "gzip"] {
            let headers = [("accept-encoding", encoding)];
            let got = hosted.get_with(target, &headers).await;
            let head = request(Method::HEAD, target, &headers, Body::empty());
            let head = hosted.send(head).await;
            assert_eq!(head.status, got.status, "{target}");
            assert_eq!(head.headers, got.headers, "{target}");
            assert!(head.body.is_empty(), "{target}");
        }
    }
}

#[tokio::test]
async fn other_methods_are_told_what_is_allowed() {
    let hosted = Hosted::default();
    for (method, target, status, allowed) in [
        (Method::POST, "/", 405, "GET, HEAD, OPTIONS"),
        (Method::DELETE, "/first/", 405, "GET, HEAD, OPTIONS"),
        (Method::TRACE, "/", 405, "GET, HEAD, OPTIONS"),
        (Method::OPTIONS, "/", 204, "GET, HEAD, OPTIONS"),
        (Method::GET, "/_/event", 405, "POST,OPTIONS"),
        (Method::POST, "/_/stats.json", 405, "GET,HEAD"),
    ] {
        let answer = hosted.send(request(method.clone(), target, &[], Body::empty())).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {target}");
        assert_eq!(answer.header("allow"), allowed, "{method} {target}");
    }
}

#[tokio::test]
async fn every_other_spelling_leads_to_the_one_address() {
    let hosted = Hosted::default();
    for (target, location) in [
        ("/first", "/first/"),
        ("/first?a=b&c", "/first/?a=b&c"),
        ("/FIRST/", "/first/"),
        ("/about/", "/About/"),
        ("/first/index.html", "/first/"),
        ("/%66irst/", "/first/"),
        ("/old/", "/first/"),
        ("/OLD?x", "/first/?x"),
        ("/Gr%C3%B6%C3%9Fe", "/gr%C3%B6%C3%9Fe/"),
        ("/stats", "/stats/"),
        ("/index.html", "/"),
    ] {
        let answer = hosted.get(target).await;
        assert_eq!(answer.status, StatusCode::MOVED_PERMANENTLY, "{target}");
        assert_eq!(answer.header("location"), location, "{target}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_404_with_the_sites_own_page() {
    let hosted = Hosted::default();
    for target in [
        "/nowhere/",
        "/first/x",
        "/.tallymark/stats.html",
        "/_/",
        "/_/event/x",
        "/404.html",
        "/a:b/",
        "/a//b/",
        "/con/",
    ] {
        let answer = hosted.get(target).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{target}");
        assert_eq!(answer.text(), "<p>nothing here</p>", "{target}");
        assert_eq!(answer.header("etag"), "", "{target}");
    }
    assert_eq!(hosted.get("/_/unknown.js").await.status, StatusCode::NOT_FOUND);
    let bare = Hosted::new(Setup {
        site: site(|catalog| {
            catalog.files.remove("/404.html");
        }),
        ..Setup::default()
    });
    assert_eq!(bare.get("/nowhere/").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_dashboard_is_found_by_every_spelling_of_its_path() {
    let hosted = Hosted::default();
    for target in ["/Stats/", "/STATS", "/stats", "/stats/index.html", "/Stats/index.html"] {
        let answer = hosted.get(target).await;
        assert_eq!(answer.status, StatusCode::MOVED_PERMANENTLY, "{target}");
        assert_eq!(answer.header("location"), "/stats/", "{target}");
    }
}

#[tokio::test]
async fn a_site_that_hides_its_numbers_hides_them_at_once() {
    let hosted = Hosted::default();
    assert_eq!(hosted.get("/_/stats.json").await.status, StatusCode::OK);
    hosted.sites.send_replace(Arc::new(site(|catalog| catalog.identity.shows_stats = false)));
    for target in ["/_/stats.json", "/_/stats/live", "/stats/"] {
        assert_eq!(hosted.get(target).await.status, StatusCode::NOT_FOUND, "{target}");
    }
    assert!(!hosted.get("/_/metrics").await.text().contains("views_total"));
}

#[tokio::test]
async fn no_request_reaches_a_file_that_is_not_the_sites() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret.txt"), "secret").unwrap();
    std::fs::create_dir(folder.path().join("public")).unwrap();
    let public = TempDir::new_in(&folder).unwrap();
    let site = in_folder(&public, &[("/", "home"), ("/a/", "a")]);
    std::fs::write(public.path().join("unlisted.txt"), "secret").unwrap();
    let hosted = Hosted::new(Setup { site, ..Setup::default() });
    let climbs = ["..", "%2e%2e", "%2E.", "..%2f..", "..%5c", "%252e%252e", "..;", "....", "．．"];
    let mut targets: Vec<String> = climbs
        .iter()
        .flat_map(|climb| {
            [
                format!("/{climb}/secret.txt"),
                format!("/a/{climb}/{climb}/secret.txt"),
                format!("/{climb}%2fsecret.txt"),
                format!("/{climb}\\secret.txt"),
            ]
        })
        .collect();
    targets.extend(
        [
            "/unlisted.txt",
            "//etc/passwd",
            "/%00",
            "/a/%00/",
            "/C:/secret.txt",
            "/%5c%5c%3f%5c",
            "/%ff",
        ]
        .map(String::from),
    );
    for target in targets {
        let encoded = target.replace('．', "%EF%BC%8E").replace('\\', "%5C");
        let answer = hosted.get(&encoded).await;
        assert!(answer.status.is_client_error(), "{target}: {}", answer.status);
        assert!(!answer.text().contains("secret"), "{target}");
    }
}

#[tokio::test]
async fn no_redirect_leaves_the_site() {
    let hosted = Hosted::default();
    for target in [
        "//evil.example",
        "//evil.example/%2f..",
        "/%2f%2fevil.example",
        "/%5cevil.example",
        "/first%0d%0aLocation:%20https://evil.example",
        "/first?%0d%0aSet-Cookie:x",
        "/first//evil.example",
        "/old/..//evil.example",
        "/first?next=//evil.example",
        "https://evil.example/first",
    ] {
        let answer = hosted.get(target).await;
        let location = answer.header("location");
        let is_own = location.starts_with('/') && !location.starts_with("//");
        assert!(location.is_empty() || is_own, "{target} leads to {location}");
        assert!(!answer.headers.contains_key("set-cookie"));
    }
}

#[tokio::test]
async fn a_request_names_one_host_and_a_draft_is_shown_to_this_machine_alone() {
    let hosted = Hosted::default();
    let bare = http::Request::builder().uri("/").body(Body::empty()).unwrap();
    assert_eq!(hosted.send(bare).await.status, StatusCode::BAD_REQUEST);
    for (host, status) in [("evil.example", 200), ("a b", 400), ("u@evil.example", 400)] {
        let answer = hosted.get_with("/", &[("host", host)]).await;
        assert_eq!(answer.status.as_u16(), status, "{host}");
        assert!(!answer.text().contains("evil"));
    }
    let (_states, dev) = watch::channel(DevState::default());
    let dev = Hosted::new(Setup { dev: Some(dev), is_counted: false, ..Setup::default() });
    for (host, status) in
        [("localhost:4747", 200), ("127.0.0.1", 200), ("[::1]:1", 200), ("evil.example", 421)]
    {
        assert_eq!(dev.get_with("/", &[("host", host)]).await.status.as_u16(), status, "{host}");
    }
}

#[tokio::test]
async fn every_answer_protects_its_reader() {
    let hosted = Hosted::default();
    for (target, policy, framing, sharing) in [
        ("/", "script-src 'self';", "SAMEORIGIN", "cross-origin"),
        ("/nowhere/", "script-src 'self';", "SAMEORIGIN", "cross-origin"),
        ("/logo.svg", "sandbox", "", "cross-origin"),
        ("/stats/", "frame-ancestors 'none'", "DENY", "same-origin"),
        ("/_/stats.json", "frame-ancestors 'none'", "DENY", "same-origin"),
        ("/_/health", "frame-ancestors 'none'", "DENY", "same-origin"),
        ("/letters.txt", "", "", "cross-origin"),
    ] {
        let answer = hosted.get(target).await;
        assert!(answer.header("content-security-policy").contains(policy), "{target}");
        assert_eq!(answer.header("x-frame-options"), framing, "{target}");
        assert_eq!(answer.header("cross-origin-resource-policy"), sharing, "{target}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{target}");
        assert_eq!(answer.header("referrer-policy"), "strict-origin-when-cross-origin", "{target}");
    }
}

#[tokio::test]
async fn a_site_below_a_prefix_answers_with_it_and_without() {
    let site = site(|catalog| {
        catalog.identity.base = BaseUrl::parse("https://example.org/blog").unwrap();
    });
    let hosted = Hosted::new(Setup { site, ..Setup::default() });
    for target in ["/blog/first/", "/first/", "/blog/", "/blog/_/stats.json", "/_/health"] {
        assert_eq!(hosted.get(target).await.status, StatusCode::OK, "{target}");
    }
    for target in ["/blog/first?x=1", "/first?x=1"] {
        assert_eq!(hosted.get(target).await.header("location"), "/blog/first/?x=1", "{target}");
    }
    assert_eq!(hosted.get("/blog?x=1").await.header("location"), "/blog/?x=1");
    assert_eq!(hosted.get("/blogger/").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_answer_is_of_one_site_while_files_are_being_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let old = in_folder(&folder, &[("/", "old home"), ("/a/", "old a")]);
    let hosted = Hosted::new(Setup { site: old, ..Setup::default() });
    assert_eq!(hosted.get("/").await.text(), "old home");
    let new = in_folder(&folder, &[("/", "new home"), ("/a/", "new a")]);
    assert_eq!(hosted.get("/").await.text(), "old home", "kept by its content");

    let (answer, ()) = tokio::join!(hosted.get("/a/"), async {
        tokio::task::yield_now().await;
        hosted.sites.send_replace(Arc::new(new));
    });
    assert_eq!(answer.text(), "new a");
    assert!(answer.header("etag").contains(&Digest::of(b"new a").to_string()));
    assert_eq!(hosted.get("/").await.text(), "new home");
}

#[tokio::test(start_paused = true)]
async fn a_file_that_was_changed_by_hand_is_not_served_as_the_sites() {
    let folder = tempfile::tempdir().unwrap();
    let site = in_folder(&folder, &[("/", "home"), ("/a/", "a")]);
    std::fs::write(folder.path().join("a/index.html"), "b").unwrap();
    let hosted = Hosted::new(Setup { site, ..Setup::default() });
    let answer = hosted.get("/a/").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(hosted.get("/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_long_file_is_streamed_with_ranges() {
    let folder = tempfile::tempdir().unwrap();
    let text = (0..60_000).fold(String::new(), |text, line| text + &line.to_string() + "\n");
    let site = in_folder(&folder, &[("/long.txt", &text), ("/404.html", "")]);
    let limits = Limits { whole_file: 1024, ..Limits::default() };
    let hosted = Hosted::new(Setup { site, limits, ..Setup::default() });
    let whole = hosted.get_with("/long.txt", &[("accept-encoding", "br")]).await;
    assert_eq!(whole.text(), text);
    assert_eq!(whole.header("content-length"), text.len().to_string());
    assert_eq!(whole.header("content-encoding"), "");
    let part = hosted.get_with("/long.txt", &[("range", "bytes=200000-200009")]).await;
    assert_eq!(part.text(), &text[200_000..200_010]);
    let known = [("if-none-match", whole.header("etag"))];
    assert_eq!(hosted.get_with("/long.txt", &known).await.status, StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn open_tabs_are_told_of_a_build_and_of_mistakes() {
    let (states, dev) = watch::channel(DevState::default());
    let hosted = Hosted::new(Setup { dev: Some(dev), is_counted: false, ..Setup::default() });
    let host = [("host", "localhost:4747")];
    let response = hosted.open(get("/_/reload", &host)).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut events = response.into_body();
    assert!(next_event(&mut events).await.contains("retry:"));
    assert!(next_event(&mut events).await.contains("\"pages\":0"));
    states.send_modify(|state| {
        state.pages += 1;
        state.problems.push(DevProblem {
            is_error: true,
            place: "content/a.md:3:7".into(),
            text: "a wrong date".into(),
            help: String::new(),
        });
    });
    let event = next_event(&mut events).await;
    assert!(event.contains("\"pages\":1") && event.contains("content/a.md:3:7"), "{event}");
    assert_eq!(hosted.get_with("/_/reload.js", &host).await.status, StatusCode::OK);
    let public = Hosted::default();
    for target in ["/_/reload", "/_/reload.js"] {
        assert_eq!(public.get(target).await.status, StatusCode::NOT_FOUND, "{target}");
    }
}

#[tokio::test]
async fn a_slow_reader_gets_the_newest_and_holds_nobody_up() {
    let (states, dev) = watch::channel(DevState::default());
    let hosted = Hosted::new(Setup { dev: Some(dev), is_counted: false, ..Setup::default() });
    let response = hosted.open(get("/_/reload", &[("host", "localhost")])).await;
    for pages in 1..=100 {
        states.send_modify(|state| state.pages = pages);
        tokio::task::yield_now().await;
    }
    let mut events = response.into_body();
    let mut pieces = 0;
    while !next_event(&mut events).await.contains("\"pages\":100,") {
        pieces += 1;
    }
    assert!(pieces <= 4, "{pieces} old ones");
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_says_that_it_is_alive_and_a_busy_one_keeps_its_pace() {
    let hosted = Hosted::new(Setup { is_counted: false, ..Setup::default() });
    let mut events = hosted.open(get("/_/stats/live", &[])).await.into_body();
    assert!(next_event(&mut events).await.starts_with("retry:"));
    assert!(next_event(&mut events).await.contains("\"publishedPosts\":2"));
    let begin = tokio::time::Instant::now();
    assert_eq!(next_event(&mut events).await, ": alive\n\n");
    assert_eq!(begin.elapsed().as_secs(), 15);

    let without = |gone: &'static [&str]| {
        Arc::new(site(|catalog| catalog.pages.retain(|path, _| !gone.contains(&path.as_str()))))
    };
    let begin = tokio::time::Instant::now();
    hosted.sites.send_replace(without(&["/first/"]));
    assert!(next_event(&mut events).await.contains("\"publishedPosts\":1"));
    assert_eq!(begin.elapsed().as_secs(), 0);
    hosted.sites.send_replace(without(&["/first/", "/second/"]));
    assert!(next_event(&mut events).await.contains("\"publishedPosts\":0"));
    assert_eq!(begin.elapsed().as_secs(), 1);
}

/// The next piece of a stream.
pub(crate) async fn next_event(body: &mut Body) -> String {
    use http_body_util::BodyExt;
    let frame = tokio::time::timeout(Duration::from_secs(20), body.frame());
    let frame = frame.await.unwrap().unwrap().unwrap();
    String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()
}

/// A server on a socket, and what ends it.
struct Running {
    address: std::net::SocketAddr,
    sites: watch::Sender<Arc<Site>>,
    stop: oneshot::Sender<()>,
    server: tokio::task::JoinHandle<std::io::Result<()>>,
}

async fn run(limits: Limits) -> Running {
    run_site(site(|_| {}), limits).await
}

async fn run_site(site: Site, limits: Limits) -> Running {
    let hosted = Hosted::new(Setup { site, limits, ..Setup::default() });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let sites = hosted.sites.clone();
    let server = tokio::spawn(async move {
        let shutdown = async { drop(stopped.await) };
        server::run(listener, hosted.state.clone(), shutdown).await
    });
    Running { address, sites, stop, server }
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// The answer to a request of one line and further headers, but for the date.
    async fn ask(&self, line: &str, headers: &str) -> String {
        let text = format!("{line}\r\n{headers}connection: close\r\n\r\n");
        told(&self.talk(text.as_bytes()).await)
    }

    /// The answers to `times` times the same request on one connection, each after the other.
    async fn keep_asking(&self, line: &str, headers: &str, times: usize) -> Vec<String> {
        let (mut socket, mut answers) = (self.connect().await, Vec::new());
        for _ in 0..times {
            socket.write_all(format!("{line}\r\n{headers}\r\n").as_bytes()).await.unwrap();
            answers.push(told(&read_one(&mut socket).await));
        }
        answers
    }

    /// Everything that comes until the server closes.
    async fn talk(&self, text: &[u8]) -> String {
        let mut socket = self.connect().await;
        // The server may close before all is sent.
        let _ = socket.write_all(text).await;
        read_all(&mut socket).await
    }
}

async fn read_all(socket: &mut TcpStream) -> String {
    let mut read = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(10), socket.read_to_end(&mut read)).await;
    assert!(closed.is_ok(), "it stays open after {:?}", String::from_utf8_lossy(&read));
    String::from_utf8_lossy(&read).into_owned()
}

/// One answer with a body of the length that it says.
async fn read_one(socket: &mut TcpStream) -> String {
    let (mut read, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&read);
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let len = head.split_once("content-length: ").unwrap().1.lines().next().unwrap();
            if read.len() == head.len() + 4 + len.parse::<usize>().unwrap() {
                return text.into_owned();
            }
        }
        let reading = tokio::time::timeout(Duration::from_secs(10), socket.read(&mut piece));
        let len = reading.await.unwrap().unwrap();
        assert!(len > 0, "it is cut short: {read:?}");
        read.extend_from_slice(&piece[..len]);
    }
}

/// An answer without what differs from one to the next: the date, the order of headers, and whether it is the last.
fn told(answer: &str) -> String {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    assert!(head.contains("\r\ndate: "), "{head}");
    let differs = |line: &&str| line.starts_with("date: ") || *line == "connection: close";
    let mut head: Vec<&str> = head.split("\r\n").filter(|line| !differs(line)).collect();
    head[1..].sort_unstable();
    format!("{}\n\n{body}", head.join("\n"))
}

#[tokio::test]
async fn an_event_is_answered_the_same_whoever_reads_it() {
    let running = run(Limits::default()).await;
    let browser = format!("user-agent: {BROWSER}\r\naccept-language: en\r\n");
    let view = r#"{"type":"view","view":"0011223344556677","path":"/first/"}"#;
    for (headers, body, status) in [
        ("", view, "202"),
        ("Origin: https://example.org\r\ncontent-type: Text/Plain\r\n", view, "202"),
        ("origin: https://other.example\r\nsec-fetch-site: cross-site\r\n", view, "202"),
        ("ORIGIN: https://other.example\r\n", "{", "400"),
        ("origin: https://evil.example\r\n", view, "403"),
        ("sec-gpc: 1\r\n", view, "403"),
        ("Sec-Purpose: prefetch;prerender\r\n", view, "403"),
        ("content-type: application/x-www-form-urlencoded\r\n", view, "415"),
        ("x-forwarded-for: 198.51.100.1\r\nx-forwarded-for: nobody\r\n", view, "202"),
    ] {
        let len = body.len();
        let request = |last: &str| {
            let head = format!("host: x\r\n{browser}{headers}content-length: {len}\r\n{last}");
            format!("POST /_/event HTTP/1.1\r\n{head}\r\n{body}")
        };
        // What is to be the last of its connection is left to hyper.
        let by_hyper = told(&running.talk(request("connection: close\r\n").as_bytes()).await);
        assert!(by_hyper.starts_with(&format!("HTTP/1.1 {status}")), "{headers:?}: {by_hyper}");
        let mut socket = running.connect().await;
        for _ in 0..2 {
            socket.write_all(request("").as_bytes()).await.unwrap();
            assert_eq!(told(&read_one(&mut socket).await), by_hyper, "{headers:?}");
        }
    }
}

#[tokio::test]
async fn only_what_is_sent_to_the_address_of_events_is_one() {
    let running = run(Limits::default()).await;
    let view = r#"{"type":"view","view":"0011223344556677","path":"/first/"}"#;
    for (target, status) in
        [("/_/event", "202"), ("/_/event?x", "202"), ("/first/", "405"), ("/_/stats.json", "405")]
    {
        let mut socket = running.connect().await;
        let head = format!("host: x\r\nuser-agent: {BROWSER}\r\naccept-language: en\r\n");
        let request =
            format!("POST {target} HTTP/1.1\r\n{head}content-length: {}\r\n\r\n{view}", view.len());
        socket.write_all(request.as_bytes()).await.unwrap();
        let answer = read_one(&mut socket).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{target}: {answer}");
    }
}

#[tokio::test]
async fn requests_that_are_too_large_or_ambiguous_are_refused() {
    let running = run(Limits::default()).await;
    let long_line = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(9000));
    let huge = format!("GET / HTTP/1.1\r\nhost: x\r\na: {}\r\n\r\n", "a".repeat(1 << 20));
    let many = format!("GET / HTTP/1.1\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(100));
    let post = "POST /_/event HTTP/1.1\r\nhost: x\r\n";
    for (text, status) in [
        (long_line.as_str(), "414"),
        (huge.as_str(), "431"),
        (many.as_str(), "431"),
        ("GET / HTTP/1.1\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nhost: a\r\n folded: b\r\n\r\n", "400"),
        ("CONNECT x:443 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", "405"),
        ("GET /\0 HTTP/1.1\r\nhost: a\r\n\r\n", "400"),
        (&format!("{post}content-length: 5\r\ncontent-length: 6\r\n\r\n"), "400"),
        ("GET about HTTP/1.1\r\nhost: a\r\n\r\n", "400"),
        ("GET * HTTP/1.1\r\nhost: a\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "501"),
        (&format!("{post}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n"), "400"),
        (&format!("{post}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"), "400"),
        (&format!("{post}content-length: 5000000000\r\n\r\n"), "413"),
        (&format!("{post}transfer-encoding: chunked\r\n\r\nffff\r\n{}", "a".repeat(70_000)), "413"),
    ] {
        let answer = running.talk(text.as_bytes()).await;
        let shown = &text[..text.len().min(80)];
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{shown:?}: {answer:?}");
    }
    let fine = running.talk(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(fine.starts_with("HTTP/1.1 200"), "{fine}");
}

/// A site on disk: a page that is worth compressing, a picture that is not, and a page of few bytes.
fn some_files(folder: &TempDir, text: &str) -> Site {
    let (page, picture) = (text.repeat(500), "p".repeat(2000));
    in_folder(
        folder,
        &[("/", &page), ("/a/", "a"), ("/photo.jpg", &picture), ("/404.html", "none")],
    )
}

#[tokio::test]
async fn what_was_answered_before_is_answered_alike() {
    let folder = tempfile::tempdir().unwrap();
    let running = run_site(some_files(&folder, "home "), Limits::default()).await;
    let (long, own) = (format!("GET /?{} HTTP/1.1", "q".repeat(9000)), "host: example.org\r\n");
    for (line, headers, status) in [
        ("GET / HTTP/1.1", own, "200"),
        ("GET / HTTP/1.1", "host: example.org\r\naccept-encoding: gzip\r\n", "200"),
        ("GET / HTTP/1.1", "host: example.org\r\naccept-encoding: gzip, br\r\n", "200"),
        ("GET / HTTP/1.1", "host: example.org\r\naccept-encoding: zstd\r\n", "200"),
        ("GET /?from=feed HTTP/1.1", "host: [::1]:4747\r\naccept-encoding: gzip\r\n", "200"),
        ("GET /photo.jpg HTTP/1.1", "host: x\r\naccept-encoding: gzip\r\n", "200"),
        ("GET /photo.jpg HTTP/1.1", "host: x\r\nrange: bytes=0-3\r\n", "206"),
        ("GET /photo.jpg HTTP/1.1", "host: x\r\nif-none-match: *\r\n", "304"),
        ("GET /a/ HTTP/1.1", "host: x\r\naccept-encoding: gzip\r\n", "200"),
        ("HEAD / HTTP/1.1", "host: x\r\naccept-encoding: gzip\r\n", "200"),
        ("POST / HTTP/1.1", "host: x\r\ncontent-length: 0\r\n", "405"),
        ("GET http://x/a/ HTTP/1.1", "host: x\r\n", "200"),
        ("GET /a HTTP/1.1", "host: x\r\n", "301"),
        ("GET /b/ HTTP/1.1", "host: x\r\n", "404"),
        ("GET / HTTP/1.1", "", "400"),
        ("GET / HTTP/1.1", "host: a\r\nhost: a\r\n", "400"),
        ("GET / HTTP/1.1", "host: user@a\r\n", "400"),
        ("GET / HTTP/1.0", "", "200"),
        (&long, own, "414"),
    ] {
        let first = running.ask(line, headers).await;
        assert_eq!(first.split(' ').nth(1), Some(status), "{line} {headers:?}");
        for _ in 0..2 {
            assert_eq!(running.ask(line, headers).await, first, "{line} {headers:?}");
        }
        if status == "200" && line.ends_with(" / HTTP/1.1") && line.starts_with("GET") {
            assert_eq!(
                running.keep_asking(line, headers, 3).await,
                vec![first.clone(); 3],
                "{headers:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_connection_may_go_from_what_is_ready_to_anything_else() {
    let folder = tempfile::tempdir().unwrap();
    let running = run_site(some_files(&folder, "home "), Limits::default()).await;
    let first = running.ask("GET /a/ HTTP/1.1", "host: x\r\n").await;
    let (ready, missing) =
        ("GET /a/ HTTP/1.1\r\nhost: x\r\n\r\n", "GET /b/ HTTP/1.1\r\nhost: x\r\n\r\n");
    let mut socket = running.connect().await;
    socket.write_all(ready.as_bytes()).await.unwrap();
    assert_eq!(told(&read_one(&mut socket).await), first);
    // In pieces, then two at once.
    for piece in [&missing[..3], &missing[3..]] {
        socket.write_all(piece.as_bytes()).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert!(read_one(&mut socket).await.starts_with("HTTP/1.1 404"));
    socket.write_all(ready.as_bytes()).await.unwrap();
    assert_eq!(told(&read_one(&mut socket).await), first);
    let last = "GET /a/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let mut other = running.connect().await;
    other.write_all(format!("{ready}{last}").as_bytes()).await.unwrap();
    let both = read_all(&mut other).await;
    assert_eq!(both.matches("HTTP/1.1 200 OK").count(), 2, "{both}");
}

#[tokio::test]
async fn what_was_answered_before_is_forgotten_when_a_site_is_published() {
    let (folder, empty) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let running = run_site(some_files(&folder, "old "), Limits::default()).await;
    for line in ["GET / HTTP/1.1", "GET /a/ HTTP/1.1"] {
        for _ in 0..2 {
            assert!(running.ask(line, "host: x\r\n").await.starts_with("HTTP/1.1 200"));
        }
    }
    let new = in_folder(&empty, &[("/", "new")]);
    running.sites.send_replace(Arc::new(new));
    assert!(running.ask("GET / HTTP/1.1", "host: x\r\n").await.ends_with("\n\nnew"));
    let gone = running.ask("GET /a/ HTTP/1.1", "host: x\r\n").await;
    assert!(gone.starts_with("HTTP/1.1 404"), "{gone}");
}

#[tokio::test]
async fn forms_are_kept_by_content_when_a_site_is_published() {
    let folder = tempfile::tempdir().unwrap();
    let hosted = Hosted::new(Setup { site: some_files(&folder, "same "), ..Setup::default() });
    let gzip = [("accept-encoding", "gzip")];
    let before = hosted.get_with("/", &gzip).await;
    let again = some_files(&folder, "same ");
    std::fs::remove_file(folder.path().join("index.html")).unwrap();
    hosted.sites.send_replace(Arc::new(again));
    let after = hosted.get_with("/", &gzip).await;
    assert_eq!(after.header("content-encoding"), "gzip");
    assert_eq!(
        (after.status, after.headers, after.body),
        (before.status, before.headers, before.body)
    );
}

#[tokio::test]
async fn slow_clients_are_let_go() {
    let short = Duration::from_millis(60);
    let limits =
        Limits { head_timeout: short, body_timeout: short, idle: short, ..Limits::default() };
    let running = run(limits).await;
    let post = "POST /_/event HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{";
    for (text, answer) in [
        ("", ""),
        ("GET / HT", ""),
        ("PRI * HTTP/2.0", ""),
        ("GET / HTTP/1.1\r\nhost: x\r\n", ""),
        ("GET / HTTP/1.1\r\nhost: x\r\n\r\n", "HTTP/1.1 200"),
        (post, "HTTP/1.1 408"),
    ] {
        let got = running.talk(text.as_bytes()).await;
        assert!(
            got.starts_with(answer) && got.is_empty() == answer.is_empty(),
            "{text:?}: {got:?}"
        );
    }
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_let_go() {
    let folder = tempfile::tempdir().unwrap();
    let text = "x".repeat(32 << 20);
    let site = in_folder(&folder, &[("/long.txt", &text)]);
    let write_stall = Duration::from_millis(60);
    let running = run_site(site, Limits { write_stall, connections: 1, ..Limits::default() }).await;
    let mut stalled = running.connect().await;
    stalled.write_all(b"GET /long.txt HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let next =
        running.talk(b"GET /long.txt HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(next.len() > text.len(), "the only place was given up");
    let mut read = Vec::new();
    let _ = stalled.read_to_end(&mut read).await;
    assert!(read.len() < text.len(), "it was cut short");
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_a_place() {
    let running = run(Limits { connections: 2, ..Limits::default() }).await;
    let request = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let (first, _second) = (running.connect().await, running.connect().await);
    let mut third = running.connect().await;
    third.write_all(request).await.unwrap();
    let mut byte = [0];
    let early = tokio::time::timeout(Duration::from_millis(50), third.read(&mut byte)).await;
    assert!(early.is_err(), "there is no place yet");
    drop(first);
    assert!(read_all(&mut third).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn the_end_closes_streams_and_lets_requests_finish() {
    let running = run(Limits::default()).await;
    let mut stream = running.connect().await;
    stream.write_all(b"GET /_/stats/live HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut seen = String::new();
    while !seen.contains("data: {") {
        let mut piece = [0; 4096];
        let len = stream.read(&mut piece).await.unwrap();
        assert!(len > 0, "{seen}");
        seen.push_str(&String::from_utf8_lossy(&piece[..len]));
    }
    let mut idle = running.connect().await;
    idle.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    idle.readable().await.unwrap();
    running.stop.send(()).unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(5), running.server).await;
    ended.expect("it ends before the bound").unwrap().unwrap();
    assert!(read_all(&mut idle).await.starts_with("HTTP/1.1 200"));
    read_all(&mut stream).await;
    assert!(TcpStream::connect(running.address).await.is_err());
}

#[tokio::test]
async fn http_2_is_spoken_without_tls() {
    let running = run(Limits::default()).await;
    let mut socket = running.connect().await;
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    socket.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    socket.write_all(&settings).await.unwrap();
    // HEADERS on stream 1, ended: GET / http x, from the static table of HPACK.
    let fields = [0x82, 0x84, 0x86, 0x41, 0x01, b'x'];
    let head = [0, 0, 6, 1, 5, 0, 0, 0, 1];
    socket.write_all(&[&head[..], &fields[..]].concat()).await.unwrap();
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains("<p>home</p>") {
        let mut piece = [0; 4096];
        let reading = socket.read(&mut piece);
        let len = tokio::time::timeout(Duration::from_secs(20), reading).await.unwrap().unwrap();
        assert!(len > 0, "{read:?}");
        read.extend_from_slice(&piece[..len]);
    }
}
