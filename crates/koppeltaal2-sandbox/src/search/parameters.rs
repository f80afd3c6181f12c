//! The search parameters of each resource type: those of FHIR R4 and Koppeltaal's own, as a table.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::resources::SERVED;
use crate::search::path::Path;

/// What kind of values a parameter compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Token,
    Reference,
    String,
    Date,
    Uri,
}

impl Kind {
    /// The code of the value set `SearchParamType`.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Reference => "reference",
            Self::String => "string",
            Self::Date => "date",
            Self::Uri => "uri",
        }
    }
}

/// A search parameter of a resource type.
#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Where its values are.
    pub(crate) paths: Vec<Path>,
    /// Of a reference: the types that it leads to. Others are not looked at. Empty for any.
    pub(crate) targets: &'static [&'static str],
}

/// A row of the table: name, kind, paths, types that a reference leads to.
type Row = (&'static str, Kind, &'static [&'static str], &'static [&'static str]);

use Kind::{Date, Reference, String, Token, Uri};

/// The parameters of every type.
const COMMON: &[Row] = &[
    ("_id", Token, &["id"], &[]),
    ("_lastUpdated", Date, &["meta.lastUpdated"], &[]),
    ("_profile", Uri, &["meta.profile"], &[]),
    ("_security", Token, &["meta.security"], &[]),
    ("_tag", Token, &["meta.tag"], &[]),
    (
        "resource-origin",
        Reference,
        &["extension(http://koppeltaal.nl/fhir/StructureDefinition/resource-origin).value"],
        &["Device"],
    ),
];

/// What people have.
const PERSON: &[Row] = &[
    ("active", Token, &["active"], &[]),
    ("address", String, &["address"], &[]),
    ("address-city", String, &["address.city"], &[]),
    ("address-country", String, &["address.country"], &[]),
    ("address-postalcode", String, &["address.postalCode"], &[]),
    ("address-state", String, &["address.state"], &[]),
    ("address-use", Token, &["address.use"], &[]),
    ("email", Token, &["telecom(system=email)"], &[]),
    ("gender", Token, &["gender"], &[]),
    ("identifier", Token, &["identifier"], &[]),
    ("name", String, &["name"], &[]),
    ("phone", Token, &["telecom(system=phone)"], &[]),
    ("telecom", Token, &["telecom"], &[]),
];

const NAME_PARTS: &[Row] =
    &[("family", String, &["name.family"], &[]), ("given", String, &["name.given"], &[])];

const PEOPLE: &[&str] = &["Patient", "Practitioner", "RelatedPerson"];

/// The parameters of each type beside [`COMMON`].
const TYPES: &[(&str, &[&[Row]])] = &[
    (
        "ActivityDefinition",
        &[&[
            ("context", Token, &["useContext.valueCodeableConcept"], &[]),
            ("context-type", Token, &["useContext.code"], &[]),
            ("date", Date, &["date"], &[]),
            ("description", String, &["description"], &[]),
            ("effective", Date, &["effectivePeriod"], &[]),
            ("identifier", Token, &["identifier"], &[]),
            ("jurisdiction", Token, &["jurisdiction"], &[]),
            ("name", String, &["name"], &[]),
            ("participant", Token, &["participant.type"], &[]),
            ("publisher", String, &["publisher"], &[]),
            (
                "publisherId",
                Token,
                &["extension(http://koppeltaal.nl/fhir/StructureDefinition/KT2PublisherId).value"],
                &[],
            ),
            ("status", Token, &["status"], &[]),
            ("title", String, &["title"], &[]),
            ("topic", Token, &["topic"], &[]),
            ("url", Uri, &["url"], &[]),
            ("version", Token, &["version"], &[]),
        ]],
    ),
    (
        "AuditEvent",
        &[&[
            ("action", Token, &["action"], &[]),
            ("address", String, &["agent.network.address"], &[]),
            ("agent", Reference, &["agent.who"], &[]),
            ("agent-role", Token, &["agent.role"], &[]),
            (
                "correlationId",
                Token,
                &["extension(http://koppeltaal.nl/fhir/StructureDefinition/correlation-id).value"],
                &[],
            ),
            ("date", Date, &["recorded"], &[]),
            ("entity", Reference, &["entity.what"], &[]),
            ("entity-role", Token, &["entity.role"], &[]),
            ("entity-type", Token, &["entity.type"], &[]),
            ("outcome", Token, &["outcome"], &[]),
            ("patient", Reference, &["agent.who", "entity.what"], &["Patient"]),
            (
                "requestId",
                Token,
                &["extension(http://koppeltaal.nl/fhir/StructureDefinition/request-id).value"],
                &[],
            ),
            ("site", Token, &["source.site"], &[]),
            ("source", Reference, &["source.observer"], &["Device"]),
            ("subtype", Token, &["subtype"], &[]),
            (
                "traceId",
                Token,
                &["extension(http://koppeltaal.nl/fhir/StructureDefinition/trace-id).value"],
                &[],
            ),
            ("type", Token, &["type"], &[]),
        ]],
    ),
    (
        "CareTeam",
        &[&[
            ("category", Token, &["category"], &[]),
            ("date", Date, &["period"], &[]),
            ("identifier", Token, &["identifier"], &[]),
            ("participant", Reference, &["participant.member"], &[]),
            ("patient", Reference, &["subject"], &["Patient"]),
            ("status", Token, &["status"], &[]),
            ("subject", Reference, &["subject"], &["Patient"]),
        ]],
    ),
    (
        "Device",
        &[&[
            ("device-name", String, &["deviceName.name", "type.text", "type.coding.display"], &[]),
            ("identifier", Token, &["identifier"], &[]),
            ("manufacturer", String, &["manufacturer"], &[]),
            ("model", String, &["modelNumber"], &[]),
            ("organization", Reference, &["owner"], &["Organization"]),
            ("patient", Reference, &["patient"], &["Patient"]),
            ("status", Token, &["status"], &[]),
            ("type", Token, &["type"], &[]),
            ("url", Uri, &["url"], &[]),
        ]],
    ),
    (
        "Endpoint",
        &[&[
            ("connection-type", Token, &["connectionType"], &[]),
            ("identifier", Token, &["identifier"], &[]),
            ("name", String, &["name"], &[]),
            ("organization", Reference, &["managingOrganization"], &["Organization"]),
            ("payload-type", Token, &["payloadType"], &[]),
            ("status", Token, &["status"], &[]),
        ]],
    ),
    (
        "Organization",
        &[&[
            ("active", Token, &["active"], &[]),
            ("address", String, &["address"], &[]),
            ("endpoint", Reference, &["endpoint"], &["Endpoint"]),
            ("identifier", Token, &["identifier"], &[]),
            ("name", String, &["name", "alias"], &[]),
            ("partof", Reference, &["partOf"], &["Organization"]),
            ("type", Token, &["type"], &[]),
        ]],
    ),
    (
        "Patient",
        &[
            PERSON,
            NAME_PARTS,
            &[
                ("birthdate", Date, &["birthDate"], &[]),
                ("death-date", Date, &["deceasedDateTime"], &[]),
                ("general-practitioner", Reference, &["generalPractitioner"], &[]),
                ("language", Token, &["communication.language"], &[]),
                ("link", Reference, &["link.other"], &["Patient", "RelatedPerson"]),
                ("organization", Reference, &["managingOrganization"], &["Organization"]),
            ],
        ],
    ),
    ("Practitioner", &[PERSON, NAME_PARTS, &[("communication", Token, &["communication"], &[])]]),
    (
        "RelatedPerson",
        &[
            PERSON,
            &[
                ("birthdate", Date, &["birthDate"], &[]),
                ("patient", Reference, &["patient"], &["Patient"]),
                ("relationship", Token, &["relationship"], &[]),
            ],
        ],
    ),
    (
        "Subscription",
        &[&[
            ("contact", Token, &["contact"], &[]),
            ("criteria", String, &["criteria"], &[]),
            ("payload", Token, &["channel.payload"], &[]),
            ("status", Token, &["status"], &[]),
            ("type", Token, &["channel.type"], &[]),
            ("url", Uri, &["channel.endpoint"], &[]),
        ]],
    ),
    (
        "Task",
        &[&[
            ("authored-on", Date, &["authoredOn"], &[]),
            ("based-on", Reference, &["basedOn"], &[]),
            ("business-status", Token, &["businessStatus"], &[]),
            ("code", Token, &["code"], &[]),
            ("focus", Reference, &["focus"], &[]),
            ("group-identifier", Token, &["groupIdentifier"], &[]),
            ("identifier", Token, &["identifier"], &[]),
            (
                "instantiates",
                Reference,
                &["extension(http://vzvz.nl/fhir/StructureDefinition/instantiates).value"],
                &["ActivityDefinition"],
            ),
            ("intent", Token, &["intent"], &[]),
            ("modified", Date, &["lastModified"], &[]),
            ("owner", Reference, &["owner"], OWNERS),
            ("part-of", Reference, &["partOf"], &["Task"]),
            ("patient", Reference, &["for"], &["Patient"]),
            ("performer", Token, &["performerType"], &[]),
            ("period", Date, &["executionPeriod"], &[]),
            ("priority", Token, &["priority"], &[]),
            ("requester", Reference, &["requester"], REQUESTERS),
            ("status", Token, &["status"], &[]),
            ("subject", Reference, &["for"], PEOPLE),
        ]],
    ),
];

const OWNERS: &[&str] = &["Patient", "Practitioner", "RelatedPerson", "CareTeam", "Organization", "Device"];
const REQUESTERS: &[&str] = &["Patient", "Practitioner", "RelatedPerson", "Organization", "Device"];

static PARAMETERS: LazyLock<HashMap<&'static str, Vec<Parameter>>> = LazyLock::new(|| {
    let parameters = |resource_type: &'static str| {
        let own = TYPES.iter().find(|(name, _)| *name == resource_type).map_or(&[][..], |(_, rows)| rows);
        let rows = own.iter().copied().flatten().chain(COMMON);
        let mut parameters: Vec<_> = rows
            .map(|(name, kind, paths, targets)| Parameter {
                name,
                kind: *kind,
                paths: paths.iter().copied().map(Path::parse).collect(),
                targets,
            })
            .collect();
        parameters.sort_unstable_by_key(|parameter| parameter.name);
        parameters
    };
    SERVED.iter().map(|name| (*name, parameters(name))).collect()
});

/// The parameters of a type, by name; none of a type that is not served.
pub(crate) fn parameters(resource_type: &str) -> &'static [Parameter] {
    PARAMETERS.get(resource_type).map_or(&[], Vec::as_slice)
}

/// A parameter of a type with its place among the type's parameters.
pub(crate) fn find(resource_type: &str, name: &str) -> Option<(usize, &'static Parameter)> {
    let parameters = parameters(resource_type);
    let place = parameters.binary_search_by(|parameter| parameter.name.cmp(name)).ok()?;
    Some((place, &parameters[place]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_parameters_with_names_of_their_own() {
        for name in SERVED {
            let names: Vec<_> = parameters(name).iter().map(|parameter| parameter.name).collect();
            assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "{name}: {names:?}");
            assert!(find(name, "_id").is_some() && find(name, "resource-origin").is_some(), "{name}");
        }
        assert!(TYPES.iter().all(|(name, _)| SERVED.contains(name)));
        assert!(parameters("Location").is_empty());
    }

    #[test]
    fn only_references_lead_to_types() {
        for parameter in SERVED.iter().flat_map(|name| parameters(name)) {
            assert!(parameter.kind == Reference || parameter.targets.is_empty(), "{}", parameter.name);
            assert!(parameter.targets.iter().all(|target| SERVED.contains(target)), "{}", parameter.name);
        }
    }
}
