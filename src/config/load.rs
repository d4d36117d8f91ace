//! Makes the settings out of a file, the environment and flags, in rising precedence.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use http::{HeaderName, HeaderValue};
use jiff::tz::TimeZone;

use super::settings::Settings;
use super::{Access, Analytics, Config, Feeds, Markdown, Network, Serve, Stats, VisitorId};
use crate::permalink::{BaseUrl, PostPermalink, UrlPath};
use crate::problem::{Mistake, Place, Problem};

/// Where settings come from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The folder of the site, absolute.
    pub root: PathBuf,
    /// The file of settings, if not `tallymark.toml` in the folder of the site.
    pub file: Option<PathBuf>,
    /// The variables of the environment.
    pub environment: BTreeMap<String, String>,
    /// What flags say.
    pub overrides: Overrides,
}

/// What flags say; they win over everything else.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--base-url`
    pub base: Option<BaseUrl>,
    /// `--output`, absolute.
    pub output_dir: Option<PathBuf>,
    /// `--address`
    pub address: Option<IpAddr>,
    /// `--port`
    pub port: Option<u16>,
    /// `--drafts`
    pub drafts: bool,
    /// `--future`
    pub future: bool,
    /// `--dev`
    pub dev: bool,
}

impl Config {
    /// Reads the settings; what is wrong has its default, and a problem that says so.
    ///
    /// Fails when the file cannot be read. A file that was not asked for by name may be missing.
    pub fn load(sources: &Sources) -> anyhow::Result<(Self, Vec<Problem>)> {
        let path = sources.file.clone().unwrap_or_else(|| sources.root.join("tallymark.toml"));
        let name = Place::name_of(&path, &sources.root);
        let bytes = read(&path, sources.file.is_some())?;
        let Ok(text) = String::from_utf8(bytes) else {
            let (config, _) = Self::from_text(&name, "", sources);
            return Ok((config, vec![Problem::new(Place::file(name), Mistake::NotUtf8)]));
        };
        Ok(Self::from_text(&name, text.strip_prefix('\u{feff}').unwrap_or(&text), sources))
    }

    /// The settings of `text`, the contents of `file`.
    pub fn from_text(file: &str, text: &str, sources: &Sources) -> (Self, Vec<Problem>) {
        let mut settings = Settings::read(file, text, &sources.environment);
        let (flags, root) = (&sources.overrides, &sources.root);
        let serve = serve(&mut settings, flags);
        let base = base(&mut settings, flags);
        let has_base = base.is_some();
        let config = Self {
            root: root.clone(),
            base: base.unwrap_or_else(|| address_served(&serve)),
            title: settings.take("title").unwrap_or_else(|| title_of(root)),
            description: settings.take("description").unwrap_or_default(),
            language: settings.take("language").unwrap_or_else(|| "en".to_owned()),
            timezone: zone(&mut settings),
            author: settings.take("author").unwrap_or_default(),
            theme: theme(&mut settings),
            theme_place: settings.place_of("theme"),
            output_dir: output_dir(&mut settings, flags, root),
            posts_dirs: posts_dirs(&mut settings),
            paginate_by: paginate_by(&mut settings),
            post_permalink: post_permalink(&mut settings),
            drafts: flags.drafts || flags.dev,
            future: flags.future,
            dev: flags.dev,
            markdown: markdown(&mut settings),
            feeds: Feeds { limit: feed_limit(&mut settings) },
            analytics: analytics(&mut settings),
            stats: stats(&mut settings),
            serve,
            extra: settings.take_table("extra"),
        };
        let mut problems = settings.finish();
        let base_is_wrong = problems.iter().any(|problem| is_about(problem, "base_url"));
        if !has_base && !base_is_wrong && !flags.dev {
            let instead = config.base.origin().to_owned();
            problems.push(Problem::new(Place::file(file), Mistake::NoBaseUrl { instead }));
        }
        (config, problems)
    }
}

fn is_about(problem: &Problem, setting: &str) -> bool {
    matches!(&problem.mistake, Mistake::Setting { key, .. } if key == setting)
}

fn read(path: &Path, asked_for: bool) -> anyhow::Result<Vec<u8>> {
    match std::fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !asked_for => Ok(Vec::new()),
        result => result.with_context(|| format!("cannot read `{}`", path.display())),
    }
}

/// A site without a title is called as its folder.
fn title_of(root: &Path) -> String {
    root.file_name().map_or_else(|| "Site".to_owned(), |name| name.to_string_lossy().into_owned())
}

fn base(settings: &mut Settings<'_>, flags: &Overrides) -> Option<BaseUrl> {
    let expected = "an address such as `\"https://example.org\"`";
    let set = settings.take_as("base_url", expected, |text: String| BaseUrl::parse(&text).ok());
    flags.base.clone().or(set)
}

/// Links of a site that does not know its address lead to where it is served.
fn address_served(serve: &Serve) -> BaseUrl {
    let address = match serve.address {
        address if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        address => address,
    };
    let socket = SocketAddr::new(address, serve.port);
    BaseUrl::parse(&format!("http://{socket}")).expect("a socket address is a host and a port")
}

fn zone(settings: &mut Settings<'_>) -> TimeZone {
    let expected = "a time zone such as `\"Europe/Oslo\"`";
    settings
        .take_as("timezone", expected, |name: String| TimeZone::get(&name).ok())
        .unwrap_or(TimeZone::UTC)
}

fn theme(settings: &mut Settings<'_>) -> String {
    let is_plain = |name: &String| UrlPath::parse(name).is_ok() && !name.contains('/');
    settings
        .take_as("theme", "the name of a folder below `themes/`", |name: String| {
            Some(name).filter(is_plain)
        })
        .unwrap_or_else(|| super::DEFAULT_THEME.to_owned())
}

fn output_dir(settings: &mut Settings<'_>, flags: &Overrides, root: &Path) -> PathBuf {
    let set: Option<String> = settings.take("output_dir");
    flags.output_dir.clone().unwrap_or_else(|| root.join(set.as_deref().unwrap_or("public")))
}

fn posts_dirs(settings: &mut Settings<'_>) -> Vec<String> {
    let expected = "a list of folders below `content/`, such as `[\"blog\"]`";
    settings
        .take_as("posts_dirs", expected, |names: Vec<String>| {
            let names = names.iter().map(|name| name.trim_matches('/').to_owned());
            let names: Vec<String> = names.collect();
            names.iter().all(|name| UrlPath::parse(name).is_ok()).then_some(names)
        })
        .unwrap_or_else(|| vec!["blog".to_owned(), "posts".to_owned()])
}

fn paginate_by(settings: &mut Settings<'_>) -> usize {
    positive(settings, "paginate_by").unwrap_or(10)
}

fn feed_limit(settings: &mut Settings<'_>) -> usize {
    positive(settings, "feeds.limit").unwrap_or(20)
}

fn positive(settings: &mut Settings<'_>, key: &'static str) -> Option<usize> {
    settings.take_as(key, "a number from 1 to 65535", |number: u16| {
        Some(usize::from(number)).filter(|number| *number > 0)
    })
}

fn post_permalink(settings: &mut Settings<'_>) -> PostPermalink {
    let expected = "a path with `{slug}` in it, and of `{year}`, `{month}`, `{day}` what you like";
    settings
        .take_as("permalinks.posts", expected, |text: String| PostPermalink::parse(&text))
        .unwrap_or_default()
}

fn markdown(settings: &mut Settings<'_>) -> Markdown {
    Markdown {
        smart_punctuation: settings.take("markdown.smart_punctuation").unwrap_or(true),
        highlight: settings.take("markdown.highlight").unwrap_or(true),
        heading_anchors: settings.take("markdown.heading_anchors").unwrap_or(true),
    }
}

fn serve(settings: &mut Settings<'_>, flags: &Overrides) -> Serve {
    let address =
        settings.take_as("serve.address", "an address such as `\"127.0.0.1\"`", |text: String| {
            text.parse().ok()
        });
    let port = settings.take("serve.port");
    let proxies = "a list of addresses or networks, such as `[\"10.0.0.0/8\"]`";
    Serve {
        address: flags.address.or(address).unwrap_or_else(|| Ipv4Addr::LOCALHOST.into()),
        port: flags.port.or(port).unwrap_or(4747),
        headers: headers(settings),
        trusted_proxies: settings
            .take_as("serve.trusted_proxies", proxies, |names: Vec<String>| {
                names.iter().map(|name| Network::parse(name)).collect()
            })
            .unwrap_or_default(),
        cache_bytes: positive(settings, "serve.cache_mb")
            .map(|number| number.saturating_mul(1 << 20)),
    }
}

/// What `analytics.retention` must be.
const RETENTION: &str = "a time such as `\"13 months\"`, at least a week, or `\"forever\"`";

/// How long `text` is, rounded up where months and years differ; none if it is for ever.
#[expect(clippy::option_option, reason = "the outer one says whether it is a time at all")]
fn retention(text: &str) -> Option<Option<Duration>> {
    if text == "forever" {
        return Some(None);
    }
    let (number, unit) = text.trim().split_once(' ')?;
    let days = match unit.trim_end_matches('s') {
        "day" => 1,
        "week" => 7,
        "month" => 31,
        "year" => 366,
        _ => return None,
    };
    let days = number.parse::<u32>().ok()?.checked_mul(days).filter(|days| *days >= 7)?;
    Some(Some(Duration::from_hours(24 * u64::from(days))))
}

fn headers(settings: &mut Settings<'_>) -> BTreeMap<String, HeaderValue> {
    let mut headers = BTreeMap::new();
    for (name, value) in settings.take_table("serve.headers") {
        let text = value.as_str().unwrap_or_default();
        match (name.parse::<HeaderName>(), HeaderValue::from_str(text)) {
            (Ok(header), Ok(value)) if !text.is_empty() => {
                headers.insert(header.as_str().to_owned(), value);
            }
            _ => settings.reject(
                &format!("serve.headers.{name}"),
                "a header: `Name = \"value\"`",
                format!("`{name} = {value}`"),
            ),
        }
    }
    headers
}

fn analytics(settings: &mut Settings<'_>) -> Analytics {
    let visitor = "`\"persistent\"`, `\"daily\"` or `\"none\"`";
    Analytics {
        enabled: settings.take("analytics.enabled").unwrap_or(true),
        visitor_id: settings
            .take_as("analytics.visitor_id", visitor, |text: String| match text.as_str() {
                "persistent" => Some(VisitorId::Persistent),
                "daily" => Some(VisitorId::Daily),
                "none" => Some(VisitorId::None),
                _ => None,
            })
            .unwrap_or(VisitorId::Persistent),
        respect_gpc: settings.take("analytics.respect_gpc").unwrap_or(true),
        retention: settings
            .take_as("analytics.retention", RETENTION, |text: String| retention(&text))
            .flatten(),
        endpoint: settings.take_as(
            "analytics.endpoint",
            "an address such as `\"https://stats.example.org\"`",
            |text: String| BaseUrl::parse(&text).ok(),
        ),
        origins: origins(settings),
        exclude: settings
            .take_as(
                "analytics.exclude",
                "a list of paths, such as `[\"/private/\"]`",
                |paths: Vec<String>| paths.iter().map(|path| UrlPath::decode(path).ok()).collect(),
            )
            .unwrap_or_default(),
    }
}

fn origins(settings: &mut Settings<'_>) -> Vec<String> {
    let expected = "a list of origins, such as `[\"https://example.org\"]`";
    settings
        .take_as("analytics.origins", expected, |origins: Vec<String>| {
            origins
                .iter()
                .map(|origin| Some(BaseUrl::parse(origin).ok()?.origin().to_owned()))
                .collect()
        })
        .unwrap_or_default()
}

fn stats(settings: &mut Settings<'_>) -> Stats {
    let expected = "`\"public\"`, `\"private\"` or `\"off\"`";
    let access = settings
        .take_as("stats.access", expected, |text: String| match text.as_str() {
            "public" => Some(Access::Public),
            "private" => Some(Access::Private),
            "off" => Some(Access::Off),
            _ => None,
        })
        .unwrap_or(Access::Public);
    Stats {
        access,
        // Readers have no use for a link to a password.
        in_nav: settings.take("stats.in_nav").unwrap_or(access == Access::Public),
        path: settings
            .take_as("stats.path", "a path such as `\"/stats/\"`", |text: String| {
                let path = UrlPath::parse(&text).ok()?.as_folder();
                (path != UrlPath::root()).then_some(path)
            })
            .unwrap_or_else(|| UrlPath::parse("/stats/").expect("a plain path")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> (Config, Vec<String>) {
        let sources = Sources { root: "/site".into(), ..Sources::default() };
        let (config, problems) = Config::from_text("tallymark.toml", text, &sources);
        (config, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn two_lines_are_enough() {
        let (config, problems) = load("base_url = \"https://example.org\"\ntitle = \"Notes\"\n");
        assert_eq!(problems, [""; 0]);
        assert_eq!(config.title, "Notes");
        assert_eq!(config.output_dir, Path::new("/site/public"));
        assert_eq!(config.serve.port, 4747);
        assert_eq!(config.serve.cache_bytes, None);
    }

    #[test]
    fn views_are_kept_for_a_time_or_for_ever() {
        for (text, days) in [
            ("13 months", Some(Some(13 * 31))),
            ("1 year", Some(Some(366))),
            ("2 weeks", Some(Some(14))),
            ("7 days", Some(Some(7))),
            ("forever", Some(None)),
            ("6 days", None),
            ("90", None),
            ("-1 years", None),
            ("9999999999 years", None),
        ] {
            let text =
                format!("base_url = \"https://a.example\"\n[analytics]\nretention = \"{text}\"\n");
            let (config, problems) = load(&text);
            let kept = config.analytics.retention.map(|kept| kept.as_secs() / 86_400);
            assert_eq!(kept, days.flatten(), "{text}");
            assert_eq!(problems.is_empty(), days.is_some(), "{text}: {problems:?}");
        }
    }

    #[test]
    fn private_statistics_are_not_in_the_navigation_unless_asked_for() {
        for (text, access, in_nav) in [
            ("", Access::Public, true),
            ("access = \"private\"", Access::Private, false),
            ("access = \"private\"\nin_nav = true", Access::Private, true),
            ("in_nav = false", Access::Public, false),
        ] {
            let text = format!("base_url = \"https://a.example\"\n[stats]\n{text}\n");
            let (config, problems) = load(&text);
            assert_eq!((config.stats.access, config.stats.in_nav), (access, in_nav), "{text}");
            assert_eq!(problems, [""; 0]);
        }
        let (_, problems) =
            load("base_url = \"https://a.example\"\n[stats]\naccess = \"secret\"\n");
        let expected =
            "`stats.access` must be `\"public\"`, `\"private\"` or `\"off\"`, but is `secret`";
        assert!(problems[0].contains(expected), "{problems:?}");
    }

    #[test]
    fn memory_is_given_in_mebibytes_and_there_is_some() {
        for (number, bytes) in
            [("16", Some(16 << 20)), ("0", None), ("-1", None), ("\"1 GB\"", None)]
        {
            let text = format!("base_url = \"https://a.example\"\n[serve]\ncache_mb = {number}\n");
            let (config, problems) = load(&text);
            assert_eq!(config.serve.cache_bytes, bytes, "{number}");
            assert_eq!(problems.is_empty(), bytes.is_some(), "{number}: {problems:?}");
        }
    }

    #[test]
    fn every_mistake_is_told_with_its_place_and_remedy() {
        let (_, problems) = load(
            "base_url = \"example.org\"\ntitel = \"x\"\npaginate_by = 0\n[serve]\nport = \"80\"\n[stats]\nacces = \"off\"\n",
        );
        assert_eq!(
            problems.join("\n"),
            r#"tallymark.toml:1:12: error: `base_url` must be an address such as `"https://example.org"`, but is `example.org`
  help: write an address such as `"https://example.org"`
tallymark.toml:2:1: error: there is no setting `titel`
  help: did you mean `title`? Settings of your own go below `[extra]`
tallymark.toml:3:15: error: `paginate_by` must be a number from 1 to 65535, but is the number 0
  help: write a number from 1 to 65535
tallymark.toml:5:8: error: `serve.port` must be a number from 0 to 65535, but is `80`
  help: write a number from 0 to 65535
tallymark.toml:7:1: error: there is no setting `stats.acces`
  help: did you mean `stats.access`? Settings of your own go below `[extra]`"#
        );
    }

    #[test]
    fn a_site_without_an_address_is_warned() {
        let (config, problems) = load("");
        assert_eq!(config.base.origin(), "http://127.0.0.1:4747");
        assert_eq!(
            problems.join(""),
            "tallymark.toml: warning: `base_url` is not set, so absolute links start with `http://127.0.0.1:4747`
  help: set `base_url = \"https://your.domain\"` in `tallymark.toml`"
        );
    }

    #[test]
    fn flags_win_over_the_environment_and_that_over_the_file() {
        let text = "base_url = \"https://a.example\"\n[serve]\nport = 1\naddress = \"::1\"";
        let mut sources = Sources { root: "/site".into(), ..Sources::default() };
        sources.environment.insert("TALLYMARK_SERVE_PORT".into(), "2".into());
        sources.environment.insert("TALLYMARK_BASE_URL".into(), "https://b.example".into());
        sources.overrides.port = Some(3);
        let (config, problems) = Config::from_text("tallymark.toml", text, &sources);
        assert_eq!(problems, []);
        assert_eq!(config.serve.port, 3);
        assert_eq!(config.base.origin(), "https://b.example");
        assert_eq!(config.serve.address.to_string(), "::1");
    }

    #[test]
    fn a_bad_variable_is_named() {
        let mut sources = Sources { root: "/site".into(), ..Sources::default() };
        sources.overrides.dev = true;
        sources.environment.insert("TALLYMARK_SERVE_PORT".into(), "x".into());
        let (_, problems) = Config::from_text("tallymark.toml", "", &sources);
        assert_eq!(
            problems[0].to_string(),
            "$TALLYMARK_SERVE_PORT: error: `serve.port` must be a number from 0 to 65535, but is `x`
  help: write a number from 0 to 65535"
        );
    }
}
