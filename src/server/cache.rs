//! Files and their compressed forms, kept in memory by content within a bound.

use std::collections::HashMap;
use std::io;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use lru::LruCache;
use tokio::sync::{OnceCell, Semaphore};

use super::encoding::Encoding;
use crate::site::Digest;

/// What is kept: a file's content in one encoding. As the key says what the bytes are, an entry never grows old.
type Key = (Digest, Encoding);

/// Files and their compressed forms, the least recently used of which make room for new ones.
pub(super) struct ContentCache {
    kept: Mutex<Kept>,
    /// Compression takes whole cores; more at once than there are would only delay everybody.
    workers: Semaphore,
}

struct Kept {
    forms: LruCache<Key, Bytes>,
    /// Forms that one request makes while others wait for it.
    in_making: HashMap<Key, Weak<OnceCell<Bytes>>>,
    bytes: usize,
    capacity: usize,
}

impl ContentCache {
    /// A cache of at most `capacity` bytes.
    pub(super) fn new(capacity: usize) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let (forms, in_making) = (LruCache::unbounded(), HashMap::new());
        let kept = Mutex::new(Kept { forms, in_making, bytes: 0, capacity });
        Self { kept, workers: Semaphore::new(cores) }
    }

    /// The file with this digest, if it is kept.
    pub(super) fn file(&self, digest: Digest) -> Option<Bytes> {
        self.form(digest, Encoding::Identity)
    }

    /// The file with this digest in `encoding`, if that is kept.
    pub(super) fn form(&self, digest: Digest, encoding: Encoding) -> Option<Bytes> {
        self.lock().forms.get(&(digest, encoding)).cloned()
    }

    /// Keeps a file as it is.
    pub(super) fn keep(&self, digest: Digest, bytes: Bytes) {
        self.lock().insert((digest, Encoding::Identity), bytes);
    }

    /// The file of this digest, `bytes`, in `encoding`; made once while it is kept, whoever asks meanwhile waits.
    pub(super) async fn encoded(
        &self,
        digest: Digest,
        encoding: Encoding,
        bytes: &Bytes,
    ) -> io::Result<Bytes> {
        if encoding == Encoding::Identity {
            return Ok(bytes.clone());
        }
        let key = (digest, encoding);
        let form = match self.lock().find(key) {
            Ok(made) => return Ok(made),
            Err(form) => form,
        };
        let made = form.get_or_try_init(|| self.encode(encoding, bytes.clone())).await?;
        self.lock().insert(key, made.clone());
        Ok(made.clone())
    }

    async fn encode(&self, encoding: Encoding, bytes: Bytes) -> io::Result<Bytes> {
        let _worker = self.workers.acquire().await.map_err(io::Error::other)?;
        tokio::task::spawn_blocking(move || encoding.encode(&bytes)).await?
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// The form if it is kept, else where it is being made.
    fn find(&mut self, key: Key) -> Result<Bytes, Arc<OnceCell<Bytes>>> {
        if let Some(made) = self.forms.get(&key) {
            return Ok(made.clone());
        }
        if let Some(form) = self.in_making.get(&key).and_then(Weak::upgrade) {
            return Err(form);
        }
        let form = Arc::default();
        self.in_making.retain(|_, other| other.strong_count() > 0);
        self.in_making.insert(key, Arc::downgrade(&form));
        Err(form)
    }

    fn insert(&mut self, key: Key, form: Bytes) {
        if form.len() > self.capacity {
            return;
        }
        self.bytes += form.len();
        if let Some(same) = self.forms.put(key, form) {
            self.bytes -= same.len();
        }
        while self.bytes > self.capacity {
            let Some((_, oldest)) = self.forms.pop_lru() else { break };
            self.bytes -= oldest.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_used_least_recently_makes_room() {
        let cache = ContentCache::new(25);
        let digests = [b"a", b"b", b"c"].map(|text| Digest::of(text));
        for digest in &digests[..2] {
            cache.keep(*digest, Bytes::from_static(b"ten bytes!"));
        }
        assert!(cache.file(digests[0]).is_some());
        cache.keep(digests[2], Bytes::from_static(b"ten bytes!"));
        assert!(cache.file(digests[0]).is_some());
        assert!(cache.file(digests[1]).is_none());
        assert_eq!(cache.lock().bytes, 20);
    }

    #[test]
    fn what_is_larger_than_the_cache_is_not_kept() {
        let cache = ContentCache::new(4);
        cache.keep(Digest::of(b"x"), Bytes::from_static(b"large"));
        assert!(cache.file(Digest::of(b"x")).is_none());
        assert_eq!(cache.lock().bytes, 0);
    }

    #[tokio::test]
    async fn a_form_is_made_once_for_all_who_ask() {
        let cache = ContentCache::new(1 << 20);
        let text = Bytes::from("again and again ".repeat(1000));
        let digest = Digest::of(&text);
        let (one, other) = tokio::join!(
            cache.encoded(digest, Encoding::Gzip, &text),
            cache.encoded(digest, Encoding::Gzip, &text)
        );
        let (one, other) = (one.unwrap(), other.unwrap());
        assert_eq!(one.as_ptr(), other.as_ptr(), "both have the same bytes in memory");
        let third = cache.encoded(digest, Encoding::Gzip, &text).await.unwrap();
        assert_eq!(one.as_ptr(), third.as_ptr());
        assert_eq!(cache.lock().bytes, one.len());
    }
}
