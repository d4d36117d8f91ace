//! Statistics that are copied, put back, written as text, taken in from elsewhere, and looked over.

use std::fs;
use std::io::Write as _;

use serde_json::Value;

use crate::cli::expect;
use crate::program::{Client, Folder, view};

const SETTINGS: &str = "base_url = \"https://example.org\"\ntitle = \"Test\"\n";

/// A site of a post and a page, built.
fn site() -> Folder {
    let folder = Folder::with(&[
        ("tallymark.toml", SETTINGS),
        (
            "content/blog/hello.md",
            "---\ntitle: Hello\ndate: 2026-11-01\naliases: [/hi/]\n---\nHello, reader.\n",
        ),
        ("content/about.md", "---\ntitle: About\n---\nAbout.\n"),
    ]);
    folder.build();
    folder
}

/// Counts three views with a server that is ended then.
fn count(folder: &Folder) {
    let server = folder.serve(&[]);
    let mut client = Client::new(server.address);
    for (number, path) in [(1, "/hello/"), (2, "/hello/"), (3, "/about/")] {
        assert_eq!(client.send(&view(number, path)).unwrap().status, 202);
    }
    server.kill();
}

/// What the statistics say of all time; but not who is here now, and what the server has answered.
fn numbers(folder: &Folder) -> Value {
    let ran = folder.run(&["stats", "--json"]);
    expect(&ran, 0, &[]);
    let mut numbers: Value = serde_json::from_str(&ran.out).unwrap();
    for field in ["activeVisitors", "activeByPath"] {
        numbers.as_object_mut().unwrap().remove(field);
    }
    numbers
}

#[test]
fn a_copy_is_made_while_a_server_counts_and_put_back_when_it_has_ended() {
    let folder = site();
    expect(&folder.run(&["backup"]), 2, &["there are no statistics in"]);
    let server = folder.serve(&[]);
    let mut client = Client::new(server.address);
    for number in 1..=40 {
        assert_eq!(client.send(&view(number, "/hello/")).unwrap().status, 202);
    }
    expect(&folder.run(&["backup", "copies/a.redb"]), 3, &["cannot back up to", "copies/a.redb"]);
    expect(&folder.run(&["backup", "copy.redb"]), 0, &["backed up to"]);
    expect(&folder.run(&["verify"]), 0, &["a server has them open", "adds up"]);
    for number in 41..=50 {
        assert_eq!(client.send(&view(number, "/about/")).unwrap().status, 202);
    }
    expect(
        &folder.run(&["restore", "copy.redb"]),
        3,
        &["another process has it open", "end the server first"],
    );
    assert!(!folder.has("state/analytics.redb.incoming"));
    server.kill();
    assert_eq!(numbers(&folder)["totalPageViews"], 50);
    expect(&folder.run(&["restore", "copy.redb"]), 0, &["what was there is now", "restored"]);
    assert_eq!(numbers(&folder)["totalPageViews"], 40);
    expect(
        &folder.run(&["verify"]),
        0,
        &["the statistics are whole, and what was counted adds up"],
    );
    let aside = fs::read_dir(folder.path("state")).unwrap().map(|entry| entry.unwrap().file_name());
    let aside: Vec<String> = aside.map(|name| name.into_string().unwrap()).collect();
    assert!(aside.iter().any(|name| name.starts_with("analytics.redb.before-")), "{aside:?}");
}

#[test]
fn what_is_no_whole_copy_is_never_put_back() {
    let folder = site();
    count(&folder);
    let before = numbers(&folder);
    expect(&folder.run(&["backup", "copy.redb"]), 0, &[]);
    let whole = fs::read(folder.path("copy.redb")).unwrap();
    let mut flipped = whole.clone();
    let middle = flipped.len() / 3;
    flipped[middle..middle + 4096].fill(0x5a);
    for (name, bytes) in [
        ("nothing", &b""[..]),
        ("short", &whole[..whole.len() / 2]),
        ("other", b"\x89PNG\r\n\x1a\n"),
        ("flipped", &flipped),
    ] {
        fs::write(folder.path(name), bytes).unwrap();
        let ran = folder.run(&["restore", name]);
        expect(&ran, 3, &["nothing was restored"]);
        assert_eq!(numbers(&folder), before, "{name}");
    }
    expect(&folder.run(&["restore", "missing"]), 3, &["cannot read"]);
}

#[test]
fn an_export_taken_in_elsewhere_gives_the_same_numbers() {
    let folder = site();
    count(&folder);
    expect(&folder.run(&["export", "all.jsonl"]), 0, &["exported to"]);
    let text = fs::read_to_string(folder.path("all.jsonl")).unwrap();
    assert!(text.starts_with("{\"tallymark\":\"statistics\""), "{text}");
    assert!(
        text.contains("\"kind\":\"view\",\"path\":\"/hello/\""),
        "rows are there in words: {text}"
    );
    let elsewhere = site();
    let file = folder.path("all.jsonl");
    let file = file.to_str().unwrap();
    expect(&elsewhere.run(&["import", file]), 0, &["imported 3 events"]);
    assert_eq!(numbers(&elsewhere), numbers(&folder));
    expect(&elsewhere.run(&["verify"]), 0, &["adds up"]);
    expect(&elsewhere.run(&["rebuild-rollups"]), 0, &["every sum is what it was"]);
    let again = elsewhere.run(&["export"]);
    expect(&again, 0, &[]);
    assert_eq!(again.out, text, "and the same export");
    expect(&elsewhere.run(&["import", file]), 3, &["something has been counted here already"]);
    fs::write(folder.path("wrong.jsonl"), text.replace("\"format\":3", "\"format\":9")).unwrap();
    let other = site();
    let wrong = folder.path("wrong.jsonl");
    expect(&other.run(&["import", wrong.to_str().unwrap()]), 3, &["line 1: it has format 9"]);
}

#[test]
fn every_event_is_a_line_of_csv_and_no_formula() {
    let folder = site();
    count(&folder);
    let csv = folder.run(&["export", "--csv"]);
    expect(&csv, 0, &[]);
    let lines: Vec<&str> = csv.out.lines().collect();
    assert!(lines[0].starts_with("at,kind,path,visitor,referrer,"), "{}", lines[0]);
    assert_eq!(lines.len(), 4);
    assert!(lines[1].contains("+00:00,view,/hello/,1,"), "{}", lines[1]);
}

#[test]
fn what_others_have_counted_is_counted_once_and_before_what_was_counted_here() {
    let folder = site();
    count(&folder);
    let log = |day: u32, address: u32, target: &str, status: u32| {
        format!(
            "192.0.2.{address} - - [{day:02}/Oct/2026:10:00:00 +0000] \"GET {target} HTTP/1.1\" {status} 5120 \"https://news.example/item\" \"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\"\n"
        )
    };
    let lines = [
        log(1, 1, "/hello", 200),
        log(1, 1, "/hello/", 200),
        log(1, 2, "/hi/", 200),
        log(2, 1, "/old-page/", 200),
        log(2, 3, "/no-such/", 404),
        log(2, 3, "/style.css", 200),
    ];
    fs::write(folder.path("access.log"), lines.concat()).unwrap();
    let ran = folder.run(&["import", "access.log"]);
    expect(
        &ran,
        0,
        &[
            "`access.log` is of a web server's log",
            "1 record repeated another view of the same visitor within half an hour",
            "1 record said nothing about a reader",
            "imported 4 events",
        ],
    );
    let numbers = numbers(&folder);
    assert_eq!(numbers["totalPageViews"], 6, "the path that was not there is no page view");
    let rows: Vec<_> = numbers["pageStats"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["path"].as_str().unwrap(), row["views"].as_u64().unwrap()))
        .collect();
    assert_eq!(rows, [("/hello/", 4), ("/about/", 1), ("/old-page/", 1)]);
    assert_eq!(numbers["trackingSinceDate"], "2026-10-01T10:00:00+00:00");
    expect(&folder.run(&["verify"]), 0, &["adds up"]);
    expect(&folder.run(&["rebuild-rollups"]), 0, &["every sum is what it was"]);
    // All of it is known now.
    let ran = folder.run(&["import", "access.log"]);
    expect(&ran, 0, &["5 records may have been counted here already", "imported 0 events"]);
}

#[test]
fn sums_of_days_are_added_where_nothing_was_counted() {
    let folder = site();
    count(&folder);
    let today = jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::now()).date();
    let sums = format!(
        "date,visitors,pageviews,bounces,visits,visit_duration\n2026-09-01,3,7,1,4,120\n2026-09-02,2,2,2,2,0\n{today},9,9,9,9,9\n"
    );
    fs::write(folder.path("imported_visitors.csv"), sums).unwrap();
    let ran = folder.run(&["import", "imported_visitors.csv"]);
    expect(
        &ran,
        0,
        &[
            "is of Plausible",
            "1 record may have been counted here already; `--all` takes these, too, but for sums of days on which",
            "imported 0 events and 2 sums of days",
        ],
    );
    let ran = folder.run(&["stats", "--json", "--from", "2026-09-01", "--to", "2026-09-30"]);
    let september: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (&september["totals"]["views"], &september["totals"]["visitors"]),
        (&9.into(), &5.into())
    );
    expect(&folder.run(&["verify"]), 0, &["adds up"]);
    expect(&folder.run(&["rebuild-rollups"]), 0, &["every sum is what it was"]);
    expect(
        &folder.run(&["import", "tallymark.toml"]),
        3,
        &["cannot import `tallymark.toml`", "this is nothing that can be imported"],
    );
    expect(&folder.run(&["import", "content"]), 3, &["cannot import `content`", "directory"]);
}

/// A table of page views as `GoatCounter` writes it: path, session, whether it is an event, and time.
fn table(rows: &[(&str, &str, bool, &str)]) -> String {
    let head = "2Path,Title,Event,UserAgent,Browser,System,Session,Bot,Referrer,Referrer scheme,Screen size,Location,FirstVisit,Date\n";
    let row = |(path, session, is_event, time): &(&str, &str, bool, &str)| {
        format!("{path},,{is_event},,,,{session},0,,,,,1,2026-10-01T{time}Z\n")
    };
    head.to_owned() + &rows.iter().map(row).collect::<String>()
}

#[test]
fn nothing_is_taken_in_of_files_that_cannot_be_read_to_their_end() {
    let folder = site();
    // More than is stored at once.
    let sessions: Vec<String> = (0..5000).map(|number| format!("s{number}")).collect();
    let rows: Vec<_> =
        sessions.iter().map(|s| ("/hello/", s.as_str(), false, "10:00:00")).collect();
    let good = table(&rows);
    for (wrong, told) in [
        ("2026-10-01Tsoon", "line 5002: `2026-10-01Tsoon` is no time"),
        ("9999-12-01T10:00:00", "line 5002: nobody can have read anything at `9999-12-01T10:00:00"),
        ("1970-01-01T10:00:00", "line 5002: nobody can have read anything at `1970-01-01T10:00:00"),
    ] {
        let line = table(&[("/about/", "s", false, "10:00:00")]);
        let line = line.lines().nth(1).unwrap().replace("2026-10-01T10:00:00", wrong);
        let wrong = if wrong.ends_with("soon") { line.replace("soonZ", "soon") } else { line };
        fs::write(folder.path("good.csv"), &good).unwrap();
        fs::write(folder.path("wrong.csv"), good.clone() + &wrong).unwrap();
        let ran = folder.run(&["import", "good.csv", "wrong.csv"]);
        expect(&ran, 3, &["cannot import `wrong.csv`", told]);
        assert_eq!(numbers(&folder)["totalPageViews"], 0, "{told}");
    }
    expect(&folder.run(&["import", "good.csv"]), 0, &["imported 5,000 events"]);
}

#[test]
fn an_export_that_is_cut_off_is_not_taken_in_and_a_gzipped_one_is() {
    let folder = site();
    count(&folder);
    expect(&folder.run(&["export", "all.jsonl"]), 0, &[]);
    let text = fs::read_to_string(folder.path("all.jsonl")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let elsewhere = site();
    for kept in 1..lines.len() {
        fs::write(elsewhere.path("part.jsonl"), lines[..kept].join("\n") + "\n").unwrap();
        let told = format!("it is cut off after line {kept}");
        expect(
            &elsewhere.run(&["import", "part.jsonl"]),
            3,
            &["cannot import `part.jsonl`", &told],
        );
    }
    let without_one = [&lines[..4], &lines[5..]].concat().join("\n");
    fs::write(elsewhere.path("part.jsonl"), without_one).unwrap();
    expect(&elsewhere.run(&["import", "part.jsonl"]), 3, &["lines are there of"]);
    assert_eq!(numbers(&elsewhere)["totalPageViews"], 0);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    fs::write(elsewhere.path("all.jsonl.gz"), packed.finish().unwrap()).unwrap();
    expect(&elsewhere.run(&["import", "all.jsonl.gz"]), 0, &["imported 3 events"]);
    assert_eq!(numbers(&elsewhere), numbers(&folder));
}

#[test]
fn a_visitor_in_two_logs_of_one_day_of_the_site_is_one() {
    let folder = site();
    let settings = SETTINGS.to_owned() + "timezone = \"America/New_York\"\n";
    fs::write(folder.path("tallymark.toml"), settings).unwrap();
    folder.build();
    let line = |time: &str, path: &str| {
        format!("192.0.2.1 - - [01/Nov/2026:{time} -0500] \"GET {path} HTTP/1.1\" 200 5120\n")
    };
    // In UTC it is another day.
    fs::write(folder.path("1.log"), line("18:50:00", "/hello/")).unwrap();
    fs::write(folder.path("2.log"), line("19:10:00", "/about/") + "no line\n").unwrap();
    let ran = folder.run(&["import", "1.log", "2.log"]);
    let told = "1 record could not be read, the first at `2.log:2`";
    expect(&ran, 0, &["is of a web server's log", told, "imported 2 events"]);
    let ran = folder.run(&["stats", "--json", "--from", "2026-11-01", "--to", "2026-11-01"]);
    let numbers: Value = serde_json::from_str(&ran.out).unwrap();
    let totals = ["views", "visitors", "visits", "bounces"].map(|name| &numbers["totals"][name]);
    assert_eq!(totals, [2, 1, 1, 0]);
}

#[test]
fn whatever_an_imported_visitor_has_done_is_a_sign_of_the_visit() {
    let folder = site();
    let between = |path, session, is_event| {
        [
            ("/hello/", session, false, "10:00:00"),
            (path, session, is_event, "10:25:00"),
            ("/about/", session, false, "10:45:00"),
        ]
    };
    let rows = [between("/hello/", "a", false), between("buy", "b", true)].concat();
    fs::write(folder.path("views.csv"), table(&rows)).unwrap();
    expect(&folder.run(&["import", "views.csv"]), 0, &["1 record repeated", "imported 5 events"]);
    let ran = folder.run(&["stats", "--json", "--from", "2026-10-01", "--to", "2026-10-01"]);
    let numbers: Value = serde_json::from_str(&ran.out).unwrap();
    let totals = ["views", "visitors", "visits", "bounces"].map(|name| &numbers["totals"][name]);
    assert_eq!(totals, [4, 2, 2, 0]);
    expect(&folder.run(&["verify"]), 0, &["adds up"]);
}

#[test]
fn a_page_is_asked_about_by_any_of_its_names() {
    for (base, names) in [
        ("", ["/hello/", "hello", "/HELLO/", "/hi/", "https://example.org/hello/"]),
        (
            "/blog",
            ["/hello/", "/blog/hello", "/hi/", "/blog/hi/", "https://example.org/blog/hello/"],
        ),
    ] {
        let folder = site();
        let settings = SETTINGS.replace("example.org", &format!("example.org{base}"));
        fs::write(folder.path("tallymark.toml"), settings).unwrap();
        folder.build();
        fs::write(folder.path("views.csv"), table(&[("/hello/", "a", false, "10:00:00")])).unwrap();
        expect(&folder.run(&["import", "views.csv"]), 0, &["imported 1 event"]);
        for name in names {
            let ran = folder.run(&["stats", "--json", name]);
            expect(&ran, 0, &[]);
            let numbers: Value = serde_json::from_str(&ran.out).unwrap();
            assert_eq!(numbers["pageStats"][0]["path"], "/hello/", "{base} {name}");
            assert!(!ran.err.contains("no view"), "{base} {name}: {}", ran.err);
        }
    }
}

#[test]
fn where_visitors_are_not_told_apart_imported_ones_are_not() {
    let folder = site();
    let settings = SETTINGS.to_owned() + "[analytics]\nvisitor_id = \"none\"\n";
    fs::write(folder.path("tallymark.toml"), settings).unwrap();
    let rows = [("/hello/", "a", false, "10:00:00"), ("/about/", "b", false, "10:00:00")];
    fs::write(folder.path("views.csv"), table(&rows)).unwrap();
    expect(&folder.run(&["import", "views.csv"]), 0, &["imported 2 events"]);
    let numbers = numbers(&folder);
    assert_eq!([&numbers["totalPageViews"], &numbers["uniqueVisitors"]], [2, 0]);
}
