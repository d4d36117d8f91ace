//! Where the links and images of a page lead: to files beside it, to pages, or out of the site.

use std::sync::Arc;

use percent_encoding::percent_decode_str;

use super::palette::Palette;
use super::scope::Scope;
use crate::content::Page;
use crate::markdown::{ImageTarget, Resolver, Target};
use crate::permalink::UrlPath;

/// How links within the site are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Links {
    /// From the root of the origin.
    Rooted,
    /// With the origin; for feeds, which are read elsewhere.
    Absolute,
}

/// Answers where the links of one page lead.
pub(super) struct PageLinks<'a> {
    pub(super) page: &'a Page,
    pub(super) scope: &'a Arc<Scope>,
    pub(super) palette: &'a Palette,
    pub(super) links: Links,
}

impl PageLinks<'_> {
    fn written(&self, path: &UrlPath, rest: &str) -> String {
        let base = &self.scope.config.base;
        match self.links {
            Links::Rooted => format!("{}{rest}", base.link(path)),
            Links::Absolute => format!("{}{rest}", base.permalink(path)),
        }
    }

    /// A link to a place on the page itself.
    fn fragment(&self, destination: &str) -> Target {
        let href = match self.links {
            Links::Rooted => None,
            Links::Absolute => Some(self.written(&self.page.path, destination)),
        };
        Target { href, ..Target::default() }
    }
}

impl Resolver for PageLinks<'_> {
    fn link(&self, destination: &str) -> Target {
        let inner = match kind_of(destination, self.scope) {
            Kind::Here => return self.fragment(destination),
            Kind::Outside { is_web } => return Target { external: is_web, ..Target::default() },
            Kind::Inside(inner) => inner,
        };
        let (path, rest) = split(inner);
        match page_of(path, self.page, self.scope) {
            Some(found) => Target { href: Some(self.written(&found, rest)), ..Target::default() },
            None => Target { broken: true, ..Target::default() },
        }
    }

    fn image(&self, source: &str) -> ImageTarget {
        match image_of(source, Some(self.page), self.scope) {
            Some(path) => {
                let (_, rest) = split(source);
                ImageTarget { src: Some(self.written(&path, rest)), ..ImageTarget::default() }
            }
            None => ImageTarget { broken: is_inside(source, self.scope), ..ImageTarget::default() },
        }
    }

    fn colored(&self, language: &str, code: &str) -> Option<Arc<str>> {
        self.palette.colored(language, code)
    }

    fn wikilink(&self, name: &str) -> Target {
        let (name, fragment) = name.split_once('#').map_or((name, None), |(a, b)| (a, Some(b)));
        let rest = fragment.map_or_else(String::new, |fragment| format!("#{fragment}"));
        match self.scope.named(name) {
            Some(page) => Target {
                href: Some(self.written(&page.path, &rest)),
                text: Some(page.title.clone()),
                ..Target::default()
            },
            None => Target { broken: true, ..Target::default() },
        }
    }
}

impl Scope {
    /// The page that a wikilink means: by source path, address or title.
    fn named(&self, name: &str) -> Option<&Arc<Page>> {
        let name = name.trim();
        let by_address = || {
            let slug = crate::permalink::Slug::new(name)?;
            let path = UrlPath::parse(&format!("/{slug}/")).ok()?;
            let page = self.index.at(self.address(&path)?)?;
            // The title is shown, so the page must be asked for as such.
            self.source(&page.file.relative)
        };
        self.source(&format!("{name}.md"))
            .or_else(|| self.source(name))
            .or_else(by_address)
            .or_else(|| self.titled(name))
    }
}

/// Where a destination leads, as far as its form tells.
enum Kind<'a> {
    /// To a place on the same page.
    Here,
    /// To another site, or to something that is no page.
    Outside { is_web: bool },
    /// Into the site; what follows the origin.
    Inside(&'a str),
}

fn kind_of<'a>(destination: &'a str, scope: &Scope) -> Kind<'a> {
    if destination.is_empty() || destination.starts_with('#') {
        return Kind::Here;
    }
    let own = destination.strip_prefix(scope.config.base.origin());
    if let Some(rest) = own.filter(|rest| rest.is_empty() || rest.starts_with(['/', '#', '?'])) {
        let inside = scope.config.base.strip(if rest.is_empty() { "/" } else { rest });
        return inside.map_or(Kind::Outside { is_web: true }, Kind::Inside);
    }
    if destination.starts_with("//") {
        return Kind::Outside { is_web: true };
    }
    match scheme_of(destination) {
        Some(scheme) => Kind::Outside { is_web: matches!(scheme, "http" | "https") },
        None => Kind::Inside(destination),
    }
}

/// The scheme of a URL, as RFC 3986 has it, if it has one.
fn scheme_of(destination: &str) -> Option<&str> {
    let (scheme, _) = destination.split_once(':')?;
    let is_scheme = scheme.len() > 1
        && scheme.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    is_scheme.then_some(scheme)
}

/// The address on the web that a link or an image leads to; none if it stays on the site, or is no page.
pub(super) fn web_address(href: &str, scope: &Scope) -> Option<String> {
    if !matches!(kind_of(href, scope), Kind::Outside { is_web: true }) {
        return None;
    }
    let scheme = scheme_of(scope.config.base.origin()).unwrap_or("https");
    Some(if href.starts_with("//") { format!("{scheme}:{href}") } else { href.to_owned() })
}

/// Whether what is at `source` would be on the site.
pub(super) fn is_inside(source: &str, scope: &Scope) -> bool {
    matches!(kind_of(source, scope), Kind::Inside(_))
}

/// A path, and its query and fragment.
fn split(destination: &str) -> (&str, &str) {
    destination.split_at(destination.find(['?', '#']).unwrap_or(destination.len()))
}

/// The address of what a link inside the site leads to.
fn page_of(path: &str, page: &Page, scope: &Scope) -> Option<UrlPath> {
    if path.is_empty() {
        return Some(page.path.clone());
    }
    let decoded = percent_decode_str(path).decode_utf8().ok()?;
    if is_markdown(&decoded) {
        return source_of(&decoded, page, scope).map(|found| found.path.clone());
    }
    file_of(&decoded, page, scope).or_else(|| address_of(&decoded, page, scope))
}

/// The address of an image inside the site; none if it is elsewhere, or nowhere.
pub(super) fn image_of(source: &str, page: Option<&Page>, scope: &Scope) -> Option<UrlPath> {
    let Kind::Inside(inner) = kind_of(source, scope) else { return None };
    let decoded = percent_decode_str(split(inner).0).decode_utf8().ok()?;
    let beside = page.and_then(|page| file_of(&decoded, page, scope));
    beside.or_else(|| {
        let path = match page {
            Some(page) => joined(page.path.as_str(), &decoded),
            None => normalized(&decoded),
        };
        scope.address(&UrlPath::parse(&path?).ok()?).cloned()
    })
}

fn is_markdown(path: &str) -> bool {
    let extension = path.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    extension.is_some_and(|extension| matches!(extension.as_str(), "md" | "markdown"))
}

/// The page made of a Markdown file: beside the page, from `content/` on, or as `@/` has it elsewhere.
fn source_of<'a>(path: &str, page: &Page, scope: &'a Scope) -> Option<&'a Arc<Page>> {
    let rooted = path.strip_prefix("@/").or_else(|| path.strip_prefix('/'));
    let relative = match rooted {
        Some(rooted) => normalized(rooted.strip_prefix("content/").unwrap_or(rooted))?,
        None => joined(&page.file.relative, path)?,
    };
    let relative = relative.trim_start_matches('/');
    scope.source(relative)
}

/// The address of a file that lies beside the page's source.
fn file_of(path: &str, page: &Page, scope: &Scope) -> Option<UrlPath> {
    if path.starts_with('/') {
        return None;
    }
    let relative = joined(&page.file.relative, path)?;
    let relative = relative.trim_start_matches('/');
    scope.asset(relative).cloned()
}

/// The address that a link leads to, seen from the page's own address.
fn address_of(path: &str, page: &Page, scope: &Scope) -> Option<UrlPath> {
    let full = joined(page.path.as_str(), path)?;
    scope.address(&UrlPath::parse(&full).ok()?).cloned()
}

/// `path` as seen from `from`, which is a file unless it ends in a slash; rooted.
fn joined(from: &str, path: &str) -> Option<String> {
    if path.starts_with('/') {
        return normalized(path);
    }
    let folder = &from[..from.rfind('/').map_or(0, |slash| slash + 1)];
    normalized(&format!("{folder}{path}"))
}

/// Resolves `.` and `..`; none if the path climbs out.
fn normalized(path: &str) -> Option<String> {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()?),
            _ => segments.push(segment),
        }
    }
    let slash = if path.ends_with('/') && !segments.is_empty() { "/" } else { "" };
    Some(format!("/{}{slash}", segments.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_as_browsers_do() {
        for (from, path, full) in [
            ("blog/a.md", "b.md", Some("/blog/b.md")),
            ("blog/a.md", "../about.md", Some("/about.md")),
            ("a.md", "../../b.md", None),
            ("/a/b/", "../c/", Some("/a/c/")),
            ("/a/b/", "c", Some("/a/b/c")),
            ("/a/", "/x/./y", Some("/x/y")),
            ("/a/", "..", Some("/")),
        ] {
            assert_eq!(joined(from, path).as_deref(), full, "{from} {path}");
        }
    }

    #[test]
    fn a_scheme_is_told_from_a_path() {
        assert_eq!(scheme_of("mailto:a@b"), Some("mailto"));
        assert_eq!(scheme_of("https://x"), Some("https"));
        for path in ["a/b:c", "x", "/a:b", "1:2"] {
            assert_eq!(scheme_of(path), None, "{path}");
        }
    }
}
