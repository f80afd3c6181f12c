//! Checking a value in memory against the structure of DSTU1: what an application built, before it is sent.

use koppeltaal_fhir_base::Finding;
use koppeltaal_fhir_base::check::check;

use crate::bundle::Bundle;
use crate::document::Document;
use crate::model::DSTU1;
use crate::resource::Resource;

impl Document {
    /// The violations of the schema of DSTU1 in the document. The rules of Koppeltaal are not checked here;
    /// `Validator` in `koppeltaal-messaging` has them.
    ///
    /// Without a finding of severity error, the written document is valid by the schema, except perhaps
    /// inside resources that this build does not model.
    pub fn check(&self) -> Vec<Finding> {
        match self {
            Self::Bundle(bundle) => bundle.check(),
            Self::Resource(resource) => resource.check(),
        }
    }
}

impl Bundle {
    /// The violations of the schema of DSTU1 in the bundle, as in [`Document::check`].
    pub fn check(&self) -> Vec<Finding> {
        check(&DSTU1, self.as_content(), |report| self.check_entries(report, 0))
    }
}

impl Resource {
    /// The violations of the schema of DSTU1 in the resource, as in [`Document::check`].
    pub fn check(&self) -> Vec<Finding> {
        check(&DSTU1, self.as_content(), |_| Ok(()))
    }
}
