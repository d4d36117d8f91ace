//! Rebuilds when sources change or a post falls due, takes over what another build has published, and hands on
//! the new site.

mod eyes;
mod signal;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::sync::watch;

use self::eyes::Eyes;
use self::signal::{Changes, Signal};
use crate::clock::{Clock, Timestamp};
use crate::pipeline::{self, Build, Order};
use crate::publish;
use crate::site::Site;

/// We wait for quiet, but no longer than this.
const LONGEST_BURST: Duration = Duration::from_millis(200);

/// A file made in a new folder may go unnoticed, so new folders are looked at again after this.
const SECOND_LOOK: Duration = Duration::from_millis(500);

/// After so long without a change everything is looked at, whatever was told of, and left to the next process.
const SETTLED: Duration = Duration::from_secs(5);

/// A clock may be set, or a machine sleep, while we wait for a post to fall due.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// After a build that failed, a post that is due waits so long for the next.
const RETRY: Duration = Duration::from_secs(30);

/// What came of a build, and how long it took.
#[derive(Debug)]
pub struct Rebuild {
    /// The build, or what the machine would not do.
    pub result: anyhow::Result<Build>,
    /// How long it took.
    pub elapsed: Duration,
}

/// What a watcher is made of.
pub struct Parts {
    /// What is built; none if the site was built elsewhere and is only hosted.
    pub order: Option<Order>,
    /// Where the built site is.
    pub output_dir: PathBuf,
    /// Tells when posts fall due.
    pub clock: Arc<dyn Clock>,
    /// Where each new site is handed on.
    pub sites: watch::Sender<Arc<Site>>,
    /// When the site that is there now changes by itself.
    pub next_due: Option<Timestamp>,
    /// Whether files are watched; posts fall due in any case.
    pub files: bool,
    /// Hears of each build.
    pub announce: Box<dyn FnMut(&Rebuild) + Send>,
}

/// A thread that rebuilds when it must.
#[derive(Debug)]
pub struct Watcher {
    signals: Sender<Signal>,
    thread: JoinHandle<()>,
}

/// When to look at everything again, though nothing was told.
#[derive(Debug, Clone, Copy)]
struct Look {
    when: Instant,
    /// Also at what no change was told of, such as the output.
    is_thorough: bool,
}

impl Look {
    fn after(wait: Duration, is_thorough: bool) -> Self {
        Self { when: Instant::now() + wait, is_thorough }
    }
}

impl Watcher {
    /// Starts watching the site of `parts`.
    pub fn start(parts: Parts) -> anyhow::Result<Self> {
        let (signals, inbox) = channel();
        let wake = signals.clone();
        parts.clock.on_jump(Box::new(move || drop(wake.send(Signal::Tick))));
        let eyes = if parts.files { Some(Eyes::open(&parts, &signals)?) } else { None };
        let mut watch = Watch { parts, inbox, eyes };
        let thread = std::thread::Builder::new()
            .name("watch".to_owned())
            .spawn(move || watch.run())
            .context("cannot start the thread that watches")?;
        Ok(Self { signals, thread })
    }

    /// Ends the thread; a build that is under way is finished first.
    pub fn stop(self) {
        let _ = self.signals.send(Signal::Stop);
        let _ = self.thread.join();
    }
}

struct Watch {
    parts: Parts,
    inbox: Receiver<Signal>,
    eyes: Option<Eyes>,
}

impl Watch {
    fn run(&mut self) {
        // The site may have been there already; the first change shall not wait for what is known of it.
        let mut look = self.parts.order.is_some().then(|| Look::after(SECOND_LOOK, true));
        loop {
            match self.inbox.recv_timeout(self.patience(look)) {
                Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => return self.leave(),
                Ok(Signal::Changed(changes)) => {
                    let Some(changes) = self.await_quiet(changes) else { return self.leave() };
                    let soon = Look::after(SECOND_LOOK, false);
                    let later = Look::after(SETTLED, true);
                    look = Some(if changes.has_folders() { soon } else { later });
                    self.rebuild(&changes);
                }
                Ok(Signal::Published) => self.take_over(),
                Ok(Signal::Tick) | Err(RecvTimeoutError::Timeout) => {
                    if let Some(due) = look.filter(|look| look.when <= Instant::now()) {
                        look = (!due.is_thorough).then(|| Look::after(SETTLED, true));
                        self.look(due);
                    } else if self.is_due() {
                        self.rebuild(&Changes::Anything { has_folders: false });
                    }
                }
            }
        }
    }

    /// Leaves what was found out to the next process.
    fn leave(&self) {
        let saved = self.parts.order.as_ref().map(pipeline::save);
        if let Some(Err(error)) = saved {
            tracing::debug!("what was found out is not kept: {error:#}");
        }
    }

    /// Looks at everything again.
    fn look(&mut self, look: Look) {
        if look.is_thorough {
            // A link to a folder that is gone may have taken with it what watched that.
            if let Some(eyes) = &mut self.eyes {
                eyes.follow_folders(true);
            }
            self.build(pipeline::build_thoroughly);
            self.leave();
        } else {
            self.rebuild(&Changes::Anything { has_folders: false });
        }
    }

    /// How long nothing needs to be done.
    fn patience(&self, look: Option<Look>) -> Duration {
        let until_due = self.parts.next_due.map(|due| due.since(self.parts.clock.now()));
        let until_look = look.map(|look| look.when.saturating_duration_since(Instant::now()));
        [until_due, until_look].into_iter().flatten().fold(LONGEST_WAIT, Duration::min)
    }

    fn is_due(&self) -> bool {
        self.parts.next_due.is_some_and(|due| due <= self.parts.clock.now())
    }

    /// Waits until no more changes come; gives them all, or nothing if it is over.
    fn await_quiet(&self, mut changes: Changes) -> Option<Changes> {
        let began = Instant::now();
        while began.elapsed() < LONGEST_BURST {
            match self.inbox.recv_timeout(changes.quiet()) {
                Ok(Signal::Changed(more)) => changes = changes.and(more),
                Ok(Signal::Tick | Signal::Published) => {}
                Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => break,
            }
        }
        Some(changes)
    }

    fn rebuild(&mut self, changes: &Changes) {
        match changes {
            Changes::Files(files) => {
                let files = files.keys().cloned().collect();
                self.build(|order, now| pipeline::rebuild(order, now, &files));
            }
            Changes::Anything { has_folders } => {
                if let Some(eyes) = &mut self.eyes {
                    eyes.follow_folders(*has_folders);
                }
                self.build(pipeline::build);
            }
        }
    }

    fn build(&mut self, build: impl Fn(&Order, Timestamp) -> anyhow::Result<Build>) {
        let Some(order) = &self.parts.order else { return self.take_over() };
        let started = Instant::now();
        let now = self.parts.clock.now();
        let result = contained(|| build(order, now));
        let rebuild = Rebuild { result, elapsed: started.elapsed() };
        if let Ok(build) = &rebuild.result {
            self.parts.next_due = build.next_due;
            if let Some(site) = &build.site {
                self.parts.sites.send_replace(site.clone());
            }
        } else {
            let later = now + RETRY;
            self.parts.next_due = self.parts.next_due.map(|due| due.max(later));
        }
        if let Some(eyes) = &mut self.eyes {
            eyes.watch_catalog();
        }
        (self.parts.announce)(&rebuild);
    }
}

/// A panic of one build must not end all that would follow.
fn contained(work: impl FnOnce() -> anyhow::Result<Build>) -> anyhow::Result<Build> {
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    done.unwrap_or_else(|_| {
        Err(anyhow::anyhow!("the build has panicked; the site stays as it was"))
    })
}

impl Watch {
    /// Serves what another build has published, whose files are on disk already.
    fn take_over(&mut self) {
        let output = &self.parts.output_dir;
        if self.parts.order.as_ref().is_some_and(|order| pipeline::has_published(order, output)) {
            return;
        }
        if let Some(eyes) = &mut self.eyes {
            eyes.watch_catalog();
        }
        match publish::open(&self.parts.output_dir) {
            Ok(Some(site)) => {
                let is_ours = self.parts.sites.borrow().catalog() == site.catalog();
                if !is_ours {
                    tracing::info!("another build has published; its site is served");
                    self.parts.sites.send_replace(Arc::new(site));
                }
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!("what another build has published cannot be read: {error:#}");
            }
        }
    }
}
