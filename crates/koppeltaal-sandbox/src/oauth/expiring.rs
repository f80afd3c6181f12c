//! [`ExpiringTable`]: a bounded map whose entries expire.

use std::collections::{BTreeSet, HashMap};
use std::marker::PhantomData;

use serde::Serialize;

use crate::clock::Timestamp;
use crate::persistence::{Companion, DataFileError, Journal, Record, RecordKind, Table};

/// Entries by a secret, each with a time until which it is there. When there are too many, those that expire
/// first go.
pub(crate) struct ExpiringTable<T: Serialize> {
    capacity: usize,
    entries: Table<Order<T>>,
}

/// The entries by the end of their time.
struct Order<T> {
    /// The kind of their records.
    kind: RecordKind,
    keys: BTreeSet<(Timestamp, String)>,
    entries: PhantomData<T>,
}

impl<T: Serialize> Companion for Order<T> {
    type Rows = HashMap<String, (Timestamp, T)>;

    fn record(&self, key: &String, entry: Option<&(Timestamp, T)>) -> Result<Record, DataFileError> {
        Record::new(self.kind, key, entry)
    }

    fn add(&mut self, key: &String, (until, _): &(Timestamp, T)) {
        self.keys.insert((*until, key.clone()));
    }

    fn remove(&mut self, key: &String, (until, _): &(Timestamp, T)) {
        self.keys.remove(&(*until, key.clone()));
    }
}

impl<T: Serialize> ExpiringTable<T> {
    pub(crate) fn new(kind: RecordKind, capacity: usize) -> Self {
        let order = Order { kind, keys: BTreeSet::new(), entries: PhantomData };
        Self { capacity, entries: Table::new(order) }
    }

    pub(super) fn journal(&mut self) -> &mut dyn Journal {
        &mut self.entries
    }

    /// Puts an entry in the place of any that has this key.
    pub(crate) fn put(&mut self, key: String, until: Timestamp, value: T, now: Timestamp) {
        self.entries.put(key, (until, value));
        while let Some((until, key)) = self.entries.companion().keys.first()
            && (*until <= now || self.entries.rows().len() > self.capacity)
        {
            let key = key.clone();
            self.entries.remove(&key);
        }
    }

    /// Puts an entry of the data file back. One that has expired goes when the next one comes.
    pub(super) fn restore(&mut self, key: String, until: Timestamp, value: T) {
        self.entries.restore(key, (until, value));
    }

    pub(crate) fn get(&self, key: &str, now: Timestamp) -> Option<&T> {
        self.entries.rows().get(key).filter(|(until, _)| *until > now).map(|(_, value)| value)
    }

    /// Removes an entry, and gives it if it has not expired.
    pub(crate) fn take(&mut self, key: &str, now: Timestamp) -> Option<T>
    where
        T: Clone,
    {
        let value = self.get(key, now).cloned();
        self.entries.remove(&key.to_owned());
        value
    }

    /// Removes the entries for which this is true.
    pub(crate) fn remove_where(&mut self, holds: impl Fn(&T) -> bool) {
        let found = self.entries.rows().iter().filter(|(_, (_, value))| holds(value));
        for key in found.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            self.entries.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix(Duration::from_secs(seconds))
    }

    #[test]
    fn an_entry_is_there_until_its_time_is_over() {
        let mut map = ExpiringTable::new(RecordKind::Code, 10);
        map.put("a".into(), at(10), 1, at(0));
        assert_eq!(map.get("a", at(9)), Some(&1));
        assert_eq!(map.get("a", at(10)), None);
        assert_eq!(map.take("a", at(10)), None);
        map.put("b".into(), at(10), 2, at(0));
        assert_eq!((map.take("b", at(1)), map.take("b", at(1))), (Some(2), None));
    }

    #[test]
    fn what_is_over_makes_room_and_then_what_is_next() {
        let mut map = ExpiringTable::new(RecordKind::Code, 2);
        for (key, until) in [("a", 10), ("b", 30), ("c", 20)] {
            map.put(key.into(), at(until), key, at(0));
        }
        assert_eq!((map.get("a", at(0)), map.entries.rows().len()), (None, 2), "it would have gone first");
        map.put("d".into(), at(40), "d", at(20));
        assert_eq!(
            (map.get("b", at(20)), map.get("c", at(0)), map.entries.companion().keys.len()),
            (Some(&"b"), None, 2)
        );
        map.remove_where(|value| *value == "b");
        assert_eq!(
            (map.get("b", at(20)), map.entries.rows().len(), map.entries.companion().keys.len()),
            (None, 1, 1)
        );
    }
}
