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

use super::forwarded::Peer;
use super::limits::{self, Limits};
use super::pulse::{Pulse, UnderWay, WatchedSocket};

/// Answers the requests that come from `peer` over `socket` until either side ends it or a limit is passed.
pub(super) async fn serve(
    socket: TcpStream,
    peer: IpAddr,
    router: Router,
    limits: Limits,
    end: Watcher,
) {
    prepare(&socket, limits);
    let pulse = Pulse::new(limits);
    let io = TokioIo::new(WatchedSocket { socket, pulse: Arc::clone(&pulse) });
    let requests = Arc::clone(&pulse);
    let service = service_fn(move |request| answer(request, peer, router.clone(), &requests));
    let builder = builder(limits);
    let connection = end.watch(builder.serve_connection(io, service).into_owned());
    tokio::select! {
        ended = connection => if let Err(error) = ended {
            tracing::debug!(%error, "a connection broke off");
        },
        () = pulse.expired() => tracing::debug!("a connection took too long"),
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

fn answer(
    request: Request<Incoming>,
    peer: IpAddr,
    router: Router,
    pulse: &Arc<Pulse>,
) -> impl Future<Output = Result<Response<TrackedBody>, Infallible>> + use<> {
    let under_way = pulse.begin(request.version() != Version::HTTP_2);
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(Peer(peer));
    async move {
        let response = router.oneshot(request).await?;
        Ok(response.map(|body| TrackedBody { body, _under_way: under_way }))
    }
}

/// A body that counts as under way until it is sent or given up.
struct TrackedBody {
    body: Body,
    _under_way: UnderWay,
}

impl HttpBody for TrackedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
