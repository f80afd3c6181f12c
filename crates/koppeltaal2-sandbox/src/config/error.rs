//! [`ConfigError`]: why a sandbox cannot start with a configuration.

use koppeltaal_smart::JwkError;

/// Why a sandbox cannot start with a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A configuration file contradicts itself in a table that begins in this line.
    #[error("line {line}: {error}")]
    Line {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong there.
        error: Box<ConfigError>,
    },
    /// A configuration file cannot be read: what is wrong, and in which line.
    #[error("{0}")]
    File(String),
    /// A text does not say where to listen.
    #[error("{0:?} does not say where to listen: it has to be ADDRESS:PORT, localhost:PORT, or a port")]
    Listen(String),
    /// The public URL cannot be a base URL.
    #[error("{0:?} cannot be the public URL: it has to be http(s)://host[/path] without a query")]
    PublicUrl(String),
    /// An application has no name.
    #[error("an application has no name: give it one, which no other application has")]
    ApplicationName,
    /// Two applications have the same name.
    #[error("two applications are called {0:?}: give one of them another name")]
    DuplicateName(String),
    /// A `client_id` cannot be the id of a Device.
    #[error("{0:?} cannot be a client_id: it has to have 1 to 64 letters, digits, `-` and `.`, as a FHIR id")]
    ClientId(String),
    /// Two applications have the same `client_id`.
    #[error("two applications have the client_id {0:?}: give one of them another")]
    DuplicateClientId(String),
    /// A redirect URI is not an absolute URI, or has a fragment.
    #[error("{0:?} cannot be a redirect URI: it has to be absolute and without a fragment")]
    RedirectUri(String),
    /// A URL of an application or an identity provider cannot be used.
    #[error("{0:?} is not a usable URL: it has to be http(s)://host[/path], without user name and fragment")]
    Url(String),
    /// An application has keys of more than one kind.
    #[error("the application {0:?} has keys in several ways: keep one of jwks_url, public_key and jwk")]
    SeveralKeys(String),
    /// The public key of an application cannot be read.
    #[error("the public key of the application {application:?} cannot be read: {error}")]
    PublicKey {
        /// The application's name.
        application: String,
        /// What is wrong with the key.
        error: JwkError,
    },
    /// A permission has letters that are not operations.
    #[error("{0:?} are not operations: take some of the letters c, r, u, d, s")]
    Letters(String),
    /// An application names another one that there is not.
    #[error("the application {application:?} names the application {name:?}, which there is not")]
    UnknownApplication {
        /// The application's name.
        application: String,
        /// What it names.
        name: String,
    },
    /// An application names an identity provider that there is not.
    #[error(
        "the application {application:?} names the identity provider {name:?}, which there is not: add it to \
         [[identity_providers]], or name `sandbox`, the sandbox's own"
    )]
    UnknownIdentityProvider {
        /// The application's name.
        application: String,
        /// What it names.
        name: String,
    },
    /// The name of an identity provider is empty, taken by the sandbox's own, or used twice.
    #[error(
        "{0:?} cannot be the name of an identity provider: it must not be empty, `sandbox`, or used twice"
    )]
    IdentityProviderName(String),
    /// A status is not one that servers give in that situation.
    #[error("{name} has to be one of {allowed:?}")]
    Status {
        /// The setting.
        name: &'static str,
        /// The statuses that are right.
        allowed: &'static [u16],
    },
    /// A setting is zero with which a sandbox could not work: its name.
    #[error("{0} has to be more than zero")]
    Zero(&'static str),
}
