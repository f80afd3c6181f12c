//! [`DomainArguments`]: which domain a command speaks to, and as which application.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use koppeltaal_smart::{Algorithm, KeyPair};
use koppeltaal2::{Connector, Domain};

use crate::failure::Failure;
use crate::input;

/// How long a file with a key may be, in bytes.
const MAX_KEY: usize = 64 << 10;

/// The arguments of every command that speaks to a domain.
#[derive(Debug, Args)]
#[command(next_help_heading = "Domain")]
pub(super) struct DomainArguments {
    /// The base URL of the domain's FHIR server, such as `https://koppeltaal.example/fhir/DEFAULT`.
    /// Everything else is asked there.
    #[arg(long, value_name = "URL", env = "KOPPELTAAL2_FHIR_BASE")]
    fhir_base: String,

    /// The application's `client_id` in the domain.
    #[arg(long, value_name = "ID", env = "KOPPELTAAL2_CLIENT_ID")]
    client_id: String,

    /// The file with the application's private key, in PEM or as a JWK.
    #[arg(long, value_name = "FILE", env = "KOPPELTAAL2_KEY")]
    key: PathBuf,

    /// What to sign with. [default: ES384 or ES256 for an EC key, RS512 for an RSA key]
    #[arg(long, value_parser = algorithm())]
    algorithm: Option<Algorithm>,

    /// The `kid` under which the application's JWKS has the key. [default: the thumbprint, or what a JWK
    /// says]
    #[arg(long, value_name = "KID")]
    kid: Option<String>,

    /// Allow http to other machines than this one: tokens and patient data travel unprotected.
    #[arg(long)]
    allow_plain_http: bool,
}

fn algorithm() -> impl TypedValueParser<Value = Algorithm> {
    PossibleValuesParser::new(Algorithm::ALL.map(Algorithm::name))
        .map(|name| Algorithm::from_name(&name).unwrap_or(Algorithm::Es384))
}

impl DomainArguments {
    /// The application in its domain. The domain is asked about itself; no access token is asked for yet.
    ///
    /// # Errors
    ///
    /// The key cannot be used, or the domain does not say what is needed.
    pub(super) async fn connect(&self) -> Result<Connector, Failure> {
        let mut key = key_in(&self.key, self.algorithm)?;
        if let Some(kid) = &self.kid {
            key = key.with_kid(kid);
        }
        let mut domain = Domain::builder(&self.fhir_base)
            .user_agent(concat!("koppeltaal-cli/", env!("CARGO_PKG_VERSION")));
        if self.allow_plain_http {
            domain = domain.allow_plain_http();
        }
        Ok(domain.discover().await?.connect(&self.client_id, Arc::new(key)))
    }
}

/// The key pair in a file.
fn key_in(path: &Path, algorithm: Option<Algorithm>) -> Result<KeyPair, Failure> {
    let text = input::bytes(path, MAX_KEY)?;
    let key = match algorithm {
        None => KeyPair::from_text(&text),
        Some(algorithm) => match serde_json::from_slice(&text) {
            Ok(jwk) => KeyPair::from_jwk(algorithm, &jwk),
            Err(_) => KeyPair::from_pem(algorithm, &text),
        },
    };
    key.map_err(|error| Failure::unusable_file(path.display(), error))
}
