//! The tests that look at the program from outside, in one binary.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod access;
mod architecture;
mod audience;
mod canary;
mod cli;
mod commonmark;
mod dashboard;
mod disks;
mod documentation;
mod external;
mod faults;
mod flood;
mod following;
mod golden;
mod hosted;
mod incremental;
mod keeping;
mod outages;
mod page_view;
mod problems;
mod program;
mod publishing;
mod readership;
mod report;
mod serving;
mod sites;
mod support;
