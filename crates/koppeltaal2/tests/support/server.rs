//! A server whose answers a test chooses, and that records what it is asked. Tokens and discovery work by
//! themselves.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Response, Uri};
use koppeltaal_smart::{Algorithm, KeyPair};
use koppeltaal2::{Connector, Domain, DomainBuilder, RetryPolicy};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn is(&self, method: &str, target: &str) -> bool {
        self.method == method && self.target == target
    }

    /// The method, if the request is about this type; else nothing.
    pub(crate) fn on(&self, resource_type: &str) -> &str {
        let path = self.target.strip_prefix("/fhir/").and_then(|rest| rest.strip_prefix(resource_type));
        let is_about = path.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
        if is_about { self.method.as_str() } else { "" }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a JSON body")
    }
}

/// What the server answers.
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
    after: Duration,
}

impl Reply {
    pub(crate) fn text(status: u16, content_type: &str, body: &str) -> Self {
        let headers = vec![("content-type", content_type.to_owned())];
        Self { status, headers, body: body.to_owned(), after: Duration::ZERO }
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::text(status, "application/fhir+json", &body.to_string())
    }

    pub(crate) fn issue(status: u16, code: &str, expression: &str) -> Self {
        let issue = json!({"severity": "error", "code": code, "expression": [expression], "diagnostics": "Roos Jansen"});
        Self::json(status, &json!({"resourceType": "OperationOutcome", "issue": [issue]}))
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn after(self, after: Duration) -> Self {
        Self { after, ..self }
    }
}

type Rule = dyn FnMut(&Asked) -> Option<Reply> + Send;

#[derive(Clone)]
struct Shared {
    rule: Arc<Mutex<Rule>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

pub(crate) struct Server {
    url: String,
    shared: Shared,
}

/// The key of the application, the same in every test: making one takes time.
pub(crate) fn key() -> Arc<KeyPair> {
    static KEY: std::sync::OnceLock<Arc<KeyPair>> = std::sync::OnceLock::new();
    KEY.get_or_init(|| Arc::new(KeyPair::generate(Algorithm::Es384).expect("a key"))).clone()
}

impl Server {
    /// Answers by this rule; where it says nothing, tokens and discovery as usual, else 404.
    pub(crate) async fn start(rule: impl FnMut(&Asked) -> Option<Reply> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let shared = Shared { rule: Arc::new(Mutex::new(rule)), asked: Arc::default() };
        let router = Router::new().fallback({
            let (shared, url) = (shared.clone(), url.clone());
            move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
                let target = uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
                let body = String::from_utf8_lossy(&body).into_owned();
                let asked = Asked { method, target, headers, body };
                shared.asked.lock().expect("the memory").push(asked.clone());
                let reply = (shared.rule.lock().expect("the rule"))(&asked);
                let reply = reply.unwrap_or_else(|| usual(&asked, &url));
                async move {
                    tokio::time::sleep(reply.after).await;
                    let response = Response::builder().status(reply.status);
                    let response = reply
                        .headers
                        .iter()
                        .fold(response, |response, (name, value)| response.header(*name, value));
                    response.body(Body::from(reply.body)).expect("an answer")
                }
            }
        });
        tokio::spawn(async { axum::serve(listener, router).await });
        Self { url, shared }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn base(&self) -> String {
        format!("{}/fhir", self.url)
    }

    /// A domain whose retries come at once.
    pub(crate) fn domain(&self) -> DomainBuilder {
        let (shortest, longest) = (Duration::from_millis(1), Duration::from_millis(2));
        Domain::builder(&self.base()).retry(RetryPolicy::default().with_delays(shortest, longest))
    }

    pub(crate) async fn connector(&self) -> Connector {
        self.domain().discover().await.expect("a domain").connect("module", key())
    }

    /// What was asked of the FHIR server, without discovery.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        let asked = self.shared.asked.lock().expect("the memory").clone();
        let is_discovery = |target: &str| {
            ["/fhir/.well-known", "/fhir/metadata", "/fhir/ImplementationGuide"]
                .iter()
                .any(|start| target.starts_with(start))
        };
        asked
            .into_iter()
            .filter(|asked| asked.target.starts_with("/fhir/") && !is_discovery(&asked.target))
            .collect()
    }

    /// How many tokens were asked for.
    pub(crate) fn tokens(&self) -> usize {
        self.shared.asked.lock().expect("the memory").iter().filter(|asked| asked.target == "/token").count()
    }
}

/// The usual answers of a domain.
fn usual(asked: &Asked, url: &str) -> Reply {
    match &*asked.target {
        "/fhir/.well-known/smart-configuration" => Reply::json(200, &smart_configuration(url)),
        "/fhir/metadata" => Reply::json(200, &capabilities(url)),
        target if target.starts_with("/fhir/ImplementationGuide") => Reply::json(
            200,
            &json!({"resourceType": "Bundle", "type": "searchset", "entry": [
                {"resource": {"resourceType": "ImplementationGuide", "version": "0.16.3"}}]}),
        ),
        "/token" => Reply::json(
            200,
            &json!({"access_token": "geheim", "token_type": "Bearer", "expires_in": 300, "scope": "system/*.cruds"}),
        ),
        _ => Reply::issue(404, "not-found", ""),
    }
}

pub(crate) fn smart_configuration(url: &str) -> Value {
    json!({
        "issuer": url,
        "jwks_uri": format!("{url}/jwks.json"),
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "introspection_endpoint": format!("{url}/introspect"),
    })
}

pub(crate) fn capabilities(url: &str) -> Value {
    let uri = |name: &str| json!({"url": name, "valueUri": format!("{url}/{name}")});
    json!({
        "resourceType": "CapabilityStatement", "status": "active", "kind": "instance", "fhirVersion": "4.0.1",
        "implementationGuide": ["http://koppeltaal.nl/fhir/ImplementationGuide"],
        "rest": [{"mode": "server", "security": {"extension": [{
            "url": "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris",
            "extension": [uri("token"), uri("authorize"), uri("introspect"), {"url": "issuer", "valueUri": url}]
        }]}}]
    })
}

/// A Task as a server has it.
pub(crate) fn task(id: &str, version: u32, status: &str) -> Value {
    json!({
        "resourceType": "Task", "id": id,
        "meta": {
            "versionId": version.to_string(), "lastUpdated": format!("2026-01-01T00:00:{version:02}.000Z"),
            "profile": ["http://koppeltaal.nl/fhir/StructureDefinition/KT2Task"]
        },
        "status": status, "intent": "order", "for": {"reference": "Patient/1"}
    })
}

/// A page of a search, with the link to the next one.
pub(crate) fn page(resources: &[Value], next: Option<&str>) -> Value {
    let entry: Vec<_> =
        resources.iter().map(|resource| json!({"resource": resource, "search": {"mode": "match"}})).collect();
    let link: Vec<_> = next.iter().map(|url| json!({"relation": "next", "url": url})).collect();
    json!({"resourceType": "Bundle", "type": "searchset", "link": link, "entry": entry})
}
