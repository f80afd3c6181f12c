//! [`ConfigError`]: why a sandbox cannot start with a configuration.

/// Why a sandbox cannot start with a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The URL of a webhook is not an absolute one with the scheme http or https, or a header cannot be sent.
    #[error(
        "{0:?} cannot be called as a webhook: it has to be http(s)://host[/path], with headers that can be sent"
    )]
    Webhook(String),
    /// The certificates of a webhook over https cannot be used, or the operating system trusts no authority.
    #[error("{url:?} cannot be called over TLS: {reason}")]
    WebhookTls {
        /// The webhook's URL.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// A configuration file contradicts itself in a table that begins in this line.
    #[error("line {line}: {error}")]
    Line {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong there.
        error: Box<ConfigError>,
    },
    /// A configuration file has no application instance.
    #[error("there are no [[instances]], so nobody could log in: add one with username, password and domain")]
    NoInstances,
    /// An activity definition in a configuration file is of an application that does not occur in the file.
    #[error(
        "the activity definition {definition:?} is of the application {application:?}, which there is not: name one of \
         [[applications]] or the application of an instance, or add it to [[applications]]"
    )]
    UnknownApplication {
        /// The identifier of the activity definition.
        definition: String,
        /// What it names as its application.
        application: String,
    },
    /// A fault is of an instance that is not configured.
    #[error("a fault is of the instance {0:?}, which there is not: name the username of an instance")]
    UnknownInstance(String),
    /// A fault answers with a number that is no HTTP status.
    #[error("a fault answers with the status {0}: give one from 200 to 999")]
    FaultStatus(u16),
    /// A text does not say where to listen.
    #[error("{0:?} does not say where to listen: it has to be ADDRESS:PORT, localhost:PORT, or a port")]
    Listen(String),
    /// A setting is zero with which a sandbox could not work, such as
    /// [`Limits::connections`](crate::Limits::connections): its name.
    #[error("{0} has to be more than zero")]
    Zero(&'static str),
    /// A configuration file cannot be read: what is wrong, and in which line.
    #[error("{0}")]
    File(String),
    /// Two instances have the same username, so credentials could not tell them apart.
    #[error("two application instances are called {0:?}: give one of them another username")]
    DuplicateInstance(String),
    /// A username is empty or holds a colon, which Basic authentication cannot carry.
    #[error("{0:?} cannot be a username: it must not be empty or hold a colon")]
    Username(String),
    /// Two instances of one application in one domain: a token could not tell them apart.
    #[error(
        "there are two instances of the application {0:?} in one domain: remove one, or give it another domain or application"
    )]
    DuplicateApplicationInstance(String),
    /// Two applications have the same identifier.
    #[error("two applications are called {0:?}: give one of them another identifier")]
    DuplicateApplication(String),
    /// The identifier of an application is empty or holds a colon, which Basic authentication cannot carry.
    #[error("{0:?} cannot identify an application: it must not be empty or hold a colon")]
    ApplicationIdentifier(String),
    /// A launch page or redirect URI is not an absolute URI, or has a fragment.
    #[error("{0:?} cannot be a launch page or redirect URI: it has to be absolute and without a fragment")]
    ApplicationUrl(String),
    /// A configured activity definition is an `Other` with another code.
    #[error("a configured activity definition has to have the code ActivityDefinition")]
    NotADefinition,
    /// A configured activity definition cannot be written in both formats.
    #[error(
        "an activity definition that is configured for the domain {domain:?} cannot be handed out: {reason}"
    )]
    Definition {
        /// The domain.
        domain: String,
        /// Why, and where in the definition.
        reason: String,
    },
    /// There are more activity definitions in a domain than
    /// [`Limits::definitions`](crate::Limits::definitions) allows.
    #[error(
        "the domain {0:?} has more activity definitions than the limit allows: raise `definitions` in [limits]"
    )]
    TooManyDefinitions(String),
    /// The public URL cannot be a base URL; see
    /// [`SandboxConfig::public_url`](crate::SandboxConfig::public_url).
    #[error("{0:?} cannot be the public URL: it has to be http(s)://host[/path], without /FHIR/Koppeltaal")]
    PublicUrl(String),
}
