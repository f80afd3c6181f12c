//! Reading, checking and writing agree: a document that a strict read accepts has no findings in a check, and
//! a strict read accepts it again after it was written in either format.

use koppeltaal_fhir::{Document, Format, ReadDocument, ReadOptions, Severity};

fn strict(format: Format, text: &str) -> ReadDocument {
    ReadOptions::strict().read(format, text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Reads valid XML, and checks that it is clean and that both formats write and read it without a change.
/// Returns the document and its JSON.
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
#[cfg(feature = "all-resources")]
fn an_empty_element_of_a_mandatory_list_is_there_in_json_too() {
    let json = kept(
        "<Composition xmlns=\"http://hl7.org/fhir\"><date value=\"2014\"/><type/><status value=\"final\"/>\
         <confidentiality/><subject/><author/><attester><mode/></attester></Composition>",
    );
    assert!(json.contains(r#""_mode":[{}]"#), "{json}");
}

#[test]
fn line_ends_in_a_narrative_stay_white_space_when_it_is_written_anew() {
    let table = "<table><tbody>&#32;\r\n<tr><td p:schemaLocation=\"a b\">1</td></tr></tbody></table>";
    let xml = format!(
        "<Patient xmlns=\"http://hl7.org/fhir\" xmlns:p=\"http://www.w3.org/2001/XMLSchema-instance\"><text>\
         <status value=\"generated\"/><div xmlns=\"http://www.w3.org/1999/xhtml\">{table}</div></text></Patient>"
    );
    agreed(&xml);
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

const FEED: &str = "<feed xmlns=\"http://www.w3.org/2005/Atom\">";

/// A feed with one entry, whose title is between its id and a resource.
fn feed(of_feed: &str, of_entry: &str) -> String {
    format!(
        "{FEED}<title>Lijst</title><id>urn:x:1</id><updated>2016-05-06T07:08:09Z</updated>{of_feed}<entry>{of_entry}\
         <content type=\"text/xml\"><Patient xmlns=\"http://hl7.org/fhir\"><active value=\"true\"/></Patient></content></entry></feed>"
    )
}

const DIV: &str = "<div xmlns=\"http://www.w3.org/1999/xhtml\">Sam <b>B</b></div>";

#[test]
fn what_atom_allows_and_no_field_holds_is_kept_and_no_finding() {
    for of_entry in [
        "<title type=\"html\">&lt;b&gt;Sam&lt;/b&gt;</title>",
        "<title xml:lang=\"nl\" type=\"text\">Sam</title>",
        &format!("<title type=\"xhtml\">{DIV}</title>"),
        "<title/>",
        "<id xml:base=\"http://example.org/\">Patient/1</id>",
        "<updated xml:lang=\"\">2016-05-06T07:08:09Z</updated>",
        "<published xml:base=\"a\">2016-05-06T07:08:09+02:00</published>",
        "<link rel=\"self\" href=\"http://example.org/1\" type=\"text/xml\" title=\"Zelf\" hreflang=\"nl\" length=\"12\" xml:lang=\"nl\"/>",
        "<link href=\"http://example.org/1\">hier</link>",
        "<category term=\"a\" scheme=\"b\" xml:lang=\"nl\"/>",
        "<author><name/></author>",
        "<author xml:base=\"http://example.org/\"><name>Kim</name><uri xml:lang=\"nl\">kim</uri></author>",
    ] {
        let xml = feed("", of_entry);
        kept(&xml);
        let findings = strict(Format::Xml, &xml).findings;
        assert!(findings.iter().all(|finding| finding.severity < Severity::Error), "{findings:?}");
    }
    kept(&format!(
        "<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"nl\">{}",
        &feed("", "")[FEED.len()..]
    ));
}

#[test]
fn a_summary_of_any_type_is_read_and_kept() {
    for (summary, div) in [
        ("<summary type=\"text\">Kort &amp; goed</summary>", ">Kort &amp; goed</div>"),
        ("<summary>Kort</summary>", ">Kort</div>"),
        ("<summary type=\"html\">&lt;p&gt;Kort&lt;/p&gt;</summary>", ">&lt;p&gt;Kort&lt;/p&gt;</div>"),
        (
            "<summary type=\"xhtml\" xml:lang=\"nl\"><div xmlns=\"http://www.w3.org/1999/xhtml\">Kort</div></summary>",
            ">Kort</div>",
        ),
        ("<summary>zo <p xmlns=\"http://www.w3.org/1999/xhtml\">Kort</p></summary>", ">zo Kort</div>"),
        ("<summary/>", ""),
    ] {
        let xml = feed("", "").replace("</content></entry>", &format!("</content>{summary}</entry>"));
        let json = kept(&xml);
        let document = strict(Format::Json, &json).document;
        let entry = &document.as_bundle().expect("a bundle").entry[0];
        assert!(entry.summary.as_str().ends_with(div), "{summary}: {:?}", entry.summary);
        assert_eq!(document.to_xml().as_deref(), Ok(xml.as_str()), "{json}");
    }
}

#[test]
fn the_text_of_a_title_is_read_whatever_its_type() {
    for (title, text) in [
        (format!("<title type=\"xhtml\">{DIV}</title>"), "Sam B"),
        ("<title type=\"html\">&lt;b&gt;Sam&lt;/b&gt;</title>".to_owned(), "<b>Sam</b>"),
    ] {
        let xml = feed("", &title);
        let mut document = strict(Format::Json, &kept(&xml)).document;
        assert_eq!(document.to_xml().as_deref(), Ok(xml.as_str()));
        // The application's change wins over the form in which the title was read.
        let Document::Bundle(bundle) = &mut document else { panic!("a bundle") };
        assert_eq!(bundle.entry[0].title.as_str(), Some(text));
        bundle.entry[0].title = "Robin".into();
        assert!(document.to_xml().expect("writable").contains("<title>Robin</title><content"));
    }
}

#[test]
fn a_repeated_element_is_kept_after_the_first() {
    for (first, more) in [
        ("<title>Een</title>", "<title>Twee</title>"),
        ("<id>urn:x:2</id>", "<id>urn:x:3</id>"),
        ("<updated>2016-05-06T07:08:09Z</updated>", "<updated>2017-05-06T07:08:09Z</updated>"),
    ] {
        let xml = feed("", &format!("{first}{more}"));
        let (document, json) = agreed(&xml);
        let written = feed("", first).replace("</content></entry>", &format!("</content>{more}</entry>"));
        assert_eq!(document.to_xml().as_deref(), Ok(written.as_str()));
        assert_eq!(strict(Format::Json, &json).document.to_xml().as_deref(), Ok(written.as_str()));
    }
    let score = "<score xmlns=\"http://a9.com/-/opensearch/extensions/relevance/1.0/\">0.5</score>";
    let xml = feed(score, "");
    assert_eq!(strict(Format::Json, &kept(&xml)).document.to_xml().as_deref(), Ok(xml.as_str()));
    let second = "<content type=\"text/xml\"><Patient xmlns=\"http://hl7.org/fhir\"/></content>";
    let xml = feed("", "").replace("</content></entry>", &format!("</content>{second}</entry>"));
    let json = kept(&xml);
    assert_eq!(json.matches("\"content\"").count(), 1, "{json}");
    assert_eq!(strict(Format::Json, &json).document.to_xml().as_deref(), Ok(xml.as_str()));
}

#[test]
fn a_content_keeps_its_attributes_the_text_beside_its_resource_and_a_feed() {
    let patient = "<Patient xmlns=\"http://hl7.org/fhir\"><active value=\"true\"/></Patient>";
    for content in [
        format!("<content type=\"text/xml\" xml:lang=\"nl\">{patient}</content>"),
        format!("<content type=\"text/xml\">voor &amp;{patient}na</content>"),
        format!(
            "<content type=\"text/xml\">{FEED}<title>Binnen</title><id/><updated>2016-05-06T07:08:09Z</updated></feed></content>"
        ),
    ] {
        let xml = format!(
            "{FEED}<title>t</title><id>urn:x:1</id><updated>2016-05-06T07:08:09Z</updated><entry>{content}</entry></feed>"
        );
        let json = kept(&xml);
        assert_eq!(strict(Format::Json, &json).document.to_xml().as_deref(), Ok(xml.as_str()), "{json}");
    }
}

#[test]
fn what_atom_does_not_allow_is_refused_and_found_by_a_check() {
    let content = |content: &str| format!("{FEED}<entry>{content}</entry></feed>");
    for xml in [
        feed("", "<title type=\"HTML\">x</title>"),
        feed("", "<title foo=\"a\">x</title>"),
        feed("", "<title><title/></title>"),
        feed("", "<title xml:lang=\"veel_te_lang\">x</title>"),
        feed("", "<title><ul xmlns=\"http://www.w3.org/1999/xhtml\"/></title>"),
        feed("", "<link rel=\"self\"/>"),
        feed("", "<link href=\"a\" length=\"0\"/>"),
        feed("", "<link href=\"a\" hreflang=\"n l\"/>"),
        feed("", "<link href=\"a\" foo=\"b\"/>"),
        feed("", "<category term=\"a\" scheme=\"b\">x</category>"),
        feed("", "<author><name xml:lang=\"nl\">x</name></author>"),
        feed("", "<score xmlns=\"http://a9.com/-/opensearch/extensions/relevance/1.0/\">0.5</score>"),
        feed("<score xmlns=\"http://a9.com/-/opensearch/extensions/relevance/1.0/\">1e3</score>", ""),
        feed("<totalResults xmlns=\"http://a9.com/-/spec/opensearch/1.1/\" xml:lang=\"nl\">1</totalResults>", ""),
        feed("<Signature/>", ""),
        content("<content/>"),
        content("<content>text</content>"),
        content("<content src=\"a\"><Patient xmlns=\"http://hl7.org/fhir\"/></content>"),
        content("<content><feed><title foo=\"a\"/></feed></content>"),
        "<Patient xmlns=\"http://hl7.org/fhir\"><contained scheme=\"a\"><Device><type/></Device></contained></Patient>".to_owned(),
        "<Patient xmlns=\"http://hl7.org/fhir\"><extension url=\"\"/></Patient>".to_owned(),
    ] {
        refused(&xml);
    }
    let blank = format!("{FEED}&#32;<title/><![CDATA[ ]]></feed>");
    strict(Format::Xml, &blank);
}

#[test]
fn a_tombstone_is_checked_in_json_too() {
    let good = r#"{"resourceType":"Bundle","entry":[{"id":"http://example.org/Patient/1","deleted":"2016-05-06T07:08:09Z","link":[{"rel":"self","href":"http://example.org/Patient/1/_history/2"}]}]}"#;
    let xml = strict(Format::Json, good).document.to_xml().expect("writable");
    strict(Format::Xml, &xml);
    for (good_part, bad_part) in [
        ("\"id\":\"http://example.org/Patient/1\",", ""),
        (",\"link\":[{\"rel\":\"self\",\"href\":\"http://example.org/Patient/1/_history/2\"}]", ""),
        ("\"rel\":\"self\"", "\"rel\":\"next\""),
        ("\"deleted\"", "\"author\":[{\"name\":\"Kim\"}],\"deleted\""),
    ] {
        let bad = good.replace(good_part, bad_part);
        assert!(ReadOptions::strict().json(bad.as_bytes()).is_err(), "{bad}");
        let read = ReadOptions::tolerant().json(bad.as_bytes()).expect("tolerated");
        assert!(read.document.check().iter().any(|finding| finding.severity == Severity::Error), "{bad}");
    }
}

#[test]
fn what_json_says_of_atom_cannot_bring_in_anything_else() {
    let forged = |part: &str| {
        let part = part.replace('"', "\\\"");
        format!(r#"{{"resourceType":"Bundle","_atom":["{part}"],"entry":[{{"id":"urn:x:1"}}]}}"#)
    };
    strict(Format::Json, &forged("+<title>nog een</title>"));
    for part in [
        "+<entry><id>urn:x:2</id></entry>",
        "+<title>a</title><entry/>",
        "+<title>a",
        "=<title a:b=\"c\"/>",
        "+<link href=\"a\"/>",
        "+<?xml version=\"1.0\"?><title/>",
        "@onclick=a",
        "@xml:lang=veel_te_lang",
        "#text",
        "<title/>",
        "",
    ] {
        let json = forged(part);
        assert!(ReadOptions::strict().json(json.as_bytes()).is_err(), "{json}");
        let read = ReadOptions::tolerant().json(json.as_bytes()).expect("tolerated");
        let xml = read.document.to_xml().expect("writable");
        assert!(!xml.contains("<entry><id>urn:x:2"), "{xml}");
        assert_eq!(read.document.to_json().as_deref(), Ok(json.as_str()));
    }
}
