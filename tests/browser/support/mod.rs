//! What the tests stand on: a browser, a site that is served to it, and what went over the wire between them.

pub(crate) mod audit;
mod browser;
mod driver;
mod hosted;
mod wire;

use std::time::{Duration, Instant};

pub(crate) use browser::{Browser, Wishes};
pub(crate) use hosted::Hosted;
pub(crate) use wire::Wire;

/// How long anything may take before the test has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks again and again until there is an answer, and gives it; fails when there is none in time.
pub(crate) async fn until<T>(what: &str, mut question: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = question().await {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until something holds.
pub(crate) async fn until_true(what: &str, mut question: impl AsyncFnMut() -> bool) {
    until(what, async || question().await.then_some(())).await;
}
