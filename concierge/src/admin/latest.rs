//! What changed since it was told last: of each thing its newest state, a bounded number of them.

use std::collections::HashMap;
use std::hash::Hash;

use concierge_api_rs::limits;

/// Things that changed, in the order of their first change.
pub(crate) struct Latest<K, V> {
    places: HashMap<K, usize>,
    values: Vec<(V, usize)>,
    bytes: usize,
    left_out: u64,
}

impl<K, V> Default for Latest<K, V> {
    fn default() -> Self {
        Self { places: HashMap::new(), values: Vec::new(), bytes: 0, left_out: 0 }
    }
}

impl<K: Eq + Hash, V> Latest<K, V> {
    /// A thing is so now, which takes about so many bytes to say. One that finds no room is counted; of one that was there already
    /// an older state is not told any more.
    pub(crate) fn put(&mut self, key: K, value: V, bytes: usize) {
        match self.places.get(&key).copied() {
            Some(place) => {
                self.bytes = self.bytes - self.values[place].1 + bytes;
                self.values[place] = (value, bytes);
            }
            None if self.values.len() < limits::ADMIN_CHANGES => {
                self.bytes += bytes;
                self.places.insert(key, self.values.len());
                self.values.push((value, bytes));
            }
            None => self.left_out += 1,
        }
        // the newest state was too long: then there is none to tell, and it may have been another one that made it so
        while self.bytes > limits::ADMIN_CHANGES_BYTES {
            let Some((_, bytes)) = self.values.pop() else { break };
            let gone = self.values.len();
            self.places.retain(|_, place| *place != gone);
            self.bytes -= bytes;
            self.left_out += 1;
        }
    }

    /// All of it, and how much more there was; what comes later begins anew. `None`: nothing changed.
    pub(crate) fn take(&mut self) -> Option<(Vec<V>, u64)> {
        if self.values.is_empty() && self.left_out == 0 {
            return None;
        }
        let Self { values, left_out, .. } = std::mem::take(self);
        Some((values.into_iter().map(|(value, _)| value).collect(), left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_is_told_once_as_it_is_last_and_what_is_too_much_is_counted() {
        let mut latest = Latest::default();
        assert_eq!(latest.take(), None);
        for n in 0..10 {
            latest.put("a", n, 1);
        }
        latest.put("b", 7, 1);
        assert_eq!(latest.take(), Some((vec![9, 7], 0)));
        assert_eq!(latest.take(), None);
        let mut many = Latest::default();
        for n in 0..limits::ADMIN_CHANGES + 44 {
            many.put(n, n, 1);
        }
        let (told, left_out) = many.take().unwrap();
        assert_eq!((told.len(), left_out), (limits::ADMIN_CHANGES, 44));
    }

    #[test]
    fn what_is_too_long_is_counted_and_leaves_room_for_what_is_not() {
        let mut latest = Latest::default();
        latest.put("long", 1, limits::ADMIN_CHANGES_BYTES + 1);
        latest.put("short", 2, 10);
        latest.put("short", 3, 10);
        assert_eq!(latest.take(), Some((vec![3], 1)));
        latest.put("short", 1, 10);
        latest.put("grows", 2, 10);
        latest.put("short", 3, limits::ADMIN_CHANGES_BYTES);
        assert_eq!(latest.take(), Some((vec![3], 1)), "the one that came last makes room");
    }
}
