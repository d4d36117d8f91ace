//! Pages that the server has answered, by who asked: counted without scripts, and apart from the views that browsers tell of.
//!
//! Nothing is kept of who asks but a kind: a reader, a search engine, a feed reader. The counts are handed to the
//! recorder every few seconds; those of the last seconds are lost if the process is killed.

use std::cell::RefCell;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::header::HeaderMap;

use super::facts;
use super::state::{Handle, Shared};
use crate::analytics::{Caller, Place, Recorder, Served, Signals};
use crate::clock::Timestamp;
use crate::fingerprint::{FastMap, Fingerprint};
use crate::site::Site;

/// How often counts are handed on.
const PACE: Duration = Duration::from_secs(10);

/// How many pages are counted between two times; those of a larger blog are not asked for in some seconds.
const PAGES: usize = 10_000;

/// How many user agents each thread remembers the kind of. They are not written anywhere.
const AGENTS: usize = 1024;

thread_local! {
    /// What was found out about user agents, by their hash: each request asks, and few agents ask most.
    static CALLERS: RefCell<FastMap<Fingerprint, Caller>> = RefCell::default();
}

/// How often each page was answered to whom, since it was handed on.
#[derive(Debug, Default)]
pub(super) struct Navigations {
    is_on: bool,
    ignores_wishes: bool,
    counts: Mutex<FastMap<Box<str>, [u64; Caller::ALL.len()]>>,
}

/// What a request says about who asks, and what for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Asker<'a> {
    agent: &'a [u8],
    /// Whether it says that a page is wanted for something else than to be looked at.
    is_no_document: bool,
    is_prefetch: bool,
    has_opted_out: bool,
}

impl<'a> Asker<'a> {
    pub(super) fn of(headers: &'a HeaderMap) -> Self {
        let mut asker = Self::default();
        for (name, value) in headers {
            asker.add(name.as_str(), value.as_bytes());
        }
        asker
    }

    /// Notes a header, whose name may be spelled in any case.
    pub(super) fn add(&mut self, name: &str, value: &'a [u8]) {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        let says =
            |word: &[u8]| value.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
        match name.len() {
            10 if is("user-agent") => self.agent = value,
            14 if is("sec-fetch-dest") => self.is_no_document = value != b"document",
            5 | 7 | 9 | 11 if facts::AHEAD_OF_TIME.iter().any(|name| is(name)) => {
                self.is_prefetch |= facts::IS_AHEAD.iter().any(|word| says(word.as_bytes()));
            }
            3 | 7 if is("dnt") || is("sec-gpc") => self.has_opted_out |= value == b"1",
            _ => {}
        }
    }

    fn caller(&self) -> Caller {
        let signals = Signals { prefetch: self.is_prefetch, ..Signals::default() };
        let look = || Caller::of(std::str::from_utf8(self.agent).ok(), signals);
        let key = Fingerprint::of(&(self.agent, self.is_prefetch));
        CALLERS.with_borrow_mut(|known| {
            if known.len() > AGENTS {
                known.clear();
            }
            *known.entry(key).or_insert_with(look)
        })
    }
}

impl Navigations {
    /// Counts, if anything is counted; those who wish not to be are, if `ignores_wishes`.
    pub(super) fn new(is_on: bool, ignores_wishes: bool) -> Self {
        Self { is_on, ignores_wishes, ..Self::default() }
    }

    /// Counts an answer to a GET of what is at `target`, if that may be a page.
    pub(super) fn note(&self, target: &str, asker: &Asker<'_>) {
        let path = target.split('?').next().unwrap_or_default();
        let is_page = path.ends_with('/') || path.rsplit('.').next() == Some("html");
        if !self.is_on
            || !is_page
            || asker.is_no_document
            || (asker.has_opted_out && !self.ignores_wishes)
        {
            return;
        }
        let caller = asker.caller() as usize;
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counted) = counts.get_mut(path) {
            counted[caller] += 1;
        } else if counts.len() < PAGES {
            let mut counted = [0; Caller::ALL.len()];
            counted[caller] = 1;
            counts.insert(path.into(), counted);
        }
    }

    /// Hands on what was counted, as far as `site` has such pages.
    fn hand_over(&self, site: &Site, recorder: &Recorder, at: Timestamp) {
        let counts =
            std::mem::take(&mut *self.counts.lock().unwrap_or_else(PoisonError::into_inner));
        let mut served = Vec::new();
        for (target, counted) in counts {
            let Place::Page { path, .. } = facts::place(site, &target) else { continue };
            let callers = Caller::ALL.into_iter().zip(counted).filter(|(_, times)| *times > 0);
            let path = || path.clone();
            served.extend(callers.map(|(caller, times)| Served {
                at,
                path: path(),
                caller,
                times,
            }));
        }
        if !served.is_empty() && recorder.serve(served).is_err() {
            tracing::debug!(
                "what the server has answered lately is not counted: too much waits to be"
            );
        }
    }
}

impl Shared {
    /// Hands on which pages were answered.
    pub(super) fn hand_over_navigations(&self) {
        if let Some(collector) = &self.collector {
            self.navigations.hand_over(&self.site(), collector.recorder(), collector.now());
        }
    }
}

/// Hands on which pages were answered, now and then, until the server ends.
pub(super) async fn follow(state: Handle) {
    let mut stop = state.stop.subscribe();
    loop {
        tokio::select! {
            () = tokio::time::sleep(PACE) => state.hand_over_navigations(),
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}
