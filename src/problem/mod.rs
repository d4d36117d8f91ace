//! An author's mistake, its place and its remedy: every sentence that authors read.

mod mistake;
mod place;

use std::fmt;

use serde::Serialize;

pub use self::mistake::{Fault, Mistake};
pub use self::place::{Place, Position, Positions};

/// Whether a build may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is published.
    Error,
    /// The site is published all the same, unless the author is strict.
    Warning,
}

/// A mistake of the author: where it is, what it is, how to mend it. Never a failure of ours.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Problem {
    /// Where it is.
    pub place: Place,
    /// What it is.
    pub mistake: Mistake,
}

impl Problem {
    /// The mistake at `place`.
    pub fn new(place: Place, mistake: Mistake) -> Self {
        Self { place, mistake }
    }

    /// Whether it stops a build.
    pub fn is_error(&self) -> bool {
        self.mistake.severity() == Severity::Error
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.mistake.severity() {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{}: {severity}: {}\n  help: {}", self.place, self.mistake, self.mistake.help())
    }
}

impl Serialize for Problem {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut fields = serializer.serialize_struct("Problem", 6)?;
        fields.serialize_field("severity", &self.mistake.severity())?;
        fields.serialize_field("file", &self.place.file)?;
        fields.serialize_field("line", &self.place.position.map(|position| position.line))?;
        fields.serialize_field("column", &self.place.position.map(|position| position.column))?;
        fields.serialize_field("message", &self.mistake.to_string())?;
        fields.serialize_field("help", &self.mistake.help())?;
        fields.end()
    }
}

/// The one of `candidates` that `word` is most likely a misspelling of; none if all are too far.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = fold(word);
    let near = candidates.into_iter().filter_map(|candidate| {
        let shorter = word.chars().count().min(candidate.chars().count());
        let allowed = (shorter / 4).min(3);
        let other = fold(candidate);
        // A distance is at least the difference in length, which is much sooner known.
        let (long, short) = (folded.chars().count(), other.chars().count());
        if long.abs_diff(short) > allowed {
            return None;
        }
        let distance = strsim::damerau_levenshtein(&folded, &other);
        (distance <= allowed).then_some((distance, candidate))
    });
    near.min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

fn fold(word: &str) -> String {
    word.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_near_words_are_suggested() {
        let keys = ["published", "title", "tags", "date", "order"];
        for (word, suggestion) in [
            ("pubished", Some("published")),
            ("Titel", Some("title")),
            ("tag", None),
            ("tagss", Some("tags")),
            ("docsSection", None),
            ("layout", None),
        ] {
            assert_eq!(nearest(word, keys), suggestion, "{word}");
        }
    }
}
