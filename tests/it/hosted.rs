//! A small site behind the router, in memory, with a clock that stands still; and what it answers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Method, Request, StatusCode};
use tallymark::analytics::{Query, Recorder, Settings, Snapshot, Store};
use tallymark::clock::{FixedClock, Timestamp};
use tallymark::config::{Access, Analytics, Network, Serve, Stats, VisitorId};
use tallymark::permalink::{BaseUrl, UrlPath};
use tallymark::server::{
    self, AppState, Counting, DevState, Limits, NewPassword, Parts, Peer, Secrets,
};
use tallymark::site::{
    Bodies, Catalog, Identity, MemorySink, PageEntry, PageKind, STATS_FRAME, STATS_HOLE, Sink, Site,
};
use tempfile::TempDir;
use tokio::sync::watch;
use tower::ServiceExt;

/// 2026-11-24T08:00:00Z
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_795_507_200_000);

/// What browsers call themselves.
pub(crate) const BROWSER: &str =
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";

/// An address that is neither this machine nor a proxy.
pub(crate) const READER: &str = "203.0.113.77";

/// The proxy that the settings trust.
pub(crate) const PROXY: &str = "10.0.0.1";

pub(crate) fn path(text: &str) -> UrlPath {
    UrlPath::parse(text).unwrap()
}

/// A page of a site to be made.
pub(crate) fn entry(kind: PageKind, title: &str) -> PageEntry {
    PageEntry::named(title, kind)
}

/// A catalog with two posts, a page, the dashboard and some files; change it to taste, then give it bodies.
pub(crate) fn catalog() -> (Catalog, MemorySink) {
    let sink = MemorySink::default();
    let mut catalog = Catalog {
        identity: Identity {
            title: "T".into(),
            language: "en".into(),
            base: BaseUrl::parse("https://example.org").unwrap(),
            stats: path("/stats/"),
            timezone: "UTC".into(),
            shows_stats: true,
            private_stats: false,
        },
        files: BTreeMap::new(),
        redirects: [(path("/old/"), path("/first/"))].into(),
        pages: [
            (path("/"), entry(PageKind::Home, "T")),
            (path("/first/"), entry(PageKind::Post, "First post")),
            (path("/second/"), entry(PageKind::Post, "Second post")),
            (path("/About/"), entry(PageKind::Page, "About")),
            (path("/stats/"), entry(PageKind::Stats, "Numbers")),
        ]
        .into(),
        gone: BTreeMap::new(),
    };
    let long = "<p>to be or not to be</p>\n".repeat(100);
    let frame = format!("<!doctype html><title>Stats</title><main>{STATS_HOLE}</main>");
    for (at, text) in [
        ("/", "<p>home</p>"),
        ("/first/", &long),
        ("/second/", "<p>second</p>"),
        ("/About/", "<p>about</p>"),
        ("/größe/", "<p>size</p>"),
        ("/404.html", "<p>nothing here</p>"),
        ("/feed.xml", "<feed/>"),
        ("/style.0123abcd.css", "p{}"),
        ("/logo.svg", "<svg/>"),
        ("/letters.txt", "abcdefghij"),
        (Site::private(STATS_FRAME).as_str(), &frame),
    ] {
        add(&mut catalog, &sink, at, text);
    }
    (catalog, sink)
}

pub(crate) fn add(catalog: &mut Catalog, sink: &MemorySink, at: &str, text: &str) {
    catalog.files.insert(path(at), sink.put(&path(at), text.into()).unwrap());
}

/// The site of [`catalog`], changed by `change`.
pub(crate) fn site(change: impl FnOnce(&mut Catalog)) -> Site {
    let (mut catalog, sink) = catalog();
    change(&mut catalog);
    Site::new(catalog, sink.into_bodies())
}

/// How a site is hosted in a test.
pub(crate) struct Setup {
    pub(crate) site: Site,
    pub(crate) limits: Limits,
    pub(crate) analytics: Analytics,
    pub(crate) access: Access,
    pub(crate) password: Option<&'static str>,
    pub(crate) is_counted: bool,
    pub(crate) dev: Option<watch::Receiver<DevState>>,
    /// What was counted before; nothing if none.
    pub(crate) store: Option<Arc<Store>>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            site: site(|_| {}),
            limits: Limits::default(),
            analytics: Analytics {
                enabled: true,
                visitor_id: VisitorId::Persistent,
                respect_gpc: true,
                retention: None,
                endpoint: None,
                origins: vec!["https://other.example".into()],
                exclude: vec![path("/secret/"), path("/LOGO.svg")],
            },
            access: Access::Public,
            password: None,
            is_counted: true,
            dev: None,
            store: None,
        }
    }
}

/// A site that is being hosted.
pub(crate) struct Hosted {
    pub(crate) router: Router,
    pub(crate) state: AppState,
    pub(crate) sites: watch::Sender<Arc<Site>>,
    pub(crate) clock: FixedClock,
    pub(crate) counting: Option<Counting>,
    pub(crate) folder: Arc<TempDir>,
}

impl Hosted {
    pub(crate) fn new(setup: Setup) -> Self {
        Self::within(Arc::new(tempfile::tempdir().unwrap()), setup)
    }

    /// A site whose folder of state is there already.
    pub(crate) fn within(folder: Arc<TempDir>, setup: Setup) -> Self {
        let clock = FixedClock::at(NOW);
        let counting = setup.is_counted.then(|| {
            let open = || Arc::new(Store::open(&folder.path().join("analytics.redb")).unwrap());
            let store = setup.store.unwrap_or_else(open);
            let query = Query::new(Arc::clone(&store));
            let time = Arc::new(clock.clone());
            let settings = Settings { zone: setup.site.identity().zone(), ..Settings::default() };
            let recorder = Recorder::start(store, time, settings).unwrap();
            Counting { recorder: Arc::new(recorder), query }
        });
        let (sites, site) = watch::channel(Arc::new(setup.site));
        let state = AppState::new(Parts {
            sites: site,
            counting: counting.clone(),
            serve: Serve {
                address: "127.0.0.1".parse().unwrap(),
                port: 0,
                headers: BTreeMap::new(),
                trusted_proxies: vec![Network { address: PROXY.parse().unwrap(), bits: 32 }],
                cache_bytes: None,
            },
            analytics: setup.analytics,
            stats: Stats { access: setup.access, in_nav: true, path: path("/stats/") },
            clock: Arc::new(clock.clone()),
            dev: setup.dev,
            key: Some("the key".to_owned()),
            secrets: Secrets {
                folder: folder.path().to_owned(),
                password: setup.password.and_then(|text| NewPassword::parse(text).ok()),
            },
            limits: setup.limits,
        });
        let router = server::router(state.clone());
        Self { router, state, sites, clock, counting, folder }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (head, body) = self.open(request).await.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Answer { status: head.status, headers: head.headers, body: bytes.to_vec() }
    }

    /// The answer with its body still to come.
    pub(crate) async fn open(&self, request: Request<Body>) -> http::Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.send(get(target, &[])).await
    }

    pub(crate) async fn get_with(&self, target: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(get(target, headers)).await
    }

    /// Waits until the numbers are as `expected`; they follow the clock on a thread of their own.
    pub(crate) async fn wait_for(&self, expected: impl FnMut(&Arc<Snapshot>) -> bool) {
        let mut snapshots = self.counting.as_ref().unwrap().recorder.subscribe();
        let waiting = snapshots.wait_for(expected);
        tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap().unwrap();
    }
}

impl Default for Hosted {
    fn default() -> Self {
        Self::new(Setup::default())
    }
}

/// A GET request as a browser would send it to `example.org`.
pub(crate) fn get(target: &str, headers: &[(&str, &str)]) -> Request<Body> {
    request(Method::GET, target, headers, Body::empty())
}

/// A request with these headers, and a host if they have none.
pub(crate) fn request(
    method: Method,
    target: &str,
    headers: &[(&str, &str)],
    body: Body,
) -> Request<Body> {
    let peer = Peer(READER.parse().unwrap());
    let mut request = Request::builder().method(method).uri(target).extension(peer);
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", "example.org");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body).unwrap()
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The value of a header; empty if it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// The same files in a folder.
pub(crate) fn in_folder(folder: &TempDir, files: &[(&str, &str)]) -> Site {
    let (mut catalog, sink) = catalog();
    catalog.files.clear();
    for (at, text) in files {
        add(&mut catalog, &sink, at, text);
        let place = folder.path().join(path(at).output_file());
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(place, text).unwrap();
    }
    Site::new(catalog, Bodies::Folder(folder.path().to_owned()))
}
