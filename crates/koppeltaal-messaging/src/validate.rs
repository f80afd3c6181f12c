//! Validation: one list of findings about everything that is wrong with a bundle or a resource of Koppeltaal.
//!
//! `message` compares a bundle with the table of events, and `references` its references with its entries.
//! `resource` compares a resource with its profile and checks the rules that no profile can state;
//! `identifier` has those for identifiers.

mod bundle_entry;
mod identifier;
mod message;
mod place;
mod references;
mod resource;

use std::collections::HashSet;

use koppeltaal_fhir::{Bundle, Document, Finding, Findings, ReadDocument, Resource, Rule};

use crate::generated::profiles::ActivityDefinition;
use crate::rules;
use crate::source::ApiVersion;

pub use place::place_findings;

/// Validates by the schema of DSTU1, Koppeltaal's profiles and the [rules] for messages.
///
/// Without settings it validates by the newest rules for versions. The schema alone is the `check` of
/// `koppeltaal-fhir`, such as [`Resource::check`].
///
/// ```
/// use koppeltaal_fhir::{Resource, resources};
/// use koppeltaal_messaging::{Validator, rules};
///
/// let nobody = Resource::from(resources::Patient::default());
/// let findings = Validator::default().validate_resource(&nobody);
/// assert_eq!(findings.len(), 1);
/// assert_eq!((findings[0].rule, findings[0].path.as_str()), (rules::PROFILE_MINIMUM, "name"));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Validator {
    api_version: ApiVersion,
    definitions: Vec<ActivityDefinition>,
}

impl Validator {
    /// Sets the api-version of the sender. A sender of 1.3.3 need not follow the rules that 1.3.5 adds.
    #[must_use]
    pub fn with_api_version(mut self, api_version: ApiVersion) -> Self {
        self.api_version = api_version;
        self
    }

    /// Adds activity definitions to those in a bundle. The sub-activities of an activity must be among those
    /// of its definition.
    #[must_use]
    pub fn with_definitions(mut self, definitions: impl IntoIterator<Item = ActivityDefinition>) -> Self {
        self.definitions.extend(definitions);
        self
    }

    /// Validates a bundle: each resource, and the whole as a message if it has the tag of a message or holds
    /// one header and other resources. Paths begin at the bundle: `entry[1].content.activity[0].startDate`.
    /// Elements that extensions hold have Koppeltaal's names.
    pub fn validate_bundle(&self, bundle: &Bundle) -> Vec<Finding> {
        joined(bundle.check(), self.rules_for_bundle(bundle))
    }

    /// Validates a resource. Paths begin at it: `activity[0].startDate`.
    pub fn validate_resource(&self, resource: &Resource) -> Vec<Finding> {
        joined(resource.check(), self.rules_for_resource(resource))
    }

    /// Validates a document that was read from text. The findings of the reader come first and have positions
    /// in the text. [`place_findings`] gives positions to the others.
    pub fn validate_document(&self, read: &ReadDocument) -> Vec<Finding> {
        let koppeltaal = match &read.document {
            Document::Bundle(bundle) => self.rules_for_bundle(bundle),
            Document::Resource(resource) => self.rules_for_resource(resource),
        };
        joined(read.findings.clone(), koppeltaal)
    }

    fn rules_for_bundle(&self, bundle: &Bundle) -> Vec<Finding> {
        let mut definitions: Vec<_> = self.definitions.iter().collect();
        let inside: Vec<ActivityDefinition> =
            bundle.resources().filter_map(crate::Profile::from_resource_ref).collect();
        definitions.extend(&inside);
        Findings::collect(|findings| {
            message::check(bundle, findings);
            for (index, entry) in bundle.entry.iter().enumerate() {
                let Some(resource) = &entry.content else { continue };
                findings.inside(&[("entry", Some(index)), ("content", None)], |findings| {
                    resource::check(resource, self.api_version, &definitions, findings);
                });
            }
        })
    }

    fn rules_for_resource(&self, resource: &Resource) -> Vec<Finding> {
        let definitions: Vec<_> = self.definitions.iter().collect();
        Findings::collect(|findings| resource::check(resource, self.api_version, &definitions, findings))
    }
}

impl crate::Message {
    /// Validates the bundle that the message becomes, by the newest rules for versions.
    pub fn validate(&self) -> Vec<Finding> {
        Validator::default().validate_bundle(&self.clone().into_bundle())
    }
}

/// All findings of the schema and of Koppeltaal. Where both say that an element is missing or that a code is
/// unlisted, only the schema's remains.
fn joined(schema: Vec<Finding>, koppeltaal: Vec<Finding>) -> Vec<Finding> {
    let known: HashSet<(&str, Rule)> = schema.iter().map(|known| (known.path.as_str(), known.rule)).collect();
    let is_known = |finding: &Finding| {
        let by = match finding.rule {
            rules::PROFILE_MINIMUM => &[Rule::MINIMUM, Rule::EMPTY][..],
            Rule::CODE => &[Rule::CODE],
            _ => return false,
        };
        by.iter().any(|rule| known.contains(&(finding.path.as_str(), *rule)))
    };
    let new: Vec<_> = koppeltaal.into_iter().filter(|finding| !is_known(finding)).collect();
    schema.into_iter().chain(new).collect()
}
