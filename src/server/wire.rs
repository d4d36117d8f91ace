//! Requests for pages that are ready, and events, read and answered as bytes, with nothing kept of a connection in between.
//!
//! Only what is certainly such a request is understood: one whole head as browsers send it, with the whole body of an event or
//! nothing behind it. Anything else, and all that follows on its connection, is left to hyper, which is the judge of what is a
//! request and what is none.

use std::future::poll_fn;
use std::io::Write as _;
use std::mem::MaybeUninit;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::extract::State;
use bytes::{Buf, Bytes};
use http::header::{CONNECTION, CONTENT_LENGTH};
use http::{HeaderName, HeaderValue, Method, Request, Response};
use http_body_util::BodyExt as _;
use httparse::{EMPTY_HEADER, Status};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::encoding::Encoding;
use super::forwarded::Peer;
use super::navigations::Asker;
use super::pulse::WatchedSocket;
use super::state::{Handle, Shared};
use super::{access, collect, edge, host, ready};

/// How long a request may be that is understood here; those of browsers have some 500 bytes, and events 300 more.
const LONGEST: usize = 4 << 10;

/// How many headers it may have.
const MOST_HEADERS: usize = 32;

/// Where events are sent.
const EVENT: &str = "/_/event";

/// What may stand in a head only for hyper to see: it changes what is answered, or what follows on the connection.
const NOT_HERE: [&str; 9] = [
    "expect",
    "http2-settings",
    "if-none-match",
    "if-range",
    "range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What came over a connection.
enum Came {
    /// A request whose answer is ready.
    Ready(ready::Answer),
    /// An event.
    Event(Box<Request<Body>>),
    /// Something for hyper to read: any other request, a part of one, or the end.
    Other(Bytes),
}

/// What is asked for.
struct Asked<'a> {
    path: &'a str,
    encodings: Option<&'a str>,
    asker: Asker<'a>,
}

/// Answers what is ready, and events, until something else comes, and gives what was read of that; none if the connection
/// is over.
pub(super) async fn answer<S>(
    socket: &mut WatchedSocket<S>,
    peer: IpAddr,
    state: &Handle,
) -> Option<Bytes>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut stop = state.stop.subscribe();
    let mut end = pin!(stop.wait_for(|is_over| *is_over));
    let pulse = socket.pulse.clone();
    loop {
        let came = tokio::select! {
            biased;
            came = poll_fn(|context| poll_next(socket, state, context)) => came,
            _ = &mut end => Came::Other(Bytes::new()),
        };
        match came {
            Came::Ready(answer) => {
                let _under_way = pulse.begin(true);
                let mut bytes = answer.head.chain(state.date.line()).chain(answer.body);
                socket.write_all_buf(&mut bytes).await.ok()?;
            }
            Came::Event(mut request) => {
                let _under_way = pulse.begin(true);
                request.extensions_mut().insert(Peer(peer));
                // In a box, so that connections that send none have no room for it.
                let response = Box::pin(edge::around(state, *request, |request| {
                    collect::event(State(Handle::clone(state)), request)
                }));
                let response = response.await;
                let is_last = response.headers().contains_key(CONNECTION);
                let bytes = spell(response, &state.date.line()).await?;
                socket.write_all(&bytes).await.ok()?;
                if is_last {
                    return None;
                }
            }
            Came::Other(read) => return Some(read),
        }
    }
}

/// An answer as it is sent; none if its body fails.
async fn spell(response: Response<Body>, date: &[u8]) -> Option<Vec<u8>> {
    let (head, body) = response.into_parts();
    let body = body.collect().await.ok()?.to_bytes();
    let mut bytes = Vec::with_capacity(1024);
    let reason = head.status.canonical_reason().unwrap_or_default();
    write!(bytes, "HTTP/1.1 {} {reason}\r\n", head.status.as_str()).ok()?;
    for (name, value) in &head.headers {
        put_header(&mut bytes, name, value.as_bytes());
    }
    if !head.headers.contains_key(CONTENT_LENGTH) {
        put_header(&mut bytes, &CONTENT_LENGTH, body.len().to_string().as_bytes());
    }
    bytes.extend_from_slice(date);
    bytes.extend_from_slice(&body);
    Some(bytes)
}

fn put_header(bytes: &mut Vec<u8>, name: &HeaderName, value: &[u8]) {
    for part in [name.as_str().as_bytes(), b": ", value, b"\r\n"] {
        bytes.extend_from_slice(part);
    }
}

/// The next thing that comes. It is read into the stack, so that what a connection has read last is not kept for it.
fn poll_next<S: AsyncRead + Unpin>(
    socket: &mut WatchedSocket<S>,
    state: &Shared,
    context: &mut Context<'_>,
) -> Poll<Came> {
    let mut bytes = [const { MaybeUninit::uninit() }; LONGEST];
    let mut buffer = ReadBuf::uninit(&mut bytes);
    // Hyper meets a failure again when it reads.
    let _ = ready!(Pin::new(socket).poll_read(context, &mut buffer));
    let read = buffer.filled();
    if let Some(answer) = find(read, state) {
        return Poll::Ready(Came::Ready(answer));
    }
    let read = Bytes::copy_from_slice(read);
    Poll::Ready(match event(&read, state) {
        Some(request) => Came::Event(Box::new(request)),
        None => Came::Other(read),
    })
}

/// The event that `read` is, if it is a whole one that can be understood here.
fn event(read: &Bytes, state: &Shared) -> Option<Request<Body>> {
    if state.is_dev() || read.len() > state.limits.head_bytes {
        return None;
    }
    let is_event = |path: &str| {
        let site = state.sites.borrow();
        site.identity().base.strip(path) == Some(EVENT)
    };
    understand_event(read, state.limits.headers, is_event)
}

/// The request that `read` is, if it is one that sends something to a path of which `is_event` is true.
fn understand_event(
    read: &Bytes,
    most_headers: usize,
    is_event: impl FnOnce(&str) -> bool,
) -> Option<Request<Body>> {
    let mut headers = [EMPTY_HEADER; MOST_HEADERS];
    let mut request = httparse::Request::new(&mut headers[..most_headers.min(MOST_HEADERS)]);
    let Ok(Status::Complete(len)) = request.parse(read) else { return None };
    let is_post = request.method == Some("POST") && request.version == Some(1);
    let path = request.path.filter(|path| is_post && is_event(path))?;
    let mut event = Request::new(Body::from(read.slice(len..)));
    *event.method_mut() = Method::POST;
    *event.uri_mut() = path.parse().ok()?;
    event.headers_mut().reserve(request.headers.len());
    let (mut hosts, mut announced) = (0, None);
    for header in &*request.headers {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        if is("host") {
            hosts += 1;
            host::is_plain(header.value).then_some(())?;
        } else if is("content-length") {
            let digits = std::str::from_utf8(header.value).ok()?;
            let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
            let number: usize = digits.parse().ok().filter(|_| is_number)?;
            announced.replace(number).is_none().then_some(())?;
        } else if is("connection") {
            header.value.eq_ignore_ascii_case(b"keep-alive").then_some(())?;
        } else if NOT_HERE.iter().any(|name| is(name)) {
            return None;
        }
        let name = HeaderName::from_bytes(header.name.as_bytes()).ok()?;
        let value = HeaderValue::from_maybe_shared(read.slice_ref(header.value)).ok()?;
        event.headers_mut().append(name, value);
    }
    (hosts == 1 && announced == Some(read.len() - len)).then_some(event)
}

fn find(read: &[u8], state: &Shared) -> Option<ready::Answer> {
    if state.is_dev() || read.len() > state.limits.head_bytes {
        return None;
    }
    let mut headers = [EMPTY_HEADER; MOST_HEADERS];
    let most = state.limits.headers.min(MOST_HEADERS);
    let asked = understand(read, &mut headers[..most])?;
    if asked.path.len() > state.limits.request_line {
        return None;
    }
    let encoding = || Encoding::preferred_of(asked.encodings.into_iter());
    let answer = ready::find(state, asked.path, encoding)?;
    state.navigations.note(asked.path, &asked.asker);
    Some(answer)
}

/// What `read` asks for, if it is a whole request that can be understood here.
fn understand<'a>(read: &'a [u8], headers: &mut [httparse::Header<'a>]) -> Option<Asked<'a>> {
    let mut request = httparse::Request::new(headers);
    let Ok(Status::Complete(len)) = request.parse(read) else { return None };
    let is_whole = len == read.len() && request.method == Some("GET") && request.version == Some(1);
    let path = request.path.filter(|path| is_whole && path.starts_with('/'))?;
    let (mut hosts, mut encodings, mut asker) = (0, None, Asker::default());
    for header in &*request.headers {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        if is("host") {
            hosts += 1;
            host::is_plain(header.value).then_some(())?;
        } else if is("accept-encoding") {
            let text = std::str::from_utf8(header.value).ok().filter(|text| text.is_ascii())?;
            encodings.replace(text).is_none().then_some(())?;
        } else if is("connection") {
            header.value.eq_ignore_ascii_case(b"keep-alive").then_some(())?;
        } else if is("cookie") {
            // The owner sees more than others do.
            (!access::may_have_owners_cookie(header.value)).then_some(())?;
        } else if is("content-length") || NOT_HERE.iter().any(|name| is(name)) {
            return None;
        } else {
            asker.add(header.name, header.value);
        }
    }
    (hosts == 1).then_some(Asked { path, encodings, asker })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn understood(text: &str) -> Option<(String, Option<String>)> {
        let mut headers = [EMPTY_HEADER; 4];
        let asked = understand(text.as_bytes(), &mut headers)?;
        Some((asked.path.to_owned(), asked.encodings.map(str::to_owned)))
    }

    #[test]
    fn what_browsers_send_is_understood() {
        for (text, path, encodings) in [
            ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "/", None),
            (
                "GET /a/ HTTP/1.1\r\nhost: x:80\r\nAccept-Encoding: gzip, br\r\n\r\n",
                "/a/",
                Some("gzip, br"),
            ),
            (
                "GET /a/ HTTP/1.1\r\nhost: x\r\nConnection: Keep-Alive\r\nCookie: a=b\r\n\r\n",
                "/a/",
                None,
            ),
        ] {
            let expected = Some((path.to_owned(), encodings.map(str::to_owned)));
            assert_eq!(understood(text), expected, "{text:?}");
        }
    }

    fn event_of(text: &str) -> Option<Request<Body>> {
        let read = Bytes::copy_from_slice(text.as_bytes());
        understand_event(&read, 5, |path| path == "/a/_/event")
    }

    #[tokio::test]
    async fn events_are_understood_with_all_their_headers() {
        let text = "POST /a/_/event HTTP/1.1\r\nHost: x:80\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 3\r\n\r\n{\"}";
        let (head, body) = event_of(text).unwrap().into_parts();
        assert_eq!((head.method, head.uri.path()), (Method::POST, "/a/_/event"));
        assert_eq!(head.headers.len(), 4);
        let both: Vec<&HeaderValue> = head.headers.get_all("x-a").iter().collect();
        assert_eq!(both, ["1", "2"]);
        assert_eq!(body.collect().await.unwrap().to_bytes(), "{\"}");
    }

    #[test]
    fn what_is_not_certainly_one_event_is_left_to_hyper() {
        let ordinary = "POST /a/_/event HTTP/1.1\r\nhost: x\r\n";
        assert!(event_of(&format!("{ordinary}content-length: 2\r\n\r\n{{}}")).is_some());
        for text in [
            "",
            "POST /a/_/ev",
            ordinary,
            &format!("{ordinary}\r\n"),
            &format!("{ordinary}content-length: 2\r\n\r\n"),
            &format!("{ordinary}content-length: 2\r\n\r\n{{"),
            &format!("{ordinary}content-length: 2\r\n\r\n{{}}POST"),
            &format!("{ordinary}content-length: +2\r\n\r\n{{}}"),
            &format!("{ordinary}content-length: 2, 2\r\n\r\n{{}}"),
            &format!("{ordinary}content-length:\r\n\r\n"),
            &format!("{ordinary}content-length: 99999999999999999999\r\n\r\n{{}}"),
            &format!("{ordinary}content-length: 2\r\ncontent-length: 2\r\n\r\n{{}}"),
            &format!("{ordinary}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{{}}"),
            &format!("{ordinary}transfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
            &format!("{ordinary}content-length: 2\r\nexpect: 100-continue\r\n\r\n{{}}"),
            &format!("{ordinary}content-length: 2\r\nconnection: close\r\n\r\n{{}}"),
            &format!("{ordinary}content-length: 2\r\nhost: x\r\n\r\n{{}}"),
            &format!("{ordinary}content-length : 2\r\n\r\n{{}}"),
            &format!("{ordinary}content-length: 2\r\n folded: y\r\n\r\n{{}}"),
            &format!("{ordinary}content-length: 2\r\na: b\r\nc: d\r\ne: f\r\ng: h\r\n\r\n{{}}"),
            &ordinary.replace("host: x\r\n", "content-length: 0\r\n\r\n"),
            &format!("{}content-length: 2\r\n\r\n{{}}", ordinary.replace("HTTP/1.1", "HTTP/1.0")),
            &format!("{}content-length: 2\r\n\r\n{{}}", ordinary.replace("POST", "PUT")),
            &format!("{}content-length: 2\r\n\r\n{{}}", ordinary.replace("/a/", "/b/")),
            &format!("{}content-length: 2\r\n\r\n{{}}", ordinary.replace("event", "event?x")),
        ] {
            assert!(event_of(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn anything_else_is_left_to_hyper() {
        let ordinary = "GET / HTTP/1.1\r\nhost: x\r\n";
        for text in [
            "",
            "GET / HT",
            "GET / HTTP/1.1\r\n\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "HEAD / HTTP/1.1\r\nhost: x\r\n\r\n",
            "GET / HTTP/1.0\r\nhost: x\r\n\r\n",
            "GET http://x/ HTTP/1.1\r\nhost: x\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: user@x\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: x\r\n folded: y\r\n\r\n",
            "GET / HTTP/1.1\r\nhost : x\r\n\r\n",
            ordinary,
            &format!("{ordinary}\r\nGET"),
            &format!("{ordinary}a: b\r\nc: d\r\ne: f\r\ng: h\r\n\r\n"),
            &format!("{ordinary}Host: x\r\n\r\n"),
            &format!("{ordinary}connection: close\r\n\r\n"),
            &format!("{ordinary}connection: keep-alive, upgrade\r\n\r\n"),
            &format!("{ordinary}accept-encoding: br\r\naccept-encoding: gzip\r\n\r\n"),
            &format!("{ordinary}Content-Length: 3\r\n\r\n"),
            &format!("{ordinary}Transfer-Encoding: chunked\r\n\r\n"),
            &format!("{ordinary}Range: bytes=0-1\r\n\r\n"),
            &format!("{ordinary}If-None-Match: *\r\n\r\n"),
            &format!("{ordinary}Expect: 100-continue\r\n\r\n"),
        ] {
            assert_eq!(understood(text), None, "{text:?}");
        }
    }
}
