//! The thread that stores events in batches, and publishes what they add up to.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use tokio::sync::watch;

use super::event::Event;
use super::memory::Memory;
use super::policy;
use super::receipt::{Teller, Waiter};
use super::rejection::{Rejection, Rejections};
use super::served::Served;
use super::snapshot::Snapshot;
use super::store::{Identity, More, Progress, Store};
use crate::clock::{Clock, Timestamp};

/// What the thread is told.
pub(super) enum Message {
    /// Store this, and tell who waits for that.
    Record(Box<Event>, Waiter),
    /// Store that the server answered these.
    Served(Vec<Served>),
    /// The clock was set; waits must be measured anew.
    Tick,
    /// Store what is queued, and end.
    Close,
}

/// Stores what is queued; lives on a thread of its own.
pub(super) struct Writer {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    identity: Identity,
    memory: Memory,
    rejections: Arc<Rejections>,
    /// What of `rejections` is stored.
    rejected: Vec<(Rejection, u64)>,
    publisher: watch::Sender<Arc<Snapshot>>,
    teller: Teller,
    swept: Timestamp,
    /// What the clock said at the sweep before.
    reading: Timestamp,
    /// How long single views may be kept; none if for ever.
    retention: Option<Duration>,
    progress: Progress,
    /// When all of the database was last checked.
    checked: Timestamp,
    /// How storing failed, if the database was not opened anew since.
    outage: Option<Outage>,
    /// How long nothing is tried after the next failure.
    wait: Duration,
    /// When a failure was told last.
    told: Option<Timestamp>,
    is_closing: bool,
}

/// A failure to store, until it is over.
#[derive(Debug, Clone, Copy)]
struct Outage {
    /// When storing was last tried.
    tried: Timestamp,
    /// How long to wait before it is tried again.
    wait: Duration,
}

impl Outage {
    fn is_due(self, now: Timestamp) -> bool {
        now.as_millis().abs_diff(self.tried.as_millis()) >= millis(self.wait)
    }
}

/// Events that are stored together, and those who wait for that.
#[derive(Default)]
struct Waiting {
    events: Vec<Event>,
    waiters: Vec<Waiter>,
    served: Vec<Served>,
    is_closing: bool,
}

impl Waiting {
    fn add(&mut self, message: Message) {
        match message {
            Message::Record(event, waiter) => {
                self.events.push(*event);
                self.waiters.push(waiter);
            }
            Message::Served(served) => self.served.extend(served),
            Message::Tick => {}
            Message::Close => self.is_closing = true,
        }
    }

    fn is_empty(&self) -> bool {
        self.events.is_empty() && self.served.is_empty()
    }

    /// Takes all that is queued, up to a batch.
    fn drain(&mut self, messages: &Receiver<Message>) {
        while self.events.len() + self.served.len() < policy::BATCH
            && let Ok(message) = messages.try_recv()
        {
            self.add(message);
        }
    }
}

impl Writer {
    /// Takes up where the database left off; where its snapshots are to be seen.
    pub(super) fn new(
        store: Arc<Store>,
        clock: Arc<dyn Clock>,
        identity: Identity,
        rejections: Arc<Rejections>,
        retention: Option<Duration>,
    ) -> anyhow::Result<(Self, watch::Receiver<Arc<Snapshot>>)> {
        let swept = clock.now();
        // Tried again at once, on the thread that may wait.
        let soon = Outage { tried: swept, wait: Duration::ZERO };
        let (memory, outage) = match load(&store, &identity, swept) {
            Ok(memory) => (Some(memory), store.is_frozen().then_some(soon)),
            Err(_) if store.is_host() => (None, Some(soon)),
            Err(failure) => return Err(failure),
        };
        let is_unavailable = memory.is_none();
        let memory = memory.unwrap_or_default();
        rejections.resume(&memory.rejected);
        let rejected = memory.rejected.clone();
        let snapshot = if is_unavailable {
            Snapshot::unavailable()
        } else {
            Snapshot { degraded: outage.is_some(), ..memory.snapshot(rejections.counts()) }
        };
        let (publisher, snapshots) = watch::channel(Arc::new(snapshot));
        let writer = Self {
            store,
            clock,
            identity,
            memory,
            rejections,
            rejected,
            publisher,
            teller: Teller::default(),
            swept,
            reading: swept,
            retention,
            progress: Progress::default(),
            // Due as soon as nobody reads; whether it was checked when it was opened is not known here.
            checked: swept - policy::CHECK,
            outage,
            wait: policy::RETRY,
            // The store has told why it could not be opened.
            told: outage.map(|_| swept),
            is_closing: false,
        };
        Ok((writer, snapshots))
    }

    /// Who tells those who wait for their events.
    pub(super) fn teller(&self) -> Teller {
        self.teller.clone()
    }

    /// Works until told to end. A bug that panics is an outage: what it was about was not stored, memory is
    /// loaded anew, and work goes on, the later the more often it happens.
    pub(super) fn run(mut self, messages: &Receiver<Message>) {
        let mut wait = Duration::ZERO;
        while std::panic::catch_unwind(AssertUnwindSafe(|| self.work(messages))).is_err() {
            tracing::error!("the thread that stores events has panicked, and starts anew");
            std::thread::park_timeout(wait);
            wait = (wait * 2).clamp(policy::RETRY / 10, policy::RETRY_AT_MOST);
            // What is in memory may not have been stored; what was is read at once.
            self.outage = Some(Outage { tried: Timestamp::default(), wait: Duration::ZERO });
        }
    }

    fn work(&mut self, messages: &Receiver<Message>) {
        self.survey();
        while !self.is_closing {
            let mut waiting = Waiting::default();
            match messages.recv_timeout(self.patience()) {
                Ok(message) => {
                    waiting.add(message);
                    // Those who are about to send more do so first, if this thread has their core.
                    std::thread::yield_now();
                    waiting.drain(messages);
                }
                Err(RecvTimeoutError::Timeout) => self.merge_on(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.is_closing |= waiting.is_closing;
            self.turn(waiting);
        }
        self.finish(messages);
    }

    /// Learns which ids the database has, unless that is known.
    fn survey(&mut self) {
        if self.memory.seen.is_none() && self.outage.is_none() && !self.is_closing {
            // What it is not known to have is looked up.
            self.memory.seen = self.store.seen(&self.memory.journal).unwrap_or_default();
        }
    }

    /// Goes on with merging, since nobody waits.
    fn merge_on(&mut self) {
        if self.memory.journal.is_half_merged() && self.outage.is_none() {
            let merged = self.store.merge_some(&mut self.memory);
            self.note(merged, self.rejected.clone(), self.clock.now());
        }
    }

    /// Stores what still came in while closing.
    fn finish(&mut self, messages: &Receiver<Message>) {
        loop {
            let mut waiting = Waiting::default();
            waiting.drain(messages);
            if waiting.is_empty() {
                break;
            }
            self.turn(waiting);
        }
        let now = self.clock.now();
        if self.outage.is_none() {
            let merged = self.store.merge(&mut self.memory);
            self.note(merged, self.rejected.clone(), now);
        }
        self.sweep(now);
    }

    /// Stores a batch, sees who has gone, and publishes; then answers, so that who is answered sees the numbers.
    fn turn(&mut self, mut waiting: Waiting) {
        let now = self.clock.now();
        self.recover(now);
        let is_stored = waiting.is_empty() || self.commit(&mut waiting, now);
        self.memory.sessions.expire(now);
        if now.as_millis().abs_diff(self.swept.as_millis()) >= millis(policy::SWEEP) {
            self.sweep(now);
        }
        self.publish();
        if is_stored {
            self.teller.tell(waiting.waiters);
        }
        self.check(now);
    }

    /// Stores events; says whether they are durable.
    fn commit(&mut self, waiting: &mut Waiting, now: Timestamp) -> bool {
        if self.outage.is_some() {
            return false;
        }
        let counts = self.rejections.counts();
        let rejected = self.news(&counts);
        let more = More { rejected: &rejected, served: &waiting.served };
        let events = &mut waiting.events;
        let stored = self.store.commit(&mut self.memory, events, &self.identity, more);
        self.note(stored, counts, now)
    }

    /// Deletes presence that has ended, if there is any.
    fn sweep(&mut self, now: Timestamp) {
        self.swept = now;
        let counts = self.rejections.counts();
        let news = self.news(&counts);
        let is_needed = self.memory.sessions.take_ended()
            || self.memory.sessions.has_unwritten()
            || !self.memory.journal.is_empty()
            || !news.is_empty();
        if is_needed && self.outage.is_none() {
            let swept = self.store.sweep(&mut self.memory, now, &news);
            self.note(swept, counts, now);
        }
        self.tidy(now);
        self.survey();
    }

    /// Checks all of the database when it is time and nobody reads; a day later in any case.
    fn check(&mut self, now: Timestamp) {
        let past = now.as_millis().abs_diff(self.checked.as_millis());
        let is_quiet = self.memory.sessions.active() == 0;
        let is_due = past >= millis(policy::CHECK) && is_quiet || past >= millis(policy::CHECK * 2);
        if !is_due || self.is_closing || self.outage.is_some() {
            return;
        }
        self.checked = now;
        if let Err(failure) = self.store.check() {
            tracing::error!("{failure:#}");
            self.outage = Some(Outage { tried: now, wait: Duration::ZERO });
        }
    }

    /// Packs and forgets what is old, unless the clock has jumped since the last sweep.
    fn tidy(&mut self, now: Timestamp) {
        let before = std::mem::replace(&mut self.reading, now);
        let is_steady = before <= now && now.since(before) <= policy::STEADY;
        if is_steady && self.outage.is_none() {
            let calendar = &self.identity.calendar;
            let tidied = self.store.tidy(now, self.retention, calendar, &mut self.progress);
            self.note(tidied, self.rejected.clone(), now);
        }
    }

    /// The rejections that are not stored yet.
    fn news(&self, counts: &[(Rejection, u64)]) -> Vec<(Rejection, u64)> {
        counts.iter().filter(|count| !self.rejected.contains(count)).copied().collect()
    }

    /// Takes note of how a write went; says whether it is durable.
    fn note(
        &mut self,
        result: anyhow::Result<()>,
        counts: Vec<(Rejection, u64)>,
        now: Timestamp,
    ) -> bool {
        match result {
            Ok(()) => {
                self.rejected = counts;
                self.wait = policy::RETRY;
            }
            Err(failure) => self.fail(&failure, now),
        }
        self.outage.is_none()
    }

    /// Stores nothing for a while, which is the longer the more often it fails. That is told, but not each time.
    fn fail(&mut self, failure: &anyhow::Error, now: Timestamp) {
        self.outage = Some(Outage { tried: now, wait: self.wait });
        self.wait = (self.wait * 2).min(policy::RETRY_AT_MOST);
        let is_news =
            |told: Timestamp| told.as_millis().abs_diff(now.as_millis()) >= millis(policy::TOLD);
        if self.told.is_none_or(is_news) {
            self.told = Some(now);
            tracing::error!("cannot store events, and refuses them for now: {failure:#}");
        }
    }

    /// After a failure, and a while to wait, opens the database anew and believes only what it has.
    fn recover(&mut self, now: Timestamp) {
        if !self.outage.is_some_and(|outage| outage.is_due(now)) {
            return;
        }
        // To be open is not enough: what cannot be written to is not mended.
        let opened = self.store.reopen(now).and_then(|()| {
            let mut memory = load(&self.store, &self.identity, now)?;
            let rejected = memory.rejected.clone();
            self.store.sweep(&mut memory, now, &rejected)?;
            Ok(memory)
        });
        match opened {
            Ok(memory) => {
                tracing::info!("stores events");
                if self.publisher.borrow().unavailable {
                    self.rejections.resume(&memory.rejected);
                }
                self.rejected.clone_from(&memory.rejected);
                self.memory = memory;
                self.checked = now;
                self.outage = None;
            }
            Err(failure) => {
                self.fail(&failure, now);
                self.tell_what_is_frozen(now);
            }
        }
    }

    /// Publishes what a file has that can be read and not written to, if nothing is known yet.
    fn tell_what_is_frozen(&mut self, now: Timestamp) {
        if !self.publisher.borrow().unavailable || !self.store.is_frozen() {
            return;
        }
        if let Ok(memory) = load(&self.store, &self.identity, now) {
            self.rejections.resume(&memory.rejected);
            self.rejected.clone_from(&memory.rejected);
            let numbers = memory.snapshot(self.rejections.counts());
            self.publisher.send_replace(Arc::new(Snapshot { degraded: true, ..numbers }));
            self.memory = memory;
        }
    }

    fn publish(&self) {
        let mut snapshot = self.memory.snapshot(self.rejections.counts());
        if self.outage.is_some() {
            // What is in memory may not have been stored.
            snapshot = self.publisher.borrow().during_outage(snapshot);
        }
        self.publisher.send_if_modified(|current| {
            let is_new = **current != snapshot;
            if is_new {
                *current = Arc::new(snapshot);
            }
            is_new
        });
    }

    /// How long to wait for events: until something is to be done without one.
    fn patience(&self) -> Duration {
        let sweep = self.swept + policy::SWEEP;
        let retry = self.outage.map(|outage| outage.tried + outage.wait);
        let now = self.clock.now();
        let merge = self.memory.journal.is_half_merged().then(|| now + policy::MERGE_ON);
        let due = [self.memory.sessions.next_expiry(), retry, merge];
        let due = due.into_iter().flatten().fold(sweep, Ord::min);
        // Not less than a millisecond, or what is due but cannot be done would keep the processor busy.
        due.since(now).clamp(Duration::from_millis(1), policy::SWEEP)
    }
}

/// What is kept in memory, with days as the settings have them.
fn load(store: &Store, identity: &Identity, now: Timestamp) -> anyhow::Result<Memory> {
    store.settle(&identity.calendar)?;
    store.load(now)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analytics::calendar::Calendar;
    use crate::analytics::id::VisitorId;
    use crate::analytics::salt::VisitorIds;
    use crate::analytics::samples::{at, view};
    use crate::clock::FixedClock;
    use jiff::tz::TimeZone;

    #[test]
    fn what_a_sweep_has_begun_to_merge_is_merged_while_nobody_sends_anything() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let store = Arc::new(Store::open(file.path()).unwrap());
        let calendar = Calendar::new(TimeZone::UTC);
        let identity = Identity { ids: VisitorIds::Persistent, calendar };
        let clock = Arc::new(FixedClock::at(at(0)));
        let (mut writer, _snapshots) =
            Writer::new(store, clock, identity, Arc::default(), None).unwrap();
        // Each notes an entry in each of three tables: more than two parts, less than three.
        let views = (0..policy::MERGED_AT_ONCE as u64 * 3 / 4 + 100).map(|number| {
            let id = VisitorId::from_bytes(u128::from(number + 1).to_be_bytes());
            Event { visitor: Some(id), ..view(number, 0, "/a/", 0) }
        });
        writer.turn(Waiting { events: views.collect(), ..Waiting::default() });
        assert!(writer.patience() > policy::MERGE_ON, "nothing is merged yet");
        writer.sweep(at(0));
        for _ in 0..2 {
            assert!(writer.memory.journal.is_half_merged());
            assert_eq!(writer.patience(), policy::MERGE_ON);
            assert!(writer.outage.is_none());
            writer.merge_on();
        }
        assert!(!writer.memory.journal.is_half_merged());
        assert!(writer.memory.journal.is_empty());
        assert!(writer.patience() > policy::MERGE_ON);
    }
}
