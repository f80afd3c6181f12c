//! Markup that JSON carries as text is checked like XML. Everything written as XML is well-formed, as an
//! independent parser confirms.

use koppeltaal_fhir::resources::Patient;
use koppeltaal_fhir::{Document, Format, ReadError, ReadOptions, Rule, WriteError, Xhtml};

fn read(format: Format, text: &str) -> Document {
    ReadOptions::tolerant().read(format, text.as_bytes()).expect("readable").document
}

/// A patient whose narrative is `div`, as JSON.
fn patient(div: &str) -> String {
    let div =
        div.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\u{1A}', "\\u001a");
    format!(r#"{{"resourceType":"Patient","text":{{"status":"generated","div":"{div}"}}}}"#)
}

/// What is written as XML, which another parser reads.
fn written(document: &Document) -> Result<String, WriteError> {
    for xml in [document.to_xml()?, document.to_xml_pretty()?] {
        roxmltree::Document::parse(&xml).unwrap_or_else(|error| panic!("{error}: {xml}"));
    }
    document.to_xml()
}

/// Narratives that are not XML, in the ways that senders and attackers find.
const ILL_FORMED: [&str; 11] = [
    "<div>Om 3 uur\u{1A} gebeld</div>",
    "<div>\u{FFFF}</div>",
    "<div><7a>x</7a></div>",
    "<div><span lang='nl' lang='en'>x</span></div>",
    "<div><w:sdt>Brief</w:sdt></div>",
    "<div w:rsid='00A1'>Brief</div>",
    "<div xmlns:w=''>Brief</div>",
    "<div xmlns:xml='urn:x'>Brief</div>",
    "<div>Vis & friet</div>",
    "<div>eerst<br>dan</div>",
    "<div><?xml version='1.0'?>x</div>",
];

#[test]
fn a_narrative_in_json_that_is_no_xml_is_a_finding_with_its_place() {
    for div in ILL_FORMED {
        let json = patient(div);
        let read = ReadOptions::tolerant().json(json.as_bytes()).expect("kept");
        let finding = &read.findings[0];
        assert_eq!((finding.rule, &*finding.path), (Rule::NARRATIVE, "text.div"), "{div}");
        assert_eq!(finding.position.map(|position| position.column), Some(55), "{div}");
        let error = ReadOptions::strict().json(json.as_bytes()).expect_err("refused");
        assert!(matches!(error, ReadError::Invalid(finding) if finding.rule == Rule::NARRATIVE), "{div}");
        let checked = read.document.check();
        assert_eq!(
            (checked[0].rule, &*checked[0].path, &checked[0].found),
            (finding.rule, &*finding.path, &finding.found)
        );
        assert_eq!(read.document.to_json(), Ok(json));
        let error = read.document.to_xml().expect_err("not as XML");
        assert!(matches!(&error, WriteError::Narrative { path, .. } if path == "text.div"), "{error}");
    }
}

#[test]
fn a_narrative_that_is_xml_goes_through_both_formats_as_it_is() {
    for div in [
        "<div xmlns=\"http://www.w3.org/1999/xhtml\"><!-- Bos & Zn --><p>x</p></div>",
        "<div xmlns=\"http://www.w3.org/1999/xhtml\"><p><![CDATA[1 < 2 & 3 &nbsp; 4]]></p></div>",
        "<div xmlns=\"http://www.w3.org/1999/xhtml\"><?merk a & b?>x</div>",
        "<div xmlns=\"http://www.w3.org/1999/xhtml\" xml:lang=\"nl\">&#233;&amp;\n</div>",
    ] {
        let json = patient(div);
        let document = read(Format::Json, &json);
        let xml = written(&document).expect("XML");
        assert!(xml.contains(div), "{xml}");
        assert_eq!(read(Format::Xml, &xml).to_json(), Ok(json));
    }
}

#[test]
fn named_characters_are_resolved_where_they_are_references() {
    let json = patient("<div>a&nbsp;b<!-- &nbsp; --><![CDATA[&nbsp;]]></div>");
    let xml = written(&read(Format::Json, &json)).expect("XML");
    assert!(xml.contains(">a\u{A0}b<!-- &nbsp; --><![CDATA[&nbsp;]]></div>"), "{xml}");
}

#[test]
fn summaries_and_signatures_are_checked_as_well() {
    let summary = r#"{"resourceType":"Bundle","entry":[{"summary":"<div><x:b/></div>"}]}"#;
    let read_json = |json: &str| ReadOptions::tolerant().json(json.as_bytes()).expect("kept");
    let read = read_json(summary);
    assert_eq!(read.findings[0].path, "entry[0].summary");
    assert_eq!(read.document.check()[0].path, "entry[0].summary");
    assert!(
        matches!(read.document.to_xml(), Err(WriteError::Narrative { path, .. }) if path == "entry[0].summary")
    );
    for inside in ["<3/>", "\\u0002", "<a:b/>", "<b c='' c=''/>", "<b>"] {
        let json = format!(
            r#"{{"resourceType":"Bundle","signature":"<Signature xmlns='http://www.w3.org/2000/09/xmldsig#'>{inside}</Signature>"}}"#
        );
        let read = read_json(&json);
        assert_eq!((read.findings[0].rule, &*read.findings[0].path), (Rule::BUNDLE, "signature"), "{inside}");
        assert_eq!(
            (read.document.check()[0].rule, &*read.document.check()[0].path),
            (Rule::BUNDLE, "signature")
        );
        assert!(ReadOptions::strict().json(json.as_bytes()).is_err());
        assert!(matches!(read.document.to_xml(), Err(WriteError::Signature { .. })), "{inside}");
    }
    let good = r#"{"resourceType":"Bundle","signature":"<Signature xmlns='http://www.w3.org/2000/09/xmldsig#'><b>&lt;</b></Signature>"}"#;
    assert!(ReadOptions::strict().json(good.as_bytes()).is_ok());
    assert!(written(&read_json(good).document).is_ok());
}

#[test]
fn unknown_members_become_well_formed_elements_whatever_they_are_called() {
    for members in [
        r#""a":{"url":"b","url":"c"}"#,
        r#""a":{"id":"b","id":"c","id":3}"#,
        r#""a":{"xmlns":"http://www.w3.org/2000/xmlns/"}"#,
        r#""a":{"xmlns":"http://www.w3.org/XML/1998/namespace","b":1}"#,
        r#""a":{"xmlns":"","b":1}"#,
        r#""a b":1,"<a>":2,"":3,"1a":4,"x:y":5,"xmlns":6,"xml":7"#,
        r#""a":[[[{"b":[null,[1]]}]]],"é":"ü""#,
        r#""a":"a","a":{},"a":null,"a":[]"#,
    ] {
        let json = format!(r#"{{"resourceType":"Patient",{members}}}"#);
        let document = read(Format::Json, &json);
        let xml = written(&document).expect("writable");
        assert_eq!(written(&read(Format::Xml, &xml)).as_deref(), Ok(&*xml));
    }
    let json = read(Format::Json, r#"{"resourceType":"Patient","a":{"b":"\u0003"}}"#);
    assert!(matches!(json.to_xml(), Err(WriteError::Character { character: '\u{3}', .. })));
}

#[test]
fn an_unknown_attribute_that_an_application_moved_cannot_break_a_tag() {
    let xml = r#"<feed xmlns="http://www.w3.org/2005/Atom"><link rel="self" href="urn:a" id="x"/></feed>"#;
    let feed = read(Format::Xml, xml).into_bundle().expect("a feed");
    let patient =
        Patient { id: Some("p".into()), unknown: feed.link[0].unknown.clone(), ..Patient::default() };
    let error = Document::from(patient).to_xml().expect_err("twice the same attribute");
    assert!(
        matches!(&error, WriteError::Attribute { problem, .. } if problem.contains("`id` twice")),
        "{error}"
    );
}

#[test]
fn the_prefix_of_a_tombstone_gives_way_to_one_that_is_there() {
    let xml = r#"<feed xmlns="http://www.w3.org/2005/Atom"><d:deleted-entry xmlns:d="http://purl.org/atompub/tombstones/1.0" xmlns:at="urn:x" at:by="b" ref="urn:a" when="2015-01-01T00:00:00Z"><d:link rel="self" href="urn:a"/></d:deleted-entry></feed>"#;
    let once = written(&read(Format::Xml, xml)).expect("writable");
    assert!(once.contains(r#"xmlns:at="urn:x" at:by="b""#), "{once}");
    assert_eq!(written(&read(Format::Xml, &once)).as_deref(), Ok(&*once));
}

#[test]
fn a_narrative_that_an_application_made_is_checked_and_written_well_formed_or_not_at_all() {
    for div in ILL_FORMED {
        let mut patient = Patient::default();
        patient.text.get_or_insert_default().div = Xhtml::from_markup(div);
        let document = Document::from(patient);
        assert!(document.check().iter().any(|finding| finding.rule == Rule::NARRATIVE), "{div}");
        assert!(matches!(document.to_xml(), Err(WriteError::Narrative { .. })), "{div}");
    }
    // `from_text` takes anything that XML can hold.
    let mut patient = Patient::default();
    patient.text.get_or_insert_default().div = Xhtml::from_text("<b> & \"]]>\"");
    written(&Document::from(patient.clone())).expect("escaped");
    patient.text.get_or_insert_default().div = Xhtml::from_text("\u{4}");
    assert!(matches!(Document::from(patient).to_xml(), Err(WriteError::Narrative { .. })));
}

#[test]
fn html_in_a_narrative_is_repaired_when_that_is_asked_for() {
    let json = patient("<DIV>Gesproken met Noor & Tom<br>Vervolg: <b>week 12</DIV>");
    let repairing = ReadOptions::tolerant().repair_narrative(true);
    let read = repairing.json(json.as_bytes()).expect("kept");
    let found: Vec<&str> = read.findings.iter().map(|finding| finding.found.as_str()).collect();
    assert_eq!(
        found,
        [
            "names in upper case",
            "elements such as <br>",
            "elements that were left open",
            "the characters themselves, or named ones"
        ]
    );
    for finding in &read.findings {
        assert_eq!((finding.rule, &*finding.path), (Rule::NARRATIVE_REPAIRED, "text.div"));
    }
    assert!(!read.has_errors());
    assert!(read.document.check().is_empty());
    let xml = written(&read.document).expect("writable now");
    assert!(xml.contains(">Gesproken met Noor &amp; Tom<br/>Vervolg: <b>week 12</b></div>"), "{xml}");
    // Without the option it stays, and so does a narrative that is XML.
    assert_eq!(read_json(&json).document.to_json(), Ok(json));
    let script = patient("<div><script>x</script></div>");
    let read = repairing.json(script.as_bytes()).expect("kept");
    assert_eq!(read.findings[0].rule, Rule::NARRATIVE);
    assert_eq!(read.document.to_json(), Ok(script));
}

#[test]
fn what_cannot_be_repaired_stays_with_its_finding() {
    let deep = format!("<div>{}", "<b>".repeat(200));
    let json = patient(&deep);
    let read = ReadOptions::tolerant().repair_narrative(true).json(json.as_bytes());
    match read {
        Ok(read) => {
            assert_eq!(read.findings[0].rule, Rule::NARRATIVE);
            assert_eq!(read.document.to_json(), Ok(json));
        }
        Err(error) => assert!(matches!(error, ReadError::Limit { .. }), "{error}"),
    }
}

fn read_json(json: &str) -> koppeltaal_fhir::ReadDocument {
    ReadOptions::tolerant().json(json.as_bytes()).expect("kept")
}
