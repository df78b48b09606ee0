//! A table of a fixed size for what is remembered of strangers.
//!
//! Anybody can make up as many addresses and names as they like, so the memory of them must not grow, and making room
//! must cost the same however many there are. A key has a few places that are its own, found by a hash that nobody
//! outside can foresee; when all of them are taken, whoever matters least among them is forgotten.

use std::hash::{DefaultHasher, Hash, Hasher as _};

/// Places of one key.
const WAYS: usize = 8;

pub struct Sets<V> {
    seed: [u8; 16],
    /// Each with the hash of its key: two keys with one hash of 64 bits do not meet in practice.
    places: Box<[Option<(u64, V)>]>,
}

impl<V: Copy> Sets<V> {
    /// At least `most` places. The seed must be secret.
    pub fn new(most: usize, seed: [u8; 16]) -> Self {
        Self { seed, places: vec![None; most.max(1).next_multiple_of(WAYS)].into() }
    }

    pub fn get(&self, key: &impl Hash) -> Option<V> {
        let hash = self.hash(key);
        let mut own = self.places[self.first(hash)..][..WAYS].iter().flatten();
        own.find(|(of, _)| *of == hash).map(|(_, value)| *value)
    }

    /// The value of this key; `fresh` when nothing is remembered. Then somebody else may have to be forgotten: the one
    /// who is `worth` the least.
    pub fn entry(&mut self, key: &impl Hash, fresh: V, worth: impl Fn(&V) -> u64) -> &mut V {
        let hash = self.hash(key);
        let first = self.first(hash);
        let own = &mut self.places[first..][..WAYS];
        let at = own.iter().position(|place| place.is_some_and(|(of, _)| of == hash)).unwrap_or_else(|| {
            let least = (0..WAYS).min_by_key(|at| own[*at].map(|(_, value)| worth(&value))).unwrap_or_default();
            own[least] = None;
            least
        });
        &mut own[at].get_or_insert((hash, fresh)).1
    }

    pub fn remove(&mut self, key: &impl Hash) {
        let hash = self.hash(key);
        let first = self.first(hash);
        for place in &mut self.places[first..][..WAYS] {
            place.take_if(|(of, _)| *of == hash);
        }
    }

    /// How many keys are remembered.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.places.iter().flatten().count()
    }

    fn first(&self, hash: u64) -> usize {
        (hash % (self.places.len() / WAYS) as u64) as usize * WAYS
    }

    fn hash(&self, key: &impl Hash) -> u64 {
        let mut hasher = DefaultHasher::new();
        hasher.write(&self.seed);
        key.hash(&mut hasher);
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_matters_least_is_forgotten_first() {
        let mut sets = Sets::new(1, [7; 16]);
        for worth in 1..=9_u64 {
            *sets.entry(&worth, 0, |value| *value) = worth;
        }
        assert_eq!(sets.len(), WAYS);
        assert_eq!((sets.get(&1_u64), sets.get(&2_u64), sets.get(&9_u64)), (None, Some(2), Some(9)));
        sets.remove(&9_u64);
        assert_eq!(sets.get(&9_u64), None);
    }

    #[test]
    fn a_million_strangers_take_no_more_room_than_a_thousand() {
        let mut sets = Sets::new(1000, [7; 16]);
        for stranger in 0..1_000_000_u64 {
            sets.entry(&stranger, 1, |value| *value);
        }
        assert_eq!(sets.len(), 1000);
    }
}
