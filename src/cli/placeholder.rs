//! What a writer sees whose first build has failed: an empty page, over which the mistakes are shown.

use std::collections::BTreeMap;

use crate::config::Config;
use crate::permalink::UrlPath;
use crate::site::{Catalog, Identity, MemorySink, Sink, Site};

const PAGE: &str = "<!doctype html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<title>Not built yet</title>
<meta name=\"color-scheme\" content=\"light dark\">
<script defer src=\"PREFIX/_/reload.js\"></script>
</head>
<body>
<p>The site could not be built. Its page follows as soon as the mistakes are mended.</p>
</body>
</html>
";

/// A site whose every address is that page.
pub(super) fn site(config: &Config) -> Site {
    let sink = MemorySink::default();
    let page = PAGE.replace("PREFIX", config.base.prefix());
    let paths = ["/", "/404.html"].into_iter().filter_map(|path| UrlPath::parse(path).ok());
    let files = paths.filter_map(|path| {
        let file = sink.put(&path, page.clone().into_bytes()).ok()?;
        Some((path, file))
    });
    let catalog = Catalog {
        identity: Identity::of(config),
        files: files.collect(),
        redirects: BTreeMap::new(),
        pages: BTreeMap::new(),
        gone: BTreeMap::new(),
    };
    Site::new(catalog, sink.into_bodies())
}
