//! How the server is doing, for those who watch over it: a word, and numbers for Prometheus.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use super::access::Audience;
use super::headers;
use super::state::Handle;

/// How many requests were answered, by the hundred of their status.
#[derive(Debug, Default)]
pub(super) struct Meters([AtomicU64; 5]);

impl Meters {
    /// Counts an answer.
    pub(super) fn count(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        if let Some(count) = self.0.get(class) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// `GET /_/health`: `ok`, or what is wrong.
pub(super) async fn health(State(state): State<Handle>) -> Response {
    if state.board.snapshot().degraded {
        let text = "degraded: events cannot be stored; the site is served\n";
        own((StatusCode::SERVICE_UNAVAILABLE, text).into_response())
    } else {
        own("ok\n".into_response())
    }
}

/// `GET /_/metrics`, in the text format of Prometheus.
pub(super) async fn metrics(State(state): State<Handle>) -> Response {
    let mut text = String::new();
    headline(&mut text, "requests_total", "counter", "Requests answered.");
    for (class, count) in (1..).zip(&state.meters.0) {
        let count = count.load(Ordering::Relaxed);
        let _ = writeln!(text, "tallymark_requests_total{{status=\"{class}xx\"}} {count}");
    }
    let snapshot = state.board.snapshot();
    if state.audience() == Audience::Everybody && !snapshot.unavailable {
        headline(&mut text, "views_total", "counter", "Page views counted, of all time.");
        let _ = writeln!(text, "tallymark_views_total {}", snapshot.total_page_views);
        headline(&mut text, "active_visitors", "gauge", "Visitors who are reading now.");
        let _ = writeln!(text, "tallymark_active_visitors {}", snapshot.active_visitors);
    }
    headline(&mut text, "events_rejected_total", "counter", "Events that were not counted.");
    for (rejection, count) in &snapshot.rejected {
        let reason = rejection.name();
        let _ = writeln!(text, "tallymark_events_rejected_total{{reason=\"{reason}\"}} {count}");
    }
    headline(&mut text, "streams", "gauge", "Event streams that are open.");
    let open = state.limits.streams.saturating_sub(state.stream_places.available_permits());
    let _ = writeln!(text, "tallymark_streams {open}");
    headline(&mut text, "degraded", "gauge", "1 while events cannot be stored.");
    let _ = writeln!(text, "tallymark_degraded {}", u8::from(snapshot.degraded));
    own(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

fn headline(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP tallymark_{name} {help}\n# TYPE tallymark_{name} {kind}");
}

/// Marks an answer as the server's own and as true only now.
fn own(mut response: Response) -> Response {
    let no_store = http::HeaderValue::from_static("no-store");
    response.headers_mut().insert(CACHE_CONTROL, no_store);
    headers::restrict(response.headers_mut());
    response
}
