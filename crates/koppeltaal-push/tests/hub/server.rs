//! A scripted classic SignalR server: what it answers, when it fails, cuts and stalls is up to the test.

// Spelled out: another test takes this file in by its path.
#[path = "server/channel.rs"]
mod channel;

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::future::ready;
use futures_util::stream::once;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use channel::{Channel, events, init, poll, upgrade};

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// An answer with this status.
    Status(u16),
    /// No answer.
    Hang,
    /// An answer with something else in it.
    Wrong,
    /// An answer that is not JSON.
    NoJson,
    /// An answer that breaks off.
    Broken,
    /// A channel that opens and says nothing; for `connect`.
    NoInit,
    /// A channel that is closed at once, after the first frame if there is one.
    Close,
}

/// What the server tells clients about itself, and how long it holds polls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServerConfig {
    pub(crate) version: &'static str,
    pub(crate) try_web_sockets: bool,
    /// Seconds, as told to clients; signs of life come five times as often.
    pub(crate) keep_alive: Option<f64>,
    pub(crate) disconnect: f64,
    /// Servers 2.0 do not say how long polls are held.
    pub(crate) tells_connection_timeout: bool,
    /// Seconds.
    pub(crate) hold: f64,
}

pub(crate) const SERVER_2_0: ServerConfig =
    ServerConfig { version: "1.3", tells_connection_timeout: false, ..SERVER_2_4 };
pub(crate) const SERVER_2_2: ServerConfig = ServerConfig { version: "1.5", ..SERVER_2_4 };
pub(crate) const SERVER_2_4: ServerConfig = ServerConfig {
    version: "2.0",
    try_web_sockets: true,
    keep_alive: Some(1.0),
    disconnect: 3.0,
    tells_connection_timeout: true,
    hold: 2.0,
};

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) endpoint: String,
    pub(crate) query: HashMap<String, String>,
    pub(crate) authorization: Option<String>,
    pub(crate) cookie: Option<String>,
}

#[derive(Default)]
struct Inner {
    seen: Vec<Seen>,
    /// Faults by endpoint or `endpoint transport`; each is used up.
    faults: HashMap<String, VecDeque<Fault>>,
    /// Faults that last.
    lasting: HashMap<String, Fault>,
    tokens: u32,
    /// Tokens of connections that have not noticed yet that their channel was cut.
    cut: HashSet<String>,
    /// Tokens of connections for which `StartPush` was called.
    pushing: HashSet<String>,
    /// The items of frames, in the order in which they were sent.
    items: Vec<String>,
    /// Frames to be sent as they are.
    frames: VecDeque<String>,
    /// How many channels there were. Only the last one takes such frames, since the server does not
    /// notice at once that a client has left the one before.
    channels: u64,
    /// An item that is sent before `/start` is answered.
    item_before_start: Option<String>,
    stalled: bool,
    /// Every frame is sent twice.
    doubles: bool,
    /// Sockets are closed with a closing frame when they are cut.
    closes_politely: bool,
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    config: ServerConfig,
    inner: Mutex<Inner>,
    /// Grows with everything that channels have to look at.
    changed: watch::Sender<u64>,
    /// Grows when channels are cut.
    cut: watch::Sender<u64>,
}

impl Server {
    pub(crate) async fn start(config: ServerConfig) -> Self {
        let shared = Arc::new(Shared {
            config,
            inner: Mutex::default(),
            changed: watch::Sender::new(0),
            cut: watch::Sender::new(0),
        });
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let app = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let task = tokio::spawn(async { axum::serve(listener, app).await.expect("served") });
        Self { address, shared, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next requests to this endpoint, or to `endpoint transport`, end like this.
    pub(crate) fn fail(&self, endpoint: &str, faults: impl IntoIterator<Item = Fault>) {
        self.shared.inner().faults.entry(endpoint.to_owned()).or_default().extend(faults);
    }

    pub(crate) fn fail_always(&self, endpoint: &str, fault: Option<Fault>) {
        match fault {
            Some(fault) => self.shared.inner().lasting.insert(endpoint.to_owned(), fault),
            None => self.shared.inner().lasting.remove(endpoint),
        };
    }

    /// Sends `NewMessage` with a number to all who called `StartPush`.
    pub(crate) fn push(&self, number: u32) {
        self.send_item(&event("NewMessage", number));
    }

    /// Sends an item to all who called `StartPush`.
    pub(crate) fn send_item(&self, item: &str) {
        self.shared.inner().items.push(item.to_owned());
        self.shared.changed.send_modify(|changes| *changes += 1);
    }

    /// Sends a text as it is, over whichever channel asks first.
    pub(crate) fn send_frame(&self, text: &str) {
        self.shared.inner().frames.push_back(text.to_owned());
        self.shared.changed.send_modify(|changes| *changes += 1);
    }

    /// Sends `NewMessage` to the next connection before its `/start` is answered.
    pub(crate) fn push_before_start(&self, number: u32) {
        self.shared.inner().item_before_start = Some(event("NewMessage", number));
    }

    /// Cuts all channels without notice. A client that is between two polls learns of it at the next one.
    pub(crate) fn cut(&self) {
        let mut inner = self.shared.inner();
        inner.cut = (1..=inner.tokens).map(token).collect();
        drop(inner);
        self.shared.cut.send_modify(|cuts| *cuts += 1);
    }

    /// From now on sockets are closed with a closing frame, when they are cut.
    pub(crate) fn close_politely(&self) {
        self.shared.inner().closes_politely = true;
    }

    pub(crate) fn stall(&self, stalled: bool) {
        self.shared.inner().stalled = stalled;
        self.shared.changed.send_modify(|changes| *changes += 1);
    }

    pub(crate) fn double(&self, doubles: bool) {
        self.shared.inner().doubles = doubles;
    }

    /// Forgets connections and items, as a restart does.
    pub(crate) fn forget(&self) {
        let mut inner = self.shared.inner();
        inner.pushing.clear();
        inner.items.clear();
        drop(inner);
        self.cut();
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.inner().seen.clone()
    }

    /// `endpoint` or `endpoint transport` of each request.
    pub(crate) fn steps(&self) -> Vec<String> {
        let step = |seen: Seen| match seen.query.get("transport") {
            Some(transport) => format!("{} {transport}", seen.endpoint),
            None => seen.endpoint,
        };
        self.seen().into_iter().map(step).collect()
    }

    pub(crate) fn count(&self, step: &str) -> usize {
        self.steps().iter().filter(|found| found.starts_with(step)).count()
    }

    /// Waits until this many requests have come whose step starts like this.
    pub(crate) async fn until(&self, step: &str, count: usize) {
        let waited = async {
            while self.count(step) < count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(20), waited).await;
        assert!(waited.is_ok(), "{step} {count} times: {:?}", self.steps());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
        self.shared.cut.send_modify(|cuts| *cuts += 1);
    }
}

/// The token of a connection. It has characters that arrive as others unless they are percent-encoded.
fn token(number: u32) -> String {
    format!("t+/={number}")
}

fn event(method: &str, number: u32) -> String {
    json!({ "H": "KoppeltaalHub", "M": method, "A": [{ "Id": number }] }).to_string()
}

impl Shared {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no panic")
    }

    fn fault(&self, endpoint: &str, transport: &str) -> Option<Fault> {
        let mut inner = self.inner();
        for key in [format!("{endpoint} {transport}"), endpoint.to_owned()] {
            let next = inner.faults.get_mut(&key).and_then(VecDeque::pop_front);
            if let Some(fault) = next.or_else(|| inner.lasting.get(&key).copied()) {
                return Some(fault);
            }
        }
        None
    }

    /// Sends an item to the newest connection before it has started.
    fn send_before_start(&self, item: String) {
        let mut inner = self.inner();
        let token = token(inner.tokens);
        inner.pushing.insert(token);
        inner.items.push(item);
    }

    fn cursor(number: usize) -> String {
        format!("d-1-B,0|I,{number}")
    }

    /// The frame that follows a position, which then moves on.
    fn frame(&self, token: &str, channel: u64, position: &mut usize) -> Option<String> {
        let mut inner = self.inner();
        if inner.channels == channel
            && let Some(frame) = inner.frames.pop_front()
        {
            return Some(frame);
        }
        // A cursor of another process means "from now on".
        *position = (*position).min(inner.items.len());
        if inner.stalled || inner.items.len() == *position {
            return None;
        }
        let items =
            if inner.pushing.contains(token) { inner.items[*position..].join(",") } else { String::new() };
        *position = inner.items.len();
        Some(format!(r#"{{"C":"{}","M":[{items}]}}"#, Self::cursor(*position)))
    }

    fn call(&self, token: &str, call: &Value) -> Option<String> {
        let id = call["I"].as_str().expect("an id");
        Some(
            match call["M"].as_str().expect("a method") {
                "StartPush" => {
                    self.inner().pushing.insert(token.to_owned());
                    json!({ "I": id })
                }
                "Echo" => json!({ "I": id, "R": call["A"] }),
                "Fail" => json!({ "I": id, "E": "Geheim1", "H": true, "D": { "code": 42 } }),
                _ => return None,
            }
            .to_string(),
        )
    }
}

fn parameters(query: &[u8]) -> HashMap<String, String> {
    form_urlencoded::parse(query).into_owned().collect()
}

fn text_of(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    Some(headers.get(name)?.to_str().expect("text").to_owned())
}

/// What a client needs to get a new token.
fn oauth(path: &str) -> Option<&'static str> {
    match path {
        "/FHIR/Koppeltaal/metadata" => Some(r#"{"resourceType":"Conformance"}"#),
        "/OAuth2/Koppeltaal/Token" => Some(
            r#"{"access_token":"second-access","token_type":"Bearer","expires_in":3600,"refresh_token":"second-refresh"}"#,
        ),
        _ => None,
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    if let Some(answer) = oauth(request.uri().path()) {
        return ([(header::CONTENT_TYPE, "application/json")], answer).into_response();
    }
    let endpoint = request.uri().path().strip_prefix("/signalr/").unwrap_or_default().to_owned();
    let query = parameters(request.uri().query().unwrap_or_default().as_bytes());
    let seen = Seen {
        endpoint: endpoint.clone(),
        query: query.clone(),
        authorization: text_of(request.headers(), header::AUTHORIZATION),
        cookie: text_of(request.headers(), header::COOKIE),
    };
    shared.inner().seen.push(seen);
    let transport = query.get("transport").cloned().unwrap_or_default();
    let fault = shared.fault(&endpoint, &transport);
    match fault {
        Some(Fault::Status(status)) => {
            return StatusCode::from_u16(status).expect("a status").into_response();
        }
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Wrong) => return "{\"Response\":\"no\"}".into_response(),
        Some(Fault::NoJson) => return "not JSON".into_response(),
        Some(Fault::Broken) => {
            let error = std::io::Error::other("broken");
            return Body::from_stream(once(ready(Err::<Bytes, _>(error)))).into_response();
        }
        Some(Fault::NoInit | Fault::Close) | None => {}
    }
    if endpoint == "negotiate" {
        return negotiate(&shared);
    }
    // What was not percent-encoded arrives with a blank.
    let token = query.get("connectionToken").cloned().unwrap_or_default();
    if !token.starts_with("t+/=")
        || query.get("connectionData").is_none_or(|data| !data.contains("KoppeltaalHub"))
    {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let is_receiving = matches!(endpoint.as_str(), "poll" | "reconnect");
    let was_cut = is_receiving && shared.inner().cut.remove(&token);
    match (endpoint.as_str(), transport.as_str()) {
        ("poll", _) if was_cut => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        ("start", _) => start(&shared).await,
        ("abort", _) => {
            shared.cut.send_modify(|cuts| *cuts += 1);
            ().into_response()
        }
        ("send", _) => send(&shared, &token, request).await,
        ("connect", "longPolling") => init(0, &shared).into_response(),
        (_, "longPolling") => poll(Channel::new(shared, token, &endpoint, &query, fault)).await,
        (_, "serverSentEvents") => events(Channel::new(shared, token, &endpoint, &query, fault)),
        _ => upgrade(Channel::new(shared, token, &endpoint, &query, fault), request),
    }
}

fn negotiate(shared: &Shared) -> Response {
    let ServerConfig { version, try_web_sockets, keep_alive, disconnect, tells_connection_timeout, hold } =
        shared.config;
    let mut inner = shared.inner();
    inner.tokens += 1;
    let mut body = json!({
        "Url": "/elsewhere/signalr",
        "ConnectionToken": token(inner.tokens),
        "ConnectionId": "974e15b8-faf6-45b3-b8e7-3e25ad09c8df",
        "KeepAliveTimeout": keep_alive,
        "DisconnectTimeout": disconnect,
        "TryWebSockets": try_web_sockets,
        "ProtocolVersion": version,
        "TransportConnectTimeout": 0.5,
    });
    if tells_connection_timeout {
        body["ConnectionTimeout"] = json!(hold);
    }
    ([(header::SET_COOKIE, "ARRAffinity=abc; Path=/; HttpOnly")], body.to_string()).into_response()
}

async fn start(shared: &Shared) -> Response {
    if shared.config.version < "1.4" {
        // There is no such endpoint: it is a receive request.
        std::future::pending::<()>().await;
    }
    let item = shared.inner().item_before_start.take();
    if let Some(item) = item {
        shared.send_before_start(item);
        shared.changed.send_modify(|changes| *changes += 1);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    "{ \"Response\": \"started\" }".into_response()
}

async fn send(shared: &Shared, token: &str, request: Request) -> Response {
    let form = to_bytes(request.into_body(), 1 << 20).await.expect("a body");
    let call = parameters(&form).remove("data").and_then(|data| serde_json::from_str::<Value>(&data).ok());
    match call.map(|call| shared.call(token, &call)) {
        Some(Some(result)) => result.into_response(),
        Some(None) => std::future::pending().await,
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
