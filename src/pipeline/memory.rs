//! What builds find out about sources and outputs, for the next: in this process and, on disk, in another.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::cache::{self, Writer};
use super::due::Due;
use super::receipt::{MadeOf, Receipt};
use super::{Build, Problems};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::content::{self, Moment, Purpose};
use crate::fingerprint::Fingerprint;
use crate::publish::{self, Last};
use crate::render;

/// What builds have found out, so that the next need not; shared by the clones of an order.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    pub(super) content: Arc<content::Memory>,
    pub(super) render: Arc<render::Memory>,
    /// The program that may believe what is on disk; none if nothing is kept there.
    program: Option<Fingerprint>,
    kept: Arc<Mutex<Kept>>,
}

/// What is known besides what sources and outputs are.
#[derive(Debug, Default)]
struct Kept {
    /// Whether what another process has left was taken.
    is_recalled: bool,
    /// What the last build has come to.
    receipt: Option<Receipt>,
    /// What the last build has published, if it has gone well.
    latest: Option<Latest>,
    /// The catalog that this process has written last.
    published: Option<Fingerprint>,
}

/// What the last build of this process has published, and what else it has come to.
#[derive(Debug, Clone)]
pub(super) struct Latest {
    pub(super) last: Last,
    pub(super) problems: Problems,
    pub(super) pages: usize,
    pub(super) next_due: Option<Timestamp>,
}

impl Latest {
    /// The build that changes nothing of it.
    pub(super) fn unchanged(&self) -> Build {
        Build {
            site: Some(self.last.site.clone()),
            is_stopped: false,
            problems: self.problems.clone(),
            pages: self.pages,
            written: 0,
            removed: 0,
            next_due: self.next_due,
        }
    }
}

/// A build that has begun.
pub(super) struct Begun {
    /// When, as the file system tells it; none where nothing is kept on disk, or where that cannot be written to.
    pub(super) moment: Option<Moment>,
    /// Whether what another process has left is to be taken.
    is_wanted: bool,
    /// Whether it is the first of a process that builds many times.
    pub(super) is_first: bool,
    /// The receipt that it has left.
    receipt: Option<Vec<cache::Blobs>>,
}

impl Memory {
    /// The memory of a process that builds once. What it finds out is kept on disk, for the same `program` alone.
    pub fn of_one_build(program: Fingerprint) -> Self {
        Self { program: Some(program), ..Self::of(Purpose::NextProcess) }
    }

    /// The memory of a process that builds many times, begins with what is on disk, and leaves it there.
    pub fn of_many_builds(program: Fingerprint) -> Self {
        Self { program: Some(program), ..Self::default() }
    }

    /// No memory: each build is the first.
    pub fn none() -> Self {
        Self::of(Purpose::Nothing)
    }

    fn of(purpose: Purpose) -> Self {
        Self {
            content: Arc::new(content::Memory::of(purpose)),
            render: Arc::new(render::Memory::of(purpose)),
            ..Self::default()
        }
    }

    /// A build begins. What another process has left is looked at, unless everything is to be made anew.
    pub(super) fn begin(&self, config: &Config, force: bool) -> Begun {
        let Some(program) = self.program else {
            return Begun { moment: None, is_wanted: false, is_first: false, receipt: None };
        };
        let folder = config.cache_dir();
        let moment = fs::create_dir_all(&folder).and_then(|()| Moment::now(&folder));
        if let Err(error) = &moment {
            tracing::debug!("nothing can be kept in `{}`: {error}", folder.display());
        }
        let is_wanted = moment.is_ok() && !force && !self.kept().is_recalled;
        let receipt = is_wanted.then(|| cache::read(&file(config, "receipt"), program)).flatten();
        let is_first = is_wanted && !self.is_of_one_build() && self.kept().receipt.is_none();
        Begun { moment: moment.ok(), is_wanted, is_first, receipt }
    }

    /// What the last build has published; from now on there is none, until a build has gone well.
    pub(super) fn take_latest(&self) -> Option<Latest> {
        self.kept().latest.take()
    }

    /// Keeps what a build has published.
    pub(super) fn keep_latest(&self, latest: Latest) {
        let mut kept = self.kept();
        kept.published = Some(latest.last.catalog);
        kept.receipt = None;
        kept.latest = Some(latest);
    }

    /// The catalog that this process has written last.
    pub(super) fn published(&self) -> Option<Fingerprint> {
        self.kept().published
    }

    /// Whether the process ends with the build.
    pub(super) fn is_of_one_build(&self) -> bool {
        self.render.is_of_one_build()
    }

    /// What the build before `begun` has come to, in this process or in another.
    pub(super) fn receipt(&self, begun: &Begun) -> Option<Receipt> {
        let own = self.kept().receipt.clone();
        own.or_else(|| Receipt::from_bytes(begun.receipt.as_ref()?.first()?.first()?))
    }

    /// Takes what another process has left.
    pub(super) fn recall(&self, begun: &Begun, config: &Config) {
        if begun.is_wanted
            && let Some(program) = self.program
            && let Some([content, render]) =
                cache::read(&file(config, "memory"), program).as_deref()
        {
            self.content.recall(content);
            self.render.recall(render);
        }
        let mut kept = self.kept();
        kept.is_recalled = true;
        kept.receipt = None;
    }

    /// Keeps what a build has come to. Who builds once leaves it to other processes at once.
    pub(super) fn keep(
        &self,
        build: &Build,
        (made_of, due): (Option<MadeOf>, Due),
        now: Timestamp,
        config: &Config,
    ) {
        let catalog = publish::catalog_stamp(&config.output_dir);
        let receipt = made_of.zip(catalog).and_then(|made| Receipt::of(build, made, due, now));
        if self.is_of_one_build() {
            return self.write(receipt.as_ref(), config);
        }
        if let Some((site, catalog)) = build.site.clone().zip(catalog) {
            let last = Last { site, catalog };
            let Build { problems, pages, next_due, .. } = build;
            let (problems, pages, next_due) = (problems.clone(), *pages, *next_due);
            self.keep_latest(Latest { last, problems, pages, next_due });
        }
        self.kept().receipt = receipt;
    }

    /// Keeps on to what there was nothing to do for.
    pub(super) fn keep_on(&self, receipt: Receipt) {
        let mut kept = self.kept();
        kept.published = Some(receipt.catalog());
        kept.receipt = Some(receipt);
    }

    /// Leaves everything to other processes.
    pub(super) fn save(&self, config: &Config) {
        if self.kept().is_recalled {
            let receipt = self.kept().receipt.clone();
            self.write(receipt.as_ref(), config);
        }
    }

    /// If that fails, other processes will do more than they need, and nothing else.
    fn write(&self, receipt: Option<&Receipt>, config: &Config) {
        let Some(program) = self.program else { return };
        let memory = Writer::write(&file(config, "memory"), program, |writer| {
            self.content.write(&mut |blob| writer.blob(blob))?;
            writer.end()?;
            self.render.write(&mut |blob| writer.blob(blob))?;
            writer.end()
        });
        let written = memory.and_then(|()| {
            Writer::write(&file(config, "receipt"), program, |writer| {
                receipt.map_or(Ok(()), |receipt| writer.blob(&receipt.to_bytes()))?;
                writer.end()
            })
        });
        if let Err(error) = written {
            tracing::debug!("what was found out is not kept: {error}");
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where what was found out about the output of `config` is kept.
fn file(config: &Config, kind: &str) -> PathBuf {
    let output: &Path = &config.output_dir;
    let name = Fingerprint::of(&(output, config.dev));
    config.cache_dir().join(format!("{name}.{kind}"))
}
