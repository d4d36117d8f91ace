//! A running server follows what is saved: how editors save it, in whatever order, mistakes and all.

use std::fs;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use tallymark::clock::{Clock, FixedClock};
use tallymark::pipeline;
use tallymark::watch::{Parts, Watcher};
use tokio::sync::watch;

use crate::program::{Client, Folder, Server, sample_post, sample_site, tree, until, view};
use crate::support::{noon, order};

/// A running server and its folder.
fn served() -> (Folder, Server) {
    let folder = sample_site(2);
    let server = folder.serve(&[]);
    (folder, server)
}

fn post(title: &str, text: &str) -> String {
    format!("---\ntitle: {title}\ndate: 2026-01-02\n---\n\n{text}\n")
}

fn published_posts(server: &Server) -> u64 {
    server.stats()["publishedPosts"].as_u64().unwrap()
}

#[test]
fn a_new_post_is_on_its_page_in_the_lists_and_in_the_numbers() {
    let (folder, server) = served();
    assert_eq!(server.get("/fresh/").status, 404);
    assert_eq!(published_posts(&server), 2);
    folder.write("content/blog/fresh.md", &post("Fresh thoughts", "Just written."));
    until("its page is there", || server.page("/fresh/").contains("Just written."));
    assert!(server.page("/").contains("Fresh thoughts"));
    assert!(server.page("/feed.xml").contains("Fresh thoughts"));
    assert!(server.page("/sitemap.xml").contains("/fresh/"));
    assert_eq!(published_posts(&server), 3);
    assert_eq!(Client::new(server.address).send(&view(1, "/fresh/")).unwrap().status, 202);
    assert_eq!(server.stats()["pageStats"][0]["title"], "Fresh thoughts");
    folder.write("content/blog/fresh.md", &post("Stale thoughts", "Just written."));
    until("statistics have the new title", || {
        server.stats()["pageStats"][0]["title"] == "Stale thoughts"
    });
    fs::remove_file(folder.path("content/blog/fresh.md")).unwrap();
    until("its page is gone", || server.get("/fresh/").status == 404);
    assert!(
        !server.page("/").contains("thoughts") && !server.page("/feed.xml").contains("thoughts")
    );
    assert_eq!(published_posts(&server), 2);
    let gone = &server.stats()["pageStats"][0];
    assert_eq!((&gone["title"], &gone["pageType"]), (&"Stale thoughts".into(), &"gone".into()));
}

#[test]
fn it_does_not_matter_how_an_editor_saves() {
    let (folder, server) = served();
    let file = folder.path("content/blog/post-1.md");
    let shows = |text: &str| until(text, || server.page("/post-1/").contains(text));
    let save = |text: &str| fs::write(&file, post("One", text)).unwrap();
    save("Truncated and written.");
    shows("Truncated and written.");
    let temporary = folder.path("content/blog/.post-1.md.tmp4711");
    fs::write(&temporary, post("One", "Renamed over.")).unwrap();
    fs::rename(&temporary, &file).unwrap();
    shows("Renamed over.");
    // As vim does it: a probe, the old file out of the way, a new one, the old one removed.
    let (probe, backup) =
        (folder.path("content/blog/4913"), folder.path("content/blog/post-1.md~"));
    fs::write(&probe, "").unwrap();
    fs::remove_file(&probe).unwrap();
    fs::rename(&file, &backup).unwrap();
    save("Written anew.");
    fs::remove_file(&backup).unwrap();
    shows("Written anew.");
    for round in 0..20 {
        save(&format!("Typed and saved {round}."));
    }
    shows("Typed and saved 19.");
    fs::rename(&file, folder.path("content/blog/renamed.md")).unwrap();
    until("it is where its new name says", || {
        server.page("/renamed/").contains("Typed and saved 19.")
            && server.get("/post-1/").status == 404
    });
    assert!(!server.log().contains("4913"), "{}", server.log());
}

#[test]
fn a_new_folder_is_found_with_all_that_is_in_it() {
    let (folder, server) = served();
    folder.write("content/blog/trip/index.md", &post("Trip", "![A map](map.svg)"));
    folder.write("content/blog/trip/map.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>");
    folder.write("content/guide/part/one.md", "# Part one\n");
    until("the bundle and what is beside it are there", || {
        server.page("/trip/").contains("A map") && server.get("/trip/map.svg").status == 200
    });
    until("so is a page in a folder in a folder", || {
        server.page("/guide/part/one/").contains("Part one")
    });
    folder.write("../elsewhere/moved/index.md", &post("Moved", "In one piece."));
    fs::rename(folder.path("../elsewhere/moved"), folder.path("content/blog/moved")).unwrap();
    until("a folder that was moved in", || server.page("/moved/").contains("In one piece."));
    folder.write("content/blog/moved/late.txt", "beside it\n");
    until("what is put there later", || server.page("/moved/late.txt").contains("beside it"));
    fs::remove_dir_all(folder.path("content/blog/moved")).unwrap();
    until("a folder that was removed", || server.get("/moved/").status == 404);
    assert_eq!(server.get("/moved/late.txt").status, 404);
}

#[test]
#[cfg(unix)]
fn what_links_lead_to_is_followed_also_when_a_link_to_a_folder_is_gone() {
    use std::os::unix::fs::symlink;

    let (folder, server) = served();
    folder.write("notes/far.md", "# Far\n\nFirst words.\n");
    symlink("../notes/far.md", folder.path("content/far.md")).unwrap();
    until("a page that is a link", || server.page("/far/").contains("First words."));
    folder.write("notes/far.md", "# Far\n\nOther words.\n");
    until("what it leads to", || server.page("/far/").contains("Other words."));
    folder.write("content/guide/one.md", "# One\n\nHello.\n");
    for (name, address) in [("again", "again"), ("v1.2", "v1-2")] {
        symlink("guide", folder.path(&format!("content/{name}"))).unwrap();
        until("a folder that is a link", || server.get(&format!("/{address}/one/")).status == 200);
        fs::remove_file(folder.path(&format!("content/{name}"))).unwrap();
        until("it is gone", || server.get(&format!("/{address}/one/")).status == 404);
        let words = format!("After {name}.");
        folder.write("content/guide/one.md", &format!("# One\n\n{words}\n"));
        until("the folder itself", || server.page("/guide/one/").contains(&words));
    }
}

#[test]
fn templates_styles_and_settings_are_followed_even_if_they_are_new() {
    let (folder, server) = served();
    folder.write("templates/post.html", "<main>Mine: {{ page.title }}</main>");
    until("a first template", || server.page("/post-1/").contains("Mine: Post 1"));
    folder.write("templates/post.html", "<main>Still mine: {{ page.title }}</main>");
    until("a template that was edited", || server.page("/post-1/").contains("Still mine: Post 1"));
    folder.write("static/print.css", "p { color: black }\n");
    until("a first style", || server.page("/print.css").contains("color"));
    folder.write("static/print.css", "p { margin: 0 }\n");
    until("a style that was edited", || server.page("/print.css").contains("margin"));
    fs::remove_dir_all(folder.path("templates")).unwrap();
    until("templates that were removed", || server.page("/post-1/").contains("<h1"));
    let settings = folder.read("tallymark.toml").replace("Sample", "Renamed site");
    folder.write("tallymark.toml", &settings);
    until("settings", || server.page("/").contains("Renamed site"));
}

#[test]
fn a_mistake_keeps_the_last_good_site_until_it_is_mended() {
    let (folder, server) = served();
    folder.write("content/blog/post-1.md", "---\ntitle: Broken\ndate: never\n---\n");
    until("the mistake is told", || {
        let log = server.log();
        log.contains("content/blog/post-1.md:3:7: error")
            && log.contains("the site stays as it was")
    });
    assert!(server.page("/post-1/").contains("The text of post 1."));
    folder.write("content/blog/post-9.md", &sample_post(9));
    folder.write("templates/post.html", "{% if %}");
    until("the next mistake is told as well", || server.log().contains("templates/post.html:1:"));
    assert_eq!(server.get("/post-9/").status, 404, "nothing is published beside mistakes");
    assert!(server.page("/post-1/").contains("The text of post 1."));
    folder.write("content/blog/post-1.md", &post("Mended", "Better now."));
    fs::remove_file(folder.path("templates/post.html")).unwrap();
    until("what was mended is there", || server.page("/post-1/").contains("Better now."));
    assert!(server.page("/post-9/").contains("The text of post 9."));
    assert_eq!(server.get("/_/health").status, 200);
}

/// Fault 58: a storm of changes.
#[test]
fn a_storm_of_files_ends_in_the_site_that_a_clean_build_gives() {
    let (folder, server) = served();
    for number in 10..310 {
        let name = if number % 3 == 0 { "/index.md" } else { ".md" };
        folder.write(&format!("content/blog/post-{number}{name}"), &sample_post(number));
        if number.is_multiple_of(10) {
            fs::remove_file(folder.path(&format!("content/blog/post-{number}.md")))
                .or_else(|_| {
                    fs::remove_dir_all(folder.path(&format!("content/blog/post-{number}")))
                })
                .unwrap();
        }
    }
    until("all posts are there", || published_posts(&server) == 2 + 270);
    let ran = folder.run(&["build", "--output", "clean"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let web = |name: &str| {
        let mut files = tree(&folder.path(name));
        files.retain(|path, _| !path.starts_with(".tallymark"));
        files
    };
    let clean = web("clean");
    until("every file is that of a clean build", || web("public") == clean);
    for target in ["/", "/feed.xml", "/post-309/", "/post-308/"] {
        let file =
            if target.ends_with('/') { format!("{target}index.html") } else { target.into() };
        assert!(server.page(target).as_bytes() == clean[Path::new(&file[1..])], "{target}");
    }
}

#[test]
fn drafts_stay_hidden_until_they_are_published() {
    let (folder, server) = served();
    let draft = post("Secret plan", "Not yet.").replace("title", "draft: true\ntitle");
    folder.write("content/blog/plan.md", &draft);
    folder.write("content/blog/marker.md", &post("Marker", "Saved after the draft."));
    until("what was saved after it is there", || server.page("/marker/").contains("Saved after"));
    assert_eq!(server.get("/plan/").status, 404);
    for list in ["/", "/feed.xml", "/sitemap.xml"] {
        assert!(!server.page(list).contains("plan"), "{list}");
    }
    assert_eq!(published_posts(&server), 3);
    folder.write("content/blog/plan.md", &post("Secret plan", "Now."));
    until("it is published", || server.page("/plan/").contains("Now."));
    folder.write("content/blog/plan.md", &draft);
    until("it is withdrawn", || server.get("/plan/").status == 404);
}

#[test]
fn what_another_build_publishes_is_served() {
    let folder = sample_site(2);
    folder.write("content/blog/plan.md", &post("Plan", "x").replace("title", "draft: true\ntitle"));
    let server = folder.serve(&[]);
    assert_eq!(server.get("/plan/").status, 404);
    assert_eq!(folder.run(&["build", "--drafts"]).code, 0);
    until("its pages are there", || server.get("/plan/").status == 200);
    assert!(server.page("/").contains("Plan"), "every file is of one site");
}

#[test]
fn a_folder_that_is_only_hosted_follows_what_is_built_into_it() {
    let (source, hosted) = (sample_site(2), Folder::new());
    let output = hosted.path("public");
    let into = |args: &[&str]| {
        let output = output.to_str().unwrap();
        assert_eq!(source.run(&[&["build", "--output", output], args].concat()).code, 0);
    };
    into(&[]);
    let server = hosted.serve(&[]);
    assert_eq!(server.get("/fresh/").status, 404);
    source.write("content/blog/fresh.md", &post("Fresh thoughts", "Just written."));
    into(&[]);
    until("the new post is there", || server.page("/fresh/").contains("Just written."));
    assert_eq!(published_posts(&server), 3);
}

#[test]
fn a_writer_sees_drafts_and_mistakes_and_is_not_counted() {
    let folder = sample_site(2);
    folder.write(
        "content/blog/plan.md",
        &post("Secret plan", "Not yet.").replace("title", "draft: true\ntitle"),
    );
    let server = folder.serve(&["--dev"]);
    let page = server.page("/plan/");
    assert!(page.contains("Not yet.") && page.contains("Draft"));
    assert_eq!(page.matches("/_/reload.js").count(), 1);
    assert!(!page.contains("/_/beacon."), "nobody is counted");
    assert!(server.page("/_/reload.js").contains("/_/reload"));
    assert_eq!(Client::new(server.address).send(&view(1, "/plan/")).unwrap().status, 403);
    assert!(!folder.has("state") && !folder.has("public"), "nothing is left for readers");
    folder.write("content/blog/plan.md", &post("Secret plan", "Soon."));
    until("what was saved is there", || server.page("/plan/").contains("Soon."));
    let before = server.page("/plan/");
    folder.write("content/blog/plan.md", "---\ntitle: x\ndate: never\n---\n");
    until("the mistake is told", || server.log().contains("content/blog/plan.md:3:7: error"));
    assert_eq!(server.page("/plan/"), before);
}

#[test]
fn a_writer_can_begin_with_a_mistake() {
    let folder = sample_site(2);
    folder.write("content/blog/post-1.md", "---\ntitle: x\ndate: never\n---\n");
    let server = folder.serve(&["--dev"]);
    assert!(server.page("/").contains("/_/reload.js"), "a page that waits for the site");
    folder.write("content/blog/post-1.md", &sample_post(1));
    until("the site is there", || server.page("/post-1/").contains("The text of post 1."));
}

#[test]
fn what_is_saved_is_not_followed_by_those_who_do_not_want_it() {
    let folder = sample_site(2);
    let server = folder.serve(&["--no-watch"]);
    folder.write("content/blog/fresh.md", &post("Fresh", "Just written."));
    let (following, other) = served();
    following.write("content/blog/fresh.md", &post("Fresh", "Just written."));
    until("another server has noticed by now", || other.page("/fresh/").contains("Just written."));
    assert_eq!(server.get("/fresh/").status, 404);
}

#[test]
fn a_post_falls_due_and_another_expires_without_anybody_saving() {
    const HOUR: Duration = Duration::from_hours(1);
    let folder = sample_site(1);
    folder.write("content/blog/due.md", "---\ntitle: Due\ndate: 2026-11-24T13:00:00Z\n---\n");
    folder.write(
        "content/blog/offer.md",
        "---\ntitle: Offer\ndate: 2026-11-01\nexpires: 2026-11-24T14:00:00Z\n---\n",
    );
    let clock = FixedClock::at(noon());
    let order = order(&folder.path(""));
    let first = pipeline::build(&order, clock.now()).unwrap();
    assert_eq!(first.next_due, Some(noon() + HOUR));
    let (sites, current) = watch::channel(first.site.unwrap());
    let (heard, builds) = mpsc::channel();
    let watcher = Watcher::start(Parts {
        order: Some(order),
        output_dir: folder.path("public"),
        clock: Arc::new(clock.clone()),
        sites,
        next_due: first.next_due,
        files: false,
        announce: Box::new(move |rebuild| heard.send(rebuild.result.is_ok()).unwrap()),
    })
    .unwrap();
    let is_there = |page: &str| folder.has(&format!("public/{page}/index.html"));
    assert_eq!((is_there("due"), is_there("offer")), (false, true));
    clock.advance(HOUR / 2);
    clock.advance(HOUR / 2);
    let built = || assert_eq!(builds.recv_timeout(Duration::from_secs(10)), Ok(true));
    built();
    assert_eq!((is_there("due"), is_there("offer")), (true, true));
    let titles =
        |title: &str| current.borrow().catalog().pages.values().any(|page| page.title == title);
    assert!(titles("Due") && titles("Offer"));
    clock.advance(HOUR);
    built();
    assert_eq!((is_there("due"), is_there("offer")), (true, false));
    assert!(titles("Due") && !titles("Offer"));
    watcher.stop();
    assert!(builds.try_recv().is_err(), "it was built only when something fell due");
}
