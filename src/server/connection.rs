//! One connection: HTTP/1.1 or HTTP/2 on a socket, within the limits.

use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response, Version};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::Watcher;
use tokio::net::TcpStream;
use tower::ServiceExt;
use tower::util::Oneshot;

use super::forwarded::Peer;
use super::limits::{self, Limits};
use super::pulse::{Pulse, UnderWay, WatchedSocket};
use super::state::Handle;
use super::{ready, wire};

/// What answers requests: at once, what is ready; the router, everything else.
#[derive(Clone)]
pub(super) struct Answerer {
    pub(super) state: Handle,
    pub(super) router: Router,
}

/// Answers the requests that come from `peer` over `socket` until either side ends it or a limit is passed.
pub(super) async fn serve(socket: TcpStream, peer: IpAddr, answerer: Answerer, end: Watcher) {
    let limits = answerer.state.limits;
    prepare(&socket, limits);
    let pulse = Pulse::new(limits);
    let socket = WatchedSocket { socket, pulse: Arc::clone(&pulse), early: Bytes::new() };
    tokio::select! {
        () = converse(socket, peer, answerer, end) => {}
        () = pulse.expired() => tracing::debug!("a connection took too long"),
    }
}

/// Answers pages that are ready, and events; from the first other request, hyper has the connection.
async fn converse(
    mut socket: WatchedSocket<TcpStream>,
    peer: IpAddr,
    answerer: Answerer,
    end: Watcher,
) {
    let Some(read) = wire::answer(&mut socket, peer, &answerer.state).await else { return };
    socket.early = read;
    let builder = builder(answerer.state.limits);
    let pulse = Arc::clone(&socket.pulse);
    let service = service_fn(move |request: Request<Incoming>| {
        let under_way = pulse.begin(request.version() != Version::HTTP_2);
        answerer.answer(request, peer, under_way)
    });
    let connection = builder.serve_connection(TokioIo::new(socket), service).into_owned();
    if let Err(error) = end.watch(connection).await {
        tracing::debug!(%error, "a connection broke off");
    }
}

/// Answers go out at once, and a peer that no longer answers is noticed by the kernel.
fn prepare(socket: &TcpStream, limits: Limits) {
    let _ = socket.set_nodelay(true);
    #[cfg(target_os = "linux")]
    {
        let stall = u32::try_from(limits.write_stall.as_millis()).unwrap_or(u32::MAX);
        let _ = rustix::net::sockopt::set_tcp_user_timeout(socket, stall);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = limits;
}

fn builder(limits: Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    // The time for a head is kept by `Pulse`: hyper would start it when the last answer ends.
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_headers(limits.headers)
        .max_buf_size(limits.head_bytes);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits::CONCURRENT_STREAMS)
        .max_pending_accept_reset_streams(limits::CANCELLED_STREAMS)
        .max_local_error_reset_streams(limits::CANCELLED_STREAMS)
        .initial_stream_window_size(limits::RECEIVE_WINDOW)
        .initial_connection_window_size(limits::RECEIVE_WINDOW)
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        .keep_alive_interval(limits.idle)
        .keep_alive_timeout(limits.write_stall);
    builder
}

impl Answerer {
    fn answer(
        &self,
        request: Request<Incoming>,
        peer: IpAddr,
        under_way: UnderWay,
    ) -> impl Future<Output = Result<Response<TrackedBody>, Infallible>> + use<> {
        let ready = ready::answer(&self.state, &request);
        // In a box, because hyper moves this future about, and most answers are ready.
        let answer = ready.ok_or_else(|| Box::pin(self.ask(request, peer)));
        async move {
            let response = match answer {
                Ok(response) => response.map(SentBody::Whole),
                Err(asked) => asked.await?.map(SentBody::Pieces),
            };
            Ok(response.map(|body| TrackedBody { body, _under_way: under_way }))
        }
    }

    fn ask(&self, request: Request<Incoming>, peer: IpAddr) -> Oneshot<Router, Request<Body>> {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        self.router.clone().oneshot(request)
    }
}

/// A body that counts as under way until it is sent or given up.
struct TrackedBody {
    body: SentBody,
    _under_way: UnderWay,
}

enum SentBody {
    /// All of it, or nothing once that is sent.
    Whole(Bytes),
    /// Whatever a handler sends.
    Pieces(Body),
}

impl HttpBody for TrackedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match &mut self.body {
            SentBody::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            SentBody::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            SentBody::Pieces(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.body {
            SentBody::Whole(bytes) => bytes.is_empty(),
            SentBody::Pieces(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            SentBody::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            SentBody::Pieces(body) => body.size_hint(),
        }
    }
}
