//! The formats of bodies: JSON or XML, by `Content-Type`, `Accept` and `_format`.

use http::{HeaderMap, StatusCode, header};
use koppeltaal_r4::Format;
use koppeltaal_r4::resources::IssueType;

use crate::fhir::refusal::Refusal;

/// What is accepted, for messages.
const EXPECTED: &str = "expected application/fhir+json or application/fhir+xml, with fhirVersion=4.0 and \
                        charset=utf-8 if anything";

/// The format of a request's body.
pub(crate) fn of_body(headers: &HeaderMap) -> Result<Format, Refusal> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.and_then(media_type).ok_or_else(|| {
        let found = content_type.unwrap_or("nothing");
        let diagnostics = format!("Content-Type: {EXPECTED}; found {found}");
        Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, IssueType::NotSupported, diagnostics)
    })
}

/// The format of the answer: what `_format` says, else the preferred one of `Accept`, else JSON.
pub(crate) fn of_answer(headers: &HeaderMap, format: Option<&str>) -> Result<Format, Refusal> {
    let refusal = |name: &str, found: &str| {
        let diagnostics = format!("{name}: {EXPECTED}; found {found}");
        Refusal::new(StatusCode::NOT_ACCEPTABLE, IssueType::NotSupported, diagnostics)
    };
    if let Some(format) = format {
        // A plus that was not encoded arrives as a blank.
        return media_type(&format.replace(' ', "+")).ok_or_else(|| refusal("_format", format));
    }
    let Some(accept) = headers.get(header::ACCEPT) else { return Ok(Format::Json) };
    let accept = accept.to_str().unwrap_or_default();
    let mut wanted: Option<(Format, f32)> = None;
    for range in accept.split(',') {
        let name = range.split(';').next().unwrap_or_default().trim();
        let is_any = matches!(name, "" | "*/*" | "application/*");
        let Some(format) = (if is_any { Some(Format::Json) } else { media_type(range) }) else { continue };
        let mut parameters = range.split(';').skip(1).map(str::trim);
        let quality = parameters.find_map(|part| part.strip_prefix("q=")?.parse().ok()).unwrap_or(1.0);
        // Of equally preferred ones, the first wins.
        if quality > wanted.map_or(0.0, |(_, best)| best) {
            wanted = Some((format, quality));
        }
    }
    wanted.map(|(format, _)| format).ok_or_else(|| refusal("Accept", accept))
}

/// The format that a media type or a short name stands for, if its parameters fit.
fn media_type(text: &str) -> Option<Format> {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next()?;
    let format = Format::of_media_type(name).or_else(|| name.parse().ok())?;
    parts.all(has_fitting_value).then_some(format)
}

fn has_fitting_value(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else { return true };
    let value = value.trim().trim_matches('"');
    match name.trim().to_ascii_lowercase().as_str() {
        "charset" => value.eq_ignore_ascii_case("utf-8") || value.eq_ignore_ascii_case("utf8"),
        "fhirversion" => value == "4.0" || value.starts_with("4.0."),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn bodies_are_json_or_xml_of_this_version() {
        let format =
            |value| of_body(&headers(header::CONTENT_TYPE, value)).map_err(|refusal| refusal.status.as_u16());
        assert_eq!(format("application/fhir+json; fhirVersion=4.0; charset=UTF-8"), Ok(Format::Json));
        assert_eq!(format("application/fhir+xml"), Ok(Format::Xml));
        assert_eq!(format("application/json"), Ok(Format::Json));
        assert_eq!(format("text/html"), Err(415));
        assert_eq!(format("application/fhir+json; fhirVersion=5.0"), Err(415));
        assert_eq!(format("application/fhir+json; charset=iso-8859-1"), Err(415));
        assert!(of_body(&HeaderMap::new()).is_err());
    }

    #[test]
    fn the_answer_is_what_is_preferred() {
        let format = |value| {
            of_answer(&headers(header::ACCEPT, value), None).map_err(|refusal| refusal.status.as_u16())
        };
        assert_eq!(format("application/fhir+xml"), Ok(Format::Xml));
        assert_eq!(format("application/fhir+xml;q=0.5, application/fhir+json;q=0.9"), Ok(Format::Json));
        assert_eq!(format("text/html, */*;q=0.1"), Ok(Format::Json));
        assert_eq!(format("text/html"), Err(406));
        assert_eq!(format("application/fhir+json;fhirVersion=3.0"), Err(406));
        assert_eq!(of_answer(&HeaderMap::new(), None).ok(), Some(Format::Json));
        assert_eq!(of_answer(&headers(header::ACCEPT, "text/html"), Some("xml")).ok(), Some(Format::Xml));
        assert_eq!(of_answer(&HeaderMap::new(), Some("application/fhir xml")).ok(), Some(Format::Xml));
        assert!(of_answer(&HeaderMap::new(), Some("yaml")).is_err());
    }
}
