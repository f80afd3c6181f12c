//! The formats of bodies: JSON or XML, for a request and for its answer, and the stream of server-sent
//! events.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use koppeltaal_fhir::Format;

use crate::refusal::{Refusal, RefusalKind};

/// The format of a request's body, by Content-Type; without one, by the body's first character, and else
/// JSON.
pub(crate) fn for_request(headers: &HeaderMap, body: &[u8]) -> Result<Format, Refusal> {
    let Some(content_type) = header_text(headers, header::CONTENT_TYPE) else {
        return Ok(Format::of_content(body).unwrap_or_default());
    };
    Format::of_media_type(content_type).ok_or_else(|| {
        let media_type = media_type(content_type);
        Refusal::new(RefusalKind::MediaType, "not-supported", "The media type is not supported.")
            .at("Content-Type")
            .expected("one of JSON or XML")
            .details(format!("The media type '{media_type}' is not supported"))
    })
}

/// The format of an answer: the preferred one of Accept, else the format of the request, else JSON.
pub(crate) fn for_reply(headers: &HeaderMap) -> Format {
    let accept = header_text(headers, header::ACCEPT).unwrap_or_default();
    let mut wanted: Option<(Format, f32)> = None;
    for range in accept.split(',') {
        let Some(format) = Format::of_media_type(range) else { continue };
        let mut parameters = range.split(';').skip(1).map(str::trim);
        let quality = parameters.find_map(|part| part.strip_prefix("q=")?.parse().ok()).unwrap_or(1.0);
        // Of equally preferred ones, the first wins.
        if quality > wanted.map_or(0.0, |(_, best)| best) {
            wanted = Some((format, quality));
        }
    }
    wanted.map(|(format, _)| format).or_else(|| for_request(headers, b"").ok()).unwrap_or_default()
}

/// The value of a header, if it is ASCII text.
pub(crate) fn header_text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// The media type in a Content-Type, without its parameters.
pub(crate) fn media_type(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// The media type of server-sent events.
pub(crate) const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");

/// An answer of server-sent events.
pub(crate) fn event_stream(body: Body) -> Response {
    let no_cache = HeaderValue::from_static("no-cache");
    ([(header::CONTENT_TYPE, EVENT_STREAM), (header::CACHE_CONTROL, no_cache)], body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(accept: Option<&'static str>, content_type: Option<&'static str>) -> Format {
        let mut headers = HeaderMap::new();
        headers.extend(accept.map(|value| (header::ACCEPT, HeaderValue::from_static(value))));
        headers.extend(content_type.map(|value| (header::CONTENT_TYPE, HeaderValue::from_static(value))));
        for_reply(&headers)
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
        assert_eq!(for_request(&none, b"\n <feed/>"), Ok(Format::Xml));
        assert_eq!(for_request(&none, b"{}"), Ok(Format::Json));
    }

    #[test]
    fn other_media_types_are_refused() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
        assert_eq!(for_request(&headers, b"").map_err(|refusal| refusal.kind), Err(RefusalKind::MediaType));
    }

    #[test]
    fn nobody_keeps_events() {
        let answer = event_stream(Body::empty());
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "text/event-stream");
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-cache");
    }
}
