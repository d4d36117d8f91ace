//! Numbers as bytes: seven bits each, least first, the eighth says that more follow.
//!
//! Zeros at the end are left out, so that a list can grow by a field without a new format.

/// Writes `numbers`.
pub(super) fn encode(numbers: impl IntoIterator<Item = u64>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(32);
    let mut end = 0;
    for number in numbers {
        push(&mut bytes, number);
        if number != 0 {
            end = bytes.len();
        }
    }
    bytes.truncate(end);
    bytes
}

/// Writes one number behind others.
pub(super) fn push(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

/// A difference of numbers, which may be negative, as a number that is small if the difference is.
pub(super) const fn zigzag(difference: u32) -> u32 {
    difference << 1 ^ if difference >> 31 == 0 { 0 } else { u32::MAX }
}

/// The difference that [`zigzag`] made this of.
pub(super) const fn unzigzag(number: u32) -> u32 {
    number >> 1 ^ if number & 1 == 0 { 0 } else { u32::MAX }
}

/// Reads numbers until the bytes end, and zeros from then on.
pub(super) const fn decode(bytes: &[u8]) -> Numbers<'_> {
    Numbers { bytes }
}

/// Numbers that are read one by one.
pub(super) struct Numbers<'a> {
    bytes: &'a [u8],
}

impl<'a> Numbers<'a> {
    /// The next number.
    pub(super) fn large(&mut self) -> u64 {
        // Most numbers have one byte.
        if let Some((byte, rest)) = self.bytes.split_first()
            && byte & 0x80 == 0
        {
            self.bytes = rest;
            return u64::from(*byte);
        }
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let Some((byte, rest)) = self.bytes.split_first() else { break };
            self.bytes = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        number
    }

    /// The next number, clamped to 32 bits.
    pub(super) fn small(&mut self) -> u32 {
        // Nearly all numbers have at most three bytes, and there are many.
        let part = |byte: u8, place: u32| u32::from(byte & 0x7f) << (7 * place);
        let (number, rest) = match self.bytes {
            [a, rest @ ..] if *a < 0x80 => (part(*a, 0), rest),
            [a, b, rest @ ..] if *b < 0x80 => (part(*a, 0) | part(*b, 1), rest),
            [a, b, c, rest @ ..] if *c < 0x80 => (part(*a, 0) | part(*b, 1) | part(*c, 2), rest),
            _ => return u32::try_from(self.large()).unwrap_or(u32::MAX),
        };
        self.bytes = rest;
        number
    }

    /// Passes over so many numbers.
    pub(super) fn skip(&mut self, mut count: usize) {
        /// The highest bit of each of eight bytes: the last of a number does not have it.
        const HIGHEST: u64 = 0x8080_8080_8080_8080;
        while count > 0 {
            let Some((eight, rest)) = self.bytes.split_first_chunk::<8>() else {
                self.large();
                count -= 1;
                continue;
            };
            let mut ends = !u64::from_le_bytes(*eight) & HIGHEST;
            let found = ends.count_ones() as usize;
            if found < count {
                count -= found;
                self.bytes = rest;
                continue;
            }
            for _ in 1..count {
                ends &= ends - 1;
            }
            self.bytes = &self.bytes[ends.trailing_zeros() as usize / 8 + 1..];
            return;
        }
    }

    /// Whether all bytes were read.
    pub(super) const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// What follows the numbers that were read.
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::super::varint;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_passed_over_is_as_long_as_what_is_read(
            numbers in prop::collection::vec(prop_oneof![0_u64..300, any::<u64>()], 0..40),
            count in 0_usize..50,
        ) {
            let mut bytes = Vec::new();
            for number in &numbers {
                varint::push(&mut bytes, *number);
            }
            let (mut read, mut passed) = (varint::decode(&bytes), varint::decode(&bytes));
            for _ in 0..count {
                read.large();
            }
            passed.skip(count);
            prop_assert_eq!(read.rest(), passed.rest());
        }

        #[test]
        fn numbers_are_read_as_they_were_written(numbers in prop::collection::vec(any::<u64>(), 0..9)) {
            let bytes = varint::encode(numbers.iter().copied());
            let mut read = varint::decode(&bytes);
            for number in numbers {
                prop_assert_eq!(read.large(), number);
            }
            prop_assert_eq!(read.large(), 0);
        }

        #[test]
        fn small_numbers_are_read_as_large_ones_are(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
            let (mut small, mut large) = (varint::decode(&bytes), varint::decode(&bytes));
            while !large.is_empty() {
                let number = u32::try_from(large.large()).unwrap_or(u32::MAX);
                prop_assert_eq!(small.small(), number);
            }
            prop_assert!(small.is_empty());
        }

        #[test]
        fn a_difference_is_what_its_number_says(difference: i32) {
            let difference = difference.cast_unsigned();
            prop_assert_eq!(varint::unzigzag(varint::zigzag(difference)), difference);
            prop_assert!(varint::zigzag(1_u32.wrapping_neg()) < 4 && varint::zigzag(1) < 4);
        }
    }
}
