//! What may be counted: the wire format of an event, and the decision to count it.
//!
//! `beacon.js` is the other end of [`Raw`]. An event is a JSON object of at most
//! [`policy::EVENT_BYTES`]; fields that are not named here are ignored.
//!
//! | field | of | meaning |
//! |---|---|---|
//! | `type` | all | `view`, `heartbeat` or `event` |
//! | `view` | all | random id of one viewing, 16 hexadecimal digits |
//! | `visitor` | all | random UUID that the browser keeps; absent if it keeps none |
//! | `path` | all | path of the page as the browser spells it, without query and hash |
//! | `referrer` | view | `document.referrer` |
//! | `utmSource`, `utmCampaign` | view | from the query of the page's address |
//! | `width` | view | width of the window in hundreds of CSS pixels, rounded down |
//! | `zone` | view | IANA time zone, of which only the country is kept |
//! | `engaged` | heartbeat | milliseconds that the page was visible so far |
//! | `scroll` | heartbeat | percent of the article that was on screen so far |
//! | `name` | event | what happened, in the author's words |

use serde::Deserialize;

use super::agent::{self, Agent};
use super::place::Place;
use super::rejection::Rejection;
use super::zone::{self, Country};
use super::{policy, referrer, value};
use crate::clock::Timestamp;

/// The random id of one viewing of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ViewId([u8; 8]);

impl ViewId {
    /// The id with these bytes.
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// The id as bytes.
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }

    /// Reads 16 hexadecimal digits.
    fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = digits.then(|| u64::from_str_radix(text, 16).ok())??;
        Some(Self(number.to_be_bytes()))
    }
}

/// The random id that a browser keeps, or what stands for it in the mode `daily`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VisitorId([u8; 16]);

impl VisitorId {
    /// The id with these bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The id as bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// An event as the browser sent it: well-formed, but not yet believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw {
    view: ViewId,
    visitor: Option<VisitorId>,
    path: String,
    claim: Claim,
}

/// What the browser says has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Claim {
    View(Box<Wire>),
    Heartbeat { engaged_ms: u32, scroll: u8 },
    Custom { name: String },
}

/// The fields of all types as they are spelled on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    r#type: Type,
    view: String,
    visitor: Option<String>,
    path: String,
    referrer: Option<String>,
    utm_source: Option<String>,
    utm_campaign: Option<String>,
    width: Option<u32>,
    zone: Option<String>,
    engaged: Option<u64>,
    scroll: Option<u64>,
    name: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Type {
    View,
    Heartbeat,
    Event,
}

impl Raw {
    /// Reads the body of a request.
    pub fn parse(body: &[u8]) -> Result<Self, Rejection> {
        if body.len() > policy::EVENT_BYTES {
            return Err(Rejection::TooLarge);
        }
        let wire: Wire = serde_json::from_slice(body).map_err(|_| Rejection::Malformed)?;
        let view = ViewId::parse(&wire.view).ok_or(Rejection::Malformed)?;
        let visitor = parse_visitor(wire.visitor.as_deref())?;
        let path = wire.path.clone();
        if !path.starts_with('/') {
            return Err(Rejection::Malformed);
        }
        Ok(Self { view, visitor, path, claim: Claim::of(wire)? })
    }

    /// The path that the browser was on, as it spells it: percent-encoded, and perhaps not one of the site.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl Claim {
    fn of(wire: Wire) -> Result<Self, Rejection> {
        match wire.r#type {
            Type::View => Ok(Self::View(Box::new(wire))),
            Type::Heartbeat => Ok(Self::Heartbeat {
                engaged_ms: u32::try_from(wire.engaged.unwrap_or(0)).unwrap_or(u32::MAX),
                scroll: u8::try_from(wire.scroll.unwrap_or(0).min(100)).unwrap_or(100),
            }),
            Type::Event => wire
                .name
                .and_then(|name| value::tidy(&name))
                .map(|name| Self::Custom { name })
                .ok_or(Rejection::Malformed),
        }
    }
}

/// A browser without storage sends no id; a wrong one is a forgery.
fn parse_visitor(text: Option<&str>) -> Result<Option<VisitorId>, Rejection> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let id = uuid::Uuid::try_parse(text).map_err(|_| Rejection::Malformed)?;
    Ok((!id.is_nil()).then_some(VisitorId(id.into_bytes())))
}

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
    /// There is no `Accept-Language`, which every browser sends.
    pub lacks_language: bool,
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
        /// That name.
        name: String,
    },
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
    raw: Raw,
    facts: &Facts<'_>,
    rules: &Rules,
    now: Timestamp,
) -> Result<Event, Rejection> {
    check(facts, rules)?;
    let action = match raw.claim {
        Claim::View(wire) => Action::View(Box::new(traits(&wire, facts, rules))),
        Claim::Heartbeat { engaged_ms, scroll } => Action::Heartbeat { engaged_ms, scroll },
        Claim::Custom { name } => Action::Custom { name },
    };
    let place = facts.place.clone();
    Ok(Event { at: now, view: raw.view, visitor: raw.visitor, place, action })
}

/// The reasons not to count, in the order in which they are named.
fn check(facts: &Facts<'_>, rules: &Rules) -> Result<(), Rejection> {
    let signals = facts.signals;
    if facts.sender == Sender::Foreign {
        Err(Rejection::ForeignOrigin)
    } else if signals.opted_out && !rules.ignore_opt_out {
        Err(Rejection::OptedOut)
    } else if signals.prefetch {
        Err(Rejection::Prefetch)
    } else if signals.lacks_language || facts.agent.is_none_or(agent::is_bot) {
        Err(Rejection::Bot)
    } else {
        Ok(())
    }
}

fn traits(wire: &Wire, facts: &Facts<'_>, rules: &Rules) -> Traits {
    let is_own = |host: &str| {
        rules.own_hosts.iter().any(|own| own.eq_ignore_ascii_case(host))
            || facts.origin.and_then(referrer::host).is_some_and(|own| own == host)
    };
    let tidy = |text: &Option<String>| text.as_deref().and_then(value::tidy);
    Traits {
        referrer: wire.referrer.as_deref().and_then(|url| referrer::source(url, is_own)),
        source: tidy(&wire.utm_source),
        campaign: tidy(&wire.utm_campaign),
        country: wire.zone.as_deref().and_then(zone::country),
        device: wire.width.and_then(agent::device),
        agent: facts.agent.map(Agent::of).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analytics::rejection::Class;
    use crate::permalink::UrlPath;
    use proptest::prelude::*;

    const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";

    const VIEW: &str = r#"{"type":"view","view":"00112233aabbCCdd","visitor":"6ba7b810-9dad-41d1-80b4-00c04fd430c8",
        "path":"/a/","referrer":"https://news.example/item?id=1","utmSource":"letter","utmCampaign":null,
        "width":12,"zone":"Europe/Oslo","something":{"new":[1]}}"#;

    fn facts(agent: &str) -> Facts<'_> {
        Facts {
            place: Place::Page(UrlPath::parse("/a/").unwrap()),
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
        assert_eq!(admitted(custom).action, Action::Custom { name: "outbound".to_owned() });
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
    fn what_is_not_an_event_is_malformed() {
        let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(2000), "]".repeat(2000));
        for body in [
            "",
            "[]",
            "{}",
            &VIEW.replace("/a/", "a"),
            &VIEW.replace("00112233aabbCCdd", "00112233aabbCCd"),
            &VIEW.replace("00112233aabbCCdd", "+0112233aabbCCdd"),
            &VIEW.replace("6ba7b810", "nobody"),
            &VIEW.replace("\"width\":12", "\"width\":-1"),
            &VIEW.replace("\"width\":12", "\"width\":\"12\""),
            &VIEW.replace("\"width\":12", "\"width\":1e999"),
            &VIEW.replace("\"type\":\"view\"", "\"type\":\"visit\""),
            &VIEW.replace("\"width\":12", "\"type\":\"view\""),
            &VIEW.replace("letter", "\\ud800"),
            r#"{"type":"event","view":"0011223344556677","path":"/"}"#,
            &deep,
        ] {
            assert_eq!(Raw::parse(body.as_bytes()), Err(Rejection::Malformed), "{body}");
        }
        assert_eq!(Raw::parse(b"{\"path\":\"\xff\"}"), Err(Rejection::Malformed));
    }

    #[test]
    fn an_event_is_at_most_4096_bytes() {
        let padded = format!("{VIEW}{}", " ".repeat(4096 - VIEW.len()));
        assert!(Raw::parse(padded.as_bytes()).is_ok());
        let longer = Raw::parse(format!("{padded} ").as_bytes());
        assert_eq!(longer.map_err(Rejection::class), Err(Class::TooLarge));
    }

    #[test]
    fn each_reason_not_to_count_is_told() {
        let opted_out = Signals { opted_out: true, ..Signals::default() };
        let prefetch = Signals { prefetch: true, ..Signals::default() };
        let lacks_language = Signals { lacks_language: true, ..Signals::default() };
        let ours = facts(FIREFOX);
        for (facts, reason) in [
            (Facts { sender: Sender::Foreign, ..ours.clone() }, Some(Rejection::ForeignOrigin)),
            (Facts { sender: Sender::Allowed, ..ours.clone() }, None),
            (Facts { signals: opted_out, ..ours.clone() }, Some(Rejection::OptedOut)),
            (Facts { signals: prefetch, ..ours.clone() }, Some(Rejection::Prefetch)),
            (Facts { signals: lacks_language, ..ours.clone() }, Some(Rejection::Bot)),
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

        #[test]
        fn any_bytes_are_read_without_harm(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Raw::parse(&body);
        }
    }
}
