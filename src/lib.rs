//! Tallymark, as a map: each module is one thing, and may import only what stands below it.

pub mod cli;

pub mod server;
pub mod watch;

pub mod pipeline;

pub mod publish;
pub mod render;

pub mod content;

pub mod analytics;
pub mod markdown;

pub mod site;

pub mod config;

pub mod problem;

pub mod clock;
pub mod fingerprint;
pub mod folder;
pub mod permalink;
