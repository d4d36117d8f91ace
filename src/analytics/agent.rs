//! What a user agent and a window's width are worth: a browser, a system, a kind of device, or a bot.

use std::cell::RefCell;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::quick::QuickMap;
use super::served::Caller;

/// Browsers by a mark in their user agent; the first that is found wins, for most claim to be others as well.
const BROWSERS: &[(&str, &str)] = &[
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("OPT/", "Opera"),
    ("Opera", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("YaBrowser/", "Yandex Browser"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("UCBrowser/", "UC Browser"),
    ("DuckDuckGo/", "DuckDuckGo"),
    ("Ddg/", "DuckDuckGo"),
    ("Brave/", "Brave"),
    ("Whale/", "Whale"),
    ("MiuiBrowser/", "MIUI Browser"),
    ("HuaweiBrowser/", "Huawei Browser"),
    ("Silk/", "Silk"),
    ("Focus/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("SeaMonkey/", "SeaMonkey"),
    ("PaleMoon/", "Pale Moon"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("GSA/", "Google app"),
    ("Instagram", "Instagram"),
    ("FBAN/", "Facebook"),
    ("FBAV/", "Facebook"),
    ("Epiphany/", "GNOME Web"),
    ("Konqueror", "Konqueror"),
    ("Chromium/", "Chromium"),
    ("; wv)", "Android WebView"),
    ("Chrome/", "Chrome"),
    ("Trident/", "Internet Explorer"),
    ("MSIE ", "Internet Explorer"),
    ("Version/", "Safari"),
    ("AppleWebKit/", "WebKit"),
];

/// Operating systems, in the same manner.
const SYSTEMS: &[(&str, &str)] = &[
    ("Windows Phone", "Windows Phone"),
    ("Windows", "Windows"),
    ("iPhone", "iOS"),
    ("iPad", "iOS"),
    ("iPod", "iOS"),
    ("Macintosh", "macOS"),
    ("Tizen", "Tizen"),
    ("Web0S", "webOS"),
    ("KAIOS", "KaiOS"),
    ("HarmonyOS", "HarmonyOS"),
    ("OpenHarmony", "HarmonyOS"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("FreeBSD", "FreeBSD"),
    ("OpenBSD", "OpenBSD"),
    ("NetBSD", "NetBSD"),
    ("Linux", "Linux"),
    ("X11", "Linux"),
];

/// What programs write into their user agents and browsers do not, in lower case.
const BOTS: &str = "
    bot crawl spider slurp scrape fetch preview monitor uptime validator linkcheck downloader
    headless phantomjs selenium puppeteer playwright lighthouse pagespeed gtmetrix pingdom statuscake
    wget curl httpie python java/ okhttp go-http ruby perl libwww php axios node- undici guzzle
    httpclient http-client reqwest hyper/ dart:io postman insomnia
    feedly feedburner newsblur inoreader miniflux freshrss
    facebookexternalhit facebookcatalog meta-external skypeuri embedly mediapartners
    google- googleother duckassist chatgpt oai-search claude anthropic perplexity cohere bytedance
    bytespider petalsearch amazon- semrush ahrefs mj12 dataforseo
    censys zgrab masscan nmap nikto sqlmap nuclei check_http w3c_ http:// https:// @
";

/// Browsers whose user agent has one of [`BOTS`] in it nevertheless, in lower case.
const NOT_BOTS: &[&str] = &["cubot"];

/// For how many user agents each thread remembers what they stand for. They are not written anywhere.
const KNOWN: usize = 1024;

thread_local! {
    /// What was found out about user agents, by their hash: each event asks, and few agents send most events.
    static READERS: RefCell<QuickMap<u64, Option<Agent>>> = RefCell::default();
}

/// Hashes user agents so that nobody can send one that is taken for another.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// The shortest user agent that a browser has.
const SHORTEST: usize = 20;

/// The browser and the system that a user agent stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Agent {
    pub(super) browser: Option<&'static str>,
    pub(super) system: Option<&'static str>,
}

impl Agent {
    /// Reads a user agent.
    pub(super) fn of(agent: &str) -> Self {
        Self { browser: BROWSER_TABLE.find(agent), system: SYSTEM_TABLE.find(agent) }
    }
}

/// A table, and what finds all of its marks in one pass: every event is looked at.
struct Table {
    marks: AhoCorasick,
    names: Vec<&'static str>,
}

static BROWSER_TABLE: LazyLock<Table> = LazyLock::new(|| Table::new(BROWSERS));
static SYSTEM_TABLE: LazyLock<Table> = LazyLock::new(|| Table::new(SYSTEMS));
static BOT_MARKS: LazyLock<AhoCorasick> = LazyLock::new(|| finder(BOTS.split_whitespace()));

impl Table {
    fn new(table: &[(&str, &'static str)]) -> Self {
        let marks = finder(table.iter().map(|(mark, _)| *mark));
        Self { marks, names: table.iter().map(|(_, name)| *name).collect() }
    }

    /// The name of the first mark in the table that is in `agent`.
    fn find(&self, agent: &str) -> Option<&'static str> {
        let found = self.marks.find_overlapping_iter(agent).map(|found| found.pattern().as_usize());
        found.min().map(|first| self.names[first])
    }
}

fn finder<'m>(marks: impl Iterator<Item = &'m str>) -> AhoCorasick {
    let mut builder = AhoCorasick::builder();
    builder.kind(Some(AhoCorasickKind::DFA)).build(marks).expect("few short marks fit")
}

/// The browser that somebody reads with; none if the user agent is that of a program.
///
/// A browser without a window is one, but for who tries the own site out on the `own_machine`.
pub(super) fn reader(agent: &str, own_machine: bool) -> Option<Agent> {
    let look = || (!is_bot(agent, own_machine)).then(|| Agent::of(agent));
    let key = HASHER.hash_one((agent, own_machine));
    READERS.with_borrow_mut(|known| {
        if known.len() >= KNOWN {
            known.clear();
        }
        *known.entry(key).or_insert_with(look)
    })
}

/// Whether a user agent is that of a program, not of a browser that someone reads with; see [`reader`].
pub(super) fn is_bot(agent: &str, own_machine: bool) -> bool {
    let mut agent = agent.to_ascii_lowercase();
    let without_window = own_machine.then_some(&"headless");
    for name in NOT_BOTS.iter().chain(without_window) {
        if agent.contains(name) {
            agent = agent.replace(name, "");
        }
    }
    let known = agent.starts_with("mozilla/") || agent.starts_with("opera/");
    !known || agent.len() < SHORTEST || BOT_MARKS.is_match(&agent)
}

/// What programs are for, by marks in their user agents; the first that is found wins.
const PURPOSES: &[(Caller, &str)] = &[
    (
        Caller::Assistant,
        "gptbot chatgpt oai-search claude anthropic perplexity cohere bytespider bytedance ccbot \
         amazonbot meta-external duckassist google-extended googleother applebot-extended diffbot \
         youbot ai2bot mistral timpibot",
    ),
    (
        Caller::Preview,
        "facebookexternalhit twitterbot slackbot discordbot telegrambot whatsapp linkedinbot skypeuri embedly mastodon pinterest preview",
    ),
    (
        Caller::Feed,
        "feedly feedburner newsblur inoreader miniflux freshrss feedbin netnewswire rss feed",
    ),
    (
        Caller::Search,
        "googlebot google- bingbot duckduckbot yandex baidu applebot qwant seznam petalsearch slurp sogou mojeek",
    ),
    (Caller::Monitor, "uptime monitor pingdom statuscake check_http lighthouse pagespeed gtmetrix"),
];

/// Who asks for a page with this user agent.
pub(super) fn caller(agent: &str, own_machine: bool) -> Caller {
    if !is_bot(agent, own_machine) {
        return Caller::Reader;
    }
    let agent = agent.to_ascii_lowercase();
    let is_for = |marks: &str| marks.split_whitespace().any(|mark| agent.contains(mark));
    PURPOSES.iter().find(|(_, marks)| is_for(marks)).map_or(Caller::Program, |(caller, _)| *caller)
}

/// The kind of device with a window of `width` hundreds of CSS pixels; none if there is no width.
pub(super) fn device(width: u32) -> Option<&'static str> {
    match width {
        0 => None,
        1..=5 => Some("phone"),
        6..=9 => Some("tablet"),
        10..=14 => Some("laptop"),
        _ => Some("desktop"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// User agents, and the browser and system that each stands for.
    const AGENTS: &str = "
Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0 => Firefox, Linux
Mozilla/5.0 (Android 15; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0 => Firefox, Android
Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 => Chrome, Windows
Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0 => Edge, Windows
Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 => Chrome, ChromeOS
Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15 => Safari, macOS
Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1 => Safari, iOS
Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/142.0 Mobile/15E148 Safari/604.1 => Chrome, iOS
Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36 => Samsung Internet, Android
Mozilla/5.0 (Linux; Android 9; CUBOT_X19) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36 => Chrome, Android
Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 OPR/120.0.0.0 => Opera, Linux
Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko => Internet Explorer, Windows
";

    #[test]
    fn browsers_and_systems_are_told_apart() {
        for line in AGENTS.trim().lines() {
            let (agent, expected) = line.split_once(" => ").unwrap();
            let Agent { browser, system } = Agent::of(agent);
            assert_eq!(format!("{}, {}", browser.unwrap(), system.unwrap()), expected, "{agent}");
            assert!(!is_bot(agent, false), "{agent}");
        }
    }

    #[test]
    fn programs_are_not_readers() {
        for agent in [
            "",
            "Mozilla/5.0",
            "curl/8.14.1",
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/142.0.0.0 Safari/537.36",
            "Mozilla/5.0 (compatible; Yahoo! Slurp; http://help.yahoo.com/help/us/ysearch/slurp)",
            "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
            "python-requests/2.32.3",
            "Go-http-client/2.0",
            "UptimeRobot/2.0",
            "Feedly/1.0 (+http://www.feedly.com/fetcher.html; like FeedFetcher-Google)",
        ] {
            assert!(is_bot(agent, false), "{agent}");
        }
    }

    #[test]
    fn marks_of_bots_are_in_lower_case_or_they_would_never_match() {
        for mark in BOTS.split_whitespace().chain(NOT_BOTS.iter().copied()) {
            assert_eq!(mark, mark.to_ascii_lowercase());
        }
    }

    #[test]
    fn a_width_in_hundreds_of_pixels_tells_the_kind_of_device() {
        for (width, kind) in [
            (0, None),
            (1, Some("phone")),
            (5, Some("phone")),
            (6, Some("tablet")),
            (9, Some("tablet")),
            (10, Some("laptop")),
            (14, Some("laptop")),
            (15, Some("desktop")),
            (u32::MAX, Some("desktop")),
        ] {
            assert_eq!(device(width), kind, "{width}");
        }
    }

    #[test]
    fn a_program_is_told_by_what_it_is_for() {
        for (agent, expected) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
                Caller::Reader,
            ),
            (
                "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
                Caller::Assistant,
            ),
            (
                "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
                Caller::Search,
            ),
            ("FreshRSS/1.27.1 (Linux; https://freshrss.org)", Caller::Feed),
            (
                "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
                Caller::Preview,
            ),
            (
                "Mozilla/5.0 (compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
                Caller::Monitor,
            ),
            ("curl/8.14.1", Caller::Program),
            ("", Caller::Program),
        ] {
            assert_eq!(caller(agent, false), expected, "{agent}");
        }
    }
}
