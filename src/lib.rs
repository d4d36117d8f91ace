//! Tallymark, as a map: each module is one thing, and may import only what stands below it.

pub mod server;

pub mod render;

pub mod analytics;
pub mod content;
pub mod markdown;

pub mod site;

pub mod config;

pub mod problem;

pub mod clock;
pub mod permalink;
