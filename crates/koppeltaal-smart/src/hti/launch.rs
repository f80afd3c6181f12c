//! [`HtiLaunch`]: makes the token of a launch.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::claims::seconds;
use crate::jwt::Jwt;
use crate::signer::{SignError, Signer, sign_jwt};

/// The longest that a launch may be valid (HTI 2.0).
pub const MAX_LAUNCH_LIFETIME: Duration = Duration::from_secs(300);

/// How far `iat` lies back, for a module whose clock is behind.
const BACK: Duration = Duration::from_secs(5);

/// A launch of a user into a module, before it is signed. An HTI 2.0 token; it holds references, no data of a
/// person. It is signed once, since its `jti` works once.
#[must_use]
pub struct HtiLaunch {
    claims: Map<String, Value>,
    jti: String,
    lifetime: Duration,
}

impl HtiLaunch {
    /// Launches the user `subject` into the module `audience` to work on `resource`.
    ///
    /// In Koppeltaal `issuer` is the `client_id` of the portal, `audience` is `Device/<id>` of the module
    /// (the resource-origin of its activity definition), `subject` is `Patient/..`, `Practitioner/..` or
    /// `RelatedPerson/..`, and `resource` is `Task/..`. Valid for five minutes.
    pub fn new(
        issuer: impl Into<String>,
        audience: impl Into<String>,
        subject: impl Into<String>,
        resource: impl Into<String>,
    ) -> Self {
        let jti = Uuid::new_v4().to_string();
        let mut claims = Map::new();
        for (name, value) in [
            ("iss", issuer.into()),
            ("aud", audience.into()),
            ("sub", subject.into()),
            ("resource", resource.into()),
            ("hti-version", "2.0".to_owned()),
            ("jti", jti.clone()),
        ] {
            claims.insert(name.to_owned(), value.into());
        }
        Self { claims, jti, lifetime: MAX_LAUNCH_LIFETIME }
    }

    fn with(mut self, claim: &str, value: impl Into<String>) -> Self {
        self.claims.insert(claim.to_owned(), Value::String(value.into()));
        self
    }

    /// The activity definition, `ActivityDefinition/<id>`.
    pub fn definition(self, definition: impl Into<String>) -> Self {
        self.with("definition", definition)
    }

    /// The patient, `Patient/<id>`, if that is not the user. A related person needs it.
    pub fn patient(self, patient: impl Into<String>) -> Self {
        self.with("patient", patient)
    }

    /// What the user is to do, as a word that both applications know.
    pub fn intent(self, intent: impl Into<String>) -> Self {
        self.with("intent", intent)
    }

    /// The name of the identity provider that knows the user, where a module has several.
    pub fn idp_hint(self, idp_hint: impl Into<String>) -> Self {
        self.with("idp_hint", idp_hint)
    }

    /// With an identifier of the application's own, such as the trace id of requests that prepared the
    /// launch. Each launch needs another one: a module takes each once.
    pub fn with_jti(mut self, jti: impl Into<String>) -> Self {
        self.jti = jti.into();
        self.claims.insert("jti".to_owned(), Value::String(self.jti.clone()));
        self
    }

    /// Valid for this long, and at most for [`MAX_LAUNCH_LIFETIME`].
    pub fn lifetime(self, lifetime: Duration) -> Self {
        Self { lifetime: lifetime.min(MAX_LAUNCH_LIFETIME), ..self }
    }

    /// The identifier of the launch, a UUID; in Koppeltaal its trace id too.
    pub fn jti(&self) -> &str {
        &self.jti
    }

    /// The signed token.
    ///
    /// # Errors
    ///
    /// [`SignError`].
    pub async fn sign(mut self, signer: &(impl Signer + ?Sized), now: SystemTime) -> Result<Jwt, SignError> {
        // From `iat` on: a module may compare the two.
        let issued = seconds(now).saturating_sub(BACK.as_secs());
        self.claims.insert("iat".to_owned(), json!(issued));
        self.claims.insert("exp".to_owned(), json!(issued + self.lifetime.as_secs()));
        sign_jwt(signer, &self.claims).await
    }
}

impl fmt::Debug for HtiLaunch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HtiLaunch").field("jti", &self.jti).finish_non_exhaustive()
    }
}
