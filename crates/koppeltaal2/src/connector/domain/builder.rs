//! [`DomainBuilder`]: how to reach a domain, and its discovery.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join;
use koppeltaal_r4::resources::CapabilityStatement;
use koppeltaal_smart::{HttpClient, SmartConfiguration, Url};
use tokio::time::sleep;

use crate::connector::domain::Domain;
use crate::connector::domain::capabilities;
use crate::connector::domain::error::DiscoveryError;
use crate::connector::error::Error;
use crate::connector::exchange::interaction::Interaction;
use crate::connector::exchange::{Exchange, Request};
use crate::connector::retry::RetryPolicy;
use crate::connector::trace::Trace;

/// How to reach a domain; from [`Domain::builder`]. The defaults are those of the README's table of limits.
#[derive(Debug, Clone)]
#[must_use]
pub struct DomainBuilder {
    base: String,
    user_agent: String,
    http: Option<reqwest::Client>,
    plain_http: bool,
    site: Option<String>,
    configuration: Option<SmartConfiguration>,
    request_timeout: Duration,
    total_timeout: Duration,
    max_response_bytes: usize,
    retry: RetryPolicy,
}

/// The name that servers see if the application gives none.
const USER_AGENT: &str = concat!("koppeltaal2/", env!("CARGO_PKG_VERSION"));

impl DomainBuilder {
    pub(crate) fn new(base: &str) -> Self {
        Self {
            base: base.to_owned(),
            user_agent: USER_AGENT.to_owned(),
            http: None,
            plain_http: false,
            site: None,
            configuration: None,
            request_timeout: Duration::from_secs(30),
            total_timeout: Duration::from_secs(90),
            max_response_bytes: 16 << 20,
            retry: RetryPolicy::default(),
        }
    }

    /// The name that servers see, such as `module/1.2`.
    pub fn user_agent(self, user_agent: &str) -> Self {
        Self { user_agent: user_agent.to_owned(), ..self }
    }

    /// Connections of the application's own: certificate authorities, a proxy, a client certificate. Switch
    /// redirects off in it, since they could take an access token elsewhere. `user_agent` has no effect then.
    pub fn http_client(self, http: reqwest::Client) -> Self {
        Self { http: Some(http), ..self }
    }

    /// Allows http to other machines, for a closed network such as one of containers. To this machine it is
    /// always allowed.
    pub fn allow_plain_http(self) -> Self {
        Self { plain_http: true, ..self }
    }

    /// The host name of this application, for `source.site` of its AuditEvents (topic 11).
    pub fn site(self, host_name: &str) -> Self {
        Self { site: Some(host_name.to_owned()), ..self }
    }

    /// What the server's documents do not say, or say wrongly: members that are set here count more.
    pub fn configuration(self, configuration: SmartConfiguration) -> Self {
        Self { configuration: Some(configuration), ..self }
    }

    /// How long one request may take. Default 30 seconds.
    pub fn request_timeout(self, request_timeout: Duration) -> Self {
        Self { request_timeout, ..self }
    }

    /// How long a request may take with all its retries. Default 90 seconds.
    pub fn total_timeout(self, total_timeout: Duration) -> Self {
        Self { total_timeout, ..self }
    }

    /// How large an answer may be, in bytes. Default 16 MiB.
    pub fn max_response_bytes(self, max_response_bytes: usize) -> Self {
        Self { max_response_bytes, ..self }
    }

    /// How often requests are repeated.
    pub fn retry(self, retry: RetryPolicy) -> Self {
        Self { retry, ..self }
    }

    /// Asks the server about itself: `.well-known/smart-configuration` first, `metadata` for what is missing
    /// there and for the version of FHIR, and the implementation guide for the version of the profiles.
    ///
    /// # Errors
    ///
    /// [`DiscoveryError`].
    pub async fn discover(self) -> Result<Domain, DiscoveryError> {
        let base = parse(&self.base)?;
        let mut http = match self.http {
            Some(http) => HttpClient::from_reqwest(http),
            None => HttpClient::new(&self.user_agent).map_err(DiscoveryError::Client)?,
        };
        if self.plain_http {
            http = http.allow_plain_http();
        }
        if !http.may_reach(&base) {
            return Err(DiscoveryError::PlainHttp { base: base.to_string() });
        }
        let exchange = Exchange {
            http,
            request_timeout: self.request_timeout,
            total_timeout: self.total_timeout,
            max_response_bytes: self.max_response_bytes,
            retry: self.retry,
            pace: Arc::default(),
        };
        let (found, statement) =
            join(smart_configuration(&exchange, &base), capability_statement(&exchange, &base)).await;
        let mut configuration = match (found, &statement) {
            (Err(configuration), Err(_)) if self.configuration.is_none() => {
                return Err(DiscoveryError::Unreadable {
                    base: base.to_string(),
                    configuration,
                    capabilities: Box::new(statement.err().unwrap_or(Error::Id("the base URL"))),
                });
            }
            (Err(source), _) if source.is_transient() && self.configuration.is_none() => {
                return Err(DiscoveryError::Unavailable { base: base.to_string(), source });
            }
            (found, _) => found.unwrap_or_default(),
        };
        if let Ok(statement) = &statement {
            capabilities::complete(&mut configuration, statement);
        }
        if let Some(own) = self.configuration {
            replace(&mut configuration, own);
        }
        configuration.to_token().map_err(|error| DiscoveryError::Missing {
            base: base.to_string(),
            member: match error {
                koppeltaal_smart::DiscoveryError::Missing(member)
                | koppeltaal_smart::DiscoveryError::Url(member) => member,
                _ => "token_endpoint",
            },
        })?;
        let fhir_version = statement.as_ref().ok().and_then(capabilities::fhir_version);
        if let Some(found) = fhir_version.clone().filter(|found| !found.starts_with("4.0")) {
            return Err(DiscoveryError::FhirVersion { base: base.to_string(), found });
        }
        let package_version = match &statement {
            Ok(statement) => {
                package_version(&exchange, &base, capabilities::implementation_guide(statement)).await
            }
            Err(error) => {
                tracing::warn!(%error, "the domain has no readable CapabilityStatement; its versions are unknown");
                None
            }
        };
        Ok(Domain::new(base, configuration, fhir_version, package_version, self.site, exchange))
    }
}

/// The base URL, without a slash at the end.
fn parse(base: &str) -> Result<Url, DiscoveryError> {
    let failure = |base: &str, problem| DiscoveryError::Base { base: base.to_owned(), problem };
    let Ok(mut url) = Url::parse(base.trim()) else {
        return Err(failure("the text", "not an absolute URL"));
    };
    let shown = url.host_str().unwrap_or_default().to_owned();
    if !matches!(url.scheme(), "http" | "https") {
        // `localhost:8490` is read as a URL of the scheme `localhost`.
        return Err(failure(url.scheme(), "it begins with neither http:// nor https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(failure(&shown, "it holds a user name"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(failure(&shown, "it has a query or a fragment"));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// The address of something below the base.
pub(crate) fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}

async fn smart_configuration(
    exchange: &Exchange,
    base: &Url,
) -> Result<SmartConfiguration, koppeltaal_smart::Error> {
    let mut failures = 0;
    loop {
        let error = match exchange.http.smart_configuration(base).await {
            Err(error) if error.is_transient() => error,
            result => return result,
        };
        failures += 1;
        match exchange.retry.delay_after(failures) {
            Some(delay) => sleep(delay).await,
            None => return Err(error),
        }
    }
}

async fn capability_statement(exchange: &Exchange, base: &Url) -> Result<CapabilityStatement, Error> {
    let request = Request::new(Interaction::CAPABILITIES, "", below(base, "metadata"));
    exchange.send(None, &Trace::none(), request).await?.read()
}

async fn package_version(exchange: &Exchange, base: &Url, guide: &str) -> Option<String> {
    let mut url = below(base, "ImplementationGuide");
    url.query_pairs_mut().append_pair("url", guide);
    let request = Request::new(Interaction::IMPLEMENTATION_GUIDE, "", url);
    let answer = exchange.send(None, &Trace::none(), request).await;
    let version = answer.as_ref().ok().and_then(|answer| capabilities::package_version(answer.body()));
    if version.is_none() {
        tracing::debug!(
            error = answer.err().map(tracing::field::display),
            "the version of the profiles is unknown"
        );
    }
    version
}

/// Replaces what the application set itself.
fn replace(configuration: &mut SmartConfiguration, own: SmartConfiguration) {
    let members: [(&mut Option<String>, Option<String>); 6] = [
        (&mut configuration.issuer, own.issuer),
        (&mut configuration.jwks_uri, own.jwks_uri),
        (&mut configuration.authorization_endpoint, own.authorization_endpoint),
        (&mut configuration.token_endpoint, own.token_endpoint),
        (&mut configuration.introspection_endpoint, own.introspection_endpoint),
        (&mut configuration.management_endpoint, own.management_endpoint),
    ];
    for (member, own) in members {
        if own.is_some() {
            *member = own;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_says_where_the_server_is_and_nothing_else() {
        let url = parse(" https://kt.example/fhir/DEFAULT/ ").expect("a base URL");
        assert_eq!(url.as_str(), "https://kt.example/fhir/DEFAULT");
        assert_eq!(below(&url, "metadata").as_str(), "https://kt.example/fhir/DEFAULT/metadata");
        assert_eq!(
            below(&parse("https://kt.example").expect("a URL"), "Task").as_str(),
            "https://kt.example/Task"
        );
        for base in [
            "",
            "kt.example",
            "ftp://kt.example",
            "https://a:b@kt.example",
            "https://kt.example?x",
            "https://kt.example#x",
        ] {
            let failure = parse(base).expect_err("no base URL").to_string();
            assert!(!failure.contains("a:b"), "{failure}");
        }
    }
}
