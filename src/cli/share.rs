//! `tallymark stats share`: a link that shows private statistics to whom it is sent, for a time.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use jiff::civil::Date;

use super::report::{self, Report};
use super::workspace::Workspace;
use super::{Global, Outcome, Usage};
use crate::clock::{Clock as _, Day, SystemClock, Timestamp};
use crate::config::{Access, Config};
use crate::server::ShareKey;

/// Print a link that shows private statistics, for a time
#[derive(Debug, Args)]
pub(super) struct Share {
    /// For how many days it is good
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..))]
    days: u16,
    /// The last day on which it is good: `2026-12-24`
    #[arg(long, value_name = "DAY", conflicts_with = "days")]
    until: Option<String>,
    /// End all links that were ever printed
    #[arg(long, conflicts_with_all = ["days", "until"])]
    revoke: bool,
    /// Where statistics are kept [default: state]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

impl Share {
    pub(super) fn run(self, global: &Global, report: Report) -> anyhow::Result<Outcome> {
        let (workspace, state_dir) = Workspace::with_state(global, self.state.as_deref())?;
        let config = &workspace.config;
        let key = ShareKey::in_folder(&state_dir);
        if self.revoke {
            let had_any = key.revoke()?;
            report.done(if had_any { "all links have ended" } else { "there are no links" });
            return Ok(Outcome::Done);
        }
        let end = self.end(SystemClock.now(), config)?;
        let token = key.invite(end)?;
        report::data(format!("{}?share={token}", config.base.permalink(&config.stats.path)))?;
        let day = end.in_zone(&config.timezone).strftime("%Y-%m-%d %H:%M").to_string();
        report.note(match config.stats.access {
            Access::Private => format!(
                "whoever has this link sees the statistics until {day}; `tallymark stats share --revoke` ends all links"
            ),
            Access::Public => "everybody sees the statistics, so nobody needs this link".to_owned(),
            Access::Off => {
                "this link shows nothing while `stats.access` is `\"off\"`".to_owned()
            }
        });
        Ok(Outcome::Done)
    }

    /// When the link ends: so many days from `now`, or when the last day is over.
    fn end(&self, now: Timestamp, config: &Config) -> Result<Timestamp, Usage> {
        let Some(until) = &self.until else {
            return Ok(now + Duration::from_hours(24 * u64::from(self.days)));
        };
        let last: Date = until
            .parse()
            .map_err(|_| Usage(format!("`{until}` is no day; write it as `2026-12-24`")))?;
        let over = last.tomorrow().map_err(|_| Usage(format!("`{until}` is too far away")))?;
        let end = Day::on(over).start(&config.timezone);
        if end <= now {
            return Err(Usage(format!("`{until}` is over; a link ends on a day to come")));
        }
        Ok(end)
    }
}
