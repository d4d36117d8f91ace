//! Content types by file name: text with its character set, feeds with the types that readers of feeds expect.

use crate::permalink::UrlPath;

const HTML: &str = "text/html; charset=utf-8";
const UNKNOWN: &str = "application/octet-stream";

/// What the library lacks, or says without a character set or in another way than browsers agree on.
const OWN: &[(&str, &str)] = &[
    ("html", HTML),
    ("htm", HTML),
    ("css", "text/css; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("map", "application/json"),
    ("xml", "application/xml; charset=utf-8"),
    ("atom", "application/atom+xml; charset=utf-8"),
    ("rss", "application/rss+xml; charset=utf-8"),
    ("xsl", "text/xsl; charset=utf-8"),
    ("svg", "image/svg+xml"),
    ("txt", "text/plain; charset=utf-8"),
    ("md", "text/markdown; charset=utf-8"),
    ("csv", "text/csv; charset=utf-8"),
    ("ics", "text/calendar; charset=utf-8"),
    ("vtt", "text/vtt; charset=utf-8"),
    ("webmanifest", "application/manifest+json"),
    ("wasm", "application/wasm"),
    ("avif", "image/avif"),
    ("webp", "image/webp"),
    ("ico", "image/x-icon"),
    ("woff2", "font/woff2"),
    ("woff", "font/woff"),
];

/// The content type of the file at `path`.
pub(super) fn of(path: &UrlPath) -> &'static str {
    if path.is_folder() {
        return HTML;
    }
    let name = path.as_str().rsplit('/').next().unwrap_or_default();
    match name {
        "feed.xml" | "atom.xml" => return "application/atom+xml; charset=utf-8",
        "rss.xml" => return "application/rss+xml; charset=utf-8",
        "feed.json" => return "application/feed+json",
        _ => {}
    }
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let own = OWN.iter().find(|(known, _)| known.eq_ignore_ascii_case(extension));
    own.map_or_else(
        || mime_guess::from_ext(extension).first_raw().unwrap_or(UNKNOWN),
        |(_, content_type)| content_type,
    )
}

/// Whether files of this type become smaller by compression.
pub(super) fn is_compressible(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default();
    kind.starts_with("text/")
        || kind.ends_with("json")
        || kind.ends_with("xml")
        || matches!(kind, "application/wasm" | "application/javascript" | "image/x-icon")
}

/// Whether a browser may run what is in such a file when it is opened by itself.
pub(super) fn is_document(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default();
    essence == "text/html" || essence.ends_with("xml")
}

/// Whether readers come back to such a file for what is new.
pub(super) fn is_page_or_feed(content_type: &str) -> bool {
    let is_picture = content_type.starts_with("image/");
    !is_picture && (is_document(content_type) || content_type == "application/feed+json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_the_types_that_browsers_expect() {
        for (path, content_type, compressible) in [
            ("/", HTML, true),
            ("/a/", HTML, true),
            ("/404.html", HTML, true),
            ("/feed.xml", "application/atom+xml; charset=utf-8", true),
            ("/tags/rust/feed.xml", "application/atom+xml; charset=utf-8", true),
            ("/sitemap.xml", "application/xml; charset=utf-8", true),
            ("/site.1234abcd.CSS", "text/css; charset=utf-8", true),
            ("/logo.svg", "image/svg+xml", true),
            ("/photo.jpg", "image/jpeg", false),
            ("/photo.avif", "image/avif", false),
            ("/clip.mp4", "video/mp4", false),
            ("/font.woff2", "font/woff2", false),
            ("/paper.pdf", "application/pdf", false),
            ("/raw/a.md", "text/markdown; charset=utf-8", true),
            ("/CNAME", UNKNOWN, false),
            ("/x.unheardof", UNKNOWN, false),
        ] {
            let found = of(&UrlPath::parse(path).unwrap());
            assert_eq!(found, content_type, "{path}");
            assert_eq!(is_compressible(found), compressible, "{path}");
        }
    }
}
