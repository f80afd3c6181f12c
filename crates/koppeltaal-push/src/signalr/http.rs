//! [`HttpClient`]: the HTTP requests of one connection, each with fresh authorization and the cookies of the
//! server.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use koppeltaal_transport::Client;
use reqwest::{RequestBuilder, Response};
use tokio::time::Instant;

use super::error::{ConnectError, ConnectStep};

/// The largest frame or result that is accepted, in bytes. A frame of a wake-up has a few hundred.
pub(crate) const FRAME_LIMIT: usize = 4 << 20;
/// How long the HTTP client keeps a connection that is idle.
const IDLE_TIME: Duration = Duration::from_secs(90);
/// The most cookies that are sent back, in bytes.
const COOKIE_LIMIT: usize = 8 << 10;

/// One request to the hub server.
pub(crate) struct HubRequest {
    /// Gives the name of the request in errors and the last part of its path.
    step: ConnectStep,
    method: Method,
    query: String,
    /// For the whole answer; `None` for answers without end.
    timeout: Option<Duration>,
    headers: HeaderMap,
    body: String,
}

impl HubRequest {
    pub(crate) fn get(step: ConnectStep, query: String) -> Self {
        let (headers, body) = (HeaderMap::new(), String::new());
        Self { step, method: Method::GET, query, timeout: None, headers, body }
    }

    /// A POST with an empty body.
    pub(crate) fn post(step: ConnectStep, query: String) -> Self {
        let empty = HeaderValue::from_static("0");
        Self { method: Method::POST, ..Self::get(step, query) }.header(header::CONTENT_LENGTH, empty)
    }

    /// A POST with this form.
    pub(crate) fn post_form(step: ConnectStep, query: String, form: String) -> Self {
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded; charset=UTF-8");
        Self { method: Method::POST, body: form, ..Self::get(step, query) }
            .header(header::CONTENT_TYPE, form_type)
    }

    pub(crate) fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}

/// The HTTP client of one connection.
pub(crate) struct HttpClient {
    client: Client,
    /// The path of the hub server, such as `signalr`.
    path: String,
    /// By name. They pin the connection to one of several servers. All requests go to one path, so that
    /// neither the scope of a cookie nor its age matters.
    cookies: Mutex<BTreeMap<String, String>>,
    /// Requests do not use idle connections before this time.
    distrusted_until: Mutex<Option<Instant>>,
}

impl HttpClient {
    pub(crate) fn new(client: Client, path: &str) -> Self {
        Self { client, path: path.to_owned(), cookies: Mutex::default(), distrusted_until: Mutex::default() }
    }

    /// Makes every request open a connection of its own until all connections that are idle now have been
    /// closed. After a failure they may be dead, which shows only when no answer comes.
    pub(crate) fn distrust_connections(&self) {
        let until = Instant::now() + IDLE_TIME;
        *self.distrusted_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
    }

    fn trusts_connections(&self) -> bool {
        let until = *self.distrusted_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_none_or(|until| until <= Instant::now())
    }

    /// Sends a request. Returns the answer before its body is read; its status is one of success, or that of
    /// an upgrade. A refused token is renewed once.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] of the request's step.
    pub(crate) async fn send(&self, request: HubRequest) -> Result<Response, ConnectError> {
        let step = request.step;
        let credentials = |error| ConnectError::Credentials(Box::new(error));
        let mut authorization = self.client.authorization().await.map_err(credentials)?;
        let mut is_renewed = false;
        loop {
            let response = self.build(&request, authorization.as_ref()).send().await;
            let response = response.map_err(|error| match request.timeout {
                Some(limit) if error.is_timeout() && !error.is_connect() => {
                    ConnectError::Timeout { step, limit }
                }
                _ => ConnectError::from_request(step, error),
            })?;
            self.store_cookies(response.headers());
            let status = response.status();
            if status.is_success() || status == StatusCode::SWITCHING_PROTOCOLS {
                return Ok(response);
            }
            if status == StatusCode::UNAUTHORIZED
                && !is_renewed
                && let Some(used) = &authorization
                && let Some(fresh) = self.client.renew_authorization(used).await.map_err(credentials)?
            {
                (authorization, is_renewed) = (Some(fresh), true);
                continue;
            }
            return Err(ConnectError::from_status(step, status));
        }
    }

    fn build(&self, request: &HubRequest, authorization: Option<&HeaderValue>) -> RequestBuilder {
        let path = format!("{}/{}", self.path, request.step.name());
        let method = request.method.clone();
        let mut builder = if self.trusts_connections() {
            self.client.request_outside_fhir(method, &path, &request.query)
        } else {
            self.client.request_outside_fhir_on_new_connection(method, &path, &request.query)
        };
        if let Some(authorization) = authorization {
            builder = builder.header(header::AUTHORIZATION, authorization);
        }
        if let Some(cookies) = self.cookies() {
            builder = builder.header(header::COOKIE, cookies);
        }
        if let Some(timeout) = request.timeout {
            builder = builder.timeout(timeout);
        }
        if !request.body.is_empty() {
            builder = builder.body(request.body.clone());
        }
        builder.headers(request.headers.clone())
    }

    fn cookies(&self) -> Option<HeaderValue> {
        let cookies = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
        let pairs: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut header = HeaderValue::try_from(pairs.join("; ")).ok().filter(|header| !header.is_empty())?;
        header.set_sensitive(true);
        Some(header)
    }

    fn store_cookies(&self, headers: &HeaderMap) {
        for header in headers.get_all(header::SET_COOKIE) {
            let pair = header.to_str().ok().and_then(|text| text.split(';').next()?.split_once('='));
            let Some((name, value)) = pair.map(|(name, value)| (name.trim(), value.trim())) else { continue };
            let mut cookies = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
            if value.is_empty() {
                // This is how servers delete a cookie.
                cookies.remove(name);
                continue;
            }
            let size: usize = cookies.iter().map(|(name, value)| name.len() + value.len() + 3).sum();
            if size + name.len() + value.len() <= COOKIE_LIMIT {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

/// Reads a body to its end.
///
/// # Errors
///
/// [`ConnectError`] of this step: the network failed, or the body has more than `limit` bytes.
pub(crate) async fn body(
    step: ConnectStep,
    limit: usize,
    mut response: Response,
) -> Result<Vec<u8>, ConnectError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| ConnectError::from_request(step, error))? {
        if body.len() + chunk.len() > limit {
            return Err(ConnectError::Protocol { step });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_kept_replaced_taken_back_and_bounded() {
        let http =
            HttpClient::new(Client::builder("http://127.0.0.1:1").build().expect("a client"), "signalr");
        let set = |text: &str| {
            let value = HeaderValue::try_from(text).expect("a header");
            http.store_cookies(&HeaderMap::from_iter([(header::SET_COOKIE, value)]));
            http.cookies().map(|header| header.to_str().expect("text").to_owned())
        };
        assert_eq!(set("nonsense"), None);
        assert_eq!(set("ARRAffinity=a1; Path=/; HttpOnly").as_deref(), Some("ARRAffinity=a1"));
        assert_eq!(set("b=2=3").as_deref(), Some("ARRAffinity=a1; b=2=3"));
        assert_eq!(set("ARRAffinity=a2").as_deref(), Some("ARRAffinity=a2; b=2=3"));
        assert_eq!(set(&format!("long={}", "x".repeat(9000))).as_deref(), Some("ARRAffinity=a2; b=2=3"));
        assert_eq!(set("b=; Max-Age=0").as_deref(), Some("ARRAffinity=a2"));
        assert!(http.cookies().expect("a header").is_sensitive());
    }
}
