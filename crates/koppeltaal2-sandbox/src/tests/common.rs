//! A FHIR interface that listens, and a client of it.

use std::sync::Arc;
use std::time::Duration;

use koppeltaal_r4::ReadOptions;
use koppeltaal_smart::Scopes;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::audit::Audit;
use crate::caller::{Caller, RefusedToken, TokenCheck};
use crate::domain::tests::domain;
use crate::fhir::{FhirSettings, router};
use crate::notification::{NotificationSettings, Notifications};
use crate::resources::profile_url;
use crate::store::{Store, StoreLimits};

/// Longer than anything in a test takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Everything.
pub(crate) const ALL: &str = "system/*.cruds";

/// A token is the id of an application and its scopes: `portal system/Task.r`. Without one, the application
/// `narrow` may read what it created, and `blind` nothing.
struct Tokens;

impl TokenCheck for Tokens {
    fn caller(&self, bearer: &str) -> Result<Caller, RefusedToken> {
        let (client_id, scope) = bearer.split_once(' ').ok_or_else(|| RefusedToken::new("no scopes"))?;
        Ok(Caller { client_id: client_id.into(), scopes: Arc::new(Scopes::parse(scope)) })
    }

    fn scopes_of(&self, client_id: &str) -> Option<Arc<Scopes>> {
        let scopes = match client_id {
            "narrow" => Some(Scopes::parse("system/Task.rs?resource-origin=Device/narrow")),
            "blind" => Some(Scopes::default()),
            "epd" | "portal" => Some(Scopes::parse(ALL)),
            _ => None,
        };
        scopes.map(Arc::new)
    }
}

/// A FHIR interface that listens until it is dropped.
pub(crate) struct Server {
    pub(crate) base: String,
    pub(crate) store: Store,
    pub(crate) notifications: Notifications,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(StoreLimits::default(), NotificationSettings::default()).await
    }

    pub(crate) async fn with(limits: StoreLimits, notifications: NotificationSettings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://{}/fhir/DEFAULT", listener.local_addr().expect("an address"));
        let (store, domain) = (Store::new(limits), Arc::new(domain(&base)));
        for id in ["server", "epd", "portal", "module", "narrow", "blind"] {
            let device = json!({"resourceType": "Device", "status": "active"}).to_string();
            let device = ReadOptions::strict().json(device.as_bytes()).expect("a device").document;
            store.create_with_id(id, device, Some("Device/server"));
        }
        let (audit, tokens) = (Audit::new(store.clone(), Arc::clone(&domain)), Arc::new(Tokens));
        let notifications = Notifications::new(store.clone(), audit.clone(), tokens.clone(), notifications)
            .expect("a client");
        // The resources of these tests have what they are about, and no more.
        let settings = FhirSettings { profile_rules: false, ..FhirSettings::default() };
        let fhir = router(store.clone(), tokens, domain, audit, notifications.clone(), settings);
        let router = axum::Router::new().nest("/fhir/DEFAULT", fhir);
        let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { base, store, notifications, task }
    }

    /// A client with a token.
    pub(crate) fn client(&self, client_id: &str, scope: &str) -> Client {
        let http = client();
        Client { http, base: self.base.clone(), token: format!("{client_id} {scope}") }
    }

    /// The EPD, which may do everything.
    pub(crate) fn epd(&self) -> Client {
        self.client("epd", ALL)
    }
}

/// A client of the FHIR interface.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    pub(crate) base: String,
    token: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) async fn of(response: Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        Self { status, headers, text: response.text().await.expect("a body") }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("{name} in {self:?}")).to_str().expect("text")
    }

    /// The texts of an `OperationOutcome`.
    pub(crate) fn diagnostics(&self) -> String {
        let issues = self.json()["issue"].as_array().cloned().unwrap_or_default();
        issues
            .iter()
            .map(|issue| issue["diagnostics"].as_str().unwrap_or_default().to_owned() + "\n")
            .collect()
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    /// The id of the resource in it.
    pub(crate) fn id(&self) -> String {
        self.json()["id"].as_str().expect("an id").to_owned()
    }

    /// The ids of the resources in a page.
    pub(crate) fn ids(&self) -> Vec<String> {
        let entries = self.json()["entry"].as_array().cloned().unwrap_or_default();
        entries.iter().map(|entry| entry["resource"]["id"].as_str().expect("an id").to_owned()).collect()
    }

    /// The link of a page to another one.
    pub(crate) fn link(&self, relation: &str) -> Option<String> {
        let links = self.json()["link"].as_array().cloned().unwrap_or_default();
        let link = links.iter().find(|link| link["relation"] == relation)?;
        Some(link["url"].as_str().expect("a URL").to_owned())
    }
}

impl Client {
    /// A request with the token; `path` is below the base, or a whole URL.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        self.http.request(method, url).header("authorization", format!("Bearer {}", self.token))
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Reply {
        Reply::of(request.send().await.expect("an answer")).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, resource: &Value) -> Reply {
        self.send(self.writing(Method::POST, path, resource)).await
    }

    /// Updates a resource whose current version is this one.
    pub(crate) async fn put(&self, path: &str, version: u64, resource: &Value) -> Reply {
        let request =
            self.writing(Method::PUT, path, resource).header("if-match", format!("W/\"{version}\""));
        self.send(request).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.send(self.request(Method::DELETE, path)).await
    }

    pub(crate) fn writing(&self, method: Method, path: &str, resource: &Value) -> RequestBuilder {
        self.request(method, path).header(CONTENT_TYPE, "application/fhir+json").body(resource.to_string())
    }

    /// Creates a resource, which must work, and returns its reference.
    pub(crate) async fn create(&self, resource: &Value) -> String {
        let resource_type = resource["resourceType"].as_str().expect("a type");
        let reply = self.post(&format!("/{resource_type}"), resource).await.expect(201);
        format!("{resource_type}/{}", reply.id())
    }
}

/// A resource with the profile of its type and these members.
pub(crate) fn resource(resource_type: &str, members: Value) -> Value {
    let mut resource =
        json!({"resourceType": resource_type, "meta": {"profile": [profile_url(resource_type)]}});
    if let (Some(resource), Value::Object(members)) = (resource.as_object_mut(), members) {
        resource.extend(members);
    }
    resource
}

/// A patient with this family name.
pub(crate) fn patient(family: &str) -> Value {
    resource(
        "Patient",
        json!({"active": true, "name": [{"family": family}],
            "identifier": [{"system": "urn:epd", "value": family}]}),
    )
}

/// A task for a patient, with this status.
pub(crate) fn task(patient: &str, status: &str) -> Value {
    resource(
        "Task",
        json!({"status": status, "intent": "plan", "for": {"reference": patient, "type": "Patient"}}),
    )
}

/// A client without a proxy. reqwest wants to know who does its cryptography, even for plain http.
pub(crate) fn client() -> reqwest::Client {
    // It fails when another test was first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().timeout(PATIENCE).no_proxy().build().expect("a client")
}
