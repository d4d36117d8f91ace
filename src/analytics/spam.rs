//! Referrers that are sent to be found in statistics: nobody follows a link there.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Hosts, separated by spaces; those below them are meant as well. The best known of the list that the community of
/// Matomo keeps, which is in the public domain.
const HOSTS: &str = include_str!("spammers.txt");

/// What hosts of this kind begin with, where there are too many to be listed.
const BEGINNINGS: [&str; 3] = ["cookie-law-enforcement-", "law-enforcement-", "compliance-"];

/// What they end with then.
const ENDINGS: [&str; 2] = [".xyz", ".top"];

static SPAMMERS: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| HOSTS.split_whitespace().collect());

/// Whether a host in lower case sends referrers that nobody has followed.
pub(super) fn is_spammer(host: &str) -> bool {
    let is_one_of_many = BEGINNINGS.iter().any(|begin| host.starts_with(begin))
        && ENDINGS.iter().any(|end| host.ends_with(end));
    let above = host.match_indices('.').map(|(dot, _)| &host[dot + 1..]);
    is_one_of_many || std::iter::once(host).chain(above).any(|host| SPAMMERS.contains(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spammers_are_known_with_all_that_is_below_them() {
        for (host, is_spam) in [
            ("semalt.com", true),
            ("semalt.semalt.com", true),
            ("www.buttons-for-website.com", true),
            ("compliance-fred.xyz", true),
            ("compliance-office.example.com", false),
            ("notsemalt.com", false),
            ("com", false),
            ("news.example", false),
            ("", false),
        ] {
            assert_eq!(is_spammer(host), is_spam, "{host}");
        }
    }

    #[test]
    fn the_list_has_hosts_alone_each_once() {
        let hosts: Vec<&str> = HOSTS.split_whitespace().collect();
        assert_eq!(SPAMMERS.len(), hosts.len());
        let is_host = |host: &str| {
            host.contains('.')
                && host.bytes().all(|byte| {
                    byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte)
                })
        };
        assert!(hosts.iter().all(|host| is_host(host)));
    }
}
