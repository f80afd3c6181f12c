//! [`Table`]: the resources of one type, with their versions and their index, and how a query finds them.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use crate::moment::Moment;
use crate::search::query::{Criterion, Query, Sort, Test, Wanted};
use crate::search::span::{Prefix, Span};
use crate::search::values::{Value, Values};
use crate::store::index::{Index, Place};
use crate::store::version::{Entry, Lookup, Version};

/// The resources of one type.
#[derive(Debug, Default)]
pub(crate) struct Table {
    numbers: HashMap<Arc<str>, u64>,
    /// By number. A number is never used again.
    records: HashMap<u64, Vec<Entry>>,
    next: u64,
    /// The resources that are not deleted.
    order: BTreeSet<Place>,
    index: Index,
}

impl Table {
    /// How many resources there are, deleted ones included.
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    pub(crate) fn lookup(&self, id: &str) -> Lookup {
        match self.history(id).last() {
            Some(Entry::Live(version)) => Lookup::Found(Arc::clone(version)),
            Some(Entry::Deleted { .. }) => Lookup::Gone,
            None => Lookup::Unknown,
        }
    }

    /// All versions of a resource, the oldest first; none of an unknown one.
    pub(crate) fn history(&self, id: &str) -> &[Entry] {
        let entries = self.numbers.get(id).and_then(|number| self.records.get(number));
        entries.map_or(&[], Vec::as_slice)
    }

    /// The resources that are not deleted, the oldest change first.
    pub(crate) fn live(&self) -> impl Iterator<Item = &Arc<Version>> {
        self.order.iter().filter_map(|place| self.current(place.number))
    }

    /// The resource with a number, unless it is deleted.
    pub(crate) fn current(&self, number: u64) -> Option<&Arc<Version>> {
        match self.records.get(&number)?.last()? {
            Entry::Live(version) => Some(version),
            Entry::Deleted { .. } => None,
        }
    }

    /// Adds a version of a resource, or of a new one.
    pub(crate) fn put(&mut self, version: Arc<Version>) {
        let number = self.numbers.get(&version.id).copied().unwrap_or_else(|| {
            self.next += 1;
            self.numbers.insert(Arc::clone(&version.id), self.next);
            self.next
        });
        self.leave_index(number);
        let place = Place { moment: version.last_updated, number };
        self.index.insert(&Values::of(&version.resource), place);
        self.order.insert(place);
        self.records.entry(number).or_default().push(Entry::Live(version));
    }

    /// Marks a resource as deleted.
    pub(crate) fn delete(&mut self, id: &str, last_updated: Moment) {
        let Some(number) = self.numbers.get(id).copied() else { return };
        self.leave_index(number);
        if let Some(entries) = self.records.get_mut(&number) {
            let version = entries.last().map_or(1, |entry| entry.version() + 1);
            entries.push(Entry::Deleted { version, last_updated });
        }
    }

    /// Forgets the resource whose last change is the oldest, with all of its versions, which it returns.
    pub(crate) fn forget_oldest(&mut self) -> Vec<Entry> {
        let Some(Place { number, .. }) = self.order.first().copied() else { return Vec::new() };
        if let Some(version) = self.current(number).map(Arc::clone) {
            self.numbers.remove(&version.id);
        }
        self.leave_index(number);
        self.records.remove(&number).unwrap_or_default()
    }

    fn leave_index(&mut self, number: u64) {
        let Some(version) = self.current(number).map(Arc::clone) else { return };
        let place = Place { moment: version.last_updated, number };
        self.index.remove(&Values::of(&version.resource), place);
        self.order.remove(&place);
    }

    /// The numbers of the resources that meet a query, in its order. `chained` gives the keys of a criterion
    /// about other resources.
    pub(crate) fn find(
        &self,
        query: &Query,
        chained: &dyn Fn(&Criterion) -> Option<Vec<Box<str>>>,
    ) -> Vec<u64> {
        let mut found = self.meeting(query.criteria.iter(), chained);
        if !query.sort.is_empty() {
            self.sort(&mut found, &query.sort);
        }
        found.into_iter().map(|place| place.number).collect()
    }

    /// The resources that meet criteria which are not about other resources.
    pub(crate) fn find_chained(&self, criteria: &[Criterion]) -> Vec<&Arc<Version>> {
        let found = self.meeting(criteria.iter(), &|_| None);
        found.iter().filter_map(|place| self.current(place.number)).collect()
    }

    /// The resources that meet all criteria, the newest first.
    fn meeting<'a>(
        &self,
        criteria: impl Iterator<Item = &'a Criterion>,
        chained: &dyn Fn(&Criterion) -> Option<Vec<Box<str>>>,
    ) -> Vec<Place> {
        let mut time = Moment::MIN..Moment::MAX;
        let (mut under, mut rest) = (Vec::new(), Vec::new());
        for criterion in criteria {
            if let Some(window) = window(criterion) {
                time = time.start.max(window.start)..time.end.min(window.end);
            } else if let Some(keys) = criterion.keys().or_else(|| chained(criterion)) {
                under.push(self.index.under(criterion.place, keys));
            } else {
                rest.push(criterion);
            }
        }
        let fewest = under.iter().enumerate().min_by_key(|(_, under)| under.len()).map(|(index, _)| index);
        let mut found = match fewest {
            Some(fewest) => under.swap_remove(fewest).newest_first(&time),
            None => self.order.range(Place::range(&time)).rev().copied().collect(),
        };
        found.retain(|place| {
            under.iter().all(|under| under.contains(*place)) && (rest.is_empty() || self.meets(&rest, *place))
        });
        found
    }

    fn meets(&self, criteria: &[&Criterion], place: Place) -> bool {
        let Some(version) = self.current(place.number) else { return false };
        let is_asked = |place| criteria.iter().any(|criterion| criterion.place == place);
        let values = Values::of_some(&version.resource, is_asked);
        // Criteria about other resources are not among these.
        criteria.iter().all(|criterion| criterion.matches(&values, &|_| None))
    }

    fn sort(&self, found: &mut [Place], sort: &[Sort]) {
        found.sort_by_cached_key(|place| {
            let version = self.current(place.number);
            let is_asked = |place| sort.iter().any(|sort| sort.place == place);
            let values =
                version.map(|version| Values::of_some(&version.resource, is_asked)).unwrap_or_default();
            let key = |sort: &Sort| SortKey { value: values.at(sort.place).next().cloned(), sort: *sort };
            sort.iter().map(key).collect::<Vec<_>>()
        });
    }
}

/// The time that a criterion of `_lastUpdated` allows, if it is one stretch.
fn window(criterion: &Criterion) -> Option<Range<Moment>> {
    let Test::Any(wanted) = &criterion.test else { return None };
    let ("_lastUpdated", [Wanted::Date(prefix, wanted)]) = (criterion.parameter.name, &wanted[..]) else {
        return None;
    };
    let Span { start, end } = *wanted;
    // A version's time is one microsecond, which is never partly inside.
    match prefix {
        Prefix::Eq | Prefix::Ap => Some(start..end),
        Prefix::Gt | Prefix::Sa => Some(end..Moment::MAX),
        Prefix::Ge => Some(start..Moment::MAX),
        Prefix::Lt | Prefix::Eb => Some(Moment::MIN..start),
        Prefix::Le => Some(Moment::MIN..end),
        Prefix::Ne => None,
    }
}

/// A value that resources are sorted by. Those without one come last.
#[derive(PartialEq)]
struct SortKey {
    value: Option<Value>,
    sort: Sort,
}

impl Eq for SortKey {}

impl Ord for SortKey {
    fn cmp(&self, other: &Self) -> Ordering {
        let (first, second) = match (&self.value, &other.value) {
            (Some(first), Some(second)) => (first, second),
            (first, second) => return second.is_some().cmp(&first.is_some()),
        };
        let order = match (first, second) {
            (Value::Date(first), Value::Date(second)) => {
                (first.start, first.end).cmp(&(second.start, second.end))
            }
            (first, second) => first.text().cmp(second.text()),
        };
        if self.sort.descending { order.reverse() } else { order }
    }
}

impl PartialOrd for SortKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
