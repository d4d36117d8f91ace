//! What the handlers share.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use tokio::sync::{Semaphore, watch};

use super::access::{Gate, Secrets};
use super::board::Board;
use super::cache::ContentCache;
use super::collect::Collector;
use super::date::DateLine;
use super::files::CheckedFiles;
use super::forwarded;
use super::headers::Protection;
use super::health::Meters;
use super::limits::{self, Limits};
use super::live_reload::DevState;
use super::navigations::Navigations;
use super::ready::ReadyAnswers;
use super::report::Viewer;
use super::wire;
use crate::analytics::{Query, Recorder};
use crate::clock::Clock;
use crate::config::{Access, Analytics, Serve, Stats};
use crate::site::Site;

/// What a server is made of.
pub struct Parts {
    /// The site as it is now, and each that follows it.
    pub sites: watch::Receiver<Arc<Site>>,
    /// Counts readers; none while writing, or if the settings say so.
    pub counting: Option<Counting>,
    /// How the site is hosted.
    pub serve: Serve,
    /// How readers are counted.
    pub analytics: Analytics,
    /// How statistics are shown.
    pub stats: Stats,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// What open tabs are told while writing; none on a public site.
    pub dev: Option<watch::Receiver<DevState>>,
    /// What commands of this machine show to be told everything; none if there are no such commands.
    pub key: Option<String>,
    /// What tells the owner from others.
    pub secrets: Secrets,
    /// What is allowed.
    pub limits: Limits,
}

/// What counts readers.
#[derive(Clone)]
pub struct Counting {
    /// Takes events, and knows the numbers.
    pub recorder: Arc<Recorder>,
    /// Answers what the numbers do not say.
    pub query: Query,
}

/// The handles that handlers share; cheap to clone.
#[derive(Clone)]
pub struct AppState(pub(super) Handle);

/// What handlers are given.
pub(super) type Handle = Arc<Shared>;

/// What is behind an [`AppState`].
pub(super) struct Shared {
    pub(super) sites: watch::Receiver<Arc<Site>>,
    pub(super) collector: Option<Collector>,
    pub(super) board: Arc<Board>,
    pub(super) serve: Serve,
    pub(super) stats: Stats,
    pub(super) dev: Option<watch::Receiver<DevState>>,
    pub(super) key: Option<String>,
    pub(super) gate: Gate,
    pub(super) limits: Limits,
    pub(super) protection: Protection,
    pub(super) cache: ContentCache,
    pub(super) ready: ReadyAnswers,
    pub(super) date: DateLine,
    /// The answer to an ordinary event, up to its date.
    pub(super) accepted: Bytes,
    pub(super) files: Arc<CheckedFiles>,
    pub(super) meters: Meters,
    pub(super) query: Option<Query>,
    pub(super) navigations: Navigations,
    /// The newest numbers of each kind of viewer, as an event for every open dashboard.
    pub(super) live: [watch::Sender<Bytes>; Viewer::COUNT],
    pub(super) stream_places: Arc<Semaphore>,
    /// Held while a period is read: however many ask, one core is busy with it.
    pub(super) period_place: Arc<Semaphore>,
    /// Becomes true when the server ends.
    pub(super) stop: watch::Sender<bool>,
    /// When this server began, in milliseconds; tells its runs apart.
    pub(super) began: i64,
}

impl AppState {
    /// The state of a server made of `parts`.
    pub fn new(parts: Parts) -> Self {
        let Parts { sites, counting, serve, analytics, stats, clock, dev, key, secrets, limits } =
            parts;
        let limits = serve.cache_bytes.map_or(limits, |bytes| limits.with_cache(bytes));
        let of_headers = limits.cache_bytes / limits::HEADERS_SHARE;
        let gate = Gate::new(&secrets, Arc::clone(&clock));
        if stats.access == Access::Private && !gate.has_password() {
            tracing::warn!(
                "the statistics are private and no password is set, so nobody can sign in; set one with \
                 `tallymark stats password`"
            );
        }
        let protection = Protection::new(own_headers(&serve), analytics.endpoint.as_ref());
        Self(Arc::new(Shared {
            board: Arc::new(Board::new(sites.clone(), counting.clone(), Arc::clone(&clock))),
            accepted: wire::accepted(&protection),
            protection,
            query: counting.as_ref().map(|counting| counting.query.clone()),
            navigations: Navigations::new(counting.is_some(), !analytics.respect_gpc),
            began: clock.now().as_millis(),
            date: DateLine::new(Arc::clone(&clock)),
            gate,
            collector: counting.map(|Counting { recorder, .. }| {
                Collector::new(recorder, analytics, &sites.borrow().identity().base, clock)
            }),
            sites,
            serve,
            stats,
            dev,
            key,
            limits,
            cache: ContentCache::new(limits.cache_bytes - of_headers),
            ready: ReadyAnswers::new(of_headers),
            files: Arc::default(),
            meters: Meters::default(),
            live: Viewer::ALL.map(|_| watch::channel(Bytes::new()).0),
            stream_places: Arc::new(Semaphore::new(limits.streams)),
            period_place: Arc::new(Semaphore::new(1)),
            stop: watch::channel(false).0,
        }))
    }
}

impl Shared {
    /// The site as it is now.
    pub(super) fn site(&self) -> Arc<Site> {
        Arc::clone(&self.sites.borrow())
    }

    /// Whether somebody is writing and nothing is counted.
    pub(super) fn is_dev(&self) -> bool {
        self.dev.is_some()
    }

    /// How many connections `address` may have: no bound but that of all where many readers share one address.
    pub(super) fn most_connections_of(&self, address: IpAddr) -> usize {
        let is_shared =
            address.is_loopback() || forwarded::is_within(&self.serve.trusted_proxies, address);
        if is_shared { self.limits.connections } else { self.limits.connections_per_address }
    }
}

/// The headers of the settings, under names that HTTP knows.
fn own_headers(serve: &Serve) -> Vec<(HeaderName, HeaderValue)> {
    let named = |(name, value): (&String, &HeaderValue)| Some((name.parse().ok()?, value.clone()));
    serve.headers.iter().filter_map(named).collect()
}
