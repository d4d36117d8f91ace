//! What happens to every request and every answer, whoever handles it.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{CONNECTION, CONTENT_LENGTH, RANGE, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, Method, StatusCode, Uri, Version};
use http_body::Body as _;

use super::state::{Handle, Shared};
use super::{host, pages};
use crate::permalink::{BaseUrl, UrlPath};

/// The host that a request names; noted in it once it is known to be well-formed.
#[derive(Debug, Clone)]
pub(super) struct Host(Option<Authority>);

impl Host {
    /// The host noted in a request, if it names one.
    pub(super) fn of(extensions: &http::Extensions) -> Option<&str> {
        extensions.get::<Self>().and_then(|host| host.0.as_ref()).map(Authority::as_str)
    }
}

/// Checks a request, hands it on, and completes the answer.
pub(super) async fn edge(State(state): State<Handle>, request: Request, next: Next) -> Response {
    let is_head = request.method() == Method::HEAD;
    let mut response = match prepare(&state, request) {
        Ok(request) => catch_panics(next.run(request)).await,
        Err(response) => *response,
    };
    if is_head {
        response = without_body(response);
    }
    complete(&state, &mut response);
    response
}

/// Adds what every answer has, and counts it.
pub(super) fn complete(state: &Shared, response: &mut Response) {
    state.protection.complete(response.headers_mut());
    state.meters.count(response.status());
}

/// Answers what no handler should see, and takes the site's prefix off the path.
fn prepare(state: &Handle, request: Request) -> Result<Request, Box<Response>> {
    let (mut head, body) = request.into_parts();
    let host = check(state, &head).map_err(|status| Box::new(refuse(status, head.version)))?;
    head.extensions.insert(Host(host));
    if head.method == Method::HEAD {
        // Ranges are defined for GET alone (RFC 9110, 14.2).
        head.headers.remove(RANGE);
    }
    let site = state.site();
    let base = &site.identity().base;
    if !base.prefix().is_empty() {
        if head.uri.path() == base.prefix() {
            let home = pages::redirect(&site, &UrlPath::root(), head.uri.query());
            return Err(Box::new(home));
        }
        head.uri = without_prefix(base, &head.uri).unwrap_or(head.uri);
    }
    Ok(Request::from_parts(head, body))
}

/// The host that a request names, if it is one that can be answered.
fn check(state: &Handle, head: &Parts) -> Result<Option<Authority>, StatusCode> {
    let target = head.uri.path_and_query().map_or(0, |target| target.as_str().len());
    if target > state.limits.request_line {
        return Err(StatusCode::URI_TOO_LONG);
    }
    // Two lengths are how one request is smuggled past a proxy within another.
    if head.headers.contains_key(CONTENT_LENGTH) && head.headers.contains_key(TRANSFER_ENCODING) {
        return Err(StatusCode::BAD_REQUEST);
    }
    // Nothing else is decoded, and what is not decoded is not the request that was meant (RFC 9112, 6.1).
    let mut codings = head.headers.get_all(TRANSFER_ENCODING).iter();
    let is_chunked = |coding: &HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"chunked");
    if codings.next().is_some_and(|coding| !is_chunked(coding)) || codings.next().is_some() {
        return Err(StatusCode::NOT_IMPLEMENTED);
    }
    // `GET about` names a host and no path, which only a proxy is asked for (RFC 9112, 3.2).
    let is_whole = match head.method {
        Method::CONNECT => true,
        Method::OPTIONS => head.uri.path() == "*" || head.uri.path().starts_with('/'),
        _ => head.uri.path().starts_with('/'),
    };
    if !is_whole {
        return Err(StatusCode::BAD_REQUEST);
    }
    let host = host::of(head)?;
    if state.is_dev() && !host.as_ref().is_none_or(host::is_local) {
        return Err(StatusCode::MISDIRECTED_REQUEST);
    }
    Ok(host)
}

/// Says no and hangs up: where a request is not understood, nor is what follows it on the connection.
fn refuse(status: StatusCode, version: Version) -> Response {
    let mut response = status.into_response();
    if version < Version::HTTP_2 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// The address without the prefix of `base`; none if it is not there.
fn without_prefix(base: &BaseUrl, uri: &Uri) -> Option<Uri> {
    let path = base.strip(uri.path())?;
    let target = uri.query().map_or(path.to_owned(), |query| format!("{path}?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(target).ok()?);
    Uri::from_parts(parts).ok()
}

/// The answer of `handler`; 500 if it panics. What it held is dropped with it, so nothing half-done is seen.
async fn catch_panics(handler: impl Future<Output = Response>) -> Response {
    let mut handler = pin!(handler);
    poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| handler.as_mut().poll(context)));
        polled.unwrap_or_else(|_| Poll::Ready(StatusCode::INTERNAL_SERVER_ERROR.into_response()))
    })
    .await
}

/// What HEAD answers: the same, with the length of a body that is not sent.
fn without_body(response: Response) -> Response {
    let (mut head, body) = response.into_parts();
    if let Some(len) = body.size_hint().exact().filter(|len| *len > 0) {
        head.headers.entry(CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(len));
    }
    Response::from_parts(head, Body::empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_a_500() {
        #[expect(clippy::unused_async, reason = "stands for a handler")]
        async fn handler(sound: bool) -> Response {
            assert!(sound, "this is on purpose");
            StatusCode::OK.into_response()
        }
        assert_eq!(catch_panics(handler(true)).await.status(), StatusCode::OK);
        let status = catch_panics(handler(false)).await.status();
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    }
}
