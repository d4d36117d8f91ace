//! Tables, each in a container that can be focused and scrolled.

use std::ops::Range;

use pulldown_cmark::{Alignment, Tag};

use super::writer::Writer;
use super::{Finding, escape};

/// How many empty cells a text may have. The parser fills up short rows, so that a header of a thousand
/// columns and a thousand rows of one would make a million cells.
const MOST_EMPTY_CELLS: usize = 10_000;

/// The table that is open, and how many cells without content the text had so far.
#[derive(Default)]
pub(super) struct Table {
    alignments: Vec<Alignment>,
    column: usize,
    is_head: bool,
    offset: usize,
    /// Where the open cell begins in the HTML, and where its content does.
    cell: Range<usize>,
    empty_cells: usize,
}

impl Writer<'_> {
    pub(super) fn start_table_part(&mut self, tag: Tag<'_>, range: Range<usize>) {
        match tag {
            Tag::Table(alignments) => self.start_table(alignments, range.start),
            Tag::TableHead => {
                self.table.is_head = true;
                self.table.column = 0;
                self.open("<thead>\n<tr>", "</tr>\n</thead>\n");
            }
            Tag::TableRow => {
                self.table.column = 0;
                self.open("<tr>", "</tr>\n");
            }
            _ => self.start_table_cell(),
        }
    }

    fn start_table(&mut self, alignments: Vec<Alignment>, offset: usize) {
        self.table.alignments = alignments;
        self.table.offset = offset;
        self.open_block(
            "<div class=\"table\" role=\"group\" aria-label=\"",
            "</tbody>\n</table>\n</div>\n",
        );
        escape::attribute(&mut self.html, &self.options.labels.table);
        self.html.push_str("\" tabindex=\"0\">\n<table>\n");
    }

    pub(super) fn end_table_head(&mut self, close: &str) {
        self.html.push_str(close);
        self.html.push_str("<tbody>\n");
        self.table.is_head = false;
    }

    /// Alignment is a class: a `style` would need an exception in a Content-Security-Policy.
    fn start_table_cell(&mut self) {
        self.table.cell.start = self.html.len();
        if self.table.is_head {
            self.open("<th scope=\"col\"", "</th>");
        } else {
            self.open("<td", "</td>");
        }
        self.html.push_str(match self.table.alignments.get(self.table.column) {
            Some(Alignment::Left) => " class=\"left\">",
            Some(Alignment::Center) => " class=\"center\">",
            Some(Alignment::Right) => " class=\"right\">",
            _ => ">",
        });
        self.table.cell.end = self.html.len();
    }

    pub(super) fn end_table_cell(&mut self, close: &str) {
        self.table.column += 1;
        if self.html.len() > self.table.cell.end {
            return self.html.push_str(close);
        }
        self.table.empty_cells += 1;
        if self.table.empty_cells <= MOST_EMPTY_CELLS {
            return self.html.push_str(close);
        }
        self.html.truncate(self.table.cell.start);
        if self.table.empty_cells == MOST_EMPTY_CELLS + 1 {
            self.learnt.findings.push(Finding::Table { offset: self.table.offset });
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::markdown::{AsWritten, Finding, Options, render};

    fn html(text: &str) -> String {
        render(text, &Options::default(), &AsWritten).html
    }

    #[test]
    fn a_table_can_be_scrolled_and_aligns_by_class() {
        assert_eq!(
            html("| a | b |\n|:-:|--:|\n| 1 |"),
            "<div class=\"table\" role=\"group\" aria-label=\"Table\" tabindex=\"0\">\n<table>\n<thead>\n\
             <tr><th scope=\"col\" class=\"center\">a</th><th scope=\"col\" class=\"right\">b</th></tr>\n</thead>\n\
             <tbody>\n<tr><td class=\"center\">1</td><td class=\"right\"></td></tr>\n</tbody>\n</table>\n</div>\n"
        );
    }

    #[test]
    fn short_rows_are_not_filled_up_without_end() {
        let columns = 1_000;
        let text =
            format!("{}\n{}\n{}", "|a".repeat(columns), "|-".repeat(columns), "|x\n".repeat(200));
        let rendered = render(&text, &Options::default(), &AsWritten);
        assert!(rendered.html.len() < 60 * text.len(), "{}", rendered.html.len());
        assert_eq!(rendered.html.matches(">x<").count(), 200);
        assert_eq!(rendered.findings, [Finding::Table { offset: 0 }]);
    }
}
