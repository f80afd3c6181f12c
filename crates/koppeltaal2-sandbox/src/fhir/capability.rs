//! The `CapabilityStatement`: what the server offers, and where its authorization service is.

use koppeltaal_r4::datatypes::{CodeableConcept, Extension, ExtensionValue};
use koppeltaal_r4::resources::{
    CapabilityStatement, CapabilityStatementImplementation, CapabilityStatementRest,
    CapabilityStatementRestResource, CapabilityStatementRestResourceInteraction,
    CapabilityStatementRestResourceSearchParam, CapabilityStatementRestSecurity, CapabilityStatementSoftware,
};

use crate::audit::coding;
use crate::domain::Domain;
use crate::fhir::answer::Answer;
use crate::fhir::guide::GUIDE;
use crate::moment::Moment;
use crate::resources::{SERVED, profile_url};
use crate::search::parameters::parameters;

const OAUTH_URIS: &str = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris";
const SECURITY_SERVICE: &str = "http://terminology.hl7.org/CodeSystem/restful-security-service";

/// The formats, by all the names that are understood.
const FORMATS: [&str; 6] =
    ["application/fhir+json", "application/fhir+xml", "application/json", "application/xml", "json", "xml"];

/// What can be done with a resource of most types, and what with AuditEvents, which never change.
const INTERACTIONS: [&str; 8] =
    ["read", "vread", "history-instance", "search-type", "create", "update", "patch", "delete"];
const INTERACTIONS_OF_EVENTS: [&str; 5] = ["read", "vread", "history-instance", "search-type", "create"];

/// The `CapabilityStatement`.
pub(crate) fn capabilities(domain: &Domain) -> Answer {
    Answer::resource(CapabilityStatement {
        name: "KoppeltaalSandbox".into(),
        status: "active".into(),
        experimental: true.into(),
        date: Moment::now().to_instant().to_string().parse().unwrap_or_default(),
        kind: "instance".into(),
        software: Some(CapabilityStatementSoftware {
            name: "koppeltaal2-sandbox".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            ..Default::default()
        }),
        implementation: Some(CapabilityStatementImplementation {
            description: "A Koppeltaal 2.0 domain for tests and development".into(),
            url: domain.fhir_base.as_str().into(),
            ..Default::default()
        }),
        fhir_version: "4.0.1".into(),
        format: FORMATS.map(Into::into).into(),
        patch_format: vec!["application/json-patch+json".into()],
        implementation_guide: vec![GUIDE.into()],
        rest: vec![CapabilityStatementRest {
            mode: "server".into(),
            security: Some(Box::new(security(domain))),
            resource: SERVED.iter().map(|name| resource(name)).collect(),
            ..Default::default()
        }],
        ..Default::default()
    })
}

fn security(domain: &Domain) -> CapabilityStatementRestSecurity {
    let uris = [
        ("jwks", &domain.jwks),
        ("token", &domain.token),
        ("issuer", &domain.issuer),
        ("authorize", &domain.authorize),
        ("introspect", &domain.introspect),
    ];
    let uri = |(name, uri): (&str, &String)| Extension {
        url: name.to_owned(),
        value: Some(ExtensionValue::Uri(uri.as_str().into())),
        ..Default::default()
    };
    CapabilityStatementRestSecurity {
        extension: vec![Extension {
            url: OAUTH_URIS.to_owned(),
            extension: uris.map(uri).into(),
            ..Default::default()
        }],
        service: ["http://hl7.org/fhir/restful-security-service", SECURITY_SERVICE]
            .map(|system| CodeableConcept {
                coding: vec![coding(system, "SMART-on-FHIR", "SMART-on-FHIR")],
                ..Default::default()
            })
            .into(),
        ..Default::default()
    }
}

fn resource(resource_type: &'static str) -> CapabilityStatementRestResource {
    let codes = if resource_type == "AuditEvent" { &INTERACTIONS_OF_EVENTS[..] } else { &INTERACTIONS };
    let interaction = codes.iter().map(|code| CapabilityStatementRestResourceInteraction {
        code: (*code).into(),
        ..Default::default()
    });
    let search_param =
        parameters(resource_type).iter().map(|parameter| CapabilityStatementRestResourceSearchParam {
            name: parameter.name.into(),
            r#type: parameter.kind.code().into(),
            ..Default::default()
        });
    CapabilityStatementRestResource {
        r#type: resource_type.into(),
        profile: profile_url(resource_type).as_str().into(),
        interaction: interaction.collect(),
        versioning: "versioned-update".into(),
        read_history: true.into(),
        update_create: false.into(),
        conditional_create: true.into(),
        reference_policy: vec!["literal".into(), "enforced".into()],
        search_param: search_param.collect(),
        ..Default::default()
    }
}
