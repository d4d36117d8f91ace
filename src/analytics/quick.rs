//! Sets and maps of small numbers that we gave out ourselves, hashed with one multiplication.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

/// A map by numbers of ours. Nobody else chooses them, so nobody can make them collide.
pub(super) type QuickMap<K, V> = HashMap<K, V, BuildHasherDefault<Quick>>;

/// A set of numbers of ours.
pub(super) type QuickSet<K> = HashSet<K, BuildHasherDefault<Quick>>;

/// Hashes numbers by a multiplication, as Knuth suggests (The Art of Computer Programming, 6.4).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Quick(u64);

/// 2^64 by the golden ratio, made odd.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for Quick {
    fn finish(&self) -> u64 {
        // Tables take the lowest bits, and a multiplication leaves the best ones at the top.
        self.0.rotate_left(26)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_isize(&mut self, number: isize) {
        self.write_u64(number.cast_unsigned() as u64);
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(GOLDEN);
    }
}
