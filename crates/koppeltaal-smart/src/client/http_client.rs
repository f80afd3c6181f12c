//! [`HttpClient`]: the connections, with a limit on every answer.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::ACCEPT;
use reqwest::{RequestBuilder, redirect};
use url::Url;

use crate::client::error::Error;
use crate::client::reply::{Answer, json_object};
use crate::client::tls;
use crate::discovery::{SmartConfiguration, smart_configuration_url};

/// Connections for all requests of this crate. Cheap to clone; make one per application.
#[derive(Debug, Clone)]
#[must_use]
pub struct HttpClient {
    http: reqwest::Client,
    plain_http: bool,
}

/// How long a request may take in all, and how long its connection.
const TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How large the answer of a token endpoint, or a document of discovery, may be.
pub(crate) const BYTES: usize = 1 << 20;

impl HttpClient {
    /// With the certificate authorities of the system. Some servers ask who fetches their JWKS: `user_agent`
    /// is the name that they see, such as `module/1.2`.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`]: the system's certificates cannot be read, or the name has characters that a
    /// header cannot have.
    pub fn new(user_agent: &str) -> Result<Self, Error> {
        let tls = tls::configuration().map_err(|error| Error::Unreachable { source: Arc::new(error) })?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .user_agent(user_agent)
            .connect_timeout(CONNECT_TIMEOUT)
            .build()
            .map_err(Error::network)?;
        Ok(Self::from_reqwest(http))
    }

    /// With connections of the application's own: certificate authorities, a proxy, a client certificate.
    /// Switch redirects off in it, since they could take a client assertion elsewhere.
    pub fn from_reqwest(http: reqwest::Client) -> Self {
        Self { http, plain_http: false }
    }

    /// Allows http to other machines, for a closed network such as one of containers.
    pub fn allow_plain_http(self) -> Self {
        Self { plain_http: true, ..self }
    }

    /// The connections, for requests of another protocol to the same domain. Whether an address may be asked
    /// is [`may_reach`](Self::may_reach)'s to say.
    pub fn as_reqwest(&self) -> &reqwest::Client {
        &self.http
    }

    /// Whether requests may go to this address: by https, or to this machine, or anywhere if plain http
    /// [is allowed](Self::allow_plain_http).
    pub fn may_reach(&self, url: &Url) -> bool {
        url.scheme() == "https" || self.plain_http || is_loopback(url)
    }

    /// Fetches the SMART configuration of the FHIR server with this base URL.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub async fn smart_configuration(&self, fhir_base: &Url) -> Result<SmartConfiguration, Error> {
        let answer = self.get(&smart_configuration_url(fhir_base), BYTES).await?;
        json_object(&answer)?;
        Ok(SmartConfiguration::from_json(&answer.body)?)
    }

    /// The successful answer to a GET.
    pub(crate) async fn get(&self, url: &Url, limit: usize) -> Result<Answer, Error> {
        self.send(self.http.get(self.checked(url)?), limit).await
    }

    /// The successful answer to a form.
    pub(crate) async fn post(&self, url: &Url, form: &[(&str, &str)]) -> Result<Answer, Error> {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.http.post(self.checked(url)?);
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        self.send(request, BYTES).await
    }

    async fn send(&self, request: RequestBuilder, limit: usize) -> Result<Answer, Error> {
        let request = request.header(ACCEPT, "application/json").timeout(TIMEOUT);
        let answer = Answer::receive(request.send().await.map_err(Error::network)?, limit).await?;
        if answer.status.is_success() { Ok(answer) } else { Err(answer.refusal()) }
    }

    fn checked(&self, url: &Url) -> Result<Url, Error> {
        if self.may_reach(url) { Ok(url.clone()) } else { Err(Error::PlainHttp) }
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_is_for_this_machine_unless_it_is_allowed() {
        let client = HttpClient::new("test").expect("a client");
        let checked =
            |client: &HttpClient, url: &str| client.checked(&Url::parse(url).expect("a URL")).is_ok();
        for url in ["https://a.example", "http://localhost:1", "http://127.0.0.1", "http://[::1]:2"] {
            assert!(checked(&client, url), "{url}");
        }
        for url in ["http://a.example", "http://localhost.example", "http://10.0.0.1"] {
            assert!(!checked(&client, url), "{url}");
            assert!(checked(&client.clone().allow_plain_http(), url), "{url}");
        }
    }
}
