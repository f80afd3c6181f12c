//! JSON of another shape than the type demands: reported, kept once as it came, and never made into something
//! else.

use koppeltaal_fhir::resources::{Organization, Patient};
use koppeltaal_fhir::{ReadDocument, ReadOptions, Rule, Severity};

fn read(json: &str) -> ReadDocument {
    ReadOptions::tolerant().json(json.as_bytes()).expect("JSON")
}

/// The findings as `rule path`.
fn findings(read: &ReadDocument) -> Vec<String> {
    read.findings.iter().map(|finding| format!("{} {}", finding.rule, finding.path)).collect()
}

/// What is read is written back as it came, and in XML there is one element of each name.
fn is_kept(json: &str, element: &str) {
    let document = read(json).document;
    assert_eq!(document.to_json().as_deref(), Ok(json));
    let xml = document.to_xml().expect("writable");
    assert_eq!(xml.matches(&format!("<{element}")).count(), 1, "{xml}");
}

#[test]
fn a_value_of_another_kind_is_kept_once_as_it_came() {
    for (json, element) in [
        (r#"{"resourceType":"Organization","type":"praktijk"}"#, "type"),
        (r#"{"resourceType":"Organization","type":[{"text":"praktijk"}]}"#, "type"),
        (r#"{"resourceType":"Organization","location":5}"#, "location"),
        (r#"{"resourceType":"Organization","name":["Polder"]}"#, "name"),
        (r#"{"resourceType":"Organization","name":{"text":"Polder"}}"#, "name"),
        (r#"{"resourceType":"Observation","valueQuantity":"5"}"#, "valueQuantity"),
        (r#"{"resourceType":"Observation","valueCodeableConcept":true}"#, "valueCodeableConcept"),
        (r#"{"resourceType":"Patient","text":"gaat goed"}"#, "text"),
        (
            r#"{"resourceType":"Patient","extension":[{"url":"urn:x","valueIdentifier":"7"}]}"#,
            "valueIdentifier",
        ),
        (r#"{"resourceType":"Bundle","entry":[{"content":"leeg"}]}"#, "content"),
    ] {
        let read = read(json);
        assert!(read.findings.iter().any(|finding| finding.rule == Rule::JSON_TYPE), "{json}");
        is_kept(json, element);
    }
}

#[test]
fn a_structure_that_was_not_read_is_not_there() {
    let read = read(r#"{"resourceType":"Organization","type":"praktijk"}"#);
    let organization = read.document.get::<Organization>().expect("one");
    assert!(organization.r#type.is_none());
    assert_eq!(findings(&read), ["json-type type"]);
}

#[test]
fn items_that_do_not_fit_their_list_are_kept_beside_it() {
    for (json, written) in [
        (
            r#"{"resourceType":"Patient","name":[{"text":"Ina Kok"},"Ina",7]}"#,
            r#"{"resourceType":"Patient","name":[{"text":"Ina Kok"}],"name":["Ina",7]}"#,
        ),
        (r#"{"resourceType":"Patient","name":["Ina"]}"#, r#"{"resourceType":"Patient","name":["Ina"]}"#),
        (
            r#"{"resourceType":"Patient","name":[{"given":["Ina",{"a":1}]}]}"#,
            r#"{"resourceType":"Patient","name":[{"given":["Ina"],"given":[{"a":1}]}]}"#,
        ),
        (
            r#"{"resourceType":"Patient","contained":[{"id":"a"},{"resourceType":"Device"}]}"#,
            r#"{"resourceType":"Patient","contained":[{"resourceType":"Device"}],"contained":[{"id":"a"}]}"#,
        ),
        (
            r#"{"resourceType":"Patient","name":[{"given":["Ina"],"_given":["b",{"id":"c"}]}]}"#,
            r#"{"resourceType":"Patient","name":[{"given":["Ina",null],"_given":[null,{"id":"c"}],"_given":["b"]}]}"#,
        ),
    ] {
        let once = read(json);
        assert!(once.has_errors(), "{json}");
        assert_eq!(once.document.to_json().as_deref(), Ok(written));
        assert_eq!(read(written).document.to_json().as_deref(), Ok(written));
    }
}

#[test]
fn companions_in_an_array_beside_a_single_value_are_read() {
    let json = r#"{"resourceType":"Patient","birthDate":"1981-05-02","_birthDate":[{"extension":[{"url":"urn:zeker","valueBoolean":true}]}]}"#;
    let document = read(json);
    assert_eq!(findings(&document), ["json-type _birthDate"]);
    let patient = document.document.get::<Patient>().expect("one");
    assert_eq!(patient.birth_date.extension().len(), 1);
    let written = document.document.to_json().expect("writable");
    assert_eq!(written, json.replace(":[{\"ext", ":{\"ext").replace("}]}]}", "}]}}"));
    // More than one: the first counts, the rest is kept.
    let several =
        read(r#"{"resourceType":"Patient","birthDate":"1981","_birthDate":[{"id":"a"},{"id":"b"},null]}"#);
    assert_eq!(
        several.document.to_json().as_deref(),
        Ok(
            r#"{"resourceType":"Patient","birthDate":"1981","_birthDate":{"id":"a"},"_birthDate":[{"id":"b"}]}"#
        )
    );
}

#[test]
fn companions_that_say_nothing_leave_room_for_those_that_do() {
    for (json, written) in [
        (r#""_birthDate":[null,{"id":"b"}]"#, r#""_birthDate":{"id":"b"}"#),
        (r#""_birthDate":[{},{"id":"b"}]"#, r#""_birthDate":{"id":"b"}"#),
        (
            r#""_birthDate":[{},{"id":"b"},{"id":"c"}]"#,
            r#""_birthDate":{"id":"b"},"_birthDate":[{"id":"c"}]"#,
        ),
        (r#""_birthDate":["a",{"id":"b"}]"#, r#""_birthDate":["a",{"id":"b"}]"#),
        (r#""_birthDate":{},"_birthDate":{},"_birthDate":{"id":"b"}"#, r#""_birthDate":{"id":"b"}"#),
        // The same for an alternative of a choice.
        (r#""_deceasedBoolean":{},"_deceasedBoolean":{"id":"b"}"#, r#""_deceasedBoolean":{"id":"b"}"#),
        (r#""_deceasedBoolean":[{}],"_deceasedBoolean":[{"id":"b"}]"#, r#""_deceasedBoolean":{"id":"b"}"#),
        (
            r#""_deceasedBoolean":{},"_deceasedBoolean":{"id":"b"},"_deceasedBoolean":{"id":"c"}"#,
            r#""_deceasedBoolean":{"id":"b"},"_deceasedBoolean":{"id":"c"}"#,
        ),
        (
            r#""_deceasedBoolean":{},"deceasedDateTime":"1999","_deceasedBoolean":{"id":"b"}"#,
            r#""deceasedDateTime":"1999","_deceasedBoolean":{"id":"b"}"#,
        ),
    ] {
        let [json, written] =
            [json, written].map(|members| format!(r#"{{"resourceType":"Patient",{members}}}"#));
        let once = read(&json).document.to_json().expect("writable");
        assert_eq!(once, written, "{json}");
        assert_eq!(read(&once).document.to_json().as_deref(), Ok(&*written), "{json}");
    }
}

#[test]
fn a_refused_alternative_of_a_choice_leaves_the_other_alone_however_often_it_comes() {
    for again in [
        r#""deceasedBoolean":true,"deceasedBoolean":false"#,
        r#""_deceasedBoolean":{"id":"a"},"_deceasedBoolean":{"id":"b"}"#,
        r#""deceasedBoolean":true,"_deceasedBoolean":{"id":"a"},"_deceasedBoolean":{"id":"b"}"#,
    ] {
        is_kept(
            &format!(r#"{{"resourceType":"Patient","deceasedDateTime":"1999",{again}}}"#),
            "deceasedDateTime value=\"1999\"",
        );
    }
}

#[test]
fn an_alternative_that_says_nothing_gives_way_to_one_that_does() {
    for nothing in [r#""_deceasedBoolean":{}"#, r#""_deceasedBoolean":[null]"#] {
        let json = format!(r#"{{"resourceType":"Patient",{nothing},"deceasedDateTime":"1999"}}"#);
        let read = read(&json);
        assert!(findings(&read).contains(&"choice-exclusive deceasedDateTime".to_owned()), "{json}");
        let written = r#"{"resourceType":"Patient","deceasedDateTime":"1999"}"#;
        assert_eq!(read.document.to_json().as_deref(), Ok(written));
    }
}

#[test]
fn alternatives_and_their_companions_are_written_the_same_again_in_whatever_order_they_came() {
    let mut members = vec![r#""x":1"#.to_owned(), r#""birthDate":"1970""#.to_owned()];
    for (name, value) in [("deceasedBoolean", "true"), ("deceasedDateTime", r#""1999""#)] {
        members.extend([value, "null", "[1]"].map(|value| format!(r#""{name}":{value}"#)));
        let companions = [r#"{"id":"a"}"#, "{}", "[null]", r#"[null,{"id":"b"}]"#, r#""s""#];
        members.extend(companions.map(|value| format!(r#""_{name}":{value}"#)));
    }
    let all = || members.iter();
    for (one, two, three) in
        all().flat_map(|one| all().flat_map(move |two| all().map(move |three| (one, two, three))))
    {
        let json = format!(r#"{{"resourceType":"Patient",{one},{two},{three}}}"#);
        let once = read(&json).document.to_json().expect("writable");
        assert_eq!(read(&once).document.to_json().as_deref(), Ok(&*once), "{json}");
    }
}

#[test]
fn companions_without_an_array_beside_a_list_are_read() {
    let read = read(r#"{"resourceType":"Patient","name":[{"given":["Ina"],"_given":{"id":"a"}}]}"#);
    assert_eq!(findings(&read), ["json-type name[0]._given"]);
    let patient = read.document.get::<Patient>().expect("one");
    assert_eq!(patient.name[0].given[0].id(), Some("a"));
}

#[test]
fn a_null_that_stands_for_nothing_is_reported_and_not_written() {
    for (json, finding, written) in [
        (r#""name":[{"given":[null]}]"#, "json-null name[0].given[0]", ""),
        (
            r#""name":[{"given":["Ina",null]}]"#,
            "json-null name[0].given[1]",
            r#","name":[{"given":["Ina"]}]"#,
        ),
        (
            r#""name":[{"given":[null,"Ina",null],"_given":[null,null,{"id":"c"}]}]"#,
            "json-null name[0].given[0]",
            r#","name":[{"given":["Ina",null],"_given":[null,{"id":"c"}]}]"#,
        ),
        (r#""name":[null]"#, "json-null name[0]", ""),
        (
            r#""name":[{"given":[null]},{"text":"Ina"}]"#,
            "json-null name[0].given[0]",
            r#","name":[{"text":"Ina"}]"#,
        ),
        (r#""contact":[{"telecom":[null]}]"#, "json-null contact[0].telecom[0]", ""),
        (r#""contained":[null]"#, "json-null contained[0]", ""),
        (r#""name":[{"_given":[null]}]"#, "json-null name[0]._given", ""),
    ] {
        let read = read(&format!(r#"{{"resourceType":"Patient",{json}}}"#));
        assert_eq!(findings(&read), [finding], "{json}");
        assert_eq!(
            read.document.to_json().as_deref(),
            Ok(&*format!(r#"{{"resourceType":"Patient"{written}}}"#)),
            "{json}"
        );
        let xml = read.document.to_xml().expect("writable");
        assert!(!xml.contains("<name/>"), "{xml}");
    }
    // Beside an extension a null has its place.
    let padded = r#"{"resourceType":"Patient","name":[{"given":["Ina",null],"_given":[null,{"id":"c"}]}]}"#;
    assert!(read(padded).findings.is_empty());
    assert_eq!(read(padded).document.to_json().as_deref(), Ok(padded));
}

#[test]
fn what_json_cannot_carry_of_a_primitive_leaves_no_empty_object() {
    let xml = r#"<Patient xmlns="http://hl7.org/fhir"><name><given foo="1"/><given value="Ina" foo="2"/></name><active value="true" foo="3">x</active></Patient>"#;
    let document = ReadOptions::tolerant().xml(xml.as_bytes()).expect("odd, but well-formed").document;
    let json = document.to_json().expect("writable");
    assert_eq!(json, r#"{"resourceType":"Patient","name":[{"given":["Ina"]}],"active":true}"#);
    assert!(ReadOptions::strict().json(json.as_bytes()).is_ok());
}

#[test]
fn what_all_servers_write_is_no_error() {
    let json = br#"{"resourceType":"Bundle","totalResults":"12","entry":[]}"#;
    let read = ReadOptions::strict().json(json).expect("as .NET writes it");
    assert_eq!(findings(&read), ["json-type totalResults"]);
    assert_eq!(read.findings[0].severity, Severity::Information);
    let bundle = read.document.as_bundle().expect("one");
    assert_eq!(bundle.total_results.value, Some(12));
    for other in [r#""totalResults":"twaalf""#, r#""totalResults":true"#] {
        let json = format!(r#"{{"resourceType":"Bundle",{other}}}"#);
        assert!(ReadOptions::strict().json(json.as_bytes()).is_err(), "{json}");
    }
}
