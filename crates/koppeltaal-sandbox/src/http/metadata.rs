//! `GET metadata`: the conformance statement, with the extensions by which clients find the URLs of OAuth 2 and launch.

use std::sync::Arc;

use axum::extract::State;
use koppeltaal_fhir::datatypes::{
    CodeableConcept, Coding, Extension, ExtensionValue, ResourceReference, SearchParamType,
};
use koppeltaal_fhir::primitives::{DateTime, Uri};
use koppeltaal_fhir::resources::{
    Conformance, ConformanceEvent, ConformanceEventMode, ConformanceImplementation, ConformanceMessaging,
    ConformanceOperation, ConformanceQuery, ConformanceResource, ConformanceRest, ConformanceSearchParam,
    ConformanceSecurity, ConformanceSoftware, ConformanceStatementStatus, MessageSignificanceCategory,
    RestfulConformanceMode, RestfulOperationType,
};
use koppeltaal_messaging::Event;

use super::app::App;
use super::messages::CLAIM_QUERY;
use super::oauth::OAUTH_PATH;
use super::reply::Reply;
use super::request::LinksFor;
use crate::compose::SERVER_VERSION;
use crate::links::{FHIR_PATH, Links};

/// The OAuth 2 URLs stand under the new host and the old one: clients know one or the other.
const OAUTH_URIS: [&str; 2] = [
    "http://fhir-registry.smarthealthit.org/Profile/oauth-uris",
    "http://fhir-registry.smartplatforms.org/Profile/oauth-uris",
];
const PROFILE: &str = "http://fhir.vitalhealthsoftware.com/Profile/Conformance";
/// What the server validates: nothing but what it needs to do its work.
const VALIDATIONS: [&str; 4] = [
    "ValidateRequestsAgainstSchema",
    "ValidateRepliesAgainstSchema",
    "ValidateRequestsAgainstProfile",
    "ValidateRepliesAgainstProfile",
];
const SECURITY_SERVICES: &str = "http://hl7.org/fhir/restful-security-service";
const TRANSPORTS: &str = "http://hl7.org/fhir/message-transport";

/// `GET metadata`, without authentication.
pub(crate) async fn metadata(State(app): State<Arc<App>>, LinksFor(links): LinksFor) -> Reply {
    Reply::ok(statement(&links, app.now().instant().into()))
}

fn statement(links: &Links, date: DateTime) -> Conformance {
    let validations =
        VALIDATIONS.map(|name| extension(format!("{PROFILE}#{name}"), ExtensionValue::Boolean(false.into())));
    Conformance {
        extension: validations.into(),
        version: format!("v{SERVER_VERSION}").as_str().into(),
        name: "Koppeltaal".into(),
        publisher: "koppeltaal-sandbox".into(),
        description: "A Koppeltaal server for development and tests. Not for production.".into(),
        status: ConformanceStatementStatus::Active.into(),
        date: date.into(),
        software: Some(ConformanceSoftware {
            name: "koppeltaal-sandbox".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            ..ConformanceSoftware::default()
        }),
        implementation: Some(ConformanceImplementation {
            description: "Sandbox".into(),
            url: links.fhir().as_str().into(),
            ..ConformanceImplementation::default()
        }),
        fhir_version: "0.0.82".into(),
        accept_unknown: true.into(),
        format: ["application/json+fhir", "application/xml+fhir", "application/atom+xml"]
            .map(Into::into)
            .into(),
        rest: vec![rest(links)],
        messaging: vec![messaging(links)],
        ..Conformance::default()
    }
}

fn rest(links: &Links) -> ConformanceRest {
    use RestfulOperationType::{Create, Delete, Read, SearchType, Update};
    ConformanceRest {
        mode: RestfulConformanceMode::Server.into(),
        security: Some(security(links)),
        resource: vec![
            resource("MessageHeader", &[Update, SearchType], &MESSAGE_HEADER_PARAMETERS),
            resource("Other", &[Read, Create, Update, Delete, SearchType], &OTHER_PARAMETERS),
            resource("Binary", &[Read, Create, Update, Delete, SearchType], &STORAGE_PARAMETERS),
        ],
        query: vec![ConformanceQuery {
            name: CLAIM_QUERY.into(),
            definition: links.server(&format!("{FHIR_PATH}/metadata#{CLAIM_QUERY}")).as_str().into(),
            documentation: "Claims the oldest new message and gives all of it.".into(),
            ..ConformanceQuery::default()
        }],
        ..ConformanceRest::default()
    }
}

/// Search parameters and their types.
const MESSAGE_HEADER_PARAMETERS: [(&str, SearchParamType); 3] = [
    ("Patient", SearchParamType::Reference),
    ("event", SearchParamType::Token),
    ("ProcessingStatus", SearchParamType::Token),
];
const STORAGE_PARAMETERS: [(&str, SearchParamType); 4] = [
    ("patient", SearchParamType::Reference),
    ("objectType", SearchParamType::String),
    ("objectKey", SearchParamType::String),
    ("lastUpdated", SearchParamType::Date),
];
const OTHER_PARAMETERS: [(&str, SearchParamType); 6] = {
    let [patient, object_type, object_key, last_updated] = STORAGE_PARAMETERS;
    let (code, archived) = (SearchParamType::Token, SearchParamType::Token);
    [("code", code), ("includearchived", archived), patient, object_type, object_key, last_updated]
};

fn resource(
    name: &str,
    operations: &[RestfulOperationType],
    parameters: &[(&str, SearchParamType)],
) -> ConformanceResource {
    let operations = operations.iter().map(|operation| ConformanceOperation {
        code: operation.clone().into(),
        ..ConformanceOperation::default()
    });
    let parameters = parameters.iter().map(|(name, kind)| ConformanceSearchParam {
        name: (*name).into(),
        r#type: kind.clone().into(),
        ..ConformanceSearchParam::default()
    });
    ConformanceResource {
        r#type: name.into(),
        operation: operations.collect(),
        search_param: parameters.collect(),
        ..ConformanceResource::default()
    }
}

fn security(links: &Links) -> ConformanceSecurity {
    let uri = |url: String, path: &str| {
        extension(url, ExtensionValue::Uri(Uri::from(links.server(&format!("{OAUTH_PATH}/{path}"))).into()))
    };
    let oauth = OAUTH_URIS.iter().flat_map(|profile| {
        [uri(format!("{profile}#authorize"), "Authorize"), uri(format!("{profile}#token"), "Token")]
    });
    let service = ["Basic", "OAuth"].map(|code| CodeableConcept {
        coding: vec![Coding { system: SECURITY_SERVICES.into(), code: code.into(), ..Coding::default() }],
        ..CodeableConcept::default()
    });
    ConformanceSecurity {
        extension: oauth.chain([uri(format!("{PROFILE}#Launch"), "Launch")]).collect(),
        cors: true.into(),
        service: service.into(),
        ..ConformanceSecurity::default()
    }
}

/// The events that the mailbox takes, and the one that the server sends itself.
fn messaging(links: &Links) -> ConformanceMessaging {
    let endpoint = links.server(&format!("{FHIR_PATH}/Mailbox"));
    let profile = links.server(&format!("{FHIR_PATH}/metadata"));
    let reference =
        || ResourceReference { reference: profile.as_str().into(), ..ResourceReference::default() };
    let event = |event: Event| {
        let mode = match event {
            Event::CreateOrUpdateActivityDefinition => ConformanceEventMode::Sender,
            _ => ConformanceEventMode::Receiver,
        };
        ConformanceEvent {
            code: Some(event.coding()),
            category: MessageSignificanceCategory::Currency.into(),
            mode: mode.into(),
            protocol: vec![Coding { system: TRANSPORTS.into(), code: "http".into(), ..Coding::default() }],
            focus: event.focal().resource_type().into(),
            request: Some(reference()),
            response: Some(reference()),
            ..ConformanceEvent::default()
        }
    };
    ConformanceMessaging {
        endpoint: endpoint.as_str().into(),
        event: Event::ALL.into_iter().map(event).collect(),
        ..ConformanceMessaging::default()
    }
}

fn extension(url: String, value: ExtensionValue) -> Extension {
    Extension { url, value: Some(value), ..Extension::default() }
}
