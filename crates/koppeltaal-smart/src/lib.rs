#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod algorithm;
mod authorization;
mod backend;
mod base64url;
mod claims;
#[cfg(feature = "client")]
mod client;
mod client_assertion;
mod der;
mod discovery;
mod hti;
mod jwk;
mod jwks;
#[cfg(feature = "service")]
mod jwks_service;
mod jwt;
mod jwt_error;
mod jwt_header;
mod key_pair;
mod key_source;
mod oauth_error;
mod replay;
mod scope;
mod signer;

pub use algorithm::Algorithm;
pub use authorization::{
    AuthorizationCode, AuthorizationError, AuthorizationRequest, PendingAuthorization, Prompt, code_challenge,
};
pub use claims::{Claims, DEFAULT_LEEWAY, Validation};
#[cfg(feature = "client")]
pub use client::{
    access_token::AccessToken,
    access_tokens::AccessTokens,
    error::Error,
    http_client::HttpClient,
    introspection::Introspection,
    jwks_client::JwksClient,
    launch_result::{IdToken, LaunchContext, LaunchResult},
    smart_client::SmartClient,
};
pub use client_assertion::{
    AssertionVerifier, CLIENT_ASSERTION_TYPE, ClientAssertion, MAX_ASSERTION_LIFETIME,
};
pub use discovery::{DiscoveryError, SmartConfiguration, smart_configuration_url};
pub use futures_core::future::BoxFuture;
pub use hti::form::{LaunchForm, LaunchFormError, LaunchPage, NotALaunch, ReceivedLaunch};
pub use hti::launch::{HtiLaunch, MAX_LAUNCH_LIFETIME};
pub use hti::verifier::HtiVerifier;
pub use hti::{HtiClaims, HtiVersion};
pub use jwk::{Jwk, JwkError};
pub use jwks::{Jwks, NotAJwks};
#[cfg(feature = "service")]
pub use jwks_service::JwksService;
pub use jwt::{Jwt, UnverifiedJwt};
pub use jwt_error::{JwtError, KeySourceError};
pub use jwt_header::JwtHeader;
pub use key_pair::{KeyError, KeyPair};
pub use key_source::KeySource;
pub use oauth_error::{OAuthError, OAuthErrorCode};
pub use replay::{MemoryReplayGuard, ReplayError, ReplayGuard};
#[cfg(feature = "client")]
pub use reqwest::StatusCode;
pub use scope::{Access, Operation, Permission, Scopes};
pub use signer::{SignError, Signer, sign_jwt};
pub use url::Url;
