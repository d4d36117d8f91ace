//! Answers that are ready to be given again: a page that was answered once needs no handler the next time.
//!
//! Nothing is answered here that was not answered before by [`super::pages`], for the site as it is now: what is kept are
//! the headers of that answer, and its body is in [`super::cache`] by its content. Whatever a request asks for beyond a whole
//! file goes the long way.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::header::{HeaderMap, IF_NONE_MATCH, RANGE, TRANSFER_ENCODING};
use http::{Method, Request, Response, StatusCode};
use lru::LruCache;

use super::encoding::Encoding;
use super::navigations::Asker;
use super::state::Shared;
use super::{access, host};
use crate::site::{Digest, Site};

/// What the headers of one answer take in memory, rounded up: a table of some fifteen, their values, and their text.
const HEADERS_BYTES: usize = 4 << 10;

/// An answer as it is sent over HTTP/1.1, but for the date.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) head: Bytes,
    pub(super) body: Bytes,
}

/// The answer to `request`, if it was given before, nothing has changed since, and its body is still in memory.
pub(super) fn answer<B>(state: &Shared, request: &Request<B>) -> Option<Response<Bytes>> {
    if state.is_dev() || !is_ordinary(request, state.limits.request_line) {
        return None;
    }
    let encoding = || Encoding::preferred(request.headers());
    let (headers, body) = look_up(state, request.uri().path(), encoding)?;
    state.navigations.note(request.uri().path(), &Asker::of(request.headers()));
    let mut response = Response::new(body);
    response.headers_mut().clone_from(&headers.table);
    Some(response)
}

/// The answer to an ordinary request for the path that is spelled `target`; `encoding` is what it prefers.
pub(super) fn find(
    state: &Shared,
    target: &str,
    encoding: impl FnOnce() -> Encoding,
) -> Option<Answer> {
    let (headers, body) = look_up(state, target, encoding)?;
    Some(Answer { head: headers.text.clone(), body })
}

fn look_up(
    state: &Shared,
    target: &str,
    encoding: impl FnOnce() -> Encoding,
) -> Option<(Arc<Headers>, Bytes)> {
    let (digest, encoding, headers) = {
        let site = state.sites.borrow();
        let base = &site.identity().base;
        let path = base.strip(target).filter(|_| target != base.prefix()).unwrap_or(target);
        state.ready.lock().find(&site, path, encoding)?
    };
    let body = state.cache.form(digest, encoding)?;
    state.meters.count(StatusCode::OK);
    Some((headers, body))
}

/// Whether a request is for a whole file, and has nothing in it that has to be looked at more closely.
fn is_ordinary<B>(request: &Request<B>, longest: usize) -> bool {
    let has = |name| request.headers().contains_key(name);
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    request.method() == Method::GET
        && target <= longest
        && host::is_ordinary(request)
        && !(has(IF_NONE_MATCH) || has(RANGE) || has(TRANSFER_ENCODING))
        && !access::may_be_of_owner(request.headers())
}

/// In which form a file was sent; noted in an answer that has all of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    /// The content.
    pub(super) digest: Digest,
    /// How it is encoded.
    pub(super) encoding: Encoding,
    /// Whether there are other forms for those who prefer them.
    pub(super) is_compressible: bool,
}

/// The headers of what was answered lately, by the path as it was asked for.
#[derive(Debug)]
pub(super) struct ReadyAnswers(Mutex<Kept>);

#[derive(Debug)]
struct Kept {
    /// Whose answers these are.
    site: Option<Arc<Site>>,
    answers: LruCache<Box<str>, Given>,
    bytes: usize,
    capacity: usize,
}

#[derive(Debug)]
struct Given {
    digest: Digest,
    is_compressible: bool,
    /// By encoding, as far as it was asked for.
    headers: [Option<Arc<Headers>>; Encoding::COUNT],
}

/// What stands above a body, for hyper and as text.
#[derive(Debug)]
struct Headers {
    table: HeaderMap,
    text: Bytes,
}

impl Headers {
    fn new(table: &HeaderMap) -> Self {
        let mut text = b"HTTP/1.1 200 OK\r\n".to_vec();
        for (name, value) in table {
            for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                text.extend_from_slice(part);
            }
        }
        Self { table: table.clone(), text: text.into() }
    }
}

impl ReadyAnswers {
    /// Answers whose headers take at most `capacity` bytes.
    pub(super) fn new(capacity: usize) -> Self {
        let answers = LruCache::unbounded();
        Self(Mutex::new(Kept { site: None, answers, bytes: 0, capacity }))
    }

    /// Keeps the headers of an answer that `site` gave for `path`, if it is one that [`Form`] is noted in.
    pub(super) fn keep<B>(&self, site: &Arc<Site>, path: &str, response: &Response<B>) {
        let Some(form) = response.extensions().get::<Form>() else { return };
        if response.status() == StatusCode::OK {
            self.lock().insert(site, path, *form, Headers::new(response.headers()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn find(
        &mut self,
        site: &Arc<Site>,
        path: &str,
        preferred: impl FnOnce() -> Encoding,
    ) -> Option<(Digest, Encoding, Arc<Headers>)> {
        if !self.is_of(site) {
            return None;
        }
        let answer = self.answers.get(path)?;
        let encoding = if answer.is_compressible { preferred() } else { Encoding::Identity };
        let headers = answer.headers[encoding as usize].as_ref()?;
        Some((answer.digest, encoding, Arc::clone(headers)))
    }

    fn insert(&mut self, site: &Arc<Site>, path: &str, form: Form, headers: Headers) {
        if !self.is_of(site) {
            self.answers.clear();
            self.bytes = 0;
            self.site = Some(Arc::clone(site));
        }
        let Form { digest, is_compressible, encoding } = form;
        if !self.answers.contains(path) {
            let answer = Given { digest, is_compressible, headers: Default::default() };
            self.answers.put(path.into(), answer);
            self.bytes += path.len();
        }
        let Some(answer) = self.answers.get_mut(path) else { return };
        if answer.headers[encoding as usize].replace(Arc::new(headers)).is_none() {
            self.bytes += HEADERS_BYTES;
        }
        self.make_room();
    }

    fn make_room(&mut self) {
        while self.bytes > self.capacity {
            let Some((path, oldest)) = self.answers.pop_lru() else { break };
            self.bytes -= path.len() + HEADERS_BYTES * oldest.headers.iter().flatten().count();
        }
    }

    fn is_of(&self, site: &Arc<Site>) -> bool {
        self.site.as_ref().is_some_and(|own| Arc::ptr_eq(own, site))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permalink::{BaseUrl, UrlPath};
    use crate::site::{Bodies, Catalog, Identity};

    fn site() -> Arc<Site> {
        let identity = Identity {
            title: String::new(),
            language: String::new(),
            base: BaseUrl::parse("https://example.org").unwrap(),
            stats: UrlPath::parse("/stats/").unwrap(),
            timezone: String::new(),
            shows_stats: false,
            private_stats: false,
        };
        let catalog = Catalog {
            identity,
            files: [].into(),
            redirects: [].into(),
            pages: [].into(),
            gone: [].into(),
        };
        Arc::new(Site::new(catalog, Bodies::Memory([].into())))
    }

    fn answer(encoding: Encoding) -> Response<()> {
        let mut response = Response::new(());
        let form = Form { digest: Digest::of(b"x"), encoding, is_compressible: true };
        response.extensions_mut().insert(form);
        response
    }

    fn has(answers: &ReadyAnswers, site: &Arc<Site>, path: &str) -> bool {
        answers.lock().find(site, path, || Encoding::Identity).is_some()
    }

    #[test]
    fn what_was_used_least_recently_makes_room() {
        let (answers, site) = (ReadyAnswers::new(2 * HEADERS_BYTES + 10), site());
        for path in ["/a", "/b"] {
            answers.keep(&site, path, &answer(Encoding::Identity));
            answers.keep(&site, path, &answer(Encoding::Identity));
        }
        assert!(has(&answers, &site, "/a"));
        answers.keep(&site, "/c", &answer(Encoding::Identity));
        assert!(has(&answers, &site, "/a") && has(&answers, &site, "/c"));
        assert!(!has(&answers, &site, "/b"));
        assert_eq!(answers.lock().bytes, 2 * HEADERS_BYTES + 4);
        answers.keep(&site, "/c", &answer(Encoding::Gzip));
        assert!(!has(&answers, &site, "/a"), "two forms of `/c` fill it");
    }

    #[test]
    fn answers_are_of_one_site_and_of_whole_files() {
        let (answers, old, new) = (ReadyAnswers::new(1 << 20), site(), site());
        answers.keep(&old, "/a", &answer(Encoding::Identity));
        assert!(has(&answers, &old, "/a"));
        assert!(!has(&answers, &new, "/a"));
        answers.keep(&new, "/b", &answer(Encoding::Identity));
        assert!(!has(&answers, &old, "/a"));
        let mut missing = answer(Encoding::Identity);
        *missing.status_mut() = StatusCode::NOT_FOUND;
        answers.keep(&new, "/c", &missing);
        answers.keep(&new, "/d", &Response::new(()));
        assert!(!has(&answers, &new, "/c") && !has(&answers, &new, "/d"));
    }
}
