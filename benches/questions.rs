//! How long answers take when much was counted, and how much room it takes: `cargo bench --bench questions -- 10000000`.
//!
//! Without a number it counts 20,000 views and only shows that it works.

#![expect(clippy::print_stdout, reason = "it prints what it measures")]

#[path = "../tests/it/hosted.rs"]
#[expect(dead_code, reason = "a part of it is enough here")]
mod hosted;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hosted::{BROWSER, Hosted, Setup};
use tallymark::analytics::{
    Comparison, Dimension, Event, Facts, Filters, Period, Place, Query, Question, Raw, Recorder,
    Rules, Sender, Settings, Signals, Store, Time, admit,
};
use tallymark::clock::{Day, FixedClock, Timestamp};
use tallymark::permalink::UrlPath;
use tallymark::site::{PageEntry, PageKind};

/// Noon of 24 November 2026, UTC.
const NOW: i64 = 1_795_521_600_000;
const DAYS: i64 = 3 * 365;
const DAY: i64 = 86_400_000;
const PAGES: u64 = 1000;
const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
];
const ZONES: [&str; 8] = [
    "Europe/Oslo",
    "Europe/Berlin",
    "America/New_York",
    "America/Los_Angeles",
    "Asia/Tokyo",
    "Asia/Kolkata",
    "Australia/Sydney",
    "America/Sao_Paulo",
];

/// Numbers that look random and are the same each time (splitmix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// Small numbers far more often than large ones.
    fn skewed(&mut self, end: u64) -> u64 {
        let most = self.below(end) + 1;
        let most = self.below(most) + 1;
        self.below(most)
    }
}

/// What counts, and what it counts with.
struct Desk {
    recorder: Recorder,
    clock: FixedClock,
    chance: Chance,
    visitors: u64,
    number: u64,
}

impl Desk {
    fn record(&self, event: &Event) {
        while self.recorder.record(event.clone()).is_err() {
            std::thread::yield_now();
        }
    }

    fn event(json: &str, page: u64, agent: &str, at: i64) -> Event {
        let facts = Facts {
            place: Place::Page { path: page_of(page), words: 700 },
            agent: Some(agent),
            origin: None,
            sender: Sender::Own,
            signals: Signals::default(),
        };
        let raw = Raw::parse(json.as_bytes()).expect("an event");
        admit(raw, &facts, &Rules::default(), Timestamp::from_millis(at)).expect("counts")
    }

    /// Sets the clock, once all that was sent before is stored.
    fn tick(&mut self, at: i64) {
        self.number += 1;
        let id = format!(r#""view":"{:016x}","path":"/""#, self.number);
        let event = Self::event(
            &format!(r#"{{"type":"heartbeat",{id},"engaged":1,"scroll":1}}"#),
            0,
            AGENTS[0],
            at,
        );
        self.clock.set(Timestamp::from_millis(at));
        while !self.recorder.record(event.clone()).is_ok_and(|receipt| receipt.wait().is_ok()) {
            std::thread::yield_now();
        }
    }

    /// A visit of some pages; says how many.
    fn visit(&mut self, mut at: i64, beats: bool) -> u64 {
        let returns = self.chance.below(10) < 3 && self.visitors > 0;
        let visitor = if returns {
            self.visitors - self.chance.skewed(self.visitors)
        } else {
            self.visitors += 1;
            self.visitors
        };
        let mut traits = Chance(visitor);
        let (agent, zone) =
            (AGENTS[place(&mut traits, AGENTS.len())], ZONES[place(&mut traits, ZONES.len())]);
        let width = 3 + traits.below(16);
        let views = 1 + self.chance.skewed(6);
        for view in 0..views {
            self.number += 1;
            let (number, page) = (self.number, self.chance.skewed(PAGES));
            let id = format!(
                r#""view":"{number:016x}","visitor":"{:032x}","path":"/""#,
                u128::from(visitor) << 64 | 7
            );
            let from = if view == 0 && self.chance.below(2) == 0 {
                format!(r#","referrer":"https://{}.example/""#, self.chance.skewed(300))
            } else {
                String::new()
            };
            let json = format!(r#"{{"type":"view",{id}{from},"width":{width},"zone":"{zone}"}}"#);
            self.record(&Self::event(&json, page, agent, at));
            let engaged = i64::try_from(self.chance.skewed(180_000)).expect("small");
            at += engaged;
            if beats {
                let scroll = self.chance.below(101);
                let json =
                    format!(r#"{{"type":"heartbeat",{id},"engaged":{engaged},"scroll":{scroll}}}"#);
                self.record(&Self::event(&json, page, agent, at));
            }
        }
        views
    }
}

fn place(chance: &mut Chance, end: usize) -> usize {
    usize::try_from(chance.below(end as u64)).expect("small")
}

fn page_of(number: u64) -> UrlPath {
    UrlPath::parse(&format!("/posts/a-post-with-number-{number}/")).expect("a path")
}

/// Counts `most` views over three years.
fn fill(store: &Arc<Store>, most: u64) {
    let began = NOW - DAYS * DAY;
    let clock = FixedClock::at(Timestamp::from_millis(began));
    let recorder = Recorder::start(Arc::clone(store), Arc::new(clock.clone()), Settings::default());
    let mut desk = Desk {
        recorder: recorder.expect("starts"),
        clock,
        chance: Chance(1),
        visitors: 0,
        number: 0,
    };
    let (mut views, started, mut ticked) = (0, Instant::now(), began);
    while views < most {
        let passed = i128::from(DAYS * DAY) * i128::from(views) / i128::from(most);
        let at = began + i64::try_from(passed).expect("three years");
        views += desk.visit(at, most <= 1_000_000);
        if at - ticked >= DAY / 4 {
            desk.tick(at);
            ticked = at;
        }
    }
    // A week without readers: what can be packed is packed.
    for hour in 0..24 * 7 {
        desk.tick(NOW + hour * DAY / 24);
    }
    desk.recorder.close();
    let (seconds, visitors) = (started.elapsed().as_secs_f64(), desk.visitors);
    println!("{views} views of {visitors} visitors in {seconds:.0} s");
}

fn timed(query: &Query, question: &Question) -> Duration {
    let started = Instant::now();
    query.answer(question, Timestamp::from_millis(NOW)).expect("an answer");
    started.elapsed()
}

fn report(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: usize| {
        times[(times.len() * share / 100).min(times.len() - 1)].as_secs_f64() * 1000.0
    };
    println!("{name}: p50 {:.2} ms, p99 {:.2} ms, most {:.2} ms", at(50), at(99), at(100));
}

fn unfiltered(query: &Query) {
    let mut all = Vec::new();
    for period in Period::ALL {
        let plain = Question::about(Time::Period(period));
        let compared = Question { compare: Some(Comparison::Previous), ..plain.clone() };
        let times: Vec<_> =
            (0..20).flat_map(|_| [timed(query, &plain), timed(query, &compared)]).collect();
        all.extend(&times);
        report(period.name(), times);
    }
    let today = Day::from_number(i32::try_from(NOW / DAY).expect("a day"));
    let mut chance = Chance(7);
    let spans = (0..100).map(|_| {
        let first = i32::try_from(chance.below(1000) + 1).expect("small");
        let last = i32::try_from(chance.below(first.unsigned_abs().into())).expect("small");
        timed(query, &Question::about(Time::Days { from: today - first, to: today - last }))
    });
    let spans: Vec<_> = spans.collect();
    report("from and to", spans.clone());
    all.extend(spans);
    report("all without filters", all);
}

fn filtered(query: &Query, most: u64) {
    let days = i32::try_from(DAYS * 1_000_000 / i64::try_from(most.max(1_000_000)).expect("few"))
        .expect("few");
    let to = Day::from_number(i32::try_from(NOW / DAY).expect("a day"));
    let time = Time::Days { from: to - days, to };
    let pages = |numbers: std::ops::Range<u64>| vec![numbers.map(page_of).collect::<BTreeSet<_>>()];
    let with = |dimension, value: &str| Filters {
        traits: vec![(dimension, value.to_owned())],
        ..Filters::default()
    };
    for (name, filters) in [
        ("one page", Filters { pages: pages(3..4), ..Filters::default() }),
        ("a tag of 100 pages", Filters { pages: pages(0..100), ..Filters::default() }),
        ("all pages", Filters { pages: pages(0..PAGES), ..Filters::default() }),
        ("a country", with(Dimension::Country, "NO")),
        ("a browser", with(Dimension::Browser, "Safari")),
        ("a referrer", with(Dimension::Referrer, "1.example")),
    ] {
        let question = Question { filters, ..Question::about(time) };
        let times = (0..5).map(|_| timed(query, &question)).collect();
        report(&format!("{days} days, {name}"), times);
    }
}

/// How long the server takes for the first paint of the dashboard after a view was counted: its first request.
fn paints(store: &Arc<Store>) {
    let site = hosted::site(|catalog| {
        for number in 0..PAGES {
            let day =
                i64::try_from(number).expect("small") * DAYS / i64::try_from(PAGES).expect("small");
            let entry = PageEntry {
                published: Some(Timestamp::from_millis(NOW - day * DAY)),
                words: 700,
                tags: vec![format!("tag {}", number % 40).into()],
                ..PageEntry::named(&format!("A post with number {number}"), PageKind::Post)
            };
            catalog.pages.insert(page_of(number), entry);
        }
    });
    let runtime = tokio::runtime::Runtime::new().expect("starts");
    let entered = runtime.enter();
    let hosted = Hosted::new(Setup { site, store: Some(Arc::clone(store)), ..Setup::default() });
    drop(entered);
    let page = page_of(3);
    let mut number = 0;
    for query in [
        "",
        "?period=7d",
        "?period=28d&compare=previous",
        "?period=91d",
        "?period=year&compare=year",
        "?list=pages",
        "?period=24h",
        &format!("?period=28d&page={page}"),
    ] {
        let times = (0..20).map(|_| {
            number += 1;
            let view = format!(
                r#"{{"type":"view","view":"{number:016x}","visitor":"{number:032x}","path":"{page}"}}"#
            );
            hosted.clock.set(Timestamp::from_millis(NOW + 7 * DAY + number * 61_000));
            let headers = [
                ("user-agent", BROWSER),
                ("accept-language", "en"),
                ("origin", "https://example.org"),
            ];
            let event = hosted::request(http::Method::POST, "/_/event", &headers, view.into());
            assert_eq!(runtime.block_on(hosted.send(event)).status, 202);
            let started = Instant::now();
            let answer = runtime.block_on(hosted.get(&format!("/stats/{query}")));
            assert_eq!(answer.status, 200);
            started.elapsed()
        });
        report(&format!("first paint of /stats/{query}"), times.collect());
    }
}

fn main() {
    let most = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(20_000);
    let folder = tempfile::tempdir().expect("a folder");
    let store = Arc::new(Store::open(&folder.path().join("analytics.redb")).expect("opens"));
    fill(&store, most);
    let query = Query::new(Arc::clone(&store));
    let bytes = |bytes: u64| bytes / (most / 100).max(1);
    for (table, size) in query.sizes().expect("sizes") {
        println!("{table}: {size} bytes, {}.{:02} a view", bytes(size) / 100, bytes(size) % 100);
    }
    let file = std::fs::metadata(store.path()).expect("a file").len();
    println!("file: {file} bytes, {}.{:02} a view", bytes(file) / 100, bytes(file) % 100);
    unfiltered(&query);
    filtered(&query, most);
    paints(&store);
    if most <= 1_000_000 {
        let started = Instant::now();
        let agrees = query.verify().expect("reads");
        println!("verified in {:.1} s: {agrees}", started.elapsed().as_secs_f64());
    }
}
