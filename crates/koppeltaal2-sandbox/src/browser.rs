//! A browser for tests: it follows redirects and fills in the login page.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use koppeltaal_smart::Url;

use crate::trace::REQUEST_ID;
use crate::urls::Urls;

/// Why nobody was logged in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogInError {
    /// The URL is not one of this sandbox.
    #[error("the authorization URL is not one of this sandbox; take the one that its discovery gives")]
    Url,
    /// The sandbox refused, with a page for the user. Why is in
    /// [`Sandbox::refusals`](crate::Sandbox::refusals).
    #[error("the sandbox refused the login (HTTP {status}): {reason}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The reason, which the page does not tell.
        reason: String,
    },
    /// The sandbox cannot be reached, or answered with something else than a login page.
    #[error("the sandbox did not answer as an identity provider: {0}")]
    Answer(String),
}

/// The longest page that is read.
const PAGE_BYTES: usize = 1 << 20;

/// How many redirects are followed. A login has four.
const REDIRECTS: usize = 10;

/// Goes from the authorization URL to the redirect URI of the application, and logs this person in on the
/// way.
pub(crate) async fn log_in(urls: &Urls, authorize_url: &str, person: &str) -> Result<String, Stop> {
    let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    if !is_of(urls, authorize_url) {
        return Err(Stop::Url);
    }
    let mut request = get(authorize_url)?;
    for _ in 0..REDIRECTS {
        let at = request.uri().to_string();
        let answer = client.request(request).await.map_err(failure)?;
        if let Some(location) = location(&answer, &at)? {
            if !is_of(urls, &location) {
                return Ok(location);
            }
            request = get(&location)?;
            continue;
        }
        if answer.status() != StatusCode::OK {
            let reference = answer.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
            return Err(Stop::Refused(answer.status(), reference.unwrap_or_default().to_owned()));
        }
        let page = Limited::new(answer.into_body(), PAGE_BYTES).collect().await.map_err(failure)?;
        let page = String::from_utf8_lossy(&page.to_bytes()).into_owned();
        request = filled_in(urls, &page, person)?;
    }
    Err(Stop::Answer("too many redirects".to_owned()))
}

/// Why the browser stopped.
pub(crate) enum Stop {
    Url,
    /// With the reference of the refusal.
    Refused(StatusCode, String),
    Answer(String),
}

fn failure(error: impl std::fmt::Display) -> Stop {
    Stop::Answer(error.to_string())
}

fn is_of(urls: &Urls, url: &str) -> bool {
    url.strip_prefix(&urls.base).is_some_and(|rest| rest.starts_with('/'))
}

fn get(url: &str) -> Result<Request<Full<Bytes>>, Stop> {
    Request::get(url).header(header::ACCEPT, "text/html").body(Full::default()).map_err(failure)
}

/// The form of the login page, for this person.
fn filled_in(urls: &Urls, page: &str, person: &str) -> Result<Request<Full<Bytes>>, Stop> {
    const FIELD: &str = "name=\"session\" value=\"";
    let field = page.split_once(FIELD).and_then(|(_, rest)| rest.split_once('"'));
    let (session, _) = field.ok_or_else(|| Stop::Answer("the page has no login form".to_owned()))?;
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("session", session)
        .append_pair("person", person)
        .finish();
    Request::builder()
        .method(Method::POST)
        .uri(&urls.idp_login)
        .header(header::ACCEPT, "text/html")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Full::from(form))
        .map_err(failure)
}

/// Where an answer leads to, if it is a redirect.
fn location<B>(answer: &Response<B>, at: &str) -> Result<Option<String>, Stop> {
    let Some(location) = answer.headers().get(header::LOCATION).filter(|_| answer.status().is_redirection())
    else {
        return Ok(None);
    };
    let location = location.to_str().map_err(failure)?;
    match Url::parse(location) {
        // As it was sent: an application compares text.
        Ok(_) => Ok(Some(location.to_owned())),
        Err(_) => {
            Url::parse(at).and_then(|at| at.join(location)).map(|url| Some(url.into())).map_err(failure)
        }
    }
}
