//! What hostile text may cost in memory: at most 20 times its length, whatever its shape. One test, because the count is of
//! the whole process.

#![cfg(all(feature = "json", feature = "xml"))]

use koppeltaal_fhir::{Document, ReadOptions};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Bytes of text in each shape, about.
const LENGTH: usize = 1 << 20;
/// The bound: bytes of memory for each byte of text.
const BOUND: f64 = 20.0;

/// What stands in front of the repeated piece, the piece, and what stands behind.
type Shape = (&'static str, &'static str, &'static str);

const JSON: &[Shape] = &[
    ("{\"resourceType\":\"Patient\",\"contact\":[", "{},", "{}]}"),
    ("{\"resourceType\":\"Patient\",\"contact\":[", "{\"name\":{}},", "{}]}"),
    ("{\"resourceType\":\"Patient\",\"extension\":[", "{},", "{}]}"),
    ("{\"resourceType\":\"Patient\",\"contained\":[", "{\"resourceType\":\"CarePlan\"},", "{}]}"),
    ("{\"resourceType\":\"Patient\",\"name\":[{\"given\":[", "\"\",", "\"\"]}]}"),
    ("{\"resourceType\":\"Patient\",\"name\":[{\"_given\":[", "{\"id\":\"a\"},", "null]}]}"),
    ("{\"resourceType\":\"Patient\",\"whoKnows\":[", "{},", "{}]}"),
    ("{\"resourceType\":\"Patient\"", ",\"a\":1", "}"),
    ("{\"resourceType\":\"Patient\"", ",\"active\":1", "}"),
    ("{\"resourceType\":\"Bundle\",\"entry\":[", "{},", "{}]}"),
    ("{\"resourceType\":\"Bundle\",\"link\":[", "{},", "{}]}"),
    ("", "[", ""),
];

const XML: &[Shape] = &[
    ("<Patient xmlns='http://hl7.org/fhir'>", "<contact/>", "</Patient>"),
    ("<Patient xmlns='http://hl7.org/fhir'>", "<name><given/></name>", "</Patient>"),
    ("<Patient xmlns='http://hl7.org/fhir'>", "<extension/>", "</Patient>"),
    ("<Patient xmlns='http://hl7.org/fhir'>", "<contained><CarePlan/></contained>", "</Patient>"),
    ("<Patient xmlns='http://hl7.org/fhir'>", "<active id='a'/>", "</Patient>"),
    ("<Patient xmlns='http://hl7.org/fhir'>", "<a/>", "</Patient>"),
    ("<Patient xmlns='http://hl7.org/fhir'>", "x<!---->", "</Patient>"),
    ("<feed xmlns='http://www.w3.org/2005/Atom'>", "<entry/>", "</feed>"),
    ("<feed xmlns='http://www.w3.org/2005/Atom'>", "<link/>", "</feed>"),
    ("<Patient xmlns='http://hl7.org/fhir'><a", " a=''", "/></Patient>"),
    ("", "<a>", ""),
];

#[test]
fn no_shape_of_text_takes_more_than_twenty_times_its_length() {
    let read_json = |text: &[u8]| ReadOptions::tolerant().json(text).map(|read| read.document).ok();
    let read_xml = |text: &[u8]| ReadOptions::tolerant().xml(text).map(|read| read.document).ok();
    let json = JSON.iter().map(|shape| (shape, expansion(shape, read_json)));
    let xml = XML.iter().map(|shape| (shape, expansion(shape, read_xml)));
    let beyond: Vec<_> = json.chain(xml).filter(|(_, expansion)| *expansion > BOUND).collect();
    assert!(beyond.is_empty(), "{beyond:#?}");
}

/// Bytes of memory that a read takes at its peak, for each byte of text.
fn expansion((before, piece, behind): &Shape, read: impl Fn(&[u8]) -> Option<Document>) -> f64 {
    let text = format!("{before}{}{behind}", piece.repeat(LENGTH / piece.len()));
    MEMORY.reset_peak_usage();
    let before_read = MEMORY.current_usage();
    let document = read(text.as_bytes());
    let expansion = (MEMORY.peak_usage() - before_read) as f64 / text.len() as f64;
    println!("{expansion:5.1} times for {piece:?}, {}", if document.is_some() { "read" } else { "refused" });
    expansion
}
