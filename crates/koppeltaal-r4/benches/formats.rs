//! How fast reading and writing R4 are, as ratios to `serde_json` in the same run. Absolute times depend on
//! the machine and are printed for scale only.
//!
//! A search result of Tasks and Patients, of 15 KB and of a megabyte. The two sides of a ratio take turns, so
//! that a busy moment of the machine hits both. Each ratio compares the medians.

use std::hint::black_box;
use std::time::{Duration, Instant};

use koppeltaal_r4::resources::{Bundle, BundleEntry, BundleType, Patient, Task};
use koppeltaal_r4::{ReadOptions, Resource};

const PATIENT: &str = include_str!("../../../fixtures/r4/patient.json");
const TASK: &str = include_str!("../../../fixtures/r4/task.json");

fn main() {
    println!("{:34} {:>12} {:>12} {:>7} {:>7}", "", "ours", "floor", "ratio", "target");
    bench("small", &bundle(15 << 10));
    bench("1 MB", &bundle(1 << 20));
}

fn read(text: &str) -> Resource {
    ReadOptions::tolerant().json(text.as_bytes()).expect("JSON").document
}

/// A search result of about so many bytes.
fn bundle(bytes: usize) -> Resource {
    let patient: Patient = read(PATIENT).take().expect("a patient");
    let mut task: Task = read(TASK).take().expect("a task");
    // What is unknown is a finding, and findings are not measured here.
    task.unknown.extract(|_| true);
    let entry = |resource: Resource| BundleEntry { resource: Some(resource), ..BundleEntry::default() };
    let pair = [entry(patient.into()), entry(task.into())];
    let once = Resource::from(Bundle { entry: pair.to_vec(), ..Bundle::default() });
    let size = once.to_json().expect("writable").len();
    let entry = pair.iter().cloned().cycle().take(2 * bytes / size).collect();
    Bundle { r#type: BundleType::Searchset.into(), entry, ..Bundle::default() }.into()
}

fn bench(name: &str, resource: &Resource) {
    let json = resource.to_json().expect("writable");
    let xml = resource.to_xml().expect("writable");
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    println!("{name}: {} bytes of JSON, {} bytes of XML", json.len(), xml.len());
    compare(
        "JSON parse / serde_json Value",
        0.6,
        || drop(black_box(read(&json))),
        || drop(black_box(serde_json::from_slice::<serde_json::Value>(json.as_bytes()))),
    );
    compare(
        "JSON write / serde_json to_vec",
        0.95,
        || drop(black_box(resource.to_json())),
        || drop(black_box(serde_json::to_vec(&value))),
    );
    compare(
        "XML parse / serde_json Value",
        1.2,
        || drop(black_box(ReadOptions::tolerant().xml(xml.as_bytes()))),
        || drop(black_box(serde_json::from_slice::<serde_json::Value>(json.as_bytes()))),
    );
    compare(
        "XML write / serde_json to_vec",
        1.0,
        || drop(black_box(resource.to_xml())),
        || drop(black_box(serde_json::to_vec(&value))),
    );
}

/// Prints the medians of both sides, and their ratio.
fn compare(name: &str, target: f64, mut ours: impl FnMut(), mut floor: impl FnMut()) {
    let mut times = [Vec::new(), Vec::new()];
    let end = Instant::now() + Duration::from_secs(2);
    while times[0].len() < 10 || Instant::now() < end {
        times[0].push(time(&mut ours));
        times[1].push(time(&mut floor));
    }
    let [ours, floor] = times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64() * 1e6
    });
    let ratio = ours / floor;
    let verdict = if ratio > target { "  over" } else { "" };
    println!("  {name:32} {ours:9.1} us {floor:9.1} us {ratio:7.2} {target:7}{verdict}");
}

fn time(run: &mut impl FnMut()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}
