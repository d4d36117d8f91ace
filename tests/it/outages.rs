//! What holds when the database cannot be used: the site is served, and nothing is told that is not true.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::disks::{BlockDisk, SmallDisk};
use crate::faults::{site, views};
use crate::program::{Client, Server, tree, until, view};

/// What a server says while it cannot count, and that it serves the site all the same.
#[track_caller]
fn assert_serves_without_counting(server: &Server) {
    assert!(server.page("/post-1/").contains("The text of post 1."), "the site is served");
    let health = server.get("/_/health");
    assert_eq!((health.status, health.body.starts_with("degraded: ")), (503, true));
    let refused = Client::new(server.address).send(&view(1, "/post-1/")).unwrap();
    assert_eq!(refused.status, 503);
    assert!(refused.head.to_ascii_lowercase().contains("retry-after: "), "{}", refused.head);
    let log = server.log();
    assert_eq!(log.matches("ERROR").count(), 1, "once a minute is enough: {log}");
    assert!(log.contains("cannot open the statistics at") && log.contains("the site is served"));
}

/// That no numbers are told, rather than wrong ones.
#[track_caller]
fn assert_tells_no_numbers(server: &Server) {
    for target in ["/stats/", "/_/stats.json", "/_/stats.json?period=7d", "/_/stats/live"] {
        let answer = server.get(target);
        assert_eq!(answer.status, 503, "{target}");
        assert!(answer.head.to_ascii_lowercase().contains("retry-after: "), "{}", answer.head);
        assert!(answer.body.contains("cannot be read at the moment"), "{target}: {}", answer.body);
    }
}

/// Fault 8: nowhere to write to.
#[test]
fn a_server_that_cannot_store_serves_the_site_and_counts_once_it_can() {
    let folder = site();
    folder.write("blocked", "a file where a folder is wanted\n");
    let server = folder.serve(&["--no-watch", "--state", "blocked/state"]);
    assert_serves_without_counting(&server);
    assert_tells_no_numbers(&server);
    fs::remove_file(folder.path("blocked")).unwrap();
    let mut client = Client::new(server.address);
    until("events are taken", || client.send(&view(1, "/post-1/")).unwrap().status == 202);
    assert_eq!(server.get("/_/health").status, 200);
    assert_eq!(views(&server.stats()), BTreeMap::from([("/post-1/".to_owned(), 1)]));
}

/// Fault 8: a disk that is mounted read-only, after an end that was in order and after a kill.
#[test]
fn a_server_on_a_disk_that_cannot_be_written_to_serves_the_site_and_its_numbers() {
    let folder = site();
    let Some(disk) = SmallDisk::mount(folder.scratch().join("disk"), "12m") else { return };
    let state = disk.folder.join("state").display().to_string();
    let mut expected = BTreeMap::new();
    for (number, is_killed) in [(1, false), (2, true)] {
        let server = folder.serve(&["--no-watch", "--state", &state]);
        let path = format!("/post-{number}/");
        assert_eq!(Client::new(server.address).send(&view(number, &path)).unwrap().status, 202);
        expected.insert(path, 1);
        if is_killed {
            server.kill();
        } else {
            server.signal(Signal::TERM);
            assert_eq!(server.wait().code(), Some(0));
        }
        disk.remount("ro");
        let before = tree(&disk.folder);
        let server = folder.serve(&["--no-watch", "--state", &state]);
        assert_serves_without_counting(&server);
        let told = server.stats();
        assert_eq!((views(&told), told["degraded"].as_bool()), (expected.clone(), Some(true)));
        let asked = server.get("/_/stats.json?period=all&browser=Firefox");
        assert_eq!(asked.status, 200, "{}", asked.body);
        assert!(server.page("/stats/").contains("cannot be written to disk"), "that is told too");
        assert_eq!(tree(&disk.folder), before);
        disk.remount("rw");
        let mut client = Client::new(server.address);
        until("events are taken", || client.send(&view(9, "/post-1/")).unwrap().status == 202);
        assert_eq!(views(&server.stats()).values().sum::<u64>(), number + 1, "and none twice");
        assert_eq!(server.get("/_/health").status, 200);
        expected.insert("/post-1/".to_owned(), 2);
    }
}

/// Fault 8: a disk that turns read-only while it is written to.
#[test]
fn a_disk_that_fails_later_stops_counting_but_not_the_site_and_a_sound_one_mends_it() {
    let folder = site();
    let Some(mut disk) = BlockDisk::mount(folder.scratch().join("disk")) else { return };
    let state = disk.folder.join("state").display().to_string();
    let server = folder.serve(&["--no-watch", "--state", &state]);
    let mut client = Client::new(server.address);
    assert_eq!(client.send(&view(1, "/post-1/")).unwrap().status, 202);
    disk.fail();
    until("events are refused", || client.send(&view(2, "/post-2/")).unwrap().status == 503);
    assert!(server.page("/post-1/").contains("The text of post 1."), "the site is served");
    let health = server.get("/_/health");
    assert_eq!((health.status, health.body.starts_with("degraded: ")), (503, true));
    let counted = BTreeMap::from([("/post-1/".to_owned(), 1)]);
    let told = server.stats();
    assert_eq!((views(&told), told["degraded"].as_bool()), (counted.clone(), Some(true)));
    assert!(server.page("/stats/").contains("cannot be written to disk"), "that is told too");
    // Once it was tried again, which fails as well, questions are answered from what can be read.
    let asked = "/_/stats.json?period=all&browser=Firefox";
    until("filtered questions are answered", || server.get(asked).status == 200);
    let log = server.log();
    assert_eq!(log.matches("ERROR").count(), 1, "once a minute is enough: {log}");
    assert!(log.contains("cannot store events, and refuses them for now: "), "{log}");
    disk.exchange();
    until("events are taken", || client.send(&view(2, "/post-2/")).unwrap().status == 202);
    assert_eq!(server.get("/_/health").status, 200);
    let counted = counted.into_iter().chain([("/post-2/".to_owned(), 1)]).collect();
    assert_eq!(views(&server.stats()), counted, "each once");
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
    fs::write(&file, b"").unwrap();
    let server = folder.serve(&["--no-watch"]);
    assert!(server.log().contains("are empty, and counting begins anew"), "{}", server.log());
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

/// Takes all locks of files from a program that it is loaded into, as a file system does that has none.
const NO_LOCKS: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/syscall.h>

int flock(int file, int how) {
    errno = EOPNOTSUPP;
    return -1;
}

long syscall(long number, ...) {
    long a[6];
    va_list list;
    va_start(list, number);
    for (int i = 0; i < 6; i++) a[i] = va_arg(list, long);
    va_end(list);
    if (number == SYS_fcntl && a[1] >= F_OFD_GETLK && a[1] <= F_OFD_SETLKW) {
        errno = EINVAL;
        return -1;
    }
    long (*next)(long, ...) = (long (*)(long, ...)) dlsym(RTLD_NEXT, "syscall");
    return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
"#;

/// Fault 12: a file system without locks.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
#[test]
fn where_files_cannot_be_locked_a_server_counts_and_warns() {
    let folder = site();
    let (source, library) = (folder.scratch().join("locks.c"), folder.scratch().join("locks.so"));
    fs::write(&source, NO_LOCKS).unwrap();
    let made = std::process::Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let mut command = folder.command(&["serve", "--no-watch", "--port", "0"]);
    command.env("LD_PRELOAD", &library);
    let server = Server::start(command);
    assert_eq!(Client::new(server.address).send(&view(1, "/post-1/")).unwrap().status, 202);
    let log = server.log();
    assert_eq!(log.matches("keeps no locks").count(), 1, "{log}");
    assert!(log.contains("analytics.redb` keeps no locks, as some of networks: "), "{log}");
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
    let server = folder.serve(&["--no-watch"]);
    assert_eq!(views(&server.stats()), BTreeMap::from([("/post-1/".to_owned(), 1)]));
    assert!(!server.log().contains("keeps no locks"), "{}", server.log());
}
