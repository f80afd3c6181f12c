//! Arbitrary resources of every type, and what must hold for each of them.

use koppeltaal_fhir_base::UnknownNode;
use koppeltaal_fhir_base::arbitrary::{fill_resource, largest_structure};
use koppeltaal_fhir_base::document::Content;
use koppeltaal_fhir_base::resource::AnyResource as _;
use koppeltaal_fhir_base::weight::{STRUCTURE_COST, Weight};
use proptest::prelude::*;

use crate::model::R4;
use crate::{Finding, ReadOptions, Resource, Severity};

/// Any resource, filled to a depth of four.
fn any_resource() -> impl Strategy<Value = Resource> {
    any::<u64>().prop_map(|seed| {
        let mut resource: Option<Resource> = None;
        fill_resource(&R4, &mut resource, seed);
        resource.expect("a resource was made")
    })
}

fn from_xml(xml: &str) -> Resource {
    ReadOptions::tolerant().xml(xml.as_bytes()).expect("what was written reads back").document
}

fn from_json(json: &str) -> Resource {
    ReadOptions::tolerant().json(json.as_bytes()).expect("what was written reads back").document
}

/// The errors, without those that only text can have.
fn errors(findings: Vec<Finding>) -> Vec<(String, &'static str)> {
    let errors = findings
        .into_iter()
        // An empty object is only there in text.
        .filter(|finding| finding.severity == Severity::Error && finding.rule.id() != "empty");
    let mut errors: Vec<_> = errors.map(|finding| (finding.path, finding.rule.id())).collect();
    errors.sort();
    errors
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_value_survives_xml(resource in any_resource()) {
        let xml = resource.to_xml().expect("writable");
        prop_assert!(from_xml(&xml) == resource, "{xml}");
    }

    #[test]
    fn any_value_survives_json(resource in any_resource()) {
        let json = resource.to_json().expect("writable");
        prop_assert!(from_json(&json) == resource, "{json}");
    }

    #[test]
    fn any_value_survives_xml_and_json_in_turn(resource in any_resource()) {
        let xml = resource.to_xml().expect("writable");
        let json = from_xml(&xml).to_json().expect("writable");
        prop_assert_eq!(from_json(&json).to_xml().expect("writable"), xml);
    }

    #[test]
    fn both_formats_are_at_least_as_long_as_the_weight_says(resource in any_resource()) {
        let length = Weight::of(Content::Resource(&resource), 12).text;
        prop_assert!(length <= resource.to_json().expect("writable").len());
        prop_assert!(length <= resource.to_xml().expect("writable").len());
    }

    #[test]
    fn no_structure_is_larger_than_the_cost_of_one(resource in any_resource()) {
        let largest = resource.content().map_or(0, largest_structure);
        prop_assert!(2 * largest + UnknownNode::COST <= STRUCTURE_COST, "{largest}");
    }

    #[test]
    fn a_check_in_memory_finds_what_a_tolerant_read_finds(resource in any_resource()) {
        let json = resource.to_json().expect("writable");
        let read = ReadOptions::tolerant().json(json.as_bytes()).expect("readable");
        prop_assert_eq!(errors(resource.check()), errors(read.findings));
    }
}
