//! An author's mistake, its place and its remedy: every sentence that authors read.

mod mistake;
mod place;

use std::fmt;

use serde::Serialize;

pub use self::mistake::{Fault, Mistake, TemplateName};
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

    /// Whether the next build would tell of it too; that a page has moved is told once.
    pub fn is_lasting(&self) -> bool {
        !matches!(self.mistake, Mistake::Moved { .. })
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
    let (length, letters) = (word.chars().count(), Letters::of(word));
    let allowed_beside = |other: usize| (length.min(other) / 4).min(3);
    let near = candidates.into_iter().filter_map(|candidate| {
        // Letters that only one of them has must be put in or taken out, and are much sooner counted.
        let mask_distance = letters.mask_distance(candidate);
        if mask_distance > 2 * allowed_beside(length) {
            return None;
        }
        let allowed = allowed_beside(candidate.chars().count());
        let is_near =
            mask_distance <= 2 * allowed && letters.distance(&Letters::of(candidate)) <= allowed;
        if !is_near {
            return None;
        }
        let distance = strsim::osa_distance(&folded, &fold(candidate));
        (distance <= allowed).then_some((distance, candidate))
    });
    near.min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

/// How often each letter is in a word, whatever its case; letters beyond ASCII share few places.
struct Letters {
    counts: [u8; 64],
    /// Which letters there are at all, a bit each.
    mask: u64,
}

/// The bit of each letter and digit of ASCII, whatever its case; none of all else.
static BITS: [u64; 128] = {
    let mut bits = [0; 128];
    let mut byte = 0_u8;
    while byte.is_ascii() {
        if byte.is_ascii_alphanumeric() {
            bits[byte as usize] = 1 << (byte.to_ascii_lowercase() % 64);
        }
        byte += 1;
    }
    bits
};

impl Letters {
    fn of(word: &str) -> Self {
        let mut counts = [0_u8; 64];
        let mut count = |letter: char| {
            let at = u32::from(letter) as usize % counts.len();
            counts[at] = counts[at].saturating_add(1);
        };
        if word.is_ascii() {
            let letters = word.bytes().filter(u8::is_ascii_alphanumeric);
            letters.for_each(|letter| count(char::from(letter.to_ascii_lowercase())));
        } else {
            fold(word).chars().for_each(count);
        }
        let is_there = |(at, count): (usize, &u8)| u64::from(*count > 0) << at;
        let mask = counts.iter().enumerate().map(is_there).fold(0, |mask, bit| mask | bit);
        Self { counts, mask }
    }

    /// How many letters only one of the words has, at all; no edit changes more than two of these.
    fn mask_distance(&self, other: &str) -> usize {
        if !other.is_ascii() {
            return 0;
        }
        let others = other.bytes().fold(0, |mask, byte| mask | BITS[usize::from(byte)]);
        (self.mask ^ others).count_ones() as usize
    }

    /// No edit distance of two words is less than this.
    fn distance(&self, other: &Self) -> usize {
        let pairs = self.counts.iter().zip(&other.counts);
        let (mut more, mut less) = (0, 0);
        for (a, b) in pairs {
            more += usize::from(a.saturating_sub(*b));
            less += usize::from(b.saturating_sub(*a));
        }
        more.max(less)
    }
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
