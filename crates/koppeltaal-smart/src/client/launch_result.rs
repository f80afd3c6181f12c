//! [`LaunchResult`]: what a module gets for an authorization code.

use std::fmt;
use std::time::SystemTime;

use serde_json::{Map, Value};

use crate::claims::{Claims, Validation};
use crate::client::access_token::AccessToken;
use crate::client::reply;
use crate::jwt::UnverifiedJwt;
use crate::jwt_error::JwtError;
use crate::key_source::KeySource;

/// The result of a launch. It has no token for the FHIR server: Koppeltaal gives a launched user none (the
/// reply says `NOOP`), and the module works with [its own](crate::AccessTokens).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LaunchResult {
    /// What the launch is about.
    pub context: LaunchContext,
    /// Who the user is, as the authorization service signed it. Absent where a server gives none.
    pub id_token: Option<IdToken>,
    /// A token with the user's rights, from a server that gives one. Koppeltaal plans this.
    pub user_token: Option<AccessToken>,
}

/// What a launch is about. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct LaunchContext {
    /// `resource`: `Task/<id>`.
    pub resource: Option<String>,
    /// `definition`: `ActivityDefinition/<id>`.
    pub definition: Option<String>,
    /// `sub`: the user, `Patient/..`, `Practitioner/..` or `RelatedPerson/..`.
    pub subject: Option<String>,
    /// `patient`: the patient, if that is not the user.
    pub patient: Option<String>,
    /// `intent`: what the user is to do.
    pub intent: Option<String>,
}

/// An `id_token` whose signature, issuer, audience and times were checked. `Debug` shows nothing of the user.
#[derive(Clone, PartialEq, Eq)]
pub struct IdToken {
    claims: Claims,
}

/// The access token that opens nothing (TOP-KT-007).
const NO_TOKEN: &str = "NOOP";

impl LaunchContext {
    pub(crate) fn read(members: &Map<String, Value>) -> Self {
        let text = |name| reply::text(members, name);
        Self {
            resource: text("resource"),
            definition: text("definition"),
            subject: text("sub"),
            patient: text("patient"),
            intent: text("intent"),
        }
    }
}

/// Whether the reply holds a token that can be used.
pub(crate) fn has_token(members: &Map<String, Value>) -> bool {
    reply::text(members, "access_token").is_some_and(|token| !token.eq_ignore_ascii_case(NO_TOKEN))
}

impl IdToken {
    /// Checks a token of this issuer for this client.
    pub(crate) async fn verify(
        token: &str,
        issuer: &str,
        client_id: &str,
        keys: &(impl KeySource + ?Sized),
        now: SystemTime,
    ) -> Result<Self, JwtError> {
        let token = UnverifiedJwt::parse(token)?;
        let claims = token.verify_with(keys).await?;
        Validation::new().issuer(issuer).audience(client_id).require("sub").check(claims, now)?;
        // OpenID Connect Core section 3.1.3.7: the party that the token was made for.
        if claims.get("azp").is_some_and(|party| party != client_id) {
            return Err(JwtError::Audience);
        }
        Ok(Self { claims: claims.clone() })
    }

    /// The user. In Koppeltaal a reference such as `Patient/<id>`.
    pub fn subject(&self) -> &str {
        self.claims.text("sub").unwrap_or_default()
    }

    /// All claims.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }
}

impl fmt::Debug for LaunchContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LaunchContext").finish_non_exhaustive()
    }
}

impl fmt::Debug for IdToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdToken").finish_non_exhaustive()
    }
}
