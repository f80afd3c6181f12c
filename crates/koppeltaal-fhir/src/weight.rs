//! Tests of the weight of documents, with values of every type.

use koppeltaal_fhir_base::arbitrary::largest_structure;
use koppeltaal_fhir_base::resource::AnyResource as _;
use koppeltaal_fhir_base::weight::{STRUCTURE_COST, Weight};
use proptest::prelude::*;

use crate::arbitrary::any_document;
use crate::{Bundle, Document, Entry, Format, Limits, ReadOptions, UnknownNode};

/// A bundle of some resources: large enough for the limit to matter.
fn any_bundle() -> impl Strategy<Value = Document> {
    proptest::collection::vec(any_document(), 1..12).prop_map(|documents| {
        let entry = documents
            .into_iter()
            .map(|document| Entry { content: document.into_resource().ok(), ..Entry::default() });
        Document::Bundle(Bundle { entry: entry.collect(), ..Bundle::default() })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn both_formats_are_at_least_as_long_as_the_weight_says(document in any_bundle()) {
        let length = Weight::of(document.as_content(), 12).text;
        prop_assert!(length <= document.to_json().expect("writable").len());
        prop_assert!(length <= document.to_xml().expect("writable").len());
    }

    #[test]
    fn what_is_accepted_with_white_space_is_accepted_without(document in any_bundle(), expansion in 1_usize..12) {
        let limits = Limits { expansion, ..Limits::default() };
        let options = ReadOptions::tolerant().limits(limits);
        let mut indented = document.to_xml_pretty().expect("writable");
        indented = indented.replace('\n', &format!("\n{}", " ".repeat(400)));
        let Ok(read) = options.xml(indented.as_bytes()) else { return Ok(()) };
        for format in [Format::Json, Format::Xml] {
            let text = read.document.write(format).expect("writable");
            prop_assert!(options.read(format, text.as_bytes()).is_ok(), "{text}");
        }
    }
}

#[test]
fn no_structure_is_larger_than_the_cost_of_one() {
    proptest!(ProptestConfig::with_cases(1_000), |(document in any_document())| {
        let resource = document.into_resource().expect("a resource");
        let largest = resource.content().map_or(0, largest_structure);
        prop_assert!(2 * largest + UnknownNode::COST <= STRUCTURE_COST, "{largest}");
    });
}
