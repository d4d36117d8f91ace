//! The tests in a real browser: Chromium reads a site that is served by this process, and chromedriver steers it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod access;
mod beacon;
mod dashboard;
mod live_reload;
mod support;
mod theme;
