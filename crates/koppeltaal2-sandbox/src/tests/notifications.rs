//! Subscriptions and what their endpoints get.

use std::time::Duration;

use axum::http::{HeaderMap, Method, StatusCode};
use reqwest::Method as HttpMethod;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::common::{ALL, Client, PATIENCE, Server, patient, resource, task};
use crate::notification::NotificationSettings;
use crate::store::StoreLimits;

/// How long a notification that must not come is waited for.
const MOMENT: Duration = Duration::from_millis(150);

/// An endpoint, and what it gets.
struct Hook {
    url: String,
    calls: mpsc::UnboundedReceiver<(Method, HeaderMap, usize)>,
}

impl Hook {
    /// An endpoint that answers with this status.
    async fn start(status: u16) -> Self {
        let (sender, calls) = mpsc::unbounded_channel();
        let handler = async move |method: Method, headers: HeaderMap, body: axum::body::Bytes| {
            let _ = sender.send((method, headers, body.len()));
            StatusCode::from_u16(status).expect("a status")
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let router = axum::Router::new().route("/hook", axum::routing::any(handler));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, calls }
    }

    async fn next(&mut self) -> HeaderMap {
        let (method, headers, length) =
            timeout(PATIENCE, self.calls.recv()).await.expect("in time").expect("a notification");
        assert_eq!((method, length), (Method::POST, 0));
        headers
    }

    async fn is_quiet(&mut self) -> bool {
        timeout(MOMENT, self.calls.recv()).await.is_err()
    }

    fn subscription(&self, criteria: &str) -> Value {
        resource(
            "Subscription",
            json!({"status": "requested", "reason": "test", "criteria": criteria,
            "channel": {"type": "rest-hook", "endpoint": self.url, "header": ["X-Secret: abc"]}}),
        )
    }
}

async fn status_of(client: &Client, subscription: &str, status: &str) -> Value {
    let wait = async {
        loop {
            let current = client.get(&format!("/{subscription}")).await.expect(200).json();
            if current["status"] == status {
                return current;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, wait).await.expect("the status in time")
}

#[tokio::test]
async fn a_matching_write_is_told_with_headers_and_trace() {
    let server = Server::start().await;
    let (epd, portal, mut hook) = (server.epd(), server.client("portal", ALL), Hook::start(200).await);
    let patient = epd.create(&patient("Jansen")).await;
    let created = portal
        .post("/Subscription", &hook.subscription("Task?status=ready&patient.active=true"))
        .await
        .expect(201);
    assert_eq!(created.json()["status"], "active");
    let request =
        epd.writing(HttpMethod::POST, "/Task", &task(&patient, "ready")).header("x-request-id", "write-1");
    let written = epd.send(request.header("x-trace-id", "chain-1")).await.expect(201);
    let headers = hook.next().await;
    assert_eq!(headers["x-secret"], "abc");
    assert_eq!(headers["x-correlation-id"], "write-1");
    assert_eq!(headers["x-trace-id"], "chain-1");
    assert_eq!(headers["content-length"], "0");
    assert!(headers["content-type"].to_str().expect("text").starts_with("application/fhir+json"));
    let request_id = headers["x-request-id"].to_str().expect("text").to_owned();
    assert_ne!(request_id, "write-1");
    let path = format!("/Task/{}", written.id());
    epd.put(&path, 1, &written.json()).await.expect(200);
    hook.next().await;
    epd.delete(&path).await.expect(204);
    epd.create(&task(&patient, "draft")).await;
    assert!(hook.is_quiet().await);
    // The server writes the event after the endpoint has answered.
    let found = async {
        loop {
            let found = epd.get(&format!("/AuditEvent?requestId={request_id}")).await.expect(200).json();
            if found["total"] == 1 {
                return found;
            }
        }
    };
    let found = timeout(PATIENCE, found).await.expect("the event in time");
    let event = &found["entry"][0]["resource"];
    assert_eq!(
        (&event["type"]["code"], &event["action"], &event["outcome"]),
        (&json!("transmit"), &json!("E"), &json!("0"))
    );
    assert_eq!(event["agent"][0]["who"]["reference"], "Device/epd");
    assert_eq!(event["agent"][1]["who"]["reference"], "Device/portal");
    assert_eq!(event["agent"][1]["network"], json!({"address": hook.url, "type": "5"}));
    assert_eq!(event["entity"][0]["what"]["reference"], format!("Task/{}/_history/1", written.id()));
    assert_eq!(event["entity"][1]["role"]["code"], "9");
    assert_eq!(epd.get("/AuditEvent?traceId=chain-1&_count=0").await.json()["total"], 2);
}

#[tokio::test]
async fn what_a_subscriber_may_not_read_is_not_told() {
    let server = Server::start().await;
    let (epd, mut hook) = (server.epd(), Hook::start(200).await);
    let patient = epd.create(&patient("Jansen")).await;
    for client_id in ["narrow", "blind"] {
        server.client(client_id, ALL).create(&hook.subscription("Task")).await;
    }
    epd.create(&task(&patient, "ready")).await;
    assert!(hook.is_quiet().await);
    server.client("narrow", ALL).create(&task(&patient, "ready")).await;
    hook.next().await;
    assert!(hook.is_quiet().await);
    // Of `module` no rights are known, so it is told.
    server.client("module", ALL).create(&hook.subscription("Task")).await;
    epd.create(&task(&patient, "ready")).await;
    hook.next().await;
}

#[tokio::test]
async fn an_endpoint_that_fails_puts_the_subscription_in_error() {
    let settings =
        NotificationSettings { attempts: 3, pause: Duration::from_millis(1), ..Default::default() };
    let server = Server::with(StoreLimits::default(), settings).await;
    let (epd, mut hook) = (server.epd(), Hook::start(503).await);
    let subscription = epd.create(&hook.subscription("Patient")).await;
    epd.create(&patient("Jansen")).await;
    for _ in 0..3 {
        hook.next().await;
    }
    let failed = status_of(&epd, &subscription, "error").await;
    assert!(failed["error"].as_str().is_some_and(|text| text.contains("503")), "{failed}");
    epd.create(&patient("Smit")).await;
    assert!(hook.is_quiet().await);
    // The application turns it on again.
    let mut again = failed.clone();
    again["status"] = json!("requested");
    let on = epd.put(&format!("/{subscription}"), 2, &again).await.expect(200).json();
    assert_eq!((&on["status"], on.get("error")), (&json!("active"), None));
    epd.create(&patient("Bakker")).await;
    hook.next().await;
}

#[tokio::test]
async fn notifications_are_lost_on_purpose() {
    let server = Server::start().await;
    let (epd, mut hook) = (server.epd(), Hook::start(200).await);
    let subscription = epd.create(&hook.subscription("Patient")).await;
    server.notifications.lose(2);
    epd.create(&patient("A")).await;
    epd.create(&patient("B")).await;
    assert!(hook.is_quiet().await);
    epd.create(&patient("C")).await;
    hook.next().await;
    assert_eq!(status_of(&epd, &subscription, "active").await["meta"]["versionId"], "1");
}

#[tokio::test]
async fn one_slow_endpoint_does_not_hold_up_another() {
    let server = Server::start().await;
    let (epd, mut hook) = (server.epd(), Hook::start(200).await);
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let mut slow = hook.subscription("Patient");
    slow["channel"]["endpoint"] = json!(format!("http://{}/", silent.local_addr().expect("an address")));
    epd.create(&slow).await;
    epd.create(&hook.subscription("Patient")).await;
    for name in ["A", "B", "C"] {
        epd.create(&patient(name)).await;
        hook.next().await;
    }
}

#[tokio::test]
async fn subscriptions_that_cannot_work_are_refused() {
    let server = Server::start().await;
    let (epd, hook) = (server.epd(), Hook::start(200).await);
    let mut wrong = hook.subscription("Task?colour=red");
    wrong["channel"]["endpoint"] = json!("http://game.example/hook");
    wrong["channel"]["payload"] = json!("application/fhir+json");
    let refused = epd.post("/Subscription", &wrong).await.expect(422).json();
    let expressions: Vec<_> =
        refused["issue"].as_array().expect("issues").iter().map(|issue| &issue["expression"][0]).collect();
    assert_eq!(expressions.len(), 3, "{refused}");
    for expected in ["Subscription.channel.payload", "Subscription.channel.endpoint", "Subscription.criteria"]
    {
        assert!(expressions.contains(&&json!(expected)), "{expected} in {expressions:?}");
    }
}

#[tokio::test]
async fn ended_subscriptions_are_quiet() {
    let server = Server::start().await;
    let (epd, mut hook) = (server.epd(), Hook::start(200).await);
    let mut over = hook.subscription("Patient");
    over["end"] = json!("2020-01-01T00:00:00Z");
    epd.create(&over).await;
    let mut off = hook.subscription("Patient");
    off["status"] = json!("off");
    epd.create(&off).await;
    epd.create(&patient("Jansen")).await;
    assert!(hook.is_quiet().await);
}
