//! Access tokens: made for an application, and checked for the FHIR server.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use koppeltaal_smart::{Claims, Jwt, JwtError, Scopes, SignError, UnverifiedJwt, Validation, sign_jwt};
use serde_json::json;
use uuid::Uuid;

use crate::application::RegisteredApplication;
use crate::authorization::service::AuthorizationService;
use crate::caller::{Caller, RefusedToken, TokenCheck};

/// The audience of access tokens: the FHIR server, whatever its URL.
const AUDIENCE: &str = "fhir-server";

/// `type` of an access token, which an `id_token` does not have.
const ACCESS: &str = "access";

impl AuthorizationService {
    /// An access token with everything that the role of the application allows.
    pub(crate) async fn issue_access_token(
        &self,
        application: &RegisteredApplication,
        now: SystemTime,
    ) -> Result<Jwt, SignError> {
        let issued = seconds(now);
        let claims = json!({
            "iss": self.shared.domain.issuer,
            "aud": AUDIENCE,
            "azp": application.client_id(),
            "type": ACCESS,
            "scope": application.scopes().to_string(),
            "iat": issued,
            "nbf": issued,
            "exp": issued + self.shared.lifetimes.access_token.as_secs(),
            "jti": Uuid::new_v4().to_string(),
            "nonce": Uuid::new_v4().to_string(),
        });
        sign_jwt(&*self.shared.key, &claims).await
    }

    /// Whose access token this is.
    ///
    /// # Errors
    ///
    /// The token is not an access token of this service, or has expired.
    pub(crate) fn check_access_token(&self, token: &str, now: SystemTime) -> Result<Caller, JwtError> {
        if let Some(caller) = self.shared.checked.get(token, now) {
            return Ok(caller);
        }
        let read = UnverifiedJwt::parse(token)?;
        let claims = self.check_own(&read, now)?;
        if !claims.audiences().any(|audience| audience == AUDIENCE) || claims.text("type") != Some(ACCESS) {
            return Err(JwtError::Audience);
        }
        let client_id = claims.text("azp").ok_or(JwtError::Missing("azp"))?.into();
        let scopes = Arc::new(Scopes::parse(claims.text("scope").unwrap_or_default()));
        let caller = Caller { client_id, scopes };
        let expires = claims.time("exp").ok_or(JwtError::Missing("exp"))?;
        self.shared.checked.put(token, caller.clone(), expires);
        Ok(caller)
    }

    /// Checks a token of this service, of either kind: signature, issuer and times. To the second, since it
    /// is this clock that made it.
    pub(crate) fn check_own<'a>(
        &self,
        token: &'a UnverifiedJwt,
        now: SystemTime,
    ) -> Result<&'a Claims, JwtError> {
        let claims = token.verify(&self.shared.keys)?;
        Validation::new().issuer(&self.shared.domain.issuer).leeway(Duration::ZERO).check(claims, now)?;
        Ok(claims)
    }
}

impl TokenCheck for AuthorizationService {
    fn caller(&self, bearer: &str) -> Result<Caller, RefusedToken> {
        self.check_access_token(bearer, SystemTime::now())
            .map_err(|error| RefusedToken::new(error.to_string()))
    }

    fn scopes_of(&self, client_id: &str) -> Option<Arc<Scopes>> {
        let application = self.shared.applications.by_client_id(client_id)?;
        application.is_approved().then(|| Arc::clone(application.shared_scopes()))
    }
}

/// Seconds since 1970, for a claim.
pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}
