//! The statistics: a page that is complete without JavaScript, its numbers as JSON, and their changes as a stream.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use http::header::{CACHE_CONTROL, HeaderMap, HeaderValue, WWW_AUTHENTICATE};

use super::access::{self, Audience, Denial, Sign};
use super::board::Reading;
use super::frame::Frame;
use super::pages::{self, Newest};
use super::report::Viewer;
use super::representation::{Caching, Representation};
use super::state::Handle;
use super::wanted::Wanted;
use super::{headers, sign_in, stream};
use crate::permalink::UrlPath;
use crate::render::DASHBOARD_SCRIPT;

const HTML: &str = "text/html; charset=utf-8";

/// What stands before the token in a link that the owner has sent.
const SHARE: &str = "share=";

/// `GET /stats/`; `path` is the address asked for, with or without its final slash. A query says what of it is shown.
pub(super) async fn page(
    state: &Handle,
    path: &UrlPath,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Response {
    let site = state.site();
    if !path.is_folder() && state.audience() != Audience::Nobody {
        return pages::redirect(&site, &site.identity().stats, query);
    }
    if let Some((token, rest)) = query.and_then(invitation) {
        return sign_in::welcome(state, headers, token, Some(&rest)).await;
    }
    let looker = access::looker(state, headers, Sign::Visit).await;
    let viewer = match access::viewer_of(state, looker) {
        Ok(viewer) => viewer,
        Err(Denial::Hidden) => return not_found(),
        Err(Denial::SignIn) => return sign_in::lead_here(&site, query),
    };
    let wanted = match Wanted::parse(query.unwrap_or_default()) {
        Ok(wanted) => wanted,
        Err(reason) => return told(StatusCode::BAD_REQUEST, &reason),
    };
    let mut sites = Newest::of(state);
    while let Some(site) = sites.next().await {
        let address = site.identity().base.link(&site.identity().stats);
        let Some(inside) = inside(state, wanted.clone(), viewer, address).await else {
            return failed();
        };
        let account = sign_in::account(looker, &site).unwrap_or_default();
        let framed = Frame::Stats.around(&[&inside, &account], state, &site).await;
        let Some(html) = framed else { continue };
        let mut response =
            Representation::of_the_moment(HTML, html).answer(headers, &state.cache).await;
        headers::restrict_with_forms(response.headers_mut());
        return response;
    }
    pages::unavailable()
}

/// What a link has in its query that the owner has sent, and the query without it.
fn invitation(query: &str) -> Option<(&str, String)> {
    let token = query.split('&').find_map(|pair| pair.strip_prefix(SHARE))?;
    let rest: Vec<&str> = query.split('&').filter(|pair| !pair.starts_with(SHARE)).collect();
    Some((token, rest.join("&")))
}

/// `GET /_/stats.json`, of all time or of what the query says.
pub(super) async fn json(
    State(state): State<Handle>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let viewer = match access::viewer(&state, &headers, Sign::Visit).await {
        Ok(viewer) => viewer,
        Err(denial) => return denied(denial),
    };
    let wanted = match Wanted::parse(query.as_deref().unwrap_or_default()) {
        Ok(wanted) => wanted,
        Err(reason) => return told(StatusCode::BAD_REQUEST, &reason),
    };
    let Some(json) = json_of(&state, wanted, viewer).await else { return failed() };
    let numbers = Representation::of_the_moment("application/json", json);
    let mut response = numbers.answer(&headers, &state.cache).await;
    headers::restrict(response.headers_mut());
    response
}

/// `GET /_/stats/live`: the numbers at once, then whenever one has changed, as long as they may be seen.
pub(super) async fn live(State(state): State<Handle>, headers: HeaderMap) -> Response {
    let viewer = match access::viewer(&state, &headers, Sign::Visit).await {
        Ok(viewer) => viewer,
        Err(denial) => return denied(denial),
    };
    // Subscribed before the first reading is made, so that no change falls between the two.
    let changes = state.live[viewer as usize].subscribe();
    let Some(reading) = read(&state, viewer).await else { return failed() };
    let may_go_on = stream::permission({
        let asked = Arc::new((state.clone(), headers));
        move || {
            let asked = Arc::clone(&asked);
            async move { access::viewer(&asked.0, &asked.1, Sign::OpenTab).await == Ok(viewer) }
        }
    });
    let mut response = stream::open(&state, frame_of(&reading), changes, Bytes::clone, may_go_on);
    headers::restrict(response.headers_mut());
    response
}

/// `GET /_/stats.js`
pub(super) async fn script(State(state): State<Handle>, headers: HeaderMap) -> Response {
    let script = Representation::script(
        Bytes::from_static(DASHBOARD_SCRIPT.as_bytes()),
        Caching::Revalidate,
    );
    let mut response = script.answer(&headers, &state.cache).await;
    headers::restrict(response.headers_mut());
    response
}

/// Puts each reading into `live` while anybody listens, at most one for each [`Limits::stream_pace`](super::Limits).
pub(super) async fn follow(state: Handle) {
    let (mut sites, mut snapshots) = state.board.sources();
    let mut stop = state.stop.subscribe();
    let mut counted = true;
    let mut last = [0; Viewer::COUNT];
    loop {
        tokio::select! {
            changed = sites.changed() => if changed.is_err() { return },
            changed = snapshots.changed(), if counted => counted = changed.is_ok(),
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let mut is_new = false;
        for viewer in Viewer::ALL {
            let (live, last) = (&state.live[viewer as usize], &mut last[viewer as usize]);
            if live.receiver_count() == 0 {
                continue;
            }
            let Some(reading) = read(&state, viewer).await else { return };
            if reading.number != *last {
                *last = reading.number;
                live.send_replace(frame_of(&reading));
                is_new = true;
            }
        }
        if is_new {
            tokio::time::sleep(state.limits.stream_pace).await;
        }
    }
}

fn frame_of(reading: &Reading) -> Bytes {
    let json = std::str::from_utf8(&reading.json).expect("JSON is UTF-8");
    stream::event(reading.number, json)
}

pub(super) fn not_found() -> Response {
    told(StatusCode::NOT_FOUND, "not found")
}

/// What a program is told that may not know the numbers.
fn denied(denial: Denial) -> Response {
    if denial == Denial::Hidden {
        return not_found();
    }
    let why = "these numbers are private: sign in at `/_/sign-in`, or show the key of the server";
    let mut response = told(StatusCode::UNAUTHORIZED, why);
    let challenge = HeaderValue::from_static("Bearer realm=\"statistics\"");
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}

/// The numbers that are wanted, as JSON.
async fn json_of(state: &Handle, wanted: Wanted, viewer: Viewer) -> Option<Bytes> {
    let place = Arc::clone(&state.period_place).acquire_owned().await.ok()?;
    let board = Arc::clone(&state.board);
    let report = tokio::task::spawn_blocking(move || {
        // Given back when all is read, even if who asked is gone by then.
        let _place = place;
        let report = board.report(&wanted, viewer)?;
        anyhow::Ok(Bytes::from(serde_json::to_vec(&*report)?))
    });
    match report.await.ok()? {
        Ok(json) => Some(json),
        Err(error) => {
            tracing::error!("what was asked about cannot be read: {error:#}");
            None
        }
    }
}

pub(super) fn told(status: StatusCode, what: &str) -> Response {
    let mut response = (status, [(CACHE_CONTROL, "no-store")], format!("{what}\n")).into_response();
    headers::restrict(response.headers_mut());
    response
}

pub(super) fn failed() -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, [(CACHE_CONTROL, "no-store")]).into_response()
}

/// The numbers now, read off the async threads.
async fn read(state: &Handle, viewer: Viewer) -> Option<Arc<Reading>> {
    let board = Arc::clone(&state.board);
    tokio::task::spawn_blocking(move || board.read(viewer)).await.ok()
}

/// The dashboard with the numbers in it, rendered once for each reading.
async fn inside(
    state: &Handle,
    wanted: Wanted,
    viewer: Viewer,
    address: String,
) -> Option<Arc<str>> {
    let place = Arc::clone(&state.period_place).acquire_owned().await.ok()?;
    let board = Arc::clone(&state.board);
    let rendered = tokio::task::spawn_blocking(move || {
        let _place = place;
        board.dashboard(&wanted, viewer, &address)
    });
    match rendered.await.ok()? {
        Ok(inside) => Some(inside),
        Err(error) => {
            tracing::error!("the dashboard cannot be rendered: {error:#}");
            None
        }
    }
}
