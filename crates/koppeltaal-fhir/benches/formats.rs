//! How fast reading and writing are, as ratios to a floor measured in the same run: `serde_json::Value` for
//! JSON, a bare quick-xml event loop for XML. Absolute times depend on the machine and are printed for scale
//! only.
//!
//! Two bundles: a full care plan message with its resources, and a megabyte of such resources. The two sides
//! of a ratio take turns, so that a busy moment of the machine hits both. Each ratio compares the medians.

use std::hint::black_box;
use std::time::{Duration, Instant};

use koppeltaal_fhir::{Document, ReadOptions};
use quick_xml::events::Event;

/// The message that both bundles are made of.
const MESSAGE: &str = include_str!("../../../fixtures/messages/CreateOrUpdateCarePlan-full.json");

fn main() {
    println!("{:34} {:>12} {:>12} {:>7} {:>7}", "", "ours", "floor", "ratio", "target");
    let message = read_json(MESSAGE.as_bytes());
    bench("small", &small(&message));
    bench("1 MB", &large(&message));
}

fn read_json(text: &[u8]) -> Document {
    ReadOptions::tolerant().json(text).expect("the fixture is JSON").document
}

/// About 15 KB with five resources.
fn small(message: &Document) -> Document {
    let mut bundle = message.as_bundle().expect("a bundle").clone();
    bundle.entry.truncate(5);
    bundle.into()
}

/// About 1 MB of JSON.
fn large(message: &Document) -> Document {
    let mut bundle = message.as_bundle().expect("a bundle").clone();
    let once = bundle.entry.clone();
    let size = message.to_json().expect("writable").len();
    for _ in 1..(1 << 20) / size {
        bundle.entry.extend(once.iter().cloned());
    }
    bundle.into()
}

fn bench(name: &str, document: &Document) {
    let json = document.to_json().expect("writable");
    let xml = document.to_xml_pretty().expect("writable");
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    println!("{name}: {} bytes of JSON, {} bytes of XML", json.len(), xml.len());

    compare(
        "JSON parse / serde_json Value",
        0.8,
        || drop(black_box(read_json(json.as_bytes()))),
        || {
            drop(black_box(serde_json::from_slice::<serde_json::Value>(json.as_bytes())));
        },
    );
    compare(
        "JSON write / serde_json to_vec",
        1.0,
        || drop(black_box(document.to_json())),
        || {
            drop(black_box(serde_json::to_vec(&value)));
        },
    );
    compare(
        "XML parse / quick-xml event scan",
        2.5,
        || drop(black_box(ReadOptions::tolerant().xml(xml.as_bytes()))),
        || {
            scan(&xml);
        },
    );
    compare(
        "XML write / quick-xml event copy",
        1.5,
        || drop(black_box(document.to_xml())),
        || {
            drop(black_box(copy(&xml)));
        },
    );
    // The two texts differ only in the place of that one member.
    let [first, last] = [Place::First, Place::Last].map(|place| with_resource_type(&value, place));
    compare(
        "resourceType last / first",
        1.3,
        || drop(black_box(read_json(last.as_bytes()))),
        || {
            drop(black_box(read_json(first.as_bytes())));
        },
    );
}

/// Every event once, nothing else.
fn scan(xml: &str) {
    let mut reader = quick_xml::Reader::from_str(xml);
    loop {
        match reader.read_event().expect("well-formed") {
            Event::Eof => break,
            event => drop(black_box(event)),
        }
    }
}

/// Every event read and written again.
fn copy(xml: &str) -> Vec<u8> {
    let mut reader = quick_xml::Reader::from_str(xml);
    let mut writer = quick_xml::Writer::new(Vec::new());
    loop {
        match reader.read_event().expect("well-formed") {
            Event::Eof => return writer.into_inner(),
            event => writer.write_event(event).expect("memory takes it"),
        }
    }
}

/// Where `resourceType` stands in its object.
#[derive(Clone, Copy)]
enum Place {
    First,
    Last,
}

/// The value as text, with each `resourceType` at a place of its object and the other members in one order.
fn with_resource_type(value: &serde_json::Value, place: Place) -> String {
    match value {
        serde_json::Value::Object(members) => {
            let is_type = |name: &&String| name.as_str() == "resourceType";
            let others = members.keys().filter(|name| !is_type(name));
            let resource_type = members.keys().filter(is_type);
            let ordered: Vec<&String> = match place {
                Place::First => resource_type.chain(others).collect(),
                Place::Last => others.chain(resource_type).collect(),
            };
            let member = |name: &String| {
                let name_text = serde_json::Value::from(name.as_str());
                format!("{name_text}:{}", with_resource_type(&members[name], place))
            };
            let text: Vec<String> = ordered.into_iter().map(member).collect();
            format!("{{{}}}", text.join(","))
        }
        serde_json::Value::Array(items) => {
            let text: Vec<String> = items.iter().map(|item| with_resource_type(item, place)).collect();
            format!("[{}]", text.join(","))
        }
        other => other.to_string(),
    }
}

/// Prints the ratio of the median times of two actions that take turns.
fn compare(name: &str, target: f64, mut ours: impl FnMut(), mut floor: impl FnMut()) {
    let (mut our_times, mut floor_times) = (Vec::new(), Vec::new());
    let end = Instant::now() + Duration::from_secs(4);
    // A turn is long enough to hide the cost of the clock and what the other side left in the allocator.
    let repeats = (Duration::from_millis(20).as_nanos() / time(1, &mut floor).as_nanos().max(1))
        .clamp(1, 10_000) as u32;
    while Instant::now() < end || our_times.len() < 10 {
        our_times.push(time(repeats, &mut ours));
        floor_times.push(time(repeats, &mut floor));
    }
    let (ours, floor) = (median(&mut our_times), median(&mut floor_times));
    let ratio = ours.as_secs_f64() / floor.as_secs_f64();
    let mark = if ratio <= target { "" } else { "  over" };
    println!("  {name:32} {:>12} {:>12} {ratio:>7.2} {target:>7.1}{mark}", micros(ours), micros(floor));
}

fn time(repeats: u32, action: &mut impl FnMut()) -> Duration {
    let start = Instant::now();
    for _ in 0..repeats {
        action();
    }
    start.elapsed() / repeats
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn micros(time: Duration) -> String {
    format!("{:.1} us", time.as_secs_f64() * 1e6)
}
