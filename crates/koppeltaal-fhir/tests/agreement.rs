//! Reading, checking and writing say the same: what a strict read takes is clean to a check, and what is written of it in
//! either format is taken again.
#![cfg(all(feature = "json", feature = "xml"))]

use koppeltaal_fhir::{Document, Format, ReadDocument, ReadOptions, Severity};

fn strict(format: Format, text: &str) -> ReadDocument {
    ReadOptions::strict().read(format, text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The document of some valid XML, and its JSON, after they went through everything that should leave them alone.
#[track_caller]
fn agreed(xml: &str) -> (Document, String) {
    let read = strict(Format::Xml, xml);
    let errors: Vec<String> = read
        .document
        .check()
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(ToString::to_string)
        .collect();
    assert_eq!(errors, Vec::<String>::new(), "{xml}");
    let written = read.document.to_xml().expect("writable");
    assert_eq!(strict(Format::Xml, &written).document.to_xml().as_deref(), Ok(written.as_str()));
    let json = read.document.to_json().expect("writable");
    let from_json = strict(Format::Json, &json).document;
    assert_eq!(from_json.to_json().as_deref(), Ok(json.as_str()), "{json}");
    let back = from_json.to_xml().expect("writable");
    strict(Format::Xml, &back);
    (read.document, json)
}

/// The same, for XML that comes out as it went in.
#[track_caller]
fn kept(xml: &str) -> String {
    let (document, json) = agreed(xml);
    assert_eq!(document.to_xml().as_deref(), Ok(xml));
    json
}

fn refused(xml: &str) -> String {
    match ReadOptions::strict().xml(xml.as_bytes()) {
        Ok(_) => panic!("accepted: {xml}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn an_empty_element_is_there() {
    for inside in [
        "<Observation xmlns=\"http://hl7.org/fhir\"><name/><status/><reliability/></Observation>",
        "<Patient xmlns=\"http://hl7.org/fhir\"><name><given/></name><gender/><birthDate/><deceasedBoolean/></Patient>",
    ] {
        kept(inside);
    }
    let json = kept(
        "<Patient xmlns=\"http://hl7.org/fhir\"><name><given/><given value=\"Noor\"/><given/></name></Patient>",
    );
    assert!(json.contains(r#""given":["Noor"]"#), "{json}");
}

#[test]
fn an_empty_element_gives_way_to_one_with_a_value() {
    let text =
        "<Patient xmlns=\"http://hl7.org/fhir\"><birthDate/><birthDate value=\"1981-02-03\"/></Patient>";
    let read = ReadOptions::tolerant().xml(text.as_bytes()).expect("tolerated");
    assert!(read.has_errors());
    assert!(
        read.document.to_xml().expect("writable").contains("<birthDate value=\"1981-02-03\"/></Patient>")
    );
}

#[test]
fn a_binary_may_be_empty() {
    for xml in [
        "<Binary xmlns=\"http://hl7.org/fhir\" contentType=\"text/plain\"/>",
        "<Binary xmlns=\"http://hl7.org/fhir\" contentType=\"text/plain\"></Binary>",
    ] {
        let json = agreed(xml).1;
        assert!(json.contains(r#""content":"""#), "{json}");
    }
}
