//! Tells those who have sent events that these are durable.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use thiserror::Error;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// The event was not stored, and will not be; the sender may try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the event could not be stored")]
pub struct NotStored;

/// Resolves once the event is durable, or is known not to be.
#[derive(Debug)]
pub struct Receipt(oneshot::Receiver<()>);

impl Receipt {
    /// A receipt, and who resolves it.
    pub(super) fn new() -> (Waiter, Self) {
        let (sender, receiver) = oneshot::channel();
        (Waiter(sender), Self(receiver))
    }

    /// Waits, on a thread that may.
    pub fn wait(self) -> Result<(), NotStored> {
        self.0.blocking_recv().map_err(|_| NotStored)
    }
}

impl Future for Receipt {
    type Output = Result<(), NotStored>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map_err(|_| NotStored)
    }
}

/// Someone who waits for a receipt. If this is dropped, the event was not stored.
#[derive(Debug)]
pub(super) struct Waiter(oneshot::Sender<()>);

/// Tells those who wait.
///
/// To wake a task of a runtime from the thread that stores costs a system call, and often that thread its core; tasks wake
/// one another for next to nothing. So a task tells them, and only that is started from there.
#[derive(Debug, Clone, Default)]
pub(super) struct Teller(Arc<OnceLock<Handle>>);

impl Teller {
    /// Tells those who wait from a task of this runtime from now on.
    pub(super) fn tell_on(&self, runtime: Handle) {
        // Whoever is told on another runtime is told nevertheless.
        let _ = self.0.set(runtime);
    }

    /// Tells `waiters` that their events are durable.
    pub(super) fn tell(&self, waiters: Vec<Waiter>) {
        match self.0.get() {
            Some(runtime) if !waiters.is_empty() => {
                drop(runtime.spawn(async { tell_all(waiters) }));
            }
            _ => tell_all(waiters),
        }
    }
}

fn tell_all(waiters: Vec<Waiter>) {
    for Waiter(sender) in waiters {
        // Whoever does not wait any more does not mind.
        let _ = sender.send(());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipts() -> (Vec<Waiter>, Vec<Receipt>) {
        (0..4).map(|_| Receipt::new()).unzip()
    }

    #[test]
    fn all_are_told_with_a_runtime_and_without() {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let with_runtime = Teller::default();
        with_runtime.tell_on(runtime.handle().clone());
        for teller in [Teller::default(), with_runtime] {
            for gone in 0..4 {
                let (waiters, mut receipts) = receipts();
                drop(receipts.remove(gone));
                teller.tell(waiters);
                assert!(receipts.into_iter().all(|receipt| receipt.wait() == Ok(())), "{gone}");
            }
        }
    }

    #[test]
    fn what_was_not_stored_is_told_by_silence() {
        let (waiters, receipts) = receipts();
        drop(waiters);
        assert!(receipts.into_iter().all(|receipt| receipt.wait() == Err(NotStored)));
    }
}
