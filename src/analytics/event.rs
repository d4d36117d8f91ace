//! The decision to count an event, and what is kept of it.

use super::agent::{self, Agent};
use super::id::{ViewId, VisitorId};
use super::place::Place;
use super::raw::{Claim, Raw, Text, Wire};
use super::rejection::Rejection;
use super::zone::{self, Country};
use super::{referrer, spam, value};
use crate::clock::Timestamp;

/// What is known of an event besides what the browser sent.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// What the path means on the site as it is now, aliases followed.
    pub place: Place,
    /// The user agent; looked at, never kept.
    pub agent: Option<&'a str>,
    /// The origin that sent the event (`https://example.org`), if it is known; referrers from it are not kept.
    pub origin: Option<&'a str>,
    /// Whether that origin may send events.
    pub sender: Sender,
    /// What other headers said.
    pub signals: Signals,
}

/// Whether an event comes from where events may come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// The site itself.
    Own,
    /// Another origin that the settings allow.
    Allowed,
    /// Any other origin.
    Foreign,
}

/// What headers say about the one who sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Signals {
    /// `Sec-GPC: 1` or `DNT: 1`.
    pub opted_out: bool,
    /// `Sec-Purpose` or `Purpose` says prefetch or prerender.
    pub prefetch: bool,
    /// A browser without a window on this very machine: whoever runs the server looks at it with a program.
    pub own_machine: bool,
}

/// What the owner of the site has decided about counting.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    /// Whether `Sec-GPC` and `DNT` are ignored.
    pub ignore_opt_out: bool,
    /// Host names of the site itself: a referrer from them is not one.
    pub own_hosts: Vec<String>,
}

/// Something a visitor did that we agreed to count; made only by [`admit`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub(super) at: Timestamp,
    pub(super) view: ViewId,
    pub(super) visitor: Option<VisitorId>,
    pub(super) place: Place,
    pub(super) action: Action,
}

/// What a visitor did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// Opened a page.
    View(Box<Traits>),
    /// Still has it open; running totals of this viewing.
    Heartbeat {
        /// Milliseconds that the page was visible.
        engaged_ms: u32,
        /// Percent of the article that was on screen.
        scroll: u8,
    },
    /// Did something that the author gave a name to.
    Custom {
        /// Tells it from others of the same viewing.
        id: ViewId,
        /// That name.
        name: String,
        /// Where a link led, if it was one.
        detail: Option<Detail>,
    },
}

/// Where a link led.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Detail {
    /// To another site.
    Outbound(String),
    /// To a file.
    Download(String),
}

impl Detail {
    /// Where the link of an event of this name led.
    fn of(name: &str, url: Option<&str>) -> Option<Self> {
        let url = url.and_then(value::tidy_url);
        match name {
            "outbound" => url.map(Self::Outbound),
            "download" => url.map(Self::Download),
            _ => None,
        }
    }
}

/// What is known about how a viewing came to be: the values of the dimensions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Traits {
    pub(super) referrer: Option<String>,
    pub(super) source: Option<String>,
    pub(super) campaign: Option<String>,
    pub(super) country: Option<Country>,
    pub(super) device: Option<&'static str>,
    pub(super) agent: Agent,
}

/// Decides whether an event is counted. The time is the server's alone.
pub fn admit(
    raw: Raw<'_>,
    facts: &Facts<'_>,
    rules: &Rules,
    now: Timestamp,
) -> Result<Event, Rejection> {
    let agent = check(facts, rules)?;
    check_referrer(&raw.claim)?;
    let action = match raw.claim {
        Claim::View(wire) => Action::View(Box::new(traits(&wire, agent, facts, rules))),
        Claim::Heartbeat { engaged_ms, scroll } => Action::Heartbeat { engaged_ms, scroll },
        Claim::Custom { id, name, url } => {
            let id = happening(raw.view, id, &name, url.as_deref());
            let detail = Detail::of(&name, url.as_deref());
            Action::Custom { id, name, detail }
        }
    };
    let place = facts.place.clone();
    Ok(Event { at: now, view: raw.view, visitor: raw.visitor, place, action })
}

/// The id of a happening among all viewings and happenings. Without an id of its own, what has the same name
/// and link is the same.
fn happening(view: ViewId, id: Option<ViewId>, name: &str, url: Option<&str>) -> ViewId {
    let mut hasher = blake3::Hasher::new();
    hasher.update(view.as_bytes());
    match id {
        Some(id) => hasher.update(id.as_bytes()),
        None => {
            hasher.update(name.as_bytes()).update(&[0]).update(url.unwrap_or_default().as_bytes())
        }
    };
    let hash = hasher.finalize();
    ViewId::from_bytes(*hash.as_bytes().first_chunk().expect("a hash has 32 bytes"))
}

/// The reasons not to count, in the order in which they are named; the browser, if there is none.
fn check(facts: &Facts<'_>, rules: &Rules) -> Result<Agent, Rejection> {
    let signals = facts.signals;
    if facts.sender == Sender::Foreign {
        Err(Rejection::ForeignOrigin)
    } else if signals.opted_out && !rules.ignore_opt_out {
        Err(Rejection::OptedOut)
    } else if signals.prefetch {
        Err(Rejection::Prefetch)
    } else {
        let reader = |agent| agent::reader(agent, signals.own_machine);
        facts.agent.and_then(reader).ok_or(Rejection::Bot)
    }
}

fn check_referrer(claim: &Claim<'_>) -> Result<(), Rejection> {
    let Claim::View(wire) = claim else { return Ok(()) };
    let host = wire.referrer.as_deref().and_then(referrer::host);
    if host.is_some_and(|host| spam::is_spammer(&host)) { Err(Rejection::Spam) } else { Ok(()) }
}

fn traits(wire: &Wire<'_>, agent: Agent, facts: &Facts<'_>, rules: &Rules) -> Traits {
    let is_own = |host: &str| {
        rules.own_hosts.iter().any(|own| own.eq_ignore_ascii_case(host))
            || facts.origin.and_then(referrer::host).is_some_and(|own| own == host)
    };
    let tidy = |text: &Option<Text<'_>>| text.as_deref().and_then(value::tidy);
    Traits {
        referrer: wire.referrer.as_deref().and_then(|url| referrer::source(url, is_own)),
        source: tidy(&wire.utm_source),
        campaign: tidy(&wire.utm_campaign),
        country: wire.zone.as_deref().and_then(zone::country),
        device: wire.width.and_then(agent::device),
        agent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analytics::policy;
    use crate::analytics::raw::tests::VIEW;
    use crate::permalink::UrlPath;
    use proptest::prelude::*;

    const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";

    fn facts(agent: &str) -> Facts<'_> {
        Facts {
            place: Place::Page { path: UrlPath::parse("/a/").unwrap(), words: 0 },
            agent: Some(agent),
            origin: Some("https://own.example"),
            sender: Sender::Own,
            signals: Signals::default(),
        }
    }

    fn admitted(json: &str) -> Event {
        let raw = Raw::parse(json.as_bytes()).unwrap();
        admit(raw, &facts(FIREFOX), &Rules::default(), Timestamp::from_millis(7)).unwrap()
    }

    #[test]
    fn a_view_with_a_referrer_that_is_spam_is_not_counted() {
        for (referrer, told) in [
            ("https://semalt.semalt.com/crawler", Some(Rejection::Spam)),
            ("https://news.example/item", None),
            ("", None),
        ] {
            let body = VIEW.replace("https://news.example/item?id=1", referrer);
            let raw = Raw::parse(body.as_bytes()).unwrap();
            let now = Timestamp::from_millis(0);
            let admitted = admit(raw, &facts(FIREFOX), &Rules::default(), now);
            assert_eq!(admitted.err(), told, "{referrer}");
        }
    }

    #[test]
    fn a_view_is_reduced_to_what_is_kept() {
        let event = admitted(VIEW);
        assert_eq!(event.view.as_bytes(), &[0, 0x11, 0x22, 0x33, 0xaa, 0xbb, 0xcc, 0xdd]);
        assert_eq!(event.at, Timestamp::from_millis(7));
        let Action::View(traits) = event.action else { panic!("{event:?}") };
        let expected = Traits {
            referrer: Some("news.example/item".to_owned()),
            source: Some("letter".to_owned()),
            campaign: None,
            country: zone::country("Europe/Oslo"),
            device: Some("laptop"),
            agent: Agent { browser: Some("Firefox"), system: Some("Linux") },
        };
        assert_eq!(*traits, expected);
    }

    #[test]
    fn a_heartbeat_and_a_custom_event_are_read() {
        let beat = r#"{"type":"heartbeat","view":"0011223344556677","path":"/","engaged":99999999999,"scroll":640}"#;
        let action = Action::Heartbeat { engaged_ms: u32::MAX, scroll: 100 };
        assert_eq!((admitted(beat).action, admitted(beat).visitor), (action, None));
        let custom = r#"{"type":"event","view":"0011223344556677","visitor":"","path":"/","name":" out\u0007bound ","props":{"url":"x"}}"#;
        let Action::Custom { name, detail, .. } = admitted(custom).action else {
            panic!("{custom}")
        };
        assert_eq!((name.as_str(), detail), ("outbound", None));
        let custom = custom.replace("\"x\"", "\"https://x.example/?q\"");
        let Action::Custom { detail, .. } = admitted(&custom).action else { panic!("{custom}") };
        assert_eq!(detail, Some(Detail::Outbound("https://x.example/".to_owned())));
    }

    #[test]
    fn a_happening_is_told_from_others_by_its_id_or_else_by_all_that_is_known_of_it() {
        let id = |view: &str, more: &str| {
            let json = format!(r#"{{"type":"event","view":"{view}","path":"/",{more}}}"#);
            let Action::Custom { id, .. } = admitted(&json).action else { panic!("{json}") };
            id
        };
        let (one, two) = ("0011223344556677", "0011223344556678");
        let plain = id(one, r#""name":"play""#);
        assert_eq!(plain, id(one, r#""name":" play ","props":{}"#));
        for other in [
            id(two, r#""name":"play""#),
            id(one, r#""name":"pause""#),
            id(one, r#""name":"play","props":{"url":"/a"}"#),
            id(one, r#""name":"play","event":"00000000000000aa""#),
            ViewId::parse(one).unwrap(),
        ] {
            assert_ne!(plain, other);
        }
        let known = r#""name":"play","event":"00000000000000aa""#;
        assert_eq!(id(one, known), id(one, &known.replace("play", "other")));
    }

    #[test]
    fn a_referrer_from_the_site_itself_is_none() {
        let rules = Rules { own_hosts: vec!["Other.example".to_owned()], ..Rules::default() };
        for (referrer, kept) in [
            ("https://own.example/b/", None),
            ("https://other.example/b/", None),
            ("https://third.example/b/", Some("third.example/b")),
        ] {
            let json = VIEW.replace("https://news.example/item?id=1", referrer);
            let raw = Raw::parse(json.as_bytes()).unwrap();
            let event = admit(raw, &facts(FIREFOX), &rules, Timestamp::default()).unwrap();
            let Action::View(traits) = event.action else { panic!("{event:?}") };
            assert_eq!(traits.referrer.as_deref(), kept, "{referrer}");
        }
    }

    #[test]
    fn each_reason_not_to_count_is_told() {
        let opted_out = Signals { opted_out: true, ..Signals::default() };
        let prefetch = Signals { prefetch: true, ..Signals::default() };
        let own_machine = Signals { own_machine: true, ..Signals::default() };
        let headless = FIREFOX.replace("Firefox", "HeadlessChrome");
        let ours = facts(FIREFOX);
        for (facts, reason) in [
            (Facts { sender: Sender::Foreign, ..ours.clone() }, Some(Rejection::ForeignOrigin)),
            (Facts { sender: Sender::Allowed, ..ours.clone() }, None),
            (Facts { signals: opted_out, ..ours.clone() }, Some(Rejection::OptedOut)),
            (Facts { signals: prefetch, ..ours.clone() }, Some(Rejection::Prefetch)),
            (facts(&headless), Some(Rejection::Bot)),
            (Facts { signals: own_machine, ..facts(&headless) }, None),
            (Facts { signals: own_machine, ..facts("curl/8.14.1") }, Some(Rejection::Bot)),
            (Facts { agent: None, ..ours.clone() }, Some(Rejection::Bot)),
            (facts("curl/8.14.1"), Some(Rejection::Bot)),
        ] {
            let raw = Raw::parse(VIEW.as_bytes()).unwrap();
            let decision = admit(raw, &facts, &Rules::default(), Timestamp::default());
            assert_eq!(decision.err(), reason, "{facts:?}");
        }
        let rules = Rules { ignore_opt_out: true, ..Rules::default() };
        let raw = Raw::parse(VIEW.as_bytes()).unwrap();
        let facts = Facts { signals: opted_out, ..ours };
        assert!(admit(raw, &facts, &rules, Timestamp::default()).is_ok());
    }

    proptest! {
        #[test]
        fn hostile_text_in_any_field_is_refused_or_kept_short(text in ".{0,300}") {
            let field = serde_json::to_string(&text).unwrap();
            for name in ["referrer", "utmSource", "utmCampaign", "zone", "visitor", "name"] {
                let json = format!(r#"{{"type":"view","view":"0011223344556677","path":"/","{name}":{field}}}"#);
                let Ok(raw) = Raw::parse(json.as_bytes()) else { continue };
                let event = admit(raw, &facts(FIREFOX), &Rules::default(), Timestamp::default());
                let Ok(Event { action: Action::View(traits), .. }) = event else { continue };
                for value in [traits.referrer, traits.source, traits.campaign].into_iter().flatten() {
                    prop_assert!(value.len() <= policy::VALUE_BYTES);
                    prop_assert!(!value.chars().any(char::is_control));
                }
            }
        }
    }
}
