//! Code blocks.

use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

use pulldown_cmark::CodeBlockKind;

use super::info::Info;
use super::writer::Writer;
use super::{Finding, escape};

/// The longest code that is colored, in bytes. More than that is data, which nobody reads for its colors.
const LONGEST_COLORED: usize = 256 * 1024;

/// A code block that is being read.
pub(super) struct OpenCode {
    /// What follows the fence.
    info: String,
    text: String,
    offset: usize,
}

impl OpenCode {
    /// Adds to the code.
    pub(super) fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }
}

impl Writer<'_> {
    pub(super) fn start_code(&mut self, kind: CodeBlockKind<'_>, range: Range<usize>) {
        let info = match kind {
            CodeBlockKind::Fenced(info) => info.into_string(),
            CodeBlockKind::Indented => String::new(),
        };
        self.code = Some(OpenCode { info, text: String::new(), offset: range.start });
        self.open_block("", "");
    }

    pub(super) fn end_code(&mut self) {
        let Some(code) = self.code.take() else { return };
        if !self.options.highlighting {
            return self.plain_code(&code);
        }
        let info = Info::parse(&code.info);
        match info.language.as_str() {
            "mermaid" => {
                self.html.push_str("<pre class=\"mermaid\">");
                escape::text(&mut self.html, &code.text);
                self.html.push_str("</pre>\n");
            }
            _ => self.titled_code(&info, &code),
        }
    }

    /// As the examples of `CommonMark` have it.
    fn plain_code(&mut self, code: &OpenCode) {
        let language = code.info.split_ascii_whitespace().next();
        self.html.push_str("<pre><code");
        if let Some(language) = language {
            self.html.push_str(" class=\"language-");
            escape::attribute(&mut self.html, language);
            self.html.push('"');
        }
        self.html.push('>');
        escape::text(&mut self.html, &code.text);
        self.html.push_str("</code></pre>\n");
    }

    fn titled_code(&mut self, info: &Info, code: &OpenCode) {
        let Some(title) = &info.title else { return self.highlighted_code(info, code) };
        self.html.push_str("<figure class=\"code\">\n<figcaption>");
        escape::text(&mut self.html, title);
        self.html.push_str("</figcaption>\n");
        self.highlighted_code(info, code);
        self.html.push_str("</figure>\n");
    }

    /// The block can be focused, so that who has no mouse can scroll it.
    fn highlighted_code(&mut self, info: &Info, code: &OpenCode) {
        let language = info.language.as_str();
        self.html.push_str("<pre class=\"highlight\"");
        if !language.is_empty() {
            self.attribute("data-language", language);
        }
        self.html.push_str(" tabindex=\"0\"><code");
        if !language.is_empty() {
            self.attribute("class", &format!("language-{language}"));
        }
        self.html.push('>');
        let colored = self.colored(language, code);
        if info.has_lines() {
            write_lines(&mut self.html, &colored, info);
        } else {
            self.html.push_str(&colored);
        }
        self.html.push_str("</code></pre>\n");
    }

    fn attribute(&mut self, name: &str, value: &str) {
        let _ = write!(self.html, " {name}=\"");
        escape::attribute(&mut self.html, value);
        self.html.push('"');
    }

    fn colored(&mut self, language: &str, code: &OpenCode) -> Arc<str> {
        let offset = code.offset;
        if code.text.len() > LONGEST_COLORED {
            self.learnt.findings.push(Finding::LongCode { offset });
        } else if let Some(colored) = self.resolver.colored(language, &code.text) {
            return colored;
        }
        let mut plain = String::with_capacity(code.text.len() + code.text.len() / 8);
        escape::text(&mut plain, &code.text);
        plain.into()
    }
}

/// Writes each line in an element of its own. No element of colored code goes past the end of a line.
fn write_lines(html: &mut String, colored: &str, info: &Info) {
    for (index, line) in colored.split_inclusive('\n').enumerate() {
        let class = if info.marks(index + 1) { "line marked" } else { "line" };
        let _ = write!(html, "<span class=\"{class}\"");
        if let Some(first) = info.first_line {
            let _ = write!(html, " data-line=\"{}\"", first.saturating_add(index));
        }
        html.push('>');
        html.push_str(line);
        html.push_str("</span>");
    }
}

#[cfg(test)]
mod tests {
    use crate::markdown::{AsWritten, Finding, Options, render};

    fn html(text: &str) -> String {
        render(text, &Options::default(), &AsWritten).html
    }

    #[test]
    fn code_is_colored_and_can_be_focused() {
        assert_eq!(
            html("```rust,ignore\nfn a() {}\n```"),
            "<pre class=\"highlight\" data-language=\"rust\" tabindex=\"0\"><code class=\"language-rust\">\
             <span class=\"k\">fn</span> <span class=\"f\">a</span>() {}\n</code></pre>\n"
        );
        assert_eq!(
            html("    <indented>"),
            "<pre class=\"highlight\" tabindex=\"0\"><code>&lt;indented&gt;</code></pre>\n"
        );
    }

    #[test]
    fn a_title_stands_above_the_code_and_lines_are_marked_and_numbered() {
        let rendered = html("```js {2} title=\"a<b.js\" linenostart=9\na\n`x\ny`\n```");
        assert!(
            rendered
                .starts_with("<figure class=\"code\">\n<figcaption>a&lt;b.js</figcaption>\n<pre")
        );
        assert!(
            rendered.contains(
                "<span class=\"line\" data-line=\"9\">a\n</span>\
             <span class=\"line marked\" data-line=\"10\"><span class=\"s\">`x</span>\n</span>\
             <span class=\"line\" data-line=\"11\"><span class=\"s\">y`</span>\n</span>"
            ),
            "{rendered}"
        );
        assert!(rendered.ends_with("</code></pre>\n</figure>\n"));
    }

    #[test]
    fn what_cannot_be_colored_is_plain_and_found() {
        let text = "```klingon\n<a>\n```\n";
        let rendered = render(text, &Options::default(), &AsWritten);
        assert!(rendered.html.contains("<code class=\"language-klingon\">&lt;a&gt;\n</code>"));
        assert_eq!(rendered.findings, []);
        let long = format!("```rust\n{}\n```", "fn a() {}\n".repeat(30_000));
        let rendered = render(&long, &Options::default(), &AsWritten);
        assert!(!rendered.html.contains("<span"));
        assert_eq!(rendered.findings, [Finding::LongCode { offset: 0 }]);
    }

    #[test]
    fn diagrams_are_left_to_a_script() {
        assert_eq!(html("```mermaid\na --> b\n```"), "<pre class=\"mermaid\">a --&gt; b\n</pre>\n");
    }
}
