//! [`Reply`] and [`Refusal`] as answers: handlers say what to answer, [`render`] writes it in the format that was asked for.

use std::sync::Arc;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use koppeltaal_fhir::{Document, Format};

use super::wire;
use crate::compose;
use crate::mailbox::{Kind, Refusal};

/// An answer that is still to be written.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    status: StatusCode,
    headers: Vec<(HeaderName, String)>,
    // Shared, because what travels with a response has to be `Clone`.
    document: Arc<Document>,
}

impl Reply {
    pub(crate) fn ok(document: impl Into<Document>) -> Self {
        Self { status: StatusCode::OK, headers: Vec::new(), document: Arc::new(document.into()) }
    }

    pub(crate) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
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
        response.extensions_mut().insert(self);
        response
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let reply = Reply::ok(compose::outcome(&self)).status(status(self.kind));
        match self.kind {
            Kind::Unauthorized => reply
                .header(header::WWW_AUTHENTICATE, r#"Basic realm="Koppeltaal", charset="UTF-8""#.to_owned()),
            Kind::BadToken => reply.header(
                header::WWW_AUTHENTICATE,
                r#"Bearer realm="Koppeltaal", error="invalid_token""#.to_owned(),
            ),
            _ => reply,
        }
        .into_response()
    }
}

/// The status of a refusal. Refused content is 500, as the original had it.
fn status(kind: Kind) -> StatusCode {
    match kind {
        Kind::Malformed => StatusCode::BAD_REQUEST,
        Kind::Unauthorized | Kind::BadToken => StatusCode::UNAUTHORIZED,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::Slow => StatusCode::REQUEST_TIMEOUT,
        Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Kind::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Kind::Rule => StatusCode::UNPROCESSABLE_ENTITY,
        Kind::Unsupported => StatusCode::INTERNAL_SERVER_ERROR,
        Kind::Full => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// Writes the [`Reply`] that a handler left.
pub(crate) fn render(mut response: Response, format: Format) -> Response {
    match response.extensions_mut().remove::<Reply>() {
        Some(reply) => {
            // That of the empty body that it had until now.
            response.headers_mut().remove(header::CONTENT_LENGTH);
            write(reply, format, response)
        }
        None => response,
    }
}

fn write(reply: Reply, format: Format, mut response: Response) -> Response {
    let (content_type, body) = match wire::write(Arc::unwrap_or_clone(reply.document), format) {
        Ok(written) => written,
        Err(error) => return write_failure(&error.to_string(), format, response),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    for (name, value) in reply.headers {
        // The sandbox makes these values; one that cannot stand in a header came with a strange host name.
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
    *response.body_mut() = body.into();
    response
}

/// The document cannot be written in the format that was asked for: say so instead.
fn write_failure(error: &str, format: Format, mut response: Response) -> Response {
    let refusal = Refusal::unsupported(format!("The answer cannot be written in this format: {error}"));
    // An outcome made of plain text can always be written.
    if let Ok((content_type, body)) = wire::write(compose::outcome(&refusal).into(), format) {
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        *response.body_mut() = body.into();
    }
    *response.status_mut() = status(refusal.kind);
    response
}
