//! Documents as bytes, the way the original server wrote them.
//!
//! Two habits of that server in JSON are not the model's: an empty result still has `"entry": []`, and `totalResults` is
//! text. Deployed clients rely on both: one asks again at once, for ever, when `entry` is missing.

use koppeltaal_fhir::{
    Bundle, Document, Format, Primitive, ReadDocument, ReadError, ReadOptions, WriteError,
};

/// What every JSON bundle starts with.
const BUNDLE_START: &str = r#"{"resourceType":"Bundle""#;

/// The content type and the body for a document.
pub(crate) fn write(document: Document, format: Format) -> Result<(&'static str, String), WriteError> {
    let media_type = format.media_type(&document);
    let text = match document {
        Document::Bundle(bundle) if format == Format::Json => bundle_to_json(bundle)?,
        document => document.write(format)?,
    };
    Ok((media_type, text))
}

/// Reads a body, taking whatever can be understood.
pub(crate) fn read(body: &[u8], format: Format) -> Result<ReadDocument, ReadError> {
    ReadOptions::tolerant().read(format, body)
}

/// Writes the bundle in two halves, each by the model, and puts the two habits between them.
fn bundle_to_json(mut bundle: Bundle) -> Result<String, WriteError> {
    let entry = std::mem::take(&mut bundle.entry);
    let total = std::mem::take(&mut bundle.total_results);
    let has_entries = !entry.is_empty();
    let mut json = Document::Bundle(bundle).to_json()?;
    let entries = Document::Bundle(Bundle { entry, ..Bundle::default() }).to_json()?;

    json.truncate(json.len() - "}".len());
    json.push_str(&total_to_json(&total));
    json.push_str(if has_entries { &entries[BUNDLE_START.len()..] } else { r#","entry":[]}"# });
    Ok(json)
}

fn total_to_json(total: &Primitive<i32>) -> String {
    total.get().map(|total| format!(r#","totalResults":"{total}""#)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use koppeltaal_fhir::resources::Patient;
    use koppeltaal_fhir::{Entry, Link};

    use super::*;

    fn json(bundle: Bundle) -> String {
        write(bundle.into(), Format::Json).expect("it can be written").1
    }

    #[test]
    fn an_empty_result_says_so() {
        let bundle =
            Bundle { total_results: 0.into(), link: vec![Link::new("self", "x")], ..Bundle::default() };
        assert_eq!(
            json(bundle),
            r#"{"resourceType":"Bundle","link":[{"rel":"self","href":"x"}],"totalResults":"0","entry":[]}"#
        );
    }

    #[test]
    fn entries_follow_the_total() {
        let patient = Patient { birth_date: "1970-03-30".parse().expect("a date"), ..Patient::default() };
        let entry = Entry { id: Some("p".into()), content: Some(patient.into()), ..Entry::default() };
        let bundle =
            Bundle { id: Some("b".into()), total_results: 1.into(), entry: vec![entry], ..Bundle::default() };
        let json = json(bundle.clone());
        assert!(
            json.starts_with(r#"{"resourceType":"Bundle","id":"b","totalResults":"1","entry":[{"id":"p","#),
            "{json}"
        );
        let back = ReadOptions::tolerant().json(json.as_bytes()).expect("it reads");
        assert_eq!(back.document.as_bundle().map(|back| &back.entry), Some(&bundle.entry));
    }

    #[test]
    fn a_bundle_with_nothing_else_is_still_json() {
        assert_eq!(json(Bundle::default()), r#"{"resourceType":"Bundle","entry":[]}"#);
    }
}
