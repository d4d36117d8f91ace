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
