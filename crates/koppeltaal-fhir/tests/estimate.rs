//! A read estimates how much memory its content takes. This compares the estimate with what is allocated.
//! There is one test only, because the count covers the whole process.

use std::fs;
use std::path::Path;

use koppeltaal_fhir::{Format, Limits, ReadOptions};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// How many of each are kept at a time.
const COPIES: usize = 50;

#[test]
fn the_memory_that_a_read_tells_of_is_what_its_content_takes() {
    let messages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/messages");
    let mut texts: Vec<(String, Format, Vec<u8>)> = fs::read_dir(messages)
        .expect("fixtures")
        .filter_map(|file| {
            let path = file.expect("a fixture").path();
            let format = match path.extension()?.to_str()? {
                "json" => Format::Json,
                "xml" => Format::Xml,
                _ => return None,
            };
            Some((path.file_name()?.to_str()?.to_owned(), format, fs::read(&path).expect("text")))
        })
        .collect();
    assert!(texts.len() > 10);
    // Structures with little text in them.
    let json = format!("{{\"resourceType\":\"Patient\",\"contact\":[{}{{}}]}}", "{},".repeat(100));
    texts.push(("contacts in JSON".to_owned(), Format::Json, json.into_bytes()));
    let xml = format!("<Patient xmlns=\"http://hl7.org/fhir\">{}</Patient>", "<contact/>".repeat(100));
    texts.push(("contacts in XML".to_owned(), Format::Xml, xml.into_bytes()));

    let limits = Limits { expansion: usize::MAX, ..Limits::default() };
    let (mut all_told, mut all_taken) = (0, 0);
    for (name, format, text) in texts {
        let read = || ReadOptions::tolerant().limits(limits).read(format, &text).expect("content");
        let told = read().memory();
        let before = MEMORY.current_usage();
        let kept: Vec<_> = (0..COPIES).map(|_| read().document).collect();
        let taken = (MEMORY.current_usage() - before) / COPIES;
        drop(kept);
        let ratio = told as f64 / taken as f64;
        assert!((0.6..3.0).contains(&ratio), "{name}: told {told}, taken {taken}");
        (all_told, all_taken) = (all_told + told, all_taken + taken);
    }
    println!("told {all_told}, taken {all_taken}");
}
