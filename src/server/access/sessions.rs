//! Who has signed in: by the hash of what their browser shows, until they sign out, stay away, or the password changes.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use blake3::Hash;
use serde::{Deserialize, Serialize};

use super::password::PasswordHash;
use super::private_file;
use crate::clock::Timestamp;
use crate::server::limits::SESSIONS;

/// The file of sessions, in the folder of state.
const NAME: &str = "sessions.json";

/// Who has not come for so long has to sign in again.
const IDLE: Duration = Duration::from_hours(7 * 24);

/// And everybody has to after this time.
pub(super) const LONGEST: Duration = Duration::from_hours(30 * 24);

/// When a session was last seen is written only if it is later than what is written by this.
const PRECISION: Duration = Duration::from_hours(1);

/// What a browser shows: 256 random bits, which are kept nowhere else.
#[derive(Debug)]
pub(super) struct Ticket(String);

impl Ticket {
    fn random() -> anyhow::Result<Self> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(Hash::from_bytes(bytes).to_hex().to_string()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What stands for a ticket here: who reads it cannot sign in with it.
pub(super) fn hash_of(ticket: &str) -> Hash {
    blake3::hash(ticket.as_bytes())
}

/// A session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Session {
    began: Timestamp,
    seen: Timestamp,
    /// What is written of when it was seen.
    written: Timestamp,
}

impl Session {
    fn has_ended(&self, now: Timestamp) -> bool {
        now.since(self.seen) >= IDLE || now.since(self.began) >= LONGEST
    }
}

/// Everybody who is signed in.
#[derive(Debug)]
pub(super) struct Sessions {
    path: PathBuf,
    /// The password that they have signed in with.
    password: Option<PasswordHash>,
    by_hash: HashMap<Hash, Session>,
}

/// The file.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Written {
    /// The hash of the password that they have signed in with.
    password: Option<String>,
    sessions: Vec<WrittenSession>,
}

#[derive(Debug, Serialize, Deserialize)]
struct WrittenSession {
    hash: String,
    began: Timestamp,
    seen: Timestamp,
}

impl Sessions {
    /// Those that were written down in `folder`.
    pub(super) fn open(folder: &Path) -> Self {
        let path = folder.join(NAME);
        let written = read(&path).unwrap_or_else(|error| {
            tracing::warn!(
                "everybody has to sign in again, as `{}` cannot be read: {error}",
                path.display()
            );
            Written::default()
        });
        let session = |written: &WrittenSession| {
            let WrittenSession { began, seen, .. } = *written;
            Some((Hash::from_hex(&written.hash).ok()?, Session { began, seen, written: seen }))
        };
        Self {
            path,
            password: written.password.as_deref().map(PasswordHash::from_text),
            by_hash: written.sessions.iter().filter_map(session).collect(),
        }
    }

    /// The password that they have signed in with.
    pub(super) fn password(&self) -> Option<&PasswordHash> {
        self.password.as_ref()
    }

    /// Begins a session of somebody who has given this `password`.
    pub(super) fn begin(
        &mut self,
        password: &PasswordHash,
        now: Timestamp,
    ) -> anyhow::Result<Ticket> {
        let ticket = Ticket::random()?;
        self.keep_those_of(password);
        self.by_hash.retain(|_, session| !session.has_ended(now));
        // Of too many, the one that was seen least recently ends.
        if self.by_hash.len() >= SESSIONS {
            let oldest = self.by_hash.iter().min_by_key(|(_, session)| session.seen);
            let oldest = oldest.map(|(hash, _)| *hash);
            oldest.and_then(|hash| self.by_hash.remove(&hash));
        }
        let session = Session { began: now, seen: now, written: now };
        self.by_hash.insert(hash_of(ticket.as_str()), session);
        self.save()?;
        Ok(ticket)
    }

    /// Whether there is a session by the name of `hash` that has not ended at `now`.
    pub(super) fn has(&self, hash: Hash, now: Timestamp) -> bool {
        self.by_hash.get(&hash).is_some_and(|session| !session.has_ended(now))
    }

    /// Notes that somebody was seen at `now`.
    pub(super) fn see(&mut self, hash: Hash, now: Timestamp) -> io::Result<()> {
        let Some(session) = self.by_hash.get_mut(&hash) else { return Ok(()) };
        session.seen = now;
        if now.since(session.written) < PRECISION {
            return Ok(());
        }
        session.written = now;
        self.save()
    }

    /// Ends every session that did not begin with `password`, if there are any.
    pub(super) fn end_unless_of(&mut self, password: Option<&PasswordHash>) -> io::Result<()> {
        if self.by_hash.is_empty() || self.password() == password {
            return Ok(());
        }
        self.by_hash.clear();
        self.save()
    }

    /// Ends the sessions by these names.
    pub(super) fn end(&mut self, hashes: &[Hash]) -> io::Result<()> {
        self.by_hash.retain(|hash, _| !hashes.contains(hash));
        self.save()
    }

    /// Ends every session.
    pub(super) fn end_all(&mut self) -> io::Result<()> {
        self.by_hash.clear();
        self.save()
    }

    fn keep_those_of(&mut self, password: &PasswordHash) {
        if self.password.as_ref() != Some(password) {
            self.by_hash.clear();
            self.password = Some(password.clone());
        }
    }

    fn save(&self) -> io::Result<()> {
        let session = |(hash, session): (&Hash, &Session)| WrittenSession {
            hash: hash.to_hex().to_string(),
            began: session.began,
            seen: session.seen,
        };
        let written = Written {
            password: self.password.as_ref().map(|hash| hash.as_str().to_owned()),
            sessions: self.by_hash.iter().map(session).collect(),
        };
        private_file::write(&self.path, &serde_json::to_string(&written)?)
    }
}

fn read(path: &Path) -> io::Result<Written> {
    let Some(text) = private_file::read(path)? else { return Ok(Written::default()) };
    Ok(serde_json::from_str(&text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 3600 * 1000;

    fn day(days: i64) -> Timestamp {
        Timestamp::from_millis(days * DAY)
    }

    fn password(text: &str) -> PasswordHash {
        PasswordHash::from_text(text)
    }

    #[test]
    fn who_stays_away_for_a_week_has_to_sign_in_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut sessions = Sessions::open(folder.path());
        let ticket = sessions.begin(&password("p"), day(0)).unwrap();
        let hash = hash_of(ticket.as_str());
        assert_eq!(ticket.as_str().len(), 64);
        for days in [6, 12, 18, 24, 29] {
            assert!(sessions.has(hash, day(days)), "{days}");
            sessions.see(hash, day(days)).unwrap();
        }
        assert!(!sessions.has(hash, day(30)), "not for ever, however often they come");
        let other = hash_of(sessions.begin(&password("p"), day(30)).unwrap().as_str());
        let (before, after) = (Timestamp::from_millis(37 * DAY - 1), day(37));
        assert!(sessions.has(other, before) && !sessions.has(other, after));
    }

    #[test]
    fn sessions_survive_a_restart_and_are_written_hashed() {
        let folder = tempfile::tempdir().unwrap();
        let mut sessions = Sessions::open(folder.path());
        let ticket = sessions.begin(&password("p"), day(0)).unwrap();
        let hash = hash_of(ticket.as_str());
        sessions.see(hash, day(5)).unwrap();
        let text = std::fs::read_to_string(folder.path().join(NAME)).unwrap();
        assert!(!text.contains(ticket.as_str()) && text.contains(hash.to_hex().as_str()), "{text}");
        let mut sessions = Sessions::open(folder.path());
        assert!(sessions.has(hash, day(11)), "it was seen on the fifth day");
        assert_eq!(sessions.password(), Some(&password("p")));
        sessions.end(&[hash]).unwrap();
        assert!(!Sessions::open(folder.path()).has(hash, day(5)));
        std::fs::write(folder.path().join(NAME), "{").unwrap();
        assert!(!Sessions::open(folder.path()).has(hash, day(5)), "nobody, if it is unreadable");
    }

    #[test]
    fn another_password_ends_them_all() {
        let folder = tempfile::tempdir().unwrap();
        let mut sessions = Sessions::open(folder.path());
        let one = hash_of(sessions.begin(&password("p"), day(0)).unwrap().as_str());
        sessions.end_unless_of(Some(&password("p"))).unwrap();
        assert!(sessions.has(one, day(0)));
        let two = hash_of(sessions.begin(&password("q"), day(0)).unwrap().as_str());
        assert!(!sessions.has(one, day(0)) && sessions.has(two, day(0)));
        sessions.end_unless_of(None).unwrap();
        assert!(!sessions.has(two, day(0)));
    }

    #[test]
    fn there_are_never_more_than_a_hundred() {
        let folder = tempfile::tempdir().unwrap();
        let mut sessions = Sessions::open(folder.path());
        let mut begin = |at| hash_of(sessions.begin(&password("p"), at).unwrap().as_str());
        let first = begin(Timestamp::from_millis(0));
        let rest: Vec<Hash> = (1..=100).map(|at| begin(Timestamp::from_millis(at))).collect();
        let now = Timestamp::from_millis(200);
        assert!(!sessions.has(first, now));
        assert!(rest.iter().all(|hash| sessions.has(*hash, now)));
    }
}
