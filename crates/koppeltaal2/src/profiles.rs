//! Stand-in until branch p is merged.
#![allow(missing_docs)]

use std::ops::{Deref, DerefMut};

use crate::profile::Profile;
use koppeltaal_r4::primitives::Instant;
use koppeltaal_r4::{Finding, Resource, resources};

macro_rules! profiles {
    ($($name:ident)*) => {$(
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct $name(pub resources::$name);
        impl Deref for $name {
            type Target = resources::$name;
            fn deref(&self) -> &resources::$name { &self.0 }
        }
        impl DerefMut for $name {
            fn deref_mut(&mut self) -> &mut resources::$name { &mut self.0 }
        }
        impl Profile for $name {
            type Fhir = resources::$name;
            const NAME: &'static str = stringify!($name);
            const URL: &'static str = concat!("http://koppeltaal.nl/fhir/StructureDefinition/KT2", stringify!($name));
            fn from_fhir(fhir: resources::$name) -> Self { Self(fhir) }
            fn into_fhir(mut self) -> resources::$name {
                let meta = self.0.meta.get_or_insert_default();
                if !meta.profile.iter().any(|p| p.as_str() == Some(Self::URL)) {
                    meta.profile.push(Self::URL.into());
                }
                self.0
            }
            fn id(&self) -> Option<&str> { self.0.id.as_str() }
            fn version_id(&self) -> Option<&str> { self.0.meta.as_ref()?.version_id.as_str() }
            fn last_updated(&self) -> Option<&Instant> { self.0.meta.as_ref()?.last_updated.get() }
            fn validate(&self) -> Vec<Finding> { Resource::from(self.0.clone()).check() }
        }
    )*};
}
profiles! { Patient Practitioner RelatedPerson CareTeam Organization Device Endpoint ActivityDefinition Task Subscription AuditEvent }
