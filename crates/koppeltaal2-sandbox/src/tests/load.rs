//! How fast searches are over many resources, and what they take in memory:
//! `cargo test -p koppeltaal2-sandbox --release -- --ignored --nocapture many_tasks`.

use std::time::{Duration, Instant};

use koppeltaal_r4::ReadOptions;
use serde_json::json;

use super::common::{patient, resource};
use crate::search::query::Query;
use crate::store::{Store, StoreLimits};

const TASKS: usize = 100_000;

fn resident_mib() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: usize = statm.split(' ').nth(1).and_then(|text| text.parse().ok()).unwrap_or_default();
    pages * 4 / 1024
}

#[test]
#[ignore = "takes a while"]
fn many_tasks_are_searched_in_milliseconds() {
    let store = Store::new(StoreLimits::default());
    let read = |value: serde_json::Value| {
        ReadOptions::tolerant().json(value.to_string().as_bytes()).expect("a resource").document
    };
    let before = resident_mib();
    let start = Instant::now();
    let patients: Vec<_> = (0..TASKS / 100)
        .map(|number| store.create(read(patient(&format!("P{number}"))), Some("Device/epd")).reference())
        .collect();
    for number in 0..TASKS {
        let status = ["ready", "in-progress", "completed", "draft"][number % 4];
        let task = resource(
            "Task",
            json!({"status": status, "intent": "plan",
            "identifier": [{"system": "urn:epd", "value": number.to_string()}],
            "code": {"coding": [{"system": "urn:codes", "code": "exercise"}]},
            "for": {"reference": patients[number % patients.len()], "type": "Patient"}}),
        );
        store.create(read(task), Some("Device/epd"));
    }
    let counted: usize = store.all("Task").iter().map(|version| version.bytes).sum();
    println!(
        "{:.1} µs a create, {} MiB, {} MiB by the store's own count",
        start.elapsed().as_secs_f64() * 1e6 / TASKS as f64,
        resident_mib() - before,
        counted >> 20
    );
    for search in [
        "Task?identifier=urn:epd|77777",
        "Task?patient=Patient/none",
        &format!("Task?patient={}", patients[7]),
        &format!("Task?patient={}&status=ready", patients[8]),
        "Task?patient.identifier=urn:epd|P7",
        "Task?status=ready",
        "Task?status=ready&code=exercise",
        "Task?_lastUpdated=gt2100",
        "Task",
        "Task?authored-on=2026",
        "Task?_sort=status",
    ] {
        let query = Query::parse_relative(search).expect("a search");
        let (start, mut found) = (Instant::now(), 0);
        let mut times = 0;
        while times < 20 && start.elapsed() < Duration::from_secs(2) {
            let numbers = store.find(&query);
            found = numbers.len();
            store.numbered("Task", &numbers[..found.min(20)]);
            times += 1;
        }
        println!("{:8.3} ms for {found} by {search}", start.elapsed().as_secs_f64() * 1e3 / f64::from(times));
    }
}
