//! A cache bounded in bytes that drops what was not wanted for longest.

use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
};

struct Entry<V> {
    value: V,
    bytes: u64,
    used: u64,
}

/// See the module text. An entry larger than the whole bound is not kept.
pub struct ByteCache<K, V> {
    limit: u64,
    bytes: u64,
    clock: u64,
    entries: HashMap<K, Entry<V>>,
    by_age: BTreeMap<u64, K>,
}

impl<K: Eq + Hash + Copy, V: Clone> ByteCache<K, V> {
    pub fn new(limit_bytes: u64) -> Self {
        Self { limit: limit_bytes, bytes: 0, clock: 0, entries: HashMap::new(), by_age: BTreeMap::new() }
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The value, which thereby becomes the most recently wanted.
    pub fn get(&mut self, key: &K) -> Option<V> {
        self.clock += 1;
        let entry = self.entries.get_mut(key)?;
        self.by_age.remove(&entry.used);
        entry.used = self.clock;
        self.by_age.insert(self.clock, *key);
        Some(entry.value.clone())
    }

    pub fn insert(&mut self, key: K, value: V, bytes: u64) {
        self.remove(&key);
        if bytes > self.limit {
            return;
        }
        while self.bytes + bytes > self.limit {
            let Some((_, oldest)) = self.by_age.pop_first() else { break };
            if let Some(entry) = self.entries.remove(&oldest) {
                self.bytes -= entry.bytes;
            }
        }
        self.clock += 1;
        self.bytes += bytes;
        self.by_age.insert(self.clock, key);
        self.entries.insert(key, Entry { value, bytes, used: self.clock });
    }

    pub fn remove(&mut self, key: &K) {
        if let Some(entry) = self.entries.remove(key) {
            self.by_age.remove(&entry.used);
            self.bytes -= entry.bytes;
        }
    }

    /// Keeps the entries whose key passes.
    pub fn retain(&mut self, keep: impl Fn(&K) -> bool) {
        let gone: Vec<K> = self.entries.keys().filter(|key| !keep(key)).copied().collect();
        for key in gone {
            self.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_holds_and_the_longest_unwanted_goes_first() {
        let mut cache = ByteCache::new(10);
        cache.insert('a', 1, 4);
        cache.insert('b', 2, 4);
        assert_eq!(cache.get(&'a'), Some(1));
        cache.insert('c', 3, 4);
        assert_eq!((cache.get(&'a'), cache.get(&'b'), cache.get(&'c')), (Some(1), None, Some(3)));
        cache.insert('d', 4, 11);
        assert_eq!((cache.get(&'d'), cache.bytes()), (None, 8));
        cache.insert('a', 5, 1);
        assert_eq!((cache.get(&'a'), cache.bytes()), (Some(5), 5));
        cache.retain(|key| *key != 'a');
        assert_eq!(cache.bytes(), 4);
    }
}
