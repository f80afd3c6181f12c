//! [`Answer`]: what a request gets, and how it is written.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use koppeltaal_r4::resources::{AuditEventEntity, IssueType};
use koppeltaal_r4::{Format, Resource};

use crate::audit::version_entity;
use crate::fhir::refusal::Refusal;
use crate::store::Version;

/// What a request gets that is carried out.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) content: Content,
    pub(crate) headers: HeaderMap,
    /// What its AuditEvent is about.
    pub(crate) entities: Vec<AuditEventEntity>,
    /// The version that was written, of which others have to be told.
    pub(crate) written: Option<Arc<Version>>,
}

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum Content {
    None,
    Version(Arc<Version>),
    Resource(Resource),
}

impl Answer {
    pub(crate) fn new(status: StatusCode, content: Content) -> Self {
        Self { status, content, headers: HeaderMap::new(), entities: Vec::new(), written: None }
    }

    /// A resource that is not in the store, such as a page of a search.
    pub(crate) fn resource(resource: impl Into<Resource>) -> Self {
        Self::new(StatusCode::OK, Content::Resource(resource.into()))
    }

    /// A version of a resource, with its headers.
    pub(crate) fn version(status: StatusCode, version: &Arc<Version>) -> Self {
        let mut answer = Self::new(status, Content::Version(Arc::clone(version)));
        answer.set(header::ETAG, &etag(version.version));
        let modified = httpdate::fmt_http_date(version.last_updated.to_system_time());
        answer.set(header::LAST_MODIFIED, &modified);
        answer.entities.push(version_entity(version));
        answer
    }

    /// Sets a header, unless its value cannot be one.
    pub(crate) fn set(&mut self, name: HeaderName, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
    }
}

/// `W/"1"`.
pub(crate) fn etag(version: u64) -> String {
    format!("W/\"{version}\"")
}

/// Writes an answer. One that cannot be written in the format becomes a refusal, unless something was
/// changed: then it has no body.
pub(crate) fn write(answer: &Answer, format: Format) -> Result<Response, Refusal> {
    let body = match (&answer.content, format) {
        (Content::None, _) => None,
        (Content::Version(version), Format::Json) => Some(version.json()),
        (Content::Version(version), Format::Xml) => Some(version.resource.to_xml().map(Bytes::from)),
        (Content::Resource(resource), format) => Some(resource.write(format).map(Bytes::from)),
    };
    let body = match body.transpose() {
        Ok(body) => body,
        Err(_) if answer.written.is_some() => None,
        Err(error) => {
            let diagnostics = format!("the answer cannot be written as {format}: {error}");
            return Err(Refusal::new(StatusCode::NOT_ACCEPTABLE, IssueType::NotSupported, diagnostics));
        }
    };
    Ok(response(answer.status, &answer.headers, body, format))
}

/// Writes a refusal.
pub(crate) fn write_refusal(refusal: &Refusal, format: Format) -> Response {
    let outcome = refusal.outcome();
    // An outcome that quotes a character that XML has not is written without words.
    let body = outcome.write(format).unwrap_or_default();
    let headers = refusal.headers.iter().cloned().collect();
    response(refusal.status, &headers, Some(body.into()), format)
}

fn response(status: StatusCode, headers: &HeaderMap, body: Option<Bytes>, format: Format) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response.headers_mut().extend(headers.clone());
    if let Some(body) = body {
        let media_type = match format {
            Format::Json => "application/fhir+json; fhirVersion=4.0; charset=utf-8",
            Format::Xml => "application/fhir+xml; fhirVersion=4.0; charset=utf-8",
        };
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        *response.body_mut() = body.into();
    }
    response
}
