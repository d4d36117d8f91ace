//! The script that sends events, as it is served.

use std::sync::LazyLock;

use super::policy;

/// The script as it is written, with names where numbers go.
const SOURCE: &str = include_str!("beacon.js");

static SCRIPT: LazyLock<String> = LazyLock::new(|| compact(&substitute(SOURCE)));

/// The script, small, with the numbers of [`policy`] in it.
pub fn script() -> &'static str {
    &SCRIPT
}

/// A hash of the script, for the name that it is served under: `/_/beacon.HASH.js`.
pub fn hash() -> &'static str {
    static HASH: LazyLock<String> =
        LazyLock::new(|| blake3::hash(SCRIPT.as_bytes()).to_hex()[..16].to_owned());
    &HASH
}

/// Puts the numbers of [`policy`], in milliseconds, where their names stand.
fn substitute(source: &str) -> String {
    let millis = |duration: std::time::Duration| duration.as_millis().to_string();
    source
        .replace("HEARTBEAT_GAP", &millis(policy::HEARTBEAT_GAP))
        .replace("HEARTBEAT", &millis(policy::HEARTBEAT))
}

/// Leaves out indentation, comments on lines of their own and line ends that nothing depends on.
fn compact(source: &str) -> String {
    let lines =
        source.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}
