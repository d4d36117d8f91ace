//! Requests for pages that are ready, read and answered as bytes, with nothing kept of a connection in between.
//!
//! Only what is certainly such a request is understood: one whole head as browsers send it, and nothing behind it. Anything
//! else, and all that follows on its connection, is left to hyper, which is the judge of what is a request and what is none.

use std::future::poll_fn;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use httparse::{EMPTY_HEADER, Status};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::encoding::Encoding;
use super::navigations::Asker;
use super::pulse::WatchedSocket;
use super::state::Shared;
use super::{access, host, ready};

/// How long a head may be that is understood here; those of browsers have some 500 bytes.
const LONGEST_HEAD: usize = 4 << 10;

/// How many headers it may have.
const MOST_HEADERS: usize = 32;

/// What may stand in a head only for hyper to see: it changes what is answered, or what follows on the connection.
const NOT_HERE: [&str; 10] = [
    "content-length",
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
    /// Something for hyper to read: any other request, a part of one, or the end.
    Other(Bytes),
}

/// What is asked for.
struct Asked<'a> {
    path: &'a str,
    encodings: Option<&'a str>,
    asker: Asker<'a>,
}

/// Answers what is ready until something else comes, and gives what was read of that; none if the connection is broken.
pub(super) async fn answer_ready<S>(socket: &mut WatchedSocket<S>, state: &Shared) -> Option<Bytes>
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
        let answer = match came {
            Came::Ready(answer) => answer,
            Came::Other(read) => return Some(read),
        };
        let _under_way = pulse.begin(true);
        let mut bytes = answer.head.chain(state.date.line()).chain(answer.body);
        socket.write_all_buf(&mut bytes).await.ok()?;
    }
}

/// The next thing that comes. It is read into the stack, so that what a connection has read last is not kept for it.
fn poll_next<S: AsyncRead + Unpin>(
    socket: &mut WatchedSocket<S>,
    state: &Shared,
    context: &mut Context<'_>,
) -> Poll<Came> {
    let mut bytes = [const { MaybeUninit::uninit() }; LONGEST_HEAD];
    let mut buffer = ReadBuf::uninit(&mut bytes);
    // Hyper meets a failure again when it reads.
    let _ = ready!(Pin::new(socket).poll_read(context, &mut buffer));
    let read = buffer.filled();
    Poll::Ready(match find(read, state) {
        Some(answer) => Came::Ready(answer),
        None => Came::Other(Bytes::copy_from_slice(read)),
    })
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
        } else if NOT_HERE.iter().any(|name| is(name)) {
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
