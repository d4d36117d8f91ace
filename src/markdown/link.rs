//! Links: inline, by reference, bare, and to pages by name.

use std::ops::Range;

use pulldown_cmark::LinkType;

use super::writer::Writer;
use super::{Link, Target, escape};

impl Writer<'_> {
    pub(super) fn start_link(
        &mut self,
        kind: LinkType,
        destination: &str,
        title: &str,
        range: Range<usize>,
    ) {
        self.open_links += 1;
        match kind {
            LinkType::WikiLink { has_pothole } => {
                self.start_wikilink(destination, has_pothole, range.start);
            }
            _ if self.is_too_deep(range.start) => self.open("", ""),
            LinkType::Email => {
                self.open_link(&mailto(destination), destination, title, range.start);
            }
            _ => self.open_link(&self.resolver.link(destination), destination, title, range.start),
        }
    }

    pub(super) fn end_link(&mut self, close: &'static str) {
        self.html.push_str(close);
        self.open_links -= 1;
    }

    fn open_link(&mut self, target: &Target, destination: &str, title: &str, offset: usize) {
        self.write_link(target, destination, title, offset);
        self.open("", "</a>");
    }

    /// Writes the start tag of a link and notes the link.
    fn write_link(&mut self, target: &Target, destination: &str, title: &str, offset: usize) {
        let href = target.href.as_deref().unwrap_or(destination);
        self.html.push_str("<a href=\"");
        escape::href(&mut self.html, href);
        self.html.push('"');
        if !title.is_empty() {
            self.html.push_str(" title=\"");
            escape::attribute(&mut self.html, title);
            self.html.push('"');
        }
        if target.external {
            self.html.push_str(" rel=\"noopener\"");
        }
        self.html.push('>');
        self.note_link(target, destination, offset);
    }

    fn note_link(&mut self, target: &Target, destination: &str, offset: usize) {
        self.learnt.links.push(Link {
            destination: destination.to_owned(),
            href: target.href.as_deref().unwrap_or(destination).to_owned(),
            external: target.external,
            broken: target.broken,
            offset,
        });
    }

    /// A wikilink that leads nowhere is text, exactly as it was written.
    fn start_wikilink(&mut self, name: &str, has_text: bool, offset: usize) {
        let target = self.resolver.wikilink(name);
        if target.broken {
            self.note_link(&target, name, offset);
            self.put("[[");
            if has_text {
                self.put(name);
                self.put("|");
            }
            return self.open("", "]]");
        }
        self.open_link(&target, name, "", offset);
        if let (false, Some(text)) = (has_text, target.text) {
            self.pending.show_instead(text);
        }
    }

    /// Writes a bare address as a link to itself.
    pub(super) fn autolink(&mut self, prefix: &str, address: &str, offset: usize) {
        let destination = format!("{prefix}{address}");
        let target = if destination.starts_with("mailto:") {
            Target::default()
        } else {
            self.resolver.link(&destination)
        };
        self.write_link(&target, &destination, "", offset);
        self.put(address);
        self.html.push_str("</a>");
    }
}

fn mailto(address: &str) -> Target {
    Target { href: Some(format!("mailto:{address}")), ..Target::default() }
}

#[cfg(test)]
mod tests {
    use crate::markdown::{ImageTarget, Options, Resolver, Target, render};

    /// Knows one page, and that all else with a scheme is elsewhere.
    struct Site;

    impl Resolver for Site {
        fn link(&self, destination: &str) -> Target {
            match destination.split_once('#').unwrap_or((destination, "")) {
                ("setup.md", fragment) => {
                    Target { href: Some(format!("/docs/setup/#{fragment}")), ..Target::default() }
                }
                (path, _) if path.contains("://") => Target { external: true, ..Target::default() },
                _ => Target { broken: true, ..Target::default() },
            }
        }

        fn image(&self, _: &str) -> ImageTarget {
            ImageTarget::default()
        }

        fn wikilink(&self, name: &str) -> Target {
            let text = Some("Setting up".to_owned());
            Target {
                text,
                broken: name != "setup",
                href: Some("/docs/setup/".into()),
                ..Target::default()
            }
        }
    }

    fn html(text: &str) -> String {
        render(text, &Options::default(), &Site).html
    }

    #[test]
    fn links_lead_where_the_resolver_says() {
        for (text, expected) in [
            ("[a](setup.md#b)", "<a href=\"/docs/setup/#b\">a</a>"),
            (
                "[a](https://x.example \"t\")",
                "<a href=\"https://x.example\" title=\"t\" rel=\"noopener\">a</a>",
            ),
            (
                "https://x.example",
                "<a href=\"https://x.example\" rel=\"noopener\">https://x.example</a>",
            ),
            (
                "www.x.example",
                "<a href=\"http://www.x.example\" rel=\"noopener\">www.x.example</a>",
            ),
            ("<me@x.example>", "<a href=\"mailto:me@x.example\">me@x.example</a>"),
            ("me@x.example", "<a href=\"mailto:me@x.example\">me@x.example</a>"),
            ("[a](gone.md)", "<a href=\"gone.md\">a</a>"),
            ("[[setup]]", "<a href=\"/docs/setup/\">Setting up</a>"),
            ("[[setup|*that*]]", "<a href=\"/docs/setup/\"><em>that</em></a>"),
            ("[[gone]]", "[[gone]]"),
            ("[[gone|page]]", "[[gone|page]]"),
        ] {
            assert_eq!(html(text), format!("<p>{expected}</p>\n"), "{text}");
        }
    }

    #[test]
    fn every_link_is_told_with_its_place() {
        let rendered =
            render("a [b](setup.md#c) [[gone]] www.x.example", &Options::default(), &Site);
        let told: Vec<_> = rendered
            .links
            .iter()
            .map(|link| {
                (
                    link.destination.as_str(),
                    link.fragment(),
                    link.broken,
                    link.external,
                    link.offset,
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("setup.md#c", Some("c"), false, false, 2),
                ("gone", None, true, false, 18),
                ("http://www.x.example", None, false, true, 27),
            ]
        );
    }
}
