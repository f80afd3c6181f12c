//! The endpoints under `/signalr`: classic SignalR 2.x over webSockets, serverSentEvents and longPolling.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::authentication::{Caller, from_query_or_header};
use super::format::event_stream;
use super::log::Reason;
use super::request::{Params, read_up_to};
use super::websocket;
use crate::app::App;
use crate::hub::protocol::{Call, is_connection_data, knows_fatal_errors, version};
use crate::hub::{Channel, Connection, Frame, TokenError};
use crate::refusal::Refusal;

/// The longest form of a `send`: the longest call that a socket takes, with each character percent-encoded.
const SEND_FORM_BYTES: usize = 3 * websocket::MESSAGE_BYTES + 1024;
/// The first event on an event stream.
const INITIALIZED: &str = "data: initialized\n\n";

/// A request about a connection.
struct Context {
    app: Arc<App>,
    connection: Arc<Connection>,
    /// The client is told of messages about this patient only; `None`: about everybody.
    patient: Option<String>,
    params: Params,
    form: Params,
}

impl Context {
    /// A parameter of the query, or else of the form: since 2.2, JavaScript clients poll with a form.
    fn get(&self, name: &str) -> Option<&str> {
        self.params.get(name).or_else(|| self.form.get(name))
    }

    fn open(&self) -> Channel {
        let (cursor, groups) = (self.get("messageId"), self.get("groupsToken"));
        self.app.hub().open(&self.connection, cursor, groups, self.patient.as_deref())
    }
}

/// Everything under `/signalr`. The last segment of the path, without regard to case, says what is asked for;
/// with an unknown one, the client asks for events.
pub(crate) async fn signalr(
    State(app): State<Arc<App>>,
    uri: Uri,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let mut response = match answer(app, &uri, &headers, request).await {
        Ok(response) | Err(response) => response,
    };
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn answer(
    app: Arc<App>,
    uri: &Uri,
    headers: &HeaderMap,
    request: Request,
) -> Result<Response, Response> {
    let params = Params::read(uri).map_err(Refusal::into_response)?;
    let caller = from_query_or_header(&app, headers, uri, &params).map_err(Refusal::into_response)?;
    if params.get("callback").is_some() {
        return Err(text(StatusCode::FORBIDDEN, "JSONP is switched off."));
    }
    let path = uri.path().to_ascii_lowercase();
    let end = path.rsplit('/').next().unwrap_or_default();
    if end == "ping" {
        return Ok(json_text(&json!({ "Response": "pong" })));
    }
    if end == "hubs" || end == "js" {
        let script = "throw new Error('The generated proxy is switched off.');";
        return Ok(
            ([(header::CONTENT_TYPE, "application/javascript; charset=UTF-8")], script).into_response()
        );
    }
    if !is_connection_data(params.get("connectionData")) {
        return Err(text(StatusCode::INTERNAL_SERVER_ERROR, "The connection data names an unknown hub."));
    }
    if end == "negotiate" {
        return Ok(negotiate(&app, &caller, &params, uri));
    }

    let transport = params.get("transport").unwrap_or_default().to_ascii_lowercase();
    if !["websockets", "serversentevents", "longpolling"].contains(&transport.as_str()) {
        return Err(text(StatusCode::BAD_REQUEST, "The transport is missing or not known."));
    }
    let token = params.get("connectionToken").unwrap_or_default();
    let is_reopening = matches!(end, "reconnect" | "poll");
    let connection = match app.hub().connection(&caller.instance, token) {
        Err(TokenError::Foreign) if is_reopening && knows_fatal_errors(params.get("clientProtocol")) => {
            return Ok(fatal_error(&app, &transport, request));
        }
        connection => connection.map_err(refuse_token)?,
    };
    if transport == "websockets" && !matches!(end, "start" | "abort") {
        let cursor = params.get("messageId");
        return Ok(websocket::accept(app.hub(), request, end != "connect", |hub| {
            hub.open(&connection, cursor, params.get("groupsToken"), caller.patient.as_deref())
        }));
    }
    let form = read_up_to(SEND_FORM_BYTES, request.into_body(), app.limits()).await;
    let form = Params::from_form(&form.map_err(Refusal::into_response)?);
    let context = Context { app, connection, patient: caller.patient, params, form };
    Ok(match (end, transport.as_str()) {
        ("start", _) => json_text(&json!({ "Response": "started" })),
        ("abort", _) => {
            context.app.hub().abort(&context.connection);
            text(StatusCode::OK, "")
        }
        ("send", _) => send(&context),
        (_, "serversentevents") => events(&context, end == "connect"),
        ("connect", _) => poll_connect(&context),
        _ => poll(&context),
    })
}

fn refuse_token(error: TokenError) -> Response {
    match error {
        TokenError::Unreadable | TokenError::Foreign => {
            text(StatusCode::BAD_REQUEST, "The connection token cannot be read.")
        }
        TokenError::OtherUser => {
            text(StatusCode::FORBIDDEN, "The user identity has changed since the connection was made.")
        }
        TokenError::Full => text(StatusCode::SERVICE_UNAVAILABLE, "There are too many connections."),
    }
}

/// The answer to a client that comes back with a token from before a restart. The original answers 400, and
/// official clients then repeat the request until their disconnect timeout. A fatal error makes them
/// disconnect at once, so that they can start anew.
fn fatal_error(app: &App, transport: &str, request: Request) -> Response {
    let frame = json!({ "E": "The server does not know this connection any more.", "M": [] }).to_string();
    match transport {
        "websockets" => websocket::refuse(app.hub(), request, frame),
        "serversentevents" => event_stream(Body::from([INITIALIZED, &event(&frame)].concat())),
        _ => json_body(frame),
    }
}

fn negotiate(app: &App, caller: &Caller, params: &Params, uri: &Uri) -> Response {
    let (id, token) = app.hub().negotiate(&caller.instance);
    let push = app.hub().push();
    let url = uri.path();
    json_text(&json!({
        "Url": &url[..url.len() - "/negotiate".len()],
        "ConnectionToken": token,
        "ConnectionId": id,
        "KeepAliveTimeout": (push.keep_alive * 2).as_secs_f64(),
        "DisconnectTimeout": push.disconnect_timeout.as_secs_f64(),
        "ConnectionTimeout": push.connection_timeout.as_secs_f64(),
        "TryWebSockets": true,
        "ProtocolVersion": version(params.get("clientProtocol")),
        "TransportConnectTimeout": 5.0,
        "LongPollDelay": 0.0,
    }))
}

fn send(context: &Context) -> Response {
    match context.form.get("data").and_then(Call::read) {
        Some(call) => json_body(context.app.hub().call(&context.connection, &call)),
        None => text(StatusCode::INTERNAL_SERVER_ERROR, "The call cannot be read, or is of an unknown hub."),
    }
}

/// A stream without an end of its own: `initialized`, the init frame, then the events.
fn events(context: &Context, is_connect: bool) -> Response {
    let app = Arc::clone(&context.app);
    let channel = context.open();
    let mut start = INITIALIZED.to_owned();
    if is_connect {
        start.push_str(&event(&Frame::init().text(&app.hub().cursor(channel.cursor))));
    }
    let stream = unfold((app, channel, Some(start)), async |(app, mut channel, start)| {
        if let Some(start) = start {
            return Some((chunk(start), (app, channel, None)));
        }
        let keep_alive = app.hub().push().keep_alive;
        let text = tokio::select! {
            frame = channel.next() => event(&frame?.text(&app.hub().cursor(channel.cursor))),
            () = tokio::time::sleep(keep_alive) => event("{}"),
        };
        Some((chunk(text), (app, channel, None)))
    });
    event_stream(Body::from_stream(stream))
}

fn event(frame: &str) -> String {
    // The original runs on Windows and ends its lines like this.
    format!("data: {frame}\r\n\r\n")
}

fn chunk(text: String) -> Result<Bytes, std::convert::Infallible> {
    Ok(text.into())
}

/// The first answer of longPolling comes at once.
fn poll_connect(context: &Context) -> Response {
    let channel = context.open();
    json_body(Frame::init().text(&context.app.hub().cursor(channel.cursor)))
}

/// The state of a poll that is answered later.
enum Poll {
    Waiting { channel: Channel, until: Instant },
    Over,
}

/// A poll is answered when there is an event. Until then, spaces show that the connection is alive.
fn poll(context: &Context) -> Response {
    let app = Arc::clone(&context.app);
    let until = Instant::now() + app.hub().push().connection_timeout;
    let start = Poll::Waiting { channel: context.open(), until };
    let stream = unfold((app, start), async |(app, poll)| {
        let Poll::Waiting { mut channel, until } = poll else { return None };
        let next_sign = Instant::now() + app.hub().push().keep_alive;
        let frame = tokio::select! {
            frame = channel.next() => Some(frame.unwrap_or_default()),
            () = sleep_until(until) => Some(Frame::default()),
            () = sleep_until(next_sign) => None,
        };
        Some(match frame {
            Some(frame) => {
                let text = frame.text(&app.hub().cursor(channel.cursor));
                (chunk(text), (app, Poll::Over))
            }
            None => (chunk(" ".to_owned()), (app, Poll::Waiting { channel, until })),
        })
    });
    (json_type(), Body::from_stream(stream)).into_response()
}

fn json_type() -> [(header::HeaderName, HeaderValue); 1] {
    [(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=UTF-8"))]
}

fn json_body(body: String) -> Response {
    (json_type(), body).into_response()
}

fn json_text(body: &Value) -> Response {
    json_body(body.to_string())
}

fn text(status: StatusCode, text: &'static str) -> Response {
    let mut response = (status, [(header::CONTENT_TYPE, "text/plain; charset=UTF-8")], text).into_response();
    if !status.is_success() {
        response.extensions_mut().insert(Reason::from_rule(text));
    }
    response
}
