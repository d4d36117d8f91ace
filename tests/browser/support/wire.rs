//! What lies between the browser and the server: it passes everything on, and notes what readers' browsers send.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::header::SET_COOKIE;
use http::{Method, StatusCode, Uri};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::{until, until_true};

/// Where browsers send what readers did.
const EVENTS: &str = "/_/event";

/// An event that a browser sent, and how it was answered, once it was.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) event: Value,
    pub(crate) status: Option<StatusCode>,
}

/// A wire that listens in; clones are the same wire.
#[derive(Clone)]
pub(crate) struct Wire(Arc<Inside>);

struct Inside {
    server: String,
    client: Client<HttpConnector, Body>,
    sent: Mutex<Vec<Sent>>,
    asked: Mutex<Vec<String>>,
    is_busy: AtomicBool,
    is_cut: watch::Sender<bool>,
    is_held: watch::Sender<bool>,
    has_cookie: AtomicBool,
}

impl Wire {
    /// Lays a wire from `listener` to the server at `server`, an authority.
    pub(crate) fn lay(listener: TcpListener, server: String) -> Self {
        let wire = Self(Arc::new(Inside {
            server,
            client: Client::builder(TokioExecutor::new()).build_http(),
            sent: Mutex::default(),
            asked: Mutex::default(),
            is_busy: AtomicBool::new(false),
            is_cut: watch::Sender::new(false),
            is_held: watch::Sender::new(false),
            has_cookie: AtomicBool::new(false),
        }));
        tokio::spawn(wire.clone().carry(listener));
        wire
    }

    async fn carry(self, listener: TcpListener) {
        while let Ok((socket, _)) = listener.accept().await {
            let (wire, mut is_cut) = (self.clone(), self.0.is_cut.subscribe());
            let service = service_fn(move |request| wire.clone().pass(request));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(socket), service);
            tokio::spawn(async move {
                tokio::select! {
                    biased;
                    _ = is_cut.wait_for(|is_cut| *is_cut) => {}
                    _ = connection => {}
                }
            });
        }
    }

    /// Ends every connection, and from now on each that is made.
    pub(crate) fn cut(&self) {
        self.0.is_cut.send_replace(true);
    }

    /// Passes everything on again.
    pub(crate) fn mend(&self) {
        self.0.is_cut.send_replace(false);
    }

    /// From now on, or no longer, answers events as a server does that cannot take any more.
    pub(crate) fn be_busy(&self, is_busy: bool) {
        self.0.is_busy.store(is_busy, Ordering::SeqCst);
    }

    /// From now on, or no longer, lets events wait that have come.
    pub(crate) fn hold(&self, is_held: bool) {
        self.0.is_held.send_replace(is_held);
    }

    /// Waits until something was asked for: a path, and its query if it has one.
    pub(crate) async fn until_asked(&self, target: &str) {
        let is_asked = async || self.0.asked.lock().unwrap().iter().any(|asked| asked == target);
        until_true(target, is_asked).await;
    }

    /// Every event that came, in order.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.0.sent.lock().unwrap().clone()
    }

    /// The events of a kind that were answered with 202.
    pub(crate) fn taken(&self, kind: &str) -> Vec<Value> {
        let sent = self.sent().into_iter().filter(|sent| sent.status == Some(StatusCode::ACCEPTED));
        sent.map(|sent| sent.event).filter(|event| event["type"] == kind).collect()
    }

    /// Waits until so many events of a kind were answered with 202, and gives them.
    pub(crate) async fn until_taken(&self, kind: &str, count: usize) -> Vec<Value> {
        let what = format!("{count} times `{kind}`");
        until(&what, async || Some(self.taken(kind)).filter(|taken| taken.len() >= count)).await
    }

    /// How many viewings have had an event of a kind taken; a repeat is of the same viewing.
    pub(crate) fn viewings(&self, kind: &str) -> usize {
        let events = self.taken(kind);
        events.iter().map(|event| event["view"].as_str()).collect::<HashSet<_>>().len()
    }

    /// Whether any answer set a cookie.
    pub(crate) fn has_cookie(&self) -> bool {
        self.0.has_cookie.load(Ordering::SeqCst)
    }

    async fn pass(self, request: Request<Incoming>) -> Result<Response, Infallible> {
        let request = request.map(Body::new);
        if request.method() == Method::POST && request.uri().path() == EVENTS {
            Ok(self.note(request).await)
        } else {
            self.0.asked.lock().unwrap().push(request.uri().to_string());
            Ok(self.forward(request).await)
        }
    }

    async fn note(&self, request: Request) -> Response {
        let (head, body) = request.into_parts();
        let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        let number = self.arrived(serde_json::from_slice(&bytes).unwrap_or_default());
        let mut is_held = self.0.is_held.subscribe();
        is_held.wait_for(|is_held| !is_held).await.unwrap();
        let response = if self.0.is_busy.load(Ordering::SeqCst) {
            let refusal = Response::builder().status(StatusCode::SERVICE_UNAVAILABLE);
            refusal.header("retry-after", "1").body(Body::empty()).unwrap()
        } else {
            self.forward(Request::from_parts(head, bytes.into())).await
        };
        self.0.sent.lock().unwrap()[number].status = Some(response.status());
        response
    }

    /// Notes an event, and gives its number.
    fn arrived(&self, event: Value) -> usize {
        let mut sent = self.0.sent.lock().unwrap();
        sent.push(Sent { event, status: None });
        sent.len() - 1
    }

    async fn forward(&self, mut request: Request) -> Response {
        let target = request.uri().path_and_query().expect("a request to a server has a path");
        let uri = Uri::builder().scheme("http").authority(self.0.server.as_str());
        *request.uri_mut() = uri.path_and_query(target.clone()).build().unwrap();
        let response = self.0.client.request(request).await;
        let response = response.expect("the server answers while the test goes on").map(Body::new);
        if response.headers().contains_key(SET_COOKIE) {
            self.0.has_cookie.store(true, Ordering::SeqCst);
        }
        response
    }
}
