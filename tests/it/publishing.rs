//! A site to disk: only what changed, whole or not at all, and nothing of anybody else's.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tallymark::pipeline::{self, Build};
use tallymark::publish::{self, Refusal};

use crate::support::{TestSite, noon, order};

fn build(site: &TestSite) -> Build {
    let build = pipeline::build(&order(site.root()), noon()).unwrap();
    assert!(build.site.is_some(), "{:?}", build.problems);
    build
}

/// Each file below `folder` and its contents, without the lock.
fn tree(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut tree = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(current) = folders.pop() {
        for entry in fs::read_dir(current).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().unwrap() != "lock" {
                let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
                tree.insert(path.strip_prefix(folder).unwrap().to_owned(), text);
            }
        }
    }
    tree
}

fn copy(from: &BTreeMap<PathBuf, String>, to: &Path) {
    for (name, text) in from {
        let path = to.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

const POST: &str = "---\ndate: 2026-11-01\ntitle: T\n---\nText.\n";

#[test]
fn a_second_build_writes_nothing_and_an_edit_only_what_shows_it() {
    let site = TestSite::new(&[("content/blog/a.md", POST), ("content/b.md", "x")]);
    assert!(build(&site).written > 5);
    let second = build(&site);
    assert_eq!((second.written, second.removed), (0, 0));
    site.write("content/b.md", "y");
    assert_eq!(build(&site).written, 1);
    fs::remove_file(site.root().join("public/b/index.html")).unwrap();
    assert_eq!(build(&site).written, 1, "what was deleted by hand comes back");
}

#[test]
fn what_is_no_more_is_removed_with_its_empty_folders_and_nothing_else_is() {
    let site = TestSite::new(&[("content/a/b.md", "x"), ("content/c.md", "x")]);
    build(&site);
    fs::write(site.root().join("public/.keep"), "mine").unwrap();
    fs::remove_file(site.root().join("content/a/b.md")).unwrap();
    assert_eq!(build(&site).removed, 1);
    assert!(!site.root().join("public/a").exists());
    assert!(site.root().join("public/c/index.html").exists());
    assert_eq!(fs::read_to_string(site.root().join("public/.keep")).unwrap(), "mine");
}

#[test]
fn a_file_may_become_a_folder_and_a_folder_a_file() {
    let site = TestSite::new(&[("content/a.md", "x"), ("static/x", "file")]);
    build(&site);
    fs::remove_file(site.root().join("static/x")).unwrap();
    site.write("content/x.md", "page");
    build(&site);
    assert!(site.root().join("public/x/index.html").is_file());
    fs::remove_file(site.root().join("content/x.md")).unwrap();
    site.write("static/x", "file");
    build(&site);
    assert_eq!(fs::read_to_string(site.root().join("public/x")).unwrap(), "file");
}

#[test]
fn a_mistake_leaves_the_site_as_it_was_to_the_byte() {
    let site = TestSite::new(&[("content/blog/a.md", POST)]);
    build(&site);
    let before = tree(&site.root().join("public"));
    site.write("content/blog/b.md", "no date");
    site.write("content/blog/a.md", &POST.replace("Text", "Changed"));
    let failed = pipeline::build(&order(site.root()), noon()).unwrap();
    assert!(failed.site.is_none());
    assert_eq!(tree(&site.root().join("public")), before);
    let fresh = TestSite::new(&[("content/blog/b.md", "no date")]);
    assert!(pipeline::build(&order(fresh.root()), noon()).unwrap().site.is_none());
    let left: Vec<_> =
        fs::read_dir(fresh.root()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "nothing is left of a first build that failed: {left:?}");
}

#[test]
fn a_build_that_was_killed_while_publishing_is_completed_from_any_point() {
    let site =
        TestSite::new(&[("content/a.md", "x"), ("content/b.md", "x"), ("content/c/d.md", "x")]);
    build(&site);
    let public = site.root().join("public");
    let old = tree(&public);
    site.write("content/a.md", "y");
    site.write("content/e/f.md", "y");
    fs::remove_file(site.root().join("content/c/d.md")).unwrap();
    build(&site);
    let new = tree(&public);
    let catalog = Path::new(".tallymark/site.json");
    let is_site = |name: &&PathBuf| name.as_path() != catalog;
    let writes: Vec<_> =
        new.keys().filter(|name| old.get(*name) != new.get(*name)).filter(is_site).collect();
    let removals: Vec<_> = old.keys().filter(|name| !new.contains_key(*name)).collect();
    assert!(writes.len() >= 2 && !removals.is_empty());
    for moved in 0..=writes.len() {
        fs::remove_dir_all(&public).unwrap();
        copy(&old, &public);
        let staging = public.join(".tallymark/staging");
        for (at, name) in writes.iter().enumerate() {
            let target = if at < moved { public.join(name) } else { staging.join(name) };
            copy(
                &BTreeMap::from([(PathBuf::from(target.file_name().unwrap()), new[*name].clone())]),
                target.parent().unwrap(),
            );
        }
        copy(&BTreeMap::from([(PathBuf::from(".next-site.json"), new[catalog].clone())]), &staging);
        let journal = serde_json::json!({ "writes": writes, "removals": removals });
        fs::write(public.join(".tallymark/journal.json"), journal.to_string()).unwrap();
        // Whoever comes next completes it: a build, or who only opens the site.
        if moved % 2 == 0 {
            assert_eq!(build(&site).written, 0, "{moved} of {} were moved", writes.len());
        }
        let opened = publish::open(&public).unwrap().unwrap();
        assert_eq!(tree(&public), new, "{moved} of {} were moved", writes.len());
        assert!(opened.catalog().files.keys().any(|path| path.as_str() == "/e/f/"));
    }
}

#[test]
fn what_a_killed_build_has_staged_is_cleaned_away() {
    let site = TestSite::new(&[("content/a.md", "x")]);
    copy(
        &BTreeMap::from([(PathBuf::from("half.html"), "x".to_owned())]),
        &site.root().join(".public.staging"),
    );
    build(&site);
    assert!(!site.root().join(".public.staging").exists());
    assert!(!site.root().join("public/half.html").exists());
    copy(
        &BTreeMap::from([(PathBuf::from("half.html"), "x".to_owned())]),
        &site.root().join("public/.tallymark/staging"),
    );
    build(&site);
    assert!(!site.root().join("public/.tallymark/staging").exists());
}

#[test]
fn a_folder_with_files_of_others_is_refused_unless_forced_and_they_stay() {
    let site = TestSite::new(&[("content/a.md", "x"), ("public/precious.txt", "mine")]);
    let refused = pipeline::build(&order(site.root()), noon()).unwrap_err();
    assert!(
        matches!(refused.downcast_ref(), Some(Refusal::Foreign { example, .. }) if example == "precious.txt")
    );
    assert_eq!(tree(&site.root().join("public")).len(), 1, "nothing was touched");
    let mut forced = order(site.root());
    forced.force = true;
    assert!(pipeline::build(&forced, noon()).unwrap().site.is_some());
    assert_eq!(fs::read_to_string(site.root().join("public/precious.txt")).unwrap(), "mine");
}

#[test]
fn nothing_is_at_an_address_below_a_file_and_the_site_stays_whole() {
    let site = TestSite::new(&[("content/blog/a.md", POST)]);
    build(&site);
    let before = tree(&site.root().join("public"));
    let told = |file: &str, text: &str, told: &str| {
        site.write(file, text);
        let stopped = pipeline::build(&order(site.root()), noon()).unwrap();
        assert!(stopped.site.is_none(), "{file} {text}");
        let problems: Vec<_> = stopped.problems.iter().map(ToString::to_string).collect();
        assert!(problems.iter().any(|problem| problem.contains(told)), "{problems:?}");
        assert_eq!(tree(&site.root().join("public")), before);
    };
    let aliased = |alias: &str| POST.replace("title: T", &format!("title: T\naliases: [{alias}]"));
    let told_of = "content/blog/a.md:4:10: error: the address `/style.css/z/` is also that of `style.css (built in)`";
    told("content/blog/a.md", &aliased("/style.css/z/"), told_of);
    told("content/blog/a.md", &aliased("/favicon.svg/z.html"), "favicon.svg (built in)");
    for fixed in ["feed.xml", "robots.txt", "sitemap.xml", "404.html"] {
        let alias = format!("/{fixed}/z/");
        told("content/blog/a.md", &aliased(&alias), &format!("`{alias}`"));
    }
    site.write("content/blog/a.md", POST);
    told("static/style.css/z.txt", "x", "style.css (built in)");
    fs::remove_dir_all(site.root().join("static")).unwrap();
    build(&site);
    assert_eq!(tree(&site.root().join("public")), before);
}

#[test]
fn what_cannot_be_published_to_its_end_is_once_nothing_is_in_the_way() {
    let site = TestSite::new(&[("content/a.md", "x"), ("static/x.txt", "one")]);
    build(&site);
    let (there, moved) = (site.root().join("public/x.txt"), site.root().join("public/x.old"));
    fs::rename(&there, &moved).unwrap();
    fs::create_dir(&there).unwrap();
    fs::write(there.join("of-another"), "").unwrap();
    fs::remove_file(&moved).unwrap();
    site.write("static/x.txt", "two");
    let blocked = || pipeline::build(&order(site.root()), noon()).unwrap_err();
    blocked();
    fs::remove_file(there.join("of-another")).unwrap();
    // An empty folder is in nobody's way.
    build(&site);
    assert_eq!(fs::read_to_string(&there).unwrap(), "two");
}

#[test]
#[cfg(unix)]
fn a_link_to_a_folder_is_a_folder_for_output() {
    let site = TestSite::new(&[("content/a.md", "x")]);
    fs::create_dir(site.root().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink("elsewhere", site.root().join("public")).unwrap();
    build(&site);
    site.write("content/a.md", "y");
    assert!(build(&site).written > 0);
    let page = fs::read_to_string(site.root().join("elsewhere/a/index.html")).unwrap();
    assert!(page.contains("<p>y</p>"), "{page}");
}

#[test]
fn two_pages_at_one_address_with_a_picture_are_told() {
    let post = |day: u32| {
        format!(
            "---\ntitle: T\ndate: 2026-11-0{day}\nslug: same\nimage: pic.png\nshow_in_nav: true\n---\nx\n"
        )
    };
    for folder in ["content/blog", "content"] {
        let site = TestSite::new(&[
            (&format!("{folder}/one.md"), &post(1)),
            (&format!("{folder}/two.md"), &post(2)),
        ]);
        let stopped = pipeline::build(&order(site.root()), noon()).unwrap();
        let problems = stopped.problems.iter().map(ToString::to_string).collect::<String>();
        assert!(stopped.site.is_none() && problems.contains("/same/"), "{problems}");
        assert!(problems.contains("one.md") && problems.contains("two.md"), "{problems}");
    }
}

#[test]
fn a_page_that_moves_is_not_taken_for_a_copy_that_shares_its_id() {
    let post = POST.replace("title: T", "title: T\nid: z");
    let site = TestSite::new(&[("content/blog/a.md", &post), ("content/blog/b.md", &post)]);
    build(&site);
    site.write("content/blog/a.md", &post.replace("title: T", "title: T\nslug: a2"));
    let told = build(&site).problems.iter().map(ToString::to_string).collect::<String>();
    assert!(
        told.contains("a.md:4:7: warning: the page was at `/a/` and is now at `/a2/`"),
        "{told}"
    );
    assert!(!told.contains("`/b/`"), "{told}");
}

#[test]
fn a_page_that_moves_without_an_alias_is_told_with_the_line_to_add() {
    let site = TestSite::new(&[("content/blog/a.md", POST)]);
    build(&site);
    site.write("content/blog/a.md", &POST.replace("title: T", "title: T\nslug: b"));
    let moved = build(&site);
    assert_eq!(
        moved.problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["content/blog/a.md:4:7: warning: the page was at `/a/` and is now at `/b/`
  help: add `aliases: [\"/a/\"]` to its front matter, so that old links and its views follow"]
    );
    let gone = &moved.site.unwrap().catalog().gone.clone();
    assert_eq!(
        gone.iter().map(|(path, title)| (path.as_str(), title.title.as_str())).collect::<Vec<_>>(),
        [("/a/", "T")]
    );
    site.write("content/blog/a.md", &POST.replace("title: T", "title: T\nslug: b\naliases: [/a/]"));
    let covered = build(&site);
    assert_eq!(covered.problems, []);
    assert!(covered.site.unwrap().catalog().gone.is_empty());
}

#[test]
fn content_that_is_gone_for_a_moment_does_not_empty_the_site() {
    let site = TestSite::new(&[("content/a.md", "x")]);
    build(&site);
    let before = tree(&site.root().join("public"));
    fs::rename(site.root().join("content"), site.root().join("elsewhere")).unwrap();
    let without = pipeline::build(&order(site.root()), noon()).unwrap();
    assert!(without.site.is_none());
    assert_eq!(
        without.problems[0].to_string(),
        "content: error: there is no such folder, so there is nothing to publish
  help: make the folder `content`, or name another site with `--root`"
    );
    assert_eq!(tree(&site.root().join("public")), before);
}

#[test]
fn a_catalog_of_another_version_is_replaced_and_its_files_are_still_ours() {
    let site = TestSite::new(&[("content/a.md", "x"), ("content/b.md", "x")]);
    build(&site);
    fs::remove_file(site.root().join("content/b.md")).unwrap();
    let catalog = site.root().join("public/.tallymark/site.json");
    let mut json: serde_json::Value = serde_json::from_slice(&fs::read(&catalog).unwrap()).unwrap();
    json.as_object_mut().unwrap().remove("identity");
    json["pages"] = "of another form".into();
    fs::write(&catalog, json.to_string()).unwrap();
    let next = build(&site);
    assert!(next.written > 5 && next.removed == 1, "{next:?}");
    assert!(!site.root().join("public/b").exists());
}

#[test]
fn a_staged_file_that_is_lost_is_no_published_one() {
    let site = TestSite::new(&[("content/a.md", "x")]);
    build(&site);
    let private = site.root().join("public/.tallymark");
    fs::create_dir_all(private.join("staging")).unwrap();
    let journal = serde_json::json!({ "writes": ["new/index.html"], "removals": ["a/index.html"] });
    fs::write(private.join("journal.json"), journal.to_string()).unwrap();
    let error = pipeline::build(&order(site.root()), noon()).unwrap_err();
    assert!(
        format!("{error:#}").contains("new/index.html` is lost; build with `--force`"),
        "{error:#}"
    );
    assert!(site.root().join("public/a/index.html").exists(), "and nothing is removed");
    let mut forced = order(site.root());
    forced.force = true;
    assert!(pipeline::build(&forced, noon()).unwrap().site.is_some(), "the remedy helps");
    assert_eq!(build(&site).written, 0);
}

#[test]
fn what_was_changed_by_hand_is_mended_even_at_the_same_length() {
    let site = TestSite::new(&[("content/a.md", "x")]);
    build(&site);
    let page = site.root().join("public/a/index.html");
    let text = fs::read_to_string(&page).unwrap();
    let catalog = site.root().join("public/.tallymark/site.json");
    let built = fs::metadata(catalog).unwrap().modified().unwrap();
    let later = built + std::time::Duration::from_secs(2);
    fs::write(&page, text.replace("<p>x</p>", "<p>y</p>")).unwrap();
    fs::File::options().write(true).open(&page).unwrap().set_modified(later).unwrap();
    assert_eq!(build(&site).written, 1);
    assert_eq!(fs::read_to_string(&page).unwrap(), text);
}

#[test]
fn a_page_that_was_unlisted_is_not_named_when_it_is_gone() {
    let site =
        TestSite::new(&[("content/a.md", "x"), ("content/hush.md", "---\nunlisted: true\n---\nx")]);
    build(&site);
    fs::remove_file(site.root().join("content/hush.md")).unwrap();
    let gone = build(&site).site.unwrap().catalog().gone.clone();
    assert_eq!(gone.values().map(|page| page.listed).collect::<Vec<_>>(), [false]);
}

#[test]
fn a_mistake_in_a_template_does_not_say_that_every_page_has_moved() {
    let site = TestSite::new(&[("content/a.md", "x")]);
    build(&site);
    site.write("templates/page.html", "{% broken");
    let failed = pipeline::build(&order(site.root()), noon()).unwrap();
    assert_eq!(failed.problems.len(), 1, "{:?}", failed.problems);
}

#[test]
fn a_file_that_was_renamed_has_moved() {
    let site = TestSite::new(&[("content/old.md", "---\ntitle: Same\n---\nx")]);
    build(&site);
    fs::rename(site.root().join("content/old.md"), site.root().join("content/new.md")).unwrap();
    let problems = build(&site).problems;
    assert_eq!(
        problems[0].to_string().lines().next(),
        Some("content/new.md:1:1: warning: the page was at `/old/` and is now at `/new/`")
    );
}
