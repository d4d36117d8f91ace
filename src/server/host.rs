//! The host that a request names: exactly one, well-formed, and in development one that cannot be made to point here.

use std::net::IpAddr;

use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderValue, Request, StatusCode, Version};

/// The host that a request names, with its port; none for HTTP/1.0 without one.
///
/// Missing, doubled or malformed hosts are a bad request (RFC 9110, 7.2).
pub(super) fn of(request: &Parts) -> Result<Option<Authority>, StatusCode> {
    let mut lines = request.headers.get_all(HOST).iter();
    let (first, second) = (lines.next(), lines.next());
    let line = match (first, second) {
        (_, Some(_)) => return Err(StatusCode::BAD_REQUEST),
        (None, None) if request.version == Version::HTTP_11 => return Err(StatusCode::BAD_REQUEST),
        (line, None) => line,
    };
    let named = line.map(|line| parse(line.as_bytes())).transpose()?;
    let target = request.uri.authority().map(|target| parse(target.as_str().as_bytes()));
    Ok(target.transpose()?.or(named))
}

/// Whether a request certainly names one well-formed host: one that is all letters, digits, dots and dashes, perhaps with a
/// port. Others may be well-formed too, which [`of`] knows.
pub(super) fn is_ordinary<B>(request: &Request<B>) -> bool {
    let target = request.uri().authority().map(|target| target.as_str().as_bytes());
    let mut lines = request.headers().get_all(HOST).iter().map(HeaderValue::as_bytes);
    let named = match (request.version(), target) {
        (Version::HTTP_11, None) => lines.next(),
        (Version::HTTP_2, target) => target,
        _ => None,
    };
    named.is_some_and(is_plain) && lines.next().is_none()
}

/// Whether `host` is all letters, digits, dots and dashes, perhaps with a port.
pub(super) fn is_plain(host: &[u8]) -> bool {
    let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    let name = host.iter().take_while(|byte| is_of_name(byte)).count();
    match &host[name..] {
        [] => name > 0,
        [b':', port @ ..] => {
            name > 0 && (1..=5).contains(&port.len()) && port.iter().all(u8::is_ascii_digit)
        }
        _ => false,
    }
}

fn parse(host: &[u8]) -> Result<Authority, StatusCode> {
    let authority = Authority::try_from(host).map_err(|_| StatusCode::BAD_REQUEST)?;
    let is_plain = !authority.as_str().contains('@') && !authority.host().is_empty();
    is_plain.then_some(authority).ok_or(StatusCode::BAD_REQUEST)
}

/// Whether `host` certainly means this machine or was typed as an address. Any other name may be made to
/// resolve to this machine by a page that wants to read drafts (DNS rebinding).
pub(super) fn is_local(host: &Authority) -> bool {
    let name = host.host().trim_end_matches('.').to_ascii_lowercase();
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || name.ends_with(".localhost") || bare.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn parts(target: &str, hosts: &[&str]) -> Parts {
        let mut request = Request::builder().uri(target);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_request_names_one_well_formed_host() {
        for (target, hosts, host) in [
            ("/", &["example.org"][..], Some("example.org")),
            ("/", &["example.org:8080"], Some("example.org:8080")),
            ("/", &["[::1]:4747"], Some("[::1]:4747")),
            ("http://target.example/", &["example.org"], Some("target.example")),
            ("/", &[], None),
            ("/", &["a", "b"], None),
            ("/", &["a", "a"], None),
            ("/", &["user@evil"], None),
            ("/", &[""], None),
            ("/", &["a b"], None),
            ("/", &["a/b"], None),
        ] {
            let found = of(&parts(target, hosts)).ok().flatten();
            assert_eq!(found.as_ref().map(Authority::as_str), host, "{target} {hosts:?}");
        }
        let mut old = parts("/", &[]);
        old.version = Version::HTTP_10;
        assert_eq!(of(&old), Ok(None));
    }

    #[test]
    fn what_is_ordinary_is_well_formed() {
        for (target, hosts, ordinary) in [
            ("/", &["example.org"][..], true),
            ("/", &["127.0.0.1:47470"], true),
            ("/", &["xn--bcher-kva.example:80"], true),
            ("/", &["[::1]:4747"], false),
            ("/", &["a:"], false),
            ("/", &[":80"], false),
            ("/", &["a:99999"], true),
            ("/", &["a:123456"], false),
            ("/", &["user@evil"], false),
            ("/", &["a", "a"], false),
            ("/", &[], false),
            ("http://a/", &["a"], false),
            ("http://a/", &[], false),
        ] {
            let head = parts(target, hosts);
            let found = is_ordinary(&Request::from_parts(head.clone(), ()));
            assert_eq!(found, ordinary, "{target} {hosts:?}");
            assert!(!ordinary || of(&head).is_ok(), "{target} {hosts:?}");
        }
    }

    #[test]
    fn names_that_others_control_are_not_local() {
        for (host, local) in [
            ("localhost:4747", true),
            ("LOCALHOST.", true),
            ("blog.localhost", true),
            ("127.0.0.1:4747", true),
            ("[::1]:4747", true),
            ("192.168.1.20:4747", true),
            ("evil.example", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.nip.example", false),
        ] {
            assert_eq!(is_local(&host.parse().unwrap()), local, "{host}");
        }
    }
}
