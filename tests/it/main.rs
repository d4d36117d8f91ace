//! The tests that look at the program from outside, in one binary.

mod commonmark;
mod hosted;
mod page_view;
mod serving;
