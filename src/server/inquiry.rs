//! The other end of `stats.json`: asks a server that runs in another process for its numbers.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use bytes::Bytes;
use http::header::{ACCEPT, HOST};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// How long the whole exchange may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Numbers of more pages than this are not a blog's.
const LONGEST: usize = 256 << 20;

/// What the server `at` this address answers to `/_/stats.json`; not for a thread that must not wait.
pub fn ask(at: SocketAddr) -> anyhow::Result<Bytes> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answer = runtime.block_on(async { tokio::time::timeout(PATIENCE, fetch(at)).await });
    answer
        .unwrap_or_else(|_| Err(anyhow!("it did not answer within {} s", PATIENCE.as_secs())))
        .with_context(|| format!("the server at `{at}` gave no statistics"))
}

async fn fetch(at: SocketAddr) -> anyhow::Result<Bytes> {
    let stream = TcpStream::connect(at).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::get("/_/stats.json")
        .header(HOST, at.to_string())
        .header(ACCEPT, "application/json")
        .body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let hidden = status == StatusCode::NOT_FOUND;
    ensure!(!hidden, "it answered `{status}`, as it does where `stats.access` is `off`");
    ensure!(status == StatusCode::OK, "it answered `{status}`");
    let body = Limited::new(response.into_body(), LONGEST).collect().await;
    Ok(body.map_err(|error| anyhow!(error))?.to_bytes())
}
