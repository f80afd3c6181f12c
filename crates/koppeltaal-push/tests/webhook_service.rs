//! The webhook service over a socket, mounted in axum as an application would.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use futures_util::FutureExt as _;
use koppeltaal_push::{Notification, Notifications, Webhook};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const ONE_DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Serves a webhook with secret "Geheim1" at `/koppeltaal`.
async fn serve(notifications: &Notifications) -> SocketAddr {
    let webhook = Webhook::with_secret("X-Koppeltaal-Secret", "Geheim1").unwrap().only_domain("Kis");
    let application = Router::new().route_service("/koppeltaal", webhook.service(notifications.notifier()));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, application).await });
    address
}

/// Sends a request as the server writes it and returns the answer, head and body, in lower case.
async fn answer(address: SocketAddr, method: &str, headers: &str) -> String {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "{method} /koppeltaal HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\nContent-Type: application/json\r\n\
         Accept: application/json\r\nConnection: close\r\n{headers}\r\n"
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer.to_lowercase()
}

/// The next notification, if it is there already.
fn next(notifications: &mut Notifications) -> Option<Notification> {
    notifications.wait().now_or_never()
}

#[tokio::test]
async fn a_call_of_the_server_wakes_the_stream_up() {
    let mut notifications = Notifications::every(ONE_DAY);
    assert_eq!(notifications.wait().await, Notification::Start);
    let address = serve(&notifications).await;
    let headers = "X-Koppeltaal-Secret: Geheim1\r\nKoppeltaalMessageIdentifier: 1\r\n\
                   Category: http://ggz.koppeltaal.nl/fhir/Koppeltaal/Domain#Kis; \
                   scheme=\"http://hl7.org/fhir/tag/security\"; label=\"Kis\"\r\n";
    for _ in 0..3 {
        let answer = answer(address, "POST", headers).await;
        assert!(answer.starts_with("http/1.1 200 ok\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
    }
    assert_eq!(next(&mut notifications), Some(Notification::Push));
    assert_eq!(next(&mut notifications), None, "three calls before the look are one reason to look");
}

#[tokio::test]
async fn calls_of_strangers_do_not() {
    let mut notifications = Notifications::every(ONE_DAY);
    notifications.wait().await;
    let address = serve(&notifications).await;
    let other_domain =
        "X-Koppeltaal-Secret: Geheim1\r\nCategory: http://ggz.koppeltaal.nl/fhir/Koppeltaal/Domain#Other\r\n";
    for (method, headers, status) in [
        ("POST", "", "403"),
        ("POST", "X-Koppeltaal-Secret: Geheim2\r\n", "403"),
        ("POST", other_domain, "403"),
        ("PUT", "X-Koppeltaal-Secret: Geheim1\r\n", "405"),
    ] {
        let answer = answer(address, method, headers).await;
        assert!(answer.starts_with(&format!("http/1.1 {status} ")), "{answer}");
        assert_eq!(answer.contains("\r\nallow: post\r\n"), status == "405", "{answer}");
    }
    assert_eq!(next(&mut notifications), None);
}

#[tokio::test]
async fn the_server_is_told_to_try_again_when_nobody_looks() {
    let notifications = Notifications::every(ONE_DAY);
    let address = serve(&notifications).await;
    drop(notifications);
    let answer = answer(address, "POST", "X-Koppeltaal-Secret: Geheim1\r\n").await;
    assert!(answer.starts_with("http/1.1 503 "), "{answer}");
}
