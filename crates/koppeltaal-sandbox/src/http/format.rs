//! [`Format`]: JSON or XML, as a request is written and as its sender wants the answer.

use axum::http::{HeaderMap, HeaderName, header};

use crate::mailbox::{Kind, Refusal};

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Xml,
}

/// The media types in use (Koppeltaal spec section 2). Only the last part of the subtype's name tells.
const JSON_TYPES: [&str; 3] = ["application/json", "application/json+fhir", "text/json"];
const XML_TYPES: [&str; 4] = ["application/xml", "application/xml+fhir", "application/atom+xml", "text/xml"];

impl Format {
    fn of_media_type(media_type: &str) -> Option<Self> {
        let is = |known: &&str| known.eq_ignore_ascii_case(media_type);
        if JSON_TYPES.iter().any(is) {
            Some(Self::Json)
        } else if XML_TYPES.iter().any(is) {
            Some(Self::Xml)
        } else {
            None
        }
    }

    /// The format of a request's body: by Content-Type, and by its first character when there is none.
    pub(crate) fn of_request(headers: &HeaderMap, body: &[u8]) -> Result<Self, Refusal> {
        let Some(content_type) = text(headers, header::CONTENT_TYPE) else {
            let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
            return Ok(if first == Some(&b'<') { Self::Xml } else { Self::Json });
        };
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        Self::of_media_type(media_type).ok_or_else(|| {
            Refusal::new(
                Kind::MediaType,
                "not-supported",
                format!("The media type '{media_type}' is not supported"),
            )
        })
    }

    /// The format of an answer: the most wanted one of Accept, else that of the request, else JSON.
    pub(crate) fn of_reply(headers: &HeaderMap) -> Self {
        let accept = text(headers, header::ACCEPT).unwrap_or_default();
        let mut wanted: Option<(Self, f32)> = None;
        for range in accept.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let Some(format) = parts.next().and_then(Self::of_media_type) else { continue };
            let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok()).unwrap_or(1.0);
            // The first of equally wanted ones wins.
            if quality > wanted.map_or(0.0, |(_, best)| best) {
                wanted = Some((format, quality));
            }
        }
        let of_request = || Self::of_request(headers, b"").ok();
        wanted.map(|(format, _)| format).or_else(of_request).unwrap_or(Self::Json)
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn reply(accept: Option<&'static str>, content_type: Option<&'static str>) -> Format {
        let mut headers = HeaderMap::new();
        headers.extend(accept.map(|value| (header::ACCEPT, HeaderValue::from_static(value))));
        headers.extend(content_type.map(|value| (header::CONTENT_TYPE, HeaderValue::from_static(value))));
        Format::of_reply(&headers)
    }

    #[test]
    fn accept_decides_the_answer() {
        assert_eq!(reply(Some("application/xml+fhir"), Some("application/json")), Format::Xml);
        assert_eq!(reply(Some("application/atom+xml, application/json;q=0.9"), None), Format::Xml);
        assert_eq!(reply(Some("text/xml;q=0.5,application/json+fhir;q=0.6"), None), Format::Json);
        assert_eq!(reply(Some("Application/JSON; charset=utf-8"), None), Format::Json);
    }

    #[test]
    fn without_a_known_accept_the_answer_is_like_the_request() {
        assert_eq!(reply(Some("*/*"), Some("text/xml; charset=utf-8")), Format::Xml);
        assert_eq!(reply(Some("text/html"), Some("application/json")), Format::Json);
        assert_eq!(reply(None, None), Format::Json);
        assert_eq!(reply(Some("text/xml;q=0"), None), Format::Json);
    }

    #[test]
    fn a_body_without_content_type_shows_its_format() {
        let none = HeaderMap::new();
        assert_eq!(Format::of_request(&none, b"\n <feed/>"), Ok(Format::Xml));
        assert_eq!(Format::of_request(&none, b"{}"), Ok(Format::Json));
    }

    #[test]
    fn other_media_types_are_refused() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
        assert_eq!(Format::of_request(&headers, b"").map_err(|refusal| refusal.kind), Err(Kind::MediaType));
    }
}
