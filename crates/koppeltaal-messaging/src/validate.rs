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

use koppeltaal_fhir::{Bundle, Document, Finding, Findings, ReadDocument, Resource, Rule, Severity};

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
    /// Severities that differ from those of the rules.
    severities: Vec<(Rule, Severity)>,
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

    /// Gives all findings of a rule this severity, whatever it is otherwise. The rule may be one of
    /// Koppeltaal or of DSTU1, and the last call for it counts.
    ///
    /// So a rule can be relaxed: a warning does not stop a message, but is still reported. To leave the
    /// findings of a rule out, skip those with this [`Finding::rule`]. A server may still refuse what breaks
    /// the rule.
    ///
    /// ```
    /// use koppeltaal_fhir::datatypes::{HumanName, Identifier};
    /// use koppeltaal_fhir::{Resource, Severity, resources};
    /// use koppeltaal_messaging::{Validator, rules, vocabulary::system};
    ///
    /// let foreign = Identifier { system: system::BSN.into(), value: "85.07.30-033 28".into(), ..Identifier::default() };
    /// let patient = resources::Patient {
    ///     identifier: vec![foreign],
    ///     name: vec![HumanName::new("Mees", "Duinroos")],
    ///     ..resources::Patient::default()
    /// };
    /// let validator = Validator::default().with_severity(rules::IDENTIFIER_BSN, Severity::Warning);
    /// let findings = validator.validate_resource(&Resource::from(patient));
    /// assert_eq!(findings.len(), 1);
    /// assert_eq!((findings[0].rule, findings[0].severity), (rules::IDENTIFIER_BSN, Severity::Warning));
    /// ```
    #[must_use]
    pub fn with_severity(mut self, rule: Rule, severity: Severity) -> Self {
        self.severities.retain(|(known, _)| known.id() != rule.id());
        self.severities.push((rule, severity));
        self
    }

    /// Validates a bundle: each resource, and the whole as a message if it has the tag of a message or holds
    /// one header and other resources. Paths begin at the bundle: `entry[1].content.activity[0].startDate`.
    /// Elements that extensions hold have Koppeltaal's names.
    pub fn validate_bundle(&self, bundle: &Bundle) -> Vec<Finding> {
        self.all_findings(bundle.check(), self.rules_for_bundle(bundle.clone()))
    }

    /// Validates a resource. Paths begin at it: `activity[0].startDate`.
    pub fn validate_resource(&self, resource: &Resource) -> Vec<Finding> {
        self.all_findings(resource.check(), self.rules_for_resource(resource.clone()))
    }

    /// Validates a document that was read from text. The findings of the reader come first and have positions
    /// in the text. [`place_findings`] gives positions to the others.
    pub fn validate_document(&self, read: &ReadDocument) -> Vec<Finding> {
        self.validate_owned(read.clone())
    }

    /// The same as [`validate_document`](Self::validate_document) for a document that is not needed any more.
    /// Copies no resource, which is faster.
    pub fn validate_owned(&self, read: ReadDocument) -> Vec<Finding> {
        let koppeltaal = match read.document {
            Document::Bundle(bundle) => self.rules_for_bundle(bundle),
            Document::Resource(resource) => self.rules_for_resource(resource),
        };
        self.all_findings(read.findings, koppeltaal)
    }

    /// The findings of the schema and of Koppeltaal, with the severities that were set.
    fn all_findings(&self, schema: Vec<Finding>, koppeltaal: Vec<Finding>) -> Vec<Finding> {
        let mut findings = joined(schema, koppeltaal);
        for finding in &mut findings {
            let set = self.severities.iter().find(|(rule, _)| rule.id() == finding.rule.id());
            finding.severity = set.map_or(finding.severity, |(_, severity)| *severity);
        }
        findings
    }

    fn rules_for_bundle(&self, bundle: Bundle) -> Vec<Finding> {
        let mut definitions: Vec<_> = self.definitions.iter().collect();
        let inside: Vec<ActivityDefinition> =
            bundle.resources().filter_map(crate::Profile::from_resource_ref).collect();
        definitions.extend(&inside);
        Findings::collect(|findings| {
            message::check(&bundle, findings);
            for (index, entry) in bundle.entry.into_iter().enumerate() {
                let Some(resource) = entry.content else { continue };
                findings.inside(&[("entry", Some(index)), ("content", None)], |findings| {
                    resource::check(resource, self.api_version, &definitions, findings);
                });
            }
        })
    }

    fn rules_for_resource(&self, resource: Resource) -> Vec<Finding> {
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
/// unlisted, only the schema's remains. A choice is an exception: the schema names its first alternative
/// (`diagnosticDateTime`), the profile the choice itself.
fn joined(mut schema: Vec<Finding>, koppeltaal: Vec<Finding>) -> Vec<Finding> {
    let missing = |finding: &&Finding| finding.rule == Rule::MINIMUM;
    let choices: Vec<_> = koppeltaal.iter().filter(missing).map(|finding| finding.path.as_str()).collect();
    let is_alternative = |finding: &Finding, choice: &str| {
        let alternative = finding.path.strip_prefix(choice);
        alternative.is_some_and(|name| name.starts_with(|first: char| first.is_ascii_uppercase()))
    };
    schema.retain(|finding| {
        !missing(&finding) || !choices.iter().any(|choice| is_alternative(finding, choice))
    });
    let known: HashSet<(&str, Rule)> = schema.iter().map(|known| (known.path.as_str(), known.rule)).collect();
    let is_known = |finding: &Finding| {
        let by = match finding.rule {
            // A value that cannot be read counts as missing.
            Rule::MINIMUM | rules::PROFILE_MINIMUM => {
                &[Rule::MINIMUM, Rule::EMPTY, Rule::FORMAT, Rule::CODE, Rule::JSON_TYPE][..]
            }
            Rule::CODE => &[Rule::CODE],
            _ => return false,
        };
        by.iter().any(|rule| known.contains(&(finding.path.as_str(), *rule)))
    };
    let new: Vec<_> = koppeltaal.into_iter().filter(|finding| !is_known(finding)).collect();
    schema.into_iter().chain(new).collect()
}
