//! Messages to post, for the tests against the sandbox and the benchmark.

use koppeltaal_fhir::resources::MessageHeader;
use koppeltaal_fhir::{Bundle, ReadOptions};
use koppeltaal_messaging::ResourceUrl;

/// A message with a care plan of its own.
pub(crate) fn plan(number: u32) -> Bundle {
    let path =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/messages/CreateOrUpdateCarePlan-minimal.json");
    let text = std::fs::read(path).expect("the fixture");
    let mut bundle =
        ReadOptions::tolerant().json(&text).expect("JSON").document.into_bundle().expect("a bundle");
    let url = format!("https://portal.example/fhir/CarePlan/{number}");
    let header: &mut MessageHeader =
        bundle.entry[0].content.as_mut().and_then(|content| content.get_mut()).expect("a header first");
    header.identifier = format!("message-{number}").as_str().into();
    header.data[0].reference = url.as_str().into();
    bundle.entry[1].id = Some(url.parse::<ResourceUrl>().expect("an address").versionless().to_owned());
    bundle.entry[1].link[0].href = url;
    bundle
}
