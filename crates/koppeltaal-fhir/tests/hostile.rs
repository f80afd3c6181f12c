//! Hostile input: each kind ends in an error, stays within the bounds and never panics.

use koppeltaal_fhir::{Limits, ReadError, ReadOptions};

mod json {
    use koppeltaal_fhir::Rule;

    use super::*;

    fn error(text: &[u8]) -> ReadError {
        ReadOptions::tolerant().json(text).expect_err("refused")
    }

    #[test]
    fn nesting_without_end_is_refused_wherever_it_stands() {
        let deep = 100_000;
        let cases = [
            "[".repeat(deep),
            "{\"a\":".repeat(deep),
            format!("{{\"resourceType\":\"Patient\",\"extension\":{}", "[{\"extension\":".repeat(deep)),
            format!("{{\"resourceType\":\"Patient\",\"whoKnows\":{}", "[".repeat(deep)),
            format!(
                "{{\"resourceType\":\"Patient\",\"contained\":{}",
                "[{\"resourceType\":\"Patient\",\"contained\":".repeat(deep)
            ),
        ];
        for text in cases {
            error(text.as_bytes());
        }
    }

    #[test]
    fn broken_text_is_refused_with_its_place() {
        for (text, problem) in [
            (&b"{\"resourceType\":\"Pat\xFFient\"}"[..], "not UTF-8"),
            (b"{\"resourceType\":\"Patient\",\"language\":\"a\0b\"}", "control character"),
            (b"{\"resourceType\":\"Patient\"", "expected `,` or `}`"),
            (b"{\"resourceType\":\"Patient\"} {}", "end of the text"),
            (b"{\"resourceType\":\"Patient\",}", "name of a member"),
            (b"", "where a value should be"),
            (b"\xEF\xBB\xBF", "where a value should be"),
        ] {
            let error = error(text);
            assert!(matches!(error, ReadError::Malformed { .. }), "{error}");
            assert!(error.to_string().contains(problem), "{error}");
        }
    }

    #[test]
    fn what_is_json_but_no_resource_is_refused() {
        for text in
            ["[]", "1", "\"Patient\"", "null", "{}", "{\"name\":1}", "{\"feed\":{}}", "{\"resourceType\":1}"]
        {
            let error = error(text.as_bytes());
            assert!(matches!(error, ReadError::NotFhir { .. }), "{text}: {error}");
        }
    }

    #[test]
    fn a_member_twice_is_reported_and_the_second_kept() {
        let text = br#"{"resourceType":"Patient","active":true,"active":false}"#;
        let read = ReadOptions::tolerant().json(text).expect("tolerated");
        assert_eq!(read.findings[0].rule.id(), "duplicate-member");
        assert_eq!(read.findings[0].path, "active");
        assert_eq!(read.document.to_json().expect("writable").matches("active").count(), 2);
        assert!(matches!(ReadOptions::strict().json(text), Err(ReadError::Invalid(_))));
    }

    #[test]
    fn a_number_beyond_range_is_reported_and_kept() {
        let text = br#"{"resourceType":"Patient","multipleBirthInteger":99999999999999999999}"#;
        let read = ReadOptions::tolerant().json(text).expect("tolerated");
        assert_eq!(read.findings[0].rule.id(), "value-format");
        assert!(read.document.to_json().expect("writable").contains("99999999999999999999"));
        let text = br#"{"resourceType":"Observation","valueQuantity":{"value":1E999999999}}"#;
        let read = ReadOptions::tolerant().json(text).expect("tolerated");
        assert!(read.document.to_json().expect("writable").contains("1E999999999"));
        let text = br#"{"resourceType":"Observation","valueQuantity":{"value":1E-2147483648}}"#;
        let read = ReadOptions::tolerant().json(text).expect("tolerated");
        assert!(read.findings.iter().any(|finding| finding.rule == Rule::FORMAT));
    }

    #[test]
    fn text_that_grows_out_of_proportion_in_memory_is_refused() {
        let item = "{\"id\":\"a\"},";
        let text = format!("{{\"resourceType\":\"Patient\",\"contact\":[{}{{}}]}}", item.repeat(100_000));
        let error = error(text.as_bytes());
        assert!(matches!(error, ReadError::Limit { .. }), "{error}");
    }

    #[test]
    fn the_limits_are_the_callers_to_set() {
        let text = br#"{"resourceType":"Bundle","entry":[{"id":"a"},{"id":"b"}]}"#;
        let limited = |limits| ReadOptions::tolerant().limits(limits).json(text);
        assert!(limited(Limits::default()).is_ok());
        for limits in [
            Limits { entries: 1, ..Limits::default() },
            Limits { bytes: 10, ..Limits::default() },
            Limits { depth: 0, ..Limits::default() },
        ] {
            assert!(matches!(limited(limits), Err(ReadError::Limit { .. })));
        }
    }

    #[test]
    fn findings_beyond_the_limit_are_counted() {
        let text = format!(
            "{{\"resourceType\":\"Patient\"{}}}",
            ",\"whoKnows\":\"what senders write\"".repeat(5_000)
        );
        let read = ReadOptions::tolerant().json(text.as_bytes()).expect("tolerated");
        assert_eq!(read.findings.len(), 1_000);
        assert_eq!(read.suppressed, 4_000);
    }
}

mod xml {
    use super::*;

    fn error(text: &[u8]) -> ReadError {
        ReadOptions::tolerant().xml(text).expect_err("refused")
    }

    const PATIENT: &str = "<Patient xmlns=\"http://hl7.org/fhir\">";

    #[test]
    fn nesting_without_end_is_refused_wherever_it_stands() {
        let deep = 100_000;
        for inside in [
            "<extension url=\"a\">",
            "<contained><Patient>",
            "<whoKnows>",
            "<text><div>",
            "<birthDate><extension url=\"a\">",
        ] {
            let text = format!("{PATIENT}{}", inside.repeat(deep));
            error(text.as_bytes());
        }
        error("<a>".repeat(deep).as_bytes());
    }

    #[test]
    fn a_doctype_is_refused_and_no_entity_expanded() {
        let bomb = "<!DOCTYPE a [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">]><Patient xmlns=\"http://hl7.org/fhir\"/>";
        assert!(error(bomb.as_bytes()).to_string().contains("DOCTYPE"));
        let text = format!("{PATIENT}<birthDate value=\"&b;\"/></Patient>");
        assert!(error(text.as_bytes()).to_string().contains("reference"));
    }

    #[test]
    fn broken_text_is_refused_with_its_place() {
        for inside in [
            "<name",
            "<name>",
            "</name>",
            "<name a=b/>",
            "<name a=\"1\" a=\"2\"/>",
            "<name a=\"<\"/>",
            "<f:name/>",
            "<name a=\"1\"b=\"2\"/>",
            "&nbsp;",
            "a & b",
            "]]>",
            "<name value=\"\u{1}\"/>",
            "<!-- a -- b -->",
            "<1/>",
        ] {
            let text = format!("{PATIENT}{inside}</Patient>");
            let error = error(text.as_bytes());
            assert!(matches!(error, ReadError::Malformed { .. }), "{inside}: {error}");
        }
        for text in [
            "",
            "text",
            "<a/>",
            "<Patient xmlns=\"http://hl7.org/fhir\"/><a/>",
            "<Patient xmlns=\"http://hl7.org/fhir\"/>text",
        ] {
            error(text.as_bytes());
        }
        assert!(error(b"<Patient>\xFF</Patient>").to_string().contains("UTF-8"));
    }

    #[test]
    fn what_breaks_the_rules_of_namespaces_is_refused() {
        for inside in [
            "<name xmlns:a=\"\"/>",
            "<name xmlns:xml=\"urn:x\"/>",
            "<name xmlns:xmlns=\"urn:x\"/>",
            "<name xmlns:a=\"http://www.w3.org/XML/1998/namespace\"/>",
            "<name xmlns:a=\"http://www.w3.org/2000/xmlns/\"/>",
            "<name xmlns=\"http://www.w3.org/2000/xmlns/\"/>",
            "<name xmlns=\"http://www.w3.org/XML/1998/namespace\"/>",
            "<name a:b=\"1\"/>",
            "<x a:b=\"1\"/>",
            "<x><y a:b=\"1\"/></x>",
            "<x xmlns:a=\"urn:x\" xmlns:b=\"urn:x\" a:c=\"1\" b:c=\"2\"/>",
            "<name xmlns:a=\"urn:x\" xmlns:b=\"urn:x\" a:c=\"1\" b:c=\"2\"/>",
            "<x xmlns:a=\"urn:x\" xmlns:a=\"urn:y\"/>",
            "<xmlns:x/>",
            "<text><status value=\"generated\"/><div xmlns=\"http://www.w3.org/1999/xhtml\"><p o:x=\"1\"/></div></text>",
            "<text><status value=\"generated\"/><div xmlns=\"http://www.w3.org/1999/xhtml\"><o:p/></div></text>",
            "<contained><Foo a:b=\"1\"/></contained>",
        ] {
            let text = format!("{PATIENT}{inside}</Patient>");
            let error = error(text.as_bytes());
            assert!(matches!(error, ReadError::Malformed { .. }), "{inside}: {error}");
        }
    }

    #[test]
    fn a_reference_that_is_none_is_refused_inside_what_nobody_knows_too() {
        for inside in [
            "<x y=\"&\"/>",
            "<contained><Foo><x y=\"a & b\"/></Foo></contained>",
            "<text><status value=\"generated\"/><div xmlns=\"http://www.w3.org/1999/xhtml\"><p title=\"&nbsp;\"/></div></text>",
            "<name><family value=\"&#1;\"/></name>",
        ] {
            let text = format!("{PATIENT}{inside}</Patient>");
            assert!(matches!(error(text.as_bytes()), ReadError::Malformed { .. }), "{inside}");
        }
    }

    #[test]
    fn the_prefix_xml_needs_no_declaration() {
        let div = "<div xmlns=\"http://www.w3.org/1999/xhtml\" xml:lang=\"nl\">x</div>";
        let text = format!(
            "<Patient xmlns=\"http://hl7.org/fhir\" xmlns:xml=\"http://www.w3.org/XML/1998/namespace\">\
             <text><status value=\"generated\"/>{div}</text></Patient>"
        );
        let read = ReadOptions::strict().xml(text.as_bytes()).expect("valid");
        assert!(read.document.to_xml().expect("writable").contains(div));
        // `xml:` is kept, though unknown markup is rewritten where an ancestor declares a prefix.
        let text = "<Patient xmlns=\"http://hl7.org/fhir\" xmlns:f=\"http://hl7.org/fhir\">\
                    <x f:a=\"1\"><xml:y><z/></xml:y></x></Patient>";
        let read = ReadOptions::tolerant().xml(text.as_bytes()).expect("well-formed");
        let written = read.document.to_xml().expect("writable");
        assert!(written.contains("<xml:y><z/></xml:y>"), "{written}");
        ReadOptions::tolerant().xml(written.as_bytes()).expect("well-formed");
    }

    #[test]
    fn text_that_grows_out_of_proportion_in_memory_is_refused() {
        let text = format!("{PATIENT}{}</Patient>", "<contact/>".repeat(100_000));
        let error = error(text.as_bytes());
        assert!(matches!(error, ReadError::Limit { .. }), "{error}");
    }

    #[test]
    fn entries_are_limited() {
        let text = format!(
            "<feed xmlns=\"http://www.w3.org/2005/Atom\">{}</feed>",
            "<entry><id>a</id></entry>".repeat(3)
        );
        let options = ReadOptions::tolerant().limits(Limits { entries: 2, ..Limits::default() });
        assert!(matches!(options.xml(text.as_bytes()), Err(ReadError::Limit { .. })));
    }

    #[test]
    fn tags_and_namespaces_without_end_take_no_longer_than_their_length() {
        let many = |piece: &dyn Fn(usize) -> String| (0..50_000).map(piece).collect::<String>();
        let attributes = many(&|index| format!(" a{index}=\"\""));
        let elements = many(&|index| format!("<x xmlns=\"urn:{index}\"/>"));
        for inside in [
            format!("<name{attributes}/>"),
            elements,
            format!("<x>{}</x>", many(&|index| format!("<x{index}/>"))),
            "<x/>\n".repeat(50_000),
        ] {
            let text = format!("{PATIENT}{inside}</Patient>");
            // If the work were quadratic, this would take very long. A test without a clock can only run it.
            let options = ReadOptions::tolerant().limits(Limits { expansion: 100, ..Limits::default() });
            let read = options.xml(text.as_bytes()).expect("odd, but within the limits");
            assert!(read.has_errors());
            assert!(read.document.to_xml().is_ok());
        }
        let prefixes = many(&|index| format!(" xmlns:p{index}=\"urn:p\""));
        let text = format!("{PATIENT}<x{prefixes}/></Patient>");
        assert!(matches!(error(text.as_bytes()), ReadError::Limit { .. }));
    }

    #[test]
    fn a_second_byte_order_mark_is_text_and_refused() {
        for text in ["\u{FEFF}\u{FEFF}<Patient xmlns=\"http://hl7.org/fhir\"/>", "\u{FEFF}\u{FEFF}"] {
            assert!(ReadOptions::tolerant().xml(text.as_bytes()).is_err());
        }
    }

    #[test]
    fn markup_from_json_does_not_become_elements_of_the_document() {
        use koppeltaal_fhir::WriteError;

        for (member, value) in [
            ("signature", r"<entry xmlns='http://www.w3.org/2005/Atom'><id>forged</id></entry>"),
            ("signature", r"<Signature/>"),
            ("signature", r"<Signature xmlns='http://www.w3.org/2000/09/xmldsig#'/><entry/>"),
        ] {
            let json = format!(r#"{{"resourceType":"Bundle","{member}":"{value}"}}"#);
            let document = ReadOptions::tolerant().json(json.as_bytes()).expect("JSON can hold it").document;
            assert!(matches!(document.to_xml(), Err(WriteError::Signature { .. })), "{value}");
        }
        for div in [
            "<status xmlns='http://hl7.org/fhir' value='xmlns'/>",
            "<div xmlns='http://hl7.org/fhir'/>",
            "<div/><div/>",
            "<div></div>text",
            "\u{FEFF}<div/>",
            "text",
        ] {
            let json =
                format!(r#"{{"resourceType":"Patient","text":{{"status":"generated","div":"{div}"}}}}"#);
            let document = ReadOptions::tolerant().json(json.as_bytes()).expect("JSON can hold it").document;
            assert!(matches!(document.to_xml(), Err(WriteError::Narrative { .. })), "{div}");
        }
    }

    #[test]
    fn attributes_of_other_namespaces_keep_them() {
        let text = format!(
            "{PATIENT}<birthDate xmlns:x=\"urn:x\" id=\"a\" x:id=\"b\" x:y=\"c\" value=\"1970\"/></Patient>"
        );
        let written = |text: &str| {
            let read = ReadOptions::tolerant().xml(text.as_bytes()).expect("odd, but well-formed");
            read.document.to_xml().expect("writable")
        };
        let once = written(&text);
        assert!(once.contains(r#"xmlns:x="urn:x" x:id="b" x:y="c""#), "{once}");
        assert_eq!(written(&once), once);
    }

    #[test]
    fn a_character_that_xml_cannot_hold_is_an_error_when_written() {
        let json = br#"{"resourceType":"Patient","language":"a\u0001b"}"#;
        let document = ReadOptions::tolerant().json(json).expect("JSON can hold it").document;
        let error = document.to_xml().expect_err("XML cannot");
        assert!(error.to_string().contains("U+0001"), "{error}");
    }
}

#[test]
fn a_bundle_of_a_dozen_resources_with_next_to_nothing_in_them_is_no_attack() {
    let entry = r#"{"content":{"resourceType":"Patient","name":[{"text":"A"}]}}"#;
    let text = format!(r#"{{"resourceType":"Bundle","entry":[{}]}}"#, [entry; 12].join(","));
    let read = ReadOptions::tolerant().json(text.as_bytes()).expect("within the limits");
    let xml = read.document.to_xml().expect("writable");
    ReadOptions::tolerant().xml(xml.as_bytes()).expect("within the limits as well");
    // A thousand such resources are an attack: they take too much memory for their length.
    let text = format!(r#"{{"resourceType":"Bundle","entry":[{}]}}"#, vec![entry; 1000].join(","));
    let error = ReadOptions::tolerant().json(text.as_bytes()).expect_err("too much for its length");
    assert!(matches!(error, ReadError::Limit { .. }), "{error}");
}
