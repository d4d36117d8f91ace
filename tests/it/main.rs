//! The tests that look at the program from outside, in one binary.

mod cli;
mod commonmark;
mod faults;
mod following;
mod hosted;
mod page_view;
mod program;
mod serving;
