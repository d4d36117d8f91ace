//! The address of posts, as the settings have it.

use std::fmt::Write as _;

use super::UrlPath;

/// The address of posts, with tokens: `/{slug}/`, or `/{year}/{month}/{slug}/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostPermalink(String);

impl PostPermalink {
    /// Reads a pattern; none if it has no `{slug}`, an unknown token, or is no path.
    pub fn parse(text: &str) -> Option<Self> {
        let probe = Self(text.to_owned()).expand("slug", jiff::civil::date(2026, 1, 1))?;
        let lacks_slug = !text.contains("{slug}");
        let has_brace = probe.as_str().contains('}');
        (!lacks_slug && !has_brace).then(|| Self(text.to_owned()))
    }

    /// The address of the post `slug` of `date`; none if it is no path.
    pub fn expand(&self, slug: &str, date: jiff::civil::Date) -> Option<UrlPath> {
        let mut path = String::with_capacity(self.0.len() + slug.len());
        let mut pieces = self.0.split('{');
        path.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            let (token, rest) = piece.split_once('}')?;
            match token {
                "year" => _ = write!(path, "{:04}", date.year()),
                "month" => _ = write!(path, "{:02}", date.month()),
                "day" => _ = write!(path, "{:02}", date.day()),
                "slug" => path.push_str(slug),
                _ => return None,
            }
            path.push_str(rest);
        }
        UrlPath::parse(&path).ok().map(|path| path.as_address())
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
        let file = PostPermalink::parse("/{year}/{slug}.html").unwrap();
        assert_eq!(file.expand("x", date).unwrap().as_str(), "/2026/x.html");
        for bad in ["/{year}/", "/{slug}/{title}/", "/../{slug}/"] {
            assert_eq!(PostPermalink::parse(bad), None, "{bad}");
        }
    }
}
