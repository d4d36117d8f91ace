//! Ids that a table may have, so that it is not searched for the many that it does not have.

/// The ids that the database may know. What is not in here, it does not know; nothing is ever taken out.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Ids of viewings and of events.
    pub(super) views: Filter,
    /// Keys of visitors.
    pub(super) visitors: Filter,
}

/// Some numbers, in a tenth of their room, of which all are found again, and few others.
///
/// A Bloom filter whose layers grow with it (Almeida, Baquero, Preguiça and Hutchison: Scalable Bloom Filters, 2007), made
/// of blocks that are one line of the processor's cache each (Putze, Sanders and Singler: Cache-, Hash- and
/// Space-Efficient Bloom Filters, 2007).
#[derive(Debug, Default)]
pub(super) struct Filter {
    layers: Vec<Layer>,
}

#[derive(Debug)]
struct Layer {
    blocks: Box<[Block]>,
    /// How many more numbers it takes before it says "perhaps" too often.
    room: usize,
}

type Block = [u64; 8];

/// How many blocks the first layer has.
const FIRST: usize = 1 << 13;

/// How many times as many the next one has.
const GROWTH: usize = 8;

/// How many layers there are at most: 4.5 MiB, for 3,500,000 numbers. Beyond that the last one becomes useless, but stays
/// true.
const LAYERS: u32 = 2;

/// How many numbers a block stands for: ten bits for each.
const NUMBERS_A_BLOCK: usize = 48;

/// How many bits stand for a number.
const BITS: u32 = 5;

/// Spreads numbers that browsers have chosen over all bits: 2^64 by the golden ratio, made odd.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

impl Filter {
    /// Whether `number` was added, or one that looks like it.
    pub(super) fn may_have(&self, number: u64) -> bool {
        self.layers.iter().any(|layer| layer.may_have(number))
    }

    /// Adds a number, unless it is found already.
    pub(super) fn add(&mut self, number: u64) {
        if self.may_have(number) {
            return;
        }
        let is_full = self.layers.last().is_none_or(|layer| layer.room == 0);
        let next = u32::try_from(self.layers.len()).unwrap_or(LAYERS);
        if is_full && next < LAYERS {
            self.layers.push(Layer::new(FIRST * GROWTH.pow(next)));
        }
        if let Some(layer) = self.layers.last_mut() {
            layer.add(number);
        }
    }
}

impl Layer {
    fn new(blocks: usize) -> Self {
        Self { blocks: vec![Block::default(); blocks].into(), room: blocks * NUMBERS_A_BLOCK }
    }

    fn may_have(&self, number: u64) -> bool {
        let (place, bits) = self.spread(number);
        self.blocks[place].iter().zip(bits).all(|(has, bits)| has & bits == bits)
    }

    fn add(&mut self, number: u64) {
        let (place, bits) = self.spread(number);
        self.blocks[place].iter_mut().zip(bits).for_each(|(has, bits)| *has |= bits);
        self.room = self.room.saturating_sub(1);
    }

    /// The block of a number, and its bits of that.
    fn spread(&self, number: u64) -> (usize, Block) {
        let mixed = (number ^ number >> 32).wrapping_mul(GOLDEN);
        let mixed = (mixed ^ mixed >> 29).wrapping_mul(GOLDEN);
        // The number of blocks is a power of two, so the lowest bits are as good as any.
        #[expect(clippy::cast_possible_truncation, reason = "all but the lowest bits are masked")]
        let place = mixed as usize & (self.blocks.len() - 1);
        let mut bits = Block::default();
        for turn in 0..BITS {
            let bit = mixed >> (64 - 9 * (turn + 1)) & 511;
            bits[bit as usize / 64] |= 1 << (bit % 64);
        }
        (place, bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_found_and_little_else() {
        let mut filter = Filter::default();
        assert!(!filter.may_have(0));
        let number = |turn: u64| turn.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ turn << 40;
        let all = (FIRST * 2 * NUMBERS_A_BLOCK) as u64;
        (0..all).for_each(|turn| filter.add(number(turn)));
        assert_eq!(filter.layers.len(), 2);
        assert!((0..all).all(|turn| filter.may_have(number(turn))));
        let wrong = (all..all + 100_000).filter(|turn| filter.may_have(number(*turn))).count();
        assert!(wrong < 3000, "{wrong} of 100,000");
    }

    #[test]
    fn numbers_in_a_row_are_told_apart_too() {
        let mut filter = Filter::default();
        let many = (FIRST * NUMBERS_A_BLOCK) as u64;
        (0..many).for_each(|number| filter.add(number));
        assert!((0..many).all(|number| filter.may_have(number)));
        let wrong = (many..many + 100_000).filter(|number| filter.may_have(*number)).count();
        assert!(wrong < 3000, "{wrong} of 100,000");
    }

    #[test]
    fn it_does_not_grow_without_end() {
        let mut filter = Filter::default();
        let all = (0..LAYERS).map(|layer| FIRST * GROWTH.pow(layer)).sum::<usize>();
        for number in 0..(all * NUMBERS_A_BLOCK + 1000) as u64 {
            filter.add(number.wrapping_mul(GOLDEN));
        }
        assert_eq!(filter.layers.len(), LAYERS as usize);
        assert!(all * size_of::<Block>() < 6 << 20);
    }
}
