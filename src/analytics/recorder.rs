//! Accepts events in bounded space, stores them in batches, and answers each once it is durable.

use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use jiff::tz::TimeZone;
use thiserror::Error;
use tokio::sync::{oneshot, watch};

use super::event::Event;
use super::memory::Memory;
use super::policy;
use super::rejection::{Rejection, Rejections};
use super::salt::VisitorIds;
use super::snapshot::Snapshot;
use super::store::{Identity, Store};
use crate::clock::{Clock, Timestamp};

/// How counting was set up.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How visitors are told apart.
    pub visitor_ids: VisitorIds,
    /// The time zone in which a day of [`VisitorIds::Daily`] begins.
    pub zone: TimeZone,
}

impl Default for Settings {
    fn default() -> Self {
        Self { visitor_ids: VisitorIds::default(), zone: TimeZone::UTC }
    }
}

/// Why an event is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NotTaken {
    /// As many events wait as may; later there will be room.
    #[error("the queue of events is full")]
    Full,
    /// The recorder was closed.
    #[error("events are not taken any more")]
    Closed,
}

/// The event was not stored, and will not be; the sender may try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the event could not be stored")]
pub struct NotStored;

/// Resolves once the event is durable, or is known not to be.
#[derive(Debug)]
pub struct Receipt(oneshot::Receiver<()>);

impl Receipt {
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

/// What the thread is told.
enum Message {
    /// Store this. Dropping the sender says that it was not stored.
    Record(Box<Event>, oneshot::Sender<()>),
    /// The clock was set; waits must be measured anew.
    Tick,
    /// Store what is queued, and end.
    Close,
}

/// Accepts events in bounded space and answers each once it is durable; says "full" instead of growing.
pub struct Recorder {
    queue: SyncSender<Message>,
    rejections: Arc<Rejections>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Recorder {
    /// Starts the thread that stores events in `store`.
    pub fn start(
        store: Arc<Store>,
        clock: Arc<dyn Clock>,
        settings: Settings,
    ) -> anyhow::Result<Self> {
        let (queue, messages) = sync_channel(policy::QUEUE);
        let waker = queue.clone();
        // A full queue wakes the thread as well as a tick does.
        clock.on_jump(Box::new(move || drop(waker.try_send(Message::Tick))));
        let memory = store.load(clock.now()).context("cannot read the statistics")?;
        let rejections = Arc::new(Rejections::default());
        rejections.resume(&memory.rejected);
        let first = memory.snapshot(rejections.counts());
        let (publisher, snapshots) = watch::channel(Arc::new(first));
        let swept = clock.now();
        let rejected = memory.rejected.clone();
        let identity = Identity { ids: settings.visitor_ids, zone: settings.zone };
        let rejections_too = Arc::clone(&rejections);
        let writer = Writer {
            store,
            clock,
            identity,
            memory,
            rejections: rejections_too,
            rejected,
            publisher,
            swept,
            outage: None,
        };
        let thread = std::thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || writer.run(&messages))
            .context("cannot start the thread that stores events")?;
        Ok(Self { queue, rejections, snapshots, thread: Mutex::new(Some(thread)) })
    }

    /// Takes an event, or says at once that it cannot.
    pub fn record(&self, event: Event) -> Result<Receipt, NotTaken> {
        let (sender, receiver) = oneshot::channel();
        self.queue.try_send(Message::Record(Box::new(event), sender)).map_err(|failure| {
            match failure {
                TrySendError::Full(_) => NotTaken::Full,
                TrySendError::Disconnected(_) => NotTaken::Closed,
            }
        })?;
        Ok(Receipt(receiver))
    }

    /// Counts an event that was not admitted. It is stored with the next batch or sweep.
    pub fn reject(&self, rejection: Rejection) {
        self.rejections.add(rejection);
    }

    /// How many events were rejected for which reason, up to this moment.
    pub fn rejected(&self) -> Vec<(Rejection, u64)> {
        self.rejections.counts()
    }

    /// The numbers, now and whenever one of them changes. What was answered as durable is in them.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    /// Stores all events that were taken, and ends the thread. Waits; not for a thread that must not.
    pub fn close(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // The queue is only disconnected if the thread has ended already.
            drop(self.queue.send(Message::Close));
            drop(thread.join());
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.close();
    }
}

/// The thread's own.
struct Writer {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    identity: Identity,
    memory: Memory,
    rejections: Arc<Rejections>,
    /// What of `rejections` is stored.
    rejected: Vec<(Rejection, u64)>,
    publisher: watch::Sender<Arc<Snapshot>>,
    swept: Timestamp,
    /// How storing failed, if it did not succeed since.
    outage: Option<Outage>,
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
    const fn begin(now: Timestamp) -> Self {
        Self { tried: now, wait: policy::RETRY }
    }

    fn go_on(self, now: Timestamp) -> Self {
        Self { tried: now, wait: (self.wait * 2).min(policy::RETRY_AT_MOST) }
    }

    fn is_due(self, now: Timestamp) -> bool {
        now.as_millis().abs_diff(self.tried.as_millis()) >= millis(self.wait)
    }
}

/// Events that are stored together, and those who wait for that.
#[derive(Default)]
struct Waiting {
    events: Vec<Event>,
    senders: Vec<oneshot::Sender<()>>,
    is_closing: bool,
}

impl Waiting {
    fn add(&mut self, message: Message) {
        match message {
            Message::Record(event, sender) => {
                self.events.push(*event);
                self.senders.push(sender);
            }
            Message::Tick => {}
            Message::Close => self.is_closing = true,
        }
    }

    /// Takes all that is queued, up to a batch.
    fn drain(&mut self, messages: &Receiver<Message>) {
        while self.events.len() < policy::BATCH
            && let Ok(message) = messages.try_recv()
        {
            self.add(message);
        }
    }
}

impl Writer {
    fn run(mut self, messages: &Receiver<Message>) {
        let mut is_closing = false;
        while !is_closing {
            let mut waiting = Waiting::default();
            match messages.recv_timeout(self.patience()) {
                Ok(message) => waiting.add(message),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            waiting.drain(messages);
            is_closing = waiting.is_closing;
            self.turn(waiting);
        }
        self.finish(messages);
    }

    /// Stores what still came in while closing.
    fn finish(&mut self, messages: &Receiver<Message>) {
        loop {
            let mut waiting = Waiting::default();
            waiting.drain(messages);
            if waiting.events.is_empty() {
                break;
            }
            self.turn(waiting);
        }
        self.sweep(self.clock.now());
    }

    /// Stores a batch, sees who has gone, and publishes; then answers, so that who is answered sees the numbers.
    fn turn(&mut self, mut waiting: Waiting) {
        let now = self.clock.now();
        self.recover(now);
        let is_stored = waiting.events.is_empty() || self.commit(&mut waiting.events, now);
        self.memory.sessions.expire(now);
        if now.as_millis().abs_diff(self.swept.as_millis()) >= millis(policy::SWEEP) {
            self.sweep(now);
        }
        self.publish();
        if is_stored {
            // Whoever does not wait any more does not mind.
            for sender in waiting.senders {
                let _ = sender.send(());
            }
        }
    }

    /// Stores events; says whether they are durable.
    fn commit(&mut self, events: &mut [Event], now: Timestamp) -> bool {
        if self.outage.is_some() {
            return false;
        }
        let counts = self.rejections.counts();
        let rejected = self.news(&counts);
        let stored = self.store.commit(&mut self.memory, events, &self.identity, &rejected);
        self.note(stored, counts, now)
    }

    /// Deletes presence that has ended, if there is any.
    fn sweep(&mut self, now: Timestamp) {
        self.swept = now;
        let counts = self.rejections.counts();
        let news = self.news(&counts);
        let is_needed = self.memory.sessions.take_ended() || !news.is_empty();
        if is_needed && self.outage.is_none() {
            let swept = self.store.sweep(now, &news);
            self.note(swept, counts, now);
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
            Ok(()) => self.rejected = counts,
            Err(failure) => {
                tracing::error!("cannot store events, and refuses them for now: {failure:#}");
                self.outage = Some(Outage::begin(now));
            }
        }
        self.outage.is_none()
    }

    /// After a failure, and a while to wait, opens the database anew and believes only what it has.
    fn recover(&mut self, now: Timestamp) {
        let Some(outage) = self.outage.filter(|outage| outage.is_due(now)) else { return };
        match self.store.reopen().and_then(|()| self.store.load(now)) {
            Ok(memory) => {
                tracing::info!("stores events again");
                self.rejected.clone_from(&memory.rejected);
                self.memory = memory;
                self.outage = None;
            }
            Err(failure) => {
                tracing::warn!("still cannot store events: {failure:#}");
                self.outage = Some(outage.go_on(now));
            }
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
        let due =
            [self.memory.sessions.next_expiry(), retry].into_iter().flatten().fold(sweep, Ord::min);
        // Not less than a millisecond, or what is due but cannot be done would keep the processor busy.
        due.since(self.clock.now()).clamp(Duration::from_millis(1), policy::SWEEP)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
