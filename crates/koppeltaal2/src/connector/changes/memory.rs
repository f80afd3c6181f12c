//! [`Memory`]: the cursor of a change feed, and which versions near it were handed out.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use koppeltaal_r4::Primitive;
use koppeltaal_r4::primitives::Instant;

use crate::connector::changes::position::Position;
use crate::connector::stored::StoredResource;
use crate::profile::Profile;

/// How many versions are remembered. Beyond it the oldest are forgotten; they may then be handed out twice,
/// but nothing is lost.
const CAPACITY: usize = 100_000;

/// A point in time: the time since 1970.
type Moment = Duration;

/// What a change feed remembers.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// The cursor: what was written before it was handed out, but for the overlap.
    since: Option<Moment>,
    /// The latest version of each resource near the cursor that was handed out.
    seen: HashMap<String, (String, Moment)>,
    by_time: BTreeSet<(Moment, String)>,
    /// The cursor at the start of the search, the highest time of what was handed out in it, the time that
    /// came last, and whether the pages came in order so far.
    start: Option<Moment>,
    highest: Option<Moment>,
    latest: Option<Moment>,
    is_in_order: bool,
}

impl Memory {
    /// The memory at a position.
    pub(crate) fn at(position: &Position) -> Self {
        let since = position.since.as_deref().and_then(parse);
        let mut memory = Self { since, ..Self::default() };
        for (id, version, time) in position.seen.iter().take(CAPACITY) {
            if let Some(time) = parse(time) {
                memory.remember(id, version, time);
            }
        }
        memory
    }

    /// The position, to continue after what was noted.
    pub(crate) fn position(&self) -> Position {
        let text = |moment: Moment| Instant::from_unix(moment).to_string();
        let seen = self.by_time.iter().filter_map(|(time, id)| {
            let (version, _) = self.seen.get(id)?;
            Some((id.clone(), version.clone(), text(*time)))
        });
        Position { since: self.since.map(text), seen: seen.collect() }
    }

    /// From which time on to search: the cursor less the overlap, since a write can become visible after one
    /// with a later time.
    pub(crate) fn from(&self, overlap: Duration) -> Option<Instant> {
        self.since.map(|since| Instant::from_unix(since.saturating_sub(overlap)))
    }

    /// A search begins.
    pub(crate) fn begin(&mut self) {
        self.start = self.since;
        self.highest = self.since;
        self.latest = None;
        self.is_in_order = true;
    }

    /// A page came. If the server does not sort, everything since the start of the search may still come,
    /// until it is over: then the cursor stays there.
    pub(crate) fn page<'a, P: Profile>(&mut self, page: impl IntoIterator<Item = &'a StoredResource<P>>) {
        for time in page.into_iter().filter_map(|stored| moment(stored.last_updated.as_ref())) {
            if self.latest.is_some_and(|latest| time < latest) {
                self.is_in_order = false;
                self.since = self.start;
            }
            self.latest = Some(time);
        }
    }

    /// Whether the version was not handed out before, and is neither older than one that was nor older than
    /// what was asked for.
    pub(crate) fn is_new<P: Profile>(&self, stored: &StoredResource<P>, overlap: Duration) -> bool {
        let asked = self.start.map(|start| start.saturating_sub(overlap));
        if let (Some(asked), Some(time)) = (asked, moment(stored.last_updated.as_ref()))
            && to_millisecond(time) < to_millisecond(asked)
        {
            return false;
        }
        match self.seen.get(&stored.id) {
            None => true,
            Some((seen, _)) => is_newer(&stored.version, seen),
        }
    }

    /// The version is handed out, or left out for good.
    pub(crate) fn note<P: Profile>(&mut self, stored: &StoredResource<P>, overlap: Duration) {
        let time = moment(stored.last_updated.as_ref());
        self.remember(&stored.id, &stored.version, time.or(self.highest).unwrap_or_default());
        let Some(time) = time else { return };
        self.highest = self.highest.max(Some(time));
        if self.is_in_order {
            self.advance(overlap);
        }
    }

    /// The search is over.
    pub(crate) fn end(&mut self, overlap: Duration) {
        self.advance(overlap);
    }

    /// Moves the cursor and forgets what no search will find again.
    fn advance(&mut self, overlap: Duration) {
        self.since = self.since.max(self.highest);
        let Some(from) = self.since.map(|since| since.saturating_sub(overlap)) else { return };
        while let Some((time, id)) = self.by_time.first()
            && to_millisecond(*time) < to_millisecond(from)
        {
            self.seen.remove(id);
            self.by_time.pop_first();
        }
    }

    fn remember(&mut self, id: &str, version: &str, time: Moment) {
        if let Some((_, before)) = self.seen.insert(id.to_owned(), (version.to_owned(), time)) {
            self.by_time.remove(&(before, id.to_owned()));
        }
        self.by_time.insert((time, id.to_owned()));
        if self.by_time.len() > CAPACITY
            && let Some((_, oldest)) = self.by_time.pop_first()
        {
            self.seen.remove(&oldest);
        }
    }
}

/// Whether a version comes after another one. Versions are numbers at every server that is known; others are
/// newer if they differ.
fn is_newer(version: &str, than: &str) -> bool {
    match (version.parse::<u64>(), than.parse::<u64>()) {
        (Ok(version), Ok(than)) => version > than,
        _ => version != than,
    }
}

/// Searches are made to the millisecond.
fn to_millisecond(moment: Moment) -> u128 {
    moment.as_millis()
}

fn moment(instant: Option<&Instant>) -> Option<Moment> {
    let instant = instant?;
    Some(Duration::new(u64::try_from(instant.unix_seconds()?).ok()?, instant.nanosecond()))
}

fn parse(text: &str) -> Option<Moment> {
    let instant: Primitive<Instant> = text.parse().ok()?;
    moment(instant.get())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::profiles::Task;

    const OVERLAP: Duration = Duration::from_secs(10);

    fn stored(id: &str, version: &str, seconds: u64) -> StoredResource<Task> {
        let mut fhir = koppeltaal_r4::resources::Task { id: id.into(), ..Default::default() };
        let meta = fhir.meta.get_or_insert_default();
        meta.version_id = version.into();
        meta.last_updated = Instant::from_unix(Duration::from_secs(1_000_000 + seconds)).into();
        StoredResource::read(fhir, None, "request").expect("a task")
    }

    fn take(memory: &mut Memory, stored: &StoredResource<Task>) -> bool {
        let is_new = memory.is_new(stored, OVERLAP);
        if is_new {
            memory.note(stored, OVERLAP);
        }
        is_new
    }

    #[test]
    fn a_version_is_handed_out_once_and_not_after_a_later_one() {
        let mut memory = Memory::default();
        memory.begin();
        assert!(take(&mut memory, &stored("1", "2", 5)));
        assert!(!take(&mut memory, &stored("1", "2", 5)));
        assert!(!take(&mut memory, &stored("1", "1", 4)), "a page that is older");
        assert!(take(&mut memory, &stored("1", "10", 6)), "10 comes after 2");
    }

    #[test]
    fn the_cursor_follows_the_changes_and_looks_back_by_the_overlap() {
        let mut memory = Memory::default();
        assert_eq!(memory.from(OVERLAP), None);
        memory.begin();
        take(&mut memory, &stored("1", "1", 20));
        take(&mut memory, &stored("2", "1", 40));
        assert_eq!(memory.from(OVERLAP), Some(Instant::from_unix(Duration::from_secs(1_000_030))));
        memory.end(OVERLAP);
        assert_eq!(memory.seen.len(), 1, "what no search finds again is forgotten");
        memory.begin();
        assert!(take(&mut memory, &stored("3", "1", 35)), "it became visible late");
        assert!(!take(&mut memory, &stored("1", "1", 20)), "a server that ignores the time");
    }

    #[test]
    fn a_server_that_does_not_sort_loses_nothing_in_a_restart() {
        let mut memory = Memory::default();
        memory.begin();
        memory.page([&stored("1", "1", 100), &stored("2", "1", 50), &stored("3", "1", 10)]);
        take(&mut memory, &stored("1", "1", 100));
        take(&mut memory, &stored("2", "1", 50));
        let mut again = Memory::at(&memory.position());
        assert_eq!(again.from(OVERLAP), None, "the search was not over");
        again.begin();
        assert!(take(&mut again, &stored("3", "1", 10)));
        memory.end(OVERLAP);
        assert_eq!(memory.from(OVERLAP), Some(Instant::from_unix(Duration::from_secs(1_000_090))));
    }

    #[test]
    fn a_position_survives_a_restart() {
        let mut memory = Memory::default();
        memory.begin();
        for number in 0..30 {
            take(&mut memory, &stored(&number.to_string(), "1", number));
        }
        let text = memory.position().to_string();
        let mut again = Memory::at(&text.parse().expect("a position"));
        assert_eq!(again.position(), memory.position());
        again.begin();
        for number in 19..30 {
            assert!(!take(&mut again, &stored(&number.to_string(), "1", number)), "{number}");
        }
        assert!(take(&mut again, &stored("29", "2", 31)));
        for text in ["", "7", "{\"since\":\"yesterday\"}", "{\"seen\":[[\"1\",\"1\"]]}"] {
            assert!(text.parse::<Position>().is_err(), "{text}");
        }
    }

    /// What happens at a server and to a feed.
    #[derive(Debug, Clone)]
    enum Step {
        /// A resource is written. It becomes visible with a time that lies this far back.
        Write { id: u8, late: u64 },
        /// The feed searches and takes this many changes; then the process is killed, or not.
        Search { takes: usize, is_killed: bool, is_sorted: bool },
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..6_u8, 0..10_u64).prop_map(|(id, late)| Step::Write { id, late }),
            (0..8_usize, any::<bool>(), prop::bool::weighted(0.8))
                .prop_map(|(takes, is_killed, is_sorted)| Step::Search { takes, is_killed, is_sorted }),
        ]
    }

    /// Searches a server and takes some of the changes; each is noted by id and version.
    fn search(
        memory: &mut Memory,
        server: &HashMap<u8, StoredResource<Task>>,
        takes: usize,
        is_sorted: bool,
        taken: &mut Vec<(String, String)>,
    ) {
        memory.begin();
        let from = moment(memory.from(OVERLAP).as_ref());
        let time = |stored: &StoredResource<Task>| moment(stored.last_updated.as_ref());
        let mut found: Vec<_> =
            server.values().filter(|stored| from.is_none_or(|from| time(stored) >= Some(from))).collect();
        found.sort_by_key(|stored| (time(stored), stored.id.clone()));
        if !is_sorted && found.len() > 2 {
            found.swap(0, 1);
        }
        memory.page(found.iter().copied());
        let is_all = takes >= found.len();
        for stored in found.into_iter().take(takes) {
            if take(memory, stored) {
                taken.push((stored.id.clone(), stored.version.clone()));
            }
        }
        if is_all {
            memory.end(OVERLAP);
        }
    }

    proptest! {
        #[test]
        fn every_last_version_comes_and_none_comes_twice_whatever_happens(
            steps in prop::collection::vec(step(), 0..60),
        ) {
            let (mut memory, mut server, mut taken) = (Memory::default(), HashMap::new(), Vec::new());
            let mut was_unsorted = false;
            for (clock, step) in (100_u64..).step_by(3).zip(&steps) {
                match *step {
                    Step::Write { id, late } => {
                        let version = server.get(&id).map_or(1, |stored: &StoredResource<Task>| stored.version.parse::<u32>().expect("a number") + 1);
                        server.insert(id, stored(&id.to_string(), &version.to_string(), clock - late));
                    }
                    Step::Search { takes, is_killed, is_sorted } => {
                        was_unsorted |= !is_sorted;
                        search(&mut memory, &server, takes, is_sorted, &mut taken);
                        if is_killed {
                            memory = Memory::at(&memory.position().to_string().parse().expect("a position"));
                        }
                    }
                }
            }
            search(&mut memory, &server, usize::MAX, true, &mut taken);
            for stored in server.values() {
                let last = taken.iter().rfind(|(id, _)| *id == stored.id);
                prop_assert_eq!(last.map(|(_, version)| version), Some(&stored.version), "{}", stored.id);
            }
            let different: std::collections::HashSet<_> = taken.iter().collect();
            prop_assert!(was_unsorted || different.len() == taken.len(), "{taken:?}");
        }
    }

    #[test]
    fn the_memory_is_bounded() {
        let mut memory = Memory::default();
        memory.begin();
        for number in 0..=CAPACITY {
            memory.remember(&number.to_string(), "1", Duration::from_secs(number as u64));
        }
        assert_eq!((memory.seen.len(), memory.by_time.len()), (CAPACITY, CAPACITY));
    }
}
