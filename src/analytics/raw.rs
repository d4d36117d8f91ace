//! The wire format of an event.
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
//! | `name` | event | what happened, in the author's words; `outbound` and `download` are the beacon's own |
//! | `event` | event | random id of this one happening, 16 hexadecimal digits; may be absent |
//! | `props.url` | event | of `outbound` and `download`: what was followed |
//!
//! What is sent twice counts once. A view is known by `view`, an event by `view` and `event`; without `event`,
//! what has the same `view`, `name` and `props.url` is taken for the same.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

use super::id::{ViewId, VisitorId};
use super::rejection::Rejection;
use super::{policy, value};

/// An event as the browser sent it: well-formed, but not yet believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw<'w> {
    pub(super) view: ViewId,
    pub(super) visitor: Option<VisitorId>,
    path: Text<'w>,
    pub(super) claim: Claim<'w>,
}

/// What the browser says has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Claim<'w> {
    View(Box<Wire<'w>>),
    Heartbeat { engaged_ms: u32, scroll: u8 },
    Custom { id: Option<ViewId>, name: String, url: Option<Text<'w>> },
}

/// The fields of all types as they are spelled on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'w"))]
pub(super) struct Wire<'w> {
    r#type: Type,
    view: Text<'w>,
    visitor: Option<Text<'w>>,
    path: Text<'w>,
    pub(super) referrer: Option<Text<'w>>,
    pub(super) utm_source: Option<Text<'w>>,
    pub(super) utm_campaign: Option<Text<'w>>,
    pub(super) width: Option<u32>,
    pub(super) zone: Option<Text<'w>>,
    engaged: Option<u64>,
    scroll: Option<u64>,
    name: Option<Text<'w>>,
    event: Option<Text<'w>>,
    props: Option<Props<'w>>,
}

/// What belongs to an event besides.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(bound(deserialize = "'de: 'w"))]
struct Props<'w> {
    url: Option<Text<'w>>,
}

/// A text, borrowed from the wire unless it is spelled with escapes there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text<'w>(Cow<'w, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'w, 'w> Deserialize<'de> for Text<'w> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor).map(Self)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Type {
    View,
    Heartbeat,
    Event,
}

impl<'w> Raw<'w> {
    /// Reads the body of a request.
    pub fn parse(body: &'w [u8]) -> Result<Self, Rejection> {
        if body.len() > policy::EVENT_BYTES {
            return Err(Rejection::TooLarge);
        }
        let wire: Wire<'w> = serde_json::from_slice(body).map_err(|_| Rejection::Malformed)?;
        let view = ViewId::parse(&wire.view).ok_or(Rejection::Malformed)?;
        // A browser without storage sends no id; a wrong one is a forgery.
        let id = wire.visitor.as_deref().filter(|id| !id.is_empty());
        let visitor = id.map(|id| VisitorId::parse(id).ok_or(Rejection::Malformed)).transpose()?;
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

impl<'w> Claim<'w> {
    fn of(wire: Wire<'w>) -> Result<Self, Rejection> {
        match wire.r#type {
            Type::View => Ok(Self::View(Box::new(wire))),
            Type::Heartbeat => Ok(Self::Heartbeat {
                engaged_ms: u32::try_from(wire.engaged.unwrap_or(0)).unwrap_or(u32::MAX),
                scroll: u8::try_from(wire.scroll.unwrap_or(0).min(100)).unwrap_or(100),
            }),
            Type::Event => Self::custom(wire),
        }
    }

    fn custom(wire: Wire<'w>) -> Result<Self, Rejection> {
        let name = wire.name.and_then(|name| value::tidy(&name)).ok_or(Rejection::Malformed)?;
        let id = wire.event.map(|id| ViewId::parse(&id).ok_or(Rejection::Malformed)).transpose()?;
        Ok(Self::Custom { id, name, url: wire.props.and_then(|props| props.url) })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::analytics::rejection::Class;
    use proptest::prelude::*;

    /// A view with every field that there is, and one more.
    pub(in crate::analytics) const VIEW: &str = r#"{"type":"view","view":"00112233aabbCCdd","visitor":"6ba7b810-9dad-41d1-80b4-00c04fd430c8",
        "path":"/a/","referrer":"https://news.example/item?id=1","utmSource":"letter","utmCampaign":null,
        "width":12,"zone":"Europe/Oslo","something":{"new":[1]}}"#;

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
            r#"{"type":"event","view":"0011223344556677","path":"/","name":"x","event":"1"}"#,
            r#"{"type":"event","view":"0011223344556677","path":"/","name":"x","props":{"url":7}}"#,
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
        let longer = format!("{padded} ");
        let refused = Raw::parse(longer.as_bytes());
        assert_eq!(refused.map_err(Rejection::class), Err(Class::TooLarge));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Raw::parse(&body);
        }
    }
}
