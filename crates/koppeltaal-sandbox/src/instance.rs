//! [`InstanceId`]: the identity of an application instance, in every part of the sandbox.

use std::sync::Arc;

use crate::config::Instance;

/// The identity of an application instance: it stays the same when the rest of its configuration changes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct InstanceId {
    pub(crate) domain: Arc<str>,
    pub(crate) username: Arc<str>,
}

impl From<&Instance> for InstanceId {
    fn from(instance: &Instance) -> Self {
        Self { domain: instance.domain.as_str().into(), username: instance.username.as_str().into() }
    }
}
