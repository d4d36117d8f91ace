//! Who looks at the statistics, and what they may see: everybody, the owner, a guest of theirs, or nobody.
//!
//! | file | what it is about |
//! |---|---|
//! | `password` `attempts` | what the owner knows, and how often others may guess |
//! | `sessions` `cookies` | what their browser is given for it |
//! | `share` | what they can send to others |
//! | `private_file` | where these are kept |
//!
//! Nothing is told without a password that the owner has set: there is none to begin with.

mod attempts;
mod cookies;
mod password;
mod private_file;
mod sessions;
mod share;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use blake3::Hash;
use http::HeaderValue;
use http::header::{COOKIE, HeaderMap};
use tokio::sync::Semaphore;

use self::attempts::{Attempt, Attempts};
use self::cookies::{Cookies, Whose};
use self::password::PasswordHash;
pub use self::password::{NewPassword, PasswordFile};
use self::sessions::{Sessions, Ticket, hash_of};
pub use self::share::ShareKey;
use super::limits::PASSWORD_CHECKS;
use super::owner;
use super::report::Viewer;
use super::state::{Handle, Shared};
use crate::analytics::Prefix;
use crate::clock::{Clock, Timestamp};
use crate::config::Access;
use crate::permalink::BaseUrl;

/// How long who finds all these places taken is asked to wait.
const BUSY: Duration = Duration::from_secs(1);

/// What tells the owner from others.
#[derive(Default)]
pub struct Secrets {
    /// The folder of state, where password, sessions and the key of links are.
    pub folder: PathBuf,
    /// The password that the environment says; it wins over the one in the folder.
    pub password: Option<NewPassword>,
}

/// Decides who is the owner, and who their guest.
pub(super) struct Gate {
    /// The password that the environment says.
    environment: Option<PasswordHash>,
    file: PasswordFile,
    share: ShareKey,
    sessions: Mutex<Sessions>,
    attempts: Mutex<Attempts>,
    checks: Arc<Semaphore>,
    clock: Arc<dyn Clock>,
}

/// Who looks, as far as keys and cookies tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looker {
    /// Anybody.
    Stranger,
    /// Who came by a link that the owner has sent.
    Guest,
    /// Who has given the password.
    Owner,
    /// A command on the machine of the server.
    Command,
}

/// Whom the statistics are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    /// Everybody.
    Everybody,
    /// Who signs in, and their guests.
    Invited,
    /// Nobody.
    Nobody,
}

/// Why somebody is not told anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denial {
    /// They have to sign in.
    SignIn,
    /// There is nothing.
    Hidden,
}

/// What a request is a sign of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// Somebody is here.
    Visit,
    /// A tab is open somewhere.
    OpenTab,
}

/// What came of an attempt to sign in.
#[derive(Debug)]
pub(super) enum Attempted {
    /// This is set in the browser.
    SignedIn(HeaderValue),
    /// It is not the password.
    Wrong,
    /// There is no password.
    NoPassword,
    /// There were too many attempts; the next may be made after this time.
    TooMany(Duration),
    /// A file could not be read or written.
    Failed,
}

/// What a browser shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Shown {
    tickets: Vec<Hash>,
    guests: Vec<String>,
}

impl Shown {
    /// What the cookies of a request have in them.
    pub(super) fn of(headers: &HeaderMap, base: &BaseUrl) -> Self {
        let cookies = Cookies(base);
        Self {
            tickets: cookies.values(Whose::Owner, headers).map(hash_of).collect(),
            guests: cookies.values(Whose::Guest, headers).map(str::to_owned).collect(),
        }
    }
}

impl Gate {
    pub(super) fn new(secrets: &Secrets, clock: Arc<dyn Clock>) -> Self {
        let sessions = Sessions::open(&secrets.folder);
        Self {
            environment: secrets.password.as_ref().and_then(|given| environment(given, &sessions)),
            file: PasswordFile::in_folder(&secrets.folder),
            share: ShareKey::in_folder(&secrets.folder),
            sessions: Mutex::new(sessions),
            attempts: Mutex::default(),
            checks: Arc::new(Semaphore::new(PASSWORD_CHECKS)),
            clock,
        }
    }

    /// Whether there is a password; not for an async thread.
    pub(super) fn has_password(&self) -> bool {
        matches!(self.password(), Ok(Some(_)))
    }

    /// The password as it is now: another process may have set it since.
    fn password(&self) -> std::io::Result<Option<PasswordHash>> {
        if self.environment.is_some() {
            return Ok(self.environment.clone());
        }
        self.file.read().inspect_err(|error| tracing::error!("nobody can sign in: {error}"))
    }

    /// Who shows this; not for an async thread.
    fn recognize(&self, shown: &Shown, sign: Sign) -> Looker {
        let now = self.clock.now();
        let known = self.known(shown, now);
        // Most cookies that are not ours any more need no look at the disk.
        if known.is_none() && shown.guests.is_empty() {
            return Looker::Stranger;
        }
        let Ok(password) = self.password() else { return Looker::Stranger };
        if let Some(hash) = known
            && self.is_still(hash, password.as_ref(), now)
        {
            if sign == Sign::Visit {
                warn(self.sessions().see(hash, now));
            }
            return Looker::Owner;
        }
        let is_guest = |token: &String| self.share.is_guest(token, now, password.as_ref());
        if shown.guests.iter().any(is_guest) { Looker::Guest } else { Looker::Stranger }
    }

    fn known(&self, shown: &Shown, now: Timestamp) -> Option<Hash> {
        let sessions = self.sessions();
        shown.tickets.iter().find(|hash| sessions.has(**hash, now)).copied()
    }

    fn is_still(&self, hash: Hash, password: Option<&PasswordHash>, now: Timestamp) -> bool {
        let mut sessions = self.sessions();
        warn(sessions.end_unless_of(password));
        sessions.has(hash, now)
    }

    /// Signs in who knows the password; not for an async thread.
    fn check(&self, text: &str, shown: &Shown, attempt: Attempt) -> anyhow::Result<Option<Ticket>> {
        let password = self.password()?;
        let is_right = password::is_right(text, password.as_ref());
        let Some(password) = password.filter(|_| is_right) else { return Ok(None) };
        self.attempts().forgive(attempt);
        let mut sessions = self.sessions();
        warn(sessions.end(&shown.tickets));
        sessions.begin(&password, self.clock.now()).map(Some)
    }

    /// Ends the sessions of who shows this, or all of them; not for an async thread.
    pub(super) fn sign_out(&self, shown: &Shown, everywhere: bool) -> std::io::Result<()> {
        let is_owner = self.recognize(shown, Sign::OpenTab) == Looker::Owner;
        match (is_owner, everywhere) {
            (false, _) => Ok(()),
            (true, false) => self.sessions().end(&shown.tickets),
            (true, true) => self.sessions().end_all(),
        }
    }

    /// What makes a guest of who has a link with this `token` in it; not for an async thread.
    pub(super) fn welcome(&self, token: &str, base: &BaseUrl) -> Option<HeaderValue> {
        let now = self.clock.now();
        let end = self.share.end_of_link(token, now)?;
        let guest = self.share.admit(end, self.password().ok()?.as_ref())?;
        Some(Cookies(base).set(Whose::Guest, &guest, end.since(now)))
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn attempts(&self) -> MutexGuard<'_, Attempts> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The hash of the password that the environment says: the one that sessions began with, if it is still the same, so
/// that these outlive a restart.
fn environment(given: &NewPassword, sessions: &Sessions) -> Option<PasswordHash> {
    let before = sessions.password().filter(|before| given.is_of(before));
    let hash = before.map_or_else(|| PasswordHash::of(given), |before| Ok(before.clone()));
    hash.inspect_err(|error| tracing::error!("nobody can sign in: {error:#}")).ok()
}

/// What could not be written is known in memory; after a restart it is not.
fn warn(written: std::io::Result<()>) {
    if let Err(error) = written {
        tracing::warn!("who is signed in cannot be written down: {error}");
    }
}

impl Shared {
    /// Whom the statistics are for: what the settings said when the server began, and what those of the site say now,
    /// whichever is fewer.
    pub(super) fn audience(&self) -> Audience {
        let site = self.site();
        let identity = site.identity();
        match self.stats.access {
            _ if !identity.shows_stats => Audience::Nobody,
            Access::Off => Audience::Nobody,
            Access::Private => Audience::Invited,
            Access::Public if identity.private_stats => Audience::Invited,
            Access::Public => Audience::Everybody,
        }
    }
}

/// Who asks.
pub(super) async fn looker(state: &Handle, headers: &HeaderMap, sign: Sign) -> Looker {
    if owner::knows_key(state, headers) {
        return Looker::Command;
    }
    if !headers.contains_key(COOKIE) {
        return Looker::Stranger;
    }
    let shown = Shown::of(headers, &state.site().identity().base);
    if shown == Shown::default() {
        return Looker::Stranger;
    }
    let state = state.clone();
    let recognized = tokio::task::spawn_blocking(move || state.gate.recognize(&shown, sign));
    recognized.await.unwrap_or(Looker::Stranger)
}

/// What who asks may see.
pub(super) async fn viewer(
    state: &Handle,
    headers: &HeaderMap,
    sign: Sign,
) -> Result<Viewer, Denial> {
    viewer_of(state, looker(state, headers, sign).await)
}

/// What `looker` may see.
pub(super) fn viewer_of(state: &Handle, looker: Looker) -> Result<Viewer, Denial> {
    match (looker, state.audience()) {
        (Looker::Command, _) => Ok(Viewer::Owner),
        (_, Audience::Nobody) => Err(Denial::Hidden),
        (Looker::Owner, _) => Ok(Viewer::Owner),
        (_, Audience::Everybody) | (Looker::Guest, Audience::Invited) => Ok(Viewer::Public),
        (Looker::Stranger, Audience::Invited) => Err(Denial::SignIn),
    }
}

/// Signs in who knows the password, and shows `shown` so far.
pub(super) async fn sign_in(
    state: &Handle,
    from: IpAddr,
    password: String,
    shown: Shown,
) -> Attempted {
    let gate = &state.gate;
    let attempt = match gate.attempts().begin(Prefix::of(from), gate.clock.now()) {
        Ok(attempt) => attempt,
        Err(wait) => return Attempted::TooMany(wait),
    };
    let Ok(place) = Arc::clone(&gate.checks).try_acquire_owned() else {
        gate.attempts().forgive(attempt);
        return Attempted::TooMany(BUSY);
    };
    let handle = state.clone();
    let checked = tokio::task::spawn_blocking(move || {
        // Given back when it is checked, even if who asked is gone by then.
        let _place = place;
        let ticket = handle.gate.check(&password, &shown, attempt)?;
        anyhow::Ok((ticket, handle.gate.has_password()))
    });
    match checked.await.map_err(anyhow::Error::from).flatten() {
        Ok((Some(ticket), _)) => {
            let site = state.site();
            let cookies = Cookies(&site.identity().base);
            let set = cookies.set(Whose::Owner, ticket.as_str(), sessions::LONGEST);
            Attempted::SignedIn(set)
        }
        Ok((None, true)) => Attempted::Wrong,
        Ok((None, false)) => Attempted::NoPassword,
        Err(failure) => {
            tracing::error!("nobody can sign in: {failure:#}");
            Attempted::Failed
        }
    }
}

/// What takes the owner's cookie out of a browser.
pub(super) fn forget(base: &BaseUrl) -> HeaderValue {
    Cookies(base).set(Whose::Owner, "", Duration::ZERO)
}

/// Whether a request may be the owner's: a look at its cookies, and at nothing else.
pub(super) fn may_be_of_owner(headers: &HeaderMap) -> bool {
    let mut cookies = headers.get_all(COOKIE).iter();
    cookies.any(|line| cookies::may_be_of_owner(line.as_bytes()))
}

pub(super) use cookies::may_be_of_owner as may_have_owners_cookie;
