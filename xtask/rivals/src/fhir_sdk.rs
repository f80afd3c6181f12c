//! fhir-sdk, by way of serde. It has no XML, and R4B instead of R4.

pub type Document = fhir_sdk::r4b::resources::Resource;

pub fn from_json(text: &str) -> Result<Document, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

pub fn to_json(document: &Document) -> Result<String, String> {
    serde_json::to_string(document).map_err(|error| error.to_string())
}

pub fn from_xml(_: &str) -> Result<Document, String> {
    Err("it has no XML".to_owned())
}

pub fn to_xml(_: &Document) -> Result<String, String> {
    Err("it has no XML".to_owned())
}
