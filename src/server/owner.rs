//! What commands on the machine of the server ask of it: they show a key that only its owner can read.

use std::path::PathBuf;

use axum::body::{self, Body};
use axum::extract::State;
use axum::response::Response;
use http::header::{AUTHORIZATION, HeaderMap};
use http::{Request, StatusCode};

use super::state::{Handle, Shared};
use super::stats::{not_found, told};
use crate::analytics::Query;

/// What stands before a key.
const BEARER: &[u8] = b"Bearer ";

/// The longest path that is read.
const LONGEST: usize = 32 << 10;

/// Whether a request shows the key. Hashes are compared, so that the time it takes tells nothing about it.
pub(super) fn knows_key(state: &Shared, headers: &HeaderMap) -> bool {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(BEARER));
    given.zip(state.key.as_ref()).is_some_and(|(given, key)| {
        !key.is_empty() && blake3::hash(given) == blake3::hash(key.as_bytes())
    })
}

/// `POST /_/backup`: writes a copy of the statistics to the path in the body.
pub(super) async fn back_up(State(state): State<Handle>, request: Request<Body>) -> Response {
    let (head, body) = request.into_parts();
    if !knows_key(&state, &head.headers) {
        return not_found();
    }
    let Ok(path) = body::to_bytes(body, LONGEST).await else {
        return told(StatusCode::PAYLOAD_TOO_LARGE, "the path is too long");
    };
    let Some(path) =
        std::str::from_utf8(&path).ok().map(PathBuf::from).filter(|path| path.is_absolute())
    else {
        return told(StatusCode::BAD_REQUEST, "the body is no absolute path");
    };
    with_query(&state, move |query| query.back_up(&path).map(|()| "written".to_owned())).await
}

/// `POST /_/verify`: whether what was counted adds up.
pub(super) async fn verify(State(state): State<Handle>, headers: HeaderMap) -> Response {
    if !knows_key(&state, &headers) {
        return not_found();
    }
    with_query(&state, |query| Ok(if query.verify()? { "sound" } else { "unsound" }.to_owned()))
        .await
}

/// Does `work` off the async threads, and tells what it says.
async fn with_query(
    state: &Handle,
    work: impl FnOnce(&Query) -> anyhow::Result<String> + Send + 'static,
) -> Response {
    let Some(query) = state.query.clone() else { return not_found() };
    match tokio::task::spawn_blocking(move || work(&query)).await {
        Ok(Ok(done)) => told(StatusCode::OK, &done),
        Ok(Err(failure)) => told(StatusCode::INTERNAL_SERVER_ERROR, &format!("{failure:#}")),
        Err(_) => told(StatusCode::INTERNAL_SERVER_ERROR, "this went wrong"),
    }
}
