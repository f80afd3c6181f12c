//! What handlers take from a request: the document in its body, the parameters, and the links to answer with.
//! The caller comes from `authentication`.

use std::collections::HashSet;
use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Query, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, Uri, header};
use http_body_util::LengthLimitError;
use koppeltaal_fhir::resources::Other;
use koppeltaal_fhir::{Document, Finding, Format, ReadDocument, ReadError, Rule};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::format;
use super::wire;
use crate::app::App;
use crate::config::Limits;
use crate::links::Links;
use crate::refusal::{Refusal, RefusalKind};
use crate::representation::Source;

/// The document in the body of a request.
#[derive(Debug)]
pub(crate) struct RequestDocument {
    pub(crate) document: Document,
    pub(crate) source: Source,
    /// Whether receivers may see more in it than the sandbox does: several elements where one is allowed, or
    /// contained resources of a type that is not modelled. Then the sandbox cannot check whether a bearer
    /// token allows the request.
    pub(crate) is_ambiguous: bool,
}

impl RequestDocument {
    /// The document as an `Other`.
    pub(crate) fn other(self) -> Result<Other, Refusal> {
        let resource = self.document.into_resource();
        let resource = resource
            .map_err(|_| Refusal::malformed("The body is a bundle, not an Other.").expected("an Other"))?;
        resource.take().map_err(|other| {
            let resource_type = other.resource_type();
            Refusal::unsupported("The resource type is not supported.")
                .at("the body")
                .expected("an Other")
                .details(format!("The resource type '{resource_type}' is not supported"))
        })
    }
}

impl FromRequest<Arc<App>> for RequestDocument {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        let body = read_body(body, app.limits()).await?;
        let (format, read) = read_document(&parts.headers, &body)?;
        let source = Source { format, bytes: read.memory() };
        Ok(Self { is_ambiguous: is_ambiguous(&read), document: read.document, source })
    }
}

fn is_ambiguous(read: &ReadDocument) -> bool {
    const RULES: [Rule; 4] = [Rule::MAXIMUM, Rule::CHOICE, Rule::DUPLICATE_MEMBER, Rule::UNKNOWN_RESOURCE];
    // An array where one object belongs is kept as it came, and looked at by nobody here.
    let is_kept = |finding: &Finding| finding.rule == Rule::JSON_TYPE && finding.expected == "an object";
    read.suppressed > 0
        || read.findings.iter().any(|finding| RULES.contains(&finding.rule) || is_kept(finding))
}

/// The document in a body, and the format that the headers name.
pub(crate) fn read_document(headers: &HeaderMap, body: &[u8]) -> Result<(Format, ReadDocument), Refusal> {
    let format = format::for_request(headers, body)?;
    let content_type = format::header_text(headers, header::CONTENT_TYPE).unwrap_or_default();
    let read = wire::read(body, format, content_type).map_err(|error| unreadable(&error))?;
    Ok((format, read))
}

/// Says why a body cannot be read. The problem may quote the body, and so may the path, in names that the
/// client made up: only the client gets them.
fn unreadable(error: &ReadError) -> Refusal {
    let (rule, expected, position) = match error {
        ReadError::Limit { position, .. } => {
            ("The body is beyond a limit of the reader.", "less of it", Some(position))
        }
        ReadError::NotFhir { position, .. } => {
            ("The body is not a DSTU1 resource or bundle.", "a DSTU1 resource or bundle", Some(position))
        }
        ReadError::Malformed { position, .. } => {
            ("The body is not well-formed.", "well-formed JSON or XML", Some(position))
        }
        _ => ("The body cannot be read.", "a DSTU1 resource or bundle", None),
    };
    let place = position.map_or_else(|| "the body".to_owned(), ToString::to_string);
    Refusal::malformed(rule).at(place).expected(expected).details(error.with_content().to_string())
}

/// A parameter that has to be there is not.
pub(crate) fn missing_parameter(name: &'static str) -> Refusal {
    Refusal::required("A parameter is missing.").at(name).details(format!("The parameter {name} is missing."))
}

/// The longest form, and the longest body of a request that needs no login, in bytes.
pub(crate) const FORM_BYTES: usize = 64 << 10;

/// A whole body, within the bounds of length and time in `limits`.
pub(crate) async fn read_body(body: Body, limits: Limits) -> Result<Bytes, Refusal> {
    read_up_to(limits.body_bytes, body, limits).await
}

/// A whole form of at most [`FORM_BYTES`].
pub(crate) async fn read_form(body: Body, limits: Limits) -> Result<Bytes, Refusal> {
    read_up_to(FORM_BYTES.min(limits.body_bytes), body, limits).await
}

/// A whole body of at most `limit` bytes, within the bound of time.
pub(crate) async fn read_up_to(limit: usize, body: Body, limits: Limits) -> Result<Bytes, Refusal> {
    let too_large = || {
        Refusal::new(RefusalKind::TooLarge, "too-long", "The body is too long.")
            .at("the body")
            .expected(format!("at most {limit} bytes"))
            .details(format!("The body is longer than {limit} bytes."))
    };
    let slow = |_| Refusal::new(RefusalKind::Slow, "timeout", "The body did not come in time.");
    let body = timeout(limits.request_time, to_bytes(body, limit)).await.map_err(slow)?;
    body.map_err(|error| {
        let cause = std::error::Error::source(&error);
        if cause.is_some_and(<dyn std::error::Error>::is::<LengthLimitError>) {
            too_large()
        } else {
            Refusal::malformed("The body broke off.")
        }
    })
}

/// A short JSON body of a request that needs no login.
#[derive(Debug)]
pub(crate) struct ShortJson<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for ShortJson<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        let content_type = format::header_text(&parts.headers, header::CONTENT_TYPE).unwrap_or_default();
        // With other types, a browser would let pages of other sites send this without asking.
        if !format::media_type(content_type).eq_ignore_ascii_case("application/json") {
            return Err(Refusal::new(
                RefusalKind::MediaType,
                "not-supported",
                "The body has to be application/json.",
            ));
        }
        let body = read_form(body, app.limits()).await?;
        // The refusal names the place only: the text there may be anything.
        serde_json::from_slice(&body).map(Self).map_err(|error| {
            let place = format!("line {}, column {}", error.line(), error.column());
            let refusal = if error.is_data() {
                let details = format!("The body does not have the fields that belong here: {place}.");
                Refusal::rule("The body does not have the fields that belong here.").details(details)
            } else {
                Refusal::malformed("The body is not JSON.").details(format!("The body is not JSON: {place}."))
            };
            refusal.at(place)
        })
    }
}

/// The resource that the path names: `{id}`, and `{version}` in a path that has one.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) id: String,
    pub(crate) version: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Target {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let params = RawPathParams::from_request_parts(parts, state).await;
        let params = params.map_err(|_| Refusal::parameter("The path cannot be read."))?;
        let get = |name| params.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned());
        Ok(Self { id: get("id").unwrap_or_default(), version: get("version") })
    }
}

/// The links to answer with: under the public URL if one is set, else under the address that the client used.
#[derive(Debug, Clone)]
pub(crate) struct LinksFor(pub(crate) Links);

impl FromRequestParts<Arc<App>> for LinksFor {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Self::Rejection> {
        let base = app.public_url().map_or_else(|| base_used(&parts.headers, app.address()), str::to_owned);
        Ok(Self(Links::new(&base)))
    }
}

fn base_used(headers: &HeaderMap, address: &str) -> String {
    let first = |name: HeaderName| -> Option<&str> {
        format::header_text(headers, name)?.split(',').next().map(str::trim).filter(|value| !value.is_empty())
    };
    let is_host =
        |host: &&str| host.parse::<Authority>().is_ok_and(|authority| !authority.as_str().contains('@'));
    let scheme = match first(HeaderName::from_static("x-forwarded-proto")) {
        Some(scheme) if scheme.eq_ignore_ascii_case("https") => "https",
        _ => "http",
    };
    let forwarded = first(HeaderName::from_static("x-forwarded-host")).filter(is_host);
    let host = forwarded.or_else(|| first(header::HOST).filter(is_host)).unwrap_or(address);
    [scheme, "://", host].concat()
}

/// The parameters of a query in their order. Names are looked up without regard to case: clients send both
/// `event` and `Event`.
#[derive(Debug, Clone)]
pub(crate) struct Params(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Params {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        Self::read(&parts.uri)
    }
}

impl Params {
    pub(crate) fn read(uri: &Uri) -> Result<Self, Refusal> {
        let Query(pairs) =
            Query::try_from_uri(uri).map_err(|_| Refusal::parameter("The query cannot be read."))?;
        Ok(Self(pairs))
    }

    /// The parameters of a form.
    pub(crate) fn from_form(form: &[u8]) -> Self {
        Self(form_urlencoded::parse(form).into_owned().collect())
    }

    /// Whether a parameter is given more than once.
    pub(crate) fn has_duplicates(&self) -> bool {
        let mut names = HashSet::new();
        !self.0.iter().all(|(name, _)| names.insert(name.as_str()))
    }

    /// The value of the first parameter of this name; `None` when it is empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The values of all parameters of this name that have one.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named =
            self.0.iter().filter(move |(key, value)| key.eq_ignore_ascii_case(name) && !value.is_empty());
        named.map(|(_, value)| value.as_str())
    }

    /// A parameter that is a whole number.
    pub(crate) fn number(&self, name: &'static str) -> Result<Option<usize>, Refusal> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let number = value.parse().map_err(|_| {
            Refusal::parameter("The parameter is not a whole number.")
                .at(name)
                .details(format!("{name} is not a whole number."))
        })?;
        Ok(Some(number))
    }

    /// The parameters as a query, with this one set to this value.
    pub(crate) fn with(&self, name: &str, value: &str) -> String {
        let others = self.0.iter().filter(|(key, _)| !key.eq_ignore_ascii_case(name));
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(others).append_pair(name, value);
        query.finish()
    }

    /// The parameters as a query.
    pub(crate) fn query(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn base(headers: &[(&'static str, &'static str)]) -> String {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        base_used(&headers.collect(), "127.0.0.1:4711")
    }

    #[test]
    fn links_use_the_address_that_the_client_used() {
        assert_eq!(base(&[("host", "localhost:8080")]), "http://localhost:8080");
        assert_eq!(base(&[]), "http://127.0.0.1:4711");
        let proxied =
            [("host", "inner:80"), ("x-forwarded-host", "k.example, inner"), ("x-forwarded-proto", "https")];
        assert_eq!(base(&proxied), "https://k.example");
    }

    #[test]
    fn a_host_that_is_none_is_not_put_into_links() {
        assert_eq!(base(&[("host", "a b")]), "http://127.0.0.1:4711");
        assert_eq!(base(&[("host", "ok:1"), ("x-forwarded-host", "<script>")]), "http://ok:1");
        assert_eq!(base(&[("host", "user@evil")]), "http://127.0.0.1:4711");
        assert_eq!(base(&[("host", "ok:1"), ("x-forwarded-proto", "javascript")]), "http://ok:1");
    }

    #[test]
    fn parameter_names_have_no_case() {
        let params =
            Params::read(&"/x?Event=A&processingStatus=New&page=2".parse().expect("a URI")).expect("a query");
        assert_eq!(params.get("event"), Some("A"));
        assert_eq!(params.get("ProcessingStatus"), Some("New"));
        assert_eq!(params.with("page", "3"), "Event=A&processingStatus=New&page=3");
    }
}
