//! [`R4`]: what the code for all versions of FHIR has to know about this one.

use koppeltaal_fhir_base::Severity;
use koppeltaal_fhir_base::model::Model;
use koppeltaal_fhir_base::primitives::scalar::ScalarKind;

use crate::resource::RESOURCE_TYPES;

/// FHIR R4. The id of an element is any text, and its definitions have the rules that were prose in DSTU1.
pub(crate) static R4: Model = Model {
    name: "R4",
    resource_types: RESOURCE_TYPES,
    modelled: "a resource type of this build (feature `all-resources` has nearly all)",
    is_id: |id| !id.is_empty(),
    id: ScalarKind::String,
    lax: Severity::Error,
    legacy: None,
};
