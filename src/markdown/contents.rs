//! The table of contents: headings, nested by their levels.

use super::{Heading, escape};

/// A line of the table of contents and what stands below it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct TocEntry {
    /// The id of the heading.
    pub id: String,
    /// What the heading says, as plain text.
    pub title: String,
    /// The headings of its section.
    pub children: Vec<TocEntry>,
}

/// Nests `headings` by their levels: each stands below the last one before it that has a lower level.
pub fn table_of_contents(headings: &[Heading]) -> Vec<TocEntry> {
    let mut rest = headings;
    entries(&mut rest, 0)
}

/// Takes from `rest` what is deeper than `above`. Each call raises `above`, so six calls are the most.
fn entries(rest: &mut &[Heading], above: u8) -> Vec<TocEntry> {
    let mut found = Vec::new();
    while let Some((first, others)) = rest.split_first() {
        if first.level <= above {
            break;
        }
        *rest = others;
        let children = entries(rest, first.level);
        found.push(TocEntry { id: first.id.clone(), title: first.text.clone(), children });
    }
    found
}

/// The table of contents of `headings` as HTML, without its title; empty if there are none.
pub(super) fn write(headings: &[Heading], label: &str) -> String {
    let entries = table_of_contents(headings);
    let mut html = String::new();
    if entries.is_empty() {
        return html;
    }
    html.push_str("<nav class=\"toc\" aria-label=\"");
    escape::attribute(&mut html, label);
    html.push_str("\">\n");
    write_list(&mut html, &entries);
    html.push_str("</nav>\n");
    html
}

fn write_list(html: &mut String, entries: &[TocEntry]) {
    html.push_str("<ol>\n");
    for entry in entries {
        html.push_str("<li><a href=\"#");
        escape::href(html, &entry.id);
        html.push_str("\">");
        escape::text(html, &entry.title);
        html.push_str("</a>");
        if !entry.children.is_empty() {
            html.push('\n');
            write_list(html, &entry.children);
        }
        html.push_str("</li>\n");
    }
    html.push_str("</ol>\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heading(level: u8, id: &str) -> Heading {
        Heading { level, id: id.into(), text: id.into(), html: id.into(), offset: 0 }
    }

    fn shape(entries: &[TocEntry]) -> String {
        let inner = |entry: &TocEntry| match shape(&entry.children).as_str() {
            "" => entry.id.clone(),
            children => format!("{}({children})", entry.id),
        };
        entries.iter().map(inner).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn headings_nest_below_the_last_lower_level() {
        for (levels, expected) in [
            (&[2u8, 3, 3, 2][..], "0(1 2) 3"),
            (&[3, 2, 4, 3], "0 1(2 3)"),
            (&[1, 6, 1], "0(1) 2"),
            (&[1, 2, 3, 4, 5, 6], "0(1(2(3(4(5)))))"),
            (&[], ""),
        ] {
            let headings: Vec<_> = levels
                .iter()
                .enumerate()
                .map(|(n, level)| heading(*level, &n.to_string()))
                .collect();
            assert_eq!(shape(&table_of_contents(&headings)), expected);
        }
    }

    #[test]
    fn the_html_is_a_nested_list_with_a_name() {
        let html = write(&[heading(2, "a"), heading(3, "b<")], "Contents");
        assert_eq!(
            html,
            "<nav class=\"toc\" aria-label=\"Contents\">\n<ol>\n<li><a href=\"#a\">a</a>\n<ol>\n\
             <li><a href=\"#b%3C\">b&lt;</a></li>\n</ol>\n</li>\n</ol>\n</nav>\n"
        );
    }
}
