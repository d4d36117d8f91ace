//! Entity tags: how a file's is spelled, and whether a client has it already.

use http::header::{HeaderMap, IF_NONE_MATCH};

use super::encoding::Encoding;
use crate::site::Digest;

/// The strong entity tag of a file in one encoding; other bytes have another tag.
pub(super) fn entity_tag(digest: Digest, encoding: Encoding) -> String {
    match encoding.token() {
        Some(token) => format!("\"{digest}-{token}\""),
        None => format!("\"{digest}\""),
    }
}

/// Whether `If-None-Match` names `tag`, compared weakly (RFC 9110, 13.1.2).
pub(super) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_known_alone_in_a_list_weakly_or_as_anything() {
        let tag = entity_tag(Digest::of(b"x"), Encoding::Brotli);
        assert!(tag.ends_with("-br\""));
        for (text, known) in [
            (tag.clone(), true),
            (format!("W/{tag}"), true),
            (format!("\"a\", {tag} ,\"b\""), true),
            ("*".to_owned(), true),
            ("\"a\"".to_owned(), false),
            (entity_tag(Digest::of(b"x"), Encoding::Identity), false),
            (tag.trim_matches('"').to_owned(), false),
            (String::new(), false),
        ] {
            let headers = [(IF_NONE_MATCH, text.parse().unwrap())].into_iter().collect();
            assert_eq!(is_known(&headers, &tag), known, "{text}");
        }
        assert!(!is_known(&HeaderMap::new(), &tag));
    }
}
