//! [`RefusedRequest`]: a request that the sandbox refused, as people and tests see it; and the bounded list of
//! the last ones.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use koppeltaal_fhir::primitives::Instant;
use serde::{Serialize, Serializer};

/// How many refused requests are kept. The oldest go first.
const CAPACITY: usize = 500;

/// The longest place or expectation that is kept, in bytes. A path in a body can be as long as the body.
const MAXIMUM_TEXT: usize = 500;

/// A request that the sandbox refused. It says what was wrong, but holds nothing that the client sent: no
/// content, no id, no password. That is in the answer that the client got.
///
/// [`Sandbox::refusals`](crate::Sandbox::refusals) gives the last 500, the oldest first.
/// `GET /sandbox/refusals` gives them as a JSON array of objects, wherever the page for people is shown:
///
/// ```json
/// [{ "when": "2026-01-31T12:00:00.000Z", "method": "POST", "route": "/FHIR/Koppeltaal/Mailbox",
///    "instance": "portal", "status": 400, "code": "required",
///    "rule": "The MessageHeader has no identifier.", "place": "entry[0].content.identifier",
///    "expected": null }]
/// ```
///
/// All members are always there; `route`, `instance`, `code`, `rule`, `place` and `expected` may be null.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RefusedRequest {
    /// When it was answered, by the clock of the sandbox.
    #[serde(serialize_with = "instant")]
    pub when: Instant,
    /// The method, such as `POST`.
    pub method: String,
    /// The path as a pattern, with `{id}` and `{version}` in place of what the client asked for; or `None`
    /// for a path that the sandbox does not have. A claim has the query that makes it one.
    pub route: Option<String>,
    /// The username of the instance that the credentials name, even when they are wrong.
    pub instance: Option<String>,
    /// The status of the answer. Authorize says what is wrong in a redirect, so it may be 302.
    pub status: u16,
    /// The code of the reason: the type of the first issue of the `OperationOutcome`, or `error` of OAuth 2.
    pub code: Option<String>,
    /// What is wrong, as a sentence.
    pub rule: Option<&'static str>,
    /// Where: an element such as `entry[1].content`, a parameter, a header, or the line and column in the
    /// body.
    pub place: Option<String>,
    /// What belongs there.
    pub expected: Option<String>,
}

fn instant<S: Serializer>(when: &Instant, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(when.as_str())
}

/// Cuts a text to [`MAXIMUM_TEXT`] bytes.
pub(crate) fn shortened(text: &str) -> String {
    text[..text.floor_char_boundary(MAXIMUM_TEXT)].to_owned()
}

/// The last refused requests, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<VecDeque<RefusedRequest>>);

impl Refusals {
    pub(crate) fn push(&self, refused: RefusedRequest) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() >= CAPACITY {
            last.pop_front();
        }
        last.push_back(refused);
    }

    pub(crate) fn all(&self) -> Vec<RefusedRequest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
