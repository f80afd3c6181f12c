//! [`InstanceId`]: what an application instance is known by, in every part of the sandbox.

use std::sync::Arc;

use crate::config::Instance;

/// An application instance, by what it keeps when the configuration changes around it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct InstanceId {
    pub(crate) domain: Arc<str>,
    pub(crate) username: Arc<str>,
}

impl InstanceId {
    pub(crate) fn of(instance: &Instance) -> Self {
        Self { domain: instance.domain.as_str().into(), username: instance.username.as_str().into() }
    }
}
