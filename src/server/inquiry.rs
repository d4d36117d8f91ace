//! The other end of `stats.json` and of what an owner can ask for: asks a server that runs in another process.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, HOST};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// How long a question may take; filters have the server read all that was counted.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long an order may take: all that was ever counted is read.
const ORDER_PATIENCE: Duration = Duration::from_mins(30);

/// Numbers of more pages than this are not a blog's.
const LONGEST: usize = 256 << 20;

/// What the server `at` this address answers to `/_/stats.json` with this query, when it is shown its `key`; not for
/// a thread that must not wait.
pub fn ask(at: SocketAddr, key: &str, query: &str) -> anyhow::Result<Bytes> {
    let target = format!("/_/stats.json?{query}");
    let told = exchange((at, key), (Method::GET, &target), String::new(), PATIENCE);
    let answered = told.and_then(|(status, body)| {
        let hidden = status == StatusCode::NOT_FOUND;
        ensure!(!hidden, "it answered `{status}`, as it does where `stats.access` is `off`");
        ensure!(status == StatusCode::OK, "it answered `{status}`");
        Ok(body)
    });
    answered.with_context(|| format!("the server at `{at}` gave no statistics"))
}

/// Has the server `at` this address do what `target` stands for; gives what it says when that is done.
pub fn order(at: SocketAddr, key: &str, target: &str, body: String) -> anyhow::Result<String> {
    let told = exchange((at, key), (Method::POST, target), body, ORDER_PATIENCE);
    let (status, body) = told.with_context(|| format!("the server at `{at}` does not answer"))?;
    let text = String::from_utf8_lossy(&body).trim().to_owned();
    ensure!(status == StatusCode::OK, "the server at `{at}` answered `{status}`: {text}");
    Ok(text)
}

fn exchange(
    (at, key): (SocketAddr, &str),
    (method, target): (Method, &str),
    body: String,
    patience: Duration,
) -> anyhow::Result<(StatusCode, Bytes)> {
    let request = Request::builder()
        .method(method)
        .uri(target)
        .header(HOST, at.to_string())
        .header(ACCEPT, "application/json, text/plain")
        .header(AUTHORIZATION, format!("Bearer {key}"))
        .body(Full::new(Bytes::from(body)))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answer =
        runtime.block_on(async { tokio::time::timeout(patience, fetch(at, request)).await });
    answer.unwrap_or_else(|_| Err(anyhow!("it did not answer within {} s", patience.as_secs())))
}

async fn fetch(
    at: SocketAddr,
    request: Request<Full<Bytes>>,
) -> anyhow::Result<(StatusCode, Bytes)> {
    let stream = TcpStream::connect(at).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = Limited::new(response.into_body(), LONGEST).collect().await;
    Ok((status, body.map_err(|error| anyhow!(error))?.to_bytes()))
}
