//! Server-Sent Events: streams that stay open, of which each reader gets the newest as fast as it takes it.

use std::fmt::Write;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};

use super::channel_body::ChannelBody;
use super::state::Handle;

/// How long a browser waits before it connects again, in milliseconds.
const RETRY_MILLIS: u32 = 3000;

/// How long a browser stays away that found all places taken, in seconds.
const FULL_RETRY_SECONDS: &str = "30";

/// A comment, which browsers skip.
const ALIVE: Bytes = Bytes::from_static(b": alive\n\n");

/// Keeps proxies from collecting a stream before they pass it on.
const NO_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// An event as it stands in a stream. A line break in `data` would end the field, so each line gets its own.
pub(super) fn event(id: u64, data: &str) -> Bytes {
    let mut text = String::with_capacity(data.len() + 64);
    let _ = writeln!(text, "id: {id}");
    for line in data.lines() {
        let _ = writeln!(text, "data: {line}");
    }
    text.push('\n');
    text.into()
}

/// Says whether a stream may go on; asked before each event and each sign of life.
pub(super) type Permission = Box<dyn Fn() -> Pin<Box<dyn Future<Output = bool> + Send>> + Send>;

/// Asks `question` each time.
pub(super) fn permission<F>(question: impl Fn() -> F + Send + 'static) -> Permission
where
    F: Future<Output = bool> + Send + 'static,
{
    Box::new(move || Box::pin(question()))
}

/// Answers with a stream that begins with `first` and goes on with whatever `events` holds newest, as `write`
/// puts it, as long as `may_go_on` says so.
///
/// A slow reader misses what was replaced meanwhile, and holds nobody up. When all places are taken, 503.
pub(super) fn open<T, W>(
    state: &Handle,
    first: Bytes,
    events: watch::Receiver<T>,
    write: W,
    may_go_on: Permission,
) -> Response
where
    T: Send + Sync + 'static,
    W: Fn(&T) -> Bytes + Send + 'static,
{
    let Ok(place) = state.stream_places.clone().try_acquire_owned() else {
        let retry = [(RETRY_AFTER, FULL_RETRY_SECONDS), (CACHE_CONTROL, "no-store")];
        return (StatusCode::SERVICE_UNAVAILABLE, retry, "too many streams\n").into_response();
    };
    let (frames, body) = ChannelBody::with_capacity(1);
    let keep_alive = state.limits.keep_alive;
    let (stop, last) = (state.stop.subscribe(), first);
    let pump = Pump { frames, events, write, may_go_on, last, stop, keep_alive, _place: place };
    tokio::spawn(pump.run());
    let headers = [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-store, no-transform"),
        (NO_BUFFERING, "no"),
    ];
    (headers, Body::new(body)).into_response()
}

/// What feeds one reader.
struct Pump<T, W> {
    frames: mpsc::Sender<io::Result<Bytes>>,
    events: watch::Receiver<T>,
    write: W,
    may_go_on: Permission,
    /// The event that was sent last, or is to be sent first.
    last: Bytes,
    stop: watch::Receiver<bool>,
    keep_alive: Duration,
    _place: OwnedSemaphorePermit,
}

impl<T, W: Fn(&T) -> Bytes> Pump<T, W> {
    async fn run(mut self) {
        let hello = Bytes::from(format!("retry: {RETRY_MILLIS}\n\n"));
        let mut is_open = self.send(hello).await && self.send(self.last.clone()).await;
        while is_open {
            let Some(frame) = self.next().await else { return };
            if !(self.may_go_on)().await {
                return;
            }
            is_open = self.send(frame).await;
        }
    }

    /// Waits until the reader takes a frame; false if it has gone or the server ends.
    async fn send(&mut self, frame: Bytes) -> bool {
        tokio::select! {
            sent = self.frames.send(Ok(frame)) => sent.is_ok(),
            _ = self.stop.wait_for(|stop| *stop) => false,
        }
    }

    /// The newest event once it is another one, or a comment that says the stream is alive; none at its end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            tokio::select! {
                changed = self.events.changed() => changed.ok()?,
                () = tokio::time::sleep(self.keep_alive) => return Some(ALIVE),
                () = self.frames.closed() => return None,
                _ = self.stop.wait_for(|stop| *stop) => return None,
            }
            let newest = (self.write)(&self.events.borrow_and_update());
            if newest != self.last {
                self.last = newest.clone();
                return Some(newest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_keeps_its_lines() {
        assert_eq!(event(1, "{}"), "id: 1\ndata: {}\n\n");
        assert_eq!(event(7, "x\ny"), "id: 7\ndata: x\ndata: y\n\n");
    }
}
