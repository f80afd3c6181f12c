//! [`DSTU1`]: what the code for all versions of FHIR has to know about this one.

use koppeltaal_fhir_base::Severity;
use koppeltaal_fhir_base::model::{Legacy, Model};
use koppeltaal_fhir_base::primitives::is_id;
use koppeltaal_fhir_base::primitives::scalar::ScalarKind;

use crate::resource::RESOURCE_TYPES;

/// The first version of FHIR.
pub(crate) static DSTU1: Model = Model {
    name: "DSTU1",
    resource_types: RESOURCE_TYPES,
    modelled: "a resource type of this build (feature `all-resources` has them all)",
    is_id,
    id: ScalarKind::Id,
    lax: Severity::Warning,
    legacy: Some(&Legacy { feed: "feed", atom_part: crate::xml::part_from_json }),
};
