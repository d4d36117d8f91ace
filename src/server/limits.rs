//! Every bound of the HTTP edge, once, with its reason.

use std::time::Duration;

/// What the server allows a connection, and all of them together.
///
/// The defaults suit a public site; tests pass smaller ones so that nothing has to be waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections open at once. Further ones wait in the kernel's queue until one ends.
    pub connections: usize,
    /// Connections of one address; the loopback address and trusted proxies are exempt, for many readers share these.
    pub connections_per_address: usize,
    /// How long a request line may be in bytes; longer ones are answered with 414.
    pub request_line: usize,
    /// How long a request line and headers may be in bytes; longer ones are answered with 431.
    pub head_bytes: usize,
    /// How many headers a request may have; browsers send about 20.
    pub headers: usize,
    /// How long the head of a request may take, from its first byte or from the connection's start.
    pub head_timeout: Duration,
    /// How long the body of an event may take in all, not between two reads.
    pub body_timeout: Duration,
    /// How long a client may accept no byte of an answer.
    pub write_stall: Duration,
    /// How long a connection may be idle after an answer.
    pub idle: Duration,
    /// How long requests under way may take after the end was asked for.
    pub drain: Duration,
    /// How many event streams are open at once; each is a connection that does not end by itself, so they must
    /// leave some to readers.
    pub streams: usize,
    /// How often a silent event stream says that it is alive; proxies cut silent ones after 30 to 60 s.
    pub keep_alive: Duration,
    /// How far apart two snapshots on an event stream are at least.
    pub stream_pace: Duration,
    /// How long an answer waits for the site that is being published while its file is being replaced.
    pub publish_wait: Duration,
    /// Files up to this length are read whole, checked and compressed; longer ones are streamed.
    pub whole_file: u64,
    /// How many bytes of files, their compressed forms and the headers of their answers are kept in memory.
    pub cache_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let connections = affordable_connections();
        Self {
            connections,
            connections_per_address: 64,
            request_line: 8 << 10,
            head_bytes: 24 << 10,
            headers: 64,
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(10),
            write_stall: Duration::from_secs(30),
            idle: Duration::from_mins(1),
            drain: Duration::from_secs(8),
            streams: (connections / 2).min(MOST_STREAMS),
            keep_alive: Duration::from_secs(15),
            stream_pace: Duration::from_secs(1),
            publish_wait: Duration::from_secs(2),
            whole_file: 1 << 20,
            cache_bytes: 64 << 20,
        }
    }
}

impl Limits {
    /// These limits with `bytes` of memory for what is kept. A file that would take much of that is streamed: it would push
    /// everything else out, or be compressed anew for each reader.
    #[must_use]
    pub(super) fn with_cache(self, bytes: usize) -> Self {
        let longest = (bytes / LARGEST_SHARE) as u64;
        Self { cache_bytes: bytes, whole_file: self.whole_file.min(longest), ..self }
    }
}

/// More connections than this cost more memory than a small machine has to spare.
const MOST_CONNECTIONS: usize = 16_384;

/// More open dashboards than this are no audience but an attack.
const MOST_STREAMS: usize = 512;

/// Descriptors that are kept for the site's files, the database and the log.
const OTHER_DESCRIPTORS: usize = 128;

/// Requests that one HTTP/2 connection may have under way.
pub(super) const CONCURRENT_STREAMS: u32 = 100;

/// Requests that an HTTP/2 client may cancel before they were looked at; a browser cancels a few, an attack thousands.
pub(super) const CANCELLED_STREAMS: usize = 32;

/// The window of an HTTP/2 request body; nothing larger than an event is read.
pub(super) const RECEIVE_WINDOW: u32 = 64 << 10;

/// The shortest and the longest rest after a connection could not be accepted.
pub(super) const ACCEPT_REST: (Duration, Duration) =
    (Duration::from_millis(20), Duration::from_secs(1));

/// At the end, how long a connection that was just accepted has to send its request.
pub(super) const LAST_WORDS: Duration = Duration::from_millis(100);

/// The shortest body that is worth compressing; below this it fits in one packet anyway.
pub(super) const WORTH_COMPRESSING: usize = 1024;

/// The part of the memory for what is kept that headers get.
pub(super) const HEADERS_SHARE: usize = 8;

/// The part of the memory for what is kept that one file may take.
const LARGEST_SHARE: usize = 16;

/// When to send an event again that could not be taken, in seconds.
pub(super) const EVENT_RETRY_SECONDS: &str = "10";

/// How long a form of the server's own pages may be: a password, and little else.
pub(super) const FORM_BYTES: usize = 4 << 10;

/// So many wrong passwords of one address within a minute, and the next attempt has to wait.
pub(super) const ATTEMPTS_OF_ONE: usize = 5;

/// So many of all addresses. With these a day has 43,200 attempts, whoever makes them.
pub(super) const ATTEMPTS_OF_ALL: usize = 30;

/// Passwords that are checked at once. Each takes 19 MiB and a core for a while.
pub(super) const PASSWORD_CHECKS: usize = 2;

/// Browsers that are signed in at once. Nobody has more; who signs in again and again must not fill a disk.
pub(super) const SESSIONS: usize = 100;

/// How many bytes of a long file are read at once.
pub(super) const CHUNK: usize = 128 << 10;

/// As many connections as the descriptor limit of the process leaves room for.
fn affordable_connections() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let descriptors =
        limit.map_or(MOST_CONNECTIONS, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let left = descriptors.saturating_sub(OTHER_DESCRIPTORS).max(descriptors / 2);
    left.clamp(1, MOST_CONNECTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_files() {
        let limits = Limits::default();
        assert!((1..=MOST_CONNECTIONS).contains(&limits.connections));
        assert!(limits.request_line < limits.head_bytes);
        assert!(limits.streams < limits.connections);
    }

    #[test]
    fn what_is_read_whole_can_be_kept() {
        for (mebibytes, longest) in [(1, 64 << 10), (16, 1 << 20), (1024, 1 << 20)] {
            let limits = Limits::default().with_cache(mebibytes << 20);
            assert_eq!((limits.cache_bytes, limits.whole_file), (mebibytes << 20, longest));
        }
    }
}
