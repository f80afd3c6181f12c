//! Media types: what requests accept, and which format an answer has by its label and content.

use koppeltaal_fhir::Format;

/// Media types of content that may look like XML or JSON, but is never FHIR.
const FOREIGN: [&str; 3] = ["text/html", "application/xhtml+xml", "application/x-www-form-urlencoded"];

/// The value of `Accept`.
pub(crate) fn accept(format: Format) -> &'static str {
    match format {
        Format::Json => "application/json",
        Format::Xml => "application/atom+xml, application/xml+fhir, text/xml;q=0.9",
    }
}

/// The format of a body. The label decides. If it says nothing (absent, `text/plain`), the first character
/// decides.
pub(crate) fn format_of(content_type: Option<&str>, body: &[u8]) -> Option<Format> {
    let label = content_type.unwrap_or_default();
    let name = label.split(';').next().unwrap_or_default().trim();
    if FOREIGN.iter().any(|foreign| foreign.eq_ignore_ascii_case(name)) {
        return None;
    }
    Format::of_media_type(label).or_else(|| Format::of_content(body).filter(|_| !is_html(body)))
}

fn is_html(body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body).trim_ascii_start();
    let starts_with =
        |tag: &str| body.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag.as_bytes()));
    starts_with("<!doctype") || starts_with("<html")
}

/// Whether the label says that the text is in another encoding than UTF-8. This matters for XML only: JSON is
/// in UTF-8 whatever its label says (RFC 8259 sections 8.1 and 11).
pub(crate) fn is_foreign_charset(content_type: Option<&str>) -> bool {
    content_type
        .unwrap_or_default()
        .split(';')
        .skip(1)
        .filter_map(|parameter| parameter.split_once('='))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))
        .map(|(_, value)| value.trim().trim_matches('"'))
        .any(|charset| !["utf-8", "utf8", "us-ascii"].iter().any(|utf8| charset.eq_ignore_ascii_case(utf8)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_label_decides_about_the_format() {
        for (label, format) in [
            ("application/json; charset=utf-8", Some(Format::Json)),
            ("Application/JSON+fhir", Some(Format::Json)),
            ("application/atom+xml;charset=UTF-8", Some(Format::Xml)),
            ("text/html; charset=utf-8", None),
        ] {
            assert_eq!(format_of(Some(label), b"?"), format, "{label}");
        }
        assert_eq!(format_of(Some("TEXT/HTML"), b"<feed/>"), None);
    }

    #[test]
    fn without_a_telling_label_the_first_character_decides() {
        assert_eq!(format_of(None, b"\xEF\xBB\xBF {\"a\":1}"), Some(Format::Json));
        assert_eq!(format_of(Some("text/plain"), b"<feed/>"), Some(Format::Xml));
        assert_eq!(format_of(None, b"\xEF\xBB\xBF\n<!DOCTYPE html><html>"), None);
        assert_eq!(format_of(None, b"<HTML>"), None);
        assert_eq!(format_of(None, b"Service Unavailable"), None);
    }

    #[test]
    fn other_encodings_than_utf8_are_noticed() {
        assert!(is_foreign_charset(Some("text/xml; charset=iso-8859-1")));
        assert!(!is_foreign_charset(Some("text/xml; odata=x; Charset=\"UTF-8\"")));
        assert!(!is_foreign_charset(Some("text/xml")));
        assert!(!is_foreign_charset(None));
    }
}
