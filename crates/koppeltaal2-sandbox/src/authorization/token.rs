//! The token endpoint: access tokens of applications, and the exchange of a launched user's code.

use std::time::{Instant, SystemTime};

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use koppeltaal_smart::{OAuthErrorCode, SignError, code_challenge, sign_jwt};
use serde_json::{Map, Value, json};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use crate::application::RegisteredApplication;
use crate::authorization::access_token::seconds;
use crate::authorization::grant::Launched;
use crate::authorization::reply::secret_json;
use crate::authorization::service::AuthorizationService;
use crate::form::Form;
use crate::refusal::Refusal;
use crate::trace::Trace;

/// The access token of a launched user, which opens nothing.
const NO_TOKEN: &str = "NOOP";

/// The claims of the HTI token that the reply repeats, as the reference service does.
const CONTEXT: [&str; 9] = ["resource", "definition", "sub", "patient", "intent", "aud", "iss", "exp", "jti"];

/// `POST /oauth2/token`.
pub(crate) async fn token(
    State(service): State<AuthorizationService>,
    Extension(trace): Extension<Trace>,
    body: Bytes,
) -> Response {
    match service.grant(&body).await {
        Ok(reply) => secret_json(StatusCode::OK, &Value::Object(reply)),
        Err(refusal) => service.refuse("/oauth2/token", &refusal, &trace),
    }
}

impl AuthorizationService {
    async fn grant(&self, body: &[u8]) -> Result<Map<String, Value>, Refusal> {
        let form =
            Form::parse(body).map_err(|_| Refusal::request("the form is too long or repeats a parameter"))?;
        let grant_type = form.get("grant_type").ok_or_else(|| Refusal::missing("grant_type"))?;
        let is_exchange = match grant_type {
            "client_credentials" => false,
            "authorization_code" => true,
            _ => {
                return Err(Refusal::bad(
                    OAuthErrorCode::UnsupportedGrantType,
                    "grant_type has to be client_credentials or authorization_code",
                ));
            }
        };
        let now = SystemTime::now();
        let application = self.authenticate(&form, &[&self.shared.domain.token], now).await?;
        let reply = match is_exchange {
            true => self.exchange(&form, application, now).await?,
            false => self.client_credentials(application, now).await.map_err(signing)?,
        };
        tracing::debug!(client_id = application.client_id(), grant_type, "token given");
        Ok(reply)
    }

    async fn client_credentials(
        &self,
        application: &RegisteredApplication,
        now: SystemTime,
    ) -> Result<Map<String, Value>, SignError> {
        let token = self.issue_access_token(application, now).await?;
        let scope = application.scopes().to_string();
        Ok(self.reply(token.as_str(), self.shared.lifetimes.access_token.as_secs(), &scope))
    }

    async fn exchange(
        &self,
        form: &Form,
        application: &RegisteredApplication,
        now: SystemTime,
    ) -> Result<Map<String, Value>, Refusal> {
        let code = form.get("code").ok_or_else(|| Refusal::missing("code"))?;
        // Whatever follows, the code is used up: who has it may not try verifiers.
        let launched = self.shared.codes.take(code, Instant::now());
        let launched = launched.ok_or_else(|| Refusal::grant("the code is unknown, used up or expired"))?;
        if launched.application.client_id() != application.client_id() {
            return Err(Refusal::grant("the code is of another client"));
        }
        if form.get("redirect_uri") != Some(launched.redirect_uri.as_str()) {
            return Err(Refusal::grant("redirect_uri is not that of the authorization request"));
        }
        check_verifier(launched.challenge.as_deref(), form.get("code_verifier"))?;
        let id_token = self.id_token(&launched, now).await.map_err(signing)?;
        let lifetime = self.shared.lifetimes.id_token.as_secs();
        let mut reply = self.reply(NO_TOKEN, lifetime, &launched.scope);
        reply.insert("id_token".to_owned(), id_token.into());
        for name in CONTEXT {
            reply.extend(launched.claims.get(name).map(|value| (name.to_owned(), value.clone())));
        }
        // Also of an HTI 1.1 token, which has them inside its task.
        let launch = &launched.launch;
        let of_task = [
            ("resource", Some(&launch.resource)),
            ("definition", launch.definition.as_ref()),
            ("patient", launch.patient.as_ref()),
            ("intent", launch.intent.as_ref()),
        ];
        for (name, value) in of_task {
            reply.extend(value.map(|value| (name.to_owned(), value.as_str().into())));
        }
        Ok(reply)
    }

    async fn id_token(&self, launched: &Launched, now: SystemTime) -> Result<String, SignError> {
        let (client_id, subject) = (launched.application.client_id(), &launched.launch.subject);
        let issued = seconds(now);
        // As the reference service does it; a client of OpenID wants its own.
        let nonce = launched.nonce.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
        let claims = json!({
            "iss": self.shared.domain.issuer,
            "aud": client_id,
            "azp": client_id,
            "sub": subject,
            "fhirUser": format!("{}/{subject}", self.shared.domain.fhir_base),
            "iat": issued,
            "exp": issued + self.shared.lifetimes.id_token.as_secs(),
            "jti": Uuid::new_v4().to_string(),
            "nonce": nonce,
        });
        Ok(sign_jwt(&*self.shared.key, &claims).await?.as_str().to_owned())
    }

    fn reply(&self, access_token: &str, lifetime: u64, scope: &str) -> Map<String, Value> {
        let expires_in = match self.shared.switches.expires_in_as_text {
            true => lifetime.to_string().into(),
            false => Value::from(lifetime),
        };
        let members: [(&str, Value); 4] = [
            ("access_token", access_token.into()),
            ("token_type", "Bearer".into()),
            ("expires_in", expires_in),
            ("scope", scope.into()),
        ];
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// PKCE (RFC 7636 section 4.6). A verifier without a challenge means that somebody took the challenge out of
/// the client's request (RFC 9700 section 4.8.2).
fn check_verifier(challenge: Option<&str>, verifier: Option<&str>) -> Result<(), Refusal> {
    match (challenge, verifier) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err(Refusal::grant("code_verifier is given, though there was no code_challenge")),
        (Some(_), None) => Err(Refusal::grant("code_verifier is missing")),
        (Some(challenge), Some(verifier)) => {
            match bool::from(code_challenge(verifier).as_bytes().ct_eq(challenge.as_bytes())) {
                true => Ok(()),
                false => Err(Refusal::grant("code_verifier does not meet the code_challenge")),
            }
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn signing(error: SignError) -> Refusal {
    Refusal::failure(error.to_string())
}
