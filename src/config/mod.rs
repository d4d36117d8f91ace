//! The settings, complete and valid: file, environment and flags, in rising precedence; the only reader of settings.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use jiff::tz::TimeZone;

use crate::permalink::{BaseUrl, UrlPath};

/// The settings, complete and valid: paths absolute, defaults applied, nothing left to check.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The folder of the site, absolute.
    pub root: PathBuf,
    /// Where the site is on the web.
    pub base: BaseUrl,
    /// Whether `base_url` was set, rather than made up from the address served.
    pub has_base_url: bool,
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
    /// Where the built site goes, absolute.
    pub output_dir: PathBuf,
    /// The folders below `content/` whose pages are posts.
    pub posts_dirs: Vec<String>,
    /// Posts on one page of a list.
    pub paginate_by: usize,
    /// The address of a post, with tokens.
    pub post_permalink: PostPermalink,
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

/// The address of a post, with tokens: `/{year}/{slug}/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostPermalink(String);

/// `[markdown]`: which extensions of CommonMark are on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the author's own")]
pub struct Markdown {
    /// Curly quotes and dashes.
    pub smart_punctuation: bool,
    /// Code blocks are highlighted.
    pub highlight: bool,
    /// Headings carry a link to themselves.
    pub heading_anchors: bool,
    /// Links to other sites open in a new tab.
    pub external_new_tab: bool,
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
    /// Headers added to every answer, over the built-in ones.
    pub headers: BTreeMap<http::HeaderName, http::HeaderValue>,
    /// Networks whose `X-Forwarded-For` is believed, as (address, prefix length in bits).
    pub trusted_proxies: Vec<Network>,
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
