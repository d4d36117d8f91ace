//! What is never stored, logged or told: an address, a user agent, and what a query hides, sent with every request.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use rustix::process::Signal;

use crate::program::{sample_site, tree};

/// An address as a proxy tells it.
const ADDRESS: &str = "203.0.113.77";
/// A word that only a user agent has.
const AGENT: &str = "CanaryAgentQx7";
/// A word that only queries have.
const SECRET: &str = "canarySecretZk9";

/// What is answered, all of it, by a server that is asked to close.
fn ask(address: SocketAddr, line: &str, lines: &str, body: &str) -> Vec<u8> {
    let mut request = format!(
        "{line} HTTP/1.1\r\nHost: {address}\r\nX-Forwarded-For: {ADDRESS}\r\nReferer: http://{address}/?r={SECRET}\r\n\
         Accept-Language: en\r\nConnection: close\r\n{lines}"
    );
    if !lines.contains("User-Agent") {
        let _ = write!(
            request,
            "User-Agent: Mozilla/5.0 ({AGENT}; rv:145.0) Gecko/20100101 Firefox/145.0\r\n"
        );
    }
    if !body.is_empty() {
        let _ = write!(request, "Content-Length: {}\r\n", body.len());
    }
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(format!("{request}\r\n{body}").as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

fn status(answer: &[u8]) -> &str {
    std::str::from_utf8(&answer[9..12]).unwrap()
}

/// Every kind of event: counted, repeated, rejected and malformed.
fn events() -> Vec<(&'static str, String, &'static str)> {
    let id = "\"view\":\"00112233aabbccdd\",\"visitor\":\"6ba7b810-9dad-41d1-80b4-00c04fd430c8\"";
    let view = |path: &str| {
        format!(
            "{{\"type\":\"view\",{id},\"path\":\"{path}\",\"width\":12,\"zone\":\"Europe/Oslo\",\
             \"referrer\":\"https://news.example/item?id={SECRET}#{SECRET}\",\"agent\":\"{AGENT}\",\"{SECRET}\":1}}"
        )
    };
    let heartbeat =
        format!("{{\"type\":\"heartbeat\",{id},\"path\":\"/\",\"engaged\":5000,\"scroll\":40}}");
    let custom = |name: &str| {
        format!(
            "{{\"type\":\"event\",{id},\"path\":\"/\",\"name\":\"{name}\",\"props\":{{\
             \"url\":\"https://elsewhere.example/a?token={SECRET}#{SECRET}\",\"ip\":\"{ADDRESS}\"}}}}"
        )
    };
    let missing =
        view(&format!("/nothing/?key={SECRET}")).replace("00112233aabbccdd", "00112233aabbccde");
    vec![
        ("202", view("/"), ""),
        ("202", view("/"), ""),
        ("202", heartbeat, ""),
        ("202", custom("outbound"), ""),
        ("202", custom("download"), ""),
        ("202", custom("signup"), ""),
        ("202", missing, ""),
        ("403", view("/"), "User-Agent: CanaryAgentQx7bot/1.0 (+http://203.0.113.77/)\r\n"),
        ("403", view("/"), "Sec-GPC: 1\r\n"),
        ("403", view("/"), "Origin: https://canarysecretzk9.example\r\n"),
        ("403", view("/"), "Sec-Purpose: prefetch\r\n"),
        ("415", view("/"), "Content-Type: text/CanaryAgentQx7\r\n"),
        ("400", format!("{{\"type\":\"{SECRET}\",\"agent\":\"{AGENT}\"}}"), ""),
        ("400", format!("{SECRET} {AGENT} {ADDRESS}"), ""),
        ("413", SECRET.repeat(400), ""),
    ]
}

/// What can be asked for, with a secret in it.
const TARGETS: [&str; 17] = [
    "/?q=SECRET",
    "/post-1/?utm_source=SECRET",
    "/post-1?SECRET",
    "/old/1/?SECRET",
    "/nothing/?SECRET",
    "/feed.xml?SECRET",
    "/stats/?SECRET=SECRET",
    "/_/stats.json?page=/SECRET/",
    "/_/stats.json?SECRET=1",
    "/_/stats.json?period=SECRET",
    "/_/stats.json?period=7d&referrer=SECRET",
    "/_/health?SECRET",
    "/_/metrics?SECRET",
    "/_/beacon.SECRET.js",
    "/%2e%2e/SECRET",
    "/%00SECRET",
    "*SECRET",
];

/// Asks for each of these in every way, as a browser and as a crawler, which is counted by what it is for.
fn ask_for_everything(at: SocketAddr) {
    for target in TARGETS {
        let target = target.replace("SECRET", SECRET);
        for method in ["GET", "HEAD", "POST", "OPTIONS", "BREW"] {
            for agent in ["", "User-Agent: GPTBot/1.0 CanaryAgentQx7 (+http://203.0.113.77)\r\n"] {
                ask(at, &format!("{method} {target}"), agent, "");
            }
        }
    }
    ask(at, &format!("GET / {SECRET}"), "", "");
    ask(at, &format!("{AGENT} / "), &format!("Bad Header {SECRET}: {ADDRESS}\r\n"), "");
}

#[track_caller]
fn assert_free(name: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    for canary in [ADDRESS, AGENT, SECRET] {
        assert!(!text.contains(&canary.to_ascii_lowercase()), "{canary} is in {name}");
    }
    // Nor the address as its four bytes, where numbers are kept.
    if name.contains("analytics.redb") {
        for address in [[203, 0, 113, 77], [77, 113, 0, 203]] {
            assert!(!bytes.windows(4).any(|four| four == address), "the address is in {name}");
        }
    }
}

/// Faults 70 and 71: nothing about a person is written anywhere.
#[test]
fn address_agent_and_query_are_in_no_file_no_log_and_no_answer() {
    let folder = sample_site(2);
    folder.write(
        "tallymark.toml",
        "base_url = \"https://example.org\"\ntitle = \"Sample\"\n\n\
         [serve]\ntrusted_proxies = [\"127.0.0.1\"]\n",
    );
    let server = folder.serve(&["-vvv"]);
    let at = server.address;
    for (expected, event, lines) in events() {
        let answer = ask(at, &format!("POST /_/event?q={SECRET}"), lines, &event);
        assert_eq!(status(&answer), expected, "{event}: {}", String::from_utf8_lossy(&answer));
    }
    ask_for_everything(at);
    let told = ["/_/metrics", "/_/stats.json", "/_/stats.json?period=7d", "/stats/", "/_/health"];
    let answers = told.map(|target| (target.to_owned(), ask(at, &format!("GET {target}"), "", "")));
    let while_it_runs = tree(folder.scratch());
    server.signal(Signal::TERM);
    let (status, log) = server.end();
    assert_eq!(status.code(), Some(0));
    assert!(log.contains("TRACE") || log.contains("DEBUG") || log.contains("INFO"), "{log}");
    let texts = [("the log".to_owned(), log.into_bytes())];
    let files = while_it_runs.into_iter().chain(tree(folder.scratch()));
    let files = files.map(|(path, bytes)| (path.display().to_string(), bytes));
    for (name, bytes) in texts.into_iter().chain(files).chain(answers) {
        assert_free(&name, &bytes);
    }
    let numbers = folder.run(&["stats", "--json"]);
    assert!(numbers.out.contains("\"totalPageViews\":1"), "{}", numbers.out);
}
