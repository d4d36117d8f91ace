//! Takes events in: what HTTP says becomes facts, and what was decided becomes a status.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL, CONTENT_LENGTH,
    CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, ORIGIN, USER_AGENT, VARY,
};
use http::request::Parts;
use http::{Extensions, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::edge::Host;
use super::forwarded::{self, Peer};
use super::origin::{self, Allowed};
use super::refusal::Refusal;
use super::representation::{Caching, Representation};
use super::state::Handle;
use super::{facts, headers};
use crate::analytics::{
    Event, Facts, Limiter, Limits, Raw, Recorder, Rejection, Rules, Sender, admit, beacon, policy,
};
use crate::clock::{Clock, Timestamp};
use crate::config::Analytics;
use crate::permalink::BaseUrl;
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

    async fn collect(&self, state: &Handle, head: &Parts, body: Body) -> Result<(), Refusal> {
        self.take(state, head, body).await.inspect_err(|refusal| {
            if let Refusal::Rejected(rejection) = refusal {
                self.recorder.reject(*rejection);
            }
        })
    }

    async fn take(&self, state: &Handle, head: &Parts, body: Body) -> Result<(), Refusal> {
        check_type(&head.headers)?;
        self.limit(state, head)?;
        let body = read(state, &head.headers, body).await?;
        let event = self.decide(state, head, &body)?;
        let receipt = self.recorder.record(event).map_err(|_| Refusal::Later)?;
        receipt.await.map_err(|_| Refusal::Later)
    }

    /// Holds each address to its share. A proxy that is not declared would make all readers one address, so
    /// this machine and proxies themselves are not held to it; the queue bounds them.
    fn limit(&self, state: &Handle, head: &Parts) -> Result<(), Refusal> {
        let trusted = &state.serve.trusted_proxies;
        let client: IpAddr = forwarded::client(Peer::of(&head.extensions), &head.headers, trusted);
        if client.is_loopback() || forwarded::is_within(trusted, client) {
            return Ok(());
        }
        Ok(self.limiter.take(client, self.clock.now())?)
    }

    fn decide(&self, state: &Handle, head: &Parts, body: &[u8]) -> Result<Event, Refusal> {
        let raw = Raw::parse(body)?;
        let site = state.site();
        let place = facts::place(&site, raw.path());
        if self.settings.exclude.iter().any(|excluded| facts::covers(excluded, &place)) {
            return Err(Rejection::Excluded.into());
        }
        let headers = &head.headers;
        let known = Facts {
            place,
            agent: headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()),
            origin: origin::of(headers),
            sender: self.sender(&site, headers, &head.extensions),
            signals: facts::signals(headers, Peer::of(&head.extensions)),
        };
        Ok(admit(raw, &known, &self.rules, self.clock.now())?)
    }

    fn sender(&self, site: &Site, headers: &HeaderMap, extensions: &Extensions) -> Sender {
        let host = extensions.get::<Host>().and_then(|host| host.0.as_ref());
        let (base, origins) = (&site.identity().base, self.settings.origins.as_slice());
        origin::sender(headers, Allowed { host, base, origins })
    }
}

/// `POST /_/event`: 202 once the event is durable.
pub(super) async fn event(State(state): State<Handle>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Some(collector) = &state.collector else { return finish(Refusal::Disabled) };
    let mut response = match collector.collect(&state, &head, body).await {
        Ok(()) => finish(StatusCode::ACCEPTED),
        Err(refusal) => finish(refusal),
    };
    let sender = collector.sender(&state.site(), &head.headers, &head.extensions);
    if sender == Sender::Allowed {
        share_with(&head.headers, response.headers_mut());
    }
    response
}

/// `OPTIONS /_/event`: a browser asks whether another origin may send JSON.
pub(super) async fn preflight(State(state): State<Handle>, request: Request) -> Response {
    let (head, _) = request.into_parts();
    let Some(collector) = &state.collector else { return finish(Refusal::Disabled) };
    let mut response = match collector.sender(&state.site(), &head.headers, &head.extensions) {
        Sender::Foreign => return finish(Refusal::Rejected(Rejection::ForeignOrigin)),
        Sender::Own => return finish((StatusCode::NO_CONTENT, [(ALLOW, "POST, OPTIONS")])),
        Sender::Allowed => finish(StatusCode::NO_CONTENT),
    };
    let headers = response.headers_mut();
    share_with(&head.headers, headers);
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

/// Lets the page that asked see the answer, and no other.
fn share_with(request: &HeaderMap, response: &mut HeaderMap) {
    let Some(origin) = request.get(ORIGIN) else { return };
    response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    let shown = HeaderValue::from_static("x-rejected, retry-after");
    response.insert(ACCESS_CONTROL_EXPOSE_HEADERS, shown);
    response.insert(VARY, HeaderValue::from_name(ORIGIN));
    let everywhere = HeaderValue::from_static("cross-origin");
    response.insert(HeaderName::from_static("cross-origin-resource-policy"), everywhere);
}

/// `text/plain` needs no question beforehand, JSON is what it is; what forms send is neither.
fn check_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(content_type) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let kind = content_type.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    let is_known = ["text/plain", "application/json"]
        .iter()
        .any(|known| kind.trim().eq_ignore_ascii_case(known));
    is_known.then_some(()).ok_or(Refusal::Type)
}

/// Reads the body, if it is short enough and comes soon enough.
async fn read(state: &Handle, headers: &HeaderMap, body: Body) -> Result<Bytes, Refusal> {
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
