//! Where the site is on the web.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{UrlPath, UrlPathError};

/// Why some text is not the base URL of a site.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BaseUrlError {
    /// It has no scheme, or another one than http and https.
    #[error("it does not start with `https://` or `http://`")]
    Scheme,
    /// The host is missing or malformed.
    #[error("its host is missing or malformed")]
    Host,
    /// It has user information, a query or a fragment.
    #[error("it has more than a host and a path")]
    Extra,
    /// Its path is not one of a site.
    #[error("its path is wrong: {0}")]
    Path(UrlPathError),
}

/// Where the site is on the web: an origin, and the path that everything is below (`/` for most).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseUrl {
    origin: String,
    prefix: String,
}

impl BaseUrl {
    /// Reads `https://example.org` or `https://example.org/blog`; a final slash makes no difference.
    pub fn parse(text: &str) -> Result<Self, BaseUrlError> {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").ok_or(BaseUrlError::Scheme)?;
        let scheme = scheme.to_ascii_lowercase();
        if scheme != "http" && scheme != "https" {
            return Err(BaseUrlError::Scheme);
        }
        if rest.contains(['?', '#', '@']) {
            return Err(BaseUrlError::Extra);
        }
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let authority: http::uri::Authority = host.parse().map_err(|_| BaseUrlError::Host)?;
        if authority.host().is_empty() {
            return Err(BaseUrlError::Host);
        }
        let path = UrlPath::decode(path).map_err(BaseUrlError::Path)?;
        Ok(Self {
            origin: format!("{scheme}://{}", authority.as_str().to_ascii_lowercase()),
            prefix: path.encoded().trim_end_matches('/').to_owned(),
        })
    }

    /// Scheme, host and port: `https://example.org`.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The host, without a port.
    pub fn host(&self) -> &str {
        let host = self.origin().split_once("://").map_or("", |(_, host)| host);
        host.split(':').next().unwrap_or_default()
    }

    /// What stands before every path of the site in a URL: empty, or `/blog`.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The link to `path` within its origin: `/blog/about/`.
    pub fn link(&self, path: &UrlPath) -> String {
        let mut link = String::with_capacity(self.prefix.len() + path.as_str().len());
        link.push_str(&self.prefix);
        path.encode_into(&mut link);
        link
    }

    /// The whole URL of `path`: `https://example.org/blog/about/`.
    pub fn permalink(&self, path: &UrlPath) -> String {
        let length = self.origin.len() + self.prefix.len() + path.as_str().len();
        let mut permalink = String::with_capacity(length);
        permalink.push_str(&self.origin);
        permalink.push_str(&self.prefix);
        path.encode_into(&mut permalink);
        permalink
    }

    /// The path of the site in what follows the origin, still encoded; none if it lies outside.
    pub fn strip<'a>(&self, request_path: &'a str) -> Option<&'a str> {
        let rest = request_path.strip_prefix(self.prefix.as_str())?;
        if rest.is_empty() && !self.prefix.is_empty() {
            return Some("/");
        }
        rest.starts_with('/').then_some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_joins_and_strips_its_prefix() {
        let about = UrlPath::parse("/about/").unwrap();
        for (base, permalink, link) in [
            ("https://Example.org", "https://example.org/about/", "/about/"),
            ("http://localhost:4747/", "http://localhost:4747/about/", "/about/"),
            ("https://example.org/blog/", "https://example.org/blog/about/", "/blog/about/"),
        ] {
            let base = BaseUrl::parse(base).unwrap();
            assert_eq!(base.permalink(&about), permalink);
            assert_eq!(base.link(&about), link);
            assert_eq!(base.strip(link), Some("/about/"));
        }
        let blog = BaseUrl::parse("https://example.org/blog").unwrap();
        assert_eq!(blog.strip("/blog"), Some("/"));
        assert_eq!(blog.strip("/blogger/"), None);
        for bad in
            ["example.org", "ftp://x", "https://", "https://a b", "https://u@h", "https://h/?q"]
        {
            assert!(BaseUrl::parse(bad).is_err(), "{bad}");
        }
    }
}
