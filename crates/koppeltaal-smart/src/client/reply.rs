//! [`Answer`]: what a server answered, and its JSON, read as servers write it.

use std::time::{Duration, SystemTime};

use reqwest::header::{CACHE_CONTROL, HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use secrecy::zeroize::Zeroizing;
use serde_json::{Map, Value};

use crate::client::error::Error;
use crate::oauth_error::{OAuthError, OAuthErrorCode};

/// An answer with its whole body, which is wiped when it is dropped.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) retry_after: Option<Duration>,
    /// How long the answer may be kept, if it says so.
    pub(crate) max_age: Option<Duration>,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

/// The longest wait that is believed.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

impl Answer {
    /// Receives a body of at most this many bytes.
    pub(crate) async fn receive(mut response: Response, limit: usize) -> Result<Self, Error> {
        let status = response.status();
        let too_large = || Error::Answer { status, problem: "a body that is too large" };
        let (retry_after, max_age) = (retry_after(response.headers()), max_age(response.headers()));
        if response.content_length().is_some_and(|length| length > limit as u64) {
            return Err(too_large());
        }
        let mut body = Zeroizing::new(Vec::new());
        while let Some(piece) = response.chunk().await.map_err(Error::network)? {
            if body.len() + piece.len() > limit {
                return Err(too_large());
            }
            body.extend_from_slice(&piece);
        }
        Ok(Self { status, retry_after, max_age, body })
    }

    /// The error of an answer whose status is no success.
    pub(crate) fn refusal(&self) -> Error {
        let status = self.status;
        if status.is_redirection() {
            return Error::Answer { status, problem: "a redirect, which is not followed" };
        }
        if status.is_server_error()
            || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
        {
            return Error::Unavailable { status, retry_after: self.retry_after };
        }
        let error = OAuthError::from_body(&self.body);
        let is_client = error.as_ref().is_some_and(|error| error.code == OAuthErrorCode::InvalidClient);
        if status == StatusCode::UNAUTHORIZED || is_client {
            Error::Authentication { status, error }
        } else {
            Error::Refused { status, error }
        }
    }
}

/// The members of a JSON object.
pub(crate) fn json_object(answer: &Answer) -> Result<Map<String, Value>, Error> {
    let body = answer.body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&answer.body);
    serde_json::from_slice(body)
        .map_err(|_| Error::Answer { status: answer.status, problem: "no JSON object in the body" })
}

/// A member that is a text and not empty.
pub(crate) fn text(members: &Map<String, Value>, name: &str) -> Option<String> {
    members.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A member that is a number of seconds, as a number or as text.
pub(crate) fn duration(members: &Map<String, Value>, name: &str) -> Option<Duration> {
    let seconds = match members.get(name)? {
        Value::String(text) => text.trim().parse().ok()?,
        value => value.as_f64()?,
    };
    Duration::try_from_secs_f64(seconds).ok()
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::now()).unwrap_or_default(),
    };
    Some(wait.min(LONGEST_WAIT))
}

/// `max-age` of `Cache-Control`; nothing when the answer must not be kept.
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let mut age = None;
    for header in headers.get_all(CACHE_CONTROL) {
        for directive in header.to_str().ok()?.split(',').map(str::trim) {
            if directive.eq_ignore_ascii_case("no-store") || directive.eq_ignore_ascii_case("no-cache") {
                return Some(Duration::ZERO);
            }
            if let Some((name, value)) = directive.split_once('=')
                && name.trim().eq_ignore_ascii_case("max-age")
            {
                age = value.trim().trim_matches('"').parse().ok().map(Duration::from_secs);
            }
        }
    }
    age
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_lifetime_is_a_number_or_a_text() {
        let read = |value: Value| {
            let members = json!({ "expires_in": value });
            duration(members.as_object().expect("an object"), "expires_in")
        };
        assert_eq!(read(json!(300)), Some(Duration::from_secs(300)));
        assert_eq!(read(json!("300")), Some(Duration::from_secs(300)));
        for odd in [json!(-1), json!("soon"), json!(null), json!(1e300), json!([])] {
            assert_eq!(read(odd), None);
        }
    }

    #[test]
    fn the_age_of_an_answer_is_read_from_its_headers() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CACHE_CONTROL, text.parse().expect("a header"));
            max_age(&headers)
        };
        assert_eq!(read("public, max-age=300"), Some(Duration::from_secs(300)));
        assert_eq!(read("Max-Age = \"5\""), Some(Duration::from_secs(5)));
        assert_eq!(read("max-age=300, no-store"), Some(Duration::ZERO));
        assert_eq!(read("public"), None);
        assert_eq!(read("max-age=-1"), None);
    }
}
