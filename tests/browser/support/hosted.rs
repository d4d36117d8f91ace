//! A site built from a few files and served, with a clock that stands still until it is moved.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use tallymark::analytics::{Query, Recorder, Settings, Snapshot, Store, beacon};
use tallymark::clock::{Clock, FixedClock, Timestamp};
use tallymark::config::{Config, Overrides, Sources};
use tallymark::permalink::BaseUrl;
use tallymark::pipeline::{self, Order};
use tallymark::server::{
    self, AppState, Counting, Limits, NewPassword, Parts, PasswordFile, Secrets, ShareKey,
};
use tallymark::site::Site;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::{PATIENCE, Wire};

/// 2026-11-24T08:00:00Z
const NOW: Timestamp = Timestamp::from_millis(1_795_507_200_000);

/// A site that is being hosted.
pub(crate) struct Hosted {
    pub(crate) clock: FixedClock,
    pub(crate) wire: Wire,
    base: String,
    order: Order,
    sites: watch::Sender<Arc<Site>>,
    recorder: Arc<Recorder>,
    folder: TempDir,
}

impl Hosted {
    /// Builds a site of `files`, by name and contents, and serves it.
    pub(crate) async fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write(&folder, files);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let order = order(&folder, &base);
        let clock = FixedClock::at(NOW);
        let (sites, current) = watch::channel(build(&order, &clock));
        let counting = counting(&folder, &clock);
        let recorder = Arc::clone(&counting.recorder);
        let config = Config::load(&order.sources).unwrap().0;
        let server = serve(config, counting, &clock, current).await;
        let wire = Wire::lay(listener, server);
        Self { clock, wire, base, order, sites, recorder, folder }
    }

    /// The address of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The folder that the site was built into.
    pub(crate) fn output(&self) -> std::path::PathBuf {
        self.folder.path().join("public")
    }

    /// The folder of what is kept of readers and of the owner.
    fn state(&self) -> std::path::PathBuf {
        self.folder.path().join("state")
    }

    /// Sets the password that the owner signs in with.
    pub(crate) fn set_password(&self, password: &str) {
        let password = NewPassword::parse(password).unwrap();
        PasswordFile::in_folder(&self.state()).set(&password).unwrap();
    }

    /// What a link has in it that lets a guest in for a day.
    pub(crate) fn invitation(&self) -> String {
        let end = NOW + Duration::from_hours(24);
        ShareKey::in_folder(&self.state()).invite(end).unwrap()
    }

    /// Saves files, builds the site anew, and publishes it.
    pub(crate) fn save(&self, files: &[(&str, &str)]) {
        write(&self.folder, files);
        self.rebuild();
    }

    /// Deletes a file, builds the site anew, and publishes it.
    pub(crate) fn delete(&self, file: &str) {
        fs::remove_file(self.folder.path().join(file)).unwrap();
        self.rebuild();
    }

    fn rebuild(&self) {
        self.sites.send_replace(build(&self.order, &self.clock));
    }

    /// The numbers as they are.
    pub(crate) fn numbers(&self) -> Arc<Snapshot> {
        Arc::clone(&self.recorder.subscribe().borrow())
    }

    /// Waits until the numbers are as expected.
    pub(crate) async fn until_numbers(&self, expected: impl Fn(&Snapshot) -> bool) {
        let mut snapshots = self.recorder.subscribe();
        let waiting = snapshots.wait_for(|snapshot| expected(snapshot));
        let outcome = tokio::time::timeout(PATIENCE, waiting).await.map(drop);
        assert!(outcome.is_ok(), "the numbers stay at {:#?}", self.numbers());
    }

    /// Waits until so many views were counted.
    pub(crate) async fn until_views(&self, views: u64) {
        self.until_numbers(|snapshot| snapshot.total_page_views == views).await;
    }

    pub(crate) fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }
}

fn write(folder: &TempDir, files: &[(&str, &str)]) {
    for (name, text) in files {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().expect("it is below a folder")).unwrap();
        fs::write(file, text).unwrap();
    }
}

fn order(folder: &TempDir, base: &str) -> Order {
    let overrides = Overrides { base: BaseUrl::parse(base).ok(), ..Overrides::default() };
    let root = folder.path().to_owned();
    Order {
        sources: Sources { root, overrides, ..Sources::default() },
        beacon: format!("/_/beacon.{}.js", beacon::hash()),
        strict: true,
        force: false,
        home: None,
        progress: Arc::default(),
        readership: Arc::new(tallymark::render::Uncounted),
        memory: pipeline::Memory::default(),
    }
}

fn build(order: &Order, clock: &FixedClock) -> Arc<Site> {
    let build = pipeline::build(order, clock.now()).unwrap();
    assert!(build.site.is_some(), "{:#?}", build.problems);
    build.site.unwrap()
}

fn counting(folder: &TempDir, clock: &FixedClock) -> Counting {
    let store = Arc::new(Store::open(&folder.path().join("state/analytics.redb")).unwrap());
    let query = Query::new(Arc::clone(&store));
    let recorder = Recorder::start(store, Arc::new(clock.clone()), Settings::default()).unwrap();
    Counting { recorder: Arc::new(recorder), query }
}

/// Starts the server, and gives the address that it is at.
async fn serve(
    config: Config,
    counting: Counting,
    clock: &FixedClock,
    sites: watch::Receiver<Arc<Site>>,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap().to_string();
    let state = AppState::new(Parts {
        sites,
        counting: Some(counting),
        serve: config.serve,
        analytics: config.analytics,
        stats: config.stats,
        clock: Arc::new(clock.clone()),
        dev: None,
        key: None,
        secrets: Secrets { folder: config.root.join("state"), password: None },
        limits: Limits::default(),
    });
    tokio::spawn(server::run(listener, state, std::future::pending()));
    at
}
