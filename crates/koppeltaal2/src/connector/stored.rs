//! [`StoredResource`]: a resource as the server has it, with the id and the version that it gave.

use std::fmt;
use std::ops::{Deref, DerefMut};

use koppeltaal_r4::Resource;
use koppeltaal_r4::datatypes::Reference;
use koppeltaal_r4::primitives::Instant;

use crate::profile::Profile;

/// A resource as the server has it. It dereferences to the resource: read and change its elements through it.
///
/// `Debug` shows id and version only.
#[derive(Clone)]
#[non_exhaustive]
pub struct StoredResource<P> {
    /// The logical id.
    pub id: String,
    /// The version, which the next update has to name.
    pub version: String,
    /// When this version was written, by the server's clock.
    pub last_updated: Option<Instant>,
    /// The resource.
    pub resource: P,
    /// The `X-Request-Id` of the request that gave it.
    pub request_id: String,
}

impl<P: Profile> StoredResource<P> {
    /// Takes a resource that came from a server. The version may be known from a header too.
    pub(crate) fn read(fhir: P::Fhir, header: Option<&str>, request_id: &str) -> Result<Self, &'static str> {
        let resource = P::from_fhir(fhir);
        let id = resource.id().ok_or("a resource without an id")?.to_owned();
        let version = resource.version_id().or(header).ok_or("a resource without a version")?.to_owned();
        let last_updated = resource.last_updated().cloned();
        Ok(Self { id, version, last_updated, resource, request_id: request_id.to_owned() })
    }

    /// The same resource with changes, for [`Connector::update`](crate::Connector::update).
    #[must_use]
    pub fn edit(mut self, change: impl FnOnce(&mut P)) -> Self {
        change(&mut self.resource);
        self
    }

    /// The resource of R4, to be printed or converted.
    pub fn into_resource(self) -> Resource {
        self.resource.into_fhir().into()
    }

    /// `Task/<id>`, as references have it.
    pub fn reference(&self) -> String {
        format!("{}/{}", P::NAME, self.id)
    }

    /// `Task/<id>/_history/<version>`, as AuditEvents have it.
    pub fn versioned_reference(&self) -> String {
        format!("{}/_history/{}", self.reference(), self.version)
    }

    /// A reference to the resource, for an element of another one: literal and relative, with its type (topic
    /// 3).
    pub fn to_reference(&self) -> Reference {
        Reference { r#type: P::NAME.into(), ..Reference::to(self.reference()) }
    }
}

impl<P> Deref for StoredResource<P> {
    type Target = P;

    fn deref(&self) -> &P {
        &self.resource
    }
}

impl<P> DerefMut for StoredResource<P> {
    fn deref_mut(&mut self) -> &mut P {
        &mut self.resource
    }
}

impl<P: Profile> fmt::Debug for StoredResource<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StoredResource").field(&self.versioned_reference()).finish()
    }
}
