//! The address of posts, as the settings have it.

use super::UrlPath;

/// The address of posts, with tokens: `/{slug}/`, or `/{year}/{month}/{slug}/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostPermalink(String);

impl PostPermalink {
    /// Reads a pattern; none if it has no `{slug}`, an unknown token, or is no path.
    pub fn parse(text: &str) -> Option<Self> {
        let probe = Self(text.to_owned()).expand("slug", jiff::civil::date(2026, 1, 1))?;
        let lacks_slug = !text.contains("{slug}");
        let unknown = probe.as_str().contains(['{', '}']);
        (!lacks_slug && !unknown).then(|| Self(text.to_owned()))
    }

    /// The address of the post `slug` of `date`; none if it is no path.
    pub fn expand(&self, slug: &str, date: jiff::civil::Date) -> Option<UrlPath> {
        let path = self
            .0
            .replace("{year}", &format!("{:04}", date.year()))
            .replace("{month}", &format!("{:02}", date.month()))
            .replace("{day}", &format!("{:02}", date.day()))
            .replace("{slug}", slug);
        UrlPath::parse(&path).ok().map(|path| path.as_folder())
    }
}

impl Default for PostPermalink {
    fn default() -> Self {
        Self("/{slug}/".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_of_post_addresses_needs_the_slug_and_known_tokens() {
        let date = jiff::civil::date(2026, 3, 4);
        let dated = PostPermalink::parse("/{year}/{month}/{day}/{slug}").unwrap();
        assert_eq!(dated.expand("x", date).unwrap().as_str(), "/2026/03/04/x/");
        for bad in ["/{year}/", "/{slug}/{title}/", "/../{slug}/"] {
            assert_eq!(PostPermalink::parse(bad), None, "{bad}");
        }
    }
}
