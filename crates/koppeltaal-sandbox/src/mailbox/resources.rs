//! [`Resources`]: the current version of every resource of a domain, and the rules by which a message may
//! change them.

use std::collections::HashMap;

use koppeltaal_messaging::details::{NO_VERSION, WRONG_VERSION};
use koppeltaal_messaging::valuesets::IssueType;
use koppeltaal_messaging::{ApiVersion, Issue};
use serde::{Deserialize, Serialize};

use super::fingerprint::Fingerprint;
use super::posting::PostedResource;
use crate::clock::{Step, Version};
use crate::persistence::{Companion, DataFileError, Journal, Record, RecordKind, Table};
use crate::refusal::{Refusal, RefusalKind};

/// What is known of the resources of one domain. The resources themselves are not kept.
#[derive(Debug)]
pub(crate) struct Resources {
    /// By URL.
    known: Table<DomainName>,
}

#[derive(Debug)]
struct DomainName(String);

#[derive(Debug)]
pub(super) struct KnownResource {
    version: Version,
    /// Missing in data files of earlier versions, for content that cannot be written in JSON.
    fingerprint: Option<Fingerprint>,
    /// URL of the patient whom it is about, if it is about one.
    patient: Option<Box<str>>,
}

impl Companion for DomainName {
    type Rows = HashMap<String, KnownResource>;

    fn record(&self, url: &String, known: Option<&KnownResource>) -> Result<Record, DataFileError> {
        let saved = known.map(|known| ResourceRecord {
            domain: self.0.clone(),
            url: url.clone(),
            version: known.version.clone(),
            fingerprint: known.fingerprint,
            patient: known.patient.clone(),
        });
        Record::new(RecordKind::Resource, &format!("{} {url}", self.0), saved.as_ref())
    }
}

/// A resource in the data file.
#[derive(Serialize, Deserialize)]
pub(super) struct ResourceRecord {
    pub(super) domain: String,
    pub(super) url: String,
    version: Version,
    fingerprint: Option<Fingerprint>,
    /// Missing in files of earlier versions.
    #[serde(default)]
    patient: Option<Box<str>>,
}

/// What a message did to one of its resources.
#[derive(Debug, PartialEq)]
pub(crate) enum Effect {
    /// It was not known; this is its first version.
    Created(Version),
    /// It has a new version.
    Changed(Version),
    /// Its content is the same as before; this is still its version.
    Unchanged(Version),
    /// No rule applies to it: it is not focal and its sender has api-version 1.3.3, or it is an activity
    /// definition. The version is the current one, if there is one.
    Untouched(Option<Version>),
}

impl Effect {
    pub(crate) fn version(&self) -> Option<&Version> {
        match self {
            Self::Created(version) | Self::Changed(version) | Self::Unchanged(version) => Some(version),
            Self::Untouched(version) => version.as_ref(),
        }
    }
}

impl Resources {
    pub(crate) fn new(domain: &str) -> Self {
        Self { known: Table::new(DomainName(domain.to_owned())) }
    }

    pub(super) fn journal(&mut self) -> &mut dyn Journal {
        &mut self.known
    }

    /// Checks the versions of a message's resources by the rules of the technical design:
    ///
    /// 1. An unknown resource without version is created.
    /// 2. A known one with its current version gets a new one.
    /// 3. A known focal resource without version is refused.
    /// 4. Any other version is refused, with one issue for each such resource.
    /// 5. A known resource that is not focal may lack its version.
    ///
    /// Gives the number of resources that are created.
    pub(crate) fn check(
        &self,
        posted: &[PostedResource],
        focal: usize,
        rules: ApiVersion,
    ) -> Result<usize, Refusal> {
        let (mut issues, mut first) = (Vec::new(), None);
        let mut created = 0;
        let versioned = posted.iter().enumerate();
        for (place, resource) in
            versioned.filter(|(place, posted)| is_versioned(posted, *place == focal, rules))
        {
            let rule = match (self.known.rows().get(&resource.url), resource.version.as_deref()) {
                (None, None) => {
                    created += 1;
                    continue;
                }
                (Some(known), Some(version)) if known.version.as_str() == version => continue,
                (Some(_), None) if place == focal => NO_VERSION,
                (Some(_), None) => continue,
                // A version for a resource that nobody ever posted cannot be right either.
                (_, Some(_)) => WRONG_VERSION,
            };
            issues.push(conflict(&resource.url, rule));
            first.get_or_insert((rule, place));
        }
        match first {
            None => Ok(created),
            Some((rule, place)) => Err(Refusal::with_issues(RefusalKind::Conflict, rule, issues)
                .in_entry(place + 1)
                .expected(CURRENT_VERSION)),
        }
    }

    /// Whether there is room for this many more resources.
    pub(crate) fn check_room(&self, created: usize, capacity: usize) -> Result<(), Refusal> {
        if self.known.rows().len() + created <= capacity {
            return Ok(());
        }
        let rule = "The sandbox holds no more resources in this domain.";
        Err(Refusal::new(RefusalKind::Full, "too-costly", rule))
    }

    /// Gives out versions for the resources of a message that was checked.
    pub(crate) fn apply(
        &mut self,
        posted: &[PostedResource],
        focal: usize,
        rules: ApiVersion,
        step: &mut Step<'_>,
    ) -> Vec<Effect> {
        let effects = posted.iter().enumerate().map(|(place, resource)| {
            if is_versioned(resource, place == focal, rules) {
                self.put(resource, place == focal, step)
            } else {
                Effect::Untouched(self.known.rows().get(&resource.url).map(|known| known.version.clone()))
            }
        });
        effects.collect()
    }

    /// URL, without version, of the patient whom a known resource is about, if it is about one.
    pub(super) fn patient(&self, url: &str) -> Option<&str> {
        self.known.rows().get(url)?.patient.as_deref()
    }

    /// Puts a resource of the data file back.
    pub(super) fn restore(&mut self, saved: ResourceRecord) {
        let ResourceRecord { domain: _, url, version, fingerprint, patient } = saved;
        self.known.restore(url, KnownResource { version, fingerprint, patient });
    }

    fn put(&mut self, resource: &PostedResource, is_focal: bool, step: &mut Step<'_>) -> Effect {
        let fingerprint = Some(resource.fingerprint);
        let known = self.known.rows().get(&resource.url);
        if let Some(known) = known
            && !is_focal
            && known.fingerprint == fingerprint
        {
            return Effect::Unchanged(known.version.clone());
        }
        let is_known = known.is_some();
        let version = step.version();
        let patient = resource.patient.clone();
        self.known
            .put(resource.url.clone(), KnownResource { version: version.clone(), fingerprint, patient });
        if is_known { Effect::Changed(version) } else { Effect::Created(version) }
    }
}

/// What a conflict expects.
const CURRENT_VERSION: &str = "the current version";

/// Whether a resource of a message gets versions.
fn is_versioned(resource: &PostedResource, is_focal: bool, rules: ApiVersion) -> bool {
    !resource.is_definition && (is_focal || rules >= ApiVersion::V1_3_5)
}

/// The check for a resource that the server owns, with the same texts.
pub(crate) fn check_definition(url: &str, given: Option<&str>, current: &Version) -> Result<(), Refusal> {
    let rule = match given {
        Some(version) if version == current.as_str() => return Ok(()),
        Some(_) => WRONG_VERSION,
        None => NO_VERSION,
    };
    Err(Refusal::with_issues(RefusalKind::Conflict, rule, vec![conflict(url, rule)])
        .at("the version in the URL")
        .expected(CURRENT_VERSION))
}

/// The issue about a resource, which is named without version.
fn conflict(url: &str, details: &str) -> Issue {
    Issue { resource: Some(url.into()), ..Issue::error(IssueType::Conflict, details) }
}
