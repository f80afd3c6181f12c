//! What everybody may read: the CapabilityStatement and the ImplementationGuide.

use http::StatusCode;
use koppeltaal_r4::datatypes::{CodeableConcept, Extension, ExtensionValue};
use koppeltaal_r4::resources::IssueType;
use koppeltaal_r4::resources::{
    CapabilityStatement, CapabilityStatementImplementation, CapabilityStatementRest,
    CapabilityStatementRestResource, CapabilityStatementRestResourceInteraction,
    CapabilityStatementRestResourceSearchParam, CapabilityStatementRestSecurity, CapabilityStatementSoftware,
};
use koppeltaal_r4::{Format, ReadOptions};

use crate::audit::coding;
use crate::domain::Domain;
use crate::fhir::answer::Answer;
use crate::fhir::refusal::Refusal;
use crate::moment::Moment;
use crate::resources::{SERVED, profile_url};
use crate::search::parameters::parameters;

const GUIDE: &str = "http://koppeltaal.nl/fhir/ImplementationGuide";
/// The version of the profiles.
const GUIDE_VERSION: &str = "0.16.3";
const OAUTH_URIS: &str = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris";
const SECURITY_SERVICE: &str = "http://terminology.hl7.org/CodeSystem/restful-security-service";

/// The formats, by all the names that are understood.
const FORMATS: [&str; 6] =
    ["application/fhir+json", "application/fhir+xml", "application/json", "application/xml", "json", "xml"];

/// What can be done with a resource of most types, and what with AuditEvents, which never change.
const INTERACTIONS: [&str; 8] =
    ["read", "vread", "history-instance", "search-type", "create", "update", "patch", "delete"];
const INTERACTIONS_OF_EVENTS: [&str; 5] = ["read", "vread", "history-instance", "search-type", "create"];

/// The CapabilityStatement.
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

/// The ImplementationGuide, as a search for its URL finds it.
pub(crate) fn implementation_guide(
    domain: &Domain,
    url: Option<&str>,
    format: Format,
) -> Result<Answer, Refusal> {
    let is_wanted = url.is_none_or(|url| url == GUIDE);
    let base = &domain.fhir_base;
    // The model has not this type, so it is read as text of the format that is asked for.
    let text = match format {
        Format::Json => {
            let guide = format!(
                r#","entry":[{{"fullUrl":"{base}/ImplementationGuide/koppeltaal","resource":{{"resourceType":"ImplementationGuide","id":"koppeltaal","url":"{GUIDE}","version":"{GUIDE_VERSION}","name":"Koppeltaal","status":"active","packageId":"koppeltaalv2.00","fhirVersion":["4.0.1"]}},"search":{{"mode":"match"}}}}]"#
            );
            let (total, entry) = if is_wanted { (1, &*guide) } else { (0, "") };
            format!(r#"{{"resourceType":"Bundle","type":"searchset","total":{total}{entry}}}"#)
        }
        Format::Xml => {
            let guide = format!(
                r#"<entry><fullUrl value="{base}/ImplementationGuide/koppeltaal"/><resource><ImplementationGuide><id value="koppeltaal"/><url value="{GUIDE}"/><version value="{GUIDE_VERSION}"/><name value="Koppeltaal"/><status value="active"/><packageId value="koppeltaalv2.00"/><fhirVersion value="4.0.1"/></ImplementationGuide></resource><search><mode value="match"/></search></entry>"#
            );
            let (total, entry) = if is_wanted { (1, &*guide) } else { (0, "") };
            format!(
                r#"<Bundle xmlns="http://hl7.org/fhir"><type value="searchset"/><total value="{total}"/>{entry}</Bundle>"#
            )
        }
    };
    let read = ReadOptions::tolerant().read(format, text.as_bytes()).map_err(|error| {
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, IssueType::Exception, error.to_string())
    })?;
    Ok(Answer::resource(read.document))
}
