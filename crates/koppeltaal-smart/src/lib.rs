#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod algorithm;
mod authorization;
mod backend;
mod base64url;
mod claims;
mod client_assertion;
mod der;
mod discovery;
mod hti;
mod jwk;
mod jwks;
mod jwt;
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
pub use jwt::{Jwt, JwtError, JwtHeader, UnverifiedJwt};
pub use key_pair::{KeyError, KeyPair};
pub use key_source::{KeySource, KeySourceError};
pub use oauth_error::{OAuthError, OAuthErrorCode};
pub use replay::{MemoryReplayGuard, ReplayError, ReplayGuard};
pub use scope::{Access, Operation, Permission, Scopes};
pub use signer::{SignError, Signer, sign_jwt};
pub use url::Url;
