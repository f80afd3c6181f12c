//! Requests, and the table of all operations: method, credentials, whether repeating is safe, and what a lost
//! answer means.

use bytes::Bytes;
use http::HeaderValue;
use koppeltaal_fhir::{Bundle, Document, Format, Resource};
use reqwest::{Method, Url};

use crate::error::{Error, Result};
use crate::secret;

/// One kind of request.
#[derive(Debug)]
pub(crate) struct Operation {
    /// For spans.
    pub(crate) name: &'static str,
    pub(crate) method: Method,
    /// The path below the server's address of FHIR or OAuth, for spans. Ids are left out: they can be those
    /// of patients.
    pub(crate) path: &'static str,
    /// Whether it is idempotent (RFC 9110 section 9.2.2): doing it twice is the same as doing it once. Then
    /// it may be tried again whatever became of the first try. A claim is not idempotent, although it is a
    /// GET.
    pub(crate) repeatable: bool,
    /// Whether nobody knows what the server did when the answer is lost.
    pub(crate) open_on_failure: bool,
    /// Whether the request carries the client's credentials.
    pub(crate) authenticates: bool,
    /// The expected answer.
    pub(crate) answer: Expected,
}

/// The answer of an operation that succeeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// A document in the client's format, or nothing.
    Fhir,
    /// JSON of OAuth. Refusals are OAuth's.
    OAuth,
    /// A redirect, which is not followed. Refusals are OAuth's or FHIR's.
    Redirect,
    /// Anything. Refusals are FHIR's.
    Content,
}

macro_rules! operations {
    ($($constant:ident $name:literal $method:ident $path:literal $repeatable:literal $open:literal $authenticates:literal $answer:ident;)*) => {
        impl Operation {
            $(pub(crate) const $constant: &Self = &Self {
                name: $name,
                method: Method::$method,
                path: $path,
                repeatable: $repeatable,
                open_on_failure: $open,
                authenticates: $authenticates,
                answer: Expected::$answer,
            };)*
        }
    };
}

operations! {
    //                          name                         method path                    repeatable open   authenticates answer
    CONFORMANCE                 "conformance"                GET    "metadata"              true       false  false         Fhir;
    SEND                        "send"                       POST   "Mailbox"               false      true   true          Fhir;
    CLAIM                       "claim"                      GET    "MessageHeader/_search" false      true   true          Fhir;
    ACKNOWLEDGE                 "acknowledge"                PUT    "MessageHeader/{id}"    true       true   true          Fhir;
    // Repeated, it could release a message that somebody else has claimed in the meantime.
    RELEASE                     "release"                    PUT    "MessageHeader/{id}"    false      true   true          Fhir;
    HEADERS                     "headers"                    GET    "MessageHeader/_search" true       false  true          Fhir;
    MESSAGE                     "message"                    GET    "MessageHeader/_search" true       false  true          Fhir;
    ACTIVITY_DEFINITIONS        "activity-definitions"       GET    "Other/_search"         true       false  true          Fhir;
    CREATE_ACTIVITY_DEFINITION  "create-activity-definition" POST   "Other"                 false      true   true          Fhir;
    // Goes to a versioned address: repeated, it is in conflict with itself.
    UPDATE_ACTIVITY_DEFINITION  "update-activity-definition" PUT    "Other/{id}"            false      true   true          Fhir;
    STORAGE_ITEMS               "storage-items"              GET    "Other"                 true       false  true          Fhir;
    STORAGE_ITEM                "storage-item"               GET    "Other/{id}"            true       false  true          Fhir;
    CREATE_STORAGE_ITEM         "create-storage-item"        POST   "Other"                 false      true   true          Fhir;
    UPDATE_STORAGE_ITEM         "update-storage-item"        PUT    "Other/{id}"            false      true   true          Fhir;
    // Repeated, it fails with 404.
    DELETE_STORAGE_ITEM         "delete-storage-item"        DELETE "Other/{id}"            false      true   true          Fhir;
    BINARY                      "binary"                     GET    "Binary/{id}"           true       false  true          Content;
    CREATE_BINARY               "create-binary"              POST   "Binary"                false      true   true          Fhir;
    UPDATE_BINARY               "update-binary"              PUT    "Binary/{id}"           false      true   true          Fhir;
    DELETE_BINARY               "delete-binary"              DELETE "Binary/{id}"           false      true   true          Fhir;
    // If the answer is lost, nobody knows the first launch, so a second one does no harm.
    LAUNCH                      "launch"                     GET    "Launch"                true       false  true          Redirect;
    MOBILE_LAUNCH               "mobile-launch"              GET    "MobileLaunch"          true       false  true          OAuth;
    // Activation codes, authorization codes and refresh tokens work once.
    AUTHORIZE_MOBILE            "authorize-mobile"           GET    "Authorize"             false      true   false         OAuth;
    TOKEN                       "token"                      POST   "Token"                 false      true   false         OAuth;
    REFRESH                     "refresh"                    POST   "Token"                 false      true   false         OAuth;
}

/// A request to make.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) operation: &'static Operation,
    pub(crate) url: Url,
    pub(crate) body: Option<Body>,
    /// The `MessageHeader.identifier` of the message, for spans and errors.
    pub(crate) message_identifier: Option<&'a str>,
    /// Credentials of the request itself, in place of the client's.
    pub(crate) authorization: Option<HeaderValue>,
}

/// The body of a request, written before anything is sent.
#[derive(Clone)]
pub(crate) struct Body {
    pub(crate) content_type: HeaderValue,
    pub(crate) bytes: Bytes,
}

impl Body {
    pub(crate) fn bundle(format: Format, bundle: &Bundle) -> Result<Self> {
        let text = bundle.write(format).map_err(Error::Unwritable)?;
        // All bundles have the same media type, so an empty one is enough to ask for it.
        Ok(Self::text(format.media_type(&Document::Bundle(Bundle::default())), text))
    }

    pub(crate) fn resource(format: Format, resource: Resource) -> Result<Self> {
        let document = Document::Resource(resource);
        let text = document.write(format).map_err(Error::Unwritable)?;
        Ok(Self::text(format.media_type(&document), text))
    }

    /// A form of OAuth. It holds secrets, so it is wiped from memory after use.
    pub(crate) fn form(pairs: &[(&str, &str)]) -> Self {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        Self {
            content_type: HeaderValue::from_static("application/x-www-form-urlencoded"),
            bytes: secret::wiped(form.into_bytes()),
        }
    }

    fn text(content_type: &'static str, text: String) -> Self {
        Self { content_type: HeaderValue::from_static(content_type), bytes: text.into() }
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Body({} bytes)", self.bytes.len())
    }
}

impl<'a> Request<'a> {
    pub(crate) fn new(operation: &'static Operation, url: Url) -> Self {
        Self { operation, url, body: None, message_identifier: None, authorization: None }
    }

    pub(crate) fn body(self, body: Body) -> Self {
        Self { body: Some(body), ..self }
    }

    pub(crate) fn message_identifier(self, identifier: Option<&'a str>) -> Self {
        Self { message_identifier: identifier, ..self }
    }

    pub(crate) fn authorization(self, authorization: Option<HeaderValue>) -> Self {
        Self { authorization, ..self }
    }

    /// Whether the same request may be made again after this error.
    pub(crate) fn may_repeat_after(&self, error: &Error) -> bool {
        if self.operation.repeatable { error.is_retryable() } else { error.is_repeatable_write() }
    }

    /// What an error means for this request: for a write, the outcome may be unknown.
    pub(crate) fn settle(&self, error: Error) -> Error {
        if self.operation.open_on_failure { error.for_write(self.message_identifier) } else { error }
    }
}
