//! Taking the effect from dangerous HTML tags, as GFM's extension "disallowed raw HTML" specifies.

/// The tags of <https://github.github.com/gfm/#disallowed-raw-html-extension->.
const DISALLOWED: [&str; 9] =
    ["title", "textarea", "style", "xmp", "iframe", "noembed", "noframes", "script", "plaintext"];

/// Appends `source` with the `<` of each disallowed tag escaped.
pub(super) fn filter(html: &mut String, source: &str) {
    let mut written = 0;
    for (at, _) in source.match_indices('<') {
        if is_disallowed(&source[at + 1..]) {
            html.push_str(&source[written..at]);
            html.push_str("&lt;");
            written = at + 1;
        }
    }
    html.push_str(&source[written..]);
}

fn is_disallowed(rest: &str) -> bool {
    let rest = rest.strip_prefix('/').unwrap_or(rest);
    DISALLOWED.iter().any(|tag| {
        let starts = rest.get(..tag.len()).is_some_and(|name| name.eq_ignore_ascii_case(tag));
        starts
            && rest[tag.len()..]
                .starts_with(|next: char| next.is_whitespace() || matches!(next, '>' | '/'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_disallowed_tags_lose_their_effect() {
        for (source, expected) in [
            ("<em>a</em>", "<em>a</em>"),
            ("<script>x</script>", "&lt;script>x&lt;/script>"),
            ("<IFRAME src=a>", "&lt;IFRAME src=a>"),
            ("<styled>", "<styled>"),
            ("<é", "<é"),
        ] {
            let mut html = String::new();
            filter(&mut html, source);
            assert_eq!(html, expected);
        }
    }
}
