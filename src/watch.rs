//! Rebuilds when sources change or a post falls due, and hands on the new site; the only one who owns `notify`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context;
use notify::event::{EventKind, ModifyKind};
use notify::{PollWatcher, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::watch;

use crate::clock::{Clock, Timestamp};
use crate::config::Sources;
use crate::content::source::is_leftover;
use crate::pipeline::{self, Build, Order};
use crate::site::Site;

/// Saving one file makes several events, a checkout thousands: we wait until it has been quiet for so long,
const QUIET: Duration = Duration::from_millis(20);

/// but no longer than this.
const LONGEST_BURST: Duration = Duration::from_millis(200);

/// A file made in a new folder may go unnoticed, so new folders are looked at again after this.
const SECOND_LOOK: Duration = Duration::from_millis(500);

/// A clock may be set, or a machine sleep, while we wait for a post to fall due.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How often files are looked at where the system cannot tell of changes.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The folders that a site is made from, below its own.
const FOLDERS: [&str; 5] = ["content", "templates", "themes", "static", "data"];

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
    /// What is built.
    pub order: Order,
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

/// Why the thread looks up.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Signal {
    /// Sources have changed, perhaps whole folders.
    Changed { has_folders: bool },
    /// The clock was set.
    Tick,
    /// It is over.
    Stop,
}

impl Watcher {
    /// Starts watching the site of `parts`.
    pub fn start(parts: Parts) -> anyhow::Result<Self> {
        let (signals, inbox) = channel();
        let wake = signals.clone();
        parts.clock.on_jump(Box::new(move || drop(wake.send(Signal::Tick))));
        let eyes =
            if parts.files { Some(Eyes::open(&parts.order.sources, &signals)?) } else { None };
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
        let mut look_again = None;
        loop {
            match self.inbox.recv_timeout(self.patience(look_again)) {
                Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(Signal::Changed { has_folders }) => {
                    let Some(has_folders) = self.await_quiet(has_folders) else { return };
                    look_again = has_folders.then(|| Instant::now() + SECOND_LOOK);
                    self.rebuild();
                }
                Ok(Signal::Tick) | Err(RecvTimeoutError::Timeout) => {
                    let is_second_look = look_again.is_some_and(|when| Instant::now() >= when);
                    if is_second_look {
                        look_again = None;
                    }
                    if is_second_look || self.is_due() {
                        self.rebuild();
                    }
                }
            }
        }
    }

    /// How long nothing needs to be done.
    fn patience(&self, look_again: Option<Instant>) -> Duration {
        let until_due = self.parts.next_due.map(|due| due.since(self.parts.clock.now()));
        let until_look = look_again.map(|when| when.saturating_duration_since(Instant::now()));
        [until_due, until_look].into_iter().flatten().fold(LONGEST_WAIT, Duration::min)
    }

    fn is_due(&self) -> bool {
        self.parts.next_due.is_some_and(|due| due <= self.parts.clock.now())
    }

    /// Waits until no more changes come; tells whether folders were among them, or nothing if it is over.
    fn await_quiet(&self, mut has_folders: bool) -> Option<bool> {
        let began = Instant::now();
        while began.elapsed() < LONGEST_BURST {
            match self.inbox.recv_timeout(QUIET) {
                Ok(Signal::Changed { has_folders: more }) => has_folders |= more,
                Ok(Signal::Tick) => {}
                Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => break,
            }
        }
        Some(has_folders)
    }

    fn rebuild(&mut self) {
        if let Some(eyes) = &mut self.eyes {
            eyes.follow_folders();
        }
        let started = Instant::now();
        let result = pipeline::build(&self.parts.order, self.parts.clock.now());
        let rebuild = Rebuild { result, elapsed: started.elapsed() };
        if let Ok(build) = &rebuild.result {
            self.parts.next_due = build.next_due;
            if let Some(site) = &build.site {
                self.parts.sites.send_replace(site.clone());
            }
        }
        (self.parts.announce)(&rebuild);
    }
}

/// What sees files change: the system, or where that cannot tell, a look at them every second.
struct Eyes {
    watcher: Box<dyn notify::Watcher + Send>,
    root: PathBuf,
    watched: BTreeSet<&'static str>,
}

impl Eyes {
    fn open(sources: &Sources, signals: &Sender<Signal>) -> anyhow::Result<Self> {
        let root = sources.root.clone();
        let told = RecommendedWatcher::new(handler(sources, signals), notify::Config::default());
        let mut eyes = match told {
            Ok(watcher) => Self { watcher: Box::new(watcher), root, watched: BTreeSet::new() },
            Err(error) => return Self::polling(sources, signals, &error),
        };
        match eyes.watch_all(sources) {
            Ok(()) => Ok(eyes),
            Err(error) => Self::polling(sources, signals, &error),
        }
    }

    fn polling(
        sources: &Sources,
        signals: &Sender<Signal>,
        error: &notify::Error,
    ) -> anyhow::Result<Self> {
        tracing::warn!(
            "files are looked at every second, for the system cannot tell of changes: {error}"
        );
        let config = notify::Config::default().with_poll_interval(POLL_INTERVAL);
        let watcher = PollWatcher::new(handler(sources, signals), config);
        let watcher = Box::new(watcher.context("cannot watch the site")?);
        let mut eyes = Self { watcher, root: sources.root.clone(), watched: BTreeSet::new() };
        eyes.watch_all(sources).context("cannot watch the site")?;
        Ok(eyes)
    }

    fn watch_all(&mut self, sources: &Sources) -> notify::Result<()> {
        self.watcher.watch(&self.root, RecursiveMode::NonRecursive)?;
        let settings_folder = sources.file.as_deref().and_then(Path::parent);
        if let Some(folder) = settings_folder.filter(|folder| *folder != self.root) {
            self.watcher.watch(folder, RecursiveMode::NonRecursive)?;
        }
        for folder in FOLDERS {
            self.watch_folder(folder)?;
        }
        Ok(())
    }

    fn watch_folder(&mut self, folder: &'static str) -> notify::Result<()> {
        let path = self.root.join(folder);
        if path.is_dir() {
            self.watcher.watch(&path, RecursiveMode::Recursive)?;
            self.watched.insert(folder);
        }
        Ok(())
    }

    /// Watches the folders that were made since, and forgets those that are gone.
    fn follow_folders(&mut self) {
        for folder in FOLDERS {
            let path = self.root.join(folder);
            if !path.is_dir() && self.watched.remove(folder) {
                let _ = self.watcher.unwatch(&path);
            } else if path.is_dir()
                && !self.watched.contains(folder)
                && let Err(error) = self.watch_folder(folder)
            {
                tracing::warn!("changes in `{folder}` will go unnoticed: {error}");
            }
        }
    }
}

/// Turns what the system tells into signals.
fn handler(sources: &Sources, signals: &Sender<Signal>) -> impl notify::EventHandler {
    let root = sources.root.clone();
    let settings = sources.file.clone().unwrap_or_else(|| root.join("tallymark.toml"));
    let signals = signals.clone();
    move |event: notify::Result<notify::Event>| {
        let signal = match event {
            Ok(event) => signal_of(&event, &root, &settings),
            // What was lost can be anything.
            Err(_) => Some(Signal::Changed { has_folders: true }),
        };
        if let Some(signal) = signal {
            let _ = signals.send(signal);
        }
    }
}

/// What an event means: nothing if it is about reading, or about no source of the site.
fn signal_of(event: &notify::Event, root: &Path, settings: &Path) -> Option<Signal> {
    if event.need_rescan() {
        return Some(Signal::Changed { has_folders: true });
    }
    if matches!(event.kind, EventKind::Access(_)) {
        return None;
    }
    let is_source = |path: &PathBuf| path == settings || is_source(path, root);
    if !event.paths.iter().any(is_source) {
        return None;
    }
    let may_move_folders = matches!(
        event.kind,
        EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(_)) | EventKind::Any
    );
    let has_folders = may_move_folders && event.paths.iter().any(|path| path.is_dir());
    Some(Signal::Changed { has_folders })
}

/// Whether `path` is a folder of sources, or lies in one, and is no editor's leftover.
fn is_source(path: &Path, root: &Path) -> bool {
    let Ok(relative) = path.strip_prefix(root) else { return false };
    let mut parts = relative.components().map(|part| part.as_os_str().to_string_lossy());
    let is_in_folder = parts.next().is_some_and(|first| FOLDERS.contains(&first.as_ref()));
    is_in_folder && !parts.any(|part| is_leftover(&part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify::event::{AccessKind, CreateKind, DataChange, RenameMode};

    #[test]
    fn only_changes_of_sources_are_signals() {
        let root = Path::new("/site");
        let data = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        for (kind, path, is_signal) in [
            (data, "content/blog/a.md", true),
            (data, "tallymark.toml", true),
            (data, "templates/base.html", true),
            (data, "content/blog/.a.md.swp", false),
            (data, "content/blog/a.md~", false),
            (data, "content/4913", false),
            (data, "public/index.html", false),
            (data, "state/analytics.redb", false),
            (data, "other.toml", false),
            (EventKind::Access(AccessKind::Any), "content/a.md", false),
            (EventKind::Modify(ModifyKind::Name(RenameMode::To)), "content/a.md", true),
            (EventKind::Create(CreateKind::Folder), "content", true),
        ] {
            let event = notify::Event::new(kind).add_path(root.join(path));
            let signal = signal_of(&event, root, &root.join("tallymark.toml"));
            assert_eq!(signal.is_some(), is_signal, "{kind:?} {path}");
        }
    }
}
