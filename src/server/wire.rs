//! Requests for pages that are ready, and events, read and answered as bytes, with nothing kept of a connection in between.
//!
//! Only what is certainly such a request is understood: one whole head as browsers send it, with the whole body of an event or
//! nothing behind it. Anything else, and all that follows on its connection, is left to hyper, which is the judge of what is a
//! request and what is none.

use std::future::poll_fn;
use std::mem::MaybeUninit;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use axum::response::{IntoResponse as _, Response};
use bytes::{Buf, Bytes};
use http::StatusCode;
use http::header::CONTENT_LENGTH;
use httparse::{EMPTY_HEADER, Status};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::collect::{Sent, Settled, Submission};
use super::encoding::Encoding;
use super::fields::Fields;
use super::headers::Protection;
use super::navigations::Asker;
use super::pulse::WatchedSocket;
use super::refusal::Refusal;
use super::state::{Handle, Shared};
use super::{access, edge, host, ready};

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
    Event(Submission),
    /// Something for hyper to read: any other request, a part of one, or the end.
    Other(Bytes),
}

/// A whole request that is understood here.
#[derive(Debug)]
enum Understood<'a> {
    Asked(Asked<'a>),
    Posted(Posted<'a>),
}

/// What is asked for.
#[derive(Debug)]
struct Asked<'a> {
    path: &'a str,
    encodings: Option<&'a str>,
    asker: Asker<'a>,
}

/// What is sent, and where to.
#[derive(Debug)]
struct Posted<'a> {
    path: &'a str,
    host: &'a str,
    lines: Lines<'a>,
    body: &'a [u8],
}

/// The lines of a head as they were sent.
#[derive(Debug)]
struct Lines<'l>(&'l [httparse::Header<'l>]);

impl Fields for Lines<'_> {
    fn values<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f [u8]> {
        let lines = self.0.iter().filter(move |line| line.name.eq_ignore_ascii_case(name));
        lines.map(|line| line.value)
    }
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
            came = poll_fn(|context| poll_next(socket, peer, state, context)) => came,
            _ = &mut end => Came::Other(Bytes::new()),
        };
        match came {
            Came::Ready(answer) => {
                let _under_way = pulse.begin(true);
                let mut bytes = answer.head.chain(state.date.line()).chain(answer.body);
                socket.write_all_buf(&mut bytes).await.ok()?;
            }
            Came::Event(submission) => {
                let _under_way = pulse.begin(true);
                let settled = submission.settle(state).await;
                socket.write_all(&answer_to(settled, state)).await.ok()?;
            }
            Came::Other(read) => return Some(read),
        }
    }
}

/// The answer to an event, as it is sent.
fn answer_to(settled: Settled, state: &Shared) -> Vec<u8> {
    let date = state.date.line();
    if settled.is_ordinary() {
        state.meters.count(StatusCode::ACCEPTED);
        return [&state.accepted[..], &date].concat();
    }
    let mut response = settled.into_response();
    edge::complete(state, &mut response);
    let mut bytes = spell(&response);
    bytes.extend_from_slice(&date);
    bytes
}

/// The answer to an ordinary event, up to its date.
pub(super) fn accepted(protection: &Protection) -> Bytes {
    let mut response = Settled::ORDINARY.into_response();
    protection.complete(response.headers_mut());
    spell(&response).into()
}

/// The head of an answer that has no body, up to its date.
fn spell(response: &Response) -> Vec<u8> {
    let (status, mut bytes) = (response.status(), Vec::with_capacity(1024));
    let reason = status.canonical_reason().unwrap_or_default();
    for part in ["HTTP/1.1 ", status.as_str(), " ", reason, "\r\n"] {
        bytes.extend_from_slice(part.as_bytes());
    }
    for (name, value) in response.headers() {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            bytes.extend_from_slice(part);
        }
    }
    if !response.headers().contains_key(CONTENT_LENGTH) {
        bytes.extend_from_slice(b"content-length: 0\r\n");
    }
    bytes
}

/// The next thing that comes. It is read into the stack, so that what a connection has read last is not kept for it.
fn poll_next<S: AsyncRead + Unpin>(
    socket: &mut WatchedSocket<S>,
    peer: IpAddr,
    state: &Shared,
    context: &mut Context<'_>,
) -> Poll<Came> {
    let mut bytes = [const { MaybeUninit::uninit() }; LONGEST];
    let mut buffer = ReadBuf::uninit(&mut bytes);
    // Hyper meets a failure again when it reads.
    let _ = ready!(Pin::new(socket).poll_read(context, &mut buffer));
    let read = buffer.filled();
    let came = take(read, peer, state);
    Poll::Ready(came.unwrap_or_else(|| Came::Other(Bytes::copy_from_slice(read))))
}

/// What `read` is, if it can be answered here.
fn take(read: &[u8], peer: IpAddr, state: &Shared) -> Option<Came> {
    let limits = state.limits;
    if state.is_dev() || read.len() > limits.head_bytes {
        return None;
    }
    let mut headers = [EMPTY_HEADER; MOST_HEADERS];
    let understood = understand(read, &mut headers[..limits.headers.min(MOST_HEADERS)])?;
    match understood {
        Understood::Asked(asked) if asked.path.len() <= limits.request_line => {
            find(&asked, state).map(Came::Ready)
        }
        Understood::Posted(posted) if posted.path.len() <= limits.request_line => {
            submit(&posted, peer, state).map(Came::Event)
        }
        _ => None,
    }
}

/// The answer that is ready for what is asked.
fn find(asked: &Asked<'_>, state: &Shared) -> Option<ready::Answer> {
    let encoding = || Encoding::preferred_of(asked.encodings.into_iter());
    let answer = ready::find(state, asked.path, encoding)?;
    state.navigations.note(asked.path, &asked.asker);
    Some(answer)
}

/// Takes what is sent, if it is an event.
fn submit(posted: &Posted<'_>, peer: IpAddr, state: &Shared) -> Option<Submission> {
    let is_event = state.sites.borrow().identity().base.strip(posted.path) == Some(EVENT);
    let sent = Sent { fields: &posted.lines, host: Some(posted.host), peer };
    let taken = || catch_unwind(AssertUnwindSafe(|| Submission::of(state, &sent, posted.body)));
    is_event.then(|| taken().unwrap_or_else(|_| Submission::refused(Refusal::Bug)))
}

/// What `read` is, if it is a whole request that can be understood here.
fn understand<'a>(
    read: &'a [u8],
    headers: &'a mut [httparse::Header<'a>],
) -> Option<Understood<'a>> {
    let mut request = httparse::Request::new(headers);
    let Ok(Status::Complete(len)) = request.parse(read) else { return None };
    let (body, lines) = (&read[len..], &*request.headers);
    let path = request.path.filter(|path| request.version == Some(1) && path.starts_with('/'))?;
    match request.method? {
        "GET" if body.is_empty() => understand_asked(path, lines).map(Understood::Asked),
        "POST" => understand_posted(path, lines, body).map(Understood::Posted),
        _ => None,
    }
}

/// A request for what is at `path`.
fn understand_asked<'a>(path: &'a str, lines: &'a [httparse::Header<'a>]) -> Option<Asked<'a>> {
    let (mut hosts, mut encodings, mut asker) = (0, None, Asker::default());
    for line in lines {
        let is = |name: &str| line.name.eq_ignore_ascii_case(name);
        if is("host") {
            hosts += 1;
            host::is_plain(line.value).then_some(())?;
        } else if is("accept-encoding") {
            let text = std::str::from_utf8(line.value).ok().filter(|text| text.is_ascii())?;
            encodings.replace(text).is_none().then_some(())?;
        } else if is("connection") {
            line.value.eq_ignore_ascii_case(b"keep-alive").then_some(())?;
        } else if is("cookie") {
            // The owner sees more than others do.
            (!access::may_have_owners_cookie(line.value)).then_some(())?;
        } else if is("content-length") || NOT_HERE.iter().any(|name| is(name)) {
            return None;
        } else {
            asker.add(line.name, line.value);
        }
    }
    (hosts == 1).then_some(Asked { path, encodings, asker })
}

/// A request that sends `body` to `path`.
fn understand_posted<'a>(
    path: &'a str,
    lines: &'a [httparse::Header<'a>],
    body: &'a [u8],
) -> Option<Posted<'a>> {
    let (mut host, mut announced) = (None, None);
    for line in lines {
        let is = |name: &str| line.name.eq_ignore_ascii_case(name);
        if is("host") {
            let named = Some(line.value).filter(|named| host::is_plain(named))?;
            host.replace(std::str::from_utf8(named).ok()?).is_none().then_some(())?;
        } else if is("content-length") {
            let digits = std::str::from_utf8(line.value).ok()?;
            let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
            let number: usize = digits.parse().ok().filter(|_| is_number)?;
            announced.replace(number).is_none().then_some(())?;
        } else if is("connection") {
            line.value.eq_ignore_ascii_case(b"keep-alive").then_some(())?;
        } else if NOT_HERE.iter().any(|name| is(name)) {
            return None;
        }
    }
    (announced == Some(body.len())).then_some(Posted {
        path,
        host: host?,
        lines: Lines(lines),
        body,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, HeaderName, HeaderValue};

    fn understood(text: &str) -> Option<(String, Option<String>)> {
        let mut headers = [EMPTY_HEADER; 4];
        match understand(text.as_bytes(), &mut headers)? {
            Understood::Asked(asked) => {
                Some((asked.path.to_owned(), asked.encodings.map(str::to_owned)))
            }
            Understood::Posted(posted) => panic!("{posted:?}"),
        }
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

    /// The path, the host, the values of `x-a` and the body of what is sent.
    fn posted(text: &str) -> Option<(String, String, Vec<String>, String)> {
        let owned = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let mut headers = [EMPTY_HEADER; 5];
        match understand(text.as_bytes(), &mut headers)? {
            Understood::Posted(Posted { path, host, lines, body }) => {
                let values = lines.values("x-a").map(owned).collect();
                Some((path.to_owned(), host.to_owned(), values, owned(body)))
            }
            Understood::Asked(asked) => panic!("{asked:?}"),
        }
    }

    #[test]
    fn what_is_sent_is_understood_with_all_its_headers() {
        let text = "POST /a/_/event HTTP/1.1\r\nHost: x:80\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 3\r\n\r\n{\"}";
        let (path, host, values, body) = posted(text).unwrap();
        assert_eq!((path.as_str(), host.as_str(), body.as_str()), ("/a/_/event", "x:80", "{\"}"));
        assert_eq!(values, ["1", "2"]);
    }

    #[test]
    fn what_is_not_certainly_one_event_is_left_to_hyper() {
        let ordinary = "POST /a/_/event HTTP/1.1\r\nhost: x\r\n";
        assert!(posted(&format!("{ordinary}content-length: 2\r\n\r\n{{}}")).is_some());
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
        ] {
            assert!(posted(text).is_none(), "{text:?}");
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

    /// The values of `x-one`, the first of them as text, and whether there is an `x-two`.
    type Said = (Vec<Vec<u8>>, Option<String>, bool);

    fn said(fields: &impl Fields) -> Said {
        let values = fields.values("x-one").map(<[u8]>::to_vec).collect();
        (values, fields.text("x-one").map(str::to_owned), fields.has("x-two"))
    }

    #[test]
    fn lines_say_what_a_map_of_them_says() {
        for (lines, values, text, has_two) in [
            (&[][..], &[][..], None, false),
            (&[("X-One", "a b"), ("x-two", ""), ("x-ONE", "c")], &["a b", "c"], Some("a b"), true),
            (&[("x-one", "käse")], &["käse"], None, false),
            (&[("x-one", "")], &[""], Some(""), false),
        ] {
            let line = |(name, value): &(&'static str, &'static str)| httparse::Header {
                name,
                value: value.as_bytes(),
            };
            let sent: Vec<httparse::Header<'_>> = lines.iter().map(line).collect();
            let mut map = HeaderMap::new();
            for (name, value) in lines {
                let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
                map.append(name.parse::<HeaderName>().unwrap(), value);
            }
            let values = values.iter().map(|value: &&str| value.as_bytes().to_vec()).collect();
            let expected: Said = (values, text.map(str::to_owned), has_two);
            assert_eq!(said(&Lines(&sent)), expected, "{lines:?}");
            assert_eq!(said(&map), expected, "{lines:?}");
        }
    }
}
