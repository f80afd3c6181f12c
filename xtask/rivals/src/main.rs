//! Reads and writes one document with one library, in JSON and XML, and has the clock. `serde_json::Value`
//! takes turns with it, so that a busy moment of the machine hits both. Run by `cargo xtask interop
//! r4-rivals` as
//!
//!     rivals DOCUMENT.json DOCUMENT.xml
//!
//! Prints for each task its name, the medians of the library and of the floor in microseconds, and in the end
//! the JSON that the library writes; or why it cannot.

use std::hint::black_box;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

// The library is a feature; without one it is serde_json itself.
#[cfg_attr(feature = "fhir", path = "fhir.rs")]
#[cfg_attr(feature = "fhir-sdk", path = "fhir_sdk.rs")]
#[cfg_attr(feature = "fhirbolt", path = "fhirbolt.rs")]
#[cfg_attr(feature = "koppeltaal-r4", path = "koppeltaal_r4.rs")]
mod library;

/// How long a task is repeated.
const TIME: Duration = Duration::from_secs(2);

fn main() {
    let [json, xml] = [1, 2].map(|index| {
        let path = std::env::args().nth(index).expect("the arguments are DOCUMENT.json DOCUMENT.xml");
        std::fs::read_to_string(path).expect("a file of text")
    });
    let value: Value = serde_json::from_str(&json).expect("JSON");
    let parse = || drop(black_box(serde_json::from_str::<Value>(&json)));
    let write = || drop(black_box(serde_json::to_string(&value)));

    let mut said = json!({});
    match library::from_json(&json) {
        Err(error) => said["JSON"] = json!(error),
        Ok(document) => {
            said["JSON parse"] = compare(|| drop(black_box(library::from_json(&json))), parse);
            match library::to_json(&document) {
                Err(error) => said["JSON"] = json!(error),
                Ok(text) => {
                    said["JSON write"] = compare(|| drop(black_box(library::to_json(&document))), write);
                    said["written"] = json!(text);
                }
            }
        }
    }
    match library::from_xml(&xml) {
        Err(error) => said["XML"] = json!(error),
        Ok(document) => {
            said["XML parse"] = compare(|| drop(black_box(library::from_xml(&xml))), parse);
            match library::to_xml(&document) {
                Err(error) => said["XML"] = json!(error),
                Ok(_) => said["XML write"] = compare(|| drop(black_box(library::to_xml(&document))), write),
            }
        }
    }
    println!("{said}");
}

/// The medians of both sides.
fn compare(mut library: impl FnMut(), mut floor: impl FnMut()) -> Value {
    let mut times = [Vec::new(), Vec::new()];
    let end = Instant::now() + TIME;
    while times[0].len() < 10 || Instant::now() < end {
        times[0].push(time(&mut library));
        times[1].push(time(&mut floor));
    }
    json!(times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64() * 1e6
    }))
}

fn time(run: &mut impl FnMut()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}
