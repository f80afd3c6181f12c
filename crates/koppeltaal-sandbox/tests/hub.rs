//! Push over real sockets: the hub over each of its transports.

mod common;

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use common::files::Directory;
use common::oauth::{PATIENT, confidential, tokens};
use common::push::{fast, post};
use common::{Client, Format, PATIENCE, http, plan, world};
use futures_util::{SinkExt as _, StreamExt as _};
use koppeltaal_sandbox::{Fault, FaultKind, Limits, Sandbox};
use reqwest::{RequestBuilder, Response};
use serde_json::Value;
use tokio::time::timeout;
use tokio_websockets::{ClientBuilder, MaybeTlsStream, Message, WebSocketStream};

const HUBS: &str = r#"[{"name":"koppeltaalhub"}]"#;
const NOTIFICATION: &str = r#"{"A":[],"H":"KoppeltaalHub","M":"NewMessage"}"#;

async fn start() -> Sandbox {
    world().push(fast()).start().await.expect("a sandbox")
}

/// A client of the hub, as the game.
struct HubClient {
    base: String,
    token: String,
    transport: &'static str,
    protocol: &'static str,
    /// A bearer token to use in place of the game's credentials.
    bearer: Option<String>,
}

impl HubClient {
    async fn negotiate(sandbox: &Sandbox, transport: &'static str) -> Self {
        let base = format!("{}/signalr", sandbox.url());
        let request = http()
            .get(format!("{base}/negotiate"))
            .query(&[("clientProtocol", "2.1"), ("connectionData", HUBS)]);
        let answer: Value =
            json(request.basic_auth("game", Some("g")).send().await.expect("an answer")).await;
        assert_eq!(answer["ProtocolVersion"], "2.0");
        assert_eq!(answer["KeepAliveTimeout"], 0.4);
        assert_eq!(answer["Url"], "/signalr");
        assert_eq!(answer["TryWebSockets"], true);
        let token = answer["ConnectionToken"].as_str().expect("a token").to_owned();
        Self { base, token, transport, protocol: "2.1", bearer: None }
    }

    /// The same client after the server was restarted.
    fn after_restart(self, sandbox: &Sandbox) -> Self {
        Self { base: format!("{}/signalr", sandbox.url()), ..self }
    }

    fn query(&self) -> [(&str, &str); 4] {
        [
            ("clientProtocol", self.protocol),
            ("transport", self.transport),
            ("connectionToken", &self.token),
            ("connectionData", HUBS),
        ]
    }

    fn request(&self, path: &str) -> RequestBuilder {
        let request = http().post(format!("{}/{path}", self.base)).query(&self.query());
        match &self.bearer {
            Some(token) => request.bearer_auth(token),
            None => request.basic_auth("game", Some("g")),
        }
    }

    async fn send(&self, path: &str) -> Response {
        self.request(path).send().await.expect("an answer")
    }

    async fn start(&self) {
        assert_eq!(json(self.send("start").await).await["Response"], "started");
    }

    /// Calls over HTTP.
    async fn start_push(&self) {
        let call = r#"{"H":"koppeltaalhub","M":"StartPush","A":[],"I":7}"#;
        let answer = self.request("send").form(&[("data", call)]).send().await.expect("an answer");
        assert_eq!(answer.text().await.expect("text"), r#"{"I":"7"}"#);
    }

    async fn poll(&self, path: &str, cursor: &Value) -> (String, Value) {
        let request = self.request(path).query(&[("messageId", cursor.as_str().expect("a cursor"))]);
        let text = request.send().await.expect("an answer").text().await.expect("text");
        let frame = serde_json::from_str(text.trim()).expect("JSON");
        (text, frame)
    }

    async fn socket(&self, path: &str, more: &str) -> WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>> {
        let query: String =
            form_urlencoded::Serializer::new(String::new()).extend_pairs(self.query()).finish();
        let url = format!("{}/{path}?{query}{more}", self.base).replace("http:", "ws:");
        let basic = format!("Basic {}", BASE64_STANDARD.encode("game:g"));
        let builder = ClientBuilder::new().uri(&url).expect("a URL");
        let builder = builder
            .add_header(http::header::AUTHORIZATION, basic.parse().expect("a value"))
            .expect("a header");
        builder.connect().await.expect("a socket").0
    }
}

async fn json(response: Response) -> Value {
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    assert!(response.headers()["content-type"].to_str().expect("text").starts_with("application/json"));
    let text = response.text().await.expect("text");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The next text of a socket that is not a keep-alive.
async fn next<S>(socket: &mut WebSocketStream<S>) -> Value
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    loop {
        let message =
            timeout(PATIENCE, socket.next()).await.expect("in time").expect("more").expect("no error");
        let text = message.as_text().expect("text");
        if text != "{}" {
            return serde_json::from_str(text).expect("JSON");
        }
    }
}

#[tokio::test]
async fn a_socket_is_told_of_messages_after_start_push() {
    let sandbox = start().await;
    let client = HubClient::negotiate(&sandbox, "webSockets").await;
    let mut socket = client.socket("connect", "").await;
    let init = next(&mut socket).await;
    assert_eq!((&init["S"], &init["M"]), (&1.into(), &Value::Array(vec![])));
    client.start().await;
    post(&sandbox, 1).await;
    socket
        .send(Message::text(r#"{"H":"KOPPELTAALHUB","M":"startpush","A":[],"I":"3"}"#))
        .await
        .expect("sent");
    let mut result = next(&mut socket).await;
    let mut groups = next(&mut socket).await;
    if result.get("I").is_none() {
        std::mem::swap(&mut result, &mut groups);
    }
    assert_eq!(result.to_string(), r#"{"I":"3"}"#);
    assert!(groups["G"].is_string());
    post(&sandbox, 2).await;
    let event = next(&mut socket).await;
    assert_eq!(event["M"][0].to_string(), NOTIFICATION);
    // Texts that are no call, or call another hub, get no answer; the socket goes on.
    for text in [
        "no JSON",
        r#"{"H":"other","M":"StartPush","A":[],"I":"4"}"#,
        r#"{"H":"koppeltaalhub","M":"X","A":[],"I":"5"}"#,
    ] {
        socket.send(Message::text(text)).await.expect("sent");
    }
    assert_eq!(next(&mut socket).await["I"], "5");

    // The connection is lost, and comes back with the event of the meantime.
    drop(socket);
    post(&sandbox, 3).await;
    let cursor: String =
        form_urlencoded::byte_serialize(event["C"].as_str().expect("a cursor").as_bytes()).collect();
    let mut socket = client.socket("reconnect", &format!("&messageId={cursor}")).await;
    let missed = next(&mut socket).await;
    assert_eq!((missed["M"][0].to_string().as_str(), missed.get("S")), (NOTIFICATION, None));
    assert_eq!(client.send("abort").await.status(), 200);
    loop {
        match timeout(PATIENCE, socket.next()).await.expect("in time") {
            Some(Ok(message)) if message.is_close() => break,
            Some(Ok(message)) => assert_eq!(message.as_text(), Some("{}")),
            other => panic!("no close: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_connection_goes_on_after_a_restart_with_a_data_file() {
    let directory = Directory::new("hub");
    let start = async || world().push(fast()).data(directory.file()).start().await.expect("a sandbox");
    let sandbox = start().await;
    let client = HubClient::negotiate(&sandbox, "webSockets").await;
    let mut socket = client.socket("connect", "").await;
    next(&mut socket).await;
    client.start().await;
    let call = r#"{"H":"koppeltaalhub","M":"StartPush","A":[],"I":"3"}"#;
    socket.send(Message::text(call)).await.expect("sent");
    let groups = loop {
        let frame = next(&mut socket).await;
        if frame["G"].is_string() {
            break frame;
        }
    };
    sandbox.stop().await;

    let sandbox = start().await;
    let client = client.after_restart(&sandbox);
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("messageId", groups["C"].as_str().expect("a cursor"))
        .append_pair("groupsToken", groups["G"].as_str().expect("a token"))
        .finish();
    let mut socket = client.socket("reconnect", &format!("&{query}")).await;
    // The server has the connection when it sends a keep-alive.
    let sign = timeout(PATIENCE, socket.next()).await.expect("in time").expect("more").expect("no error");
    assert_eq!(sign.as_text(), Some("{}"));
    post(&sandbox, 1).await;
    assert_eq!(next(&mut socket).await["M"][0].to_string(), NOTIFICATION);
}

#[tokio::test]
async fn a_client_of_before_a_restart_without_data_is_told_to_start_anew() {
    let before = start().await;
    let clients = [
        HubClient::negotiate(&before, "webSockets").await,
        HubClient::negotiate(&before, "serverSentEvents").await,
        HubClient::negotiate(&before, "longPolling").await,
    ];
    before.stop().await;
    let sandbox = start().await;
    let [sockets, events, polls] = clients.map(|client| client.after_restart(&sandbox));

    let mut socket = sockets.socket("reconnect", "").await;
    assert!(next(&mut socket).await["E"].is_string());
    let close = timeout(PATIENCE, socket.next()).await.expect("in time").expect("more").expect("no error");
    assert!(close.is_close());
    let mut stream = events.send("reconnect").await;
    let event = until(&mut stream, "\"E\":").await;
    assert!(event.starts_with("data: initialized\n\ndata: {"), "{event}");
    for path in ["poll", "reconnect"] {
        assert!(json(polls.send(path).await).await["E"].is_string());
    }
    // 400, as from the original: requests that receive nothing, and clients that do not know such a frame.
    for path in ["connect", "start", "send", "abort"] {
        assert_eq!(polls.send(path).await.status(), 400, "{path}");
    }
    let old = HubClient { protocol: "1.5", ..polls };
    assert_eq!(old.send("reconnect").await.status(), 400);
}

#[tokio::test]
async fn a_client_with_a_token_is_told_of_messages_about_its_patient_only() {
    let sandbox = world().application(confidential()).push(fast()).start().await.expect("a sandbox");
    let tokens = tokens(&sandbox).await;
    let mut client = HubClient::negotiate(&sandbox, "longPolling").await;
    client.bearer = tokens["access_token"].as_str().map(str::to_owned);
    let init = json(client.send("connect").await).await;
    client.start_push().await;
    let (_, groups) = client.poll("poll", &init["C"]).await;
    post(&sandbox, 1).await;
    let (_, quiet) = client.poll("poll", &groups["C"]).await;
    assert_eq!(quiet["M"], Value::Array(vec![]));
    let mut mine = plan("m2", "2");
    common::set_header_patient(&mut mine, PATIENT);
    Client::portal(&sandbox, Format::Json).send_message(mine).await.bundle();
    let (_, event) = client.poll("poll", &quiet["C"]).await;
    assert_eq!(event["M"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_quiet_socket_gets_signs_of_life() {
    let sandbox = start().await;
    let client = HubClient::negotiate(&sandbox, "webSockets").await;
    let mut socket = client.socket("connect", "").await;
    next(&mut socket).await;
    let sign = timeout(PATIENCE, socket.next()).await.expect("in time").expect("more").expect("no error");
    assert_eq!(sign.as_text(), Some("{}"));
}

/// Reads a stream of events until this stands in it.
async fn until(response: &mut Response, text: &str) -> String {
    let mut read = String::new();
    while !read.contains(text) {
        let chunk =
            timeout(PATIENCE, response.chunk()).await.unwrap_or_else(|_| panic!("no {text} in {read}"));
        read.push_str(&String::from_utf8_lossy(&chunk.expect("no error").expect("more")));
    }
    read
}

#[tokio::test]
async fn a_stream_of_events_is_told_of_messages() {
    let sandbox = start().await;
    let client = HubClient::negotiate(&sandbox, "serverSentEvents").await;
    let mut stream = client.send("connect").await;
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let start = until(&mut stream, "\"S\":1").await;
    assert!(start.starts_with("data: initialized\n\ndata: {"), "{start}");
    client.start().await;
    client.start_push().await;
    until(&mut stream, "\"G\":").await;
    post(&sandbox, 1).await;
    until(&mut stream, NOTIFICATION).await;
    until(&mut stream, "data: {}").await;
    // A second stream takes the place of the first.
    let mut second = client.send("reconnect").await;
    while timeout(PATIENCE, stream.chunk()).await.expect("in time").expect("no error").is_some() {}
    post(&sandbox, 2).await;
    let event = until(&mut second, NOTIFICATION).await;
    assert!(event.starts_with("data: initialized") && !event.contains("\"S\":1"), "{event}");
    client.send("abort").await;
    while timeout(PATIENCE, second.chunk()).await.expect("in time").expect("no error").is_some() {}
}

#[tokio::test]
async fn a_poll_is_held_until_there_is_a_message_or_its_time_is_over() {
    let sandbox = start().await;
    let client = HubClient::negotiate(&sandbox, "longPolling").await;
    let init = json(client.send("connect").await).await;
    assert_eq!(init["S"], 1);
    client.start().await;
    client.start_push().await;
    let (_, groups) = client.poll("poll", &init["C"]).await;
    assert!(groups["G"].is_string());
    let (text, quiet) = client.poll("poll", &groups["C"]).await;
    assert!(text.starts_with("  "), "spaces show that it lives: {text}");
    assert_eq!(quiet["M"], Value::Array(vec![]));
    let (event, ()) = tokio::join!(client.poll("poll", &quiet["C"]), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        post(&sandbox, 1).await;
    });
    assert_eq!(event.1["M"][0].to_string(), NOTIFICATION);
    // The cursor may be in a form. After an old cursor, the event is told again.
    let form = [("messageId", quiet["C"].as_str().expect("a cursor"))];
    let again = client.request("poll").form(&form).send().await.expect("an answer");
    assert!(again.text().await.expect("text").contains(NOTIFICATION));
}

#[tokio::test]
async fn only_the_instances_that_get_the_message_are_told() {
    let sandbox = start().await;
    let mut client = HubClient::negotiate(&sandbox, "longPolling").await;
    let init = json(client.send("connect").await).await;
    client.start_push().await;
    let (_, groups) = client.poll("poll", &init["C"]).await;
    let portal = Client::portal(&sandbox, Format::Json);
    // A status goes to the portal only.
    let status = common::fixture("messages/UpdateCarePlanActivityStatus-minimal", Format::Json);
    assert_eq!(portal.with_body(reqwest::Method::POST, "Mailbox", status).await.status, 200);
    let (_, quiet) = client.poll("poll", &groups["C"]).await;
    assert_eq!(quiet["M"], Value::Array(vec![]));
    // A connection that did not ask is not told.
    client = HubClient::negotiate(&sandbox, "longPolling").await;
    let init = json(client.send("connect").await).await;
    post(&sandbox, 1).await;
    let (_, quiet) = client.poll("poll", &init["C"]).await;
    assert_eq!(quiet["M"], Value::Array(vec![]));
}

#[tokio::test]
async fn the_hub_is_as_strict_as_the_original() {
    let sandbox = start().await;
    let client = HubClient::negotiate(&sandbox, "longPolling").await;
    let base = format!("{}/signalr", sandbox.url());
    let status = async |request: RequestBuilder| request.send().await.expect("an answer").status().as_u16();
    let get = |path: &str| http().get(format!("{base}/{path}")).basic_auth("game", Some("g"));
    assert_eq!(status(http().get(format!("{base}/negotiate"))).await, 401);
    assert_eq!(status(http().get(format!("{base}/ping"))).await, 401);
    assert_eq!(json(get("ping").send().await.expect("an answer")).await["Response"], "pong");
    assert_eq!(json(get("NEGOTIATE").send().await.expect("an answer")).await["ProtocolVersion"], "1.2");
    assert_eq!(status(get("negotiate?connectionData=[{\"name\":\"other\"}]")).await, 500);
    assert_eq!(status(get("negotiate?callback=x")).await, 403);
    assert_eq!(status(get("negotiate/")).await, 400);
    assert_eq!(status(get("connect?transport=longPolling")).await, 400);
    assert_eq!(status(get("connect?transport=pigeon")).await, 400);
    assert_eq!(
        status(get("connect").query(&[("transport", "webSockets"), ("connectionToken", &client.token)]))
            .await,
        400
    );
    let other =
        http().post(format!("{base}/start")).query(&client.query()).basic_auth("portal", Some("wacht:wöord"));
    assert_eq!(status(other).await, 403);
    assert_eq!(status(client.request("send").body("no form")).await, 500);
    let browser = get("ping").header("origin", "https://portal.example").send().await.expect("an answer");
    assert_eq!(browser.headers()["access-control-allow-origin"], "https://portal.example");
    assert_eq!(browser.headers()["access-control-allow-credentials"], "true");
}

#[tokio::test]
async fn stopping_ends_the_connections_of_the_hub() {
    let mut limits = Limits::default();
    limits.stop_time = PATIENCE * 2;
    let sandbox = world().push(fast()).limits(limits).start().await.expect("a sandbox");
    let client = HubClient::negotiate(&sandbox, "webSockets").await;
    let mut socket = client.socket("connect", "").await;
    next(&mut socket).await;
    let events = HubClient::negotiate(&sandbox, "serverSentEvents").await;
    let mut stream = events.send("connect").await;
    until(&mut stream, "\"S\":1").await;
    timeout(PATIENCE, sandbox.stop()).await.expect("it does not wait for them");
    while let Some(message) = timeout(PATIENCE, socket.next()).await.expect("in time") {
        if message.is_err() {
            break;
        }
    }
    while timeout(PATIENCE, stream.chunk()).await.expect("in time").is_ok_and(|chunk| chunk.is_some()) {}
}

#[tokio::test]
async fn pushes_can_be_lost_and_doubled_on_purpose() {
    let lost = Fault::new(FaultKind::LostPush).times(1);
    let sandbox = world().push(fast()).fault(lost).start().await.expect("a sandbox");
    let client = HubClient::negotiate(&sandbox, "longPolling").await;
    let init = json(client.send("connect").await).await;
    client.start_push().await;
    let (_, groups) = client.poll("poll", &init["C"]).await;
    post(&sandbox, 1).await;
    let (_, quiet) = client.poll("poll", &groups["C"]).await;
    assert_eq!(quiet["M"], Value::Array(vec![]));
    sandbox.set_faults([Fault::new(FaultKind::DuplicatePush).times(1)]);
    post(&sandbox, 2).await;
    let (_, event) = client.poll("poll", &quiet["C"]).await;
    assert_eq!(event["M"].as_array().map(Vec::len), Some(2));
}
