//! The token endpoint of the identity provider, and what it says about itself.

use std::time::{Instant, SystemTime};

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::StatusCode;
use koppeltaal_smart::{
    Algorithm, AssertionVerifier, CLIENT_ASSERTION_TYPE, UnverifiedJwt, code_challenge, sign_jwt,
};
use serde_json::{Map, Value, json};

use crate::authorization::{OWN_CLIENT_ID, refusal_json, seconds, secret, secret_json};
use crate::form::Form;
use crate::identity_provider::service::{IdentityProviderService, LoggedIn};
use crate::person::Person;
use crate::refusal::Refusal;
use crate::trace::Trace;

/// How long an `id_token` is valid: it is read at once.
const LIFETIME_SECONDS: u64 = 60;

/// `POST /idp/token`.
pub(crate) async fn token(
    State(service): State<IdentityProviderService>,
    Extension(trace): Extension<Trace>,
    body: Bytes,
) -> Response {
    match exchange(&service, &body).await {
        Ok(reply) => secret_json(StatusCode::OK, &reply),
        Err(refusal) => {
            service.shared.refusals.note("/idp/token", &refusal, &trace);
            refusal_json(&refusal, &trace)
        }
    }
}

async fn exchange(service: &IdentityProviderService, body: &[u8]) -> Result<Value, Refusal> {
    let form =
        Form::parse(body).map_err(|_| Refusal::request("the form is too long or repeats a parameter"))?;
    let required = |name| form.get(name).ok_or_else(|| Refusal::missing(name));
    let shared = &service.shared;
    if required("grant_type")? != "authorization_code" {
        return Err(Refusal::request("grant_type has to be authorization_code"));
    }
    if required("client_assertion_type")? != CLIENT_ASSERTION_TYPE {
        return Err(Refusal::request(format!("client_assertion_type is not {CLIENT_ASSERTION_TYPE}")));
    }
    let now = SystemTime::now();
    let refused = |error| Refusal::assertion(&error);
    let assertion = UnverifiedJwt::parse(required("client_assertion")?).map_err(refused)?;
    let client = AssertionVerifier::new([&shared.urls.idp_token])
        .verify(&assertion, &shared.client_keys, &shared.assertions, now)
        .await
        .map_err(refused)?;
    if client != OWN_CLIENT_ID {
        return Err(Refusal::client("the only client is the authorization service of the sandbox"));
    }
    let logged_in = shared.codes.take(required("code")?, Instant::now());
    let logged_in = logged_in.ok_or_else(|| Refusal::grant("the code is unknown, used up or expired"))?;
    if required("redirect_uri")? != shared.urls.callback {
        return Err(Refusal::grant("redirect_uri is not that of the authorization request"));
    }
    if code_challenge(required("code_verifier")?) != logged_in.request.challenge {
        return Err(Refusal::grant("code_verifier does not meet the code_challenge"));
    }
    let id_token = sign_jwt(&shared.key, &claims(service, &logged_in, now)?).await;
    let id_token = id_token.map_err(|error| Refusal::failure(error.to_string()))?;
    Ok(json!({
        // There is nothing to be had with it.
        "access_token": secret(),
        "token_type": "Bearer",
        "expires_in": LIFETIME_SECONDS,
        "scope": "openid",
        "id_token": id_token.as_str(),
    }))
}

fn claims(
    service: &IdentityProviderService,
    logged_in: &LoggedIn,
    now: SystemTime,
) -> Result<Map<String, Value>, Refusal> {
    let shared = &service.shared;
    let person = Person::read(&shared.store, &logged_in.person)
        .ok_or_else(|| Refusal::grant("the person is no longer in the store"))?;
    let issued = seconds(now);
    let members: [(&str, Value); 7] = [
        ("iss", shared.urls.idp.as_str().into()),
        ("aud", OWN_CLIENT_ID.into()),
        ("azp", OWN_CLIENT_ID.into()),
        ("sub", person.reference.as_str().into()),
        ("name", person.name.as_str().into()),
        ("iat", issued.into()),
        ("exp", (issued + LIFETIME_SECONDS).into()),
    ];
    let nonce = logged_in.request.nonce.as_deref().map(|nonce| ("nonce", Value::from(nonce)));
    // Last, since the claim may be one of those above.
    let login = person.login().map(|login| (shared.login_claim.as_str(), Value::from(login)));
    let all = members.into_iter().chain(nonce).chain(login);
    Ok(all.map(|(name, value)| (name.to_owned(), value)).collect())
}

/// `GET /idp/.well-known/openid-configuration`.
pub(crate) async fn discovery(State(service): State<IdentityProviderService>) -> Response {
    let urls = &service.shared.urls;
    let document = json!({
        "issuer": urls.idp,
        "authorization_endpoint": urls.idp_authorize,
        "token_endpoint": urls.idp_token,
        "jwks_uri": urls.idp_jwks,
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": Algorithm::names(&[Algorithm::Es384]),
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": ["openid"],
        "claims_supported": ["sub", "name", service.shared.login_claim],
    });
    Json(document).into_response()
}
