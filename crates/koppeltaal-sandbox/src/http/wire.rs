//! Documents as bytes, the way the original server wrote them.
//!
//! In JSON that server had two habits that `koppeltaal-fhir` does not have: an empty result has `"entry":
//! []`, and `totalResults` is text. Deployed clients rely on both: without `entry`, one of them repeats its
//! request endlessly.

use koppeltaal_fhir::{Bundle, Document, Format, Limits, ReadDocument, ReadError, ReadOptions, WriteError};
use memchr::memmem;

/// The text before the total.
const TOTAL: &str = r#","totalResults":"#;

/// The content type and the body for a document.
pub(crate) fn write(document: &Document, format: Format) -> Result<(&'static str, String), WriteError> {
    let media_type = format.media_type(document);
    let mut text = document.write(format)?;
    if let (Document::Bundle(bundle), Format::Json) = (document, format) {
        put_habits_in(bundle, &mut text);
    }
    Ok((media_type, text))
}

/// Reads a body with this content type, taking whatever can be understood.
pub(crate) fn read(body: &[u8], format: Format, content_type: &str) -> Result<ReadDocument, ReadError> {
    let limits = Limits::default();
    let limits = Limits { depth: limits.depth - INSIDE_A_BUNDLE, ..limits };
    ReadOptions::tolerant().limits(limits).labelled(content_type).read(format, body)
}

/// How much deeper a resource stands in a bundle than alone. One that comes alone is handed out in bundles.
const INSIDE_A_BUNDLE: usize = 2;

/// Puts the two habits into the bundle's JSON.
fn put_habits_in(bundle: &Bundle, json: &mut String) {
    // The first match is the bundle's own: what comes before it are texts, in which quotes are escaped.
    if bundle.total_results.get().is_some()
        && let Some(place) = memmem::find(json.as_bytes(), TOTAL.as_bytes())
    {
        let start = place + TOTAL.len();
        let length = json[start..].find([',', '}']).unwrap_or_default();
        json.insert(start + length, '"');
        json.insert(start, '"');
    }
    if bundle.entry.is_empty() {
        json.truncate(json.len() - "}".len());
        json.push_str(r#","entry":[]}"#);
    }
}

#[cfg(test)]
mod tests {
    use koppeltaal_fhir::resources::Patient;
    use koppeltaal_fhir::{Entry, Link};

    use super::*;

    fn json(bundle: Bundle) -> String {
        write(&bundle.into(), Format::Json).expect("it can be written").1
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
    fn a_text_that_looks_like_a_total_is_left_alone() {
        let title = r#"a ","totalResults":1}"#;
        let bundle = Bundle { title: title.into(), total_results: 23.into(), ..Bundle::default() };
        let read: serde_json::Value = serde_json::from_str(&json(bundle)).expect("JSON");
        assert_eq!((&read["title"], &read["totalResults"]), (&title.into(), &"23".into()));
    }

    #[test]
    fn a_bundle_with_nothing_else_is_still_json() {
        assert_eq!(json(Bundle::default()), r#"{"resourceType":"Bundle","entry":[]}"#);
    }
}
