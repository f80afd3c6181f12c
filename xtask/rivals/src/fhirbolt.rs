//! fhirbolt, which has JSON and XML.

pub type Document = fhirbolt::model::r4::Resource;

pub fn from_json(text: &str) -> Result<Document, String> {
    fhirbolt::json::from_str(text, None).map_err(|error| error.to_string())
}

pub fn to_json(document: &Document) -> Result<String, String> {
    fhirbolt::json::to_string(document, None).map_err(|error| error.to_string())
}

pub fn from_xml(text: &str) -> Result<Document, String> {
    fhirbolt::xml::from_str(text, None).map_err(|error| error.to_string())
}

pub fn to_xml(document: &Document) -> Result<String, String> {
    fhirbolt::xml::to_string(document, None).map_err(|error| error.to_string())
}
