//! Each command as the terminal sees it: its exit code, both of its streams, and what it leaves on disk.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use walkdir::WalkDir;

use crate::program::{Client, Folder, Guard, Ran, sample_post, sample_site, tree, view};

const SETTINGS: &str = "base_url = \"https://example.org\"\ntitle = \"Mine\"\n";
const HELLO: &str = "---\ntitle: Hello\ndate: 2025-01-02\n---\n\nHello, reader.\n";

/// A small site without a mistake.
fn small_site() -> Folder {
    Folder::with(&[("tallymark.toml", SETTINGS), ("content/blog/hello.md", HELLO)])
}

/// Asserts how a command has ended, and that it says each of `words` on the stream for reports.
#[track_caller]
pub(crate) fn expect(ran: &Ran, code: i32, words: &[&str]) {
    assert_eq!(ran.code, code, "{}{}", ran.out, ran.err);
    for word in words {
        assert!(ran.err.contains(word), "`{word}` is not in: {}", ran.err);
    }
    assert!(!ran.err.contains("panicked"), "{}", ran.err);
}

#[test]
fn a_new_site_builds_and_serves_at_once() {
    let folder = Folder::new();
    let ran = folder.run(&["init", "blog"]);
    expect(&ran, 0, &["made a site in `blog`", "tallymark --root blog serve --open"]);
    assert_eq!(ran.out, "");
    let ran = folder.run(&["--root", "blog", "build"]);
    expect(&ran, 0, &["built ", " pages in "]);
    assert!(!ran.err.contains("error") && ran.out.is_empty(), "{}", ran.err);
    assert!(folder.has("blog/public/hello-world/index.html"));
    let server = folder.serve(&["--root", "blog"]);
    for address in ["/", "/hello-world/", "/about/", "/stats/", "/feed.xml", "/_/health"] {
        assert_eq!(server.get(address).status, 200, "{address}");
    }
    assert!(server.page("/").contains("Hello"), "the first post is in the list");
    assert_eq!(server.get("/nothing/").status, 404);
}

#[test]
fn a_new_site_needs_an_empty_folder() {
    let folder = Folder::with(&[("full/letter.txt", "dear"), ("file", "dear")]);
    let before = tree(folder.scratch());
    expect(&folder.run(&["init", "full"]), 2, &["`", "full` is not empty; name a new folder"]);
    expect(&folder.run(&["init", "file"]), 2, &["file` is a file; name a new folder"]);
    expect(&folder.run(&["init"]), 2, &["Usage"]);
    assert_eq!(tree(folder.scratch()), before);
    fs::create_dir(folder.path("empty")).unwrap();
    expect(&folder.run(&["init", "empty"]), 0, &[]);
}

#[test]
fn a_new_post_is_a_draft_and_a_new_page_is_published() {
    let folder = small_site();
    let post = folder.run(&["new", "post", "Tea: \"black\"", "& green"]);
    expect(&post, 0, &["a draft: remove `draft: true`"]);
    assert_eq!(post.out, "content/blog/tea-black-green.md\n");
    let page = folder.run(&["new", "page", "Contact me"]);
    expect(&page, 0, &[]);
    assert_eq!(page.out, "content/contact-me.md\n");
    folder.build();
    assert!(folder.has("public/contact-me/index.html"));
    assert!(!folder.has("public/tea-black-green"));
    expect(&folder.run(&["build", "--drafts"]), 0, &[]);
    assert!(folder.read("public/tea-black-green/index.html").contains("Tea: "));
    let written = folder.read("content/contact-me.md");
    expect(&folder.run(&["new", "page", "Contact me"]), 2, &["exists already"]);
    assert_eq!(folder.read("content/contact-me.md"), written);
    expect(&folder.run(&["new", "post", "🎉"]), 2, &["has no letter or digit"]);
    expect(&Folder::new().run(&["new", "post", "x"]), 2, &["no site in", "tallymark init"]);
}

/// When and where each file was written.
fn marks(folder: &Path) -> Vec<(String, u64, i64, i64)> {
    let entries = WalkDir::new(folder).sort_by_file_name().into_iter().map(Result::unwrap);
    entries
        .map(|entry| {
            let metadata = entry.metadata().unwrap();
            let name = entry.path().display().to_string();
            (name, metadata.ino(), metadata.mtime(), metadata.mtime_nsec())
        })
        .filter(|(name, ..)| !name.contains("/.tallymark"))
        .collect()
}

#[test]
fn building_again_writes_nothing_and_an_edit_only_what_it_touches() {
    let folder = sample_site(30);
    folder.build();
    let (before, bytes) = (marks(&folder.path("public")), tree(&folder.path("public")));
    folder.build();
    assert_eq!(marks(&folder.path("public")), before);
    assert_eq!(tree(&folder.path("public")), bytes);
    let edited = sample_post(3).replace("The text", "Other text");
    folder.write("content/blog/post-3.md", &edited);
    folder.build();
    let after = tree(&folder.path("public"));
    let changed = after.iter().filter(|(path, file)| bytes.get(*path) != Some(file));
    let changed: Vec<String> = changed.map(|(path, _)| path.display().to_string()).collect();
    assert!(changed.contains(&"post-3/index.html".to_owned()), "{changed:?}");
    assert!(!changed.contains(&"post-4/index.html".to_owned()), "{changed:?}");
}

#[test]
fn one_thread_and_many_give_the_same_bytes_and_so_does_an_edit_undone() {
    let folder = sample_site(60);
    let build = |output: &str, jobs: &[&str]| {
        expect(&folder.run(&[&["build", "--output", output], jobs].concat()), 0, &["built "]);
        tree(&folder.path(output))
    };
    let one = build("out/one", &["--jobs", "1"]);
    assert!(one.len() > 150, "posts, redirects, tags: {}", one.len());
    assert_eq!(build("out/two", &["--jobs", "2"]), one);
    assert_eq!(build("out/any", &[]), one);
    folder.write(
        "content/blog/post-8.md",
        &sample_post(8).replace("Post 8", "Another").replace("tag-3", "tag-2"),
    );
    folder.write("content/blog/more.md", &sample_post(99));
    assert_ne!(build("out/two", &[]), one);
    folder.write("content/blog/post-8.md", &sample_post(8));
    fs::remove_file(folder.path("content/blog/more.md")).unwrap();
    let again = build("out/two", &[]);
    let catalog = Path::new(".tallymark/site.json");
    for (path, bytes) in &one {
        // The catalog remembers the titles of pages that are gone.
        assert!(path == catalog || again.get(path) == Some(bytes), "{}", path.display());
    }
    assert_eq!(again.len(), one.len());
}

#[test]
fn all_mistakes_are_told_at_once_and_the_old_site_stays() {
    let folder = small_site();
    folder.build();
    let before = tree(&folder.path("public"));
    folder.write("content/blog/date.md", "---\ntitle: When\ndate: 2025-13-01\n---\n");
    folder.write("content/blog/undated.md", "# Undated\n");
    folder.write("content/open.md", "---\ntitle: Open\n");
    folder.write("content/one.md", "---\nslug: same\n---\n");
    folder.write("content/two.md", "---\nslug: same\n---\n");
    folder.write("content/type.md", "---\ntitle: [1]\n---\n");
    folder.write("templates/page.html", "{% if %}");
    let ran = folder.run(&["build"]);
    let told = [
        "content/blog/date.md:3:7: error",
        "content/blog/undated.md",
        "content/open.md",
        "content/one.md",
        "content/two.md",
        "content/type.md:2:8: error",
        "templates/page.html",
        "help: ",
        " errors",
        "nothing was published; the site is as it was before",
    ];
    expect(&ran, 1, &told);
    assert_eq!(ran.out, "");
    assert_eq!(tree(&folder.path("public")), before);
    let checked = folder.run(&["check"]);
    expect(&checked, 1, &told[..7]);
    assert_eq!(tree(&folder.path("public")), before);
}

#[test]
fn warnings_stop_only_those_who_are_strict() {
    let folder = small_site();
    folder.write("content/about.md", "# About\n\nSee [this](nowhere.md).\n");
    let warning = ["content/about.md:3:", "warning", "nowhere.md", "help: "];
    expect(&folder.run(&["build", "--strict"]), 1, &warning);
    assert!(!folder.has("public"));
    expect(&folder.run(&["check"]), 1, &warning);
    assert!(!folder.has("public"), "a check builds nothing");
    expect(&folder.run(&["build"]), 0, &warning);
    assert!(folder.has("public/about/index.html"));
    folder.write("content/about.md", "# About\n");
    expect(&folder.run(&["build", "--strict"]), 0, &[]);
    expect(&folder.run(&["check"]), 0, &["nothing is wrong"]);
}

#[test]
fn a_build_can_be_read_by_programs() {
    let folder = small_site();
    folder.write("content/about.md", "# About\n\nSee [this](nowhere.md).\n");
    let ran = folder.run(&["build", "--json"]);
    expect(&ran, 0, &["built "]);
    let told: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(told["built"], true);
    assert!(told["pages"].as_u64().unwrap() >= 3 && told["written"].as_u64().unwrap() >= 3);
    let problem = &told["problems"][0];
    assert_eq!(
        (&problem["severity"], &problem["file"]),
        (&"warning".into(), &"content/about.md".into())
    );
    assert_eq!(problem["line"], 3);
    assert!(problem["help"].is_string() && problem["message"].is_string());
    folder.write("content/open.md", "---\ntitle: Open\n");
    let ran = folder.run(&["build", "--json"]);
    expect(&ran, 1, &[]);
    let told: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&told["built"], &told["written"]), (&false.into(), &0.into()));
    assert_eq!(told["problems"].as_array().unwrap().len(), 2);
}

#[test]
fn color_is_for_terminals_and_for_those_who_ask() {
    let folder = small_site();
    folder.write("content/open.md", "---\ntitle: Open\n");
    let colored = |args: &[&str], variable: Option<(&str, &str)>| {
        let mut command = folder.command(args);
        command.envs(variable);
        let ran = Ran::of(command);
        expect(&ran, 1, &[]);
        ran.err.contains('\u{1b}')
    };
    assert!(!colored(&["build"], None), "a pipe gets plain text");
    assert!(!colored(&["build"], Some(("NO_COLOR", "1"))));
    assert!(colored(&["build"], Some(("CLICOLOR_FORCE", "1"))));
    assert!(colored(&["build", "--color", "always"], None));
    assert!(!colored(&["build", "--color", "never"], Some(("CLICOLOR_FORCE", "1"))));
}

/// Fault 53: an output folder that is precious.
#[test]
fn folders_that_matter_are_never_written_into() {
    let folder = small_site();
    for file in
        ["templates/x.html", "themes/x/theme.toml", "static/x.txt", "state/x", "data/x.toml"]
    {
        folder.write(file, "");
    }
    folder.write(".git/HEAD", "ref: refs/heads/main\n");
    fs::write(folder.scratch().join("home/letter.txt"), "dear").unwrap();
    std::os::unix::fs::symlink(folder.path("content"), folder.path("link")).unwrap();
    std::os::unix::fs::symlink(folder.scratch(), folder.path("up")).unwrap();
    let before = tree(folder.scratch());
    let home = folder.scratch().join("home").display().to_string();
    let scratch = folder.scratch().display().to_string();
    let site = folder.path("").display().to_string();
    for output in [
        "/",
        &home,
        &scratch,
        &site,
        ".",
        "..",
        "../..",
        "content",
        "content/blog",
        "content/new/deep",
        "templates",
        "templates/new",
        "themes",
        "themes/x",
        "static",
        "static/new",
        "state",
        "data",
        ".git",
        ".git/objects",
        "link",
        "link/new",
        "up",
        "up/site",
        "up/home",
        "../site/content",
        "public/../content",
    ] {
        for force in [&[][..], &["--force"]] {
            let ran = folder.run(&[&["build", "--output", output], force].concat());
            expect(&ran, 2, &["is not a folder for output", "--output"]);
        }
    }
    expect(&folder.run(&["build", "--output", "tallymark.toml"]), 2, &["is a file, not a folder"]);
    assert_eq!(tree(folder.scratch()), before);
    folder.write("tallymark.toml", "output_dir = \"content\"\n");
    for command in [&["build"][..], &["serve", "--port", "0"]] {
        expect(&folder.run(command), 2, &["it is where the content is"]);
    }
}

/// Fault 54: an output folder with files of others.
#[test]
fn files_of_others_are_neither_overwritten_unasked_nor_ever_deleted() {
    let folder = small_site();
    folder.write("out/precious.txt", "mine");
    folder.write("out/deep/precious.txt", "mine");
    let before = tree(folder.scratch());
    let ran = folder.run(&["build", "--output", "out"]);
    expect(&ran, 2, &["holds files that were not built here", "precious.txt", "--force"]);
    assert_eq!(tree(folder.scratch()), before);
    expect(&folder.run(&["build", "--output", "out", "--force"]), 0, &[]);
    assert!(folder.has("out/hello/index.html"));
    fs::remove_file(folder.path("content/blog/hello.md")).unwrap();
    folder.write("content/about.md", "# About\n");
    expect(&folder.run(&["build", "--output", "out", "--force"]), 0, &[]);
    assert!(!folder.has("out/hello"), "what a build wrote and needs no more is removed");
    assert_eq!(folder.read("out/precious.txt"), "mine");
    assert_eq!(folder.read("out/deep/precious.txt"), "mine");
}

#[test]
fn what_is_removed_from_the_content_is_removed_from_the_site_and_nothing_else() {
    let folder = sample_site(8);
    folder.build();
    let before = tree(&folder.path("public"));
    fs::remove_dir_all(folder.path("content/blog/post-7")).unwrap();
    folder.build();
    let after = tree(&folder.path("public"));
    let gone: Vec<String> = before
        .keys()
        .filter(|path| !after.contains_key(*path))
        .map(|path| path.display().to_string())
        .collect();
    assert_eq!(gone, ["old/7/index.html", "post-7/index.html", "post-7/notes.txt"]);
    assert!(
        !folder.has("public/post-7") && !folder.has("public/old/7"),
        "nor is an empty folder left"
    );
}

#[test]
fn a_file_becomes_a_folder_and_a_folder_a_file() {
    let folder = small_site();
    folder.write("static/thing", "a file\n");
    folder.build();
    assert_eq!(folder.read("public/thing"), "a file\n");
    fs::remove_file(folder.path("static/thing")).unwrap();
    folder.write("content/thing.md", "# Thing\n");
    folder.build();
    assert!(folder.read("public/thing/index.html").contains("Thing"));
    fs::remove_file(folder.path("content/thing.md")).unwrap();
    folder.write("static/thing", "a file again\n");
    folder.build();
    assert_eq!(folder.read("public/thing"), "a file again\n");
}

#[test]
fn a_taken_port_is_the_machines_failure_and_has_a_remedy() {
    let folder = small_site();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ran = folder.run(&["serve", "--port", &port]);
    expect(&ran, 3, &["cannot listen at", &port, "choose another port with `--port`"]);
}

/// Fault 10: a damaged or foreign database.
#[test]
fn a_damaged_database_is_told_of_and_left_alone() {
    let folder = small_site();
    for content in [&b"\x89PNG\r\n\x1a\n and more"[..], &vec![0x5a; 70_000]] {
        fs::create_dir_all(folder.path("state")).unwrap();
        fs::write(folder.path("state/analytics.redb"), content).unwrap();
        for args in [&["serve", "--port", "0"][..], &["stats"]] {
            folder.build();
            let ran = folder.run(args);
            expect(&ran, 3, &["state/analytics.redb", "it is not a tallymark database"]);
            assert_eq!(fs::read(folder.path("state/analytics.redb")).unwrap(), content);
        }
    }
}

/// Fault 11: two processes on one database.
#[test]
fn a_second_server_on_a_database_ends_and_leaves_the_first_alone() {
    let folder = small_site();
    let first = folder.serve(&[]);
    let began = Instant::now();
    let ran = folder.run(&["serve", "--port", "0"]);
    expect(&ran, 3, &["state/analytics.redb", "another process has it open"]);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let sent = Client::new(first.address).send(&view(1, "/hello/")).unwrap();
    assert_eq!(sent.status, 202, "{}", sent.head);
    assert_eq!(first.stats()["totalPageViews"], 1);
    expect(&folder.run(&["stats"]), 0, &[]);
}

#[test]
fn wrong_usage_is_told_apart_from_mistakes() {
    let folder = small_site();
    for args in [
        &[][..],
        &["bild"],
        &["build", "--nonsense"],
        &["build", "--jobs", "0"],
        &["build", "--base-url", "example.org"],
        &["serve", "--port", "70000"],
        &["serve", "--address", "here"],
        &["new", "post"],
        &["completions", "tcsh"],
        &["stats", "--json", "--csv"],
        &["stats", "/../x"],
        &["stats", "--period", "8d"],
        &["--quiet", "--verbose", "build"],
    ] {
        let ran = folder.run(args);
        expect(&ran, 2, &[]);
        assert!(ran.out.is_empty() && !ran.err.is_empty(), "{args:?}");
    }
    let nowhere = Folder::new();
    for args in [&["build"][..], &["check"], &["serve", "--port", "0"], &["stats"]] {
        expect(&nowhere.run(args), 2, &["no site in", "`tallymark init DIR`", "`--root`"]);
    }
    assert!(!folder.has("public"));
}

#[test]
fn what_was_asked_for_goes_to_the_output() {
    let folder = Folder::new();
    for (args, word) in [
        (&["--version"][..], "tallymark 0."),
        (&["--help"], "Usage: tallymark"),
        (&["help", "build"], "--strict"),
        (&["completions", "bash"], "_tallymark"),
        (&["completions", "zsh"], "#compdef tallymark"),
        (&["completions", "fish"], "complete -c tallymark"),
        (&["man"], ".TH tallymark"),
    ] {
        let ran = folder.run(args);
        expect(&ran, 0, &[]);
        assert!(ran.out.contains(word) && ran.err.is_empty(), "{args:?}: {}{}", ran.out, ran.err);
    }
}

#[test]
fn a_reader_who_has_read_enough_is_no_failure() {
    let folder = Folder::new();
    for args in [&["man"][..], &["completions", "bash"]] {
        let mut child = Guard(folder.command(args).spawn().unwrap());
        drop(child.0.stdout.take());
        assert_eq!(child.0.wait().unwrap().code(), Some(0), "{args:?}");
    }
}

#[test]
fn wrong_settings_are_the_authors_mistakes() {
    let folder = small_site();
    for (settings, words) in [
        ("title = \n", &["tallymark.toml:1:", "error"][..]),
        (
            "titel = \"x\"\nbase_url = \"https://example.org\"\n",
            &["tallymark.toml:1:1: error", "`title`"],
        ),
        ("paginate_by = \"many\"\n", &["tallymark.toml:1:", "error", "paginate_by"]),
    ] {
        folder.write("tallymark.toml", settings);
        expect(&folder.run(&["build"]), 1, words);
        expect(&folder.run(&["check"]), 1, words);
        expect(&folder.run(&["serve", "--port", "0"]), 1, words);
    }
    assert!(!folder.has("public"));
    expect(&folder.run(&["build", "--config", "missing.toml"]), 3, &["missing.toml"]);
}

#[test]
fn settings_are_optional() {
    let folder = Folder::with(&[("content/blog/hello.md", HELLO)]);
    expect(&folder.run(&["build"]), 0, &["warning", "base_url", "built "]);
    assert!(folder.read("public/hello/index.html").contains("Hello, reader."));
    let quiet = folder.run(&["--quiet", "build"]);
    expect(&quiet, 0, &[]);
    assert_eq!((quiet.out.as_str(), quiet.err.as_str()), ("", ""));
}

#[test]
fn a_built_site_is_hosted_where_its_sources_are_not() {
    let folder = small_site();
    folder.build();
    let elsewhere = Folder::new();
    fs::rename(folder.path("public"), elsewhere.path("public")).unwrap();
    let server = elsewhere.serve(&[]);
    assert!(server.page("/hello/").contains("Hello, reader."));
    assert_eq!(server.get("/.tallymark/site.json").status, 404);
    assert_eq!(Client::new(server.address).send(&view(1, "/hello/")).unwrap().status, 202);
    let stats = server.stats();
    assert_eq!(stats["publishedPosts"], 1);
    assert_eq!(stats["pageStats"][0]["title"], "Hello");
    assert!(server.page("/stats/").contains("Hello"));
}

#[test]
fn statistics_are_the_same_from_the_server_and_from_its_database() {
    let folder = small_site();
    folder.write("content/about.md", "---\ntitle: '=1+1, \"about\"'\n---\n");
    let server = folder.serve(&[]);
    let mut client = Client::new(server.address);
    for (number, path) in [(1, "/hello/"), (2, "/hello/"), (3, "/about/")] {
        assert_eq!(client.send(&view(number, path)).unwrap().status, 202);
    }
    let json = server.get("/_/stats.json").body;
    let running =
        [&["stats"][..], &["stats", "--csv"], &["stats", "/hello/"]].map(|args| folder.run(args));
    let live = folder.run(&["stats", "--json"]);
    expect(&live, 0, &[]);
    assert_eq!((live.out.trim_end(), live.err.as_str()), (json.as_str(), ""));
    assert!(
        running[0].out.starts_with("3 people are reading right now. 3 views by 3 visitors since ")
    );
    assert!(running[0].out.contains("    2         2      0  Hello"), "{}", running[0].out);
    assert_eq!(
        running[1].out,
        "path,title,pageType,views,visitors,reads\r\n/hello/,Hello,blog,2,2,0\r\n\
         /about/,\"'=1+1, \"\"about\"\"\",page,1,1,0\r\n"
    );
    assert!(running[2].out.contains("Hello") && !running[2].out.contains("about"));
    server.kill();
    assert!(folder.has("state/serve.addr"), "the address of a server that was killed stays behind");
    let still = folder.run(&["stats", "--json"]);
    expect(&still, 0, &[]);
    assert_eq!(still.out.trim_end(), json);
    for (ran, args) in running[1..].iter().zip([&["stats", "--csv"][..], &["stats", "hello"]]) {
        assert_eq!(folder.run(args).out, ran.out, "{args:?}");
    }
    let none = folder.run(&["stats", "/unread/"]);
    expect(&none, 0, &["no view of `/unread/` has been counted"]);
    assert_eq!(none.out, "");
}

#[test]
fn a_period_is_the_same_from_the_server_and_from_its_database() {
    let folder = small_site();
    let server = folder.serve(&[]);
    let mut client = Client::new(server.address);
    for number in [1, 2] {
        assert_eq!(client.send(&view(number, "/hello/")).unwrap().status, 202);
    }
    let numbers = |period: &str| -> Value {
        let ran = folder.run(&["stats", "--json", "--period", period]);
        expect(&ran, 0, &[]);
        let mut numbers: Value = serde_json::from_str(&ran.out).unwrap();
        if let Some(span) = numbers["period"].as_object_mut() {
            assert_eq!(span["name"], period);
            let [from, to] = ["from", "to"].map(|end| span.remove(end).unwrap().as_i64().unwrap());
            assert!(from < to, "{period}");
        }
        // The hours of the last day are others when another has begun meanwhile.
        numbers.as_object_mut().unwrap().remove("series");
        numbers
    };
    let periods = ["24h", "7d", "28d", "91d", "month", "year", "all"];
    let running = periods.map(numbers);
    let told = folder.run(&["stats", "--period", "7d"]);
    assert!(told.out.contains(" 2 views by 2 visitors in the last 7 days.\n"), "{}", told.out);
    assert!(told.out.contains("    2         2      0  Hello"), "{}", told.out);
    let csv = folder.run(&["stats", "--period", "24h", "--csv"]);
    assert_eq!(csv.out, "path,title,pageType,views,visitors,reads\r\n/hello/,Hello,blog,2,2,0\r\n");
    let none = folder.run(&["stats", "--period", "month", "/unread/"]);
    expect(&none, 0, &["no view of `/unread/` has been counted this month"]);
    server.kill();
    assert_eq!(periods.map(numbers), running);
    assert_eq!(folder.run(&["stats", "--period", "7d"]).out, told.out);
    let unread = small_site();
    unread.build();
    let ran = unread.run(&["stats", "--period", "28d"]);
    expect(&ran, 0, &[]);
    assert!(ran.out.contains("Nothing has been counted in the last 28 days."), "{}", ran.out);
}

#[test]
fn statistics_that_a_server_hides_are_told_to_its_owner_alone() {
    let folder = small_site();
    folder.write("tallymark.toml", &format!("{SETTINGS}[stats]\naccess = \"off\"\n"));
    let server = folder.serve(&[]);
    assert_eq!(Client::new(server.address).send(&view(1, "/hello/")).unwrap().status, 202);
    assert_eq!(server.get("/stats/").status, 404);
    assert_eq!(server.get("/_/stats.json").status, 404);
    let ran = folder.run(&["stats"]);
    expect(&ran, 0, &[]);
    assert!(ran.out.contains("1 view by 1 visitor since "), "{}", ran.out);
    let contact = fs::read_to_string(folder.path("state/serve.addr")).unwrap();
    let (at, _) = contact.split_once('\n').unwrap();
    // Who does not know the key is told nothing, and who has the database is.
    folder.write("state/serve.addr", &format!("{at}\n{}\n", "0".repeat(32)));
    let ran = folder.run(&["stats"]);
    expect(&ran, 3, &["`404 Not Found`", "`stats.access` is `off`", "another process has it open"]);
    server.kill();
    let ran = folder.run(&["stats"]);
    expect(&ran, 0, &[]);
    assert!(ran.out.contains("1 view by 1 visitor since "), "{}", ran.out);
}

#[test]
fn statistics_need_a_built_site_and_nothing_else() {
    let folder = small_site();
    expect(&folder.run(&["stats"]), 2, &["no built site in", "`tallymark build`"]);
    folder.build();
    let ran = folder.run(&["stats"]);
    expect(&ran, 0, &[]);
    assert_eq!(
        ran.out,
        "Nobody is reading right now. Nothing has been counted yet.\n\
         1 post and 0 pages are published.\n"
    );
    assert!(!folder.has("state"), "to look is not to make a database");
    // Another program may listen where a server once did.
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    folder.write("state/serve.addr", &other.local_addr().unwrap().to_string());
    std::thread::spawn(move || {
        for stream in other.incoming().flatten() {
            let _ = std::io::Write::write_all(&mut &stream, b"SSH-2.0-other\r\n");
        }
    });
    expect(&folder.run(&["stats"]), 0, &[]);
}
