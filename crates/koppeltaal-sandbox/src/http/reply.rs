//! [`Reply`] and [`Refusal`] as answers. Handlers say what to answer; [`render`] writes it in the format that
//! was asked for.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use koppeltaal_fhir::{Bundle, Document, Format, Resource};
use koppeltaal_messaging::{Event, vocabulary};

use super::entries;
use super::log::Reason;
use super::wire;
use crate::refusal::{Refusal, RefusalKind};
use crate::representation;

/// When it makes sense to try again after [`RefusalKind::Full`].
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// An answer that is not written yet.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    status: StatusCode,
    headers: Vec<(HeaderName, String)>,
    /// The event of the message that it is about.
    event: Option<Event>,
    // Shared, because what travels with a response has to be `Clone`.
    document: Arc<Document>,
}

impl Reply {
    pub(crate) fn ok(document: impl Into<Document>) -> Self {
        Self { status: StatusCode::OK, headers: Vec::new(), event: None, document: Arc::new(document.into()) }
    }

    /// A resource, and the URL of its version: in `Content-Location`, since one deployed client ignores
    /// `Location`, and in `Location`.
    pub(crate) fn resource_at(resource: impl Into<Resource>, url: String) -> Self {
        Self::ok(resource.into()).header(header::CONTENT_LOCATION, url.clone()).header(header::LOCATION, url)
    }

    pub(crate) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// About a message of this event.
    pub(crate) fn event(mut self, event: Event) -> Self {
        self.event = Some(event);
        self
    }

    pub(crate) fn header(mut self, name: HeaderName, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if let Some(event) = self.event {
            response.extensions_mut().insert(event);
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let kind = self.kind;
        let reason = Reason::from_refusal(&self);
        let reply = Reply::ok(entries::outcome(&self.sayable())).status(status(kind));
        let reply = match kind {
            RefusalKind::Unauthorized => reply
                .header(header::WWW_AUTHENTICATE, r#"Basic realm="Koppeltaal", charset="UTF-8""#.to_owned()),
            RefusalKind::BadToken => reply.header(
                header::WWW_AUTHENTICATE,
                r#"Bearer realm="Koppeltaal", error="invalid_token""#.to_owned(),
            ),
            RefusalKind::Full => reply.header(header::RETRY_AFTER, RETRY_AFTER.as_secs().to_string()),
            _ => reply,
        };
        let mut response = reply.into_response();
        response.extensions_mut().insert(reason);
        response
    }
}

/// The status of a refusal. Refused content is 500, as the original had it.
fn status(kind: RefusalKind) -> StatusCode {
    match kind {
        RefusalKind::Malformed => StatusCode::BAD_REQUEST,
        RefusalKind::Unauthorized | RefusalKind::BadToken => StatusCode::UNAUTHORIZED,
        RefusalKind::Forbidden => StatusCode::FORBIDDEN,
        RefusalKind::NotFound => StatusCode::NOT_FOUND,
        RefusalKind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        RefusalKind::Conflict => StatusCode::CONFLICT,
        RefusalKind::Slow => StatusCode::REQUEST_TIMEOUT,
        RefusalKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        RefusalKind::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        RefusalKind::Rule => StatusCode::UNPROCESSABLE_ENTITY,
        RefusalKind::Unsupported => StatusCode::INTERNAL_SERVER_ERROR,
        RefusalKind::Full => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// Writes the [`Reply`] that a handler left.
pub(crate) fn render(mut response: Response, format: Format) -> Response {
    match response.extensions_mut().remove::<Reply>() {
        Some(reply) => {
            // The length of the empty body that it had until now.
            response.headers_mut().remove(header::CONTENT_LENGTH);
            write(reply, format, response)
        }
        None => response,
    }
}

fn write(reply: Reply, format: Format, mut response: Response) -> Response {
    let document = Arc::unwrap_or_clone(reply.document);
    let written = match wire::write(&document, format) {
        Err(_) if is_list(&document) => wire::write(&writable_entries(document, format), format),
        written => written,
    };
    let (content_type, body) = match written {
        Ok(written) => written,
        Err(error) => return write_failure(&error.to_string(), format, response),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    for (name, value) in reply.headers {
        // The sandbox makes these values. Only a strange host name leads to one that a header cannot have.
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
    *response.body_mut() = body.into();
    response
}

/// Whether a bundle is a list of independent entries, not a message.
fn is_list(document: &Document) -> bool {
    let is_message =
        |bundle: &Bundle| bundle.category.iter().any(|category| category.term == vocabulary::MESSAGE_TAG);
    document.as_bundle().is_some_and(|bundle| !is_message(bundle))
}

/// The list without the entries that cannot be written in this format. None should be there, but one must not
/// hide all others.
fn writable_entries(document: Document, format: Format) -> Document {
    let Document::Bundle(mut bundle) = document else { return document };
    let before = bundle.entry.len();
    bundle.entry.retain(|entry| {
        let alone = Bundle { entry: vec![entry.clone()], ..Bundle::default() };
        representation::check_as(&alone.into(), format).is_ok()
    });
    let left_out = before - bundle.entry.len();
    tracing::warn!(%format, left_out, "entries of a list cannot be written in the format that is asked for");
    Document::Bundle(bundle)
}

/// Says that the document cannot be written in the format that was asked for.
fn write_failure(error: &str, format: Format, mut response: Response) -> Response {
    let refusal = Refusal::unsupported("The answer cannot be written in this format.")
        .details(format!("The answer cannot be written in this format: {error}"));
    // An outcome made of plain text can always be written.
    if let Ok((content_type, body)) = wire::write(&entries::outcome(&refusal).into(), format) {
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        *response.body_mut() = body.into();
    }
    *response.status_mut() = status(refusal.kind);
    response.extensions_mut().insert(Reason::from_refusal(&refusal));
    response
}

#[cfg(test)]
mod tests {
    use koppeltaal_fhir::{Category, Entry};

    use super::*;

    /// A bundle with an entry that XML cannot carry.
    fn bundle(categories: Vec<Category>) -> Document {
        let entry = |title: &str| Entry { title: title.into(), ..Entry::default() };
        Bundle {
            category: categories,
            entry: vec![entry("a"), entry("b\u{1}"), entry("c")],
            ..Bundle::default()
        }
        .into()
    }

    fn written(document: Document, format: Format) -> (StatusCode, String) {
        let response = render(Reply::ok(document).into_response(), format);
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX);
        let body = futures_util::FutureExt::now_or_never(body).expect("it is there").expect("a body");
        (status, String::from_utf8(body.to_vec()).expect("text"))
    }

    #[test]
    fn a_list_leaves_out_the_entry_that_its_format_cannot_carry() {
        let (status, body) = written(bundle(Vec::new()), Format::Xml);
        assert_eq!(status, StatusCode::OK);
        let read = wire::read(body.as_bytes(), Format::Xml, "").expect("a document");
        let bundle = read.document.into_bundle().expect("a bundle");
        let titles: Vec<_> = bundle.entry.iter().filter_map(|entry| entry.title.as_str()).collect();
        assert_eq!(titles, ["a", "c"]);
    }

    #[test]
    fn a_list_is_whole_in_the_format_that_can_carry_it() {
        let (status, body) = written(bundle(Vec::new()), Format::Json);
        assert!(status == StatusCode::OK && body.contains(r"b\u0001"), "{body}");
    }

    #[test]
    fn a_message_is_never_handed_out_in_part() {
        let message = Category::new(vocabulary::TAG_SCHEME, vocabulary::MESSAGE_TAG);
        let (status, body) = written(bundle(vec![message]), Format::Xml);
        assert!(status == StatusCode::INTERNAL_SERVER_ERROR && body.contains("OperationOutcome"), "{body}");
    }
}
