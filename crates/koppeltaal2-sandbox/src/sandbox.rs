//! [`Sandbox`]: a running domain.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use http::StatusCode;
use koppeltaal_smart::{Algorithm, HttpClient, Jwks, KeyError, KeyPair, Signer as _};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::application::{Applications, RegisteredApplication, RegistrationError};
use crate::audit::Audit;
use crate::authorization::{self, AuthorizationService, ServiceParts};
use crate::browser::{self, LogInError, Stop};
use crate::caller::TokenCheck;
use crate::config::{ConfigError, SandboxConfig, Switches};
use crate::fhir::{self, FhirSettings};
use crate::home::{self, Home};
use crate::identity_provider::{self, IdentityProviderService};
use crate::notification::{NotificationSettings, Notifications};
use crate::refusal::{Refusals, RefusedRequest};
use crate::seed::seed;
use crate::server;
use crate::store::{Store, StoreLimits};
use crate::urls::{FHIR_PATH, Urls};

/// A Koppeltaal 2.0 domain in this process. It stops when it is dropped.
///
/// It needs a Tokio runtime, in which it runs beside the code that uses it.
#[derive(Debug)]
pub struct Sandbox {
    address: SocketAddr,
    urls: Urls,
    fhir_base: String,
    applications: Applications,
    refusals: Refusals,
    notifications: Notifications,
    /// Dropped to stop.
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
}

/// Why a sandbox did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration contradicts itself.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A key cannot be made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The client that fetches the keys of others cannot be made.
    #[error("the sandbox cannot make an HTTP client: {0}")]
    Http(#[source] koppeltaal_smart::Error),
    /// TLS for notifications cannot be set up.
    #[error("the sandbox cannot set up TLS: {0}")]
    Tls(String),
    /// Nobody can listen on the address: it is taken, or is no address of this machine.
    #[error("the sandbox cannot listen on {address}: {source}")]
    Listen {
        /// The configured address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

impl From<RegistrationError> for StartError {
    fn from(error: RegistrationError) -> Self {
        match error {
            RegistrationError::Config(error) => error.into(),
            RegistrationError::Key(error) => error.into(),
        }
    }
}

impl SandboxConfig {
    /// Starts a sandbox with this configuration.
    ///
    /// # Errors
    ///
    /// The configuration contradicts itself, or the sandbox cannot listen on the address.
    pub async fn start(self) -> Result<Sandbox, StartError> {
        Sandbox::with_config(&self).await
    }
}

impl Sandbox {
    /// Starts the seeded domain on a free port of this machine: the applications `epd`, `portal`, `module`
    /// and `administration`, an organization, and no people.
    ///
    /// # Errors
    ///
    /// The sandbox cannot listen.
    pub async fn start() -> Result<Self, StartError> {
        Self::builder().start().await
    }

    /// The seeded domain, to be changed before it starts.
    pub fn builder() -> SandboxConfig {
        SandboxConfig::new()
    }

    async fn with_config(config: &SandboxConfig) -> Result<Self, StartError> {
        config.check()?;
        let unusable = |source| StartError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(unusable)?;
        let address = listener.local_addr().map_err(unusable)?;
        if !address.ip().is_loopback() {
            tracing::warn!(%address, "the sandbox can be reached from other machines; it is not for production");
        }
        let base = config.public_url.clone().unwrap_or_else(|| format!("http://{}", reachable(address)));
        let urls = Urls::new(&base);
        let http = HttpClient::new("koppeltaal2-sandbox").map_err(StartError::Http)?.allow_plain_http();
        let applications = Applications::register(config, &http)?;
        let key = Arc::new(KeyPair::generate(Algorithm::Es384)?);
        let idp_key = KeyPair::generate(Algorithm::Es384)?;
        let client_keys = Jwks::new([key.public_key().clone()]);
        let (store, refusals) = (Store::new(StoreLimits::default()), Refusals::default());
        let domain = Arc::new(urls.domain(seed(config, &applications, &store)));
        let fhir_base = domain.fhir_base.clone();
        let audit = Audit::new(store.clone(), Arc::clone(&domain));
        let parts = ServiceParts {
            urls: urls.clone(),
            domain: Arc::clone(&domain),
            key,
            http,
            applications: applications.clone(),
            store: store.clone(),
            audit: audit.clone(),
            refusals: refusals.clone(),
        };
        let authorization = AuthorizationService::new(config, parts);
        let tokens: Arc<dyn TokenCheck> = Arc::new(authorization.clone());
        let provider = IdentityProviderService::new(
            config,
            &urls,
            idp_key,
            client_keys,
            store.clone(),
            refusals.clone(),
        );
        let settings = NotificationSettings {
            attempts: config.notification_attempts,
            ..NotificationSettings::default()
        };
        let notifications = Notifications::new(store.clone(), audit.clone(), Arc::clone(&tokens), settings)
            .map_err(|error| StartError::Tls(error.to_string()))?;
        let home = Home {
            organization: config.organization.clone(),
            domain: Arc::clone(&domain),
            applications: applications.clone(),
            refusals: refusals.clone(),
        };
        let fhir = fhir::router(
            store,
            tokens,
            domain,
            audit,
            notifications.clone(),
            fhir_settings(&config.switches),
        );
        let router = home::router(home)
            .nest(FHIR_PATH, fhir)
            .merge(authorization::router(authorization))
            .merge(identity_provider::router(provider));
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async {
            // An error means that the sender is gone, which also means stop.
            let _ = stopped.await;
        };
        let server = tokio::spawn(server::serve(listener, router, stopped));
        Ok(Self { address, urls, fhir_base, applications, refusals, notifications, stop: Some(stop), server })
    }

    /// The base of all URLs, without a slash at the end: the public URL if one is configured, else
    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.urls.base
    }

    /// The base URL of the FHIR interface, where discovery begins.
    pub fn fhir_base(&self) -> &str {
        &self.fhir_base
    }

    /// The address that the sandbox listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The applications, in the order of the configuration.
    pub fn applications(&self) -> &[RegisteredApplication] {
        self.applications.all()
    }

    /// The application with this name.
    ///
    /// # Panics
    ///
    /// There is none: a test that names a wrong one is wrong. [`applications`](Self::applications) has them
    /// all.
    pub fn application(&self, name: &str) -> &RegisteredApplication {
        match self.applications.named(name) {
            Some(application) => application,
            None => panic!("the sandbox has no application {name:?}"),
        }
    }

    /// The last 500 requests that the authorization service and the identity provider refused, the oldest
    /// first. Pages of errors say no more than a reference; the reason is here.
    pub fn refusals(&self) -> Vec<RefusedRequest> {
        self.refusals.all()
    }

    /// Does not send the next notifications, so many, as if the network had lost them. Subscribers find out
    /// by searching.
    pub fn lose_notifications(&self, notifications: usize) {
        self.notifications.lose(notifications);
    }

    /// Plays the browser of a launched user: opens the authorization URL, logs this person in at the
    /// sandbox's own identity provider, and returns the URL to which the browser is sent in the end, with
    /// code and state. Of another identity provider it returns the address of the login page.
    ///
    /// # Errors
    ///
    /// [`LogInError::Refused`]: the request is wrong, or the person is not the launched one.
    pub async fn log_in(&self, authorize_url: impl AsRef<str>, person: &str) -> Result<String, LogInError> {
        browser::log_in(&self.urls, authorize_url.as_ref(), person).await.map_err(|stop| match stop {
            Stop::Url => LogInError::Url,
            Stop::Answer(what) => LogInError::Answer(what),
            Stop::Refused(status, reference) => {
                let mut refusals = self.refusals().into_iter();
                let refusal = refusals.find(|refusal| refusal.reference == reference);
                let reason = refusal.map(|refusal| refusal.reason).unwrap_or_default();
                LogInError::Refused { status: status.as_u16(), reason }
            }
        })
    }

    /// Stops listening, and lets requests under way finish, for five seconds at most.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        // A panic in it was reported when it happened.
        let _ = (&mut self.server).await;
    }
}

impl Drop for Sandbox {
    /// Cuts off all connections: a silent client would keep the server alive for ever.
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// In what real servers differ, for the FHIR interface.
fn fhir_settings(switches: &Switches) -> FhirSettings {
    let default = FhirSettings::default();
    // Checked with the configuration.
    let status = |code, otherwise| StatusCode::from_u16(code).unwrap_or(otherwise);
    FhirSettings {
        stale: status(switches.stale_version_status, default.stale),
        without_if_match: status(switches.missing_if_match_status, default.without_if_match),
        profile_rules: !switches.without_profile_rules,
        ..default
    }
}

/// The address at which a client on this machine reaches the server. Nobody can connect to "all addresses".
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
