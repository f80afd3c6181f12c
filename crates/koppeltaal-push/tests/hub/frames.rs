//! Frames that end a connection or a channel: those by which the server says so (`D`, `T` and `E`), and those
//! that cannot be used.

use koppeltaal_push::{ConnectError, ConnectionState, ConnectionStatus, LostReason, Transport};
use serde_json::json;
use tokio::sync::watch;

use crate::connection::{connected, numbers};
use crate::server::{SERVER_2_0, SERVER_2_4, Server};
use crate::{SHORT, options, until, until_connections};

/// Waits until a frame cannot be used, and returns why.
async fn unusable_frame(status: &mut watch::Receiver<ConnectionStatus>) -> LostReason {
    match until(status, |status| status.error.is_some()).await.error {
        Some(ConnectError::UnusableFrame { reason }) => reason,
        other => panic!("{other:?}"),
    }
}

/// Waits for the second connection, which is negotiated instead of reconnected.
async fn is_started_anew(server: &Server, status: &mut watch::Receiver<ConnectionStatus>) {
    until_connections(status, 2).await;
    assert_eq!((server.count("negotiate"), server.count("reconnect")), (2, 0));
}

#[tokio::test]
async fn a_server_that_asks_to_disconnect_is_neither_told_goodbye_nor_reconnected_to() {
    for transport in Transport::ALL {
        let server = Server::start(SERVER_2_0).await;
        let (connection, mut events) = connected(&server, transport).await;
        let mut status = connection.status();
        // What comes with it is delivered.
        let message = r#"{"H":"KoppeltaalHub","M":"NewMessage","A":[{"Id":7}]}"#;
        server.send_frame(&format!(r#"{{"C":"d-1-B,0|I,0","D":1,"M":[{message}]}}"#));
        assert_eq!(numbers(&mut events, 1).await, [7], "{transport}");
        let ended = until(&mut status, |status| status.error.is_some()).await;
        assert!(matches!(ended.error, Some(ConnectError::Ended { reason: None })), "{ended:?}");
        // The client still wants messages, so it begins anew, after a pause.
        until_connections(&mut status, 2).await;
        assert_eq!(server.count("negotiate"), 2, "{transport}");
        assert_eq!((server.count("reconnect"), server.count("abort")), (0, 0), "{transport}");
    }
}

#[tokio::test]
async fn a_fatal_error_ends_the_connection_and_its_text_is_shown_to_nobody_unasked() {
    for transport in Transport::ALL {
        let server = Server::start(SERVER_2_4).await;
        let (connection, _events) = connected(&server, transport).await;
        let mut status = connection.status();
        server.send_frame(r#"{"E":"Geheim1 of Lieke"}"#);
        let ended = until(&mut status, |status| status.error.is_some()).await;
        let Some(ConnectError::Ended { reason: Some(reason) }) = &ended.error else { panic!("{ended:?}") };
        assert_eq!(reason, "Geheim1 of Lieke");
        assert!(!ended.error.as_ref().expect("an error").to_string().contains("Lieke"));
        until_connections(&mut status, 2).await;
        assert_eq!((server.count("reconnect"), server.count("abort")), (0, 0), "{transport}");
    }
}

#[tokio::test]
async fn a_server_that_shuts_down_is_reconnected_to_with_what_was_received_last() {
    for transport in Transport::ALL {
        let server = Server::start(SERVER_2_4).await;
        let (connection, mut events) = connected(&server, transport).await;
        server.push(0);
        assert_eq!(numbers(&mut events, 1).await, [0], "{transport}");
        server.send_frame(r#"{"C":"d-1-B,0|I,1","T":1,"M":[]}"#);
        if transport != Transport::LongPolling {
            // The frame alone changes nothing there: what counts is the close that follows.
            tokio::time::sleep(SHORT).await;
            assert_eq!(connection.status().borrow().state, ConnectionState::Connected, "{transport}");
            server.cut();
        }
        until_connections(&mut connection.status(), 2).await;
        server.push(1);
        assert_eq!(numbers(&mut events, 1).await, [1], "{transport}");
        let seen = server.seen();
        let reconnect = seen.iter().find(|seen| seen.endpoint == "reconnect").expect("a reconnect");
        assert_eq!(reconnect.query["messageId"], "d-1-B,0|I,1", "{transport}");
        assert_eq!(server.count("negotiate"), 1, "{transport}");
    }
}

#[tokio::test]
async fn a_frame_that_is_too_large_is_reported_and_not_asked_for_again() {
    for transport in Transport::ALL {
        let server = Server::start(SERVER_2_4).await;
        let (connection, mut events) = connected(&server, transport).await;
        let mut status = connection.status();
        server.send_frame(&format!(r#"{{"C":"d-1-B,0|I,0","M":["{}"]}}"#, "x".repeat(5 << 20)));
        let reason = unusable_frame(&mut status).await;
        assert!(matches!(reason, LostReason::TooLarge), "{reason:?}");
        is_started_anew(&server, &mut status).await;
        connection.invoke("StartPush", vec![]).await.expect("a result");
        server.push(1);
        assert_eq!(numbers(&mut events, 1).await, [1], "{transport}");
    }
}

#[tokio::test]
async fn what_is_no_frame_is_asked_for_once_more_and_no_oftener() {
    for transport in Transport::ALL {
        let server = Server::start(SERVER_2_4).await;
        let (connection, _events) = connected(&server, transport).await;
        let mut status = connection.status();
        server.send_frame("<html>");
        until_connections(&mut status, 2).await;
        assert_eq!((server.count("negotiate"), server.count("reconnect")), (1, 1), "{transport}");
        server.send_frame("<html>");
        let reason = unusable_frame(&mut status).await;
        assert!(matches!(reason, LostReason::Unreadable), "{reason:?}");
        until_connections(&mut status, 3).await;
        assert_eq!((server.count("negotiate"), server.count("reconnect")), (2, 1), "{transport}");
    }
}

#[tokio::test]
async fn a_second_first_frame_and_progress_of_calls_change_nothing() {
    for transport in Transport::ALL {
        let server = Server::start(SERVER_2_4).await;
        let (connection, mut events) = connected(&server, transport).await;
        server.send_frame(r#"{"C":"d-1-B,0|I,0","S":1,"M":[{"I":"P|1","P":{"I":"1","D":1}}]}"#);
        server.push(1);
        assert_eq!(numbers(&mut events, 1).await, [1], "{transport}");
        assert_eq!(connection.invoke("Echo", vec![json!(1)]).await.expect("a result"), json!([1]));
        assert_eq!(connection.status().borrow().connections, 1, "{transport}");
    }
}

#[tokio::test]
async fn the_groups_token_is_that_of_the_newest_frame_that_has_one() {
    for transport in Transport::ALL {
        let server = Server::start(SERVER_2_4).await;
        let (connection, mut events) = connected(&server, transport).await;
        // A frame without messages moves the cursor all the same.
        server.send_frame(r#"{"C":"d-1-B,0|I,0|G,1","G":"new+/=","M":[]}"#);
        server.send_frame(r#"{"C":"d-1-B,0|G,2|I,0","M":[]}"#);
        server.push(3);
        assert_eq!(numbers(&mut events, 1).await, [3], "{transport}");
        server.cut();
        until_connections(&mut connection.status(), 2).await;
        let seen = server.seen();
        let reconnect = seen.iter().find(|seen| seen.endpoint == "reconnect").expect("a reconnect");
        assert_eq!(reconnect.query["groupsToken"], "new+/=", "{transport}");
        assert_eq!(reconnect.query["messageId"], "d-1-B,0|I,1", "{transport}");
    }
}

#[tokio::test]
async fn a_cursor_that_is_too_long_to_be_sent_back_ends_the_connection() {
    for transport in Transport::ALL {
        let server = Server::start(SERVER_2_4).await;
        let (connection, _events) = connected(&server, transport).await;
        let mut status = connection.status();
        server.send_frame(&format!(r#"{{"C":"{}","M":[]}}"#, "x".repeat(9000)));
        let reason = unusable_frame(&mut status).await;
        assert!(matches!(reason, LostReason::TooLarge), "{reason:?}");
        is_started_anew(&server, &mut status).await;
    }
}

#[tokio::test]
async fn a_state_of_the_hub_beyond_the_limit_starts_the_connection_anew_without_it() {
    let server = Server::start(SERVER_2_4).await;
    let connection = options(&server).hub_state_limit(2000).start().await.expect("started");
    let mut status = connection.status();
    server.send_frame(r#"{"C":"d-1-B,0|I,0","M":[{"H":"h","M":"m","A":[],"S":{"a":1}}]}"#);
    let state = "x".repeat(3000);
    server.send_frame(&format!(
        r#"{{"C":"d-1-B,0|I,0","M":[{{"H":"h","M":"m","A":[],"S":{{"b":"{state}"}}}}]}}"#
    ));
    let reason = unusable_frame(&mut status).await;
    assert!(matches!(reason, LostReason::HubStateTooLarge), "{reason:?}");
    until_connections(&mut status, 2).await;
    assert_eq!(connection.invoke("Echo", vec![json!(1)]).await.expect("a result"), json!([1]));
}
