//! Alerts: quotations that begin with `[!NOTE]`, `[!TIP]`, `[!IMPORTANT]`, `[!WARNING]` or `[!CAUTION]`.

use pulldown_cmark::BlockQuoteKind;

use super::escape;
use super::writer::Writer;

impl Writer<'_> {
    pub(super) fn start_alert(&mut self, kind: BlockQuoteKind) {
        let class = match kind {
            BlockQuoteKind::Note => "note",
            BlockQuoteKind::Tip => "tip",
            BlockQuoteKind::Important => "important",
            BlockQuoteKind::Warning => "warning",
            BlockQuoteKind::Caution => "caution",
        };
        self.open_block("<aside class=\"alert ", "</aside>\n");
        self.html.push_str(class);
        self.html.push_str("\" role=\"note\">\n<p class=\"alert-title\">");
        escape::text(&mut self.html, self.options.labels.of_alert(kind));
        self.html.push_str("</p>\n");
    }
}

#[cfg(test)]
mod tests {
    use crate::markdown::{AsWritten, Options, render};

    fn html(text: &str) -> String {
        render(text, &Options::default(), &AsWritten).html
    }

    #[test]
    fn an_alert_is_an_aside_with_a_title() {
        for (kind, class, title) in [
            ("NOTE", "note", "Note"),
            ("tip", "tip", "Tip"),
            ("IMPORTANT", "important", "Important"),
            ("WARNING", "warning", "Warning"),
            ("CAUTION", "caution", "Caution"),
        ] {
            assert_eq!(
                html(&format!("> [!{kind}]\n> Mind *this*.")),
                format!(
                    "<aside class=\"alert {class}\" role=\"note\">\n<p class=\"alert-title\">{title}</p>\n\
                     <p>Mind <em>this</em>.</p>\n</aside>\n"
                )
            );
        }
        assert!(html("> [!OTHER]\n> x").starts_with("<blockquote>"));
    }
}
