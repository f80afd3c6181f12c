//! [`RequestInfo`]: which request something is about, for errors and results.

use std::fmt;

/// Which request an error or a result is about. It names no resource, since ids can be those of patients.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestInfo {
    /// What was asked for: `read`, `search`, `create`, `update`, `delete`, and so on.
    pub interaction: &'static str,
    /// The type of the resource; empty for a request about the whole domain.
    pub resource_type: &'static str,
    /// The `X-Request-Id`: the domain's AuditEvents of the request have it too, so its administrators can
    /// find it. When a request is repeated, that of the last one; empty for a request to the authorization
    /// service.
    pub request_id: String,
}

impl fmt::Display for RequestInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.interaction)?;
        if !self.resource_type.is_empty() {
            write!(f, " of {}", self.resource_type)?;
        }
        match &*self.request_id {
            "" => Ok(()),
            request_id => write!(f, " (request {request_id})"),
        }
    }
}
