//! [`ClientBuilder`]: the options of a [`Client`], with safe defaults.

use std::fmt;
use std::time::Duration;

use http::HeaderMap;
use koppeltaal_fhir::{Format, Limits};
use reqwest::redirect;
use rustls::ClientConfig;

use self::error::BuildError;
use crate::address::Server;
use crate::client::{Client, Settings, Shared};

use crate::credentials::Credentials;
use crate::endpoints::EndpointCache;
use crate::exchange::headers::HeaderSource;
use crate::exchange::retry::{RetryBudget, RetryPolicy};
use crate::tls::TlsOptions;

pub(crate) mod error;

/// Makes a [`Client`]; from [`Client::builder`].
#[must_use]
pub struct ClientBuilder {
    server: String,
    oauth_server: Option<String>,
    credentials: Credentials,
    format: Format,
    connect_timeout: Duration,
    request_timeout: Duration,
    total_timeout: Duration,
    body_limit: usize,
    retry: RetryPolicy,
    user_agent: String,
    headers: Option<HeaderSource>,
    proxy: Proxy,
    plain_http: bool,
    /// The first error is returned by [`build`](Self::build), so that calls chain.
    tls: Result<TlsOptions, BuildError>,
}

enum Proxy {
    /// As the environment says (`HTTPS_PROXY`, `NO_PROXY`, ...).
    Environment,
    None,
    Url(String),
}

impl Client {
    /// Options for a client of the server at this address, such as `https://koppeltaal.example`. The FHIR
    /// base that a launch hands out as `iss` (`https://koppeltaal.example/FHIR/Koppeltaal`) works too.
    pub fn builder(server: &str) -> ClientBuilder {
        ClientBuilder {
            server: server.to_owned(),
            oauth_server: None,
            credentials: Credentials::anonymous(),
            format: Format::default(),
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            total_timeout: Duration::from_secs(120),
            body_limit: Limits::default().bytes,
            retry: RetryPolicy::default(),
            user_agent: concat!("koppeltaal-rust/", env!("CARGO_PKG_VERSION")).to_owned(),
            headers: None,
            proxy: Proxy::Environment,
            plain_http: false,
            tls: Ok(TlsOptions::default()),
        }
    }
}

impl ClientBuilder {
    /// Who the client is to the server. Default: [`Credentials::anonymous`].
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = credentials;
        self
    }

    /// The server that gives launches and tokens, if it is not the Koppeltaal server:
    /// `https://login.example`.
    ///
    /// Endpoints of the conformance statement are used at this server only, or without it at the Koppeltaal
    /// server. So a statement cannot send passwords and tokens elsewhere.
    pub fn oauth_server(mut self, url: impl Into<String>) -> Self {
        self.oauth_server = Some(url.into());
        self
    }

    /// The format of requests, and the one asked for in replies. Replies are read in whichever format they
    /// come. Default: JSON.
    pub fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// How long a connection may take to open, TLS included. Default: 10 seconds.
    ///
    /// Keep it below [`request_timeout`](Self::request_timeout). Otherwise that one ends a request first, and
    /// it is not certain that the request never reached the server.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long one request may take, from opening a connection to the last byte of the reply. Default: 30
    /// seconds.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// How long one operation may take with all its retries and the waiting between them. Default: 2 minutes.
    pub fn total_timeout(mut self, timeout: Duration) -> Self {
        self.total_timeout = timeout;
        self
    }

    /// How many bytes the body of a reply may have, compressed and after decompression. Default: 64 MiB.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// How often to try again where that is safe, and how long to wait. Default: [`RetryPolicy::default`].
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// The `User-Agent` header. Default: `koppeltaal-rust/` and the version of this crate.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = user_agent.into();
        self
    }

    /// Adds the headers that `source` returns to each request, each time it is tried: `traceparent` of the
    /// current span, for instance. `source` is called in the task and the span of the request, so it should
    /// be quick.
    ///
    /// It cannot replace the headers that the client sets, such as `Authorization` and `Content-Type`: those
    /// are left out. Requests of a hub connection get none.
    ///
    /// ```
    /// use koppeltaal_transport::{Client, HeaderMap, HeaderValue};
    ///
    /// let client = Client::builder("https://koppeltaal.example").header_source(|| {
    ///     let mut headers = HeaderMap::new();
    ///     headers.insert("x-request-id", HeaderValue::from_static("4711"));
    ///     headers
    /// });
    /// ```
    pub fn header_source(mut self, source: impl Fn() -> HeaderMap + Send + Sync + 'static) -> Self {
        self.headers = Some(HeaderSource::new(source));
        self
    }

    /// Goes through this proxy instead of the one that the environment names (`HTTPS_PROXY`, `ALL_PROXY`,
    /// `NO_PROXY`). A server on this machine is never reached through a proxy.
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.proxy = Proxy::Url(url.into());
        self
    }

    /// Goes through no proxy, whatever the environment says.
    pub fn no_proxy(mut self) -> Self {
        self.proxy = Proxy::None;
        self
    }

    /// Trusts these certificate authorities (PEM) as well as those of the operating system.
    pub fn root_certificates_pem(mut self, pem: &[u8]) -> Self {
        self.change_tls(|tls| {
            tls.extra_roots.extend(TlsOptions::certificates(pem)?);
            Ok(())
        });
        self
    }

    /// Shows this certificate (PEM, leaf first) with its private key (PEM) to a server that asks for one.
    pub fn client_certificate_pem(mut self, chain: &[u8], private_key: &[u8]) -> Self {
        self.change_tls(|tls| {
            tls.identity = Some((TlsOptions::certificates(chain)?, TlsOptions::private_key(private_key)?));
            Ok(())
        });
        self
    }

    /// Allows `http:` to a server that is not this machine. Passwords and patient data then travel
    /// unprotected: for closed test networks only.
    pub fn danger_allow_plain_http(mut self) -> Self {
        self.plain_http = true;
        self
    }

    fn change_tls(&mut self, change: impl FnOnce(&mut TlsOptions) -> Result<(), BuildError>) {
        if let Ok(tls) = &mut self.tls
            && let Err(error) = change(tls)
        {
            self.tls = Err(error);
        }
    }

    /// Makes the client. Opens no connection.
    ///
    /// # Errors
    ///
    /// [`BuildError`]: an address, credential or certificate that cannot be used.
    pub fn build(self) -> Result<Client, BuildError> {
        let server = Server::parse(&self.server, self.plain_http)?;
        let oauth_server = match &self.oauth_server {
            Some(url) => Server::parse(url, self.plain_http)?,
            None => server.clone(),
        };
        let servers = [&server, &oauth_server];
        let tls = self.tls.clone()?;
        let tls = if servers.into_iter().any(Server::is_https) {
            tls.https()?
        } else {
            TlsOptions::unused().ok_or(BuildError::NoCryptography)?
        };
        let failed = |error: reqwest::Error| BuildError::Http(error.without_url().to_string());
        // No idle connection is kept, so each request opens one.
        let http_without_reuse =
            self.http(tls.clone(), servers)?.pool_max_idle_per_host(0).build().map_err(failed)?;
        let http = self.http(tls, servers)?.build().map_err(failed)?;
        let settings = Settings {
            format: self.format,
            request_timeout: self.request_timeout,
            total_timeout: self.total_timeout,
            limits: Limits { bytes: self.body_limit, ..Limits::default() },
            retry: self.retry,
            headers: self.headers.clone(),
        };
        let shared = Shared {
            http,
            http_without_reuse,
            server,
            oauth_server,
            settings,
            retry_budget: RetryBudget::new(),
            endpoints: EndpointCache::default(),
        };
        Ok(Client::new(shared, self.credentials))
    }

    /// The options of the HTTP client.
    fn http(&self, tls: ClientConfig, servers: [&Server; 2]) -> Result<reqwest::ClientBuilder, BuildError> {
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(servers.into_iter().all(Server::is_https))
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            // The application may have these features of reqwest on; `exchange/coding.rs` decodes instead.
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            .user_agent(self.user_agent.as_str())
            .connect_timeout(self.connect_timeout);
        let http = match &self.proxy {
            _ if servers.into_iter().all(Server::is_loopback) => http.no_proxy(),
            Proxy::Environment => http,
            Proxy::None => http.no_proxy(),
            Proxy::Url(url) => http.proxy(reqwest::Proxy::all(url.as_str()).map_err(|_| BuildError::Proxy)?),
        };
        Ok(http)
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The server's address may hold a password, which `build` refuses.
        f.debug_struct("ClientBuilder")
            .field("credentials", &self.credentials)
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}
