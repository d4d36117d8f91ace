//! Headers that protect readers: on every answer, stricter on what belongs to the server itself.

use http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

use super::content_type;
use crate::permalink::BaseUrl;

const COOP: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const CORP: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What the dashboard may do: be looked at, and read numbers from where it came.
const STRICT_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
     connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// What a picture opened by itself may do: be looked at. Its own styles belong to the picture.
const PICTURE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; sandbox",
);

/// The headers that are added to every answer.
#[derive(Debug)]
pub(super) struct Protection {
    page_policy: HeaderValue,
    own: Vec<(HeaderName, HeaderValue)>,
}

impl Protection {
    /// The built-in headers and the site's own, which win; `endpoint` may be sent events.
    pub(super) fn new(own: Vec<(HeaderName, HeaderValue)>, endpoint: Option<&BaseUrl>) -> Self {
        Self { page_policy: page_policy(endpoint), own }
    }

    /// Adds to the headers of an answer what it does not say itself.
    pub(super) fn complete(&self, headers: &mut HeaderMap) {
        let of_page = headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .map(|value| (content_type::is_document(value), value.starts_with("image/svg")));
        match of_page {
            Some((_, true)) => add(headers, CONTENT_SECURITY_POLICY, PICTURE_POLICY),
            Some((true, _)) => {
                add(headers, CONTENT_SECURITY_POLICY, self.page_policy.clone());
                add(headers, X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
                add(headers, COOP, HeaderValue::from_static("same-origin-allow-popups"));
            }
            _ => {}
        }
        add(headers, X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        let policy = HeaderValue::from_static("strict-origin-when-cross-origin");
        add(headers, REFERRER_POLICY, policy);
        add(headers, CORP, HeaderValue::from_static("cross-origin"));
        for (name, value) in &self.own {
            headers.insert(name, value.clone());
        }
    }
}

/// Marks an answer as the server's own: never framed, read by no other origin.
pub(super) fn restrict(headers: &mut HeaderMap) {
    add(headers, CONTENT_SECURITY_POLICY, STRICT_POLICY);
    add(headers, X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    add(headers, COOP, HeaderValue::from_static("same-origin"));
    add(headers, CORP, HeaderValue::from_static("same-origin"));
}

fn add(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    headers.entry(name).or_insert(value);
}

/// What a page may do: run scripts of this site alone, and show pictures and players of others, as authors
/// embed them.
fn page_policy(endpoint: Option<&BaseUrl>) -> HeaderValue {
    let endpoint = endpoint.map_or(String::new(), |base| format!(" {}", base.origin()));
    let policy = format!(
        "default-src 'self'; script-src 'self'{endpoint}; connect-src 'self'{endpoint}; style-src 'self'; \
         font-src 'self' data:; img-src * data:; media-src *; frame-src https:; object-src 'none'; \
         base-uri 'self'; form-action 'self' https:; frame-ancestors 'self'"
    );
    HeaderValue::try_from(policy).unwrap_or_else(|_| HeaderValue::from_static("default-src 'self'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(content_type: &'static str, own: bool) -> HeaderMap {
        let settings = vec![(REFERRER_POLICY, HeaderValue::from_static("no-referrer"))];
        let endpoint = BaseUrl::parse("https://count.example/x").unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        if own {
            restrict(&mut headers);
        }
        Protection::new(settings, Some(&endpoint)).complete(&mut headers);
        headers
    }

    #[test]
    fn no_policy_lets_a_page_run_inline_code() {
        for (content_type, own, part) in [
            ("text/html; charset=utf-8", false, "script-src 'self' https://count.example;"),
            ("text/html; charset=utf-8", true, "frame-ancestors 'none'"),
            ("application/xml; charset=utf-8", false, "object-src 'none'"),
            ("image/svg+xml", false, "sandbox"),
        ] {
            let headers = completed(content_type, own);
            let policy = headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(policy.contains(part), "{policy}");
            assert!(!policy.contains("unsafe-inline") || content_type == "image/svg+xml");
            assert!(!policy.contains("unsafe-eval"));
        }
    }

    #[test]
    fn the_settings_win_over_what_is_built_in() {
        let headers = completed("text/plain", false);
        assert_eq!(headers[REFERRER_POLICY], "no-referrer");
        assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert!(!headers.contains_key(CONTENT_SECURITY_POLICY));
    }
}
