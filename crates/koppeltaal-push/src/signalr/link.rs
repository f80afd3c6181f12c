//! [`Link`]: the requests of one connection, each with fresh authorization and the cookies that the server set.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use koppeltaal_transport::Client;
use reqwest::{RequestBuilder, Response};
use tokio::time::Instant;

use super::error::{ConnectError, ConnectStep};

/// The largest frame, result or answer that is taken, in bytes. A frame of a wake-up has a few hundred.
pub(crate) const FRAME_LIMIT: usize = 4 << 20;
/// How long the HTTP client keeps a connection that is idle.
const IDLE_TIME: Duration = Duration::from_secs(90);
/// The largest set of cookies that is sent back, in bytes.
const COOKIE_LIMIT: usize = 8 << 10;

/// The way to the hub server of one connection.
pub(crate) struct Link {
    client: Client,
    /// The path of the hub server, such as `signalr`.
    path: String,
    /// By name. They pin the connection to one of several servers; all requests go to one path, so neither
    /// scopes nor times matter.
    cookies: Mutex<BTreeMap<String, String>>,
    /// Until when idle connections are not used.
    distrusted_until: Mutex<Option<Instant>>,
}

impl Link {
    pub(crate) fn new(client: Client, path: &str) -> Self {
        Self { client, path: path.to_owned(), cookies: Mutex::default(), distrusted_until: Mutex::default() }
    }

    /// From now on, until no idle connection of before is left, every request opens one of its own: something failed, and
    /// those that are idle may be as dead, which shows only when nothing comes over them.
    pub(crate) fn distrust_connections(&self) {
        let until = Instant::now() + IDLE_TIME;
        *self.distrusted_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
    }

    fn trusts_connections(&self) -> bool {
        let until = *self.distrusted_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_none_or(|until| until <= Instant::now())
    }

    /// Makes a request and gives the answer, which is one of success or an upgrade, before its body.
    ///
    /// A refused token is renewed once. `extra` adds headers and body; `limit` is for the whole answer, none for the
    /// endless ones.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] of this step.
    pub(crate) async fn request(
        &self,
        step: ConnectStep,
        method: Method,
        endpoint: &str,
        query: &str,
        limit: Option<Duration>,
        extra: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, ConnectError> {
        let credentials = |error| ConnectError::Credentials(Box::new(error));
        let mut authorization = self.client.authorization().await.map_err(credentials)?;
        let mut renewed = false;
        loop {
            let path = format!("{}/{endpoint}", self.path);
            let mut request = if self.trusts_connections() {
                self.client.request_outside_fhir(method.clone(), &path, query)
            } else {
                self.client.request_outside_fhir_on_new_connection(method.clone(), &path, query)
            };
            if let Some(authorization) = &authorization {
                request = request.header(header::AUTHORIZATION, authorization);
            }
            if let Some(cookies) = self.cookies() {
                request = request.header(header::COOKIE, cookies);
            }
            if let Some(limit) = limit {
                request = request.timeout(limit);
            }
            let response = extra(request).send().await.map_err(|error| match limit {
                Some(limit) if error.is_timeout() && !error.is_connect() => {
                    ConnectError::Timeout { step, limit }
                }
                _ => ConnectError::of_request(step, error),
            })?;
            self.keep_cookies(response.headers());
            let status = response.status();
            if status.is_success() || status == StatusCode::SWITCHING_PROTOCOLS {
                return Ok(response);
            }
            if status == StatusCode::UNAUTHORIZED
                && !renewed
                && let Some(used) = &authorization
                && let Some(fresh) = self.client.renew_authorization(used).await.map_err(credentials)?
            {
                (authorization, renewed) = (Some(fresh), true);
                continue;
            }
            return Err(ConnectError::of_status(step, status));
        }
    }

    fn cookies(&self) -> Option<HeaderValue> {
        let cookies = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
        let pairs: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut header = HeaderValue::try_from(pairs.join("; ")).ok().filter(|header| !header.is_empty())?;
        header.set_sensitive(true);
        Some(header)
    }

    fn keep_cookies(&self, headers: &HeaderMap) {
        for header in headers.get_all(header::SET_COOKIE) {
            let pair = header.to_str().ok().and_then(|text| text.split(';').next()?.split_once('='));
            let Some((name, value)) = pair.map(|(name, value)| (name.trim(), value.trim())) else { continue };
            let mut cookies = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
            if value.is_empty() {
                // How servers take a cookie back.
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

/// Reads a short body to its end.
///
/// # Errors
///
/// [`ConnectError`] of this step; a body larger than [`FRAME_LIMIT`] is none of the protocol.
pub(crate) async fn body(step: ConnectStep, mut response: Response) -> Result<Vec<u8>, ConnectError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| ConnectError::of_request(step, error))? {
        if body.len() + chunk.len() > FRAME_LIMIT {
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
        let link = Link::new(Client::builder("http://127.0.0.1:1").build().expect("a client"), "signalr");
        let set = |text: &str| {
            let value = HeaderValue::try_from(text).expect("a header");
            link.keep_cookies(&HeaderMap::from_iter([(header::SET_COOKIE, value)]));
            link.cookies().map(|header| header.to_str().expect("text").to_owned())
        };
        assert_eq!(set("nonsense"), None);
        assert_eq!(set("ARRAffinity=a1; Path=/; HttpOnly").as_deref(), Some("ARRAffinity=a1"));
        assert_eq!(set("b=2=3").as_deref(), Some("ARRAffinity=a1; b=2=3"));
        assert_eq!(set("ARRAffinity=a2").as_deref(), Some("ARRAffinity=a2; b=2=3"));
        assert_eq!(set(&format!("long={}", "x".repeat(9000))).as_deref(), Some("ARRAffinity=a2; b=2=3"));
        assert_eq!(set("b=; Max-Age=0").as_deref(), Some("ARRAffinity=a2"));
        assert!(link.cookies().expect("a header").is_sensitive());
    }
}
