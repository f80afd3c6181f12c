//! Validation: everything that is wrong with a bundle or resource as Koppeltaal wants it, as one list of findings.
//!
//! `message` holds a bundle against the table of events, `references` its references against its entries, `resource` a
//! resource against its profile and the rules that no profile can say, `identifier` holds the rules for identifiers.

mod identifier;
mod message;
mod references;
mod resource;

use std::collections::HashSet;

use koppeltaal_fhir::{Bundle, Document, Finding, ReadDocument, Resource, Rule, Severity};

use crate::generated::profiles::ActivityDefinition;
use crate::rules;
use crate::source::ApiVersion;

/// Validates by the schema of DSTU1, Koppeltaal's profiles and the rules for messages.
///
/// ```
/// use koppeltaal_fhir::{Resource, resources};
/// use koppeltaal_messaging::{Validator, rules};
///
/// let nobody = Resource::from(resources::Patient::default());
/// let findings = Validator::default().resource(&nobody);
/// assert_eq!(findings.len(), 1);
/// assert_eq!((findings[0].rule, findings[0].path.as_str()), (rules::PROFILE_MINIMUM, "name"));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Validator {
    api_version: ApiVersion,
    definitions: Vec<ActivityDefinition>,
}

/// Validates a bundle by the newest rules for versions.
///
/// # Findings
///
/// See [`Validator::bundle`].
pub fn validate(bundle: &Bundle) -> Vec<Finding> {
    Validator::default().bundle(bundle)
}

impl Validator {
    /// By the rules for a sender of this api-version: what 1.3.5 asks for is no finding at a sender of 1.3.3.
    #[must_use]
    pub fn api_version(mut self, api_version: ApiVersion) -> Self {
        self.api_version = api_version;
        self
    }

    /// With these activity definitions at hand, besides those in a bundle: sub-activities are held against them.
    #[must_use]
    pub fn definitions(mut self, definitions: impl IntoIterator<Item = ActivityDefinition>) -> Self {
        self.definitions.extend(definitions);
        self
    }

    /// Validates a bundle: each resource, and the whole as a message if it says that it is one or holds one header and
    /// more. Paths begin at the bundle: `entry[1].content.activity[0].startDate`, with Koppeltaal's names for elements
    /// that extensions hold.
    pub fn bundle(&self, bundle: &Bundle) -> Vec<Finding> {
        let schema = Document::Bundle(bundle.clone()).check();
        joined(schema, self.rules_for_bundle(bundle))
    }

    /// Validates a resource. Paths begin at it: `activity[0].startDate`.
    pub fn resource(&self, resource: &Resource) -> Vec<Finding> {
        joined(resource.check(), self.rules_for_resource(resource))
    }

    /// Validates what was read from text: what the reading found, with places in the text, and Koppeltaal's findings.
    pub fn read(&self, read: &ReadDocument) -> Vec<Finding> {
        let ours = match &read.document {
            Document::Bundle(bundle) => self.rules_for_bundle(bundle),
            Document::Resource(resource) => self.rules_for_resource(resource),
        };
        joined(read.findings.clone(), ours)
    }

    fn rules_for_bundle(&self, bundle: &Bundle) -> Vec<Finding> {
        let mut definitions: Vec<_> = self.definitions.iter().collect();
        let inside: Vec<ActivityDefinition> = bundle.resources().filter_map(crate::Profile::of).collect();
        definitions.extend(&inside);
        let mut report = Report::default();
        message::check(bundle, &mut report);
        for (index, entry) in bundle.entry.iter().enumerate() {
            if let Some(resource) = &entry.content {
                let mut inside = report.at(format!("entry[{index}].content"));
                resource::check(resource, self.api_version, &definitions, &mut inside);
            }
        }
        report.findings
    }

    fn rules_for_resource(&self, resource: &Resource) -> Vec<Finding> {
        let mut report = Report::default();
        let definitions: Vec<_> = self.definitions.iter().collect();
        resource::check(resource, self.api_version, &definitions, &mut report.at(String::new()));
        report.findings
    }
}

impl crate::Message {
    /// Validates the message as the bundle that it becomes, by the newest rules for versions.
    pub fn validate(&self) -> Vec<Finding> {
        validate(&self.clone().into_bundle())
    }
}

/// The findings of the schema and ours, without what both say: that an element is missing, or a code on no list.
fn joined(schema: Vec<Finding>, ours: Vec<Finding>) -> Vec<Finding> {
    let known: HashSet<(&str, Rule)> = schema.iter().map(|known| (known.path.as_str(), known.rule)).collect();
    let said = |finding: &Finding| {
        let by = match finding.rule {
            rules::PROFILE_MINIMUM => &[Rule::MINIMUM, Rule::EMPTY][..],
            Rule::CODE => &[Rule::CODE],
            _ => return false,
        };
        by.iter().any(|rule| known.contains(&(finding.path.as_str(), *rule)))
    };
    let new: Vec<_> = ours.into_iter().filter(|finding| !said(finding)).collect();
    schema.into_iter().chain(new).collect()
}

/// What was found so far.
#[derive(Default)]
struct Report {
    findings: Vec<Finding>,
}

/// A report for the place below which a check works.
struct Place<'a> {
    report: &'a mut Report,
    path: String,
}

impl Report {
    fn at(&mut self, path: String) -> Place<'_> {
        Place { report: self, path }
    }

    fn find(
        &mut self,
        (severity, rule): (Severity, Rule),
        path: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) {
        let found = shortened(found.into());
        self.findings.push(Finding {
            severity,
            rule,
            path: path.into(),
            position: None,
            expected: expected.into(),
            found,
        });
    }
}

impl Place<'_> {
    /// Reports something at an element below the place.
    fn find(
        &mut self,
        kind: (Severity, Rule),
        path: &str,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) {
        let path = below(&self.path, path);
        self.report.find(kind, path, expected, found);
    }

    /// Takes findings whose paths begin at the place.
    fn adopt(&mut self, findings: Vec<Finding>) {
        for finding in findings {
            let path = below(&self.path, &finding.path);
            self.report.findings.push(Finding { path, ..finding });
        }
    }
}

/// The path of what stands at `path` inside `outer`.
fn below(outer: &str, path: &str) -> String {
    let dot = if outer.is_empty() || path.is_empty() { "" } else { "." };
    format!("{outer}{dot}{path}")
}

/// At most some 80 characters, as the readers of DSTU1 have it.
fn shortened(text: String) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
