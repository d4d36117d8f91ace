//! What a form of the server's own pages sends, once it is certain that it was one of these.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, ORIGIN};
use http::request::Parts;
use http::{HeaderName, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use percent_encoding::percent_decode_str;

use super::edge::Host;
use super::limits;
use super::origin::{self, Allowed};
use super::state::Handle;
use super::stats::told;
use crate::analytics::Sender;

/// What was filled in, by name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads what was sent; says what is wrong with it, if it is no form of ours.
    pub(super) async fn read(
        state: &Handle,
        head: &Parts,
        body: Body,
    ) -> Result<Self, Box<Response>> {
        check_sender(state, head)?;
        check_type(&head.headers)?;
        let text = text(state, body).await?;
        Ok(Self::parse(&String::from_utf8_lossy(&text)))
    }

    fn parse(text: &str) -> Self {
        let decoded = |text: &str| {
            let text = text.replace('+', " ");
            percent_decode_str(&text).decode_utf8_lossy().into_owned()
        };
        let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
        Self(pairs.map(|(name, value)| (decoded(name), decoded(value))).collect())
    }

    /// What was filled in there; empty if nothing was.
    pub(super) fn value(&self, name: &str) -> &str {
        self.0.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value)
    }
}

/// Another site may have a browser send a form here. Browsers say where it stood; what says nothing is none, and has
/// no business with forms.
fn check_sender(state: &Handle, head: &Parts) -> Result<(), Box<Response>> {
    let site = state.site();
    let host = Host::of(&head.extensions);
    let allowed = Allowed { host, base: &site.identity().base, origins: &[] };
    let says = |name| head.headers.contains_key(name);
    let has_said = says(ORIGIN) || says(HeaderName::from_static("sec-fetch-site"));
    let is_own = has_said && origin::sender(&head.headers, allowed) == Sender::Own;
    is_own.then_some(()).ok_or_else(|| {
        let why = "only a page of this site can send this form; open it here and try again";
        Box::new(told(StatusCode::FORBIDDEN, why))
    })
}

fn check_type(headers: &HeaderMap) -> Result<(), Box<Response>> {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let is_form = kind.eq_ignore_ascii_case("application/x-www-form-urlencoded");
    is_form.then_some(()).ok_or_else(|| {
        let why = "a form is sent as `application/x-www-form-urlencoded`";
        Box::new(told(StatusCode::UNSUPPORTED_MEDIA_TYPE, why))
    })
}

async fn text(state: &Handle, body: Body) -> Result<Bytes, Box<Response>> {
    let reading = Limited::new(body, limits::FORM_BYTES).collect();
    let (status, why) = match tokio::time::timeout(state.limits.body_timeout, reading).await {
        Ok(Ok(read)) => return Ok(read.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            (StatusCode::PAYLOAD_TOO_LARGE, "the form is longer than 4 KiB")
        }
        Ok(Err(_)) => (StatusCode::BAD_REQUEST, "the form did not arrive whole"),
        Err(_) => (StatusCode::REQUEST_TIMEOUT, "the form took too long to arrive"),
    };
    Err(Box::new(told(status, why)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_as_browsers_write_it() {
        let form = Form::parse("password=a+b%2B%26%C3%A9%3D&everywhere=1&x&=");
        assert_eq!(form.value("password"), "a b+&é=");
        assert_eq!(form.value("everywhere"), "1");
        assert_eq!(form.value("x"), "");
        assert_eq!(Form::parse("").value("password"), "");
    }
}
