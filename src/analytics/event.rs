//! What may be counted: the wire format of an event, and the decision to count it.
//!
//! `beacon.js` is the other end of [`Raw`]. An event is a JSON object of at most
//! [`policy::EVENT_BYTES`](super::policy::EVENT_BYTES); fields that are not named here are ignored.
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
    View(Wire),
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
            Type::View => Ok(Self::View(wire)),
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
