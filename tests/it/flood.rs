//! A flood of events that are all different: memory and file stay small, and the numbers of readers right.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tallymark::analytics::{Query, Store};

use crate::faults::{rounds, views};
use crate::program::{Client, Server, pause, sample_site, until, view, view_by};

/// How many events there are, unless `TALLYMARK_FLOOD` says how many.
const EVENTS: u64 = 20_000;
/// The most that the server may have had, in bytes.
const MEMORY: u64 = 150_000_000;
/// Of the file on disk, with a million events.
const FILE: u64 = 60_000_000;
/// Of all that is capped by dimension and day: the texts, their numbers, and what was counted for each.
const VALUES: u64 = 8 << 20;

/// An event of which nothing was seen before.
fn event(number: u64) -> String {
    let any = view(1 << 40 | number, "/about/");
    let visitor = any.split("\"visitor\":\"").nth(1).unwrap();
    let visitor = visitor.split('"').next().unwrap();
    let id = format!("\"view\":\"{:016x}\",\"visitor\":\"{visitor}\"", 1 << 40 | number);
    match number % 4 {
        0 => format!(
            "{{\"type\":\"view\",{id},\"path\":\"/about/\",\"referrer\":\"https://r{number}.example/\",\
             \"utmSource\":\"source {number}\",\"utmCampaign\":\"campaign {number}\"}}"
        ),
        1 => format!(
            "{{\"type\":\"view\",{id},\"path\":\"/nothing/{number}/\",\
             \"referrer\":\"https://n{number}.example/\"}}"
        ),
        2 => {
            format!("{{\"type\":\"event\",{id},\"path\":\"/about/\",\"name\":\"event {number}\"}}")
        }
        _ => format!(
            "{{\"type\":\"event\",{id},\"path\":\"/about/\",\"name\":\"outbound\",\
             \"props\":{{\"url\":\"https://o{number}.example/{number}\"}}}}"
        ),
    }
}

/// How much memory the server has, in bytes.
pub(crate) fn memory(server: &Server) -> u64 {
    status(server, "VmRSS:")
}

/// The most memory that the server has had, in bytes.
fn peak(server: &Server) -> u64 {
    status(server, "VmHWM:")
}

fn status(server: &Server, what: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() << 10
}

/// Sends an event from an address until it is taken: all of them together may send no more than so much a second, and
/// addresses that found no room no more than one. Says how often it was turned away.
fn insist(client: &mut Client, event: &str, address: &str) -> u64 {
    for refusals in 0.. {
        let from = format!("X-Forwarded-For: {address}\r\n");
        let answer = client.send_with(event, &from).unwrap();
        match answer.status {
            202 => return refusals,
            429 => pause(),
            _ => panic!("{}", answer.head),
        }
    }
    unreachable!("it is sent until it is taken")
}

/// Sends events, each from an address of its own, until all were taken.
fn pour(mut client: Client, next: &AtomicU64, end: u64) -> u64 {
    let mut refusals = 0;
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= end {
            return refusals;
        }
        let [_, a, b, c] = u32::try_from(number).unwrap().to_be_bytes();
        refusals += insist(&mut client, &event(number), &format!("100.{a}.{b}.{c}"));
    }
}

/// Faults 1, 16, 37, 38 and 39: unique paths, referrers, campaigns, events, links, visitors and addresses.
#[test]
fn a_flood_of_unique_events_is_bounded_and_hides_no_reader() {
    let folder = sample_site(2);
    folder.write(
        "tallymark.toml",
        "base_url = \"https://example.org\"\n[serve]\ntrusted_proxies = [\"127.0.0.1\"]\n",
    );
    let server = folder.serve(&["--no-watch"]);
    let end = rounds("TALLYMARK_FLOOD", EVENTS);
    let next = Arc::new(AtomicU64::new(0));
    let pours = (0..32).map(|_| {
        let (client, next) = (Client::new(server.address), Arc::clone(&next));
        std::thread::spawn(move || pour(client, &next, end))
    });
    let pours: Vec<_> = pours.collect();
    let mut reader = Client::new(server.address);
    let mut readers = 0;
    while pours.iter().any(|pour| !pour.is_finished()) || readers < 100 {
        readers += 1;
        // Readers come from addresses of their own, and none is lost; who is turned away tries again, as the script does.
        let (a, b) = (readers / 250 % 250, readers % 250);
        let view = view_by(readers, readers, "/post-1/");
        insist(&mut reader, &view, &format!("192.168.{a}.{b}"));
        std::thread::park_timeout(Duration::from_millis(5));
    }
    let refusals: u64 = pours.into_iter().map(|pour| pour.join().unwrap()).sum();
    let counted = views(&server.stats());
    assert_eq!((counted["/post-1/"], counted["/about/"]), (readers, end.div_ceil(4)));
    let (memory, path) = (peak(&server), folder.path("state/analytics.redb"));
    server.kill();
    let file = fs::metadata(&path).unwrap().blocks() * 512;
    let began = Instant::now();
    let server = folder.serve(&["--no-watch"]);
    let ready = began.elapsed();
    until("the numbers are known to be right", || server.get("/_/stats.json").status == 200);
    let told = began.elapsed();
    assert_eq!(views(&server.stats())["/post-1/"], readers);
    server.kill();
    let query = Query::new(Arc::new(Store::open(&path).unwrap()));
    let sizes = query.sizes().unwrap();
    #[expect(clippy::print_stderr, reason = "the figures are what the test is for")]
    {
        eprintln!(
            "{end} events, turned away {refusals} times, and {readers} readers: at most {} MB of memory, {} MB of file: \
             {sizes:?}; after a kill the site is served in {ready:?}, and its numbers are told in {told:?}",
            memory / 1_000_000,
            file / 1_000_000
        );
    }
    assert!(memory < MEMORY, "{memory} bytes of memory");
    assert!(file < FILE, "{file} bytes of file");
    let of_values = ["words", "names", "cells", "not_found"];
    let values = sizes.iter().filter(|(name, _)| of_values.contains(name));
    assert!(values.map(|(_, bytes)| bytes).sum::<u64>() < VALUES, "{sizes:?}");
    assert!(ready < Duration::from_secs(10), "{ready:?}");
    assert!(query.verify().unwrap());
}
