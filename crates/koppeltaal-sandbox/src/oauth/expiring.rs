//! [`ExpiringTable`]: a bounded map whose entries expire.

use std::collections::{BTreeSet, HashMap};
use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;

use crate::clock::Timestamp;
use crate::persistence::{Companion, DataFileError, Journal, Record, RecordKind, Table};

/// A value that expires.
pub(crate) trait Grant: Serialize {
    /// The `client_id` of its owner.
    fn client(&self) -> &str;

    /// What it takes in memory, in bytes.
    fn bytes(&self) -> usize;
}

/// The bounds of the entries of each client.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share {
    pub(crate) entries: usize,
    /// Of memory.
    pub(crate) bytes: usize,
}

/// Entries by a secret, each with the time at which it expires. When a client has too many, its entries that
/// expire first are removed.
pub(crate) struct ExpiringTable<T: Grant> {
    share: Share,
    entries: Table<Order<T>>,
}

/// Keys by the time at which their entries expire.
type Keys = BTreeSet<(Timestamp, Arc<str>)>;

/// The indexes of the entries: by the time at which they expire, and by client.
struct Order<T> {
    /// The kind of their records.
    kind: RecordKind,
    keys: Keys,
    clients: HashMap<String, ClientUsage>,
    entries: PhantomData<T>,
}

/// The entries of a client.
#[derive(Default)]
struct ClientUsage {
    keys: Keys,
    bytes: usize,
}

/// What an entry takes in memory besides its value: its key, and its entries in the indexes.
const ENTRY_BYTES: usize = 512;

/// What a value and its entry take in memory.
pub(crate) fn entry_bytes(value: &impl Grant) -> usize {
    value.bytes() + ENTRY_BYTES
}

impl<T: Grant> Companion for Order<T> {
    type Rows = HashMap<Arc<str>, (Timestamp, T)>;

    fn record(&self, key: &Arc<str>, entry: Option<&(Timestamp, T)>) -> Result<Record, DataFileError> {
        Record::new(self.kind, key, entry)
    }

    fn add(&mut self, key: &Arc<str>, (until, value): &(Timestamp, T)) {
        self.keys.insert((*until, Arc::clone(key)));
        let used = self.clients.entry(value.client().to_owned()).or_default();
        used.keys.insert((*until, Arc::clone(key)));
        used.bytes += entry_bytes(value);
    }

    fn remove(&mut self, key: &Arc<str>, (until, value): &(Timestamp, T)) {
        let place = (*until, Arc::clone(key));
        self.keys.remove(&place);
        if let Some(used) = self.clients.get_mut(value.client()) {
            used.keys.remove(&place);
            used.bytes -= entry_bytes(value);
            if used.keys.is_empty() {
                self.clients.remove(value.client());
            }
        }
    }
}

impl<T: Grant> ExpiringTable<T> {
    pub(crate) fn new(kind: RecordKind, share: Share) -> Self {
        let order = Order { kind, keys: Keys::new(), clients: HashMap::new(), entries: PhantomData };
        Self { share, entries: Table::new(order) }
    }

    pub(super) fn journal(&mut self) -> &mut dyn Journal {
        &mut self.entries
    }

    /// Puts an entry, in place of the one with this key. It stays even if it exceeds the share by itself.
    pub(crate) fn put(&mut self, key: &str, until: Timestamp, value: T, now: Timestamp) {
        let key: Arc<str> = key.into();
        let client = value.client().to_owned();
        self.entries.put(Arc::clone(&key), (until, value));
        while let Some((until, first)) = self.entries.companion().keys.first()
            && *until <= now
        {
            let first = Arc::clone(first);
            self.entries.remove(&first);
        }
        while let Some(used) = self.entries.companion().clients.get(&client)
            && (used.keys.len() > self.share.entries || used.bytes > self.share.bytes)
            && let Some((_, first)) = used.keys.iter().find(|(_, other)| *other != key)
        {
            let first = Arc::clone(first);
            self.entries.remove(&first);
        }
    }

    /// Puts an entry of the data file back. An expired one is removed when the next one is put.
    pub(super) fn restore(&mut self, key: &str, until: Timestamp, value: T) {
        self.entries.restore(key.into(), (until, value));
    }

    pub(crate) fn get(&self, key: &str, now: Timestamp) -> Option<&T> {
        self.get_until(key, now).map(|(_, value)| value)
    }

    /// An entry, and the time at which it expires.
    pub(crate) fn get_until(&self, key: &str, now: Timestamp) -> Option<(Timestamp, &T)> {
        let found = self.entries.rows().get(key).filter(|(until, _)| *until > now);
        found.map(|(until, value)| (*until, value))
    }

    /// Removes an entry, and gives it if it has not expired.
    pub(crate) fn take(&mut self, key: &str, now: Timestamp) -> Option<T>
    where
        T: Clone,
    {
        let value = self.get(key, now).cloned();
        self.entries.remove(&key.into());
        value
    }

    /// Removes the entries of a client for which this is true.
    pub(crate) fn remove_where(&mut self, client: &str, is_meant: impl Fn(&T) -> bool) {
        self.keep_last(0, client, is_meant);
    }

    /// Among a client's entries for which this is true, keeps this many, the last to expire, and removes the
    /// others.
    pub(crate) fn keep_last(&mut self, number: usize, client: &str, is_meant: impl Fn(&T) -> bool) {
        let Some(used) = self.entries.companion().clients.get(client) else { return };
        let rows = self.entries.rows();
        let is_found = |key: &&Arc<str>| rows.get(*key).is_some_and(|(_, value)| is_meant(value));
        let found = used.keys.iter().map(|(_, key)| key).rev().filter(is_found).skip(number);
        for key in found.cloned().collect::<Vec<_>>() {
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

    /// A client and a text.
    #[derive(Debug, Clone, PartialEq, Serialize)]
    struct Note(&'static str, &'static str);

    impl Grant for Note {
        fn client(&self) -> &str {
            self.0
        }

        fn bytes(&self) -> usize {
            self.1.len()
        }
    }

    fn of(text: &'static str) -> Note {
        Note("game", text)
    }

    fn at_most(entries: usize) -> ExpiringTable<Note> {
        ExpiringTable::new(RecordKind::Code, Share { entries, bytes: 100_000 })
    }

    #[test]
    fn an_entry_is_there_until_its_time_is_over() {
        let mut map = at_most(10);
        map.put("a", at(10), of("1"), at(0));
        assert_eq!(map.get("a", at(9)), Some(&of("1")));
        assert_eq!(map.get("a", at(10)), None);
        assert_eq!(map.take("a", at(10)), None);
        map.put("b", at(10), of("2"), at(0));
        assert_eq!((map.take("b", at(1)), map.take("b", at(1))), (Some(of("2")), None));
    }

    #[test]
    fn what_is_over_makes_room_and_then_what_is_next() {
        let mut map = at_most(2);
        for (key, until) in [("a", 10), ("b", 30), ("c", 20)] {
            map.put(key, at(until), of(key), at(0));
        }
        assert_eq!((map.get("a", at(0)), map.entries.rows().len()), (None, 2), "it would have gone first");
        map.put("d", at(40), of("d"), at(20));
        assert_eq!(
            (map.get("b", at(20)), map.get("c", at(0)), map.entries.companion().keys.len()),
            (Some(&of("b")), None, 2)
        );
        map.remove_where("game", |value| *value == of("b"));
        assert_eq!(
            (map.get("b", at(20)), map.entries.rows().len(), map.entries.companion().keys.len()),
            (None, 1, 1)
        );
    }

    #[test]
    fn a_client_pushes_out_its_own_entries_only() {
        let mut map = at_most(2);
        map.put("theirs", at(5), Note("epd", "x"), at(0));
        for (key, until) in [("a", 10), ("b", 30), ("c", 20), ("d", 6)] {
            map.put(key, at(until), of("x"), at(0));
        }
        let is_there = |key| map.get(key, at(0)).is_some();
        assert_eq!(["theirs", "a", "b", "c", "d"].map(is_there), [true, false, true, false, true]);
    }

    #[test]
    fn a_share_is_one_of_memory_as_well() {
        let long: &'static str = "x".repeat(1000).leak();
        let bytes = 2 * entry_bytes(&of(long)) + 100;
        let mut map = ExpiringTable::new(RecordKind::Code, Share { entries: 100, bytes });
        map.put("theirs", at(5), Note("epd", long), at(0));
        for (key, until) in [("a", 10), ("b", 30), ("c", 20)] {
            map.put(key, at(until), of(long), at(0));
        }
        let is_there = |key| map.get(key, at(0)).is_some();
        assert_eq!(["theirs", "a", "b", "c"].map(is_there), [true, false, true, true]);
        map.put("b", at(40), of("short"), at(0));
        map.put("d", at(50), of(long), at(0));
        let used = &map.entries.companion().clients["game"];
        assert_eq!(
            used.bytes,
            [long, long, "short"].map(|text| entry_bytes(&of(text))).iter().sum::<usize>()
                - entry_bytes(&of(long))
        );
        map.put("e", at(50), of(long.repeat(5).leak()), at(0));
        assert_eq!(map.entries.companion().clients["game"].keys.len(), 1, "the last one stays");
    }

    #[test]
    fn the_last_of_a_kind_can_be_kept() {
        let mut map = at_most(10);
        for (key, until) in [("a", 10), ("b", 30), ("c", 20), ("d", 40)] {
            map.put(key, at(until), of(if key == "d" { "other" } else { "x" }), at(0));
        }
        map.keep_last(1, "game", |note| *note == of("x"));
        let is_there = |key| map.get(key, at(0)).is_some();
        assert_eq!(["a", "b", "c", "d"].map(is_there), [false, true, false, true]);
    }
}
