//! What holds when things go wrong: kills, signals, full disks, and content that nobody has prepared.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use tallymark::analytics::{Query, Store};
use walkdir::WalkDir;

use crate::disks::SmallDisk;
use crate::program::{
    Client, Folder, Guard, Server, sample_post, sample_site, tree, until, view, view_by,
};

const PAGES: [&str; 4] = ["/", "/about/", "/post-1/", "/post-2/"];

/// A site of two posts.
pub(crate) fn site() -> Folder {
    sample_site(2)
}

/// The page that event `number` is about.
pub(crate) fn page_of(number: u64) -> &'static str {
    PAGES[usize::try_from(number).unwrap() % PAGES.len()]
}

/// What some readers have sent, and what of it was answered.
#[derive(Default)]
struct Sent {
    acknowledged: BTreeSet<u64>,
    unanswered: BTreeSet<u64>,
}

/// Readers who send events as fast as they are answered, until the server is gone.
struct Readers {
    threads: Vec<std::thread::JoinHandle<Sent>>,
    answers: Arc<AtomicU64>,
}

impl Readers {
    fn start(server: &Server, next: &Arc<AtomicU64>) -> Self {
        let answers = Arc::new(AtomicU64::new(0));
        let threads = (0..4).map(|_| {
            let (address, next, answers) = (server.address, next.clone(), answers.clone());
            std::thread::spawn(move || read(Client::new(address), &next, &answers))
        });
        Self { threads: threads.collect(), answers }
    }

    fn await_answers(&self, count: u64) {
        until("events are answered", || self.answers.load(Ordering::Relaxed) >= count);
    }

    fn join(self) -> Sent {
        let mut all = Sent::default();
        for thread in self.threads {
            let sent = thread.join().unwrap();
            all.acknowledged.extend(sent.acknowledged);
            all.unanswered.extend(sent.unanswered);
        }
        all
    }
}

/// Sends events, each by a reader of its own, until one is not answered.
fn read(mut client: Client, next: &AtomicU64, answers: &AtomicU64) -> Sent {
    let mut sent = Sent::default();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let Ok(answer) = client.send(&view(number, page_of(number))) else {
            sent.unanswered.insert(number);
            return sent;
        };
        assert_eq!(answer.status, 202, "{}", answer.head);
        sent.acknowledged.insert(number);
        answers.fetch_add(1, Ordering::Relaxed);
    }
}

/// Views by page, as the statistics have them.
pub(crate) fn views(stats: &Value) -> BTreeMap<String, u64> {
    let rows = stats["pageStats"].as_array().unwrap();
    rows.iter()
        .map(|row| (row["path"].as_str().unwrap().to_owned(), row["views"].as_u64().unwrap()))
        .collect()
}

/// Views by page, if each of these events was counted once.
pub(crate) fn expected(numbers: &BTreeSet<u64>) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for number in numbers {
        *counts.entry(page_of(*number).to_owned()).or_default() += 1;
    }
    counts
}

/// How often something is done; more often if the environment says so.
#[expect(clippy::disallowed_methods, reason = "who runs the tests has no settings")]
pub(crate) fn rounds(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |rounds| rounds.parse().unwrap())
}

/// Whether a copy of the database, in the state that it was left in, is whole and agrees with itself.
#[track_caller]
fn assert_sound(folder: &Folder) {
    let copy = tempfile::NamedTempFile::new_in(folder.scratch()).unwrap();
    fs::copy(folder.path("state/analytics.redb"), copy.path()).unwrap();
    let query = Query::new(Arc::new(Store::open(copy.path()).unwrap()));
    assert!(query.verify().unwrap(), "roll-ups and visits are what the views add up to");
}

/// Fault 1: killed while collecting, as often as `TALLYMARK_KILLS` says.
#[test]
fn what_was_acknowledged_survives_every_kill_and_is_counted_once() {
    let folder = site();
    let next = Arc::new(AtomicU64::new(1));
    let mut counted = BTreeSet::new();
    let mut server = folder.serve(&["--no-watch"]);
    for round in 1..=rounds("TALLYMARK_KILLS", 20) {
        let readers = Readers::start(&server, &next);
        readers.await_answers(round * 37 % 120 + 1);
        server.kill();
        let sent = readers.join();
        counted.extend(sent.acknowledged);
        assert_sound(&folder);
        server = folder.serve(&["--no-watch"]);
        let total = server.stats()["totalPageViews"].as_u64().unwrap();
        let (least, most) = (counted.len() as u64, (counted.len() + sent.unanswered.len()) as u64);
        assert!((least..=most).contains(&total), "round {round}: {least} <= {total} <= {most}");
        let mut client = Client::new(server.address);
        for number in &sent.unanswered {
            let answer = client.send(&view(*number, page_of(*number))).unwrap();
            assert_eq!(answer.status, 202, "{}", answer.head);
        }
        counted.extend(sent.unanswered);
        // Who has read a page a moment ago is remembered, whatever the id of the new viewing.
        let known = *counted.first().unwrap();
        let again = client.send(&view_by(u64::MAX - round, known, page_of(known))).unwrap();
        assert_eq!(again.status, 202);
        let stats = server.stats();
        assert_eq!(views(&stats), expected(&counted), "round {round}");
        assert_eq!(stats["uniqueVisitors"], counted.len(), "each has a reader of its own");
        if round == 1 {
            assert_eq!(stats["activeVisitors"], counted.len(), "who was here is still here");
        }
    }
    server.kill();
    assert_sound(&folder);
}

/// Fault 61: a file of an older format, and kills while it is changed.
#[test]
fn a_file_of_the_first_format_counts_as_before_whenever_the_change_was_broken_off() {
    let folder = site();
    folder.build();
    let old = fs::read("tests/databases/format-1.redb.zst").unwrap();
    let old = zstd::decode_all(old.as_slice()).unwrap();
    let file = folder.path("state/analytics.redb");
    for round in 0..8 {
        let _ = fs::remove_dir_all(folder.path("state"));
        fs::create_dir(folder.path("state")).unwrap();
        fs::write(&file, &old).unwrap();
        for kill in 0..3 {
            let child = folder.command(&["stats", "--json"]).spawn().unwrap();
            let mut child = Guard(child);
            let began = Instant::now();
            while began.elapsed() < Duration::from_millis(round * 4 + kill * 3) {
                std::thread::yield_now();
            }
            child.0.kill().unwrap();
        }
        let ran = folder.run(&["stats", "--json"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        let stats: Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!((&stats["totalPageViews"], &stats["uniqueVisitors"]), (&10.into(), &5.into()));
        assert_eq!(views(&stats), BTreeMap::from([("/".into(), 5), ("/about/".into(), 5)]));
        let store = Store::open(&file).unwrap();
        assert!(Query::new(Arc::new(store)).verify().unwrap(), "round {round}");
        assert!(folder.has("state/analytics.redb.v1"));
    }
}

/// Fault 3: asked to end under load.
#[test]
fn a_server_that_is_asked_to_end_finishes_what_it_has_accepted() {
    for signal in [Signal::TERM, Signal::INT] {
        let folder = site();
        let server = folder.serve(&[]);
        let readers = Readers::start(&server, &Arc::new(AtomicU64::new(1)));
        readers.await_answers(200);
        let mut idle = Client::new(server.address);
        assert_eq!(idle.get("/").unwrap().status, 200);
        let stream = begin(&server, "GET /_/stats/live HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let half = begin(&server, "GET / HTTP/1.1\r\nHost: loc");
        server.signal(signal);
        assert_eq!(server.wait().code(), Some(0), "{signal:?}");
        let sent = readers.join();
        let ran = folder.run(&["stats", "--json"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        let stats: Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(views(&stats), expected(&sent.acknowledged), "{signal:?}");
        assert!(!folder.has("state/serve.addr"));
        drop((idle, stream, half));
    }
}

/// A connection on which this was sent, and no more.
fn begin(server: &Server, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// The site as the web sees it: without what the program keeps for itself.
fn web(output: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = tree(output);
    files.retain(|path, _| !path.starts_with(".tallymark"));
    files
}

/// Nothing is left over from a build.
#[track_caller]
fn assert_tidy(folder: &Folder) {
    for leftover in
        [".public.staging", "public/.tallymark/staging", "public/.tallymark/journal.json"]
    {
        assert!(!folder.has(leftover), "{leftover} is left");
    }
}

/// Starts a build and kills it when `is_time`, unless it is done by then.
fn kill_a_build(folder: &Folder, mut is_time: impl FnMut(Duration) -> bool) {
    let mut build = Guard(folder.command(&["build"]).spawn().unwrap());
    let began = Instant::now();
    while build.0.try_wait().unwrap().is_none() && !is_time(began.elapsed()) {
        std::thread::yield_now();
    }
}

/// Fault 2: killed while building.
#[test]
fn a_first_build_that_is_killed_publishes_nothing() {
    let folder = sample_site(200);
    let began = Instant::now();
    folder.build();
    let (whole, duration) = (tree(&folder.path("public")), began.elapsed());
    let mut kills_before_the_end = 0;
    for round in 0..16 {
        fs::remove_dir_all(folder.path("public")).unwrap();
        kill_a_build(&folder, |elapsed| elapsed >= duration * round / 15);
        if folder.has("public") {
            assert_eq!(web(&folder.path("public")), web_of(&whole), "round {round}");
        } else {
            kills_before_the_end += 1;
        }
        folder.build();
        assert_eq!(tree(&folder.path("public")), whole, "round {round}");
        assert_tidy(&folder);
    }
    assert!(kills_before_the_end > 5, "{kills_before_the_end}");
}

fn web_of(whole: &BTreeMap<PathBuf, Vec<u8>>) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = whole.iter().filter(|(path, _)| !path.starts_with(".tallymark"));
    files.map(|(path, bytes)| (path.clone(), bytes.clone())).collect()
}

/// Writes every post of a site anew; the two editions differ in each, and in which posts there are.
fn write_edition(folder: &Folder, edition: usize) {
    for number in (1..=150_usize).filter(|number| !number.is_multiple_of(7)) {
        let text = sample_post(number).replace("The text", &format!("Edition {edition}"));
        folder.write(&format!("content/blog/post-{number}.md"), &text);
    }
    let (new, old) = (format!("content/blog/only-{edition}.md"), 1 - edition);
    folder.write(&new, &sample_post(1000 + edition));
    let _ = fs::remove_file(folder.path(&format!("content/blog/only-{old}.md")));
}

/// Fault 2: killed while building.
#[test]
fn a_later_build_that_is_killed_leaves_the_old_site_or_the_next_start_completes_the_new() {
    let folder = sample_site(150);
    let output = folder.path("public");
    let editions = [0, 1].map(|edition| {
        write_edition(&folder, edition);
        let began = Instant::now();
        folder.build();
        (web(&output), began.elapsed())
    });
    let duration = editions[1].1;
    let journal = output.join(".tallymark/journal.json");
    let (mut unfinished, mut current) = (0, 1);
    for round in 0..24_u32 {
        let next = 1 - current;
        write_edition(&folder, next);
        kill_a_build(&folder, |elapsed| match round % 3 {
            0 => journal.exists(),
            _ => elapsed >= duration * round / 23,
        });
        let (old, new) = (&editions[current].0, &editions[next].0);
        let found = web(&output);
        if journal.exists() {
            unfinished += 1;
            for (path, bytes) in &found {
                let is_whole = old.get(path) == Some(bytes) || new.get(path) == Some(bytes);
                assert!(is_whole, "round {round}: {}", path.display());
            }
        } else {
            assert!(found == *old || found == *new, "round {round}: a mixture");
        }
        let was_decided = journal.exists() || found == *new;
        tallymark::publish::open(&output).unwrap().unwrap();
        let expected = if was_decided { new } else { old };
        assert!(web(&output) == *expected, "round {round}: the next start completes or lets be");
        folder.build();
        assert!(web(&output) == *new, "round {round}");
        assert_tidy(&folder);
        current = next;
    }
    assert!(unfinished > 0, "no kill came between the decision and the end");
}

/// Fault 55: several builds at once.
#[test]
fn builds_at_the_same_time_wait_for_one_another() {
    let folder = sample_site(20);
    folder.build();
    let whole = tree(&folder.path("public"));
    for round in 0..6 {
        // The first builds of a site, and later ones.
        if round % 2 == 0 {
            fs::remove_dir_all(folder.path("public")).unwrap();
        } else {
            folder.write("content/blog/post-1.md", &sample_post(1).replace("The text", "A text"));
        }
        let builds = [(); 5].map(|()| Guard(folder.command(&["build"]).spawn().unwrap()));
        for mut build in builds {
            until("the build has ended", || build.0.try_wait().unwrap().is_some());
            assert!(build.0.wait().unwrap().success(), "round {round}");
        }
        if round % 2 == 1 {
            folder.write("content/blog/post-1.md", &sample_post(1));
            folder.build();
        }
        assert!(tree(&folder.path("public")) == whole, "round {round}");
        assert_tidy(&folder);
    }
}

/// Fault 5: a full disk while building.
#[test]
fn a_build_on_a_full_disk_leaves_the_old_site() {
    let folder = sample_site(10);
    let Some(disk) = SmallDisk::mount(folder.scratch().join("disk"), "3m") else { return };
    folder.write(
        "tallymark.toml",
        "base_url = \"https://example.org\"\noutput_dir = \"../disk/public\"\n",
    );
    let output = disk.folder.join("public");
    fs::write(folder.path("static/large.bin"), vec![7; 4 << 20]).unwrap();
    let first = folder.run(&["build"]);
    assert_eq!(first.code, 3, "{}", first.err);
    assert!(
        first.err.contains("large.bin") && first.err.contains("No space left"),
        "{}",
        first.err
    );
    assert_eq!(tree(&disk.folder).len(), 0, "nothing is left of a first build");
    fs::remove_file(folder.path("static/large.bin")).unwrap();
    folder.build();
    let old = tree(&output);
    disk.fill();
    for number in 1..=10 {
        let name = if number == 7 { "post-7/index".to_owned() } else { format!("post-{number}") };
        let text = sample_post(number).replace("The text", &"A much longer text. ".repeat(500));
        folder.write(&format!("content/blog/{name}.md"), &text);
    }
    let full = folder.run(&["build"]);
    assert_eq!(full.code, 3, "{}", full.err);
    assert!(full.err.contains("No space left") && full.err.contains('`'), "{}", full.err);
    assert_eq!(tree(&output), old);
    let server = folder.serve(&["--no-watch"]);
    assert!(server.page("/post-1/").contains("The text of post 1."), "it is served as it is");
    drop(server);
    disk.empty();
    folder.build();
    assert!(fs::read_to_string(output.join("post-1/index.html")).unwrap().contains("longer text"));
    assert!(!output.join(".tallymark/staging").exists());
}

/// Fault 4: a full disk while storing.
#[test]
fn a_full_disk_stops_counting_but_not_the_site_and_space_mends_it() {
    let folder = site();
    let Some(disk) = SmallDisk::mount(folder.scratch().join("disk"), "6m") else { return };
    let state = disk.folder.join("state").display().to_string();
    let server = folder.serve(&["--no-watch", "--state", &state]);
    let mut client = Client::new(server.address);
    let mut counted = BTreeSet::new();
    disk.fill();
    let mut refused = None;
    for number in 1..20_000 {
        let answer = client.send(&view(number, page_of(number))).unwrap();
        if answer.status == 503 {
            assert!(answer.head.to_ascii_lowercase().contains("retry-after: "), "{}", answer.head);
            refused = Some(number);
            break;
        }
        assert_eq!(answer.status, 202, "{}", answer.head);
        counted.insert(number);
    }
    let refused = refused.expect("a full disk is noticed");
    assert_eq!(server.get("/_/health").status, 503);
    assert!(server.page("/post-1/").contains("The text of post 1"), "the site is served as ever");
    assert_eq!(views(&server.stats()), expected(&counted), "what is stored is shown");
    disk.empty();
    until("events are taken again", || {
        client.send(&view(refused, page_of(refused))).unwrap().status == 202
    });
    counted.insert(refused);
    assert_eq!(server.get("/_/health").status, 200);
    assert_eq!(views(&server.stats()), expected(&counted));
    server.kill();
    let server = folder.serve(&["--no-watch", "--state", &state]);
    assert_eq!(views(&server.stats()), expected(&counted));
}

/// A corpus of real content, copied to where a site may be; none where the content is not at hand, which is told.
fn corpus(name: &str) -> Option<Folder> {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora");
    if !corpora.is_dir() {
        #[expect(clippy::print_stderr, reason = "who runs the tests must know what was not tested")]
        {
            eprintln!("passed over: the corpora are not beside the repository");
        }
        return None;
    }
    let source = corpora.join(name);
    let folder = Folder::with(&[(
        "tallymark.toml",
        "base_url = \"https://example.org\"\ntitle = \"A corpus\"\n",
    )]);
    let entries = WalkDir::new(&source).into_iter().map(Result::unwrap);
    for entry in entries.filter(|entry| entry.file_type().is_file()) {
        let target = folder.path("content").join(entry.path().strip_prefix(&source).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(entry.path(), target).unwrap();
    }
    Some(folder)
}

#[test]
fn real_content_of_others_is_built_or_told_what_is_wrong_with_it() {
    for name in
        ["hugo-docs/content", "jekyll-docs/docs", "markdown-site/content", "tabi/content", "til"]
    {
        let Some(folder) = corpus(name) else { return };
        for command in ["build", "check"] {
            let ran = folder.run(&[command]);
            assert!(!ran.err.contains("panicked"), "{name}: {}", ran.err);
            assert!(matches!(ran.code, 0 | 1), "{name}: {} {}", ran.code, ran.err);
            let mut errors = ran.err.lines().filter(|line| line.contains(" error: "));
            let names_a_file = |line: &str| line.starts_with("content/") || line.contains(".html");
            assert!(errors.all(names_a_file), "{name}: {}", ran.err);
            let is_told = ran.err.contains(" error: ") || ran.err.contains(" warning: ");
            assert!(ran.code == 0 || is_told, "{name}: {}", ran.err);
        }
    }
}

/// The value of a key in the front matter of a reference page.
fn front_matter(text: &str, key: &str) -> Option<String> {
    let lines = text.lines().skip(1).take_while(|line| *line != "---");
    let mut values = lines.filter_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    Some(values.next()?.trim().trim_matches('"').to_owned())
}

#[test]
fn the_reference_site_is_built_whole() {
    let Some(folder) = corpus("markdown-site/content") else { return };
    let ran = folder.run(&["build"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let files = web(&folder.path("public"));
    let text = |path: &Path| String::from_utf8_lossy(&files[path]).into_owned();
    let catalog: Value = serde_json::from_str(&folder.read("public/.tallymark/site.json")).unwrap();
    let pages = catalog["pages"].as_object().unwrap();
    let of_kind = |kind| pages.iter().filter(move |(_, page)| page["kind"] == kind);
    assert_eq!((of_kind("blog").count(), of_kind("page").count()), (25, 16));
    for (path, _) in of_kind("blog").chain(of_kind("page")) {
        let html = text(&PathBuf::from(&path[1..]).join("index.html"));
        assert_eq!(html.matches("<script defer src=\"/_/beacon.").count(), 1, "{path}");
    }
    let sources = tree(&folder.path("content"));
    let sources = sources.values().map(|bytes| String::from_utf8_lossy(bytes));
    let drafts: Vec<String> = sources
        .filter(|text| front_matter(text, "published").as_deref() == Some("false"))
        .map(|text| front_matter(&text, "slug").unwrap())
        .collect();
    assert_eq!(drafts.len(), 2);
    for slug in drafts {
        let named = files.keys().filter(|path| text(path).contains(&format!("/{slug}/")));
        assert_eq!(named.collect::<Vec<_>>(), Vec::<&PathBuf>::new(), "{slug}");
        assert!(!files.contains_key(&PathBuf::from(&slug).join("index.html")), "{slug}");
    }
    let unlisted = "workos-with-convex-cursor";
    let naming = files.keys().filter(|path| text(path).contains(unlisted));
    assert_eq!(naming.collect::<Vec<_>>(), [&PathBuf::from(unlisted).join("index.html")]);
}
