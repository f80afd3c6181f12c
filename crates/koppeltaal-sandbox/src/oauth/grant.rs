//! The grants: launches, authorization codes, sessions and refresh tokens; what each stands for and takes in
//! memory.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::expiring::Grant;
use super::pkce::Challenge;
use crate::clock::Timestamp;

/// Who is launched into what.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Context {
    /// The application, as its `client_id`.
    pub(crate) client: String,
    pub(crate) domain: String,
    /// URL of the patient.
    pub(crate) patient: String,
    /// URL of the patient, practitioner or related person who is at the screen.
    pub(crate) user: String,
    /// Identifier of a care plan activity or of an activity definition.
    pub(crate) resource: Option<String>,
    pub(crate) intent: Option<String>,
}

/// An authorization code. One that was redeemed is kept, to notice when it is used again.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct AuthorizationCode {
    pub(super) context: Arc<Context>,
    pub(super) scope: String,
    pub(super) redirect_uri: Option<String>,
    pub(super) challenge: Option<Challenge>,
    /// The tokens that were given for it, if it was redeemed.
    pub(super) family: Option<Uuid>,
}

/// What an access token stands for.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) context: Arc<Context>,
    pub(crate) scope: String,
    pub(crate) expires: Timestamp,
    pub(super) family: Uuid,
}

/// What a refresh token stands for. One that was used is kept, to notice when it is used again.
#[derive(Serialize, Deserialize)]
pub(super) struct RefreshToken {
    #[serde(flatten)]
    pub(super) session: Session,
    #[serde(default)]
    pub(super) is_used: bool,
}

impl Context {
    fn bytes(&self) -> usize {
        let texts = [Some(&self.client), Some(&self.domain), Some(&self.patient), Some(&self.user)];
        let texts = texts.into_iter().chain([self.resource.as_ref(), self.intent.as_ref()]).flatten();
        size_of::<Self>() + texts.map(String::len).sum::<usize>()
    }
}

/// A context that several grants share counts in full in each, because one may outlive the others.
impl Grant for Arc<Context> {
    fn client(&self) -> &str {
        &self.client
    }

    fn bytes(&self) -> usize {
        Context::bytes(self)
    }
}

impl Grant for AuthorizationCode {
    fn client(&self) -> &str {
        &self.context.client
    }

    fn bytes(&self) -> usize {
        let redirect_uri = self.redirect_uri.as_ref().map_or(0, String::len);
        size_of::<Self>() + self.context.bytes() + self.scope.len() + redirect_uri
    }
}

impl Grant for Session {
    fn client(&self) -> &str {
        &self.context.client
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + self.context.bytes() + self.scope.len()
    }
}

impl Grant for RefreshToken {
    fn client(&self) -> &str {
        self.session.client()
    }

    fn bytes(&self) -> usize {
        self.session.bytes()
    }
}
