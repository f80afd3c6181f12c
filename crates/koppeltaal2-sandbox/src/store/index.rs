//! [`Index`]: which resources of a type stand under a key of a search parameter, in the order of their
//! changes.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use crate::moment::Moment;
use crate::search::values::Values;

/// A resource as it stands in an index: the moment of its last change, which no other resource has, and its
/// number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) moment: Moment,
    pub(crate) number: u64,
}

impl Place {
    /// The places of a stretch of time.
    pub(crate) fn range(time: &Range<Moment>) -> Range<Self> {
        Self { moment: time.start, number: 0 }..Self { moment: time.end.max(time.start), number: 0 }
    }
}

/// The resources of a type by the keys of their values.
#[derive(Debug, Default)]
pub(crate) struct Index {
    postings: HashMap<(usize, Box<str>), Posting>,
}

/// The resources under one key. Most keys are those of one resource.
#[derive(Debug)]
enum Posting {
    One(Place),
    Many(BTreeSet<Place>),
}

impl Posting {
    fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(places) => places.len(),
        }
    }

    fn contains(&self, place: Place) -> bool {
        match self {
            Self::One(own) => *own == place,
            Self::Many(places) => places.contains(&place),
        }
    }

    fn insert(&mut self, place: Place) {
        match self {
            Self::One(own) if *own == place => {}
            Self::One(own) => *self = Self::Many([*own, place].into()),
            Self::Many(places) => {
                places.insert(place);
            }
        }
    }
}

impl Index {
    pub(crate) fn insert(&mut self, values: &Values, place: Place) {
        values.keys(|parameter, key| {
            self.postings
                .entry((parameter, key))
                .and_modify(|posting| posting.insert(place))
                .or_insert(Posting::One(place));
        });
    }

    pub(crate) fn remove(&mut self, values: &Values, place: Place) {
        values.keys(|parameter, key| {
            let key = (parameter, key);
            let is_empty = match self.postings.get_mut(&key) {
                Some(Posting::Many(places)) => {
                    places.remove(&place);
                    places.is_empty()
                }
                Some(Posting::One(own)) => *own == place,
                None => false,
            };
            if is_empty {
                self.postings.remove(&key);
            }
        });
    }

    /// The resources under any of several keys of a parameter.
    pub(crate) fn under(&self, parameter: usize, keys: Vec<Box<str>>) -> Under<'_> {
        Under(keys.into_iter().filter_map(|key| self.postings.get(&(parameter, key))).collect())
    }
}

/// The resources under any of several keys.
#[derive(Debug)]
pub(crate) struct Under<'a>(Vec<&'a Posting>);

impl Under<'_> {
    /// How many there are, at most.
    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(|posting| posting.len()).sum()
    }

    pub(crate) fn contains(&self, place: Place) -> bool {
        self.0.iter().any(|posting| posting.contains(place))
    }

    /// Those that changed within a time, the newest first, each once.
    pub(crate) fn newest_first(&self, time: &Range<Moment>) -> Vec<Place> {
        let mut found = Vec::new();
        for posting in &self.0 {
            match posting {
                Posting::One(place) => found.extend(time.contains(&place.moment).then_some(*place)),
                Posting::Many(places) => found.extend(places.range(Place::range(time)).rev()),
            }
        }
        if self.0.len() > 1 {
            found.sort_unstable_by(|first, second| second.cmp(first));
            found.dedup();
        }
        found
    }
}
