//! Asks other sites whether what the pages link to is there.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ureq::config::Config;
use ureq::http::{Method, Request, StatusCode};
use ureq::{Agent, Error};
use url::Url;

use super::progress_line;
use super::report::{Report, counted_noun};
use crate::problem::{Fault, Mistake, Problem};
use crate::render::Outbound;

/// How long the answer about one link may take, redirects included.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many hosts are asked at once; each is asked one thing at a time.
const HOSTS_AT_ONCE: usize = 8;

/// How often an answer may lead elsewhere before it leads nowhere.
const MOST_REDIRECTS: u32 = 10;

/// What we call ourselves.
const USER_AGENT: &str = concat!("tallymark/", env!("CARGO_PKG_VERSION"), " (link check)");

/// Asks for each address that `outbound` leads to, and tells of those that are not there, at each of their places.
pub(super) fn ask(outbound: &[Outbound], report: Report) -> Vec<Problem> {
    let mut by_url: BTreeMap<&str, Result<Url, Fault>> = BTreeMap::new();
    for link in outbound {
        by_url.entry(&link.url).or_insert_with(|| address(&link.url));
    }
    let agent = agent();
    let faults = ask_hosts(hosts(by_url.values().flatten()), report, |url| ask_one(&agent, url));
    let fault_of = |link: &Outbound| match by_url.get(link.url.as_str())? {
        Ok(url) => faults.get(url).cloned(),
        Err(fault) => Some(fault.clone()),
    };
    let problem = |link: &Outbound| {
        let mistake = Mistake::DeadLink { url: link.url.clone(), fault: fault_of(link)? };
        Some(Problem::new(link.place.clone(), mistake))
    };
    outbound.iter().filter_map(problem).collect()
}

/// The address that is asked for: without a fragment, which is for browsers alone.
fn address(text: &str) -> Result<Url, Fault> {
    let mut url = Url::parse(text).map_err(|error| Fault::Unreachable(error.to_string()))?;
    url.set_fragment(None);
    Ok(url)
}

/// Each address once, those of one host together; the host with the most first, for it takes longest.
fn hosts<'a>(urls: impl Iterator<Item = &'a Url>) -> Vec<Vec<&'a Url>> {
    let mut by_host: BTreeMap<&str, Vec<&Url>> = BTreeMap::new();
    for url in urls {
        let of_host = by_host.entry(url.host_str().unwrap_or_default()).or_default();
        if !of_host.contains(&url) {
            of_host.push(url);
        }
    }
    let mut hosts: Vec<Vec<&Url>> = by_host.into_values().collect();
    hosts.sort_by_key(|urls| std::cmp::Reverse(urls.len()));
    hosts
}

/// Asks all hosts, some at once, and gives what is wrong with which address.
fn ask_hosts(
    hosts: Vec<Vec<&Url>>,
    report: Report,
    ask: impl Fn(&Url) -> Result<(), Fault> + Sync,
) -> BTreeMap<Url, Fault> {
    let all = hosts.iter().map(Vec::len).sum();
    let threads = hosts.len().min(HOSTS_AT_ONCE);
    let (waiting, faults) = (Mutex::new(hosts.into_iter()), Mutex::new(BTreeMap::new()));
    let done = AtomicUsize::new(0);
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        for url in std::iter::from_fn(next).flatten() {
            if let Err(fault) = ask(url) {
                faults.lock().unwrap_or_else(PoisonError::into_inner).insert(url.clone(), fault);
            }
            done.fetch_add(1, Ordering::Relaxed);
        }
    };
    let line =
        || format!("asked for {} of {}", done.load(Ordering::Relaxed), counted_noun(all, "link"));
    progress_line::with_line(report, line, || {
        std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    });
    faults.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn agent() -> Agent {
    Config::builder()
        .http_status_as_error(false)
        .max_redirects(MOST_REDIRECTS)
        .user_agent(USER_AGENT)
        .build()
        .new_agent()
}

/// Asks whether there is something at `url`: for its head, and if that is refused, for all of it.
fn ask_one(agent: &Agent, url: &Url) -> Result<(), Fault> {
    let began = Instant::now();
    let head = status(agent, Method::HEAD, url, PATIENCE)?;
    let answer = if is_refusal_of_head(head) {
        // Servers that know no HEAD say so in many ways. Nothing of what they send is read.
        status(agent, Method::GET, url, PATIENCE.saturating_sub(began.elapsed()))?
    } else {
        head
    };
    // Who has been asked too often has not said that there is nothing.
    let is_there = answer.is_success() || answer == StatusCode::TOO_MANY_REQUESTS;
    if is_there { Ok(()) } else { Err(Fault::Status(answer.as_u16())) }
}

fn is_refusal_of_head(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::FORBIDDEN
            | StatusCode::NOT_FOUND
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::NOT_IMPLEMENTED
    )
}

/// What is answered in the end, after redirects.
fn status(
    agent: &Agent,
    method: Method,
    url: &Url,
    patience: Duration,
) -> Result<StatusCode, Fault> {
    let request = Request::builder().method(method).uri(url.as_str()).body(());
    let request = request.map_err(Error::from).map_err(fault)?;
    let request = agent.configure_request(request).timeout_global(Some(patience)).build();
    agent.run(request).map(|response| response.status()).map_err(fault)
}

/// Why nothing was answered, in words for authors.
fn fault(error: Error) -> Fault {
    Fault::Unreachable(match error {
        Error::HostNotFound => "there is no such host".to_owned(),
        Error::TooManyRedirects => format!("it redirects more than {MOST_REDIRECTS} times"),
        Error::Timeout(_) => format!("it did not answer within {} s", PATIENCE.as_secs()),
        Error::Io(error) => match error.kind() {
            io::ErrorKind::ConnectionRefused => "the connection was refused".to_owned(),
            io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof => {
                "the connection was closed".to_owned()
            }
            _ => error.to_string(),
        },
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(texts: &[&str]) -> Vec<Url> {
        texts.iter().map(|text| address(text).unwrap()).collect()
    }

    #[test]
    fn an_address_is_asked_for_as_browsers_do() {
        for (text, asked) in [
            ("https://x.example", "https://x.example/"),
            ("https://x.example/a#b", "https://x.example/a"),
            ("https://x.example/a?q=1#", "https://x.example/a?q=1"),
            ("https://X.example:443/größe", "https://x.example/gr%C3%B6%C3%9Fe"),
            ("http://bücher.example/", "http://xn--bcher-kva.example/"),
        ] {
            assert_eq!(address(text).unwrap().as_str(), asked, "{text}");
        }
        for text in ["https://", "https://[::", "http://x y/"] {
            assert!(address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn why_there_is_no_answer_is_told_in_words() {
        let io = |kind: io::ErrorKind| Error::Io(kind.into());
        for (error, told) in [
            (Error::HostNotFound, "there is no such host"),
            (Error::Timeout(ureq::Timeout::Global), "it did not answer within 10 s"),
            (Error::TooManyRedirects, "it redirects more than 10 times"),
            (io(io::ErrorKind::ConnectionRefused), "the connection was refused"),
            (io(io::ErrorKind::ConnectionReset), "the connection was closed"),
            (Error::Tls("no certificate"), "no certificate"),
        ] {
            assert_eq!(fault(error), Fault::Unreachable(told.to_owned()));
        }
    }

    #[test]
    fn each_host_has_its_addresses_once_and_the_busiest_is_first() {
        let urls = urls(&[
            "https://a.example/1",
            "https://b.example/1",
            "http://b.example:8080/2",
            "https://b.example/1#part",
        ]);
        let hosts = hosts(urls.iter());
        let texts: Vec<Vec<&str>> =
            hosts.iter().map(|host| host.iter().map(|url| url.as_str()).collect()).collect();
        assert_eq!(
            texts,
            [vec!["https://b.example/1", "http://b.example:8080/2"], vec!["https://a.example/1"]]
        );
    }

    #[test]
    fn some_hosts_are_asked_at_once_and_each_one_thing_at_a_time() {
        let texts: Vec<String> =
            (0..200).map(|at| format!("https://{}.example/{at}", at % 40)).collect();
        let urls = urls(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        let (busy, most) = (Mutex::new(Vec::new()), AtomicUsize::new(0));
        let ask = |url: &Url| {
            let host = url.host_str().unwrap().to_owned();
            {
                let mut busy = busy.lock().unwrap();
                assert!(!busy.contains(&host), "{url}");
                busy.push(host.clone());
                most.fetch_max(busy.len(), Ordering::Relaxed);
            }
            (0..50).for_each(|_| std::thread::yield_now());
            busy.lock().unwrap().retain(|other| *other != host);
            if url.path() == "/7" { Err(Fault::Status(404)) } else { Ok(()) }
        };
        let faults = ask_hosts(hosts(urls.iter()), Report::new(true), ask);
        assert_eq!(faults, [(urls[7].clone(), Fault::Status(404))].into());
        assert!((1..=HOSTS_AT_ONCE).contains(&most.into_inner()));
    }
}
