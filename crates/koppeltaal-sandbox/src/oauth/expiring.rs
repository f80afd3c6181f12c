//! [`Expiring`]: a bounded map whose entries go by themselves.

use std::collections::{BTreeSet, HashMap};

use crate::mailbox::Moment;
use crate::store::Changed;

/// Entries by a secret, each until a moment. When there are too many, those that would go first go first.
pub(crate) struct Expiring<T> {
    capacity: usize,
    entries: HashMap<String, (Moment, T)>,
    order: BTreeSet<(Moment, String)>,
    /// Keys of what is to be written.
    pub(super) changed: Changed<String>,
}

impl<T> Expiring<T> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, entries: HashMap::new(), order: BTreeSet::new(), changed: Changed::default() }
    }

    /// Puts an entry in the place of any that has this key.
    pub(crate) fn put(&mut self, key: String, until: Moment, value: T, now: Moment) {
        self.take(&key, now);
        self.changed.add(key.clone());
        self.order.insert((until, key.clone()));
        self.entries.insert(key, (until, value));
        while let Some((until, _)) = self.order.first()
            && (*until <= now || self.entries.len() > self.capacity)
            && let Some((_, key)) = self.order.pop_first()
        {
            self.entries.remove(&key);
            self.changed.add(key);
        }
    }

    /// The entry and its end, however late it is.
    pub(super) fn entry(&self, key: &str) -> Option<&(Moment, T)> {
        self.entries.get(key)
    }

    pub(crate) fn get(&self, key: &str, now: Moment) -> Option<&T> {
        self.entries.get(key).filter(|(until, _)| *until > now).map(|(_, value)| value)
    }

    /// Removes an entry, and gives it if its time was not over.
    pub(crate) fn take(&mut self, key: &str, now: Moment) -> Option<T> {
        let (key, (until, value)) = self.entries.remove_entry(key)?;
        self.order.remove(&(until, key.clone()));
        self.changed.add(key);
        (until > now).then_some(value)
    }

    /// Removes the entries of which this holds.
    pub(crate) fn remove_where(&mut self, holds: impl Fn(&T) -> bool) {
        let Self { entries, order, changed, .. } = self;
        for (key, _) in entries.iter().filter(|(_, (_, value))| holds(value)) {
            changed.add(key.clone());
        }
        order.retain(|(_, key)| !entries.get(key).is_some_and(|(_, value)| holds(value)));
        entries.retain(|_, (_, value)| !holds(value));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::from_unix(Duration::from_secs(seconds))
    }

    #[test]
    fn an_entry_is_there_until_its_time_is_over() {
        let mut map = Expiring::new(10);
        map.put("a".into(), at(10), 1, at(0));
        assert_eq!(map.get("a", at(9)), Some(&1));
        assert_eq!(map.get("a", at(10)), None);
        assert_eq!(map.take("a", at(10)), None);
        map.put("b".into(), at(10), 2, at(0));
        assert_eq!((map.take("b", at(1)), map.take("b", at(1))), (Some(2), None));
    }

    #[test]
    fn what_is_over_makes_room_and_then_what_is_next() {
        let mut map = Expiring::new(2);
        for (key, until) in [("a", 10), ("b", 30), ("c", 20)] {
            map.put(key.into(), at(until), key, at(0));
        }
        assert_eq!((map.get("a", at(0)), map.entries.len()), (None, 2), "it would have gone first");
        map.put("d".into(), at(40), "d", at(20));
        assert_eq!((map.get("b", at(20)), map.get("c", at(0)), map.order.len()), (Some(&"b"), None, 2));
        map.remove_where(|value| *value == "b");
        assert_eq!((map.get("b", at(20)), map.entries.len(), map.order.len()), (None, 1, 1));
    }
}
