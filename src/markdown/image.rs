//! Images, with the size they will have and what they show in words.

use std::fmt::Write as _;
use std::ops::Range;

use super::block::LeadingImage;
use super::writer::Writer;
use super::{Image, ImageTarget, escape};

/// An image whose description is being read.
pub(super) struct OpenImage {
    source: String,
    title: String,
    /// What it shows, in words.
    pub(super) alt: String,
}

impl Writer<'_> {
    pub(super) fn start_image(&mut self, source: &str, title: &str, _range: Range<usize>) {
        self.open("", "");
        self.images.push(OpenImage {
            source: source.to_owned(),
            title: title.to_owned(),
            alt: String::new(),
        });
    }

    pub(super) fn end_image(&mut self, range: Range<usize>) {
        let Some(image) = self.images.pop() else { return };
        if let Some(outer) = self.images.last_mut() {
            return outer.alt.push_str(&image.alt);
        }
        let target = self.resolver.image(&image.source);
        let leads = self.is_at_start_of_paragraph();
        self.write_image(&image, &target);
        let untitled_end = self.html.len();
        self.write_title(&image.title);
        self.html.push_str(" />");
        if leads && self.options.figures && !image.title.is_empty() {
            let (end, title) = (self.html.len(), image.title);
            self.paragraph.image = Some(LeadingImage { untitled_end, end, title });
        }
        self.learnt.images.push(Image {
            src: target.src.unwrap_or_else(|| image.source.clone()),
            source: image.source,
            alt: image.alt,
            broken: target.broken,
            offset: range.start,
        });
    }

    /// Writes the tag up to where its title would follow.
    fn write_image(&mut self, image: &OpenImage, target: &ImageTarget) {
        self.html.push_str("<img src=\"");
        escape::href(&mut self.html, target.src.as_deref().unwrap_or(&image.source));
        self.html.push_str("\" alt=\"");
        escape::attribute(&mut self.html, &image.alt);
        self.html.push('"');
        for (name, size) in [("width", target.width), ("height", target.height)] {
            if let Some(size) = size {
                let _ = write!(self.html, " {name}=\"{size}\"");
            }
        }
        if self.options.lazy_images {
            self.html.push_str(" loading=\"lazy\" decoding=\"async\"");
        }
    }

    fn write_title(&mut self, title: &str) {
        if !title.is_empty() {
            self.html.push_str(" title=\"");
            escape::attribute(&mut self.html, title);
            self.html.push('"');
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::markdown::{ImageTarget, Options, Resolver, Target, render};

    struct Sized;

    impl Resolver for Sized {
        fn link(&self, _: &str) -> Target {
            Target::default()
        }

        fn image(&self, source: &str) -> ImageTarget {
            let broken = source == "gone.png";
            ImageTarget {
                src: Some(format!("/{source}")),
                width: Some(640),
                height: Some(480),
                broken,
            }
        }

        fn wikilink(&self, _: &str) -> Target {
            Target::default()
        }
    }

    const IMG: &str = "<img src=\"/a.png\" alt=\"A &quot;b&quot; c\" width=\"640\" height=\"480\" \
                       loading=\"lazy\" decoding=\"async\"";

    #[test]
    fn an_image_knows_its_size_and_a_titled_one_alone_is_a_figure() {
        let html = |text: &str| render(text, &Options::default(), &Sized).html;
        let alt = "![A \\\"b\\\" *c*]";
        assert_eq!(html(&format!("{alt}(a.png)")), format!("<p>{IMG} /></p>\n"));
        assert_eq!(
            html(&format!("{alt}(a.png \"T&t\")")),
            format!("<figure>{IMG} />\n<figcaption>T&amp;t</figcaption></figure>\n")
        );
        assert_eq!(
            html(&format!("{alt}(a.png \"t\") x")),
            format!("<p>{IMG} title=\"t\" /> x</p>\n")
        );
        assert!(html("[![a](a.png \"t\")](b)").starts_with("<p><a href=\"b\"><img"));
    }

    #[test]
    fn every_image_is_told_with_its_words() {
        let rendered = render("![](gone.png) ![a ![b](c)](d)", &Options::default(), &Sized);
        let told: Vec<_> = rendered
            .images
            .iter()
            .map(|image| (image.src.as_str(), image.alt.as_str(), image.broken, image.offset))
            .collect();
        assert_eq!(told, [("/gone.png", "", true, 0), ("/d", "a b", false, 14)]);
    }
}
