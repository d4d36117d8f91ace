//! The other end of `stats.json`: asks a server that runs in another process for its numbers.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, HOST};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// How long the whole exchange may take; filters have the server read all that was counted.
const PATIENCE: Duration = Duration::from_secs(30);

/// Numbers of more pages than this are not a blog's.
const LONGEST: usize = 256 << 20;

/// What the server `at` this address answers to `/_/stats.json` with this query, when it is shown its `key`; not for
/// a thread that must not wait.
pub fn ask(at: SocketAddr, key: &str, query: &str) -> anyhow::Result<Bytes> {
    let target = format!("/_/stats.json?{query}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answer =
        runtime.block_on(async { tokio::time::timeout(PATIENCE, fetch(at, key, &target)).await });
    answer
        .unwrap_or_else(|_| Err(anyhow!("it did not answer within {} s", PATIENCE.as_secs())))
        .with_context(|| format!("the server at `{at}` gave no statistics"))
}

async fn fetch(at: SocketAddr, key: &str, target: &str) -> anyhow::Result<Bytes> {
    let stream = TcpStream::connect(at).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::get(target)
        .header(HOST, at.to_string())
        .header(ACCEPT, "application/json")
        .header(AUTHORIZATION, format!("Bearer {key}"))
        .body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let hidden = status == StatusCode::NOT_FOUND;
    ensure!(!hidden, "it answered `{status}`, as it does where `stats.access` is `off`");
    ensure!(status == StatusCode::OK, "it answered `{status}`");
    let body = Limited::new(response.into_body(), LONGEST).collect().await;
    Ok(body.map_err(|error| anyhow!(error))?.to_bytes())
}
