//! What the operations are: method, whether they change something, whether they need credentials. One table.

use koppeltaal_fhir::Document;
use reqwest::{Method, Url};

use crate::error::Error;

/// One kind of request (Koppeltaal spec section 2).
#[derive(Debug)]
pub(crate) struct Operation {
    /// For spans.
    pub(crate) name: &'static str,
    pub(crate) method: Method,
    /// Whether doing it twice differs from doing it once. A claim does, although it is a GET.
    pub(crate) writes: bool,
    /// Whether the request carries credentials.
    pub(crate) authenticates: bool,
}

macro_rules! operations {
    ($($constant:ident $name:literal $method:ident $writes:literal $authenticates:literal;)*) => {
        impl Operation {
            $(pub(crate) const $constant: &Self = &Self {
                name: $name,
                method: Method::$method,
                writes: $writes,
                authenticates: $authenticates,
            };)*
        }
    };
}

operations! {
    //                            name                          method  writes authenticates
    CONFORMANCE                   "conformance"                 GET     false  false;
    SEND                          "send"                        POST    true   true;
    CLAIM                         "claim"                       GET     true   true;
    ACKNOWLEDGE                   "acknowledge"                 PUT     true   true;
    HEADERS                       "headers"                     GET     false  true;
    MESSAGE                       "message"                     GET     false  true;
    ACTIVITY_DEFINITIONS          "activity-definitions"        GET     false  true;
    CREATE_ACTIVITY_DEFINITION    "create-activity-definition"  POST    true   true;
    UPDATE_ACTIVITY_DEFINITION    "update-activity-definition"  PUT     true   true;
}

/// A request to make.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) operation: &'static Operation,
    pub(crate) url: Url,
    pub(crate) body: Option<&'a Document>,
    /// The `MessageHeader.identifier` of the message that it is about, for spans and errors.
    pub(crate) message_identifier: Option<&'a str>,
}

impl<'a> Request<'a> {
    pub(crate) fn new(operation: &'static Operation, url: Url) -> Self {
        Self { operation, url, body: None, message_identifier: None }
    }

    pub(crate) fn body(self, document: &'a Document) -> Self {
        Self { body: Some(document), ..self }
    }

    pub(crate) fn message_identifier(self, identifier: Option<&'a str>) -> Self {
        Self { message_identifier: identifier, ..self }
    }

    /// What an error means for this request: after a write it may leave open what the server did.
    pub(crate) fn settle(&self, error: Error) -> Error {
        if self.operation.writes { error.of_write(self.message_identifier) } else { error }
    }
}
