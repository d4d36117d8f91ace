//! Accepts events in bounded space, stores them in batches, and answers each once it is durable.

use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use jiff::tz::TimeZone;
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::calendar::Calendar;
use super::event::Event;
use super::policy;
use super::receipt::{Receipt, Teller};
use super::rejection::{Rejection, Rejections};
use super::salt::VisitorIds;
use super::served::Served;
use super::snapshot::Snapshot;
use super::store::{Identity, Store};
use super::writer::{Message, Writer};
use crate::clock::Clock;

/// How counting was set up.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How visitors are told apart.
    pub visitor_ids: VisitorIds,
    /// The time zone in which days begin.
    pub zone: TimeZone,
    /// How long single views and ids of visitors may be kept; none if for ever. Totals stay in any case.
    pub retention: Option<Duration>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { visitor_ids: VisitorIds::default(), zone: TimeZone::UTC, retention: None }
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

/// Accepts events in bounded space and answers each once it is durable; says "full" instead of growing.
pub struct Recorder {
    queue: SyncSender<Message>,
    rejections: Arc<Rejections>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    teller: Teller,
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
        let rejections = Arc::new(Rejections::default());
        let identity =
            Identity { ids: settings.visitor_ids, calendar: Calendar::new(settings.zone) };
        let (writer, snapshots) =
            Writer::new(store, clock, identity, Arc::clone(&rejections), settings.retention)
                .context("cannot read the statistics")?;
        let teller = writer.teller();
        let thread = std::thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || writer.run(&messages))
            .context("cannot start the thread that stores events")?;
        Ok(Self { queue, rejections, snapshots, teller, thread: Mutex::new(Some(thread)) })
    }

    /// Takes an event, or says at once that it cannot.
    pub fn record(&self, event: Event) -> Result<Receipt, NotTaken> {
        let (waiter, receipt) = Receipt::new();
        let message = Message::Record(Box::new(event), waiter);
        self.queue.try_send(message).map_err(|failure| not_taken(&failure))?;
        Ok(receipt)
    }

    /// Has receipts resolved by tasks of this runtime, which is where they are waited for.
    pub fn tell_on(&self, runtime: Handle) {
        self.teller.tell_on(runtime);
    }

    /// Counts pages that the server itself has answered. They are stored with the next batch; those that cannot
    /// be stored then are lost, as they say nothing about anybody.
    pub fn serve(&self, served: Vec<Served>) -> Result<(), NotTaken> {
        self.queue.try_send(Message::Served(served)).map_err(|failure| not_taken(&failure))
    }

    /// Counts an event that was not admitted. It is stored with the next batch or sweep.
    pub fn reject(&self, rejection: Rejection) {
        self.rejections.add(rejection);
    }

    /// How many events were rejected for which reason, up to this moment.
    pub fn rejected(&self) -> Vec<(Rejection, u64)> {
        self.rejections.counts()
    }

    /// The numbers as they are, which count as seen, and whenever one of them changes. What was answered as
    /// durable is in them.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Snapshot>> {
        let mut snapshots = self.snapshots.clone();
        snapshots.mark_unchanged();
        snapshots
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

const fn not_taken(failure: &TrySendError<Message>) -> NotTaken {
    match failure {
        TrySendError::Full(_) => NotTaken::Full,
        TrySendError::Disconnected(_) => NotTaken::Closed,
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analytics::receipt::NotStored;
    use crate::analytics::samples::{at, heartbeat, path, view};
    use crate::analytics::served::Caller;
    use crate::clock::{FixedClock, Timestamp};
    use std::sync::atomic::{AtomicBool, Ordering};

    const MINUTE: Duration = Duration::from_mins(1);

    /// A recorder, its clock, its database and the folder of that.
    struct Desk {
        recorder: Recorder,
        clock: FixedClock,
        store: Arc<Store>,
        folder: tempfile::TempDir,
    }

    impl Desk {
        fn new() -> Self {
            Self::in_folder(tempfile::tempdir().unwrap(), at(0))
        }

        fn in_folder(folder: tempfile::TempDir, now: Timestamp) -> Self {
            Self::with(Settings::default(), folder, now)
        }

        fn with(settings: Settings, folder: tempfile::TempDir, now: Timestamp) -> Self {
            let clock = FixedClock::at(now);
            let store = Arc::new(Store::open(&folder.path().join("analytics.redb")).unwrap());
            let shared: Arc<dyn Clock> = Arc::new(clock.clone());
            let recorder = Recorder::start(Arc::clone(&store), shared, settings).unwrap();
            Self { recorder, clock, store, folder }
        }

        fn restart(self) -> Self {
            let Self { recorder, clock, store, folder } = self;
            drop((recorder, store));
            Self::in_folder(folder, clock.now())
        }

        fn record(&self, event: Event) -> Result<(), NotStored> {
            self.recorder.record(event).unwrap().wait()
        }

        fn snapshot(&self) -> Arc<Snapshot> {
            Arc::clone(&self.recorder.subscribe().borrow())
        }

        /// Waits for a snapshot of which `holds` is true.
        fn wait_for(&self, mut holds: impl FnMut(&Snapshot) -> bool) -> Arc<Snapshot> {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let mut snapshots = self.recorder.subscribe();
            let found = runtime.block_on(snapshots.wait_for(|snapshot| holds(snapshot)));
            Arc::clone(&found.unwrap())
        }
    }

    #[test]
    fn the_numbers_of_an_event_are_there_when_it_is_answered() {
        let desk = Desk::new();
        assert_eq!(*desk.snapshot(), Snapshot::default());
        desk.record(view(1, 1, "/a/", 0)).unwrap();
        desk.record(view(2, 2, "/b/", 1)).unwrap();
        desk.record(view(3, 2, "/a/", 2)).unwrap();
        desk.record(view(4, 2, "404:/gone/?secret", 3)).unwrap();
        let snapshot = desk.snapshot();
        assert_eq!((snapshot.total_page_views, snapshot.unique_visitors), (3, 2));
        assert_eq!((snapshot.active_visitors, snapshot.active_not_found), (2, 1));
        assert_eq!(snapshot.tracking_since, Some(at(0)));
        let pages =
            snapshot.pages.iter().map(|page| (page.path.as_str(), page.views, page.visitors));
        assert_eq!(pages.collect::<Vec<_>>(), [("/a/", 2, 2), ("/b/", 1, 1)]);
        let missing = snapshot.not_found.iter().map(|entry| (entry.path.as_str(), entry.views));
        assert_eq!(
            (missing.collect::<Vec<_>>(), snapshot.not_found_views),
            (vec![("/gone/", 1)], 1)
        );
    }

    #[test]
    fn a_snapshot_is_published_only_when_a_number_changed() {
        let desk = Desk::new();
        desk.record(view(1, 1, "/a/", 0)).unwrap();
        let snapshots = desk.recorder.subscribe();
        desk.record(heartbeat(1, 1, "/a/", 30_000, (30_000, 80))).unwrap();
        desk.record(view(2, 1, "/a/", 40_000)).unwrap();
        assert!(!snapshots.has_changed().unwrap());
        desk.record(view(3, 1, "/b/", 50_000)).unwrap();
        assert!(snapshots.has_changed().unwrap());
    }

    #[test]
    fn an_expiry_is_published_when_it_happens() {
        let desk = Desk::new();
        desk.record(view(1, 1, "/a/", 0)).unwrap();
        desk.clock.advance(Duration::from_millis(119_999));
        desk.record(view(2, 2, "/b/", 119_999)).unwrap();
        assert_eq!(desk.snapshot().active_visitors, 2);
        desk.clock.advance(Duration::from_millis(1));
        let snapshot = desk.wait_for(|snapshot| snapshot.active_visitors == 1);
        let path = &snapshot.active_by_path[0].0;
        assert_eq!(path.as_str(), "/b/");
        desk.clock.advance(10 * MINUTE);
        desk.wait_for(|snapshot| snapshot.active_visitors == 0);
        let desk = desk.restart();
        assert_eq!(desk.snapshot().total_page_views, 2);
    }

    #[test]
    fn who_was_here_is_here_after_a_restart() {
        let desk = Desk::new();
        desk.record(view(1, 1, "/a/", 0)).unwrap();
        let before = desk.snapshot();
        let desk = desk.restart();
        assert_eq!(desk.snapshot(), before);
        desk.clock.advance(2 * MINUTE);
        desk.wait_for(|snapshot| snapshot.active_visitors == 0);
    }

    #[test]
    fn a_full_queue_says_so_and_loses_nothing_it_took() {
        let desk = Desk::new();
        let held = desk.store.hold();
        let mut receipts = Vec::new();
        let refusal = loop {
            let number = receipts.len() as u64 + 1;
            match desk.recorder.record(view(number, 0, "/a/", 0)) {
                Ok(receipt) => receipts.push(receipt),
                Err(refusal) => break refusal,
            }
        };
        assert_eq!(refusal, NotTaken::Full);
        assert!((policy::QUEUE..=policy::QUEUE + policy::BATCH).contains(&receipts.len()));
        drop(held);
        let taken = receipts.len() as u64;
        assert!(receipts.into_iter().all(|receipt| receipt.wait().is_ok()));
        assert_eq!(desk.snapshot().total_page_views, taken);
    }

    #[test]
    fn who_has_gone_keeps_the_answer_from_nobody() {
        let desk = Desk::new();
        let held = desk.store.hold();
        let take = |number| desk.recorder.record(view(number, 0, "/a/", 0)).unwrap();
        let mut receipts: Vec<Receipt> = (1..10).map(take).collect();
        drop((receipts.pop(), receipts.remove(0)));
        drop(held);
        desk.wait_for(|snapshot| snapshot.total_page_views == 9);
        drop((receipts.pop(), receipts.remove(0)));
        assert!(receipts.into_iter().all(|receipt| receipt.wait().is_ok()));
    }

    #[test]
    fn closing_stores_what_was_taken_and_takes_no_more() {
        let desk = Desk::new();
        let receipts: Vec<Receipt> = (1..500)
            .map(|number| desk.recorder.record(view(number, 0, "/a/", 0)).unwrap())
            .collect();
        desk.recorder.close();
        assert!(receipts.into_iter().all(|receipt| receipt.wait().is_ok()));
        assert_eq!(desk.recorder.record(view(1, 0, "/a/", 0)).err(), Some(NotTaken::Closed));
        assert_eq!(desk.restart().snapshot().total_page_views, 499);
    }

    #[test]
    fn what_could_not_be_stored_is_never_answered_as_stored() {
        let desk = Desk::new();
        desk.record(view(1, 1, "/a/", 0)).unwrap();
        desk.store.fail();
        assert_eq!(desk.record(view(2, 2, "/b/", 1)), Err(NotStored));
        assert_eq!(desk.record(view(3, 3, "/c/", 2)), Err(NotStored));
        let snapshot = desk.snapshot();
        assert!(snapshot.degraded);
        assert_eq!((snapshot.total_page_views, snapshot.pages.len()), (1, 1));
        desk.clock.advance(policy::RETRY);
        desk.wait_for(|snapshot| !snapshot.degraded);
        desk.record(view(2, 2, "/b/", 1001)).unwrap();
        let snapshot = desk.snapshot();
        assert_eq!((snapshot.total_page_views, snapshot.unique_visitors), (2, 2));
        assert_eq!(desk.restart().snapshot().total_page_views, 2);
    }

    /// A clock that fails when it is told to, once.
    struct Faulty {
        clock: FixedClock,
        is_faulty: AtomicBool,
    }

    impl Clock for Faulty {
        fn now(&self) -> Timestamp {
            assert!(!self.is_faulty.swap(false, Ordering::SeqCst), "on purpose");
            self.clock.now()
        }

        fn on_jump(&self, wake: crate::clock::Wake) {
            self.clock.on_jump(wake);
        }
    }

    /// Fault 77: a panic in the thread that stores.
    #[test]
    fn after_a_panic_what_was_answered_as_stored_is_counted_and_work_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(&folder.path().join("analytics.redb")).unwrap());
        let clock = Arc::new(Faulty { clock: FixedClock::at(at(0)), is_faulty: false.into() });
        let shared = Arc::<Faulty>::clone(&clock);
        let recorder = Recorder::start(store, shared, Settings::default()).unwrap();
        let record = |id| recorder.record(view(id, 0, "/a/", 0)).unwrap().wait();
        record(1).unwrap();
        clock.is_faulty.store(true, Ordering::SeqCst);
        // It panics in the wait for the first of these, or while it stores that.
        let stored = [record(2), record(3)].iter().filter(|answer| answer.is_ok()).count() as u64;
        record(4).unwrap();
        assert!(!clock.is_faulty.load(Ordering::SeqCst) && stored >= 1);
        assert_eq!(recorder.subscribe().borrow().total_page_views, stored + 2);
    }

    #[test]
    fn rejections_are_counted_by_reason_and_kept() {
        let desk = Desk::new();
        desk.recorder.reject(Rejection::Bot);
        desk.recorder.reject(Rejection::Bot);
        desk.record(view(1, 1, "/a/", 0)).unwrap();
        desk.recorder.reject(Rejection::OptedOut);
        let counts = vec![(Rejection::OptedOut, 1), (Rejection::Bot, 2)];
        assert_eq!(desk.recorder.rejected(), counts);
        assert_eq!(desk.snapshot().rejected, [(Rejection::Bot, 2)]);
        let desk = desk.restart();
        assert_eq!(desk.snapshot().rejected, counts);
        desk.recorder.reject(Rejection::Bot);
        assert_eq!(desk.restart().snapshot().rejected[1], (Rejection::Bot, 3));
    }

    /// Fault 14: the clock jumps ahead and back; nothing is forgotten for its age.
    #[test]
    fn a_clock_that_is_wrong_for_a_moment_drops_nothing_for_its_age() {
        const YEAR: i64 = 365 * 86_400_000;
        let month = Some(Duration::from_hours(24 * 30));
        let settings = Settings { retention: month, ..Settings::default() };
        let desk = Desk::with(settings, tempfile::tempdir().unwrap(), at(0));
        let pass = |number, now| {
            desk.clock.set(at(now));
            desk.record(view(number, 1, "/a/", now)).unwrap();
        };
        for (number, now) in [(1, 0), (2, 10 * YEAR), (3, 400_000), (4, 10 * YEAR), (5, 900_000)] {
            pass(number, now);
        }
        assert_eq!(desk.store.kept().unwrap(), None);
        // Where it stays for two sweeps it is believed, and one day goes at a time.
        pass(6, 10 * YEAR);
        assert_eq!(desk.store.kept().unwrap(), None);
        pass(7, 10 * YEAR + 300_000);
        assert_eq!(desk.store.kept().unwrap(), Some(at(16 * 3_600_000)));
        assert_eq!(desk.snapshot().total_page_views, 6);
        assert!(desk.store.agrees().unwrap());
    }

    #[test]
    fn what_the_server_answered_is_counted_by_who_asked() {
        let desk = Desk::new();
        let served = |hours: i64, page: &str, caller| Served {
            at: at(hours * 3_600_000),
            path: path(page),
            caller,
            times: 1,
        };
        desk.recorder
            .serve(vec![
                served(0, "/a/", Caller::Reader),
                served(1, "/a/", Caller::Reader),
                served(2, "/b/", Caller::Reader),
                served(2, "/b/", Caller::Assistant),
                served(20, "/b/", Caller::Reader),
            ])
            .unwrap();
        let desk = desk.restart();
        let query = super::super::query::Query::new(Arc::clone(&desk.store));
        let week = super::super::question::Time::Period(super::super::period::Period::Week);
        let answer = query.served(week, at(21 * 3_600_000), 10).unwrap();
        assert_eq!(answer.callers, [(Caller::Reader, 4), (Caller::Assistant, 1)]);
        assert_eq!(answer.pages, [("/a/".to_owned(), 2), ("/b/".to_owned(), 2)]);
        let readers: Vec<u64> = answer.series.iter().map(|(_, readers)| *readers).collect();
        assert_eq!(readers, [0, 0, 0, 0, 0, 3, 1]);
        let day = super::super::question::Time::Period(super::super::period::Period::Day);
        let hours = query.served(day, at(21 * 3_600_000), 10).unwrap().series;
        assert_eq!(hours.len(), 48);
        let answered: Vec<usize> = (0..48).filter(|hour| hours[*hour].1 > 0).collect();
        assert_eq!(answered, [8, 9, 10, 28]);
        assert_eq!(query.served(week, at(-86_400_000), 10).unwrap().callers, []);
    }

    /// Fault 13: the key of a day that has passed is gone, wherever the clock goes.
    #[test]
    fn a_clock_that_jumps_brings_no_id_of_a_passed_day_back() {
        const HOUR: i64 = 3_600_000;
        const YEAR: i64 = 365 * 24 * HOUR;
        let settings = Settings { visitor_ids: VisitorIds::Daily, ..Settings::default() };
        let desk = Desk::with(settings, tempfile::tempdir().unwrap(), at(0));
        for (number, (now, visitors)) in (1..).zip([
            (0, 1),
            (HOUR, 1),
            // Tomorrow, and back by an hour and by a day: the key of tomorrow serves on.
            (16 * HOUR, 2),
            (15 * HOUR, 2),
            (0, 2),
            // Ten years ahead and back, and a year back: each time it is another.
            (10 * YEAR, 3),
            (HOUR, 4),
            (-YEAR, 5),
            (HOUR, 6),
        ]) {
            desk.clock.set(at(now));
            desk.record(view(number, 1, &format!("/{number}/"), now)).unwrap();
            assert_eq!(desk.snapshot().unique_visitors, visitors, "{number}");
        }
        assert!(desk.store.agrees().unwrap());
    }

    /// Fault 13: the clock jumps back by an hour and by a year, and ahead.
    #[test]
    fn a_clock_that_jumps_neither_stops_nor_doubles_the_count() {
        const YEAR: i64 = 365 * 86_400_000;
        let desk = Desk::new();
        for (number, now) in
            [(1, 0), (2, 10 * YEAR), (3, 0), (4, -YEAR), (5, -YEAR), (6, -YEAR + 1)]
        {
            desk.clock.set(at(now));
            desk.record(view(number, 1, "/a/", now)).unwrap();
            assert_eq!(desk.snapshot().active_visitors, 1, "{number}");
        }
        assert_eq!(desk.snapshot().total_page_views, 4);
        desk.clock.set(at(-YEAR + 120_001));
        desk.wait_for(|snapshot| snapshot.active_visitors == 0);
    }
}
