//! What hostile text may cost in memory: at most 20 times its length, whatever its shape. There is one test
//! only, because the count covers the whole process.

use koppeltaal_fhir::{ReadDocument, ReadOptions};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Approximate bytes of text in each shape: small documents have the same bound.
const LENGTHS: [usize; 3] = [8 << 10, 64 << 10, 1 << 20];
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
    ("{\"a\":", "[", ""),
    ("{\"resourceType\":\"Patient\",\"a\":", "{\"a\":", ""),
    ("{\"contained\":[", "{\"a\":1,\"resourceType\":\"Z\"},", "{}],\"resourceType\":\"Patient\"}"),
    ("{\"resourceType\":\"Patient\",\"name\":[", "1,", "1]}"),
    ("{\"resourceType\":\"Patient\",\"name\":[{\"given\":[", "{},", "1]}]}"),
    ("{\"resourceType\":\"Patient\",\"name\":[{\"given\":[", "null,", "null]}]}"),
    ("{\"resourceType\":\"Patient\",\"name\":[{\"_given\":[", "null,", "{\"id\":\"a\"}]}]}"),
    ("{\"resourceType\":\"Patient\",\"identifier\":[", "{\"period\":{},\"assigner\":{}},", "{}]}"),
    ("{\"resourceType\":\"Patient\",\"extension\":[", "{\"url\":\"a\",\"valueQuantity\":{}},", "{}]}"),
    ("{\"resourceType\":\"Patient\",\"extension\":[", "{\"url\":\"a\",\"valueDate\":\"x\"},", "{}]}"),
    ("{\"resourceType\":\"Patient\",\"text\":{\"status\":\"empty\",\"div\":\"<div>", "<x/>", "</div>\"}}"),
    (
        "{\"resourceType\":\"Patient\",\"text\":{\"status\":\"empty\",\"div\":\"<div>",
        "<p id='a'/>",
        "</div>\"}}",
    ),
    ("{\"resourceType\":\"Patient\",\"text\":{\"status\":\"empty\",\"div\":\"<div>", "&nbsp;", "</div>\"}}"),
    ("{\"resourceType\":\"Patient\",\"text\":{\"status\":\"empty\",\"div\":\"<div", " a=''", "/>\"}}"),
    ("{\"resourceType\":\"Patient\",\"a\":\"", "\\u0061", "\"}"),
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
    ("<Patient xmlns='http://hl7.org/fhir'><name>", "<given/>", "</name></Patient>"),
    ("<Patient xmlns='http://hl7.org/fhir'><name>", "<given foo=''/>", "</name></Patient>"),
    ("<Patient xmlns='http://hl7.org/fhir'>", "<contained><Foo/></contained>", "</Patient>"),
    ("<Patient xmlns='http://hl7.org/fhir'>", "<identifier><period/><assigner/></identifier>", "</Patient>"),
    ("<Patient xmlns='http://hl7.org/fhir'>", "<extension><valueDate value='x'/></extension>", "</Patient>"),
    (
        "<Patient xmlns='http://hl7.org/fhir' xmlns:x='a-name-space-that-is-rather-long'>",
        "<a x:a=''/>",
        "</Patient>",
    ),
    (
        "<Patient xmlns='http://hl7.org/fhir' xmlns:x='a-name-space-that-is-rather-long'>",
        "<link x:a=''/>",
        "</Patient>",
    ),
    (
        "<Patient xmlns='http://hl7.org/fhir'><text><div xmlns='http://www.w3.org/1999/xhtml'>",
        "<p id='a'/>",
        "</div></text></Patient>",
    ),
    (
        "<Patient xmlns='a-name-space-that-is-rather-long-and-stands-around-everything-that-nobody-knows-of'>",
        "<y/>",
        "</Patient>",
    ),
    (
        "<Patient xmlns='http://hl7.org/fhir' xmlns:x='a-name-space-that-is-rather-long'><a>",
        "<x:b><c/></x:b>",
        "</a></Patient>",
    ),
    ("<Patient xmlns='http://hl7.org/fhir' xmlns:x='y'><a><x:b/><![CDATA[", "<", "]]></a></Patient>"),
    ("<Patient xmlns='http://hl7.org/fhir'>", "<contact>  </contact>", "</Patient>"),
    ("<Patient xmlns='http://hl7.org/fhir'>", "<x:a xmlns:x='a'/>", "</Patient>"),
    ("<Patient xmlns='http://hl7.org/fhir'>", "<a xmlns='&#65;'/>", "</Patient>"),
];

#[test]
fn no_shape_of_text_takes_more_than_twenty_times_its_length() {
    let read_json = |text: &[u8]| ReadOptions::tolerant().json(text).ok();
    let read_xml = |text: &[u8]| ReadOptions::tolerant().xml(text).ok();
    let mut beyond = Vec::new();
    for length in LENGTHS {
        let json = JSON.iter().map(|shape| (shape, expansion(shape, length, read_json)));
        let xml = XML.iter().map(|shape| (shape, expansion(shape, length, read_xml)));
        beyond
            .extend(json.chain(xml).filter(|(_, expansion)| *expansion > BOUND).map(|found| (length, found)));
    }
    assert!(beyond.is_empty(), "{beyond:#?}");
}

/// Bytes of memory that a read takes at its peak, for each byte of text.
fn expansion(
    (before, piece, behind): &Shape,
    length: usize,
    read: impl Fn(&[u8]) -> Option<ReadDocument>,
) -> f64 {
    let text = format!("{before}{}{behind}", piece.repeat(length / piece.len()));
    MEMORY.reset_peak_usage();
    let before_read = MEMORY.current_usage();
    let document = read(text.as_bytes());
    let expansion = (MEMORY.peak_usage() - before_read) as f64 / text.len() as f64;
    println!("{expansion:5.1} times for {piece:?}, {}", if document.is_some() { "read" } else { "refused" });
    expansion
}
