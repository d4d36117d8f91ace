//! Tells open tabs of a rebuild while somebody writes, and of what is wrong with what was written.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::Serialize;

use super::representation::{Caching, Representation};
use super::state::Handle;
use super::stream;

const SCRIPT: &str = include_str!("live_reload.js");

/// What open tabs have to know of the last build.
///
/// The counts only grow, so a tab that missed a build still sees that there was one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DevState {
    /// How many builds changed something that needs a page to be loaded again.
    pub pages: u64,
    /// How many builds changed a style sheet.
    pub styles: u64,
    /// The author's mistakes in the last build.
    pub problems: Vec<DevProblem>,
}

/// A mistake of the author as it is shown over the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DevProblem {
    /// Whether the build failed because of it.
    pub is_error: bool,
    /// File, line and column: `content/blog/x.md:3:7`.
    pub place: String,
    /// What is wrong.
    pub text: String,
    /// What to do about it; may be empty.
    pub help: String,
}

/// What an event says: the state, and which run of the server it is of.
#[derive(Serialize)]
struct Message<'a> {
    run: i64,
    #[serde(flatten)]
    state: &'a DevState,
}

/// `GET /_/reload`
pub(super) async fn stream(State(state): State<Handle>) -> Response {
    let Some(mut states) = state.dev.clone() else { return StatusCode::NOT_FOUND.into_response() };
    let run = state.began;
    let write = move |state: &DevState| {
        let message = serde_json::to_string(&Message { run, state }).expect("text is JSON");
        stream::event(state.pages + state.styles, &message)
    };
    let first = write(&states.borrow_and_update());
    let always = stream::permission(|| std::future::ready(true));
    stream::open(&state, first, states, write, always)
}

/// `GET /_/reload.js`
pub(super) async fn script(State(state): State<Handle>, headers: HeaderMap) -> Response {
    if !state.is_dev() {
        return StatusCode::NOT_FOUND.into_response();
    }
    let script = Representation::script(Bytes::from_static(SCRIPT.as_bytes()), Caching::Revalidate);
    script.answer(&headers, &state.cache).await
}
