//! [`Introspection`]: what an introspection endpoint says about a token (RFC 7662).

use serde_json::{Map, Value};

use crate::claims::Claims;
use crate::hti::HtiClaims;
use crate::jwt_error::JwtError;

/// What the server says about a token.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Introspection {
    /// Do not accept it: it has expired, was used before, is for somebody else, or is no token at all. The
    /// server does not say which.
    Inactive,
    /// It is good, and these are its claims.
    Active(Claims),
}

impl Introspection {
    pub(crate) fn read(members: Map<String, Value>) -> Self {
        if members.get("active") == Some(&Value::Bool(true)) {
            Self::Active(Claims::new(members))
        } else {
            Self::Inactive
        }
    }

    /// The launch that the token is for.
    ///
    /// # Errors
    ///
    /// [`JwtError::Inactive`], or what is missing in the claims.
    pub fn launch(&self) -> Result<HtiClaims, JwtError> {
        match self {
            Self::Active(claims) => HtiClaims::from_claims(claims),
            Self::Inactive => Err(JwtError::Inactive),
        }
    }
}
