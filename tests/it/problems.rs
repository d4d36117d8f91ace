//! Each folder of `tests/mistakes` is a site with mistakes; what its author would read is reviewed as prose.

use std::fmt::Write;

use tallymark::pipeline;

use crate::support::{cases, noon, order};

#[test]
fn each_mistake_is_told_with_its_place_and_remedy() {
    for case in cases("mistakes") {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let mut text = String::new();
        for problem in pipeline::check(&order(&case), noon()).unwrap() {
            writeln!(text, "{problem}").unwrap();
        }
        insta::assert_snapshot!(name, text);
    }
}
