//! [`Pages`]: the results of searches that have more than one page, so that the next page fits the first
//! whatever is written meanwhile.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::store::new_id;

/// How long the next pages of a search can be asked for.
const LIFETIME: Duration = Duration::from_secs(600);
/// How many results are kept; the oldest make room.
const MOST_RESULTS: usize = 1_000;
/// How many resources they have together.
const MOST_NUMBERS: usize = 2_000_000;

/// The results of recent searches.
#[derive(Debug, Default)]
pub(crate) struct Pages(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    results: HashMap<String, Found>,
    /// The oldest first.
    order: VecDeque<String>,
    numbers: usize,
}

/// The result of a search.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) resource_type: &'static str,
    /// Who searched.
    pub(crate) client_id: String,
    /// The numbers of the resources, in the order of the search.
    pub(crate) numbers: Arc<[u64]>,
    since: Instant,
}

impl Found {
    pub(crate) fn new(resource_type: &'static str, client_id: &str, numbers: Vec<u64>) -> Self {
        Self {
            resource_type,
            client_id: client_id.to_owned(),
            numbers: numbers.into(),
            since: Instant::now(),
        }
    }
}

impl Pages {
    /// Keeps a result, and gives the name to ask for it.
    pub(crate) fn keep(&self, found: Found) -> String {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.numbers += found.numbers.len();
        let name = new_id();
        kept.order.push_back(name.clone());
        kept.results.insert(name.clone(), found);
        // The newest one stays, however large it is.
        while kept.order.len() > 1
            && (kept.order.len() > MOST_RESULTS || kept.numbers > MOST_NUMBERS || kept.is_oldest_over())
        {
            kept.forget_oldest();
        }
        name
    }

    /// The result with a name, if it is not forgotten.
    pub(crate) fn get(&self, name: &str) -> Option<Found> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.results.get(name).filter(|found| found.since.elapsed() < LIFETIME).cloned()
    }
}

impl Kept {
    fn is_oldest_over(&self) -> bool {
        let oldest = self.order.front().and_then(|name| self.results.get(name));
        oldest.is_some_and(|found| found.since.elapsed() >= LIFETIME)
    }

    fn forget_oldest(&mut self) {
        let oldest = self.order.pop_front().and_then(|name| self.results.remove(&name));
        self.numbers -= oldest.map_or(0, |found| found.numbers.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_results_make_room() {
        let pages = Pages::default();
        let first = pages.keep(Found::new("Task", "a", vec![1, 2]));
        assert_eq!(pages.get(&first).map(|found| found.numbers.to_vec()), Some(vec![1, 2]));
        let many = pages.keep(Found::new("Task", "a", vec![0; MOST_NUMBERS]));
        assert!(pages.get(&first).is_none() && pages.get(&many).is_some());
        for _ in 0..MOST_RESULTS {
            pages.keep(Found::new("Task", "a", vec![1]));
        }
        assert!(pages.get(&many).is_none());
        assert_eq!(pages.0.lock().expect("no panic").numbers, MOST_RESULTS);
    }
}
