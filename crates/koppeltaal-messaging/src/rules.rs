//! The rules of Koppeltaal that content can break, by their stable ids. The rules of DSTU1 itself are the
//! constants of [`Rule`]. Both end up in a [`Finding`](koppeltaal_fhir::Finding).

use koppeltaal_fhir::{Rule, Severity};

use crate::generated::valuesets::IssueType;

/// Declares the rules: name, id, severity, and the `OperationOutcome` issue type of a finding.
macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident $id:literal $severity:ident $issue_type:ident;)*) => {
        $(
            $(#[$doc])*
            ///
            #[doc = concat!("Severity: ", stringify!($severity), ".")]
            pub const $name: Rule = Rule::new($id, Severity::$severity);
        )*

        /// Koppeltaal's rules.
        const OF_KOPPELTAAL: &[(Rule, IssueType)] = &[$(($name, IssueType::$issue_type),)*];
    };
}

rules! {
    /// An element is missing that the profile demands and DSTU1 does not.
    PROFILE_MINIMUM "profile-cardinality-min" Error Required;
    /// A code is not on the list of the profile. Between versions of Koppeltaal that is normal.
    PROFILE_CODE "profile-code-unlisted" Warning CodeUnknown;
    /// A code is of a quirk system, an older one than that of the profile, or of HL7's null flavours.
    PROFILE_SYSTEM "profile-code-system" Information CodeUnknown;
    /// An extension of the profile holds a value that cannot be read, or occurs more often than the profile
    /// allows.
    PROFILE_VALUE "profile-value" Error Value;
    /// An extension of the profile is written with a quirk: a decimal for an integer, a code for a coding,
    /// only the name of its URL, a sub-activity of Koppeltaal 1.0.
    PROFILE_FORM "profile-form" Warning Value;
    /// A reference points to another kind of resource than the profile allows.
    REFERENCE_TYPE "reference-type" Warning Invariant;
    /// A reference does not lead to a resource: it is neither an absolute URL nor names an entry, or the
    /// sender owns the resource and the message does not hold it.
    REFERENCE_UNRESOLVED "reference-unresolved" Warning NotFound;
    /// A reference is not the URL of a resource, although it is clear which entry it means.
    REFERENCE_FORM "reference-form" Warning Value;
    /// A reference inside a resource has a version; only `MessageHeader.data` may.
    REFERENCE_VERSION "reference-version" Warning BusinessRule;
    /// The first entry of a message is not its header, or the message has no header or several.
    MESSAGE_HEADER "message-header" Error Structure;
    /// The header names no event of Koppeltaal.
    MESSAGE_EVENT "message-event" Error NotSupported;
    /// The bundle lacks the tag that names the domain (an error) or the tag that marks a message (a warning).
    MESSAGE_TAG "message-tag" Error Required;
    /// The bundle's id is not `urn:uuid:` and a UUID.
    MESSAGE_ID "message-id" Warning Value;
    /// The endpoint of the source is not an absolute URL: a receiver cannot recognise its own messages by it.
    MESSAGE_ENDPOINT "message-endpoint" Warning Value;
    /// The message has no resource of the kind that its event is about.
    MESSAGE_FOCAL "message-focal" Error Required;
    /// `MessageHeader.data` does not name the focal resource first, or not with the version that its entry
    /// has.
    MESSAGE_DATA "message-data" Warning Invariant;
    /// The header names no patient although the event needs one, or another one than the focal resource. A
    /// patient that the event does not need is a warning.
    MESSAGE_PATIENT "message-patient" Error BusinessRule;
    /// A resource is of a kind that no message holds. An `Other` with an unknown code is a warning.
    MESSAGE_RESOURCE "message-resource" Error NotSupported;
    /// The id of an entry is not the URL of its resource without version. A self link to another resource is
    /// an error.
    ENTRY_URL "entry-url" Warning Invariant;
    /// Two entries hold the same resource.
    ENTRY_DUPLICATE "entry-duplicate" Error Duplicate;
    /// A BSN is not nine digits that pass the check ("elfproef").
    IDENTIFIER_BSN "identifier-bsn" Error Value;
    /// An identifier or name is a placeholder such as UNKNOWN, NULL or 9999.
    IDENTIFIER_PLACEHOLDER "identifier-placeholder" Error Value;
    /// A percentage is not between 0 and 100.
    PERCENTAGE "percentage" Error Value;
    /// An activity has no identifier, by which status updates refer to it.
    ACTIVITY_IDENTIFIER "activity-identifier" Warning Required;
    /// Two activities of a plan, or two sub-activities of an activity, have the same identifier.
    ACTIVITY_DUPLICATE "activity-identifier-duplicate" Error Duplicate;
    /// The activity's definition has no such sub-activity.
    SUB_ACTIVITY "sub-activity-unknown" Error NotFound;
    /// An activity names a goal that the plan does not have.
    GOAL "goal-unresolved" Error NotFound;
    /// A participant of a care plan has no care team, which api-version 1.3.5 asks for.
    CARE_TEAM "care-team-missing" Warning BusinessRule;
    /// A care plan has no participant in the role of requester.
    REQUESTER "requester-missing" Warning BusinessRule;
    /// An organization has neither name nor identifier.
    ORGANIZATION "organization-anonymous" Error Required;
    /// An issue of an `OperationOutcome` that was not made from a finding.
    OUTCOME "outcome" Error Processing;
}

/// The rules of DSTU1, each with its issue type.
const OF_DSTU1: &[(Rule, IssueType)] = &[
    (Rule::MINIMUM, IssueType::Required),
    (Rule::MAXIMUM, IssueType::Structure),
    (Rule::ORDER, IssueType::Structure),
    (Rule::CHOICE, IssueType::Structure),
    (Rule::UNKNOWN_ELEMENT, IssueType::Structure),
    (Rule::UNKNOWN_ATTRIBUTE, IssueType::Structure),
    (Rule::UNKNOWN_RESOURCE, IssueType::NotSupported),
    (Rule::STRAY_TEXT, IssueType::Structure),
    (Rule::CODE, IssueType::CodeUnknown),
    (Rule::FORMAT, IssueType::Value),
    (Rule::EMPTY, IssueType::Value),
    (Rule::JSON_TYPE, IssueType::Structure),
    (Rule::JSON_NULL, IssueType::Structure),
    (Rule::DUPLICATE_MEMBER, IssueType::Structure),
    (Rule::JSON_QUIRK, IssueType::Structure),
    (Rule::ENCODING, IssueType::Structure),
    (Rule::NAMESPACE, IssueType::Structure),
    (Rule::NARRATIVE, IssueType::Structure),
    (Rule::NARRATIVE_REPAIRED, IssueType::Structure),
    (Rule::BUNDLE, IssueType::Structure),
    (Rule::CONTAINED, IssueType::Structure),
];

/// Every rule of DSTU1 and Koppeltaal, each with the `OperationOutcome` issue type of a finding.
pub fn all() -> impl Iterator<Item = (Rule, IssueType)> {
    OF_DSTU1.iter().chain(OF_KOPPELTAAL).cloned()
}

/// The rule with this id.
pub fn from_id(id: &str) -> Option<Rule> {
    all().map(|(rule, _)| rule).find(|rule| rule.id() == id)
}

/// The `OperationOutcome` issue type of a finding by this rule; `invalid` for a rule that is not in [`all`].
pub fn issue_type(rule: Rule) -> IssueType {
    all().find(|(known, _)| *known == rule).map_or(IssueType::Invalid, |(_, issue_type)| issue_type)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_rule_of_dstu1_has_an_issue_type() {
        let listed: Vec<_> = OF_DSTU1.iter().map(|(rule, _)| *rule).collect();
        assert_eq!(listed, Rule::ALL);
    }

    #[test]
    fn every_rule_has_an_id_of_its_own() {
        let ids: BTreeSet<_> = all().map(|(rule, _)| rule.id()).collect();
        assert_eq!(ids.len(), all().count());
    }
}
