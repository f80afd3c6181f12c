//! HTI (Health Tools Interoperability): the token with which a portal launches a user into a module. 2.0 is
//! made and read, 1.1 is read.

pub(crate) mod form;
pub(crate) mod launch;
pub(crate) mod verifier;

use std::fmt;
use std::time::SystemTime;

use serde_json::Value;

use crate::claims::Claims;
use crate::jwt_error::JwtError;

/// What an HTI token says. `Debug` leaves out whom and what it points to.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HtiClaims {
    /// `iss`: who launches; in Koppeltaal the `client_id` of the portal.
    pub issuer: String,
    /// `aud`: who is launched; in Koppeltaal `Device/<id>` of the module.
    pub audiences: Vec<String>,
    /// `sub`: the user, `Patient/..`, `Practitioner/..` or `RelatedPerson/..`.
    pub subject: String,
    /// `resource`: what the user works on, `Task/<id>`.
    pub resource: String,
    /// `definition`: the activity definition.
    pub definition: Option<String>,
    /// `patient`: the patient, if that is not the user.
    pub patient: Option<String>,
    /// `intent`: what the user is to do.
    pub intent: Option<String>,
    /// `idp_hint`: the name of the identity provider that knows the user.
    pub idp_hint: Option<String>,
    /// The version of HTI.
    pub version: HtiVersion,
    /// `jti`: the identifier of the launch; in Koppeltaal its trace id too.
    pub jti: String,
    /// `iat`.
    pub issued_at: Option<SystemTime>,
    /// `exp`.
    pub expires_at: SystemTime,
}

/// The version of an HTI token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HtiVersion {
    /// 1.1: the claim `task` holds parts of the Task. Koppeltaal's service still takes it.
    V1_1,
    /// 2.0: references only.
    V2_0,
}

impl HtiClaims {
    /// Reads the claims of either version. They are as true as the claims:
    /// [`HtiVerifier`](crate::HtiVerifier) checks them first.
    ///
    /// # Errors
    ///
    /// [`JwtError::Missing`], [`JwtError::Malformed`].
    pub fn from_claims(claims: &Claims) -> Result<Self, JwtError> {
        let text = |name| claims.text(name).map(str::to_owned);
        let must = |name| text(name).ok_or(JwtError::Missing(name));
        let subject = must("sub")?;
        let task = claims.get("task").filter(|task| task.is_object());
        let version = match (text("resource"), task) {
            (None, Some(_)) => HtiVersion::V1_1,
            _ => HtiVersion::V2_0,
        };
        let (resource, definition, patient, intent) = match task.filter(|_| version == HtiVersion::V1_1) {
            Some(task) => {
                let member = |name: &str| task.get(name).and_then(reference);
                let id = member("id").ok_or(JwtError::Missing("task.id"))?;
                let resource = if id.contains('/') { id } else { format!("Task/{id}") };
                let patient = member("for").filter(|patient| *patient != subject);
                (resource, member("instantiatesCanonical"), patient, member("intent"))
            }
            None => (must("resource")?, text("definition"), text("patient"), text("intent")),
        };
        Ok(Self {
            issuer: must("iss")?,
            audiences: claims.audiences().map(str::to_owned).collect(),
            subject,
            resource,
            definition,
            patient,
            intent,
            idp_hint: text("idp_hint"),
            version,
            jti: must("jti")?,
            issued_at: claims.time("iat"),
            expires_at: claims.time("exp").ok_or(JwtError::Missing("exp"))?,
        })
    }
}

/// A text, or the `reference` of a FHIR reference.
fn reference(value: &Value) -> Option<String> {
    let text = value.as_str().or_else(|| value.get("reference")?.as_str())?;
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

impl fmt::Debug for HtiClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HtiClaims")
            .field("issuer", &self.issuer)
            .field("audiences", &self.audiences)
            .field("version", &self.version)
            .field("jti", &self.jti)
            .finish_non_exhaustive()
    }
}
