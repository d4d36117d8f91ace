//! The most frequent of values without number, in bounded space.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::policy;
use super::snapshot::NotFoundPath;

/// The paths that visitors most often looked for in vain.
///
/// This is Space-Saving (Metwally, Agrawal and El Abbadi, 2005): a new path takes the place and the count of
/// the rarest one, so that no path more frequent than one in [`policy::NOT_FOUND_PATHS`] is ever missing.
#[derive(Debug, Default)]
pub(super) struct Frequent {
    paths: HashMap<String, NotFoundPath>,
    changed: BTreeSet<String>,
    published: Arc<Vec<NotFoundPath>>,
}

impl Frequent {
    /// Takes up where the database left off.
    pub(super) fn restore(paths: impl IntoIterator<Item = NotFoundPath>) -> Self {
        let paths = paths.into_iter().map(|path| (path.path.clone(), path)).collect();
        let mut frequent = Self { paths, ..Self::default() };
        frequent.publish();
        frequent
    }

    /// Counts `path` once more.
    pub(super) fn add(&mut self, path: &str, referrer: Option<&str>) {
        let inherited = if self.paths.contains_key(path) { 0 } else { self.make_room() };
        let entry = self.paths.entry(path.to_owned()).or_insert_with(|| NotFoundPath {
            path: path.to_owned(),
            views: inherited,
            excess: inherited,
            referrer: None,
        });
        entry.views += 1;
        if referrer.is_some() {
            entry.referrer = referrer.map(str::to_owned);
        }
        self.changed.insert(path.to_owned());
    }

    /// The paths that changed since the last call, with what is known of them now; none for those dropped.
    pub(super) fn take_changed(&mut self) -> Vec<(String, Option<NotFoundPath>)> {
        let changed = std::mem::take(&mut self.changed);
        if !changed.is_empty() {
            self.publish();
        }
        changed.into_iter().map(|path| (path.clone(), self.paths.get(&path).cloned())).collect()
    }

    /// All, most first, then by path, as of the last [`take_changed`](Self::take_changed).
    pub(super) fn list(&self) -> Arc<Vec<NotFoundPath>> {
        Arc::clone(&self.published)
    }

    /// Drops the rarest path if there is no room for one more, and says how often it was counted.
    fn make_room(&mut self) -> u64 {
        if self.paths.len() < policy::NOT_FOUND_PATHS {
            return 0;
        }
        let rarest = self.paths.values().min_by_key(|entry| (entry.views, &entry.path));
        let Some(rarest) = rarest.map(|entry| entry.path.clone()) else { return 0 };
        let views = self.paths.remove(&rarest).map_or(0, |entry| entry.views);
        self.changed.insert(rarest);
        views
    }

    fn publish(&mut self) {
        let mut list: Vec<NotFoundPath> = self.paths.values().cloned().collect();
        list.sort_by(|a, b| b.views.cmp(&a.views).then_with(|| a.path.cmp(&b.path)));
        self.published = Arc::new(list);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frequent_path_is_kept_in_a_flood_of_rare_ones() {
        let mut frequent = Frequent::default();
        for number in 0..20_000 {
            frequent.add(&format!("/random/{number}/"), None);
            if number % 50 == 0 {
                frequent.add("/moved/", Some("blog.example"));
            }
        }
        frequent.take_changed();
        let list = frequent.list();
        assert_eq!(list.len(), policy::NOT_FOUND_PATHS);
        let moved = list.iter().find(|entry| entry.path == "/moved/").unwrap();
        assert!(moved.views - moved.excess <= 400 && moved.views >= 400, "{moved:?}");
        assert_eq!(moved.referrer.as_deref(), Some("blog.example"));
        assert_eq!(list.iter().map(|entry| entry.views).sum::<u64>(), 20_400);
    }

    #[test]
    fn what_changed_is_told_once_and_restores_to_the_same() {
        let mut frequent = Frequent::default();
        frequent.add("/b/", None);
        frequent.add("/a/", None);
        frequent.add("/b/", None);
        let changed = frequent.take_changed();
        assert_eq!(
            changed.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(),
            ["/a/", "/b/"]
        );
        assert!(frequent.take_changed().is_empty());
        let restored = Frequent::restore(changed.into_iter().filter_map(|(_, entry)| entry));
        assert_eq!(restored.list(), frequent.list());
    }
}
