//! The faults that requests and answers meet, and the address where faults are set: `/sandbox/faults`.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use koppeltaal_messaging::vocabulary::search::EVENT;
use koppeltaal_messaging::{Event, Header};
use tokio::task::yield_now;
use tokio::time::sleep;

use super::format::EVENT_STREAM;
use super::log::Reason;
use super::messages::header_in;
use super::request::{Params, ShortJson, read_body, read_document};
use crate::app::App;
use crate::config::{Fault, FaultKind};
use crate::faults::{Occasion, RequestFault, ResponseFault};
use crate::refusal::{Refusal, RefusalKind};
use crate::server::ConnectionCut;

/// The number of parts in which a slow body is sent.
const PARTS: usize = 10;

/// What a proxy says when it does not reach a server.
const PROXY_PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Service Unavailable</title></head>\
                          <body><h1>Service Unavailable</h1><p>The server is temporarily unable.</p></body></html>\n";

/// What is wrong with a request that meets a fault.
const ON_PURPOSE: &str = "A fault that was asked for.";

/// `GET /sandbox/faults`
pub(crate) async fn list(State(app): State<Arc<App>>) -> Json<Vec<Fault>> {
    Json(app.faults().get())
}

/// `PUT /sandbox/faults`: replaces all faults. An empty list ends them.
pub(crate) async fn set(
    State(app): State<Arc<App>>,
    ShortJson(faults): ShortJson<Vec<Fault>>,
) -> Result<Json<Vec<Fault>>, Refusal> {
    let usernames = faults.iter().filter_map(|fault| fault.instance.as_deref());
    if let Some(unknown) = usernames.into_iter().find(|username| app.instance_named(username).is_none()) {
        let details = format!("A fault is of the instance '{unknown}', which there is not.");
        return Err(Refusal::rule("A fault is of an instance that there is not.").details(details));
    }
    app.faults().set(faults);
    Ok(list(State(app)).await)
}

/// Answers a request of this instance. The faults that it meets strike before and after it is carried out.
pub(crate) async fn meet(
    app: &App,
    request: Request,
    instance: Option<&str>,
    answer: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    if app.faults().is_empty() {
        return answer(request).await;
    }
    let path = request.uri().path().to_owned();
    let is_about_a_message = path.contains("/Mailbox") || path.contains("/MessageHeader");
    let (request, event) = if is_about_a_message && app.faults().ask_for_the_event() {
        match with_event(app, request).await {
            Ok(both) => both,
            Err(refusal) => return refusal.into_response(),
        }
    } else {
        (request, None)
    };
    let occasion = Occasion { path: &path, instance, event };
    for fault in app.faults().meet_request(occasion) {
        match fault {
            RequestFault::Latency(pause) => sleep(pause).await,
            RequestFault::Refuse => return ConnectionCut::response(),
            RequestFault::Status { status, html, retry_after } => {
                let mut response = refuse(status, html);
                if let Some(wait) = retry_after {
                    response.headers_mut().insert(header::RETRY_AFTER, wait.as_secs().into());
                }
                return response;
            }
        }
    }
    let response = answer(request).await;
    let event = response.extensions().get::<Event>().copied().or(event);
    let (mut is_half, mut pause) = (false, None);
    for fault in app.faults().meet_response(Occasion { event, ..occasion }) {
        match fault {
            ResponseFault::Cut => return ConnectionCut::response(),
            ResponseFault::HalfBody => is_half = true,
            ResponseFault::SlowBody(longer) => pause = Some(pause.unwrap_or_default() + longer),
        }
    }
    if is_half || pause.is_some() { in_parts(app, response, is_half, pause).await } else { response }
}

/// The event of the message that a request posts, acknowledges or asks for, if it says so. Its body is read
/// for that.
async fn with_event(app: &App, request: Request) -> Result<(Request, Option<Event>), Refusal> {
    let (parts, body) = request.into_parts();
    let body = read_body(body, app.limits()).await?;
    let in_body = || {
        let (_, read) = read_document(&parts.headers, &body).ok()?;
        Header::from(header_in(&read.document)?.clone()).event().ok()
    };
    let in_query = || Params::read(&parts.uri).ok()?.get(EVENT)?.rsplit('|').next()?.parse().ok();
    let event = if body.is_empty() { in_query() } else { in_body() };
    Ok((Request::from_parts(parts, Body::from(body)), event))
}

fn refuse(status: u16, html: bool) -> Response {
    // `Sandbox::set_faults` takes every number.
    let checked = FaultKind::Status { status, html }.check();
    let (Ok(()), Ok(status)) = (&checked, StatusCode::from_u16(status)) else {
        let rule = "A fault answers with a number that is no HTTP status.";
        let refusal = Refusal::new(RefusalKind::Unsupported, "exception", rule);
        let details = checked.err().map_or_else(String::new, |error| error.to_string());
        let mut response = refusal.details(details).into_response();
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        return response;
    };
    if html {
        let content_type = [(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))];
        let mut response = (status, content_type, PROXY_PAGE).into_response();
        response.extensions_mut().insert(Reason::from_rule(ON_PURPOSE));
        return response;
    }
    let mut response = Refusal::new(RefusalKind::Unsupported, "exception", ON_PURPOSE).into_response();
    *response.status_mut() = status;
    response
}

/// Sends the body, or the first half of it before the connection is cut. With a pause, the body is sent in
/// parts, with the pause before each one.
async fn in_parts(app: &App, response: Response, is_half: bool, pause: Option<Duration>) -> Response {
    let (mut head, body) = response.into_parts();
    // A stream of the hub never ends; it is left alone.
    if head.headers.get(header::CONTENT_TYPE).is_some_and(|value| value == EVENT_STREAM) {
        return Response::from_parts(head, body);
    }
    // An answer is in memory as a whole, except that of a poll, which is short.
    let limit = body.size_hint().exact().and_then(|length| usize::try_from(length).ok());
    let Ok(mut body) = to_bytes(body, limit.unwrap_or(app.limits().body_bytes)).await else {
        return ConnectionCut::response();
    };
    // There is no half of nothing.
    if is_half && body.is_empty() {
        return ConnectionCut::response();
    }
    head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    let parts = if pause.is_some() { PARTS } else { 1 };
    let size = body.len().div_ceil(parts).max(1);
    if is_half {
        body.truncate(body.len() / 2);
    }
    let stream = unfold((body, is_half), move |(mut rest, is_cut)| async move {
        // A wait of any length lets the server send what it has.
        if rest.is_empty() {
            yield_now().await;
            return is_cut.then(|| (Err(std::io::Error::other("cut off")), (rest, false)));
        }
        sleep(pause.unwrap_or_default()).await;
        let part = rest.split_to(size.min(rest.len()));
        Some((Ok(part), (rest, is_cut)))
    });
    Response::from_parts(head, Body::from_stream(stream))
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use tokio::task::JoinSet;
    use tokio::time::Instant;

    use super::*;
    use crate::config::SandboxConfig;

    /// How long a request with this fault takes until its answer, and then until all of the body is there.
    /// The clock of the runtime stands still but for pauses.
    async fn pauses(kind: FaultKind) -> (Duration, Duration) {
        let config = SandboxConfig::new().fault(Fault::new(kind));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let app = App::new(&config, address, address.ip(), &mut JoinSet::new()).expect("an app");
        let begin = Instant::now();
        let response =
            meet(&app, Request::default(), None, async |_| Response::new("0123456789".into())).await;
        let answered = Instant::now();
        let body = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        assert_eq!(&*body, b"0123456789");
        (answered - begin, answered.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_answer_is_late_by_its_pause() {
        let kind = FaultKind::Latency { pause: Duration::from_millis(150) };
        assert_eq!(pauses(kind).await, (Duration::from_millis(150), Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_body_comes_in_ten_parts_with_a_pause_before_each() {
        let kind = FaultKind::SlowBody { pause: Duration::from_millis(20) };
        assert_eq!(pauses(kind).await, (Duration::ZERO, Duration::from_millis(200)));
    }
}
