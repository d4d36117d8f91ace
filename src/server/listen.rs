//! Accepts connections within the limits, until the end is asked for.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connection::{self, Answerer};
use super::state::{AppState, Handle};
use super::{limits, router};

/// Serves the site on `listener` until `shutdown` ends.
///
/// Then no connection is accepted any more, event streams end at once, and requests under way are answered
/// within [`Limits::drain`](super::Limits).
pub async fn run(
    listener: TcpListener,
    state: AppState,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let door = Door::new(listener, state);
    tokio::select! {
        () = door.admit_all() => {}
        () = shutdown => door.admit_waiting(),
    }
    let (state, connections) = door.close();
    // What was accepted last has not been read yet, and would be cut off.
    tokio::time::sleep(limits::LAST_WORDS).await;
    state.stop.send_replace(true);
    if tokio::time::timeout(state.limits.drain, connections.shutdown()).await.is_err() {
        tracing::warn!("requests were still under way at the end");
    }
    state.hand_over_navigations();
    Ok(())
}

/// Where connections come in.
struct Door {
    listener: TcpListener,
    answerer: Answerer,
    places: Arc<Semaphore>,
    addresses: Arc<Addresses>,
    connections: GracefulShutdown,
}

impl Door {
    fn new(listener: TcpListener, state: AppState) -> Self {
        let AppState(shared) = &state;
        Self {
            listener,
            places: Arc::new(Semaphore::new(shared.limits.connections)),
            addresses: Arc::default(),
            connections: GracefulShutdown::new(),
            answerer: Answerer { state: Arc::clone(shared), router: router(state) },
        }
    }

    /// Admits connections as long as it is polled.
    async fn admit_all(&self) {
        while let Ok(place) = Arc::clone(&self.places).acquire_owned().await {
            let (socket, peer) = next(&self.listener).await;
            self.admit(place, socket, peer);
        }
    }

    /// Admits the connections that the kernel has accepted already; closing the door would reset them.
    fn admit_waiting(&self) {
        let mut context = Context::from_waker(Waker::noop());
        while let Ok(place) = Arc::clone(&self.places).try_acquire_owned()
            && let Poll::Ready(Ok((socket, peer))) = self.listener.poll_accept(&mut context)
        {
            self.admit(place, socket, peer.ip());
        }
    }

    fn admit(&self, place: OwnedSemaphorePermit, socket: TcpStream, peer: IpAddr) {
        let peer = peer.to_canonical();
        let most = self.answerer.state.most_connections_of(peer);
        let Some(share) = self.addresses.admit(peer, most) else { return };
        let answerer = self.answerer.clone();
        let end = self.connections.watcher();
        tokio::spawn(async move {
            let _held = (place, share);
            connection::serve(socket, peer, answerer, end).await;
        });
    }

    fn close(self) -> (Handle, GracefulShutdown) {
        (self.answerer.state, self.connections)
    }
}

/// The next connection. Without descriptors there is none for a while: rest instead of spinning.
async fn next(listener: &TcpListener) -> (TcpStream, IpAddr) {
    let (mut rest, longest) = limits::ACCEPT_REST;
    loop {
        match listener.accept().await {
            Ok((socket, peer)) => return (socket, peer.ip()),
            Err(error) if is_of_the_client(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections");
                tokio::time::sleep(rest).await;
                rest = (rest * 2).min(longest);
            }
        }
    }
}

/// Whether the client gave up before it was accepted.
fn is_of_the_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// How many connections each address has.
#[derive(Debug, Default)]
struct Addresses(Mutex<HashMap<IpAddr, usize>>);

impl Addresses {
    /// Takes one more connection of `address`; none if it has `most` already.
    fn admit(self: &Arc<Self>, address: IpAddr, most: usize) -> Option<Share> {
        let subscriber = subscriber(address);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(subscriber).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Share { addresses: Arc::clone(self), subscriber })
    }
}

/// What one subscriber has: an IPv4 address, or an IPv6 network of 64 bits.
fn subscriber(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
    }
}

/// One connection of an address, given back when it ends.
#[derive(Debug)]
struct Share {
    addresses: Arc<Addresses>,
    subscriber: IpAddr,
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut counts = self.addresses.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.subscriber) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.subscriber);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_share_and_gets_it_back() {
        let addresses = Arc::new(Addresses::default());
        let admit = |text: &str| addresses.admit(text.parse().unwrap(), 2);
        let (first, _second) = (admit("203.0.113.1").unwrap(), admit("203.0.113.1").unwrap());
        assert!(admit("203.0.113.1").is_none());
        assert!(admit("203.0.113.2").is_some());
        drop(first);
        assert!(admit("203.0.113.1").is_some());
    }

    #[test]
    fn a_network_of_one_subscriber_is_one_address() {
        let addresses = Arc::new(Addresses::default());
        let admit = |text: &str| addresses.admit(text.parse().unwrap(), 1);
        let held = admit("2001:db8::1").unwrap();
        assert!(admit("2001:db8::2").is_none());
        assert!(admit("2001:db8:0:1::1").is_some());
        drop(held);
        assert!(addresses.0.lock().unwrap().is_empty());
    }
}
