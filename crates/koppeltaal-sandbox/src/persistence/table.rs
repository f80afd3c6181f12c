//! [`Table`] and [`Value`]: state that a step changes, and that can be taken back when the step cannot be
//! saved.
//!
//! Rows can only be changed through [`Table`], which notes each change. From these notes follow the records
//! to write, and what to take back when writing fails.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::ops::{Deref, DerefMut};

use super::{DataFileError, Record};

/// A part of the state that notes what a step changes in it.
pub(crate) trait Journal {
    /// Adds the records of what the step changed.
    fn records(&self, records: &mut Vec<Record>) -> Result<(), DataFileError>;

    /// Forgets the notes: the step is saved.
    fn commit(&mut self);

    /// Takes back what the step changed.
    fn roll_back(&mut self);
}

/// A map with the rows of a table. Only the table can change it.
pub(crate) trait Rows {
    type Key: Clone + Ord;
    type Value;

    fn row(&self, key: &Self::Key) -> Option<&Self::Value>;

    /// Puts or removes a row, and gives the one that it replaces.
    fn set_row(&mut self, key: Self::Key, value: Option<Self::Value>) -> Option<Self::Value>;
}

impl<K: Clone + Ord, V> Rows for BTreeMap<K, V> {
    type Key = K;
    type Value = V;

    fn row(&self, key: &K) -> Option<&V> {
        self.get(key)
    }

    fn set_row(&mut self, key: K, value: Option<V>) -> Option<V> {
        match value {
            Some(value) => self.insert(key, value),
            None => self.remove(&key),
        }
    }
}

impl<K: Clone + Ord + Hash, V> Rows for HashMap<K, V> {
    type Key = K;
    type Value = V;

    fn row(&self, key: &K) -> Option<&V> {
        self.get(key)
    }

    fn set_row(&mut self, key: K, value: Option<V>) -> Option<V> {
        match value {
            Some(value) => self.insert(key, value),
            None => self.remove(&key),
        }
    }
}

/// What belongs to the rows of a table: their records, and the indexes that follow them.
pub(crate) trait Companion {
    type Rows: Rows + Default;

    /// The record of a row, or of a row that was removed.
    fn record(&self, key: &KeyOf<Self>, value: Option<&ValueOf<Self>>) -> Result<Record, DataFileError>;

    /// A row came.
    fn add(&mut self, _key: &KeyOf<Self>, _value: &ValueOf<Self>) {}

    /// A row went.
    fn remove(&mut self, _key: &KeyOf<Self>, _value: &ValueOf<Self>) {}
}

pub(crate) type KeyOf<C> = <<C as Companion>::Rows as Rows>::Key;
pub(crate) type ValueOf<C> = <<C as Companion>::Rows as Rows>::Value;

/// Rows; each is a record in the data file.
pub(crate) struct Table<C: Companion> {
    rows: C::Rows,
    companion: C,
    /// The rows that the step changed, as they were before each change, in the order of the changes.
    before: Vec<(KeyOf<C>, Option<ValueOf<C>>)>,
}

impl<C: Companion> Table<C> {
    pub(crate) fn new(companion: C) -> Self {
        Self { rows: C::Rows::default(), companion, before: Vec::new() }
    }

    pub(crate) fn rows(&self) -> &C::Rows {
        &self.rows
    }

    /// The indexes.
    pub(crate) fn companion(&self) -> &C {
        &self.companion
    }

    /// The rows that the step changed, as they were before it.
    pub(crate) fn changed(&self) -> BTreeMap<&KeyOf<C>, Option<&ValueOf<C>>> {
        // Backwards, so that the first note about each row stays.
        self.before.iter().rev().map(|(key, before)| (key, before.as_ref())).collect()
    }

    pub(crate) fn put(&mut self, key: KeyOf<C>, value: ValueOf<C>) {
        self.set(key, Some(value));
    }

    pub(crate) fn remove(&mut self, key: &KeyOf<C>) {
        if self.rows.row(key).is_some() {
            self.set(key.clone(), None);
        }
    }

    /// Changes a row, if there is one and the change is not refused.
    pub(crate) fn change<T, E>(
        &mut self,
        key: &KeyOf<C>,
        change: impl FnOnce(&mut ValueOf<C>) -> Result<T, E>,
    ) -> Option<Result<T, E>>
    where
        ValueOf<C>: Clone,
    {
        let mut changed = self.rows.row(key)?.clone();
        let outcome = change(&mut changed);
        if outcome.is_ok() {
            self.set(key.clone(), Some(changed));
        }
        Some(outcome)
    }

    /// Puts a row of the data file back.
    pub(crate) fn restore(&mut self, key: KeyOf<C>, value: ValueOf<C>) {
        self.swap(key, Some(value));
    }

    fn set(&mut self, key: KeyOf<C>, value: Option<ValueOf<C>>) {
        let before = self.swap(key.clone(), value);
        self.before.push((key, before));
    }

    /// Changes a row and the indexes with it.
    fn swap(&mut self, key: KeyOf<C>, value: Option<ValueOf<C>>) -> Option<ValueOf<C>> {
        if let Some(before) = self.rows.row(&key) {
            self.companion.remove(&key, before);
        }
        if let Some(value) = &value {
            self.companion.add(&key, value);
        }
        self.rows.set_row(key, value)
    }
}

impl<C: Companion<Rows: std::fmt::Debug> + std::fmt::Debug> std::fmt::Debug for Table<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table")
            .field("rows", &self.rows)
            .field("companion", &self.companion)
            .finish_non_exhaustive()
    }
}

impl<C: Companion> Journal for Table<C> {
    fn records(&self, records: &mut Vec<Record>) -> Result<(), DataFileError> {
        let mut seen = BTreeSet::new();
        for (key, _) in &self.before {
            if seen.insert(key) {
                records.push(self.companion.record(key, self.rows.row(key))?);
            }
        }
        Ok(())
    }

    fn commit(&mut self) {
        self.before.clear();
    }

    fn roll_back(&mut self) {
        while let Some((key, before)) = self.before.pop() {
            self.swap(key, before);
        }
    }
}

/// A value that is one record in the data file.
#[derive(Debug)]
pub(crate) struct Value<T> {
    now: T,
    /// The value that is saved.
    saved: T,
}

/// How a [`Value`] is written.
pub(crate) trait Single: Copy + PartialEq {
    fn record(&self) -> Result<Record, DataFileError>;
}

impl<T: Copy> Value<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { now: value, saved: value }
    }

    /// The value before the step.
    pub(crate) fn before(&self) -> &T {
        &self.saved
    }

    /// Takes the value that the data file has.
    pub(crate) fn restore(&mut self, value: T) {
        *self = Self::new(value);
    }
}

impl<T> Deref for Value<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.now
    }
}

impl<T> DerefMut for Value<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.now
    }
}

impl<T: Single> Journal for Value<T> {
    fn records(&self, records: &mut Vec<Record>) -> Result<(), DataFileError> {
        if self.now != self.saved {
            records.push(self.now.record()?);
        }
        Ok(())
    }

    fn commit(&mut self) {
        self.saved = self.now;
    }

    fn roll_back(&mut self) {
        self.now = self.saved;
    }
}

/// What to do when a step is saved. It is not in the data file.
#[derive(Debug)]
pub(crate) struct AfterCommit<T>(Vec<T>);

impl<T> AfterCommit<T> {
    pub(crate) fn push(&mut self, item: T) {
        self.0.push(item);
    }

    pub(crate) fn take(&mut self) -> Vec<T> {
        std::mem::take(&mut self.0)
    }
}

impl<T> Default for AfterCommit<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Journal for AfterCommit<T> {
    fn records(&self, _: &mut Vec<Record>) -> Result<(), DataFileError> {
        Ok(())
    }

    fn commit(&mut self) {}

    fn roll_back(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persistence::RecordKind;

    /// An index of words by their first letter.
    #[derive(Debug, Default)]
    struct Initials(BTreeMap<char, BTreeSet<u64>>);

    impl Companion for Initials {
        type Rows = BTreeMap<u64, String>;

        fn record(&self, key: &u64, value: Option<&String>) -> Result<Record, DataFileError> {
            Record::new(RecordKind::Item, key, value)
        }

        fn add(&mut self, key: &u64, value: &String) {
            self.0.entry(value.chars().next().unwrap_or_default()).or_default().insert(*key);
        }

        fn remove(&mut self, key: &u64, value: &String) {
            let initial = value.chars().next().unwrap_or_default();
            if let Some(keys) = self.0.get_mut(&initial) {
                keys.remove(key);
                if keys.is_empty() {
                    self.0.remove(&initial);
                }
            }
        }
    }

    fn table() -> Table<Initials> {
        let mut table = Table::new(Initials::default());
        table.put(1, "appel".into());
        table.put(2, "beuk".into());
        table.commit();
        table
    }

    fn records(journal: &impl Journal) -> Vec<(String, Option<String>)> {
        let mut records = Vec::new();
        journal.records(&mut records).expect("they can be written");
        records.into_iter().map(|record| (record.key, record.state)).collect()
    }

    fn change(table: &mut Table<Initials>) {
        table.put(3, "den".into());
        table.remove(&1);
        table.put(2, "es".into());
        table.change(&2, |word| -> Result<(), ()> {
            word.insert(0, 'l');
            Ok(())
        });
        table.put(1, "wilg".into());
        table.remove(&3);
        table.put(4, "eik".into());
    }

    #[test]
    fn what_is_taken_back_was_never_there() {
        let mut table = table();
        let before = format!("{table:?}");
        change(&mut table);
        assert_ne!(format!("{table:?}"), before);
        table.roll_back();
        assert_eq!((format!("{table:?}"), records(&table)), (before, Vec::new()));
    }

    #[test]
    fn each_row_that_changed_is_written_once_as_it_is_in_the_end() {
        let mut table = table();
        change(&mut table);
        let word = |word: &str| Some(format!("{word:?}"));
        let expected = [("3", None), ("1", word("wilg")), ("2", word("les")), ("4", word("eik"))];
        assert_eq!(records(&table), expected.map(|(key, state)| (key.to_owned(), state)));
        assert_eq!(records(&table), records(&table), "asking changes nothing");
        table.commit();
        assert_eq!(records(&table), []);
        table.roll_back();
        assert_eq!(table.rows().len(), 3, "what was committed stays");
    }

    #[test]
    fn a_change_that_is_refused_is_none() {
        let mut table = table();
        let refused = table.change(&1, |word| -> Result<(), &str> {
            word.clear();
            Err("no")
        });
        assert_eq!((refused, table.rows()[&1].as_str()), (Some(Err("no")), "appel"));
        assert_eq!(records(&table), []);
        assert!(table.change(&9, |_| Ok::<(), ()>(())).is_none());
    }
}
