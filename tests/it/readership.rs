//! What templates show of how often pages were read.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tallymark::clock::Timestamp;
use tallymark::fingerprint::Fingerprint;
use tallymark::permalink::UrlPath;
use tallymark::pipeline::{self, Build, Memory, Order};
use tallymark::render::Readership;

use crate::support::{TestSite, noon, order};

const HOUR: Duration = Duration::from_hours(1);

/// Statistics that a test sets.
#[derive(Debug, Default)]
struct Counted(Mutex<BTreeMap<UrlPath, u64>>);

impl Counted {
    fn set(&self, views: &[(&str, u64)]) {
        let views = views.iter().map(|(path, views)| (UrlPath::parse(path).unwrap(), *views));
        *self.0.lock().unwrap() = views.collect();
    }
}

impl Readership for Counted {
    fn views(&self, period: &str, _: Timestamp) -> Result<Vec<(UrlPath, u64)>, String> {
        let factor = match period {
            "28d" => 1,
            "all" => 10,
            _ => return Err("a period is `28d` or `all`".to_owned()),
        };
        let views = self.0.lock().unwrap();
        Ok(views.iter().map(|(path, views)| (path.clone(), views * factor)).collect())
    }
}

/// A site of four posts whose 404 page lists what is read most.
struct Blog {
    site: TestSite,
    counted: Arc<Counted>,
    order: Order,
}

impl Blog {
    fn new(lists: &str) -> Self {
        let site = TestSite::new(&[("templates/404.html", lists)]);
        for (number, more) in
            [(1, "tags: [x]"), (2, "aliases: [/two/]"), (3, "tags: [x]"), (4, "unlisted: true")]
        {
            let text =
                format!("---\ntitle: P{number}\ndate: 2026-11-0{number}\n{more}\n---\nText.\n");
            site.write(&format!("content/blog/p{number}.md"), &text);
        }
        let counted = Arc::new(Counted::default());
        let memory = Memory::of_many_builds(Fingerprint::of("this program"));
        let order = Order { readership: counted.clone(), memory, ..order(site.root()) };
        Self { site, counted, order }
    }

    /// Writes nothing until the file system tells another time, so that what was written can be known by its times.
    fn settle(&self) {
        let changed = |name: &str| {
            let path = self.site.root().join(name);
            fs::write(&path, "").unwrap();
            fs::metadata(path).unwrap().modified().unwrap()
        };
        let before = changed("tick");
        while changed("tick") == before {}
    }

    fn build(&self, now: Timestamp) -> Build {
        pipeline::build(&self.order, now).unwrap()
    }

    fn text(&self, file: &str) -> String {
        let text = fs::read_to_string(self.site.root().join("public").join(file)).unwrap();
        text.split("<script").next().unwrap().to_owned()
    }
}

const TITLES: &str = "{% for post in popular(limit=2) %}{{ post.title }} {% endfor %}| \
                      {% for post in popular(period=\"all\", tag=\"x\") %}{{ post.title }} {% endfor %}";

#[test]
fn the_most_read_posts_are_those_with_the_most_views_under_all_their_addresses() {
    let blog = Blog::new(TITLES);
    blog.build(noon());
    assert_eq!(blog.text("404.html"), "| ", "nobody has read anything");
    blog.counted.set(&[
        ("/p1/", 5),
        ("/p2/", 3),
        ("/two/", 3),
        ("/p3/", 5),
        ("/p4/", 9),
        ("/gone/", 99),
        ("/", 99),
    ]);
    blog.build(noon() + HOUR);
    assert_eq!(blog.text("404.html"), "P2 P3 | P3 P1 ", "of equals the newer comes first");
}

#[test]
fn numbers_are_asked_for_again_after_exactly_an_hour_and_change_what_shows_them() {
    let blog = Blog::new(TITLES);
    blog.counted.set(&[("/p1/", 1)]);
    blog.settle();
    let build = blog.build(noon());
    assert_eq!(build.next_due, Some(noon() + HOUR));
    blog.counted.set(&[("/p1/", 1), ("/p2/", 2)]);
    let build = blog.build(noon() + HOUR.checked_sub(Duration::from_millis(1)).unwrap());
    assert_eq!((build.written, build.next_due), (0, Some(noon() + HOUR)));
    let build = blog.build(noon() + HOUR);
    assert_eq!((build.written, build.next_due), (1, Some(noon() + HOUR + HOUR)));
    assert_eq!(blog.text("404.html"), "P2 P1 | P1 ");
    blog.counted.set(&[("/p1/", 10), ("/p2/", 20)]);
    assert_eq!(
        blog.build(noon() + HOUR * 2).written,
        0,
        "no number is shown, and the order is the same"
    );
}

#[test]
fn a_site_that_shows_no_numbers_does_not_change_by_itself() {
    let blog = Blog::new("Not here.");
    blog.site.write("templates/home.html", "Home.");
    assert_eq!(blog.build(noon()).next_due, None);
}

#[test]
fn a_page_knows_its_views_of_all_time_and_a_list_those_of_its_period() {
    let blog =
        Blog::new("{% for post in popular() %}{{ post.title }} {{ post.views }} {% endfor %}");
    blog.site.write("templates/post.html", "{{ page.title }}: {{ page.views }}");
    blog.counted.set(&[("/p1/", 1), ("/p2/", 2)]);
    blog.build(noon());
    assert_eq!(blog.text("404.html"), "P2 2 P1 1 ");
    assert_eq!(blog.text("p2/index.html"), "P2: 20");
    blog.counted.set(&[("/p1/", 1), ("/p2/", 4)]);
    blog.build(noon() + HOUR);
    assert_eq!(blog.text("404.html"), "P2 4 P1 1 ");
    assert_eq!(blog.text("p2/index.html"), "P2: 40");
    assert_eq!(blog.text("p1/index.html"), "P1: 10");
}

#[test]
fn a_period_that_there_is_not_is_the_mistake_of_the_template() {
    let blog = Blog::new("\n{{ popular(period=\"2y\") }}");
    let build = blog.build(noon());
    assert!(build.is_stopped);
    let problem = build.problems.iter().find(|problem| problem.is_error()).unwrap().to_string();
    assert!(problem.contains("templates/404.html:2:"), "{problem}");
    assert!(problem.contains("a period is `28d` or `all`"), "{problem}");
}

#[test]
fn a_server_starts_with_the_numbers_that_it_had_and_asks_at_once() {
    let blog = Blog::new(TITLES);
    let program = Fingerprint::of("this program");
    let order = |memory| Order { memory, ..blog.order.clone() };
    blog.counted.set(&[("/p1/", 1)]);
    blog.settle();
    pipeline::build(&order(Memory::of_one_build(program)), noon()).unwrap();
    blog.counted.set(&[("/p2/", 1)]);
    let later = noon() + HOUR * 3;
    let server = order(Memory::of_many_builds(program));
    let first = pipeline::build(&server, later).unwrap();
    assert_eq!((first.written, first.next_due), (0, Some(noon() + HOUR)));
    assert!(first.site.is_some());
    assert_eq!(pipeline::build(&server, later).unwrap().written, 1);
    let once = order(Memory::of_one_build(program));
    blog.counted.set(&[("/p3/", 1)]);
    assert_eq!(
        pipeline::build(&once, later + HOUR).unwrap().written,
        1,
        "a build asks when it is due"
    );
}
