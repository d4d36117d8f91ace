//! The statistics: a page that is complete without JavaScript, its numbers as JSON, and their changes as a stream.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, HeaderMap, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};

use super::access::{self, Audience, Denial, Sign};
use super::board::{Board, Reading};
use super::dashboard::View;
use super::frame::Frame;
use super::pages::{self, Newest};
use super::report::Viewer;
use super::representation::{Caching, Representation};
use super::state::Handle;
use super::wanted::Wanted;
use super::{headers, limits, sign_in, stream};
use crate::permalink::UrlPath;
use crate::render::DASHBOARD_SCRIPT;

const HTML: &str = "text/html; charset=utf-8";
const CSV: &str = "text/csv; charset=utf-8";

/// What stands before the token in a link that the owner has sent.
const SHARE: &str = "share=";

/// What is shown while there is nothing to be shown.
const NOTHING: &str = "<h1>Statistics</h1>\n<p class=\"alert warning\">The numbers cannot be read at the moment, and \
     nobody is counted. The site is served as usual.</p>";

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
    let view = match View::parse(query.unwrap_or_default()) {
        Ok(view) => view,
        Err(reason) => return told(StatusCode::BAD_REQUEST, &reason),
    };
    let mut sites = Newest::of(state);
    while let Some(site) = sites.next().await {
        let address = site.identity().base.link(&site.identity().stats);
        let is_unavailable = state.board.snapshot().unavailable;
        let inside = if is_unavailable {
            Some(Arc::from(NOTHING))
        } else {
            let view = view.clone();
            asked(state, move |board| board.dashboard(&view, viewer, &address)).await
        };
        let Some(inside) = inside else { return failed(state) };
        let account = sign_in::account(looker, &site).unwrap_or_default();
        let framed = Frame::Stats.around(&[&inside, &account], state, &site).await;
        let Some(html) = framed else { continue };
        let mut response =
            Representation::of_the_moment(HTML, html).answer(headers, &state.cache).await;
        if is_unavailable {
            mark_unavailable(&mut response);
        }
        headers::restrict(response.headers_mut());
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
    if state.board.snapshot().unavailable {
        return failed(&state);
    }
    let json = asked(&state, move |board| {
        Ok(Bytes::from(serde_json::to_vec(&*board.report(&wanted, viewer)?)?))
    });
    let Some(json) = json.await else { return failed(&state) };
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
    if state.board.snapshot().unavailable {
        return failed(&state);
    }
    let Some(reading) = read(&state, viewer).await else { return failed(&state) };
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

/// `GET /_/stats.csv`: a list, or the course of the time if the query names none.
pub(super) async fn csv(
    State(state): State<Handle>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let viewer = match access::viewer(&state, &headers, Sign::Visit).await {
        Ok(viewer) => viewer,
        Err(denial) => return denied(denial),
    };
    let view = match View::parse(query.as_deref().unwrap_or_default()) {
        Ok(view) => view,
        Err(reason) => return told(StatusCode::BAD_REQUEST, &reason),
    };
    let address = state.site().identity().stats.to_string();
    let csv = asked(&state, move |board| board.csv(&view, viewer, &address)).await;
    let Some(csv) = csv else { return failed(&state) };
    let file = Representation::of_the_moment(CSV, Bytes::from(csv));
    let mut response = file.answer(&headers, &state.cache).await;
    let name = HeaderValue::from_static("attachment; filename=\"statistics.csv\"");
    response.headers_mut().insert(CONTENT_DISPOSITION, name);
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

/// What the board answers, off the async threads and one after the other; none, and a line in the log, if it fails.
async fn asked<T: Send + 'static>(
    state: &Handle,
    question: impl FnOnce(&Board) -> anyhow::Result<T> + Send + 'static,
) -> Option<T> {
    let place = Arc::clone(&state.period_place).acquire_owned().await.ok()?;
    let board = Arc::clone(&state.board);
    let answer = tokio::task::spawn_blocking(move || {
        // Given back when all is read, even if who asked is gone by then.
        let _place = place;
        question(&board)
    });
    match answer.await.ok()? {
        Ok(answer) => Some(answer),
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

/// What cannot be read: for now, if the database is what is wrong.
pub(super) fn failed(state: &Handle) -> Response {
    let no_store = [(CACHE_CONTROL, "no-store")];
    if !state.board.snapshot().degraded {
        return (StatusCode::INTERNAL_SERVER_ERROR, no_store).into_response();
    }
    let mut response = (no_store, "the numbers cannot be read at the moment\n").into_response();
    mark_unavailable(&mut response);
    headers::restrict(response.headers_mut());
    response
}

fn mark_unavailable(response: &mut Response) {
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let seconds = HeaderValue::from_static(limits::EVENT_RETRY_SECONDS);
    response.headers_mut().insert(RETRY_AFTER, seconds);
}

/// The numbers now, read off the async threads.
async fn read(state: &Handle, viewer: Viewer) -> Option<Arc<Reading>> {
    let board = Arc::clone(&state.board);
    tokio::task::spawn_blocking(move || board.read(viewer)).await.ok()
}
