//! A slab whose keys are never used twice: slot and generation in one number, which fits into a tag or a branch.

pub struct Slots<T> {
    slots: Vec<(u32, Option<T>)>,
    free: Vec<u32>,
}

impl<T> Slots<T> {
    pub const fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new() }
    }

    pub const fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// The key that the next [`insert`](Self::insert) will give, so that a value can know its own name.
    pub fn next_key(&self) -> u64 {
        match self.free.last() {
            Some(&slot) => key(slot, self.slots[slot as usize].0),
            None => key(self.slots.len() as u32, 1),
        }
    }

    pub fn insert(&mut self, value: T) -> u64 {
        let key = self.next_key();
        match self.free.pop() {
            Some(slot) => self.slots[slot as usize].1 = Some(value),
            None => self.slots.push((1, Some(value))),
        }
        key
    }

    pub fn get(&self, key: u64) -> Option<&T> {
        let (generation, value) = self.slots.get(key as u32 as usize)?;
        value.as_ref().filter(|_| *generation == (key >> 32) as u32)
    }

    pub fn get_mut(&mut self, key: u64) -> Option<&mut T> {
        let (generation, value) = self.slots.get_mut(key as u32 as usize)?;
        value.as_mut().filter(|_| *generation == (key >> 32) as u32)
    }

    pub fn remove(&mut self, key: u64) -> Option<T> {
        self.get(key)?;
        let slot = key as u32;
        let (generation, value) = &mut self.slots[slot as usize];
        *generation = generation.wrapping_add(1).max(1);
        self.free.push(slot);
        value.take()
    }

    pub fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        let named = |(slot, (generation, value)): (usize, &'_ (u32, Option<T>))| {
            (key(slot as u32, *generation), value.is_some())
        };
        self.slots
            .iter()
            .enumerate()
            .map(named)
            .filter(|(_, there)| *there)
            .filter_map(|(key, _)| Some((key, self.get(key)?)))
    }
}

const fn key(slot: u32, generation: u32) -> u64 {
    (generation as u64) << 32 | slot as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_key_never_opens_a_new_door() {
        let mut slots = Slots::new();
        let expected = slots.next_key();
        let first = slots.insert("first");
        assert_eq!(first, expected);
        assert_eq!(slots.remove(first), Some("first"));
        let second = slots.insert("second");
        assert_eq!((slots.get(first), slots.get(second)), (None, Some(&"second")));
        assert_eq!((slots.remove(first), slots.len()), (None, 1));
        assert_eq!(slots.iter().collect::<Vec<_>>(), [(second, &"second")]);
    }
}
