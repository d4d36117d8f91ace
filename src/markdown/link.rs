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
                self.open_link(&mailto(destination), destination, title, range.start)
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
