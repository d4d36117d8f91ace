//! What sees files change, and what it makes of that; the only one who knows `notify`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Context;
use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};
use notify::{PollWatcher, RecommendedWatcher, RecursiveMode, Watcher as _};

use super::Parts;
use super::signal::{Changes, Signal};
use crate::config::Sources;
use crate::content::source::{is_leftover, linked};
use crate::publish;
use crate::site::PRIVATE_FOLDER;

/// How often files are looked at where the system cannot tell of changes.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The folders that a site is made from, below its own.
const FOLDERS: [&str; 5] = ["content", "templates", "themes", "static", "data"];

/// What sees files change: the system, or where that cannot tell, a look at them every second.
pub(super) struct Eyes {
    watcher: Box<dyn notify::Watcher + Send>,
    /// The folder of the site, if there are sources to watch.
    root: Option<PathBuf>,
    settings: PathBuf,
    catalog_folder: PathBuf,
    watched: BTreeSet<&'static str>,
    /// Files elsewhere that links of the site lead to.
    targets: Targets,
    /// The folders that these are in.
    beyond: BTreeSet<PathBuf>,
}

/// Files that are sources because links lead to them.
type Targets = Arc<RwLock<BTreeSet<PathBuf>>>;

impl Eyes {
    pub(super) fn open(parts: &Parts, signals: &Sender<Signal>) -> anyhow::Result<Self> {
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
        let mut eyes = Self {
            watcher,
            root: gaze.sources.clone(),
            settings: gaze.settings.clone(),
            catalog_folder: gaze.catalog_folder.clone(),
            watched: BTreeSet::new(),
            targets: gaze.targets.clone(),
            beyond: BTreeSet::new(),
        };
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
        eyes.follow_links(&root);
        Ok(eyes)
    }

    /// Watches the files elsewhere that links lead to, where they are.
    fn follow_links(&mut self, root: &Path) {
        let mut targets: BTreeSet<PathBuf> =
            FOLDERS.iter().flat_map(|folder| linked(&root.join(folder), root)).collect();
        let settings = self.settings.canonicalize().ok();
        targets.extend(settings.filter(|_| self.settings.is_symlink()));
        let real_root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        let is_watched = |folder: &Path| {
            let mut own = FOLDERS.iter().map(|own| real_root.join(own));
            folder == real_root || own.any(|own| folder.starts_with(own))
        };
        let folders = targets.iter().filter_map(|target| target.parent());
        let beyond: BTreeSet<PathBuf> =
            folders.filter(|folder| !is_watched(folder)).map(Path::to_owned).collect();
        for folder in self.beyond.difference(&beyond) {
            let _ = self.watcher.unwatch(folder);
        }
        for folder in &beyond {
            if let Err(error) = self.watcher.watch(folder, RecursiveMode::NonRecursive) {
                tracing::warn!("changes in `{}` will go unnoticed: {error}", folder.display());
            }
        }
        self.beyond = beyond;
        *self.targets.write().unwrap_or_else(PoisonError::into_inner) = targets;
    }

    /// Watches for what others publish; the folder is another one after the output was removed.
    pub(super) fn watch_catalog(&mut self) {
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
    pub(super) fn follow_folders(&mut self, has_folders: bool) {
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
        if has_folders {
            self.follow_links(&root);
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
    /// Files elsewhere that links of the site lead to.
    targets: Targets,
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
            targets: Targets::default(),
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
        let targets = self.targets.read().unwrap_or_else(PoisonError::into_inner);
        if event.paths.iter().any(|path| targets.contains(path)) {
            // Which of the sources are links to it, a build finds out.
            return Some(Signal::Changed(Changes::Anything { has_folders: false }));
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
        EventKind::Create(_)
            | EventKind::Remove(_)
            | EventKind::Modify(ModifyKind::Name(_))
            | EventKind::Any
    );
    // What is gone may have been a link to a folder, which the system sees no more then by its own name either.
    let may_have_been_one =
        |path: &PathBuf| may_move_folders && path.extension().is_none() && !path.exists();
    let is_about_folders = event
        .paths
        .iter()
        .any(|path| path.is_dir() || path.is_symlink() || may_have_been_one(path));
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
            targets: Targets::default(),
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
