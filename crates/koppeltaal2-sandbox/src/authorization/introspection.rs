//! Introspection (RFC 7662): of launches, access tokens and `id_token`s.

use std::sync::Arc;
use std::time::SystemTime;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use koppeltaal_smart::{HtiClaims, HtiVerifier, JwtError, ReplayGuard, UnverifiedJwt};
use serde_json::{Map, Value, json};

use crate::application::RegisteredApplication;
use crate::authorization::login_events::{Step, Subject};
use crate::authorization::reply::secret_json;
use crate::authorization::service::AuthorizationService;
use crate::form::Form;
use crate::refusal::Refusal;
use crate::trace::Trace;

/// `POST /oauth2/introspect`.
pub(crate) async fn introspect(
    State(service): State<AuthorizationService>,
    Extension(trace): Extension<Trace>,
    body: Bytes,
) -> Response {
    match service.introspect(&body, &trace).await {
        Ok(reply) => secret_json(StatusCode::OK, &reply),
        Err(refusal) => service.refuse("/oauth2/introspect", &refusal, &trace),
    }
}

impl AuthorizationService {
    async fn introspect(&self, body: &[u8], trace: &Trace) -> Result<Value, Refusal> {
        let form =
            Form::parse(body).map_err(|_| Refusal::request("the form is too long or repeats a parameter"))?;
        let now = SystemTime::now();
        let domain = &self.shared.domain;
        let audiences: &[&str] = match self.shared.switches.introspection_for_token_endpoint_only {
            true => &[&domain.token],
            false => &[&domain.token, &domain.introspect],
        };
        let application = self.authenticate(&form, audiences, now).await?;
        let token = form.get("token").ok_or_else(|| Refusal::missing("token"))?;
        Ok(match self.active_claims(token, application, trace, now).await {
            Ok(mut claims) => {
                claims.insert("active".to_owned(), true.into());
                Value::Object(claims)
            }
            Err(error) => {
                // Not a refusal: the server does not say why. A developer finds out from the log.
                let client_id = application.client_id();
                tracing::info!(client_id, %error, "a token that was introspected is not active");
                json!({ "active": false })
            }
        })
    }

    async fn active_claims(
        &self,
        token: &str,
        caller: &RegisteredApplication,
        trace: &Trace,
        now: SystemTime,
    ) -> Result<Map<String, Value>, JwtError> {
        let token = UnverifiedJwt::parse(token)?;
        let issuer = token.unverified_claims().text("iss").ok_or(JwtError::Missing("iss"))?;
        if issuer == self.shared.domain.issuer {
            return Ok(self.check_own(&token, now)?.as_map().clone());
        }
        let launch = self.check_launch(&token, caller, now).await;
        let refusal = launch.as_ref().err().map(|error| Refusal::request(error.to_string()));
        let subject = Subject { application: caller, launch: launch.as_ref().ok(), provider: None };
        self.record(Step::Introspection, subject, trace, refusal.as_ref());
        launch?;
        Ok(token.unverified_claims().as_map().clone())
    }

    /// Checks the HTI token of a launch of this application, and spends it.
    pub(crate) async fn check_launch(
        &self,
        token: &UnverifiedJwt,
        launched: &RegisteredApplication,
        now: SystemTime,
    ) -> Result<HtiClaims, JwtError> {
        let issuer = token.unverified_claims().text("iss").ok_or(JwtError::Missing("iss"))?;
        let portal = self.shared.applications.by_client_id(issuer).filter(|portal| portal.is_approved());
        let portal = portal.ok_or(JwtError::Issuer)?;
        let guard: Arc<dyn ReplayGuard> = self.shared.launches.clone();
        HtiVerifier::new(guard)
            .audience(launched.device())
            .max_lifetime(self.shared.lifetimes.launch)
            .verify_with(token, portal.keys(), now)
            .await
    }
}
