//! What others call browsers, systems and devices, and what we call them.

/// Our name for a browser, and what others call it, in lower case.
const BROWSERS: &[(&str, &[&str])] = &[
    ("Chrome", &["chrome", "crios", "chrome mobile", "chrome mobile ios", "mobile chrome"]),
    ("Firefox", &["firefox", "fxios", "firefox mobile", "firefox ios", "mobile firefox"]),
    ("Safari", &["safari", "ios", "mobile safari", "ios-webview"]),
    ("Edge", &["edge", "edge-chromium", "edge-ios", "microsoft edge", "edge mobile"]),
    ("Opera", &["opera", "opera-mini", "opera mini", "opera mobile", "opera touch"]),
    ("Samsung Internet", &["samsung", "samsung browser", "samsung internet"]),
    (
        "Android WebView",
        &["chromium-webview", "android webview", "chrome webview", "android", "android browser"],
    ),
    ("Yandex Browser", &["yandexbrowser", "yandex browser", "yandex"]),
    ("UC Browser", &["uc browser", "ucbrowser"]),
    ("MIUI Browser", &["miui", "miui browser"]),
    ("Internet Explorer", &["ie", "internet explorer"]),
    ("DuckDuckGo", &["duckduckgo", "duckduckgo privacy browser"]),
    ("Facebook", &["facebook", "facebook app"]),
    ("Instagram", &["instagram", "instagram app"]),
    ("Brave", &["brave"]),
    ("Vivaldi", &["vivaldi"]),
    ("Silk", &["silk"]),
    ("Chromium", &["chromium"]),
];

/// Systems, in the same manner.
const SYSTEMS: &[(&str, &[&str])] = &[
    ("Windows", &["windows"]),
    ("macOS", &["macos", "mac os", "mac os x", "mac", "os x"]),
    ("iOS", &["ios", "ipados"]),
    ("Android", &["android", "android os"]),
    ("Linux", &["linux", "gnu/linux", "ubuntu", "fedora", "debian"]),
    ("ChromeOS", &["chrome os", "chromeos"]),
    ("FreeBSD", &["freebsd"]),
    ("OpenBSD", &["openbsd"]),
    ("NetBSD", &["netbsd"]),
];

/// Kinds of devices, in the same manner.
const DEVICES: &[(&str, &[&str])] = &[
    ("phone", &["phone", "mobile", "smartphone"]),
    ("tablet", &["tablet"]),
    ("laptop", &["laptop"]),
    ("desktop", &["desktop"]),
];

/// What we call the browser that is called `name` elsewhere, whatever its version.
pub(super) fn browser(name: &str) -> Option<String> {
    ours(BROWSERS, name)
}

/// What we call the operating system that is called `name` elsewhere, whatever its version.
pub(super) fn system(name: &str) -> Option<String> {
    ours(SYSTEMS, name)
}

/// What we call the kind of device that is called `name` elsewhere.
pub(super) fn device(name: &str) -> Option<String> {
    ours(DEVICES, name)
}

/// The two letters of a country, which may have a region behind it: `US-TX`.
pub(super) fn country(code: &str) -> Option<String> {
    let country = code.split('-').next().unwrap_or_default();
    let is_country = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_alphabetic());
    // What stands for no country in particular.
    (is_country && !["XX", "ZZ", "T1"].contains(&country)).then(|| country.to_ascii_uppercase())
}

fn ours(table: &[(&str, &[&str])], name: &str) -> Option<String> {
    let name = without_version(name.trim());
    if name.is_empty()
        || ["(not set)", "(unknown)", "unknown"].contains(&name.to_lowercase().as_str())
    {
        return None;
    }
    let lower = name.to_lowercase();
    let known = table.iter().find(|(_, theirs)| theirs.contains(&lower.as_str()));
    super::super::value::tidy(known.map_or(name, |(ours, _)| ours))
}

/// `Firefox 83` is `Firefox`, `Windows 10` is `Windows`.
fn without_version(name: &str) -> &str {
    match name.rsplit_once(' ') {
        Some((before, version)) if version.starts_with(|first: char| first.is_ascii_digit()) => {
            before.trim_end()
        }
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_others_become_ours() {
        for (theirs, ours) in [
            ("Firefox 83", Some("Firefox")),
            ("edge-chromium", Some("Edge")),
            ("Chrome Mobile 120.0.1", Some("Chrome")),
            ("Ladybird 1", Some("Ladybird")),
            ("", None),
            ("(not set)", None),
        ] {
            assert_eq!(browser(theirs).as_deref(), ours, "{theirs}");
        }
        assert_eq!(system("Windows 10").as_deref(), Some("Windows"));
        assert_eq!(system("GNU/Linux").as_deref(), Some("Linux"));
        assert_eq!(device("Mobile").as_deref(), Some("phone"));
        for (code, kept) in [("US-TX", Some("US")), ("de", Some("DE")), ("", None), ("XX", None)] {
            assert_eq!(country(code).as_deref(), kept, "{code}");
        }
    }
}
