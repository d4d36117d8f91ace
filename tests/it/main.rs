//! The tests that need more than one part of the whole.

mod commonmark;
