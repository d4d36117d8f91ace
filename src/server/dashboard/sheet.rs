//! What is shown, as CSV.

use super::links::Links;
use super::lists::{Extent, List};
use super::source::Source;
use super::view::View;
use crate::server::report::Report;

/// A field of CSV, quoted where RFC 4180 asks for it; spreadsheets must not take it for a formula.
pub fn field(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if is_formula { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

/// The list that `view` is of, or, if it is of none, the course of its time.
pub(in crate::server) fn sheet(
    report: &Report,
    view: &View,
    address: &str,
    source: &Source<'_>,
) -> String {
    let lines: Vec<Vec<String>> = match view.list {
        Some(list) => {
            let links = Links { view, address, today: source.today() };
            List::of(list, report, &links, &Extent::Whole).lines()
        }
        None => course(report),
    };
    let line = |fields: Vec<String>| {
        fields.iter().map(|text| field(text)).collect::<Vec<_>>().join(",") + "\r\n"
    };
    lines.into_iter().map(line).collect()
}

/// How much was counted in each step.
fn course(report: &Report) -> Vec<Vec<String>> {
    let heads = ["date", "views", "visitors", "visits", "bounces", "engaged_ms", "reads"];
    let mut lines = vec![heads.map(str::to_owned).to_vec()];
    lines.extend(report.series.iter().map(|moment| {
        let of = &moment.amounts;
        let numbers = [of.views, of.visitors, of.visits, of.bounces, of.engaged_ms, of.reads];
        [moment.date.clone()].into_iter().chain(numbers.map(|number| number.to_string())).collect()
    }));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_quoted_where_it_must_be_and_never_a_formula() {
        for (text, expected) in [
            ("plain", "plain"),
            ("a, b", "\"a, b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@x", "'@x"),
            ("\tx", "'\tx"),
            ("\rx", "\"'\rx\""),
            ("=HYPERLINK(\"x\",1)", "\"'=HYPERLINK(\"\"x\"\",1)\""),
            ("a=b", "a=b"),
            ("", ""),
        ] {
            assert_eq!(field(text), expected, "{text:?}");
        }
    }
}
