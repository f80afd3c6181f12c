//! `GET metadata`: the conformance statement, with the extensions by which clients find the URLs of OAuth 2
//! and launch.

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
use koppeltaal_messaging::vocabulary::{conformance, search as parameter};

use super::entries::SERVER_VERSION;
use super::oauth::OAUTH_PATH;
use super::reply::Reply;
use super::request::LinksFor;
use crate::app::App;
use crate::links::{FHIR_PATH, Links};

/// The extensions that say what the server validates. It validates nothing beyond its own needs.
const VALIDATIONS: [&str; 4] = [
    conformance::VALIDATE_REQUESTS_AGAINST_SCHEMA,
    conformance::VALIDATE_REPLIES_AGAINST_SCHEMA,
    conformance::VALIDATE_REQUESTS_AGAINST_PROFILE,
    conformance::VALIDATE_REPLIES_AGAINST_PROFILE,
];
const SECURITY_SERVICES: &str = "http://hl7.org/fhir/restful-security-service";
const TRANSPORTS: &str = "http://hl7.org/fhir/message-transport";

/// `GET metadata`, without authentication.
pub(crate) async fn metadata(State(app): State<Arc<App>>, LinksFor(links): LinksFor) -> Reply {
    Reply::ok(statement(&links, app.now().instant().into()))
}

fn statement(links: &Links, date: DateTime) -> Conformance {
    let validations = VALIDATIONS.map(|url| extension(url, ExtensionValue::Boolean(false.into())));
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
            name: parameter::CLAIM.into(),
            definition: links.server(&format!("{FHIR_PATH}/metadata#{}", parameter::CLAIM)).as_str().into(),
            documentation: "Claims the oldest new message and gives all of it.".into(),
            ..ConformanceQuery::default()
        }],
        ..ConformanceRest::default()
    }
}

/// Search parameters and their types.
const MESSAGE_HEADER_PARAMETERS: [(&str, SearchParamType); 3] = [
    (parameter::PATIENT, SearchParamType::Reference),
    (parameter::EVENT, SearchParamType::Token),
    (parameter::PROCESSING_STATUS, SearchParamType::Token),
];
const STORAGE_PARAMETERS: [(&str, SearchParamType); 4] = [
    (parameter::storage::PATIENT, SearchParamType::Reference),
    (parameter::storage::OBJECT_TYPE, SearchParamType::String),
    (parameter::storage::OBJECT_KEY, SearchParamType::String),
    (parameter::storage::LAST_UPDATED, SearchParamType::Date),
];
const OTHER_PARAMETERS: [(&str, SearchParamType); 6] = {
    let [patient, object_type, object_key, last_updated] = STORAGE_PARAMETERS;
    let (code, archived) = (SearchParamType::Token, SearchParamType::Token);
    [
        (parameter::CODE, code),
        (parameter::INCLUDE_ARCHIVED, archived),
        patient,
        object_type,
        object_key,
        last_updated,
    ]
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
    let uri = |url: &str, path: &str| {
        extension(url, ExtensionValue::Uri(Uri::from(links.server(&format!("{OAUTH_PATH}/{path}"))).into()))
    };
    // Under the new host and the old one: clients know one or the other.
    let oauth = [(conformance::AUTHORIZE, "Authorize"), (conformance::TOKEN, "Token")];
    let oauth = oauth.into_iter().flat_map(|(urls, path)| urls.map(|url| uri(url, path)));
    let service = ["Basic", "OAuth"].map(|code| CodeableConcept {
        coding: vec![Coding { system: SECURITY_SERVICES.into(), code: code.into(), ..Coding::default() }],
        ..CodeableConcept::default()
    });
    ConformanceSecurity {
        extension: oauth.chain([uri(conformance::LAUNCH, "Launch")]).collect(),
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

fn extension(url: &str, value: ExtensionValue) -> Extension {
    Extension { url: url.to_owned(), value: Some(value), ..Extension::default() }
}
