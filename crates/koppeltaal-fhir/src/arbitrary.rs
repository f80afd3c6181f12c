//! Arbitrary resources of every type, for property tests.

use koppeltaal_fhir_base::arbitrary::fill_resource;
use proptest::prelude::*;

use crate::document::Document;
use crate::model::DSTU1;
use crate::resource::Resource;

/// Any resource, filled to a depth of four.
pub(crate) fn any_document() -> impl Strategy<Value = Document> {
    any::<u64>().prop_map(|seed| {
        let mut resource: Option<Resource> = None;
        fill_resource(&DSTU1, &mut resource, seed);
        Document::Resource(resource.expect("a resource was made"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::ReadOptions;

    fn from_xml(xml: &str) -> Document {
        ReadOptions::tolerant().xml(xml.as_bytes()).expect("what was written reads back").document
    }

    fn from_json(json: &str) -> Document {
        ReadOptions::tolerant().json(json.as_bytes()).expect("what was written reads back").document
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn any_value_survives_xml(document in any_document()) {
            let xml = document.to_xml().expect("writable");
            prop_assert!(from_xml(&xml) == document, "{xml}");
        }

        #[test]
        fn any_value_survives_json(document in any_document()) {
            let json = document.to_json().expect("writable");
            prop_assert!(from_json(&json) == document, "{json}");
        }

        #[test]
        fn any_value_survives_xml_and_json_in_turn(document in any_document()) {
            let xml = document.to_xml().expect("writable");
            let json = from_xml(&xml).to_json().expect("writable");
            prop_assert_eq!(from_json(&json).to_xml().expect("writable"), xml);
        }

        #[test]
        fn any_value_survives_indentation(document in any_document()) {
            prop_assert!(from_xml(&document.to_xml_pretty().expect("writable")) == document);
            prop_assert!(from_json(&document.to_json_pretty().expect("writable")) == document);
        }

        #[test]
        fn a_check_in_memory_finds_what_a_tolerant_read_finds(document in any_document()) {
            let read = ReadOptions::tolerant().json(document.to_json().expect("writable").as_bytes()).expect("readable");
            let errors = |findings: Vec<crate::Finding>| {
                let mut errors: Vec<(String, &str)> = findings
                    .into_iter()
                    // An empty object is only there in text.
                    .filter(|finding| finding.severity == crate::Severity::Error && finding.rule.id() != "empty")
                    .map(|finding| (finding.path, finding.rule.id()))
                    .collect();
                errors.sort();
                errors
            };
            prop_assert_eq!(errors(document.check()), errors(read.findings));
        }

        #[test]
        fn no_text_makes_a_reader_panic(text in "[ -~\\n]{0,200}") {
            let _ = ReadOptions::tolerant().xml(text.as_bytes());
            let _ = ReadOptions::tolerant().json(text.as_bytes());
        }
    }
}
