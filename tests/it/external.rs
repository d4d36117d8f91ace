//! Links that leave the site are asked for: by the program, of a server on this machine.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::program::{Folder, Ran};

const SETTINGS: &str = "base_url = \"https://example.org\"\ntitle = \"Mine\"\n";

/// A server that answers by a table, and remembers what it was asked.
struct Web {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Web {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // What is wrong with one connection is not a matter of the next.
                let _ = answer(&stream, &kept);
            }
        });
        Self { address, asked }
    }

    /// What was asked, in order: `HEAD /a`.
    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// Checks a site with these pages, in which `WEB` stands for the address of the server.
    fn check(&self, pages: &[(&str, &str)], flags: &[&str]) -> Ran {
        let folder = Folder::with(&[("tallymark.toml", SETTINGS)]);
        for (name, text) in pages {
            folder.write(name, &text.replace("WEB", &format!("http://{}", self.address)));
        }
        folder.run(&[&["check"], flags].concat())
    }

    /// `told`, with `WEB` again for the address of the server.
    fn plain(&self, told: &str) -> String {
        told.replace(&format!("http://{}", self.address), "WEB")
    }
}

/// Answers one request by its path: `/status/404`, `/to/PATH`, `/no-head/404/200`, which differs by method.
fn answer(mut stream: &TcpStream, asked: &Mutex<Vec<String>>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    asked.lock().unwrap().push(format!("{method} {path}"));
    let mut header = String::new();
    while reader.read_line(&mut header)? > 2 {
        header.clear();
    }
    let (status, location) = match path.split('/').collect::<Vec<_>>()[1..] {
        ["to", ref rest @ ..] => ("301 Moved", format!("Location: /{}\r\n", rest.join("/"))),
        ["no-head", head, get] => (if method == "HEAD" { head } else { get }, String::new()),
        ["status", status] => (status, String::new()),
        ["hang-up"] => return Ok(()),
        _ => ("200", String::new()),
    };
    let body = if method == "HEAD" { "" } else { "some text" };
    let head = format!("HTTP/1.1 {status}\r\n{location}Content-Length: 9\r\nConnection: close\r\n");
    stream.write_all(format!("{head}\r\n{body}").as_bytes())
}

#[test]
fn links_that_lead_nowhere_are_warnings_at_each_of_their_places() {
    let web = Web::start();
    // Nobody listens where somebody has just listened.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let page = format!(
        "# Links\n\n[one](WEB/status/404) and\n  [two](WEB/to/status/410), ![three](WEB/status/500)\n\n\
         [four](WEB/to/to/to/to/to/to/to/to/to/to/to/to/end) [five](http://{closed}/) [six](WEB/no-head/405/403)\n\n\
         [seven](WEB/hang-up) [eight](http://[::/)\n"
    );
    let again = "---\ntitle: Again\ndate: 2025-01-02\n---\n\n<WEB/status/404>\n";
    let pages = [("content/links.md", page.as_str()), ("content/blog/again.md", again)];
    let ran = web.check(&pages, &["--external"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{}", ran.err);
    let told = web.plain(&ran.err).replace(&closed.to_string(), "CLOSED");
    let expected = "\
content/blog/again.md:6:1: warning: the link to `WEB/status/404` answers 404
content/links.md:3:1: warning: the link to `WEB/status/404` answers 404
content/links.md:4:3: warning: the link to `WEB/to/status/410` answers 410
content/links.md:4:30: warning: the link to `WEB/status/500` answers 500
content/links.md:6:1: warning: the link to `WEB/to/to/to/to/to/to/to/to/to/to/to/to/end` cannot be reached: it redirects more than 10 times
content/links.md:6:57: warning: the link to `http://CLOSED/` cannot be reached: the connection was refused
content/links.md:6:82: warning: the link to `WEB/no-head/405/403` answers 403
content/links.md:8:1: warning: the link to `WEB/hang-up` cannot be reached: the connection was closed
content/links.md:8:22: warning: the link to `http://[::/` cannot be reached: invalid IPv6 address";
    let place = |line: &&str| line.starts_with("content/");
    let lines: Vec<String> = told.lines().filter(place).map(without_column).collect();
    let wanted: Vec<String> = expected.lines().map(without_column).collect();
    assert_eq!(lines, wanted, "{told}");
    assert!(told.contains("content/links.md:3:1: ") && told.contains("content/links.md:4:3: "));
    assert!(told.contains("\n  help: correct or remove it\n"), "{told}");
    assert!(told.ends_with("9 warnings\n"), "{told}");
    let asked = web.asked();
    let times = |what: &str| asked.iter().filter(|asked| *asked == what).count();
    assert_eq!(times("HEAD /status/404"), 1, "on two pages, and asked for once: {asked:?}");
    assert_eq!(times("GET /status/404"), 1, "{asked:?}");
    assert_eq!(times("GET /status/500"), 0, "{asked:?}");
}

/// The columns depend on how many digits a port has.
fn without_column(line: &str) -> String {
    let mut parts: Vec<&str> = line.splitn(4, ':').collect();
    parts.remove(2);
    parts.join(":")
}

#[test]
fn a_server_that_does_not_speak_tls_is_a_warning_like_any_other() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        }
    });
    let page = format!("# Links\n\n[one](https://{address}/)\n");
    let ran = Web::start().check(&[("content/links.md", &page)], &["--external"]);
    let told = format!("the link to `https://{address}/` cannot be reached: ");
    assert!(ran.code == 1 && ran.err.contains(&told), "{}", ran.err);
    assert!(ran.err.ends_with("1 warning\n"), "{}", ran.err);
}

#[test]
fn links_that_lead_somewhere_are_no_mistake() {
    let web = Web::start();
    let page = "# Links\n\n[a](WEB/a#part) [b](WEB/a#other) [c](WEB/to/b) [d](WEB/no-head/405/200) \
                [e](WEB/no-head/501/200) [f](WEB/no-head/404/204) [g](WEB/status/429) \
                ![h](WEB/image.png) [i](mailto:a@example.org) [j](tel:123) \
                [k](https://example.org/links/)\n";
    let draft = "---\ntitle: Draft\ndraft: true\ndate: 2025-01-02\n---\n\n[l](WEB/status/404)\n";
    let pages = [("content/links.md", page), ("content/blog/draft.md", draft)];
    let ran = web.check(&pages, &["--external"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, "nothing is wrong\n"));
    let mut asked = web.asked();
    asked.sort();
    let expected = [
        "GET /no-head/404/204",
        "GET /no-head/405/200",
        "GET /no-head/501/200",
        "HEAD /a",
        "HEAD /b",
        "HEAD /image.png",
        "HEAD /no-head/404/204",
        "HEAD /no-head/405/200",
        "HEAD /no-head/501/200",
        "HEAD /status/429",
        "HEAD /to/b",
    ];
    assert_eq!(asked, expected);
}

#[test]
fn nobody_is_asked_unless_the_author_asks_for_it() {
    let web = Web::start();
    let ran = web.check(&[("content/links.md", "# Links\n\n[a](WEB/status/404)\n")], &[]);
    assert_eq!((ran.code, ran.err.as_str()), (0, "nothing is wrong\n"));
    assert_eq!(web.asked(), [""; 0]);
}
