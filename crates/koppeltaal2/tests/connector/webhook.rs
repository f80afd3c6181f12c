//! Notifications over a socket, and the subscriptions that they come from.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use koppeltaal2::profiles::Task;
use koppeltaal2::{NewSubscription, Search, SubscriptionOutcome, WebhookService};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::server::{Reply, Server, page, task};

async fn serve(service: WebhookService) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let router = Router::new().route_service("/notified", service);
    tokio::spawn(async { axum::serve(listener, router).await });
    address
}

/// Sends a request to the webhook and returns the status.
async fn call(address: SocketAddr, method: reqwest::Method, headers: &[(&str, &str)]) -> u16 {
    let client = koppeltaal_smart::HttpClient::new("server").expect("a client");
    let request = client.as_reqwest().request(method, format!("http://{address}/notified"));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.send().await.expect("an answer").status().as_u16()
}

#[tokio::test]
async fn a_notification_wakes_the_feed_up_and_is_recorded() {
    let server = Server::start({
        let mut version = 0;
        move |asked| match (asked.on("Task"), asked.on("AuditEvent")) {
            ("GET", _) => {
                version += 1;
                Some(Reply::json(200, &page(&[task("1", version, "ready")], None)))
            }
            (_, "POST") => {
                let mut event = asked.json();
                event["id"] = "1".into();
                event["meta"]["versionId"] = "1".into();
                Some(Reply::json(201, &event))
            }
            _ => None,
        }
    })
    .await;
    let domain = server.domain().site("module.example").discover().await.expect("a domain");
    let connector = domain.connect("module", crate::server::key());
    let mut changes = connector.changes(Search::<Task>::new());
    assert_eq!(changes.next().await.expect("a task").version, "1");
    let service = WebhookService::with_secret("X-Secret", "geheim", changes.notifier()).expect("a service");
    let service = service.recording(&connector);
    let address = serve(service.clone()).await;
    service.set_subscription("Subscription/5");

    let post = reqwest::Method::POST;
    assert_eq!(call(address, post.clone(), &[]).await, 403);
    assert_eq!(call(address, post.clone(), &[("X-Secret", "fout")]).await, 403);
    assert_eq!(call(address, reqwest::Method::GET, &[("X-Secret", "geheim")]).await, 405);
    let waited = tokio::time::timeout(Duration::from_millis(100), changes.next()).await;
    assert!(waited.is_err(), "strangers wake nobody");

    let headers = [
        ("X-Secret", "geheim"),
        ("X-Request-Id", "ping"),
        ("X-Correlation-Id", "write"),
        ("X-Trace-Id", "chain"),
    ];
    assert_eq!(call(address, post.clone(), &headers).await, 200);
    assert_eq!(changes.next().await.expect("a task").version, "2");

    connector.flush_events().await;
    let asked = server.asked();
    let events: Vec<_> = asked.iter().filter(|asked| asked.on("AuditEvent") == "POST").collect();
    assert_eq!(events.len(), 1);
    assert_eq!(
        (events[0].header("x-trace-id"), events[0].header("x-correlation-id")),
        (Some("chain"), Some("ping"))
    );
    let event = events[0].json();
    let ids: Vec<_> =
        event["extension"].as_array().expect("ids").iter().map(|id| id["valueId"].as_str()).collect();
    assert_eq!(ids, [Some("chain"), Some("ping"), Some("write")]);
    assert_eq!(event["source"]["site"], "module.example");
    assert_eq!(event["entity"][0]["what"]["reference"], "Subscription/5");
    assert_eq!(connector.lost_events(), 0);

    drop(changes);
    assert_eq!(call(address, post, &headers[..1]).await, 503);
}

#[tokio::test]
async fn an_audit_event_that_cannot_be_written_stops_nothing_and_is_counted() {
    let server =
        Server::start(|asked| (asked.on("AuditEvent") == "POST").then(|| Reply::issue(403, "forbidden", "")))
            .await;
    let connector = server.connector().await;
    let changes = connector.changes(Search::<Task>::new());
    let service = WebhookService::without_secret(changes.notifier()).recording(&connector);
    let address = serve(service).await;
    assert_eq!(call(address, reqwest::Method::POST, &[]).await, 200);
    connector.flush_events().await;
    assert_eq!(connector.lost_events(), 1);
}

#[tokio::test]
async fn a_flood_of_notifications_does_not_fill_the_memory() {
    let server = Server::start(|asked| {
        (asked.on("AuditEvent") == "POST")
            .then(|| Reply::issue(403, "forbidden", "").after(Duration::from_millis(500)))
    })
    .await;
    let connector = server.connector().await;
    for _ in 0..100 {
        connector.record_in_background(koppeltaal2::ApplicationEvent::new(
            koppeltaal2::EventKind::NotificationReceived,
        ));
    }
    assert_eq!(connector.lost_events(), 68, "32 are under way");
    connector.flush_events().await;
    assert_eq!(connector.lost_events(), 100);
    assert_eq!(server.asked().len(), 32);
}

/// A subscription as a server has it.
fn subscription(id: &str, criteria: &str, status: &str, header: &str) -> Value {
    json!({
        "resourceType": "Subscription", "id": id, "meta": {"versionId": "4"}, "status": status, "error": "no answer",
        "reason": "new work", "criteria": criteria,
        "channel": {"type": "rest-hook", "endpoint": "https://module.example/notified", "header": [header]}
    })
}

/// Subscribes at a server that has these subscriptions; what was done, and what was sent.
async fn subscribe(there: Vec<Value>) -> (SubscriptionOutcome, Option<Value>) {
    let server = Server::start(move |asked| match asked.on("Subscription") {
        "GET" => {
            assert_eq!(asked.target, "/fhir/Subscription?resource-origin=Device/module");
            Some(Reply::json(200, &page(&there, None)))
        }
        "POST" => {
            let mut created = asked.json();
            created["id"] = "new".into();
            created["meta"]["versionId"] = "1".into();
            Some(Reply::json(201, &created))
        }
        "PUT" => {
            let mut updated = asked.json();
            updated["meta"]["versionId"] = "5".into();
            Some(Reply::json(200, &updated))
        }
        _ => None,
    })
    .await;
    let search = Search::<Task>::new().status("ready").owner("Patient/7");
    let wanted = NewSubscription::new(&search, "https://module.example/notified", "new work")
        .header("X-Secret", "geheim");
    assert!(!format!("{wanted:?}").contains("geheim"));
    let done = server.connector().await.subscribe(&wanted).await.expect("a subscription");
    let sent = server.asked().into_iter().find(|asked| asked.method != "GET").map(|asked| asked.json());
    (done, sent)
}

#[tokio::test]
async fn a_subscription_is_made_once() {
    let other = subscription("1", "Task?status=completed", "active", "X-Secret: geheim");
    let (done, sent) = subscribe(vec![other.clone()]).await;
    assert!(matches!(&done, SubscriptionOutcome::Created(created) if created.id == "new"), "{done:?}");
    assert_eq!(
        sent.expect("a create"),
        json!({
            "resourceType": "Subscription",
            "meta": {"profile": ["http://koppeltaal.nl/fhir/StructureDefinition/KT2Subscription"]},
            "status": "requested", "reason": "new work", "criteria": "Task?status=ready&owner=Patient/7",
            "channel": {"type": "rest-hook", "endpoint": "https://module.example/notified", "header": ["X-Secret: geheim"]}
        })
    );
    let own = subscription("2", "Task?owner=Patient%2F7&status=ready", "active", "X-Secret: geheim");
    let (done, sent) = subscribe(vec![other, own]).await;
    assert!(matches!(&done, SubscriptionOutcome::Found(found) if found.id == "2"), "{done:?}");
    assert_eq!(sent, None);
}

#[tokio::test]
async fn a_subscription_that_the_server_gave_up_is_mended() {
    for (status, header) in
        [("error", "X-Secret: geheim"), ("off", "X-Secret: geheim"), ("active", "X-Secret: oud")]
    {
        let (done, sent) =
            subscribe(vec![subscription("2", "Task?status=ready&owner=Patient/7", status, header)]).await;
        assert!(
            matches!(&done, SubscriptionOutcome::Mended(mended) if mended.version == "5"),
            "{status}: {done:?}"
        );
        let sent = sent.expect("an update");
        assert_eq!((&sent["status"], &sent["error"]), (&json!("requested"), &Value::Null));
        assert_eq!(sent["channel"]["header"], json!(["X-Secret: geheim"]));
    }
}

#[tokio::test]
async fn a_feed_keeps_its_subscription() {
    let server = Server::start(|asked| match (asked.on("Subscription"), asked.on("Task")) {
        ("GET", _) => Some(Reply::json(200, &page(&[], None))),
        ("POST", _) => Some(Reply::issue(403, "forbidden", "")),
        (_, "GET") => Some(Reply::json(200, &page(&[task("1", 1, "ready")], None))),
        _ => None,
    })
    .await;
    let search = Search::<Task>::new();
    let wanted = NewSubscription::new(&search, "https://module.example/notified", "new work");
    let mut changes = server.connector().await.changes(search).keep_subscribed(wanted);
    assert_eq!(changes.next().await.expect("changes come all the same").id, "1");
    let asked = server.asked();
    let asked: Vec<_> = asked.iter().map(|asked| (asked.method.as_str(), &asked.target[..10])).collect();
    assert_eq!(asked, [("GET", "/fhir/Subs"), ("POST", "/fhir/Subs"), ("GET", "/fhir/Task")]);
}
