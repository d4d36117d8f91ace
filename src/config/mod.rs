//! The settings, complete and valid: file, environment and flags, in rising precedence; the only reader of settings.

mod load;
mod settings;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;

pub use self::load::{Overrides, Sources};
use crate::fingerprint::Fingerprint;
use crate::permalink::{BaseUrl, PostPermalink, UrlPath};
use crate::problem::Place;

/// The theme of a site that names none.
pub const DEFAULT_THEME: &str = "folio";

/// The settings, complete and valid: paths absolute, defaults applied, nothing left to check.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The folder of the site, absolute.
    pub root: PathBuf,
    /// Where the site is on the web.
    pub base: BaseUrl,
    /// The title of the site.
    pub title: String,
    /// What the site is about, in a sentence; may be empty.
    pub description: String,
    /// The language of the site, as BCP 47 spells it.
    pub language: String,
    /// Where days begin and dates without an offset are read.
    pub timezone: TimeZone,
    /// Who writes; may be empty.
    pub author: String,
    /// The name of the theme.
    pub theme: String,
    /// Where it is named.
    pub theme_place: Place,
    /// Where the built site goes, absolute.
    pub output_dir: PathBuf,
    /// The folders below `content/` whose pages are posts.
    pub posts_dirs: Vec<String>,
    /// Posts on one page of a list.
    pub paginate_by: usize,
    /// The address of a post, with tokens.
    pub post_permalink: PostPermalink,
    /// Whether drafts are published too.
    pub drafts: bool,
    /// Whether posts are published before their time.
    pub future: bool,
    /// Whether the site is for its writer's eyes: open tabs update themselves, nothing is counted.
    pub dev: bool,
    /// How Markdown is read.
    pub markdown: Markdown,
    /// What feeds have in them.
    pub feeds: Feeds,
    /// How the site is hosted.
    pub serve: Serve,
    /// How readers are counted.
    pub analytics: Analytics,
    /// How statistics are shown.
    pub stats: Stats,
    /// A table of the author's own, for templates.
    pub extra: serde_json::Map<String, serde_json::Value>,
}

/// `[markdown]`: what is done beyond the standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Markdown {
    /// Curly quotes and dashes.
    pub smart_punctuation: bool,
    /// Code blocks are highlighted.
    pub highlight: bool,
    /// Headings carry a link to themselves.
    pub heading_anchors: bool,
}

/// `[feeds]`: what feeds have in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feeds {
    /// Posts in a feed.
    pub limit: usize,
}

/// `[serve]`: how the site is hosted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serve {
    /// The address to listen at.
    pub address: IpAddr,
    /// The port to listen at.
    pub port: u16,
    /// Headers added to every answer, by lower-case name; they win over the built-in ones.
    pub headers: BTreeMap<String, http::HeaderValue>,
    /// Networks whose `X-Forwarded-For` is believed, as (address, prefix length in bits).
    pub trusted_proxies: Vec<Network>,
    /// How much memory what is served may be kept in, if that was said.
    pub cache_bytes: Option<usize>,
}

/// A range of addresses: those that share the first `bits` bits with `address`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// Any address of the range.
    pub address: IpAddr,
    /// How many leading bits must agree.
    pub bits: u8,
}

/// What a visitor is recognized by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VisitorId {
    /// A random id that the browser keeps.
    Persistent,
    /// A new id each day, which cannot be linked to the last.
    Daily,
    /// Nothing: only views are counted.
    None,
}

/// `[analytics]`: how readers are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Analytics {
    /// Whether readers are counted at all.
    pub enabled: bool,
    /// What a visitor is recognized by.
    pub visitor_id: VisitorId,
    /// Whether `Sec-GPC` and `DNT` are obeyed.
    pub respect_gpc: bool,
    /// How long single views and what tells visitors apart are kept; for ever if none.
    pub retention: Option<Duration>,
    /// Where events are sent, if not to the site's own origin.
    pub endpoint: Option<BaseUrl>,
    /// Other origins that may send events.
    pub origins: Vec<String>,
    /// Paths that are not counted, with everything below those that end in a slash.
    pub exclude: Vec<UrlPath>,
}

/// Who may see the statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Public,
    /// Who knows the password, and whom they have sent a link.
    Private,
    /// Nobody.
    Off,
}

/// `[stats]`: how statistics are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// Who may see them.
    pub access: Access,
    /// Whether the navigation links to them.
    pub in_nav: bool,
    /// Where they are.
    pub path: UrlPath,
}

impl Config {
    /// The folder of the author's Markdown.
    pub fn content_dir(&self) -> PathBuf {
        self.root.join("content")
    }

    /// The folder of the tables and lists that templates read.
    pub fn data_dir(&self) -> PathBuf {
        self.root.join("data")
    }

    /// The folder of the site's own templates.
    pub fn templates_dir(&self) -> PathBuf {
        self.root.join("templates")
    }

    /// The folder of the theme, if the site has it; built-in themes need none.
    pub fn theme_dir(&self) -> PathBuf {
        self.root.join("themes").join(&self.theme)
    }

    /// The folder whose files are copied as they are.
    pub fn static_dir(&self) -> PathBuf {
        self.root.join("static")
    }

    /// Whether readers are counted.
    pub fn counts_readers(&self) -> bool {
        self.analytics.enabled && !self.dev
    }

    /// Whether there is anybody who may see the statistics.
    pub fn shows_stats(&self) -> bool {
        self.analytics.enabled && self.stats.access != Access::Off
    }

    /// Whether the navigation links to the statistics.
    pub fn shows_stats_in_nav(&self) -> bool {
        self.shows_stats() && self.stats.in_nav
    }

    /// The fingerprint of the settings that what is built depends on: how it is hosted is not among them.
    pub fn of_builds(&self) -> Fingerprint {
        let Self { output_dir, feeds, analytics, .. } = self;
        Fingerprint::of(&(self.of_pages(), output_dir, format!("{feeds:?} {analytics:?}")))
    }

    /// The fingerprint of the settings that any page may depend on.
    pub fn of_pages(&self) -> Fingerprint {
        // Named one by one, so that a new setting must be thought of here.
        let Self {
            root,
            output_dir: _,
            title,
            description,
            language,
            author,
            base,
            timezone,
            theme,
            theme_place: _,
            posts_dirs,
            post_permalink,
            paginate_by,
            drafts,
            future,
            dev,
            markdown,
            feeds: _,
            serve: _,
            analytics: _,
            stats,
            extra,
        } = self;
        let site = (root, title, description, language, author, base, timezone, theme, extra);
        let pages = (posts_dirs, post_permalink, paginate_by, drafts, future, dev, markdown, stats);
        Fingerprint::of(&format!("{site:?} {pages:?}"))
    }

    /// The folder of what may be deleted at any time.
    pub fn cache_dir(&self) -> PathBuf {
        self.root.join(".tallymark")
    }
}

impl Network {
    /// Reads `10.0.0.0/8`, or a single address.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse().ok()?)),
            None => (text, None),
        };
        let written: IpAddr = address.trim().parse().ok()?;
        let (address, most) = (written.to_canonical(), if written.is_ipv4() { 32 } else { 128 });
        let bits: u8 = bits.unwrap_or(most);
        // An IPv4 address mapped into IPv6 is that address, and its first 96 bits say no more.
        let mapped = if written.is_ipv6() && address.is_ipv4() { 96 } else { 0 };
        let is_range = bits <= most && bits >= mapped;
        is_range.then(|| Self { address, bits: bits - mapped })
    }

    /// Whether `address` is in this range; an IPv4 address mapped into IPv6 counts as itself.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let shift = 32_u32.saturating_sub(u32::from(self.bits));
                (u32::from(own) ^ u32::from(other)).checked_shr(shift).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let shift = 128_u32.saturating_sub(u32::from(self.bits));
                (u128::from(own) ^ u128::from(other)).checked_shr(shift).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_contains_what_shares_its_leading_bits() {
        for (network, address, inside) in [
            ("10.0.0.0/8", "10.200.3.4", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "::ffff:127.0.0.1", true),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("::ffff:127.0.0.1", "127.0.0.1", true),
            ("::ffff:127.0.0.1", "8.8.8.8", false),
            ("::ffff:10.0.0.0/104", "10.1.1.1", true),
            ("::ffff:10.0.0.0/104", "11.1.1.1", false),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("::/0", "1.2.3.4", false),
        ] {
            let network = Network::parse(network).unwrap();
            assert_eq!(network.contains(address.parse().unwrap()), inside, "{address}");
        }
        for bad in ["10.0.0.0/33", "x", "", "::/129", "::ffff:10.0.0.0/8"] {
            assert_eq!(Network::parse(bad), None);
        }
    }
}
