//! What holds when the database cannot be used: the site is served, and nothing is told that is not true.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::faults::{SmallDisk, site, views};
use crate::program::{Client, Server, tree, until, view};

/// What a server says while it cannot count, and that it serves the site all the same.
#[track_caller]
fn assert_serves_without_counting(server: &Server) {
    assert!(server.page("/post-1/").contains("The text of post 1."), "the site is served");
    let health = server.get("/_/health");
    assert_eq!((health.status, health.body.starts_with("degraded: ")), (503, true));
    for target in ["/stats/", "/_/stats.json", "/_/stats.json?period=7d", "/_/stats/live"] {
        let answer = server.get(target);
        assert_eq!(answer.status, 503, "{target}");
        assert!(answer.head.to_ascii_lowercase().contains("retry-after: "), "{}", answer.head);
        assert!(answer.body.contains("cannot be read at the moment"), "{target}: {}", answer.body);
    }
    let refused = Client::new(server.address).send(&view(1, "/post-1/")).unwrap();
    assert_eq!(refused.status, 503);
    assert!(refused.head.to_ascii_lowercase().contains("retry-after: "), "{}", refused.head);
    let log = server.log();
    assert_eq!(log.matches("ERROR").count(), 1, "once a minute is enough: {log}");
    assert!(log.contains("cannot open the statistics at") && log.contains("the site is served"));
}

/// Fault 8: nowhere to write to.
#[test]
fn a_server_that_cannot_store_serves_the_site_and_counts_once_it_can() {
    let folder = site();
    folder.write("blocked", "a file where a folder is wanted\n");
    let server = folder.serve(&["--no-watch", "--state", "blocked/state"]);
    assert_serves_without_counting(&server);
    fs::remove_file(folder.path("blocked")).unwrap();
    let mut client = Client::new(server.address);
    until("events are taken", || client.send(&view(1, "/post-1/")).unwrap().status == 202);
    assert_eq!(server.get("/_/health").status, 200);
    assert_eq!(views(&server.stats()), BTreeMap::from([("/post-1/".to_owned(), 1)]));
}

/// Fault 8: a disk that is mounted read-only.
#[test]
fn a_server_on_a_disk_that_cannot_be_written_to_serves_the_site() {
    let folder = site();
    let Some(disk) = SmallDisk::mount(folder.scratch().join("disk"), "6m") else { return };
    let state = disk.folder.join("state").display().to_string();
    let server = folder.serve(&["--no-watch", "--state", &state]);
    assert_eq!(Client::new(server.address).send(&view(7, "/post-2/")).unwrap().status, 202);
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
    disk.remount("ro");
    let server = folder.serve(&["--no-watch", "--state", &state]);
    assert_serves_without_counting(&server);
    disk.remount("rw");
    let mut client = Client::new(server.address);
    until("events are taken", || client.send(&view(1, "/post-1/")).unwrap().status == 202);
    let expected = BTreeMap::from([("/post-1/".to_owned(), 1), ("/post-2/".to_owned(), 1)]);
    assert_eq!(views(&server.stats()), expected, "what was counted before is there again");
}

/// Faults 9 and 10: a damaged file, and one that is none of ours.
#[test]
fn a_damaged_database_is_set_aside_and_a_foreign_file_is_not_touched() {
    let folder = site();
    let file = folder.path("state/analytics.redb");
    let server = folder.serve(&["--no-watch"]);
    assert_eq!(Client::new(server.address).send(&view(1, "/post-1/")).unwrap().status, 202);
    server.kill();
    let mut damaged = fs::read(&file).unwrap();
    damaged.truncate(damaged.len() * 2 / 3);
    fs::write(&file, &damaged).unwrap();
    let server = folder.serve(&["--no-watch"]);
    let names = tree(&folder.path("state"));
    let mut aside = names.iter().filter(|(name, _)| name.to_string_lossy().contains(".corrupt-"));
    let (name, bytes) = aside.next().unwrap();
    assert_eq!((bytes, aside.next()), (&damaged, None));
    let log = server.log();
    assert!(log.contains("it is damaged: ") && log.contains(&name.display().to_string()), "{log}");
    assert!(log.contains("run `tallymark restore FILE`"), "{log}");
    assert_eq!(views(&server.stats()), BTreeMap::new(), "nothing of it is told");
    assert_eq!(Client::new(server.address).send(&view(2, "/post-1/")).unwrap().status, 202);
    assert_eq!(views(&server.stats()), BTreeMap::from([("/post-1/".to_owned(), 1)]));
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
    for content in [&b"\x89PNG\r\n\x1a\n"[..], &[0; 10_000]] {
        fs::write(&file, content).unwrap();
        let before = tree(&folder.path("state"));
        let ran = folder.run(&["serve", "--no-watch", "--port", "0"]);
        assert_eq!(ran.code, 3, "{}", ran.err);
        assert!(ran.err.contains("it is not a tallymark database"), "{}", ran.err);
        assert_eq!(tree(&folder.path("state")), before);
    }
}

/// Fault 11: two servers with one database.
#[test]
fn a_second_server_says_at_once_that_another_has_the_database() {
    let folder = site();
    let server = folder.serve(&["--no-watch"]);
    let began = Instant::now();
    let ran = folder.run(&["serve", "--no-watch", "--port", "0"]);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("another process has it open"), "{}", ran.err);
    assert_eq!(Client::new(server.address).send(&view(1, "/post-1/")).unwrap().status, 202);
    assert_eq!(server.get("/_/health").status, 200);
    assert_eq!(views(&server.stats()), BTreeMap::from([("/post-1/".to_owned(), 1)]));
}
