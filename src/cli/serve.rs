//! `tallymark serve`: builds the site, hosts it, counts its readers, and follows what is saved.

use std::future::Future;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use clap::Args;
use tokio::sync::watch;

use super::address_file::{AddressFile, Contact};
use super::announcer::Announcer;
use super::readership::Statistics;
use super::report::Report;
use super::workspace::{Workspace, program, settings};
use super::{Global, Outcome, Usage, password, placeholder};
use crate::analytics::{Query, Recorder, Store};
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::config::{Config, Overrides};
use crate::permalink::BaseUrl;
use crate::pipeline::{self, Memory, Order};
use crate::publish;
use crate::render::Readership;
use crate::server::{self, AppState, Counting, Limits, Parts, Secrets};
use crate::site::Site;
use crate::watch::{Parts as WatchParts, Rebuild, Watcher};

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 4096;

/// Build the site, host it, count its readers, and follow what is saved
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// The address to listen at [default: 127.0.0.1]
    #[arg(long, value_name = "A", value_parser = address)]
    address: Option<IpAddr>,
    /// The port to listen at [default: 4747]
    #[arg(long, value_name = "P")]
    port: Option<u16>,
    /// Open the site in a browser
    #[arg(long)]
    open: bool,
    /// For writing: show drafts, update open tabs, count nobody
    #[arg(long)]
    dev: bool,
    /// Where statistics are kept [default: state]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Do not follow what is saved
    #[arg(long)]
    no_watch: bool,
}

/// The site to begin with.
struct First {
    site: Arc<Site>,
    next_due: Option<Timestamp>,
}

impl Serve {
    pub(super) fn run(self, global: &Global, report: Report) -> anyhow::Result<Outcome> {
        let mut workspace = Workspace::open_anything(global, self.overrides())?;
        let (listener, at) = listen(&workspace.config)?;
        workspace.serve_at(at, self.dev)?;
        if !self.dev && workspace.has_wrong_settings() {
            report.problems(&workspace.problems);
            return Ok(Outcome::Mistakes);
        }
        let built = self.built(global, &workspace)?;
        let is_source = built.is_none();
        let state_dir = workspace.state_dir(self.state.as_deref())?;
        let password = password::of_environment(&workspace)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        // Before anything is published: if another server holds the database, this is its site.
        let counting = counting(&workspace.config, &state_dir, &clock)?;
        let mut order = workspace.order(false, false);
        order.memory = Memory::of_many_builds(program());
        order.readership = readership(counting.as_ref(), &state_dir);
        let mut announcer = Announcer::new(report);
        let first = match built {
            Some(site) => Some(First { site: Arc::new(site), next_due: None }),
            None => first_build(&order, &workspace.config, &mut announcer)?,
        };
        let Some(first) = first else { return Ok(Outcome::Mistakes) };
        let contact = Contact::new(shown(at))?;
        let _address = counting.as_ref().map(|_| AddressFile::write(&state_dir, &contact));
        let (sites, current) = watch::channel(first.site);
        let state = AppState::new(Parts {
            sites: current,
            counting: counting.clone(),
            serve: workspace.config.serve.clone(),
            analytics: workspace.config.analytics.clone(),
            stats: workspace.config.stats.clone(),
            clock: clock.clone(),
            dev: self.dev.then(|| announcer.subscribe()),
            key: Some(contact.key),
            secrets: Secrets { folder: state_dir, password },
            limits: Limits::default(),
        });
        let watcher = Watcher::start(WatchParts {
            order: is_source.then_some(order),
            output_dir: workspace.config.output_dir.clone(),
            clock,
            sites,
            next_due: first.next_due,
            files: !self.no_watch,
            announce: Box::new(move |rebuild| announcer.announce(rebuild)),
        })?;
        let served = serve(listener, state, || self.greet(&workspace.config, at, report));
        watcher.stop();
        if let Some(counting) = counting {
            counting.recorder.close();
        }
        served.map(|()| Outcome::Done)
    }

    /// The site that was built elsewhere; none if there is one to build here, and an error if there is neither.
    fn built(&self, global: &Global, workspace: &Workspace) -> anyhow::Result<Option<Site>> {
        let has_content = self.dev || workspace.config.content_dir().is_dir();
        let built = if has_content { None } else { publish::open(&workspace.config.output_dir)? };
        if built.is_none() && global.config.is_none() && !workspace.has_site() {
            return Err(workspace.no_site().into());
        }
        Ok(built)
    }

    fn overrides(&self) -> Overrides {
        Overrides { address: self.address, port: self.port, dev: self.dev, ..Overrides::default() }
    }

    fn greet(&self, config: &Config, at: SocketAddr, report: Report) {
        let url = format!("http://{}{}/", shown(at), config.base.prefix());
        report.done(format!("serving {url}"));
        if self.dev {
            report.note("drafts are shown, nobody is counted; press Ctrl-C to end");
        } else if config.shows_stats() {
            report.note(format!(
                "statistics at {}{}",
                url.trim_end_matches('/'),
                config.stats.path
            ));
        }
        if self.open && open::that_detached(&url).is_err() {
            report.note("no browser could be opened");
        }
    }
}

impl Workspace {
    /// Makes links lead to where the site is served: always while writing, else if it has no address of its own.
    fn serve_at(&mut self, at: SocketAddr, dev: bool) -> anyhow::Result<()> {
        self.sources.overrides.port = Some(at.port());
        if dev {
            let url = format!("http://{}{}", shown(at), self.config.base.prefix());
            self.sources.overrides.base = BaseUrl::parse(&url).ok();
            self.sources.overrides.output_dir = Some(self.config.cache_dir().join("dev"));
        }
        (self.config, self.problems) = Config::load(&self.sources)?;
        Ok(())
    }
}

/// An address that a browser understands.
pub(super) fn shown(at: SocketAddr) -> SocketAddr {
    let ip = match at.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from(std::net::Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, at.port())
}

fn listen(config: &Config) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let wanted = SocketAddr::new(config.serve.address, config.serve.port);
    let listener = TcpListener::bind(wanted).with_context(|| {
        format!("cannot listen at `{wanted}`; choose another port with `--port`")
    })?;
    // Beyond the 128 of the standard library whoever connects waits a second; the system has its own limit.
    rustix::net::listen(&listener, BACKLOG)?;
    listener.set_nonblocking(true)?;
    let at = listener.local_addr()?;
    Ok((listener, at))
}

/// Builds the site; if that fails, the one that is there already is served.
fn first_build(
    order: &Order,
    config: &Config,
    announcer: &mut Announcer,
) -> anyhow::Result<Option<First>> {
    let started = Instant::now();
    let result = pipeline::build(order, SystemClock.now());
    let rebuild = Rebuild { result, elapsed: started.elapsed() };
    announcer.announce(&rebuild);
    let (site, next_due) = match rebuild.result {
        Ok(build) => (build.site, build.next_due),
        Err(failure) if failure.is::<publish::Refusal>() => return Err(failure),
        Err(failure) => match publish::open(&config.output_dir) {
            Ok(Some(site)) => (Some(Arc::new(site)), None),
            _ => return Err(failure),
        },
    };
    let site = match site {
        Some(site) => Some(site),
        None => publish::open(&config.output_dir)?.map(Arc::new),
    };
    let site = site.or_else(|| config.dev.then(|| Arc::new(placeholder::site(config))));
    Ok(site.map(|site| First { site, next_due }))
}

fn counting(
    config: &Config,
    state_dir: &Path,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Option<Counting>> {
    if !config.counts_readers() {
        return Ok(None);
    }
    let store = Arc::new(Store::host(&state_dir.join(super::DATABASE), clock.now())?);
    let recorder = Recorder::start(store.clone(), clock.clone(), settings(config))?;
    Ok(Some(Counting { recorder: Arc::new(recorder), query: Query::new(store) }))
}

/// What readers did, as far as templates may ask.
fn readership(counting: Option<&Counting>, state_dir: &Path) -> Arc<dyn Readership> {
    Arc::new(match counting {
        Some(counting) => Statistics::of(counting.query.clone()),
        None => Statistics::in_folder(state_dir.to_owned()),
    })
}

/// Serves until the process is asked to end, and says so with `greet` once it can be asked.
fn serve(listener: TcpListener, state: AppState, greet: impl FnOnce()) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.context("cannot start the server")?;
    runtime.block_on(async {
        let end = end_asked_for()?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        greet();
        server::run(listener, state, end).await.context("the server has failed")
    })
}

/// Resolves when the process is asked to end.
fn end_asked_for() -> anyhow::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        Ok(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async { drop(tokio::signal::ctrl_c().await) })
}

/// Reads an address from the command line.
fn address(text: &str) -> Result<IpAddr, Usage> {
    let known = if text == "localhost" { "127.0.0.1" } else { text };
    known.parse().map_err(|_| Usage("write an address such as `127.0.0.1` or `::`".to_owned()))
}
