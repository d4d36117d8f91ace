//! Takes events in: what HTTP says becomes facts, and what was decided becomes a status.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL, CONTENT_LENGTH,
    HeaderMap, HeaderName, HeaderValue, ORIGIN, VARY,
};
use http::request::Parts;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::edge::Host;
use super::fields::{self, Fields};
use super::forwarded::{self, Peer};
use super::origin::{self, Allowed};
use super::refusal::Refusal;
use super::representation::{Caching, Representation};
use super::state::{Handle, Shared};
use super::{facts, headers};
use crate::analytics::{
    Event, Facts, Limiter, Limits, Raw, Receipt, Recorder, Rejection, Rules, Sender, admit, beacon,
    policy,
};
use crate::clock::{Clock, Timestamp};
use crate::config::Analytics;
use crate::permalink::{BaseUrl, UrlPath};
use crate::site::Site;

/// Decides on events and hands them to the recorder.
pub(super) struct Collector {
    recorder: Arc<Recorder>,
    limiter: Limiter,
    settings: Analytics,
    rules: Rules,
    clock: Arc<dyn Clock>,
}

impl Collector {
    pub(super) fn new(
        recorder: Arc<Recorder>,
        settings: Analytics,
        base: &BaseUrl,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let limiter = Limiter::new(Limits::default(), clock.now());
        let rules =
            Rules { ignore_opt_out: !settings.respect_gpc, own_hosts: facts::own_hosts(base) };
        Self { recorder, limiter, settings, rules, clock }
    }

    /// Stores events.
    pub(super) fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// The time as events have it.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What can be decided before the body is read.
    fn check(&self, state: &Shared, sent: &Sent<'_, impl Fields>) -> Result<(), Refusal> {
        check_type(sent.fields)?;
        self.limit(state, sent)
    }

    /// Holds each address to its share. A proxy that is not declared would make all readers one address, so
    /// this machine and proxies themselves are not held to it; the queue bounds them.
    fn limit(&self, state: &Shared, sent: &Sent<'_, impl Fields>) -> Result<(), Refusal> {
        let trusted = &state.serve.trusted_proxies;
        let client: IpAddr = forwarded::client(sent.peer, sent.fields, trusted);
        if client.is_loopback() || forwarded::is_within(trusted, client) {
            return Ok(());
        }
        Ok(self.limiter.take(client, self.clock.now())?)
    }

    /// Has an event stored, if it is one that counts.
    fn record(
        &self,
        site: &Site,
        sent: &Sent<'_, impl Fields>,
        body: &[u8],
    ) -> Result<Receipt, Refusal> {
        let event = self.decide(site, sent, body)?;
        self.recorder.record(event).map_err(|_| Refusal::Later)
    }

    fn decide(
        &self,
        site: &Site,
        sent: &Sent<'_, impl Fields>,
        body: &[u8],
    ) -> Result<Event, Refusal> {
        let raw = Raw::parse(body)?;
        let place = facts::place(site, raw.path());
        let is_excluded = |path: &UrlPath| facts::covers(site.canonical(path), &place);
        if self.settings.exclude.iter().any(is_excluded) {
            return Err(Rejection::Excluded.into());
        }
        let known = Facts {
            place,
            agent: sent.fields.text("user-agent"),
            origin: origin::of(sent.fields),
            sender: self.sender(site, sent),
            signals: facts::signals(sent.fields, sent.peer),
        };
        Ok(admit(raw, &known, &self.rules, self.clock.now())?)
    }

    fn sender(&self, site: &Site, sent: &Sent<'_, impl Fields>) -> Sender {
        let (base, origins) = (&site.identity().base, self.settings.origins.as_slice());
        origin::sender(sent.fields, Allowed { host: sent.host, base, origins })
    }

    /// The origin that is to see the answer, if that is another one than the site's own.
    fn guest(&self, site: &Site, sent: &Sent<'_, impl Fields>) -> Option<HeaderValue> {
        let origin =
            origin::of(sent.fields).filter(|_| self.sender(site, sent) == Sender::Allowed)?;
        HeaderValue::from_str(origin).ok()
    }
}

/// A request that sends an event, without its body.
#[derive(Debug)]
pub(super) struct Sent<'s, F> {
    pub(super) fields: &'s F,
    /// The host that it names.
    pub(super) host: Option<&'s str>,
    /// The other end of its connection.
    pub(super) peer: IpAddr,
}

impl<'s> Sent<'s, HeaderMap> {
    fn of(head: &'s Parts) -> Self {
        let host = Host::of(&head.extensions);
        Self { fields: &head.headers, host, peer: Peer::of(&head.extensions) }
    }
}

/// An event that was taken or refused, and is to be answered.
#[derive(Debug)]
pub(super) struct Submission {
    taken: Result<Receipt, Refusal>,
    guest: Option<HeaderValue>,
}

impl Submission {
    /// Takes an event whose body was read whole.
    pub(super) fn of(state: &Shared, sent: &Sent<'_, impl Fields>, body: &[u8]) -> Self {
        let Some(collector) = &state.collector else { return Self::refused(Refusal::Disabled) };
        let site = state.site();
        let checked = collector.check(state, sent);
        let taken = checked.and_then(|()| collector.record(&site, sent, body));
        Self { taken, guest: collector.guest(&site, sent) }
    }

    /// An event that nobody looks at.
    pub(super) const fn refused(refusal: Refusal) -> Self {
        Self { taken: Err(refusal), guest: None }
    }

    /// Waits until the event is durable, or will not be.
    pub(super) async fn settle(self, state: &Shared) -> Settled {
        let outcome = match self.taken {
            Ok(receipt) => receipt.await.map_err(|_| Refusal::Later),
            Err(refusal) => Err(refusal),
        };
        if let (Err(Refusal::Rejected(rejection)), Some(collector)) = (&outcome, &state.collector) {
            collector.recorder.reject(*rejection);
        }
        Settled { outcome, guest: self.guest }
    }
}

/// What has become of an event.
#[derive(Debug)]
pub(super) struct Settled {
    outcome: Result<(), Refusal>,
    guest: Option<HeaderValue>,
}

impl Settled {
    /// What becomes of most: stored, for a page of this site.
    pub(super) const ORDINARY: Self = Self { outcome: Ok(()), guest: None };

    /// Whether it is [`ORDINARY`](Self::ORDINARY).
    pub(super) const fn is_ordinary(&self) -> bool {
        matches!(self, Self { outcome: Ok(()), guest: None })
    }
}

impl IntoResponse for Settled {
    fn into_response(self) -> Response {
        let mut response = match self.outcome {
            Ok(()) => finish(StatusCode::ACCEPTED),
            Err(refusal) => finish(refusal),
        };
        if let Some(origin) = self.guest {
            share_with(origin, response.headers_mut());
        }
        response
    }
}

/// `POST /_/event`: 202 once the event is durable.
pub(super) async fn event(State(state): State<Handle>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Some(collector) = &state.collector else { return finish(Refusal::Disabled) };
    let sent = Sent::of(&head);
    let checked = collector.check(&state, &sent);
    let read = match checked {
        Ok(()) => read(&state, &head.headers, body).await,
        Err(refusal) => Err(refusal),
    };
    let site = state.site();
    let taken = read.and_then(|body| collector.record(&site, &sent, &body));
    let submission = Submission { taken, guest: collector.guest(&site, &sent) };
    submission.settle(&state).await.into_response()
}

/// `OPTIONS /_/event`: a browser asks whether another origin may send JSON.
pub(super) async fn preflight(State(state): State<Handle>, request: Request) -> Response {
    let (head, _) = request.into_parts();
    let Some(collector) = &state.collector else { return finish(Refusal::Disabled) };
    let (site, sent) = (state.site(), Sent::of(&head));
    match collector.sender(&site, &sent) {
        Sender::Foreign => return finish(Refusal::Rejected(Rejection::ForeignOrigin)),
        Sender::Own => return finish((StatusCode::NO_CONTENT, [(ALLOW, "POST, OPTIONS")])),
        Sender::Allowed => {}
    }
    let mut response = finish(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    if let Some(origin) = collector.guest(&site, &sent) {
        share_with(origin, headers);
    }
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type"));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    response
}

/// `GET /_/beacon.HASH.js`. Pages of an older build name an older hash, and must go on being counted.
pub(super) async fn beacon(
    State(state): State<Handle>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let hash = name.strip_prefix("beacon.").and_then(|rest| rest.strip_suffix(".js"));
    let Some(hash) = hash else {
        return finish((StatusCode::NOT_FOUND, "not found\n"));
    };
    let caching = if hash == beacon::hash() { Caching::Immutable } else { Caching::Briefly };
    let script = Bytes::from_static(beacon::script().as_bytes());
    Representation::script(script, caching).answer(&headers, &state.cache).await
}

/// Marks an answer as the server's own and as true only once.
fn finish(response: impl IntoResponse) -> Response {
    let mut response = response.into_response();
    // For all that is still to come, so that there is no need to grow again and again.
    response.headers_mut().reserve(16);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers::restrict(response.headers_mut());
    response
}

/// Lets pages of `origin` see the answer, and no others.
fn share_with(origin: HeaderValue, response: &mut HeaderMap) {
    response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    let shown = HeaderValue::from_static("x-rejected, retry-after");
    response.insert(ACCESS_CONTROL_EXPOSE_HEADERS, shown);
    response.insert(VARY, HeaderValue::from_name(ORIGIN));
    let everywhere = HeaderValue::from_static("cross-origin");
    response.insert(HeaderName::from_static("cross-origin-resource-policy"), everywhere);
}

/// `text/plain` needs no question beforehand, JSON is what it is; what forms send is neither.
fn check_type(fields: &impl Fields) -> Result<(), Refusal> {
    let Some(content_type) = fields.value("content-type") else { return Ok(()) };
    let kind = fields::text(content_type).unwrap_or_default().split(';').next().unwrap_or_default();
    let is_known = ["text/plain", "application/json"]
        .iter()
        .any(|known| kind.trim().eq_ignore_ascii_case(known));
    is_known.then_some(()).ok_or(Refusal::Type)
}

/// Reads the body, if it is short enough and comes soon enough.
async fn read(state: &Shared, headers: &HeaderMap, body: Body) -> Result<Bytes, Refusal> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|len| len.to_str().ok()?.parse().ok());
    if announced.is_some_and(|len: u64| len > policy::EVENT_BYTES as u64) {
        return Err(Rejection::TooLarge.into());
    }
    let reading = Limited::new(body, policy::EVENT_BYTES).collect();
    match tokio::time::timeout(state.limits.body_timeout, reading).await {
        Ok(Ok(read)) => Ok(read.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Rejection::TooLarge.into()),
        Ok(Err(_)) => Err(Rejection::Malformed.into()),
        Err(_) => Err(Refusal::Slow),
    }
}
