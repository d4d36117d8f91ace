//! Any path of the site: the file, a redirect to where it is, or the site's own "not found".

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CACHE_CONTROL, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use http::request::Parts;
use http::{Method, StatusCode, Uri};
use percent_encoding::percent_decode_str;
use tokio::sync::watch;

use super::files::Found;
use super::navigations::Asker;
use super::representation::{Caching, Representation};
use super::state::Handle;
use super::{author_bar, content_type, stats};
use crate::permalink::UrlPath;
use crate::site::{self, Answer, OutputFile, Site};

/// What can be done with a page.
const ALLOWED: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

/// The page that answers for every path that is not there.
const NOT_FOUND_PAGE: &str = "/404.html";

/// How often a newer site is tried when files on disk are not those of the site at hand.
const ATTEMPTS: usize = 3;

/// Answers a request for anything that the server does not keep for itself.
pub(super) async fn answer(State(state): State<Handle>, request: Request) -> Response {
    if let Err(response) = check_method(request.method()) {
        return *response;
    }
    let (request, _) = request.into_parts();
    let path = UrlPath::decode(request.uri.path()).ok();
    if path.is_none() && is_garbage(request.uri.path()) {
        return (StatusCode::BAD_REQUEST, "the path is malformed\n").into_response();
    }
    if let Some(response) = stats_page(&state, path.as_ref(), &request).await {
        return response;
    }
    let is_get = request.method == Method::GET;
    let asked = Asked { path: path.as_ref(), uri: &request.uri, headers: &request.headers, is_get };
    let mut sites = Newest::of(&state);
    while let Some(site) = sites.next().await {
        if let Some(response) = asked.answer(&state, &site).await {
            return response;
        }
    }
    unavailable()
}

/// `GET /_/privacy`: the page that the site has at its address with a slash, for who has left that out.
pub(super) async fn privacy(state: State<Handle>, mut request: Request) -> Response {
    *request.uri_mut() = Uri::from_static(site::PRIVACY);
    answer(state, request).await
}

/// The dashboard, if that is what `path` means; another spelling of its path leads there.
async fn stats_page(state: &Handle, path: Option<&UrlPath>, request: &Parts) -> Option<Response> {
    let site = state.site();
    let own = &site.identity().stats;
    let path = path.filter(|path| path.folded_as_folder() == own.folded_as_folder())?;
    if !is_canonical(request.uri.path(), &own.as_folder()) {
        return Some(redirect(&site, own, request.uri.query()));
    }
    Some(stats::page(state, path, request.uri.query(), &request.headers).await)
}

/// Whether a path is no text at all, rather than one that no page of a site can have.
fn is_garbage(encoded: &str) -> bool {
    let decoded = percent_decode_str(encoded).decode_utf8();
    decoded.map_or(true, |text| text.chars().any(char::is_control))
}

/// The answer while files on disk are not those of the site: soon over, or somebody changed them by hand.
pub(super) fn unavailable() -> Response {
    tracing::warn!("files in the output folder are not those that were built");
    (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")], "try again in a second\n")
        .into_response()
}

/// Sends the reader to `path`, keeping the query. The target is a path of this site in any case.
pub(super) fn redirect(site: &Site, path: &UrlPath, query: Option<&str>) -> Response {
    let link = site.identity().base.link(path);
    let target = query.map_or(link.clone(), |query| format!("{link}?{query}"));
    match HeaderValue::try_from(target) {
        Ok(target) => {
            let fresh = HeaderValue::from_static("no-cache");
            let headers = [(LOCATION, target), (CACHE_CONTROL, fresh)];
            (StatusCode::MOVED_PERMANENTLY, headers).into_response()
        }
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

/// The bytes of a file of `site`; none if the folder has others by now.
pub(super) async fn contents(
    state: &Handle,
    site: &Site,
    path: &UrlPath,
    file: OutputFile,
) -> Option<Found> {
    let place = match site.body(path)? {
        site::Body::Bytes(bytes) => return Some(Found::Whole(bytes)),
        site::Body::File(place) => place,
    };
    if let Some(kept) = state.cache.file(file.digest) {
        return Some(Found::Whole(kept));
    }
    let (files, whole) = (Arc::clone(&state.files), state.limits.whole_file);
    let found = tokio::task::spawn_blocking(move || files.find(&place, file, whole)).await;
    let found = found.map_err(std::io::Error::other).and_then(|found| found);
    if let Ok(Some(Found::Whole(bytes))) = &found {
        state.cache.keep(file.digest, bytes.clone());
    }
    found.inspect_err(|error| tracing::warn!(%path, %error, "cannot read a file")).ok()?
}

/// The site as it is now, then each newer one for a while: for when files are replaced under our hands.
pub(super) struct Newest<'a> {
    state: &'a Handle,
    sites: watch::Receiver<Arc<Site>>,
    tried: usize,
}

impl<'a> Newest<'a> {
    pub(super) fn of(state: &'a Handle) -> Self {
        Self { state, sites: state.sites.clone(), tried: 0 }
    }

    pub(super) async fn next(&mut self) -> Option<Arc<Site>> {
        self.tried += 1;
        if self.tried > ATTEMPTS {
            return None;
        }
        if self.tried > 1 {
            let wait = self.state.limits.publish_wait;
            tokio::time::timeout(wait, self.sites.changed()).await.ok()?.ok()?;
        }
        Some(Arc::clone(&self.sites.borrow_and_update()))
    }
}

/// A request for a path of the site.
struct Asked<'a> {
    /// None if no page of a site can have such a path.
    path: Option<&'a UrlPath>,
    uri: &'a Uri,
    headers: &'a HeaderMap,
    is_get: bool,
}

impl Asked<'_> {
    /// The answer of `site`; none if its files have been replaced.
    async fn answer(&self, state: &Handle, site: &Arc<Site>) -> Option<Response> {
        match self.path.map_or(Answer::Missing, |path| site.look_up(path)) {
            Answer::File(path, _) if path.as_str() == NOT_FOUND_PAGE => {
                self.missing(state, site).await
            }
            Answer::File(path, _) if !is_canonical(self.uri.path(), path) => {
                Some(redirect(site, path, self.uri.query()))
            }
            Answer::File(path, file) => self.file(state, site, path, *file).await,
            Answer::Redirect(path) => Some(redirect(site, path, self.uri.query())),
            Answer::Missing => self.missing(state, site).await,
        }
    }

    async fn file(
        &self,
        state: &Handle,
        site: &Arc<Site>,
        path: &UrlPath,
        file: OutputFile,
    ) -> Option<Response> {
        let found = contents(state, site, path, file).await?;
        if let Some(response) = author_bar::answer(state, site, (path, &found), self.headers).await
        {
            return Some(response);
        }
        let content_type = content_type::of(path);
        let caching = Caching::of(path, content_type);
        let caching = if state.is_dev() { Caching::Revalidate } else { caching };
        let answer = Representation { status: StatusCode::OK, content_type, caching, file, found };
        let mut response = answer.answer(self.headers, &state.cache).await;
        state.protection.complete(response.headers_mut());
        state.ready.keep(site, self.uri.path(), &response);
        if self.is_get && !response.status().is_client_error() {
            state.navigations.note(self.uri.path(), &Asker::of(self.headers));
        }
        Some(response)
    }

    async fn missing(&self, state: &Handle, site: &Site) -> Option<Response> {
        let Some((path, file)) = site.catalog().files.get_key_value(NOT_FOUND_PAGE) else {
            return Some((StatusCode::NOT_FOUND, "not found\n").into_response());
        };
        let answer = Representation {
            status: StatusCode::NOT_FOUND,
            content_type: content_type::of(path),
            caching: Caching::Revalidate,
            file: *file,
            found: contents(state, site, path, *file).await?,
        };
        Some(answer.answer(self.headers, &state.cache).await)
    }
}

/// Refuses what cannot be done with a page, and says what can.
fn check_method(method: &Method) -> Result<(), Box<Response>> {
    let status = match *method {
        Method::GET | Method::HEAD => return Ok(()),
        Method::OPTIONS => StatusCode::NO_CONTENT,
        _ => StatusCode::METHOD_NOT_ALLOWED,
    };
    Err(Box::new((status, [(ALLOW, ALLOWED)], Body::empty()).into_response()))
}

/// Whether `spelled` is how a URL spells `path`. Characters that a browser or a proxy may escape or not make
/// no difference; letters and digits that need no escape do, and so does what decoding has tidied.
fn is_canonical(spelled: &str, path: &UrlPath) -> bool {
    let is_same = percent_decode_str(spelled).eq(path.as_str().bytes());
    let needless = |escape: &str| {
        let byte = escape.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte))
    };
    is_same && !spelled.split('%').skip(1).any(needless)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needless_escapes_are_not_canonical() {
        for (spelled, path, canonical) in [
            ("/about/", "/about/", true),
            ("/gr%C3%B6%C3%9Fe/", "/größe/", true),
            ("/gr%c3%b6%c3%9fe/", "/größe/", true),
            ("/it's/", "/it's/", true),
            ("/it%27s/", "/it's/", true),
            ("/50%25%20off/", "/50% off/", true),
            ("/%61bout/", "/about/", false),
            ("/about%2F", "/about/", false),
            ("/about/%20", "/about/", false),
            ("/u%CC%88ber/", "/über/", false),
        ] {
            let path = UrlPath::parse(path).unwrap();
            assert_eq!(is_canonical(spelled, &path), canonical, "{spelled}");
        }
    }
}
