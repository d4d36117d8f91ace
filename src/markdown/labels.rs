//! The words that readers meet in the HTML though no author wrote them.

use std::borrow::Cow;

use pulldown_cmark::BlockQuoteKind;

/// Words in the language of the site; the default is English.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// Title of a `> [!NOTE]`.
    pub note: Cow<'static, str>,
    /// Title of a `> [!TIP]`.
    pub tip: Cow<'static, str>,
    /// Title of an `> [!IMPORTANT]`.
    pub important: Cow<'static, str>,
    /// Title of a `> [!WARNING]`.
    pub warning: Cow<'static, str>,
    /// Title of a `> [!CAUTION]`.
    pub caution: Cow<'static, str>,
    /// What the link beside a heading is called.
    pub anchor: Cow<'static, str>,
    /// What the table of contents is called.
    pub contents: Cow<'static, str>,
    /// What the list of footnotes is called.
    pub footnotes: Cow<'static, str>,
    /// What a link from a footnote back to the text is called; the number follows it.
    pub back: Cow<'static, str>,
    /// What the container of a table is called.
    pub table: Cow<'static, str>,
    /// What a checked box says.
    pub done: Cow<'static, str>,
    /// What an empty box says.
    pub open: Cow<'static, str>,
}

impl Labels {
    pub(super) fn of_alert(&self, kind: BlockQuoteKind) -> &str {
        match kind {
            BlockQuoteKind::Note => &self.note,
            BlockQuoteKind::Tip => &self.tip,
            BlockQuoteKind::Important => &self.important,
            BlockQuoteKind::Warning => &self.warning,
            BlockQuoteKind::Caution => &self.caution,
        }
    }
}

impl Default for Labels {
    fn default() -> Self {
        Self {
            note: "Note".into(),
            tip: "Tip".into(),
            important: "Important".into(),
            warning: "Warning".into(),
            caution: "Caution".into(),
            anchor: "Link to this section".into(),
            contents: "Table of contents".into(),
            footnotes: "Footnotes".into(),
            back: "Back to reference".into(),
            table: "Table".into(),
            done: "Done".into(),
            open: "To do".into(),
        }
    }
}
