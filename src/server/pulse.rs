//! How a connection is doing, and when it has to be given up.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::limits::Limits;

/// How a connection is doing: seen by its socket and its requests, judged by [`Pulse::expired`].
#[derive(Debug)]
pub(super) struct Pulse {
    limits: Limits,
    beats: Mutex<Beats>,
}

#[derive(Debug)]
struct Beats {
    /// Requests whose answer is not complete.
    under_way: usize,
    /// When the connection began, or its last answer ended.
    quiet_since: Instant,
    /// When the first byte of the next request came.
    head_since: Option<Instant>,
    /// Since when the client takes nothing although something is to be sent.
    blocked_since: Option<Instant>,
    /// Whether there was a request.
    is_used: bool,
    /// Whether requests come one after the other, so that a byte means the next one.
    is_serial: bool,
}

impl Pulse {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        let beats = Beats {
            under_way: 0,
            quiet_since: Instant::now(),
            head_since: None,
            blocked_since: None,
            is_used: false,
            is_serial: true,
        };
        Arc::new(Self { limits, beats: Mutex::new(beats) })
    }

    /// Ends when the connection has taken too long over anything.
    pub(super) async fn expired(&self) {
        loop {
            let deadline = self.deadline();
            if deadline <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(deadline).await;
        }
    }

    /// Notes a request; its answer is complete when what is returned is dropped.
    pub(super) fn begin(self: &Arc<Self>, is_serial: bool) -> UnderWay {
        let mut beats = self.lock();
        beats.under_way += 1;
        beats.head_since = None;
        beats.is_used = true;
        beats.is_serial = is_serial;
        UnderWay(Arc::clone(self))
    }

    /// The earliest instant at which something may have taken too long. Nothing that begins later than now can
    /// be over before the shortest limit, so it is soon enough to look again then.
    fn deadline(&self) -> Instant {
        let (limits, beats) = (&self.limits, self.lock());
        let shortest = limits.head_timeout.min(limits.write_stall).min(limits.idle);
        let quiet_limit = if beats.is_used { limits.idle } else { limits.head_timeout };
        let quiet = (beats.under_way == 0).then(|| beats.quiet_since + quiet_limit);
        let head = beats.head_since.filter(|_| beats.under_way == 0 && beats.is_serial);
        let head = head.map(|since| since + limits.head_timeout);
        let blocked = beats.blocked_since.map(|since| since + limits.write_stall);
        let later = Instant::now() + shortest;
        [quiet, head, blocked].into_iter().flatten().min().map_or(later, |due| due.min(later))
    }

    fn note_read(&self) {
        let mut beats = self.lock();
        if beats.under_way == 0 {
            beats.head_since.get_or_insert_with(Instant::now);
        }
    }

    fn note_write(&self, is_blocked: bool) {
        let mut beats = self.lock();
        beats.blocked_since = is_blocked.then(|| beats.blocked_since.unwrap_or_else(Instant::now));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Beats> {
        self.beats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request whose answer is not complete.
#[derive(Debug)]
pub(super) struct UnderWay(Arc<Pulse>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut beats = self.0.lock();
        beats.under_way -= 1;
        beats.quiet_since = Instant::now();
        beats.head_since = None;
    }
}

/// A socket that tells a [`Pulse`] what it does.
#[derive(Debug)]
pub(super) struct WatchedSocket<S> {
    pub(super) socket: S,
    pub(super) pulse: Arc<Pulse>,
    /// What was read already, and is to be read again.
    pub(super) early: Bytes,
}

impl<S: AsyncRead + Unpin> AsyncRead for WatchedSocket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.early.is_empty() {
            let len = self.early.len().min(buffer.remaining());
            buffer.put_slice(&self.early.split_to(len));
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            self.pulse.note_read();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WatchedSocket<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.pulse.note_write(polled.is_pending());
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.socket).poll_write_vectored(context, pieces);
        self.pulse.note_write(polled.is_pending());
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const LIMITS: fn() -> Limits = || Limits {
        head_timeout: Duration::from_secs(10),
        write_stall: Duration::from_secs(30),
        idle: Duration::from_mins(1),
        ..Limits::default()
    };

    async fn lived(pulse: &Pulse) -> u64 {
        let begin = Instant::now();
        pulse.expired().await;
        begin.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn each_stage_has_its_time() {
        let pulse = Pulse::new(LIMITS());
        assert_eq!(lived(&pulse).await, 10, "no request came");

        drop(pulse.begin(true));
        assert_eq!(lived(&pulse).await, 60, "idle after an answer");

        drop(pulse.begin(true));
        pulse.note_read();
        tokio::time::advance(Duration::from_secs(4)).await;
        pulse.note_read();
        assert_eq!(lived(&pulse).await, 6, "a head counts from its first byte");

        drop(pulse.begin(false));
        pulse.note_read();
        assert_eq!(lived(&pulse).await, 60, "frames of HTTP/2 are not heads");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_given_up() {
        let pulse = Pulse::new(LIMITS());
        let _request = pulse.begin(true);
        pulse.note_write(true);
        tokio::time::advance(Duration::from_secs(20)).await;
        pulse.note_write(true);
        assert_eq!(lived(&pulse).await, 10);
        pulse.note_write(false);
        let waiting = tokio::time::timeout(Duration::from_mins(10), pulse.expired());
        assert!(waiting.await.is_err(), "an answer may take its time");
    }
}
