//! The form of a `content` element of Atom: its tags and its text, without the resource in it.

use koppeltaal_fhir_base::Unknown;
use koppeltaal_fhir_base::xml::{escape_attribute, escape_text};

/// Where the resource stands in the form of a content.
pub(super) const RESOURCE: &str = "<?resource?>";

/// The tags of a content, with its text, around the place of the resource.
pub(super) fn content_form(attributes: &Unknown, texts: &[String; 2]) -> String {
    let mut form = b"<content type=\"text/xml\"".to_vec();
    for node in attributes {
        form.extend_from_slice(format!(" {}=\"", node.name()).as_bytes());
        // What was read as XML holds no character that XML cannot.
        let _ = escape_attribute(&mut form, node.source());
        form.push(b'"');
    }
    form.push(b'>');
    let _ = escape_text(&mut form, &texts[0]);
    form.extend_from_slice(RESOURCE.as_bytes());
    let _ = escape_text(&mut form, &texts[1]);
    form.extend_from_slice(b"</content>");
    String::from_utf8(form).unwrap_or_default()
}
