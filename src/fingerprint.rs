//! Fast hashes that tell whether a thing is what it was. They are no defense against who wants two things to look alike.

use std::hash::{BuildHasher, Hash, Hasher};

use rapidhash::quality::{RapidHasher, SeedableState};
use serde::{Deserialize, Serialize};

/// A map whose keys are hashed fast: paths and names, of which a build looks up millions.
pub type FastMap<K, V> = rapidhash::RapidHashMap<K, V>;

/// What a thing hashes to: the same in every process of one version of the program, and on every machine.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// The fingerprint of `value`.
    pub fn of(value: &(impl Hash + ?Sized)) -> Self {
        let mut fold = Fold::default();
        fold.add(value);
        fold.finish()
    }
}

impl Fingerprint {
    /// What [`of`](Self::of) gives of a text, of bytes that may be one.
    pub fn of_text(bytes: &[u8]) -> Self {
        let mut fold = Fold::default();
        // As `str` does it: what follows in a longer thing must not look like more of the text.
        fold.0.write(bytes);
        fold.0.write_u8(0xff);
        fold.finish()
    }

    /// The fingerprint as bytes.
    pub fn to_bytes(self) -> [u8; 8] {
        self.0.to_le_bytes()
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The fingerprint of several things, in their order, in the making.
#[derive(Clone)]
pub struct Fold(RapidHasher<'static>);

impl Default for Fold {
    fn default() -> Self {
        Self(SeedableState::fixed().build_hasher())
    }
}

impl std::fmt::Debug for Fold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Fold").field(&self.0.finish()).finish()
    }
}

impl Fold {
    /// Adds `value`.
    pub fn add(&mut self, value: &(impl Hash + ?Sized)) {
        value.hash(&mut self.0);
    }

    /// The fingerprint of all that was added.
    pub fn finish(self) -> Fingerprint {
        Fingerprint(self.0.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_has_another_fingerprint_and_what_does_not_has_the_same() {
        assert_eq!(Fingerprint::of("a"), Fingerprint::of("a"));
        assert_ne!(Fingerprint::of("a"), Fingerprint::of("b"));
        assert_eq!(Fingerprint::of("a text"), Fingerprint::of_text(b"a text"));
        assert_ne!(Fingerprint::of(&("ab", "c")), Fingerprint::of(&("a", "bc")));
        let mut fold = Fold::default();
        for part in ["x", "y"] {
            fold.add(part);
        }
        let mut other = Fold::default();
        for part in ["y", "x"] {
            other.add(part);
        }
        assert_ne!(fold.finish(), other.finish());
        // Fingerprints are made of fingerprints, and the one of nothing among them must not hide the others.
        let (nothing, one) = (Fold::default().finish(), Fingerprint::of("x"));
        assert_ne!(Fingerprint::of(&(nothing, nothing)), Fingerprint::of(&(nothing, one)));
        assert_ne!(Fingerprint::of(&(nothing, one)), Fingerprint::of(&(one, nothing)));
    }
}
