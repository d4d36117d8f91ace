//! What the site says about the privacy of its readers: a page that follows from the settings, at `/_/privacy/`.

use std::time::Duration;

use serde::Serialize;

use super::renderer::{Renderer, Told, value};
use super::view::CurrentView;
use crate::config::{Access, Config, VisitorId};
use crate::fingerprint::Fingerprint;
use crate::permalink::UrlPath;
use crate::site::PRIVACY;

const TEMPLATE: &str = "privacy.html";

/// `privacy`: how readers are counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
struct PrivacyView {
    /// Whether they are at all.
    is_counted: bool,
    /// The host of the server that counts, if it is another; else empty.
    counted_by: String,
    /// Where that says what it does; else empty.
    counted_by_privacy: String,
    /// `persistent`, `daily` or `none`.
    visitor_id: &'static str,
    /// Whether Global Privacy Control and Do Not Track are obeyed.
    respects_wishes: bool,
    /// How long single views are kept, in words; empty if there is no end.
    retention: String,
    /// Who sees the statistics: `public`, `private` or `off`.
    access: &'static str,
    /// The link to them; empty if not everybody sees them.
    stats: String,
    /// The link that stops counting.
    dont_count: String,
}

impl PrivacyView {
    fn of(config: &Config) -> Self {
        let (analytics, stats) = (&config.analytics, &config.stats);
        let elsewhere = analytics.endpoint.as_ref();
        let is_public = config.shows_stats() && stats.access == Access::Public;
        Self {
            is_counted: analytics.enabled,
            counted_by: elsewhere.map(|base| base.host().to_owned()).unwrap_or_default(),
            counted_by_privacy: elsewhere.map(|base| base.permalink(&path())).unwrap_or_default(),
            visitor_id: match analytics.visitor_id {
                VisitorId::Persistent => "persistent",
                VisitorId::Daily => "daily",
                VisitorId::None => "none",
            },
            respects_wishes: analytics.respect_gpc,
            retention: analytics.retention.map(in_words).unwrap_or_default(),
            access: match stats.access {
                Access::Public => "public",
                Access::Private => "private",
                Access::Off => "off",
            },
            stats: if is_public { config.base.link(&stats.path) } else { String::new() },
            dont_count: format!("{}#dont-count", config.base.link(&UrlPath::root())),
        }
    }
}

/// Renders the page. No reader of it is counted, as on the dashboard.
pub(super) fn render(renderer: &Renderer<'_>) -> anyhow::Result<()> {
    let scope = &renderer.scope;
    let view = PrivacyView::of(&scope.config);
    let told = Told { is_as_before: true, fingerprint: || Fingerprint::of(&view) };
    renderer.traced_generated((&path(), TEMPLATE), &told, || {
        let current = CurrentView::generated(&path(), "privacy", "Privacy".to_owned(), scope);
        renderer.put_generated(TEMPLATE, &path(), &current, &[("privacy", value(&view))])
    })
}

/// Where it is.
pub(super) fn path() -> UrlPath {
    UrlPath::parse(PRIVACY).expect("a plain path")
}

/// A time as the settings may have said it: in the longest unit that it is a multiple of.
fn in_words(time: Duration) -> String {
    let days = time.as_secs() / (24 * 3600);
    let units = [(366, "year"), (31, "month"), (7, "week"), (1, "day")];
    let (length, unit) =
        units.into_iter().find(|(length, _)| days.is_multiple_of(*length)).unwrap_or((1, "day"));
    let number = days / length;
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_in_the_words_of_the_settings() {
        for (days, words) in [
            (7, "1 week"),
            (14, "2 weeks"),
            (30, "30 days"),
            (31, "1 month"),
            (13 * 31, "13 months"),
            (366, "1 year"),
            (2 * 366, "2 years"),
        ] {
            assert_eq!(in_words(Duration::from_hours(24 * days)), words);
        }
    }
}
