//! The keys of front matter that few pages have.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::permalink::UrlPath;

/// The keys that few pages have, at no cost for those that have none of them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seldom(Option<Box<SeldomKeys>>);

/// What these keys are set to.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SeldomKeys {
    /// From this instant on it is published no more.
    pub expires: Option<Timestamp>,
    /// The whole address.
    pub permalink: Option<UrlPath>,
    /// What stands in lists.
    pub excerpt: Option<String>,
    /// What it is a part of.
    pub series: Option<String>,
    /// Groupings of the author's own invention.
    pub taxonomies: BTreeMap<String, Vec<String>>,
    /// The byline.
    pub author_name: Option<String>,
    /// The picture beside the byline.
    pub author_image: Option<String>,
    /// The picture of the page.
    pub image: Option<String>,
    /// What that picture shows.
    pub image_alt: Option<String>,
    /// Where it stands among the featured pages.
    pub featured_order: Option<i64>,
    /// Where it stands among pages.
    pub order: Option<i64>,
    /// A hint for templates.
    pub layout: Option<String>,
    /// The template that renders it.
    pub template: Option<String>,
    /// The address that search engines shall take for its own.
    pub canonical: Option<String>,
    /// Its language, if not the site's.
    pub lang: Option<String>,
    /// How long it takes to read, in the author's words.
    pub read_time: Option<String>,
    /// A name that outlives its address.
    pub id: Option<String>,
    /// Everything else.
    #[serde(with = "as_text")]
    pub extra: Map<String, Value>,
}

/// What they are where none of them is set.
static UNSET: LazyLock<SeldomKeys> = LazyLock::new(SeldomKeys::default);

impl From<SeldomKeys> for Seldom {
    fn from(keys: SeldomKeys) -> Self {
        Self((keys != *UNSET).then(|| Box::new(keys)))
    }
}

impl Deref for Seldom {
    type Target = SeldomKeys;

    fn deref(&self) -> &SeldomKeys {
        self.0.as_deref().unwrap_or(&UNSET)
    }
}

/// Tables of anything, written as text where the format of the rest must be known beforehand.
mod as_text {
    use serde::{Deserialize, Deserializer, Serializer, de, ser};
    use serde_json::{Map, Value};

    pub(super) fn serialize<S: Serializer>(
        table: &Map<String, Value>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        if table.is_empty() {
            return serializer.serialize_str("");
        }
        serializer.serialize_str(&serde_json::to_string(table).map_err(ser::Error::custom)?)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Map<String, Value>, D::Error> {
        let text = <&str>::deserialize(deserializer)?;
        if text.is_empty() {
            return Ok(Map::new());
        }
        serde_json::from_str(text).map_err(de::Error::custom)
    }
}
