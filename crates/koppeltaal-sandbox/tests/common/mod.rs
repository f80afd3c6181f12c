//! A bare HTTP client for the tests, and what they send.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

pub mod files;
pub mod oauth;
pub mod push;

use std::time::Duration;

use koppeltaal_fhir::resources::{MessageHeader, OperationOutcome};
use koppeltaal_fhir::{Bundle, Document, Entry, ReadOptions, ResourceType};
use koppeltaal_messaging::{Event, Header, Issue, ProcessingState, ProcessingStatus};
use koppeltaal_sandbox::{Instance, Sandbox, SandboxConfig};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use reqwest::{Method, RequestBuilder};

pub const DOMAIN: &str = "Zonnedauw";
/// Longer than anything in a test takes: a test that hangs fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A sandbox with a portal that receives statuses and definitions, and a game that receives everything else.
pub fn world() -> SandboxConfig {
    let game = Event::ALL.into_iter().filter(|event| !PORTAL_EVENTS.contains(event));
    world_without_game().instance(Instance::new("game", "g", DOMAIN).subscribe(game))
}

const PORTAL_EVENTS: [Event; 2] =
    [Event::UpdateCarePlanActivityStatus, Event::CreateOrUpdateActivityDefinition];

/// The same without the game.
pub fn world_without_game() -> SandboxConfig {
    SandboxConfig::new()
        .instance(Instance::new("portal", "wacht:wöord", DOMAIN).subscribe(PORTAL_EVENTS))
        .instance(Instance::new("stranger", "s", "Elsewhere").subscribe(Event::ALL))
}

pub async fn start() -> Sandbox {
    world().start().await.expect("a sandbox")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Json,
    Xml,
}

pub const FORMATS: [Format; 2] = [Format::Json, Format::Xml];

impl Format {
    pub fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Xml => "xml",
        }
    }

    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Xml => "application/xml+fhir",
        }
    }

    pub fn write(self, document: impl Into<Document>) -> String {
        match self {
            Self::Json => document.into().to_json(),
            Self::Xml => document.into().to_xml(),
        }
        .expect("it can be written")
    }

    pub fn read(self, text: &[u8]) -> Document {
        let read = match self {
            Self::Json => ReadOptions::tolerant().json(text),
            Self::Xml => ReadOptions::tolerant().xml(text),
        };
        read.unwrap_or_else(|error| panic!("{error} in {}", String::from_utf8_lossy(text))).document
    }
}

/// A message of the fixtures, such as `CreateOrUpdateCarePlan-minimal`.
pub fn fixture(name: &str, format: Format) -> String {
    let path = format!("{}/../../fixtures/{name}.{}", env!("CARGO_MANIFEST_DIR"), format.extension());
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub fn bundle(name: &str) -> Bundle {
    Format::Json.read(fixture(name, Format::Json).as_bytes()).into_bundle().expect("a bundle")
}

/// A care plan of its own with its patient, ready to post.
pub fn plan(identifier: &str, id: &str) -> Bundle {
    let mut bundle = bundle("messages/CreateOrUpdateCarePlan-minimal");
    let url = format!("https://portal.example/fhir/CarePlan/{id}");
    let header = header_mut(&mut bundle);
    header.identifier = identifier.into();
    header.data[0].reference = url.as_str().into();
    bundle.entry[1].link[0].href.clone_from(&url);
    bundle.entry[1].id = Some(url);
    bundle
}

pub fn header_mut(bundle: &mut Bundle) -> &mut MessageHeader {
    bundle.entry[0].content.as_mut().and_then(|content| content.get_mut()).expect("a header first")
}

#[derive(Clone)]
enum Credentials {
    None,
    Basic(&'static str, &'static str),
    Bearer(String),
}

/// One application instance that speaks one format.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    credentials: Credentials,
    pub format: Format,
}

impl Client {
    pub fn new(sandbox: &Sandbox, username: &'static str, password: &'static str, format: Format) -> Self {
        Self::at(&sandbox.address().to_string(), username, password, format)
    }

    /// Of a sandbox in another process.
    pub fn at(address: &str, username: &'static str, password: &'static str, format: Format) -> Self {
        Self {
            http: http(),
            base: format!("http://{address}"),
            credentials: Credentials::Basic(username, password),
            format,
        }
    }

    pub fn portal(sandbox: &Sandbox, format: Format) -> Self {
        Self::new(sandbox, "portal", "wacht:wöord", format)
    }

    pub fn game(sandbox: &Sandbox, format: Format) -> Self {
        Self::new(sandbox, "game", "g", format)
    }

    pub fn stranger(sandbox: &Sandbox, format: Format) -> Self {
        Self::new(sandbox, "stranger", "s", format)
    }

    pub fn anonymous(sandbox: &Sandbox, format: Format) -> Self {
        Self { credentials: Credentials::None, ..Self::portal(sandbox, format) }
    }

    pub fn bearer(sandbox: &Sandbox, token: &str, format: Format) -> Self {
        Self { credentials: Credentials::Bearer(token.to_owned()), ..Self::portal(sandbox, format) }
    }

    /// A request; `path` is one under the FHIR base, or a whole URL.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = match path {
            url if url.starts_with("http") => url.to_owned(),
            path => format!("{}/FHIR/Koppeltaal/{path}", self.base),
        };
        let request = self.http.request(method, url).header(ACCEPT, self.format.media_type());
        match &self.credentials {
            Credentials::Basic(username, password) => request.basic_auth(username, Some(password)),
            Credentials::Bearer(token) => request.bearer_auth(token),
            Credentials::None => request,
        }
    }

    pub async fn send(&self, request: RequestBuilder) -> Answer {
        self.try_send(request).await.expect("an answer")
    }

    /// The answer, if there is a whole one.
    pub async fn try_send(&self, request: RequestBuilder) -> Option<Answer> {
        let response = request.send().await.ok()?;
        Some(Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            format: self.format,
            body: response.text().await.ok()?,
        })
    }

    /// A request with a document.
    pub fn request_with(&self, method: Method, path: &str, document: impl Into<Document>) -> RequestBuilder {
        let request = self.request(method, path).header(CONTENT_TYPE, self.format.media_type());
        request.body(self.format.write(document))
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub async fn put(&self, path: &str, document: impl Into<Document>) -> Answer {
        self.with_body(Method::PUT, path, self.format.write(document)).await
    }

    pub async fn post(&self, path: &str, document: impl Into<Document>) -> Answer {
        self.with_body(Method::POST, path, self.format.write(document)).await
    }

    pub async fn with_body(&self, method: Method, path: &str, body: String) -> Answer {
        let request = self.request(method, path).header(CONTENT_TYPE, self.format.media_type()).body(body);
        self.send(request).await
    }

    pub async fn send_message(&self, message: Bundle) -> Answer {
        self.post("Mailbox", message).await
    }

    pub async fn claim(&self) -> Answer {
        self.get("MessageHeader/_search?_query=MessageHeader.GetNextNewAndClaim").await
    }

    /// Sets the status of a message: PUT of its header to `url`.
    pub async fn acknowledge(&self, url: &str, header: &MessageHeader, status: ProcessingStatus) -> Answer {
        self.put(url, with_status(header, status)).await
    }
}

/// The header with this status.
pub fn with_status(header: &MessageHeader, status: ProcessingStatus) -> MessageHeader {
    let mut header = Header::from(header.clone());
    // Cleared first: these tests send what no connector can.
    header.clear_processing();
    let state = ProcessingState::new(status, koppeltaal_fhir::primitives::Instant::now());
    header.set_processing(&state).expect("the first status");
    header.into_fhir()
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub format: Format,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The document of a successful answer.
    pub fn document(&self) -> Document {
        assert!(self.status < 300, "{} {}", self.status, self.body);
        self.format.read(self.body.as_bytes())
    }

    pub fn bundle(&self) -> Bundle {
        self.document().into_bundle().expect("a bundle")
    }

    pub fn resource<T: ResourceType + Clone>(&self) -> T {
        self.document().get::<T>().expect("a resource of this type").clone()
    }

    /// The first entry and the header in it.
    pub fn header_entry(&self) -> (Entry, MessageHeader) {
        let entry = self.bundle().entry.into_iter().next().expect("an entry");
        let header = entry
            .content
            .as_ref()
            .and_then(|content| content.get::<MessageHeader>())
            .expect("a header")
            .clone();
        (entry, header)
    }

    /// The issues of a refusal.
    pub fn issues(&self, status: u16) -> Vec<Issue> {
        assert_eq!(self.status, status, "{}", self.body);
        let document = self.format.read(self.body.as_bytes());
        Issue::all_from_outcome(document.get::<OperationOutcome>().expect("an outcome")).collect()
    }

    /// The text of the only issue of a refusal.
    pub fn details(&self, status: u16) -> String {
        let issues = self.issues(status);
        assert_eq!(issues.len(), 1, "{issues:?}");
        assert!(issues[0].severity.is_some() && issues[0].r#type.is_some(), "{issues:?}");
        issues[0].details.clone().unwrap_or_default()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// Status and exception in a header.
pub fn processing(header: &MessageHeader) -> ProcessingState {
    Header::from(header.clone()).processing().expect("a processing status")
}

pub fn status_of(header: &MessageHeader) -> ProcessingStatus {
    processing(header).status().expect("a known status")
}

/// A bare HTTP client, which shows redirects instead of following them. It installs a provider of
/// cryptography, though these tests never use TLS: in one build with the transport crate, reqwest has TLS
/// without a provider, and then makes no client.
pub fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client")
}

/// The patient that the header of a message names.
pub fn header_patient(message: &Bundle) -> String {
    let header = Header::from_entry_ref(&message.entry[0]).expect("a header");
    header.patient().expect("a patient").to_owned()
}

pub fn set_header_patient(message: &mut Bundle, url: &str) {
    let mut header = Header::from_entry_ref(&message.entry[0]).expect("a header");
    header.set_patient(Some(&url.parse().expect("a URL")));
    message.entry[0].content = Some(header.into_fhir().into());
}
