//! The script that sends events, as it is served: small, with the numbers of the policy in it.

use std::sync::LazyLock;
use std::time::Duration;

use super::policy;
use super::shorten::shorten;

/// The script as it is written.
const SOURCE: &str = include_str!("beacon.js");

static SCRIPT: LazyLock<String> = LazyLock::new(|| shorten(&substitute(SOURCE)));

/// The script as it is served.
pub fn script() -> &'static str {
    &SCRIPT
}

/// A hash of the script, for the name that it is served under: `/_/beacon.HASH.js`.
pub fn hash() -> &'static str {
    static HASH: LazyLock<String> =
        LazyLock::new(|| blake3::hash(SCRIPT.as_bytes()).to_hex()[..16].to_owned());
    &HASH
}

/// Puts numbers of the policy, in milliseconds, where their names stand.
fn substitute(source: &str) -> String {
    let millis = |duration: Duration| duration.as_millis().to_string();
    source
        .replace("HEARTBEAT_GAP", &millis(policy::HEARTBEAT_GAP))
        .replace("HEARTBEAT", &millis(policy::HEARTBEAT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write as _;

    #[test]
    fn the_script_fits_in_one_packet() {
        for level in [6, 9] {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::new(level));
            gzip.write_all(script().as_bytes()).unwrap();
            let size = gzip.finish().unwrap().len();
            assert!(size <= 1300, "{size} bytes at level {level}");
        }
    }

    #[test]
    fn every_field_of_an_event_keeps_its_name() {
        for field in [
            "type:",
            "view:",
            "visitor:",
            "path:",
            "referrer:",
            "utmSource:",
            "utmCampaign:",
            "width:",
            "zone:",
            "engaged:",
            "scroll:",
            "event:",
            "name:",
            "props:",
            "url:",
        ] {
            assert!(script().contains(field), "{field}");
        }
    }

    #[test]
    fn the_numbers_are_those_of_the_policy() {
        assert!(script().contains("setInterval(") && script().contains(",30000)"), "{}", script());
        assert!(script().contains("+5000"));
        assert!(!script().contains("HEARTBEAT"));
    }
}
