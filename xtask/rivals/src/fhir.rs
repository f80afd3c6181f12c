//! fhir, by way of serde; XML is converted to and from `serde_json::Value`.

pub type Document = fhir::r4::resources::Resource;

pub fn from_json(text: &str) -> Result<Document, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

pub fn to_json(document: &Document) -> Result<String, String> {
    serde_json::to_string(document).map_err(|error| error.to_string())
}

pub fn from_xml(text: &str) -> Result<Document, String> {
    fhir::r4::xml::from_xml(text).map_err(|error| error.to_string())
}

pub fn to_xml(document: &Document) -> Result<String, String> {
    Ok(fhir::r4::xml::to_xml(document, "Bundle"))
}
