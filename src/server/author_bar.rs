//! What a signed-in owner sees on a post or a page itself: how it is read, in one line above its lower edge.
//!
//! It is put into the answer to that one request, which nobody may keep. All other answers stay as they are.

use std::sync::Arc;

use axum::response::Response;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, HeaderMap, HeaderValue};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::access::{self, Audience, Looker, Sign};
use super::files::Found;
use super::report::Viewer;
use super::representation::Representation;
use super::state::Handle;
use super::wanted::Wanted;
use crate::permalink::UrlPath;
use crate::render;
use crate::site::{PageKind, Site};

const HTML: &str = "text/html; charset=utf-8";

/// The end of a page, before which it stands.
const END: &[u8] = b"</body>";

/// The numbers, as its template sees them.
#[derive(Debug, Default, Serialize)]
struct Bar {
    views: u64,
    visitors: u64,
    reads: u64,
    reading: u64,
    /// Where there is more of them.
    link: String,
}

/// The page at `path` with the bar in it, if it is the owner who asks for it and it is one that has a bar.
pub(super) async fn answer(
    state: &Handle,
    site: &Site,
    (path, found): (&UrlPath, &Found),
    headers: &HeaderMap,
) -> Option<Response> {
    if !access::may_be_of_owner(headers) {
        return None;
    }
    let kind = site.catalog().pages.get(path).map(|entry| entry.kind);
    let Found::Whole(page) = found else { return None };
    let has_bar = matches!(kind, Some(PageKind::Post | PageKind::Page));
    let has_numbers = state.query.is_some() && !state.board.snapshot().unavailable;
    if !has_bar || !has_numbers || state.audience() == Audience::Nobody {
        return None;
    }
    if access::looker(state, headers, Sign::Visit).await != Looker::Owner {
        return None;
    }
    let bar = bar(state, site, path).await?;
    let html = render::part("author-bar.html", &bar);
    let html = html.inspect_err(|error| tracing::error!("no bar can be rendered: {error:#}"));
    let page = Representation::of_the_moment(HTML, with_bar(page, &html.ok()?));
    let mut response = page.answer(headers, &state.cache).await;
    let nobody = HeaderValue::from_static("private, no-store");
    response.headers_mut().insert(CACHE_CONTROL, nobody);
    Some(response)
}

/// How the page at `path` was and is read.
async fn bar(state: &Handle, site: &Site, path: &UrlPath) -> Option<Bar> {
    let place = Arc::clone(&state.period_place).acquire_owned().await.ok()?;
    let board = Arc::clone(&state.board);
    let read = tokio::task::spawn_blocking(move || {
        let _place = place;
        board.report(&Wanted::default(), Viewer::Owner)
    });
    let report = match read.await.ok()? {
        Ok(report) => report,
        Err(error) => {
            tracing::error!("how a page is read cannot be read: {error:#}");
            return None;
        }
    };
    let numbers = &report.numbers;
    let stat = numbers.page_stats.iter().find(|stat| stat.page.path == *path);
    let reading = numbers.active_by_path.iter().find(|active| active.page.path == *path);
    let dashboard = site.identity().base.link(&site.identity().stats);
    let page = utf8_percent_encode(path.as_str(), NON_ALPHANUMERIC);
    Some(Bar {
        views: stat.map_or(0, |stat| stat.views),
        visitors: stat.map_or(0, |stat| stat.visitors),
        reads: stat.and_then(|stat| stat.detail.as_ref()).map_or(0, |detail| detail.reads),
        reading: reading.map_or(0, |active| active.count),
        link: format!("{dashboard}?page={page}"),
    })
}

/// `page` with `bar` at its end.
fn with_bar(page: &[u8], bar: &str) -> Bytes {
    let is_end = |part: &[u8]| part.eq_ignore_ascii_case(END);
    let at = page.windows(END.len()).rposition(is_end).unwrap_or(page.len());
    [&page[..at], bar.as_bytes(), &page[at..]].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_the_last_thing_in_the_body() {
        for (page, expected) in [
            ("<body><p></body></html>", "<body><p>BAR</body></html>"),
            ("<pre></body></pre></BODY>", "<pre></body></pre>BAR</BODY>"),
            ("<p>no end", "<p>no endBAR"),
        ] {
            assert_eq!(with_bar(page.as_bytes(), "BAR"), expected);
        }
    }
}
