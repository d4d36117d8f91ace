//! Rebuilds when sources change or a post falls due, takes over what another build has published, and hands on
//! the new site; the only one who owns `notify`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context;
use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};
use notify::{PollWatcher, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::watch;

use crate::clock::{Clock, Timestamp};
use crate::config::Sources;
use crate::content::source::is_leftover;
use crate::pipeline::{self, Build, Order};
use crate::publish;
use crate::site::{PRIVATE_FOLDER, Site};

/// Saving one file makes several events, a checkout thousands: we wait until it has been quiet for so long,
const QUIET: Duration = Duration::from_millis(20);

/// but only so long if each file is known to be whole: it was closed, or renamed into its place;
const QUIET_IF_WHOLE: Duration = Duration::from_millis(5);

/// and never longer than this.
const LONGEST_BURST: Duration = Duration::from_millis(200);

/// A file made in a new folder may go unnoticed, so new folders are looked at again after this.
const SECOND_LOOK: Duration = Duration::from_millis(500);

/// After so long without a change everything is looked at, whatever was told of, and left to the next process.
const SETTLED: Duration = Duration::from_secs(5);

/// A clock may be set, or a machine sleep, while we wait for a post to fall due.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// After a build that failed, a post that is due waits so long for the next.
const RETRY: Duration = Duration::from_secs(30);

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

/// Why the thread looks up.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Signal {
    /// Sources have changed.
    Changed(Changes),
    /// Somebody has published into the output, perhaps we.
    Published,
    /// The clock was set.
    Tick,
    /// It is over.
    Stop,
}

/// Which sources have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Changes {
    /// These files, and no others; and whether each is known to be whole.
    Files(BTreeMap<PathBuf, bool>),
    /// Anything, perhaps whole folders.
    Anything { has_folders: bool },
}

impl Changes {
    fn and(self, more: Self) -> Self {
        match (self, more) {
            (Self::Files(mut files), Self::Files(more)) => {
                files.extend(more);
                Self::Files(files)
            }
            (one, other) => {
                Self::Anything { has_folders: one.has_folders() || other.has_folders() }
            }
        }
    }

    /// How long to wait for more.
    fn quiet(&self) -> Duration {
        match self {
            Self::Files(files) if files.values().all(|is_whole| *is_whole) => QUIET_IF_WHOLE,
            _ => QUIET,
        }
    }

    fn has_folders(&self) -> bool {
        matches!(self, Self::Anything { has_folders: true })
    }
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

/// What sees files change: the system, or where that cannot tell, a look at them every second.
struct Eyes {
    watcher: Box<dyn notify::Watcher + Send>,
    /// The folder of the site, if there are sources to watch.
    root: Option<PathBuf>,
    catalog_folder: PathBuf,
    watched: BTreeSet<&'static str>,
}

impl Eyes {
    fn open(parts: &Parts, signals: &Sender<Signal>) -> anyhow::Result<Self> {
        let gaze = Gaze::of(parts);
        let told = RecommendedWatcher::new(handler(&gaze, signals), notify::Config::default());
        let watcher = match told {
            Ok(watcher) => watcher,
            Err(error) => return Self::polling(&gaze, signals, &error),
        };
        match Self::watching(Box::new(watcher), &gaze) {
            Ok(eyes) => Ok(eyes),
            Err(error) => Self::polling(&gaze, signals, &error),
        }
    }

    fn polling(
        gaze: &Gaze,
        signals: &Sender<Signal>,
        error: &notify::Error,
    ) -> anyhow::Result<Self> {
        tracing::warn!(
            "files are looked at every second, for the system cannot tell of changes: {error}"
        );
        let config = notify::Config::default().with_poll_interval(POLL_INTERVAL);
        let watcher = PollWatcher::new(handler(gaze, signals), config);
        let watcher = Box::new(watcher.context("cannot watch the site")?);
        Self::watching(watcher, gaze).context("cannot watch the site")
    }

    fn watching(watcher: Box<dyn notify::Watcher + Send>, gaze: &Gaze) -> notify::Result<Self> {
        let root = gaze.sources.clone();
        let catalog_folder = gaze.catalog_folder.clone();
        let mut eyes = Self { watcher, root, catalog_folder, watched: BTreeSet::new() };
        eyes.watch_catalog();
        let Some(root) = eyes.root.clone() else {
            // Who deploys a new output by renaming it makes no change within the old one.
            let around = gaze.output.parent().unwrap_or(&gaze.output);
            eyes.watcher.watch(around, RecursiveMode::NonRecursive)?;
            return Ok(eyes);
        };
        eyes.watcher.watch(&root, RecursiveMode::NonRecursive)?;
        let settings_folder = gaze.settings.parent().filter(|folder| *folder != root);
        if let Some(folder) = settings_folder {
            eyes.watcher.watch(folder, RecursiveMode::NonRecursive)?;
        }
        for folder in FOLDERS {
            eyes.watch_folder(folder)?;
        }
        Ok(eyes)
    }

    /// Watches for what others publish; the folder is another one after the output was removed.
    fn watch_catalog(&mut self) {
        let _ = self.watcher.unwatch(&self.catalog_folder);
        if self.catalog_folder.is_dir()
            && let Err(error) =
                self.watcher.watch(&self.catalog_folder, RecursiveMode::NonRecursive)
        {
            tracing::warn!("what other builds publish will go unnoticed: {error}");
        }
    }

    fn watch_folder(&mut self, folder: &'static str) -> notify::Result<()> {
        let Some(root) = &self.root else { return Ok(()) };
        let path = root.join(folder);
        if path.is_dir() {
            self.watcher.watch(&path, RecursiveMode::Recursive)?;
            self.watched.insert(folder);
        }
        Ok(())
    }

    /// Watches the folders that were made since, and forgets those that are gone. After folders were made or
    /// moved, one of the same name may be another, which must be watched anew.
    fn follow_folders(&mut self, has_folders: bool) {
        let Some(root) = self.root.clone() else { return };
        for folder in FOLDERS {
            let path = root.join(folder);
            let is_stale = has_folders || !path.is_dir();
            if is_stale && self.watched.remove(folder) {
                let _ = self.watcher.unwatch(&path);
            }
            if !self.watched.contains(folder)
                && let Err(error) = self.watch_folder(folder)
            {
                tracing::warn!("changes in `{folder}` will go unnoticed: {error}");
            }
        }
    }
}

/// What there is to see.
#[derive(Debug, Clone)]
struct Gaze {
    /// The folder of the site, if there are sources to watch.
    sources: Option<PathBuf>,
    /// The file of settings.
    settings: PathBuf,
    /// The output.
    output: PathBuf,
    /// The folder of the output that has the catalog in it.
    catalog_folder: PathBuf,
}

impl Gaze {
    fn of(parts: &Parts) -> Self {
        let sources = parts.order.as_ref().map(|order| &order.sources);
        let settings = |sources: &Sources| {
            sources.file.clone().unwrap_or_else(|| sources.root.join("tallymark.toml"))
        };
        Self {
            sources: sources.map(|sources| sources.root.clone()),
            settings: sources.map(settings).unwrap_or_default(),
            output: parts.output_dir.clone(),
            catalog_folder: parts.output_dir.join(PRIVATE_FOLDER),
        }
    }

    /// What an event means: nothing if it is about reading, or about nothing that matters.
    fn signal_of(&self, event: &notify::Event) -> Option<Signal> {
        if event.need_rescan() {
            return Some(Signal::Changed(Changes::Anything { has_folders: true }));
        }
        let is_reading = matches!(event.kind, EventKind::Access(_)) && !is_written(event);
        if is_reading {
            return None;
        }
        let root = self.sources.as_deref();
        let is_source = |path: &PathBuf| {
            *path == self.settings || root.is_some_and(|root| is_source(path, root))
        };
        if event.paths.iter().any(is_source) {
            return Some(Signal::Changed(changes_of(event, is_source)));
        }
        let catalog = self.catalog_folder.join(publish::CATALOG);
        let is_published = event.paths.contains(&catalog) || event.paths.contains(&self.output);
        is_published.then_some(Signal::Published)
    }
}

/// What an event tells of sources: which files, unless it may be about whole folders.
fn changes_of(event: &notify::Event, is_source: impl Fn(&PathBuf) -> bool) -> Changes {
    let may_move_folders = matches!(
        event.kind,
        EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(_)) | EventKind::Any
    );
    let is_about_folders = event.paths.iter().any(|path| path.is_dir());
    if is_about_folders {
        return Changes::Anything { has_folders: may_move_folders };
    }
    let is_whole = is_written(event);
    let files = event.paths.iter().filter(|path| is_source(path));
    Changes::Files(files.map(|path| (path.clone(), is_whole)).collect())
}

/// Whether an event says that a file is whole now: it was closed, or renamed into its place.
fn is_written(event: &notify::Event) -> bool {
    matches!(
        event.kind,
        EventKind::Access(AccessKind::Close(AccessMode::Write))
            | EventKind::Modify(ModifyKind::Name(RenameMode::To | RenameMode::Both))
    )
}

/// Turns what the system tells into signals.
fn handler(gaze: &Gaze, signals: &Sender<Signal>) -> impl notify::EventHandler {
    let (gaze, signals) = (gaze.clone(), signals.clone());
    move |event: notify::Result<notify::Event>| {
        let signal = match event {
            Ok(event) => gaze.signal_of(&event),
            // What was lost can be anything.
            Err(_) => Some(Signal::Changed(Changes::Anything { has_folders: true })),
        };
        if let Some(signal) = signal {
            let _ = signals.send(signal);
        }
    }
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
        let gaze = Gaze {
            sources: Some(root.to_owned()),
            settings: root.join("tallymark.toml"),
            output: root.join("public"),
            catalog_folder: root.join("public/.tallymark"),
        };
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
            let signal = gaze.signal_of(&event);
            assert_eq!(signal.is_some(), is_signal, "{kind:?} {path}");
        }
        let event = notify::Event::new(data).add_path(root.join("public/.tallymark/site.json"));
        assert_eq!(gaze.signal_of(&event), Some(Signal::Published));
    }
}
