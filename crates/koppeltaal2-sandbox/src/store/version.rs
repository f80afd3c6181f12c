//! [`Version`]: a state of a resource, as it was stored.

use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use koppeltaal_r4::{Resource, WriteError};

use crate::moment::Moment;
use crate::resources::{origin, parts_mut};

/// A state of a resource. It never changes.
#[derive(Debug)]
pub(crate) struct Version {
    /// The id of the resource.
    pub(crate) id: Arc<str>,
    /// 1 for the first.
    pub(crate) version: u64,
    /// No two versions of a store have the same.
    pub(crate) last_updated: Moment,
    /// With its id, and with version and time in `meta`.
    pub(crate) resource: Resource,
    /// The memory that it takes, about.
    pub(crate) bytes: usize,
    json: OnceLock<Result<Bytes, WriteError>>,
}

impl Version {
    pub(crate) fn new(id: Arc<str>, version: u64, last_updated: Moment, mut resource: Resource) -> Self {
        if let Some(parts) = parts_mut(&mut resource) {
            *parts.id = (&*id).into();
            let meta = parts.meta.get_or_insert_default();
            meta.version_id = version.to_string().as_str().into();
            meta.last_updated = last_updated.to_instant().into();
        }
        let bytes = memory(&resource);
        Self { id, version, last_updated, resource, bytes, json: OnceLock::new() }
    }

    /// The name of the resource's type.
    pub(crate) fn resource_type(&self) -> &str {
        self.resource.resource_type()
    }

    /// The reference to it, without the version: `Task/1`.
    pub(crate) fn reference(&self) -> String {
        format!("{}/{}", self.resource_type(), self.id)
    }

    /// The Device of the application that created the resource.
    pub(crate) fn origin(&self) -> Option<&str> {
        origin(&self.resource)
    }

    /// Its JSON, which is written once.
    ///
    /// # Errors
    ///
    /// As [`Resource::to_json`].
    pub(crate) fn json(&self) -> Result<Bytes, WriteError> {
        self.json.get_or_init(|| self.resource.to_json().map(Bytes::from)).clone()
    }
}

/// The memory of a resource with its texts, and with its JSON.
fn memory(resource: &Resource) -> usize {
    use koppeltaal_fhir_base::ReadableDocument;
    use koppeltaal_fhir_base::weight::Weight;

    let weight = Weight::of(ReadableDocument::content(resource), 1);
    weight.memory + 2 * weight.text
}

/// One entry of the history of a resource.
#[derive(Debug, Clone)]
pub(crate) enum Entry {
    Live(Arc<Version>),
    /// The resource was deleted, which counts as a version.
    Deleted {
        version: u64,
        last_updated: Moment,
    },
}

impl Entry {
    pub(crate) fn version(&self) -> u64 {
        match self {
            Self::Live(version) => version.version,
            Self::Deleted { version, .. } => *version,
        }
    }
}

/// What there is under an id.
#[derive(Debug, Clone)]
pub(crate) enum Lookup {
    Found(Arc<Version>),
    /// It was deleted.
    Gone,
    /// There never was such a resource, or such a version of it.
    Unknown,
}

impl Lookup {
    /// The version, if there is one.
    pub(crate) fn found(self) -> Option<Arc<Version>> {
        match self {
            Self::Found(version) => Some(version),
            Self::Gone | Self::Unknown => None,
        }
    }
}
