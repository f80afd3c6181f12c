//! The store: what the index finds is what a look at every resource finds, whatever was written before.

use koppeltaal_r4::{ReadOptions, Resource};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn resource(value: &Value) -> Resource {
    ReadOptions::tolerant().json(value.to_string().as_bytes()).expect("a resource").document
}

fn search(store: &Store, text: &str) -> Vec<Arc<Version>> {
    let query = Query::parse_relative(text).expect("a search");
    store.numbered(query.resource_type, &store.find(&query))
}

fn store() -> Store {
    let store = Store::new(StoreLimits::default());
    for (id, family) in [("a", "Jansen"), ("b", "Smit")] {
        let patient = json!({"resourceType": "Patient", "name": [{"family": family}], "active": id == "a"});
        store.create_with_id(id, resource(&patient), Some("Device/epd"));
    }
    store
}

/// A write: which of a few tasks, and what it is like then. Without a status it is deleted.
type Step = (u8, Option<(usize, usize, usize, usize)>);

const STATUSES: [&str; 3] = ["ready", "draft", "completed"];
const PATIENTS: [Option<&str>; 3] = [None, Some("Patient/a"), Some("Patient/b")];
const CODES: [&[(&str, &str)]; 4] = [&[], &[("urn:a", "x")], &[("urn:a", "y"), ("urn:b", "x")], &[("", "x")]];
const TIMES: [Option<&str>; 3] = [None, Some("2026-03-30"), Some("2026-04-01T10:00:00Z")];

const CRITERIA: [&str; 30] = [
    "status=ready",
    "status=ready,draft",
    "status:not=ready",
    "status=http://hl7.org/fhir/task-status|draft",
    "status=|draft",
    "patient=a",
    "patient=Patient/b",
    "patient=a,b",
    "patient:missing=true",
    "patient:missing=false",
    "patient.name=jan",
    "patient.active=false",
    "patient.active=true,false",
    "patient.name:missing=true",
    "subject=Patient/a",
    "subject:Patient=a",
    "code=x",
    "code=urn:a|x",
    "code=urn:a|",
    "code=|x",
    "code:not=x",
    "code=x,y",
    "authored-on=2026-03",
    "authored-on=gt2026-03-30",
    "authored-on=le2026-03-30",
    "authored-on=ne2026-04-01",
    "_id=t1,t2",
    "_id=t9",
    "_lastUpdated=gt2020",
    "_lastUpdated=lt2020",
];

fn task((status, patient, code, time): (usize, usize, usize, usize)) -> Resource {
    let coding: Vec<_> =
        CODES[code]
            .iter()
            .map(|(system, code)| {
                if system.is_empty() {
                    json!({"code": code})
                } else {
                    json!({"system": system, "code": code})
                }
            })
            .collect();
    let mut task = json!({"resourceType": "Task", "status": STATUSES[status], "intent": "plan"});
    if let Some(patient) = PATIENTS[patient] {
        task["for"] = json!({"reference": patient});
    }
    if let Some(time) = TIMES[time] {
        task["authoredOn"] = json!(time);
    }
    if !coding.is_empty() {
        task["code"] = json!({"coding": coding});
    }
    resource(&task)
}

fn step() -> impl Strategy<Value = Step> {
    (0..6_u8, prop::option::weighted(0.85, (0..3_usize, 0..3_usize, 0..4_usize, 0..3_usize)))
}

proptest! {
    #[test]
    fn the_index_finds_what_a_look_at_everything_finds(
        steps in prop::collection::vec(step(), 0..40),
        criteria in prop::collection::vec(prop::sample::select(&CRITERIA[..]), 0..4),
    ) {
        let store = store();
        for (id, content) in steps {
            let id = format!("t{id}");
            match content {
                Some(content) => {
                    store.create_with_id(&id, task(content), Some("Device/epd"));
                }
                None => {
                    let _ = store.delete("Task", &id, None);
                }
            }
        }
        let query = Query::parse_relative(&format!("Task?{}", criteria.join("&"))).expect("a search");
        let found: Vec<_> =
            store.numbered("Task", &store.find(&query)).iter().map(|version| version.id.clone()).collect();
        let mut expected = store.all("Task");
        expected.retain(|version| store.matches(&query, version));
        expected.reverse();
        let expected: Vec<_> = expected.iter().map(|version| version.id.clone()).collect();
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn no_two_versions_are_written_at_the_same_time() {
    let store = store();
    let writes = |_| {
        let store = store.clone();
        std::thread::spawn(move || {
            for _ in 0..200 {
                store.create_with_id("t", task((0, 0, 0, 0)), None);
            }
        })
    };
    let threads: Vec<_> = (0..4).map(writes).collect();
    for thread in threads {
        thread.join().expect("no panic");
    }
    let history = store.history("Task", "t");
    let times: Vec<_> = history
        .iter()
        .map(|entry| match entry {
            Entry::Live(version) => (version.version, version.last_updated),
            Entry::Deleted { .. } => panic!("nobody deletes"),
        })
        .collect();
    assert_eq!(times.len(), 800);
    assert!(times.windows(2).all(|pair| pair[0].0 == pair[1].0 + 1 && pair[0].1 > pair[1].1));
}

#[test]
fn time_goes_on_when_the_clock_of_the_machine_goes_back() {
    let store = store();
    let future = "2100-01-01T00:00:00Z";
    let moment = crate::search::span::Span::parse(future).expect("a date").start;
    store.write_tables().last = moment;
    let first = store.create(task((0, 0, 0, 0)), None);
    let second = store.create(task((0, 0, 0, 0)), None);
    assert_eq!(first.last_updated.to_string(), "2100-01-01T00:00:00.000001Z");
    assert!(second.last_updated > first.last_updated);
}

#[test]
fn a_deleted_resource_comes_back_with_a_new_version() {
    let store = store();
    store.create_with_id("t", task((0, 0, 0, 0)), None);
    store.delete("Task", "t", None).expect("nobody refers to it");
    assert!(matches!(store.read("Task", "t"), Lookup::Gone));
    assert_eq!(store.create_with_id("t", task((1, 0, 0, 0)), None).version, 3);
    assert_eq!(search(&store, "Task?status=draft").len(), 1);
    assert_eq!(search(&store, "Task?status=ready").len(), 0);
}

#[test]
fn the_memory_of_audit_events_is_bounded() {
    let limits = StoreLimits { audit_bytes: 100_000, ..StoreLimits::default() };
    let store = Store::new(limits);
    let event = resource(&json!({"resourceType": "AuditEvent", "outcomeDesc": "x".repeat(1_000)}));
    for _ in 0..200 {
        store.create(event.clone(), None);
    }
    let kept = store.all("AuditEvent");
    assert!(kept.len() < 100, "{}", kept.len());
    assert!(kept.iter().map(|version| version.bytes).sum::<usize>() <= limits.audit_bytes);
}

#[test]
fn a_type_that_is_not_served_is_not_kept() {
    let store = store();
    let stored = store.create(resource(&json!({"resourceType": "Bundle", "type": "collection"})), None);
    assert!(matches!(store.read("Bundle", &stored.id), Lookup::Unknown));
}
