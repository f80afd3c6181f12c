//! What a hub session leaves in logs and errors. The test has a process of its own, because `tracing`
//! remembers for the whole process which call sites had no subscriber when they were first reached. Other
//! tests reach them without one.

#[path = "../../../koppeltaal-transport/tests/secrets/log.rs"]
mod log;
#[allow(dead_code, reason = "the other tests use the rest of it")]
#[path = "../support/options.rs"]
mod options;
#[allow(dead_code, reason = "the other tests use the rest of it")]
#[path = "../hub/server.rs"]
mod server;

use koppeltaal_push::{Notifications, Transport};
use koppeltaal_transport::{Client, ClientAuthentication, Credentials, Session, Tokens};
use serde_json::json;
use tokio::time::timeout;

use options::{PATIENCE, credentials, options, until_connections};
use server::{Fault, SERVER_2_4, Server, ServerConfig};

/// Passwords and tokens, as they are and as Basic authentication writes them; the token of the connection, as
/// it is and percent-encoded; the cookie; and what messages hold.
const SECRETS: [&str; 11] = [
    "Geheim1",
    "Z2FtZTpHZWhlaW0x",
    "first-access",
    "first-refresh",
    "second-access",
    "second-refresh",
    "t+/=",
    "t%2B%2F%3D",
    "ARRAffinity=abc",
    "Lieke",
    "NewSecret",
];

/// A session with everything in it: calls that fail, events, a lost channel, a refused token, an end with a
/// reason, a new start, a goodbye. Returns all that can be shown of it.
async fn live(client: &Client, transport: Transport, server: &Server) -> String {
    let mut notifications = Notifications::every(PATIENCE * 100);
    let mut shown = String::new();
    server.fail("negotiate", [Fault::Status(500), Fault::Wrong]);
    server.fail("connect", [Fault::Status(401)]);
    for _ in 0..3 {
        match options(client).transport(transport).start().await {
            // A bearer token that is refused is renewed.
            Ok(connection) => connection.stop().await,
            Err(error) => shown += &format!("{error} {error:?} {error:#?}"),
        }
    }
    let connection = options(client).transport(transport).start().await.expect("started");
    let mut events = connection.events();
    connection.invoke("StartPush", vec![json!("NewSecret")]).await.expect("a result");
    for (method, argument) in [("Fail", json!("Lieke")), ("Silence", json!("Lieke"))] {
        let error = connection.invoke(method, vec![argument]).await.expect_err("an error");
        shown += &format!("{error} {error:?} {error:#?}");
    }
    server.send_item(r#"{"H":"KoppeltaalHub","M":"NewMessage","A":["Lieke"]}"#);
    let event = timeout(PATIENCE, events.receive()).await.expect("in time").expect("an event");
    shown += &format!("{event:?}");
    let mut status = connection.status();
    server.fail("reconnect", [Fault::Status(503), Fault::Status(500)]);
    server.cut();
    until_connections(&mut status, 2).await;
    for frame in [r#"{"E":"Geheim1 of Lieke"}"#, "not JSON: Lieke"] {
        let connections = status.borrow().connections;
        server.send_frame(frame);
        until_connections(&mut status, connections + 1).await;
    }
    shown += &format!("{connection:?} {events:?} {:?} {notifications:?}", status.borrow().clone());
    connection.stop().await;

    let subscription = options(client).transport(transport).subscribe(notifications.notifier());
    notifications.wait().await;
    timeout(PATIENCE, notifications.wait()).await.expect("StartPush");
    shown += &format!("{subscription:?}");
    subscription.stop().await;
    shown
}

#[tokio::test]
async fn hub_sessions_logged_at_trace_level_tell_no_password_no_token_and_nothing_of_messages() {
    let (log, guard) = log::Log::start(tracing::Level::TRACE);
    let mut shown = String::new();
    for transport in Transport::ALL {
        let tokens = Tokens::new("first-access").expect("a token").with_refresh_token("first-refresh");
        let session = Session::new(tokens).with_refresh(ClientAuthentication::public("game"));
        for credentials in [credentials(), Credentials::bearer(session)] {
            let server = Server::start(ServerConfig { disconnect: 600.0, ..SERVER_2_4 }).await;
            let client = Client::builder(&server.url()).credentials(credentials).build().expect("a client");
            shown += &live(&client, transport, &server).await;
            // The secrets were there, so a log could have shown them.
            let used = |text: &str| {
                server
                    .seen()
                    .iter()
                    .any(|seen| seen.authorization.as_deref().is_some_and(|it| it.contains(text)))
            };
            assert!(used("Z2FtZTpHZWhlaW0x") || used("first-access") && used("second-access"));
        }
    }
    drop(guard);

    let log = log.text();
    for text in ["the hub is connected", "the hub's channel is lost", "not reconnected yet", "TRACE"] {
        assert!(log.contains(text), "{text} is not in the log");
    }
    for (name, text) in [("log", &log), ("errors", &shown)] {
        for secret in SECRETS {
            let line = text.lines().find(|line| line.contains(secret));
            assert_eq!(line, None, "{secret} is in the {name}");
        }
    }
}
