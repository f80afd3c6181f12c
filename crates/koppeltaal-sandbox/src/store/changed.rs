//! [`Changed`]: the keys of the records that a step touched.

use std::collections::BTreeSet;

/// Keys to be looked at when the step is over. Whether the record is still there is seen then.
#[derive(Debug)]
pub(crate) struct Changed<K>(BTreeSet<K>);

impl<K> Default for Changed<K> {
    fn default() -> Self {
        Self(BTreeSet::new())
    }
}

impl<K: Ord> Changed<K> {
    pub(crate) fn add(&mut self, key: K) {
        self.0.insert(key);
    }

    pub(crate) fn take(&mut self) -> BTreeSet<K> {
        std::mem::take(&mut self.0)
    }
}
