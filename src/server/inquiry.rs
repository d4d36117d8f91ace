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

use crate::analytics::Period;

/// How long the whole exchange may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long it may take if the server has to read what was counted in a period.
const PERIOD_PATIENCE: Duration = Duration::from_mins(1);

/// Numbers of more pages than this are not a blog's.
const LONGEST: usize = 256 << 20;

/// What the server `at` this address answers to `/_/stats.json`; not for a thread that must not wait.
pub fn ask(at: SocketAddr, period: Period) -> anyhow::Result<Bytes> {
    let (target, patience) = match period {
        Period::All => ("/_/stats.json".to_owned(), PATIENCE),
        period => (format!("/_/stats.json?period={}", period.name()), PERIOD_PATIENCE),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answer =
        runtime.block_on(async { tokio::time::timeout(patience, fetch(at, &target)).await });
    answer
        .unwrap_or_else(|_| Err(anyhow!("it did not answer within {} s", patience.as_secs())))
        .with_context(|| format!("the server at `{at}` gave no statistics"))
}

async fn fetch(at: SocketAddr, target: &str) -> anyhow::Result<Bytes> {
    let stream = TcpStream::connect(at).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::get(target)
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
