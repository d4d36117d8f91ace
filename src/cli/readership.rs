//! How often pages were read, for templates that show it: as the statistics of this site say.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::DATABASE;
use super::address_file::{AddressFile, Contact};
use super::figures::Figures;
use crate::analytics::{Breakdown, Line, Period, Query, Question, Store, Time};
use crate::clock::Timestamp;
use crate::permalink::UrlPath;
use crate::render::{READERSHIP_LASTS, Readership};
use crate::server;

/// What was viewed, and how often.
type Views = Vec<(UrlPath, u64)>;

/// The statistics of a site.
pub(super) struct Statistics {
    source: Source,
    /// What was answered lately. It is not asked for again with every change of the site.
    lately: Mutex<BTreeMap<&'static str, (Timestamp, Views)>>,
}

/// Where the statistics are.
enum Source {
    /// In a database that this process holds.
    Own(Query),
    /// In a folder whose database another process may hold.
    Folder(PathBuf),
}

impl Statistics {
    /// The statistics that `query` answers about.
    pub(super) fn of(query: Query) -> Self {
        Self { source: Source::Own(query), lately: Mutex::default() }
    }

    /// The statistics in `state_dir`, if there are any.
    pub(super) fn in_folder(state_dir: PathBuf) -> Self {
        Self { source: Source::Folder(state_dir), lately: Mutex::default() }
    }

    fn read(&self, period: Period, now: Timestamp) -> anyhow::Result<Views> {
        match &self.source {
            Source::Own(query) => Self::query(query, period, now),
            Source::Folder(folder) => {
                let database = folder.join(DATABASE);
                if !database.exists() {
                    return Ok(Vec::new());
                }
                if let Some(Contact { at, key }) = AddressFile::read(folder)
                    && let Ok(json) = server::ask(at, &key, &format!("period={}", period.name()))
                {
                    return Ok(Figures::read(&json)?.views());
                }
                Self::query(&Query::new(Arc::new(Store::open(&database)?)), period, now)
            }
        }
    }

    fn query(query: &Query, period: Period, now: Timestamp) -> anyhow::Result<Views> {
        let question = Question {
            breakdowns: [Breakdown::Pages].into(),
            limit: usize::MAX,
            ..Question::about(Time::Period(period))
        };
        let answer = query.answer(&question, now)?;
        let pages = answer.breakdowns.into_values().flatten();
        let views = |line: Line| Some((UrlPath::parse(&line.value).ok()?, line.amounts.views));
        Ok(pages.filter_map(views).collect())
    }
}

impl Readership for Statistics {
    fn views(&self, period: &str, now: Timestamp) -> Result<Views, String> {
        let period: Period = period.parse().map_err(|unknown| format!("{unknown}"))?;
        let mut lately = self.lately.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((when, views)) = lately.get(period.name())
            && *when <= now
            && now.since(*when) < READERSHIP_LASTS
        {
            return Ok(views.clone());
        }
        let views = self.read(period, now).unwrap_or_else(|error| {
            tracing::warn!("templates ask what is read most, and that cannot be told: {error:#}");
            Vec::new()
        });
        lately.insert(period.name(), (now, views.clone()));
        Ok(views)
    }
}

impl std::fmt::Debug for Statistics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Statistics").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analytics::{Facts, Place, Raw, Recorder, Rules, Sender, Settings, Signals, admit};
    use crate::clock::FixedClock;
    use std::time::Duration;

    fn now() -> Timestamp {
        "2026-11-24T12:00:00Z".parse::<jiff::Timestamp>().unwrap().into()
    }

    /// Counts a view of `path` in the database of `folder`.
    fn count(folder: &std::path::Path, view: u64, path: &str, at: Timestamp) {
        let body = format!(r#"{{"type":"view","view":"{view:016x}","path":"{path}"}}"#);
        let facts = Facts {
            place: Place::Page { path: UrlPath::parse(path).unwrap(), words: 0 },
            agent: Some("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
            origin: None,
            sender: Sender::Own,
            signals: Signals::default(),
        };
        let event = admit(Raw::parse(body.as_bytes()).unwrap(), &facts, &Rules::default(), at);
        let store = Arc::new(Store::open(&folder.join(DATABASE)).unwrap());
        let clock = Arc::new(FixedClock::at(at));
        let recorder = Recorder::start(store, clock, Settings::default()).unwrap();
        recorder.record(event.unwrap()).unwrap().wait().unwrap();
        recorder.close();
    }

    #[test]
    fn statistics_are_asked_once_an_hour_and_only_of_the_period() {
        let folder = tempfile::tempdir().unwrap();
        let statistics = Statistics::in_folder(folder.path().to_owned());
        let a = |count| vec![(UrlPath::parse("/a/").unwrap(), count)];
        assert_eq!(statistics.views("28d", now()), Ok(Vec::new()), "there is no database");
        assert!(!folder.path().join(DATABASE).exists(), "and none is made");
        count(folder.path(), 1, "/a/", now());
        count(folder.path(), 2, "/a/", now() - Duration::from_hours(24 * 28));
        let almost = Duration::from_millis(59 * 60_000 + 59_999);
        assert_eq!(statistics.views("28d", now() + almost), Ok(Vec::new()));
        assert_eq!(statistics.views("28d", now() + READERSHIP_LASTS), Ok(a(1)));
        assert_eq!(statistics.views("all", now()), Ok(a(2)), "each period by itself");
        let unknown = statistics.views("2y", now()).unwrap_err();
        assert!(unknown.starts_with("a period is one of `24h`, "), "{unknown}");
    }
}
