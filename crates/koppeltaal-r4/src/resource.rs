//! [`Resource`] and [`ResourceType`]. The enum is generated.

use koppeltaal_fhir_base::resource_types;

pub use crate::generated::resource::{RESOURCE_TYPES, Resource};

resource_types!(Resource);
