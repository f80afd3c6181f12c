//! What the domain says about its authorization service: the SMART configuration and that of `OpenID`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;
use koppeltaal_smart::{Algorithm, SmartConfiguration};
use serde_json::json;

use crate::authorization::service::AuthorizationService;
use crate::domain::Domain;

const CAPABILITIES: [&str; 6] = [
    "launch-ehr",
    "authorize-post",
    "client-confidential-asymmetric",
    "sso-openid-connect",
    "context-ehr-hti",
    "permission-v2",
];

/// The document of the domain (TOP-KT-016).
fn smart_configuration(service: &AuthorizationService) -> SmartConfiguration {
    let domain: &Domain = &service.shared.domain;
    let list = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect::<Vec<_>>();
    let mut document = SmartConfiguration::default();
    document.issuer = Some(domain.issuer.clone());
    document.jwks_uri = Some(domain.jwks.clone());
    document.authorization_endpoint = Some(domain.authorize.clone());
    document.token_endpoint = Some(domain.token.clone());
    document.introspection_endpoint = Some(domain.introspect.clone());
    document.management_endpoint = Some(format!("{}/", service.shared.base));
    document.grant_types_supported = list(&["authorization_code", "client_credentials"]);
    document.token_endpoint_auth_methods_supported = list(&["private_key_jwt"]);
    document.scopes_supported =
        list(&["openid", "launch", "fhirUser", "system/*.cruds", "system/*.cruds?resource-origin="]);
    document.response_types_supported = list(&["code"]);
    document.capabilities = list(&CAPABILITIES);
    document.code_challenge_methods_supported = list(&["S256"]);
    document
}

/// `GET /fhir/DEFAULT/.well-known/smart-configuration`.
pub(crate) async fn smart(State(service): State<AuthorizationService>) -> Response {
    let headers = [(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")];
    (headers, Json(smart_configuration(&service).to_json())).into_response()
}

/// `GET /oauth2/.well-known/openid-configuration`, for libraries of `OpenID` (`OpenID` Connect Discovery
/// section 3).
pub(crate) async fn openid(State(service): State<AuthorizationService>) -> Response {
    let mut document = smart_configuration(&service);
    let algorithms = Algorithm::names(&[Algorithm::Es384]);
    document.others.insert("id_token_signing_alg_values_supported".to_owned(), algorithms);
    document.others.insert("subject_types_supported".to_owned(), json!(["public"]));
    let headers = [(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")];
    (headers, Json(document.to_json())).into_response()
}
