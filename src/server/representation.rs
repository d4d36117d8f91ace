//! From a file to an answer: encoding, entity tag, 304, ranges, caching.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    ETAG, HeaderMap, HeaderName, HeaderValue, VARY,
};
use http::{StatusCode, header};

use super::cache::ContentCache;
use super::conditional::{entity_tag, is_known};
use super::content_type;
use super::encoding::Encoding;
use super::files::{self, Found};
use super::limits;
use super::range::Wanted;
use super::ready::Form;
use crate::permalink::UrlPath;
use crate::site::{Digest, OutputFile};

/// What an answer shows, before it is known in which form.
#[derive(Debug)]
pub(super) struct Representation {
    /// The status when all of it is sent.
    pub(super) status: StatusCode,
    /// Its media type.
    pub(super) content_type: &'static str,
    /// How it may be cached.
    pub(super) caching: Caching,
    /// Its digest and length.
    pub(super) file: OutputFile,
    /// Its bytes, or where to read them.
    pub(super) found: Found,
}

/// How an answer may be cached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caching {
    /// For ever: its name changes with its content.
    Immutable,
    /// For a short while: pictures and the like, which rarely change under one name.
    Briefly,
    /// Only after asking whether it is still the same.
    Revalidate,
    /// Not at all.
    Never,
}

impl Caching {
    /// How the file at `path` may be cached.
    pub(super) fn of(path: &UrlPath, content_type: &str) -> Self {
        if is_fingerprinted(path) {
            Self::Immutable
        } else if content_type::is_page_or_feed(content_type) {
            Self::Revalidate
        } else {
            Self::Briefly
        }
    }

    /// The value of `Cache-Control`.
    pub(super) fn value(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Immutable => "public, max-age=31536000, immutable",
            Self::Briefly => "public, max-age=600",
            Self::Revalidate => "no-cache",
            Self::Never => "no-store",
        })
    }
}

/// Whether a name has a fingerprint in it: `name.0123abcd.css`. Digits alone may be a date, unless there are as many as builds write.
fn is_fingerprinted(path: &UrlPath) -> bool {
    let name = path.as_str().rsplit('/').next().unwrap_or_default();
    let mut parts = name.rsplit('.').skip(1);
    let fingerprint = parts.next().unwrap_or_default();
    let is_long = fingerprint.len() == 16
        || fingerprint.len() >= 8 && fingerprint.bytes().any(|byte| byte.is_ascii_alphabetic());
    let is_hash = is_long && fingerprint.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash && parts.next().is_some()
}

impl Representation {
    /// Bytes that were just made for one answer and are not to be cached.
    pub(super) fn of_the_moment(content_type: &'static str, bytes: Bytes) -> Self {
        Self {
            status: StatusCode::OK,
            content_type,
            caching: Caching::Never,
            file: OutputFile { digest: Digest::of(&bytes), len: bytes.len() as u64 },
            found: Found::Whole(bytes),
        }
    }

    /// A script of the server itself.
    pub(super) fn script(bytes: Bytes, caching: Caching) -> Self {
        Self { caching, ..Self::of_the_moment("text/javascript; charset=utf-8", bytes) }
    }

    /// The answer to a request with `headers`.
    pub(super) async fn answer(self, headers: &HeaderMap, cache: &ContentCache) -> Response {
        let plain_tag = entity_tag(self.file.digest, Encoding::Identity);
        let wanted = if self.is_stable() {
            Wanted::of(headers, &plain_tag, self.file.len)
        } else {
            Wanted::Whole
        };
        let encoding = self.encoding(wanted, headers);
        let tag = entity_tag(self.file.digest, encoding);
        if self.is_stable() && is_known(headers, &tag) {
            return self.finish(StatusCode::NOT_MODIFIED, Some(tag), Body::empty());
        }
        match wanted {
            Wanted::Whole => self.whole(encoding, tag, cache).await,
            Wanted::Part { first, last } => self.part(first, last, tag),
            Wanted::Nothing => {
                let len = self.file.len;
                let response = self.finish(StatusCode::RANGE_NOT_SATISFIABLE, None, Body::empty());
                with(response, CONTENT_RANGE, &format!("bytes */{len}"))
            }
        }
    }

    /// Whether it can be asked for again: what is cached nowhere or says "not found" has no version.
    fn is_stable(&self) -> bool {
        self.status == StatusCode::OK && self.caching != Caching::Never
    }

    fn is_compressible(&self) -> bool {
        let worth_it = self.file.len >= limits::WORTH_COMPRESSING as u64;
        matches!(self.found, Found::Whole(_))
            && worth_it
            && content_type::is_compressible(self.content_type)
    }

    fn encoding(&self, wanted: Wanted, headers: &HeaderMap) -> Encoding {
        if wanted == Wanted::Whole && self.is_compressible() {
            Encoding::preferred(headers)
        } else {
            Encoding::Identity
        }
    }

    async fn whole(mut self, encoding: Encoding, tag: String, cache: &ContentCache) -> Response {
        let is_compressible = self.is_compressible();
        let found = std::mem::replace(&mut self.found, Found::Whole(Bytes::new()));
        let is_in_memory = matches!(found, Found::Whole(_));
        let (len, body) = match found {
            Found::Open(file) => (self.file.len, files::stream(file, 0, self.file.len)),
            Found::Whole(bytes) => match cache.encoded(self.file.digest, encoding, &bytes).await {
                Ok(encoded) => (encoded.len() as u64, Body::from(encoded)),
                Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            },
        };
        let (status, stable) = (self.status, self.is_stable());
        let response = self.finish(status, stable.then_some(tag), body);
        let mut response = with(response, CONTENT_LENGTH, &len.to_string());
        if is_in_memory {
            let form = Form { digest: self.file.digest, encoding, is_compressible };
            response.extensions_mut().insert(form);
        }
        match encoding.token() {
            Some(token) => with(response, CONTENT_ENCODING, token),
            None if stable => with(response, ACCEPT_RANGES, "bytes"),
            None => response,
        }
    }

    fn part(mut self, first: u64, last: u64, tag: String) -> Response {
        let len = last - first + 1;
        let body = match std::mem::replace(&mut self.found, Found::Whole(Bytes::new())) {
            Found::Open(file) => files::stream(file, first, len),
            Found::Whole(bytes) => {
                let bounds = (usize::try_from(first), usize::try_from(last));
                let (Ok(first), Ok(last)) = bounds else {
                    return StatusCode::INTERNAL_SERVER_ERROR.into_response();
                };
                Body::from(bytes.slice(first..=last))
            }
        };
        let range = format!("bytes {first}-{last}/{}", self.file.len);
        let response = self.finish(StatusCode::PARTIAL_CONTENT, Some(tag), body);
        let response = with(response, CONTENT_LENGTH, &len.to_string());
        with(response, CONTENT_RANGE, &range)
    }

    /// The headers that every form of it has.
    fn finish(&self, status: StatusCode, tag: Option<String>, body: Body) -> Response {
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, self.caching.value());
        headers.insert(VARY, HeaderValue::from_name(header::ACCEPT_ENCODING));
        if status != StatusCode::NOT_MODIFIED {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        }
        match tag {
            Some(tag) => with(response, ETAG, &tag),
            None => response,
        }
    }
}

/// `response` with a header more; `value` is of characters that a header may have.
fn with(mut response: Response, name: HeaderName, value: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_change_with_the_content_are_immutable() {
        for (path, caching) in [
            ("/style.0123abcd.css", Caching::Immutable),
            ("/a/app.0123456789ABCDEF.js", Caching::Immutable),
            ("/talk.20261124.pdf", Caching::Briefly),
            ("/talk.docx", Caching::Briefly),
            ("/style.0123456789012345.css", Caching::Immutable),
            ("/style.css", Caching::Briefly),
            ("/0123abcd.css", Caching::Briefly),
            ("/release.20261.zip", Caching::Briefly),
            ("/style.notahash.css", Caching::Briefly),
            ("/logo.svg", Caching::Briefly),
            ("/feed.xml", Caching::Revalidate),
            ("/feed.json", Caching::Revalidate),
            ("/a/", Caching::Revalidate),
            ("/404.html", Caching::Revalidate),
        ] {
            let path = UrlPath::parse(path).unwrap();
            assert_eq!(Caching::of(&path, content_type::of(&path)), caching, "{path}");
        }
    }
}
