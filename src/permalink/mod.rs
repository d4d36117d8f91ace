//! Every rule about addresses: slugs, paths, the base URL, what is reserved, output file names.

mod base_url;
mod post_permalink;
mod slug;
mod url_path;

pub use self::base_url::{BaseUrl, BaseUrlError};
pub use self::post_permalink::PostPermalink;
pub use self::slug::{Slug, UniqueSlugs};
pub use self::url_path::{UrlPath, UrlPathError, encoded};
