//! [`ExpiringMap`]: a bounded map whose entries expire, for logins, codes and tokens that were checked.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Entries by a secret, each valid for the same time. When there are too many, the oldest goes.
pub(crate) struct ExpiringMap<T> {
    capacity: usize,
    lifetime: Duration,
    entries: Mutex<Entries<T>>,
}

struct Entries<T> {
    values: HashMap<String, (Instant, T)>,
    /// The keys in the order in which they were put, with the times at which they expire. A key that was
    /// taken meanwhile stays until its turn.
    order: VecDeque<(Instant, String)>,
}

impl<T: Clone> ExpiringMap<T> {
    /// Room for this many entries, each valid for this long.
    pub(crate) fn new(capacity: usize, lifetime: Duration) -> Self {
        let entries = Entries { values: HashMap::new(), order: VecDeque::new() };
        Self { capacity: capacity.max(1), lifetime, entries: Mutex::new(entries) }
    }

    /// Puts an entry, in place of the one with this key.
    pub(crate) fn put(&self, key: String, value: T, now: Instant) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let Entries { values, order } = &mut *entries;
        let is_in_use = |values: &HashMap<String, (Instant, T)>, (until, key): &(Instant, String)| {
            values.get(key).is_some_and(|(known, _)| known == until)
        };
        while let Some(first) = order.front()
            && (first.0 <= now || values.len() >= self.capacity || !is_in_use(values, first))
        {
            if is_in_use(values, first) {
                values.remove(&first.1);
            }
            order.pop_front();
        }
        if order.len() >= 2 * self.capacity {
            order.retain(|entry| is_in_use(values, entry));
        }
        let until = now + self.lifetime;
        order.push_back((until, key.clone()));
        values.insert(key, (until, value));
    }

    /// The entry, if it has not expired.
    pub(crate) fn get(&self, key: &str, now: Instant) -> Option<T> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.values.get(key).filter(|(until, _)| *until > now).map(|(_, value)| value.clone())
    }

    /// Removes the entry, and gives it if it has not expired. Of several that try, one gets it.
    pub(crate) fn take(&self, key: &str, now: Instant) -> Option<T> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.values.remove(key).filter(|(until, _)| *until > now).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_entry_is_there_until_its_time_is_over_and_taken_once() {
        let (map, start) = (ExpiringMap::new(10, 10 * SECOND), Instant::now());
        map.put("a".to_owned(), 1, start);
        assert_eq!(map.get("a", start + 9 * SECOND), Some(1));
        assert_eq!(map.get("a", start + 10 * SECOND), None);
        assert_eq!((map.take("a", start), map.take("a", start)), (Some(1), None));
        map.put("b".to_owned(), 2, start);
        assert_eq!(map.take("b", start + 10 * SECOND), None);
    }

    #[test]
    fn a_full_map_gives_up_its_oldest_entry() {
        let (map, start) = (ExpiringMap::new(2, 10 * SECOND), Instant::now());
        for (key, value) in [("a", 1), ("b", 2), ("c", 3)] {
            map.put(key.to_owned(), value, start);
        }
        assert_eq!(["a", "b", "c"].map(|key| map.get(key, start)), [None, Some(2), Some(3)]);
    }

    #[test]
    fn an_entry_that_was_put_again_lives_as_long_as_the_new_one() {
        let (map, start) = (ExpiringMap::new(10, 10 * SECOND), Instant::now());
        map.put("a".to_owned(), 1, start);
        map.put("a".to_owned(), 2, start + 5 * SECOND);
        map.put("b".to_owned(), 3, start + 11 * SECOND);
        assert_eq!(map.get("a", start + 14 * SECOND), Some(2));
    }

    #[test]
    fn entries_that_were_taken_leave_nothing_behind() {
        let (map, start) = (ExpiringMap::new(4, 10 * SECOND), Instant::now());
        map.put("stays".to_owned(), 0, start);
        for number in 0..1000 {
            map.put(number.to_string(), number, start);
            assert_eq!(map.take(&number.to_string(), start), Some(number));
        }
        let entries = map.entries.lock().expect("a lock");
        assert!(entries.order.len() <= 9 && entries.values.len() == 1, "{}", entries.order.len());
    }
}
