//! What holds when the disk fails, power is lost, or the file is changed by others.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::disk::{self, Disk, Step};
use super::integrity::{Damaged, Refused};
use super::{Door, Identity, More, Store};
use crate::analytics::calendar::Calendar;
use crate::analytics::event::Event;
use crate::analytics::recorder::{Recorder, Settings};
use crate::analytics::salt::VisitorIds;
use crate::analytics::samples::{at, heartbeat, view};
use crate::analytics::snapshot::Snapshot;
use crate::analytics::{policy, store::recount::Counts};
use crate::clock::{Clock, FixedClock};

/// Numbers that are random enough, and the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).unwrap()
    }
}

fn identity() -> Identity {
    Identity { ids: VisitorIds::Persistent, calendar: Calendar::new(TimeZone::UTC) }
}

/// The events of one transaction: its number says how many there are.
fn batch(number: u64) -> Vec<Event> {
    let millis = i64::try_from(number).unwrap() * 60_000;
    let visitor = u8::try_from(number % 7).unwrap();
    let page = ["/a/", "/b/", "404:/c/"][usize::try_from(number % 3).unwrap()];
    let views = (0..=number % 3).map(|more| view(number * 10 + more, visitor, page, millis));
    views.chain([heartbeat(number * 10 - 10, visitor, page, millis, (5000, 40))]).collect()
}

/// Stores batches, and says what is counted after each.
fn store_batches(store: &Store, numbers: impl IntoIterator<Item = u64>) -> Vec<Counts> {
    let mut memory = store.load(at(0)).unwrap();
    let mut states = Vec::new();
    for number in numbers {
        let mut events = batch(number);
        store.commit(&mut memory, &mut events, &identity(), More::default()).unwrap();
        states.push(store.counts().unwrap());
    }
    states
}

/// What a whole database has; fails if it does not agree with itself.
fn counts(store: &Store) -> Counts {
    store.check().unwrap();
    assert!(store.agrees().unwrap());
    store.counts().unwrap()
}

/// What is left when power is lost after `end` steps, of which those since the last sync that `comes_through` says
/// have come through.
fn left(log: &[Step], end: usize, mut comes_through: impl FnMut(usize) -> bool) -> Disk {
    let synced = log[..end].iter().rposition(|step| matches!(step, Step::Sync)).unwrap_or(0);
    let mut bytes = Vec::new();
    for (place, step) in log[..end].iter().enumerate() {
        if place <= synced || comes_through(place) {
            disk::apply(&mut bytes, step);
        }
    }
    Disk::of(bytes)
}

/// Fault 15: power is lost.
#[test]
fn whenever_power_is_lost_the_database_has_the_last_transaction_that_was_durable() {
    let disk = Disk::default();
    disk.remember();
    let store = Store::on(disk.clone());
    let mut states = vec![counts(&store)];
    let mut ends = vec![disk.log().len()];
    let mut memory = store.load(at(0)).unwrap();
    for number in 1..=6 {
        let mut events = batch(number);
        store.commit(&mut memory, &mut events, &identity(), More::default()).unwrap();
        ends.push(disk.log().len());
        states.push(store.counts().unwrap());
    }
    let log = disk.log();
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut outcomes = [0; 2];
    for end in ends[0]..=log.len() {
        let durable = ends.iter().rposition(|done| *done <= end).unwrap();
        for round in 0..4 {
            // All that was written has come through, nothing of it, or some, in whatever order.
            let left = left(&log, end, |_| match round {
                0 => true,
                1 => false,
                _ => dice.below(2) == 0,
            });
            let found = counts(&Store::on(left));
            // The one that was under way may be there as well, whole.
            let is_next = states.get(durable + 1) == Some(&found);
            assert!(found == states[durable] || is_next, "after {end} steps, round {round}");
            outcomes[usize::from(is_next)] += 1;
        }
    }
    assert!(outcomes[0] > 100 && outcomes[1] > 0, "{outcomes:?}");
}

/// Fault 7: a write or a sync fails.
#[test]
fn whatever_step_fails_nothing_is_answered_as_stored_that_a_loss_of_power_can_take() {
    const EVENTS: u64 = 3;
    let mut disk = Disk::default();
    drop(Store::on(disk.clone()));
    let before = disk.after_power_loss();
    let run = |fails: std::ops::Range<usize>| {
        disk = before.after_power_loss();
        disk.fail(fails);
        let clock = FixedClock::at(at(0));
        let store = Arc::new(Store::on(disk.clone()));
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let recorder = Recorder::start(store, shared, Settings::default()).unwrap();
        let mut refused = 0;
        for number in 1..=EVENTS {
            let event = || view(number, u8::try_from(number).unwrap(), "/a/", 0);
            while recorder.record(event()).unwrap().wait().is_err() {
                refused += 1;
                assert!(refused < 50, "it never recovers");
                clock.advance(policy::RETRY_AT_MOST);
            }
            let left = Store::on(disk.after_power_loss());
            let views = counts(&left).views;
            assert!(views >= number, "of {number} that were answered {views} are left");
        }
        assert_eq!(recorder.subscribe().borrow().total_page_views, EVENTS);
        recorder.close();
        drop(recorder);
        assert_eq!(counts(&Store::on(disk.after_power_loss())).views, EVENTS);
        (disk.steps(), refused)
    };
    let mut run = run;
    let (steps, refused) = run(0..0);
    assert!(steps > 50 && refused == 0, "{steps}");
    let mut refusals = 0;
    for step in 0..steps {
        // Once, as after a cable was touched, and for a while.
        for length in [1, 7] {
            refusals += run(step..step + length).1;
        }
    }
    assert!(refusals > steps, "{refusals}");
}

/// A file with a state that is not small.
fn whole_file(file: &Path) -> Counts {
    let store = Store::open(file).unwrap();
    store_batches(&store, 1..=60).pop().unwrap()
}

/// What becomes of a file that others have changed.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Clone, Copy)]
enum Fate {
    /// What is counted is what it was.
    Harmless,
    /// It is said to be damaged.
    Detected,
    /// It is not touched.
    Refused,
}

fn fate(file: &Path, expected: &Counts, what: &str) -> Fate {
    match Store::open(file) {
        Ok(store) => {
            assert_eq!(store.counts().unwrap(), *expected, "silently wrong: {what}");
            assert_eq!(store.recount().unwrap(), *expected, "silently wrong: {what}");
            Fate::Harmless
        }
        Err(failure) if failure.is::<Damaged>() => Fate::Detected,
        Err(failure) if failure.is::<Refused>() => Fate::Refused,
        Err(failure) => panic!("{what}: {failure:#}"),
    }
}

/// Fault 9: bytes of the file are flipped.
#[test]
fn a_byte_that_was_flipped_is_detected_or_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("analytics.redb");
    let expected = whole_file(&file);
    let whole = std::fs::read(&file).unwrap();
    let mut fates: BTreeMap<Fate, usize> = BTreeMap::new();
    // Every bit of the first bytes, one of each that names a state, and places all over the file.
    let header = (0..320).flat_map(|place| (0..8).map(move |bit| (place, 1_u8 << bit)));
    let header = header.filter(|(place, bit)| *place < 24 || bit.ilog2() as usize == place % 8);
    let mut dice = Dice(42);
    let places = (0..400).map(|_| (dice.below(whole.len()), 1 << dice.below(8)));
    let places: Vec<(usize, u8)> = header.chain(places).collect();
    for (place, bit) in places {
        let mut bytes = whole.clone();
        bytes[place] ^= bit;
        std::fs::write(&file, bytes).unwrap();
        *fates.entry(fate(&file, &expected, &format!("byte {place}, {bit:#x}"))).or_default() += 1;
    }
    assert!(fates[&Fate::Detected] > 200, "{fates:?}");
    assert!(fates[&Fate::Refused] < 100, "{fates:?}");
}

/// Fault 10: the file is cut.
#[test]
fn a_file_that_was_cut_is_detected() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("analytics.redb");
    let expected = whole_file(&file);
    let whole = std::fs::read(&file).unwrap();
    for length in (1..200).map(|part| whole.len() * part / 200) {
        std::fs::write(&file, &whole[..length]).unwrap();
        assert_eq!(fate(&file, &expected, &format!("{length} bytes")), Fate::Detected);
    }
    for length in 1..9 {
        std::fs::write(&file, &whole[..length]).unwrap();
        assert_eq!(fate(&file, &expected, &format!("{length} bytes")), Fate::Refused);
    }
}

/// The names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Faults 9 and 10: what the server does with such a file.
#[test]
fn a_server_sets_a_damaged_file_aside_and_leaves_others_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("analytics.redb");
    drop(whole_file(&file));
    assert_eq!(names(folder.path()), ["analytics.redb", "analytics.redb.clean"]);
    let whole = std::fs::read(&file).unwrap();
    for name in
        ["analytics.redb.corrupt-20261124T080000Z", "analytics.redb.corrupt-20261124T080000Z-2"]
    {
        let damaged = &whole[..whole.len() / 2];
        std::fs::write(&file, damaged).unwrap();
        let store = Store::host(&file, at(0)).unwrap();
        assert_eq!(counts(&store), Counts::default(), "nothing of it is told as the truth");
        drop(store);
        assert_eq!(std::fs::read(folder.path().join(name)).unwrap(), damaged);
    }
    for content in [&b"\x89PNG\r\n\x1a\n and more"[..], &vec![0x5a; 100_000], &vec![0; 9000]] {
        std::fs::write(&file, content).unwrap();
        let before = names(folder.path());
        assert!(Store::host(&file, at(0)).err().unwrap().is::<Refused>());
        assert_eq!(std::fs::read(&file).unwrap(), content);
        assert_eq!(names(folder.path()), before);
    }
}

#[test]
fn a_file_that_was_closed_well_has_a_mark_while_it_is_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let (file, mark) =
        (folder.path().join("analytics.redb"), folder.path().join("analytics.redb.clean"));
    let store = Store::open(&file).unwrap();
    assert!(!mark.exists(), "not while it is open");
    store_batches(&store, 1..=3);
    drop(store);
    assert!(super::integrity::take_mark(&file).unwrap());
    assert!(!super::integrity::take_mark(&file).unwrap(), "it is taken once");
    drop(Store::open(&file).unwrap());
    std::fs::write(&file, std::fs::read(&file).unwrap()).unwrap();
    assert!(!super::integrity::take_mark(&file).unwrap(), "the file was written by others");
    let store = Store::open(&file).unwrap();
    store.write(|_| -> anyhow::Result<()> { anyhow::bail!("on purpose") }).unwrap_err();
    drop(store);
    assert!(!mark.exists(), "not after a failure");
}

/// Fault 1: killed twice, in the middle of a commit and just after redb has mended that.
#[test]
fn a_commit_that_was_broken_off_is_no_damage() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("analytics.redb");
    whole_file(&file);
    let turned_back = |is_marked: bool| {
        let mut bytes = std::fs::read(&file).unwrap();
        // Which of its two states is true.
        bytes[9] ^= 1;
        std::fs::write(&file, bytes).unwrap();
        if !is_marked {
            std::fs::remove_file(folder.path().join("analytics.redb.clean")).unwrap();
        }
    };
    turned_back(false);
    let store = Store::host(&file, at(0)).unwrap();
    assert!(counts(&store).views > 0);
    drop(store);
    assert_eq!(names(folder.path()), ["analytics.redb", "analytics.redb.clean"]);
    turned_back(true);
    assert!(Store::open_checked(&file).is_err(), "as a file that was closed well never is");
    assert_eq!(counts(&Store::host(&file, at(0)).unwrap()), Counts::default());
    assert_eq!(names(folder.path()).len(), 3, "the damaged one is set aside");
}

/// What the recorder of `store` says, once `holds` is true of it.
fn told(recorder: &Recorder, mut holds: impl FnMut(&Snapshot) -> bool) -> Arc<Snapshot> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut snapshots = recorder.subscribe();
    let found = runtime.block_on(snapshots.wait_for(|snapshot| holds(snapshot)));
    Arc::clone(&found.unwrap())
}

/// Flips bits all over the second half of a file, whoever has it open.
fn damage(file: &Path) {
    use std::os::unix::fs::FileExt as _;
    let bytes = std::fs::read(file).unwrap();
    let open = std::fs::File::options().write(true).open(file).unwrap();
    for place in (4096..bytes.len()).filter(|place| bytes[*place] != 0).step_by(50) {
        open.write_at(&[!bytes[place]], place as u64).unwrap();
    }
}

/// Fault 9: a file that is too large to be checked before the site is served.
#[test]
fn what_is_checked_later_is_not_told_before_it_is_known_to_be_whole() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("analytics.redb");
    let expected = whole_file(&file);
    for is_damaged in [false, true] {
        let store = Store::host(&file, at(0)).unwrap();
        let door = &store.database;
        let opened = std::mem::replace(&mut *door.write().unwrap(), Door::Closed);
        if let Door::Open(database) = opened {
            *door.write().unwrap() = Door::Unchecked(database);
        }
        assert!(store.counts().is_err(), "nobody reads it yet");
        if is_damaged {
            damage(&file);
        }
        let (store, clock) = (Arc::new(store), Arc::new(FixedClock::at(at(0))));
        let recorder = Recorder::start(store, clock, Settings::default()).unwrap();
        let receipt = recorder.record(view(7777, 77, "/d/", 0)).unwrap();
        receipt.wait().unwrap();
        let before = if is_damaged { 0 } else { expected.views };
        let snapshot = told(&recorder, |snapshot| !snapshot.unavailable);
        assert_eq!((snapshot.total_page_views, snapshot.degraded), (before + 1, false));
        recorder.close();
    }
    assert_eq!(names(folder.path()).len(), 3, "{:?}", names(folder.path()));
}

/// Fault 9: a file that is damaged while it is open.
#[test]
fn a_file_that_decays_is_set_aside_within_a_day() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("analytics.redb");
    let views = whole_file(&file).views;
    let clock = FixedClock::at(at(100 * 60_000));
    let store = Arc::new(Store::host(&file, clock.now()).unwrap());
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    let recorder = Recorder::start(store, shared, Settings::default()).unwrap();
    assert_eq!(recorder.subscribe().borrow().total_page_views, views);
    clock.advance(policy::SWEEP);
    damage(&file);
    clock.advance(policy::CHECK);
    told(&recorder, |snapshot| snapshot.total_page_views == 0 && !snapshot.degraded);
    recorder.record(view(7777, 77, "/d/", 0)).unwrap().wait().unwrap();
    drop(recorder);
    let mut names = names(folder.path()).into_iter();
    assert!(names.any(|name| name.contains(".corrupt-")));
    assert_eq!(counts(&Store::open(&file).unwrap()).views, 1);
}
