//! Map that keeps the smallest keys up to a limit, so that the order of additions makes no difference.
use std::collections::BTreeMap;
use std::collections::btree_map;

/// Map with at most `MOST` keys. Of more keys the smallest stay: a key that is among the smallest of
/// all additions was among the smallest at any time, so that its value is complete.
#[derive(Debug, Clone)]
pub(crate) struct BoundedMap<K, V, const MOST: usize> {
    entries: BTreeMap<K, V>,
    /// True if a key was left out.
    is_cut: bool,
}

impl<K, V, const MOST: usize> Default for BoundedMap<K, V, MOST> {
    fn default() -> Self {
        Self {
            entries: BTreeMap::new(),
            is_cut: false,
        }
    }
}

impl<K: Ord, V, const MOST: usize> BoundedMap<K, V, MOST> {
    /// Adds a value; `join` adds it to the value that the key has already.
    pub(crate) fn add(&mut self, key: K, value: V, join: impl FnOnce(&mut V, V)) {
        match self.entries.entry(key) {
            btree_map::Entry::Occupied(mut there) => join(there.get_mut(), value),
            btree_map::Entry::Vacant(place) => {
                place.insert(value);
            }
        }
        if self.entries.len() > MOST {
            self.entries.pop_last();
            self.is_cut = true;
        }
    }

    /// Adds the entries of another map.
    pub(crate) fn merge(&mut self, other: Self, mut join: impl FnMut(&mut V, V)) {
        self.is_cut |= other.is_cut;
        for (key, value) in other.entries {
            self.add(key, value, &mut join);
        }
    }

    /// Returns true if a key was left out.
    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut
    }

    pub(crate) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: std::borrow::Borrow<Q>,
    {
        self.entries.get(key)
    }

    /// Returns the entries, sorted by key.
    pub(crate) fn iter(&self) -> btree_map::Iter<'_, K, V> {
        self.entries.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(keys: &[u32]) -> BoundedMap<u32, u32, 3> {
        let mut map = BoundedMap::default();
        for key in keys {
            map.add(*key, 1, |there, more| *there += more);
        }
        map
    }

    #[test]
    fn the_order_of_additions_makes_no_difference() {
        let expected = vec![(1, 2), (2, 2), (3, 1)];
        for keys in [
            [9, 1, 2, 3, 2, 1, 7],
            [1, 1, 2, 2, 3, 7, 9],
            [7, 9, 3, 2, 2, 1, 1],
        ] {
            let map = of(&keys);
            let entries: Vec<_> = map.iter().map(|(key, value)| (*key, *value)).collect();
            assert_eq!(entries, expected);
            assert!(map.is_cut());
        }
        let mut merged = of(&[9, 1, 2]);
        merged.merge(of(&[3, 2, 1, 7]), |there, more| *there += more);
        let entries: Vec<_> = merged.iter().map(|(key, value)| (*key, *value)).collect();
        assert_eq!(entries, expected);
    }
}
