//! The one place that touches a concurrent map. It hands out clones: no guard ever leaves, so none can meet another
//! map, a lock or an await.
#![expect(clippy::disallowed_types, reason = "this is the wrapper that the ban points to")]

use std::borrow::Borrow;
use std::hash::Hash;

use dashmap::DashMap;

pub(crate) struct Map<K, V>(DashMap<K, V>);

impl<K: Eq + Hash, V: Clone> Map<K, V> {
    pub(crate) fn look_up<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.0.get(key).map(|guard| guard.value().clone())
    }

    pub(crate) fn holds<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.0.contains_key(key)
    }

    pub(crate) fn insert(&self, key: K, value: V) {
        self.0.insert(key, value);
    }

    pub(crate) fn remove<Q: Eq + Hash + ?Sized>(&self, key: &Q)
    where
        K: Borrow<Q>,
    {
        self.0.remove(key);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl<K: Eq + Hash, V> Default for Map<K, V> {
    fn default() -> Self {
        Self(DashMap::new())
    }
}
