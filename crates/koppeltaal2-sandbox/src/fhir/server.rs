//! [`FhirServer`]: what the interactions of the FHIR interface share.

use std::sync::Arc;

use http::StatusCode;

use crate::audit::Audit;
use crate::caller::TokenCheck;
use crate::domain::Domain;
use crate::fhir::pages::Pages;
use crate::notification::Notifications;
use crate::store::Store;

/// What the interactions of the FHIR interface share.
pub(crate) struct FhirServer {
    pub(crate) store: Store,
    pub(crate) tokens: Arc<dyn TokenCheck>,
    pub(crate) domain: Arc<Domain>,
    pub(crate) audit: Audit,
    pub(crate) notifications: Notifications,
    pub(crate) pages: Pages,
    pub(crate) settings: FhirSettings,
}

/// In what real servers differ, and how much this one takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FhirSettings {
    /// The status for an update of a version that is no longer the current one: 409 or 412.
    pub(crate) stale: StatusCode,
    /// The status for an update without `If-Match`: 412, 400 or 428.
    pub(crate) without_if_match: StatusCode,
    /// Whether a resource has to keep all rules of its profile, and not only name it.
    pub(crate) profile_rules: bool,
    /// The longest body, in bytes.
    pub(crate) body_bytes: usize,
}

impl Default for FhirSettings {
    /// As the reference server.
    fn default() -> Self {
        Self {
            stale: StatusCode::CONFLICT,
            without_if_match: StatusCode::PRECONDITION_FAILED,
            profile_rules: true,
            body_bytes: 4 << 20,
        }
    }
}
