//! How connections last: reconnecting without loss, silence, restarts, calls and goodbyes.

use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use koppeltaal_push::{
    ConnectError, ConnectionState, EventsError, HubConnection, HubEvents, InvokeError, Transport,
};
use koppeltaal_transport::{Client, ClientAuthentication, Credentials, Session, Tokens};
use serde_json::json;

use crate::server::{Fault, SERVER_2_4, Seen, Server, ServerConfig};
use crate::{PATIENCE, SHORT, options, until, until_connections};

/// A connection on which `StartPush` was called.
pub(crate) async fn connected(server: &Server, transport: Transport) -> (HubConnection, HubEvents) {
    let connection = options(server).transport(transport).start().await.expect("started");
    connection.invoke("StartPush", vec![]).await.expect("a result");
    let events = connection.events();
    (connection, events)
}

/// The numbers of the next events.
pub(crate) async fn numbers(events: &mut HubEvents, count: usize) -> Vec<u64> {
    let mut numbers = Vec::new();
    while numbers.len() < count {
        let event =
            tokio::time::timeout(PATIENCE, events.receive()).await.expect("in time").expect("an event");
        numbers.push(event.arguments[0]["Id"].as_u64().expect("a number"));
    }
    numbers
}

#[tokio::test]
async fn what_was_said_while_the_channel_was_lost_comes_after_reconnecting_in_order() {
    for transport in Transport::ALL {
        let server = Server::start(SERVER_2_4).await;
        let (connection, mut events) = connected(&server, transport).await;
        server.push(0);
        assert_eq!(numbers(&mut events, 1).await, [0]);
        for round in 0..3_u64 {
            server.fail("reconnect", [Fault::Status(503), Fault::Status(500)]);
            server.cut();
            let mut status = connection.status();
            until(&mut status, |status| status.state == ConnectionState::Reconnecting).await;
            let expected: Vec<_> = (1..=5).map(|number| round * 5 + number).collect();
            for number in &expected {
                server.push(u32::try_from(*number).expect("small"));
            }
            assert_eq!(numbers(&mut events, 5).await, expected, "{transport}");
        }
        let seen = server.seen();
        let reconnect = seen.iter().rev().find(|seen| seen.endpoint == "reconnect").expect("a reconnect");
        assert_eq!(reconnect.query["messageId"], "d-1-B,0|I,11", "{transport}");
        assert_eq!(reconnect.query["groupsToken"], "g+/=1", "{transport}");
        // The connection reconnects, and no new one is negotiated.
        assert_eq!((server.count("negotiate"), server.count("connect")), (1, 1), "{transport}");
        assert!(server.count("reconnect") >= 9, "{transport}");
    }
}

#[tokio::test]
async fn silence_is_noticed_where_there_are_signs_of_life() {
    for transport in [Transport::WebSockets, Transport::ServerSentEvents] {
        let server = Server::start(SERVER_2_4).await;
        let (connection, _events) = connected(&server, transport).await;
        let mut status = connection.status();
        // Signs of life keep it connected for longer than the time-out.
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert_eq!(status.borrow().connections, 1, "{transport}");
        server.stall(true);
        let since = Instant::now();
        until(&mut status, |status| status.is_slow).await;
        assert!(since.elapsed() >= Duration::from_millis(300), "{transport}: {:?}", since.elapsed());
        until(&mut status, |status| status.state == ConnectionState::Reconnecting).await;
        assert!(since.elapsed() >= Duration::from_millis(700), "{transport}: {:?}", since.elapsed());
        server.stall(false);
        until_connections(&mut status, 2).await;
        assert!(!status.borrow().is_slow);
    }
}

#[tokio::test]
async fn a_held_poll_that_showed_life_is_slow_and_then_lost_when_it_is_silent() {
    // No poll ends by itself during the test.
    let server = Server::start(ServerConfig { hold: 600.0, ..SERVER_2_4 }).await;
    let (connection, mut events) = connected(&server, Transport::LongPolling).await;
    let mut status = connection.status();
    // The held poll shows life meanwhile.
    tokio::time::sleep(Duration::from_millis(700)).await;
    server.stall(true);
    let since = Instant::now();
    until(&mut status, |status| status.is_slow).await;
    assert_eq!(status.borrow().state, ConnectionState::Connected);
    until(&mut status, |status| status.state == ConnectionState::Reconnecting).await;
    assert!(since.elapsed() >= Duration::from_millis(600), "{:?}", since.elapsed());
    server.stall(false);
    until_connections(&mut status, 2).await;
    server.push(1);
    assert_eq!(numbers(&mut events, 1).await, [1]);
}

#[tokio::test]
async fn silence_without_signs_of_life_is_no_trouble() {
    let quiet = ServerConfig { keep_alive: None, ..SERVER_2_4 };
    for (config, transport) in [(quiet, Transport::WebSockets), (SERVER_2_4, Transport::LongPolling)] {
        let server = Server::start(config).await;
        let (connection, mut events) = connected(&server, transport).await;
        if transport == Transport::LongPolling {
            server.stall(true);
        }
        tokio::time::sleep(Duration::from_millis(1800)).await;
        server.stall(false);
        assert_eq!(connection.status().borrow().connections, 1, "{transport}");
        server.push(1);
        assert_eq!(numbers(&mut events, 1).await, [1], "{transport}");
    }
}

#[tokio::test]
async fn a_connection_that_cannot_be_had_back_is_started_anew() {
    for transport in Transport::ALL {
        let server = Server::start(ServerConfig { disconnect: 0.5, ..SERVER_2_4 }).await;
        let (connection, mut events) = connected(&server, transport).await;
        let mut status = connection.status();
        server.fail_always("reconnect", Some(Fault::Status(500)));
        server.cut();
        let given_up = until(&mut status, |status| status.error.is_some()).await;
        assert!(matches!(given_up.error, Some(ConnectError::DisconnectTimeout { .. })), "{given_up:?}");
        assert_eq!(server.count("abort"), 0, "{transport}");
        until_connections(&mut status, 2).await;
        assert_eq!(server.count("negotiate"), 2, "{transport}");
        let last =
            server.seen().into_iter().rev().find(|seen| seen.endpoint == "connect").expect("a connect");
        assert_eq!(last.query["connectionToken"], "t+/=2", "{transport}");
        assert!(!last.query.contains_key("messageId"), "{transport}");
        connection.invoke("StartPush", vec![]).await.expect("a result");
        server.push(1);
        assert_eq!(numbers(&mut events, 1).await, [1], "{transport}");
    }
}

#[tokio::test]
async fn a_refusal_while_reconnecting_leads_to_a_new_start_at_once() {
    for (status, attempts) in [(403, 1), (401, 1), (400, 1), (429, 2)] {
        let server = Server::start(ServerConfig { disconnect: 600.0, ..SERVER_2_4 }).await;
        let (connection, _events) = connected(&server, Transport::WebSockets).await;
        server.fail("reconnect", [Fault::Status(status)]);
        server.cut();
        until_connections(&mut connection.status(), 2).await;
        let negotiated = if attempts == 1 { 2 } else { 1 };
        assert_eq!(
            (server.count("reconnect"), server.count("negotiate")),
            (attempts, negotiated),
            "{status}"
        );
    }
}

#[tokio::test]
async fn a_token_that_is_refused_is_renewed_and_the_connection_kept() {
    for (endpoint, transport) in [
        ("negotiate", Transport::LongPolling),
        ("connect", Transport::WebSockets),
        ("reconnect", Transport::WebSockets),
    ] {
        let server = Server::start(SERVER_2_4).await;
        let tokens = Tokens::new("first").expect("a token").with_refresh_token("r1");
        let session = Session::new(tokens).with_refresh(ClientAuthentication::public("game"));
        let client = Client::builder(&server.url()).credentials(Credentials::bearer(session)).build();
        server.fail(endpoint, [Fault::Status(401)]);
        let connection = HubConnection::builder(&client.expect("a client"), "KoppeltaalHub")
            .reconnect_delay(SHORT)
            .transport(transport)
            .start()
            .await
            .expect("started");
        server.cut();
        until_connections(&mut connection.status(), 2).await;
        let used = |seen: &Seen| (seen.endpoint == endpoint).then(|| seen.authorization.clone()).flatten();
        let used: Vec<_> = server.seen().iter().filter_map(used).collect();
        assert_eq!(used, ["Bearer first", "Bearer second-access"], "{endpoint}");
        let last = server.seen().pop().and_then(|seen| seen.authorization);
        assert_eq!(last.as_deref(), Some("Bearer second-access"), "{endpoint}");
        let starts = if endpoint == "negotiate" { 2 } else { 1 };
        assert_eq!(server.count("negotiate"), starts, "{endpoint}");
    }
}

#[tokio::test]
async fn channels_that_close_as_soon_as_they_open_are_no_loop_without_pause_or_end() {
    let server = Server::start(ServerConfig { disconnect: 1.0, ..SERVER_2_4 }).await;
    for transport in [Transport::WebSockets, Transport::ServerSentEvents] {
        let (connection, _events) = connected(&server, transport).await;
        let before = (server.count("reconnect"), server.count("negotiate"));
        server.fail_always("reconnect", Some(Fault::Close));
        server.cut();
        let mut status = connection.status();
        until(&mut status, |status| status.error.is_some()).await;
        let attempts = server.count("reconnect") - before.0;
        assert!((2..=21).contains(&attempts), "{transport}: {attempts}");
        server.fail_always("reconnect", None);
        server.until("negotiate", before.1 + 1).await;
        connection.stop().await;
    }
}

#[tokio::test]
async fn a_channel_that_is_closed_politely_is_lost_all_the_same() {
    let server = Server::start(SERVER_2_4).await;
    let (connection, mut events) = connected(&server, Transport::WebSockets).await;
    server.close_politely();
    server.cut();
    until_connections(&mut connection.status(), 2).await;
    server.push(1);
    assert_eq!(numbers(&mut events, 1).await, [1]);
    assert_eq!((server.count("negotiate"), server.count("reconnect")), (1, 1));
}

#[tokio::test]
async fn a_reconnecting_poll_that_is_held_in_silence_counts_as_reconnected() {
    let server = Server::start(ServerConfig { disconnect: 600.0, ..SERVER_2_4 }).await;
    let (connection, _events) = connected(&server, Transport::LongPolling).await;
    server.fail("reconnect", [Fault::Hang]);
    server.cut();
    let mut status = connection.status();
    until(&mut status, |status| status.state == ConnectionState::Reconnecting).await;
    until_connections(&mut status, 2).await;
    assert_eq!(server.count("reconnect"), 1, "it is the one that was never answered");
}

#[tokio::test]
async fn a_server_that_asks_for_pauses_between_polls_gets_them() {
    let server = Server::start(SERVER_2_4).await;
    let (_connection, mut events) = connected(&server, Transport::LongPolling).await;
    let since = Instant::now();
    // Milliseconds, other than all times of negotiate.
    server.send_frame(r#"{"C":"d-1-B,0|I,0","L":700,"M":[]}"#);
    server.push(1);
    assert_eq!(numbers(&mut events, 1).await, [1]);
    assert!(since.elapsed() >= Duration::from_millis(700), "{:?}", since.elapsed());
}

#[tokio::test]
async fn a_text_that_is_no_frame_costs_the_channel_and_not_the_connection() {
    for transport in Transport::ALL {
        let server = Server::start(SERVER_2_4).await;
        let (connection, _events) = connected(&server, transport).await;
        let mut status = connection.status();
        // Not JSON as a whole: the channel cannot be trusted any more, the connection can.
        server.send_item("{");
        let lost = until(&mut status, |status| status.state != ConnectionState::Connected).await;
        assert_eq!(lost.state, ConnectionState::Reconnecting, "{transport}");
    }
}

#[tokio::test]
async fn many_messages_one_after_the_other_do_not_slow_polls_down() {
    let server = Server::start(SERVER_2_4).await;
    let (_connection, mut events) = connected(&server, Transport::LongPolling).await;
    let since = Instant::now();
    for number in 0..60 {
        server.push(number);
        assert_eq!(numbers(&mut events, 1).await, [u64::from(number)]);
    }
    // A pause before each would be a minute altogether.
    assert!(since.elapsed() < Duration::from_secs(30), "{:?}", since.elapsed());
}

#[tokio::test]
async fn polls_that_are_not_held_are_not_asked_without_pause() {
    let server = Server::start(SERVER_2_4).await;
    let (_connection, _events) = connected(&server, Transport::LongPolling).await;
    let since = Instant::now();
    let polls = server.count("poll");
    server.fail_always("poll", Some(Fault::Wrong));
    server.push(1);
    // The one that was held, some at once, then one a second.
    server.until("poll", polls + 7).await;
    assert!(since.elapsed() >= Duration::from_secs(2), "{:?}", since.elapsed());
}

#[tokio::test]
async fn calls_end_in_every_way() {
    for transport in Transport::ALL {
        let server = Server::start(SERVER_2_4).await;
        let (connection, _events) = connected(&server, transport).await;
        let error = connection.invoke("Fail", vec![]).await.expect_err("an error");
        assert!(!format!("{error} {error:?}").contains("Geheim1"), "{error:?}");
        let InvokeError::Hub(exception) = error else { panic!("{error:?}") };
        assert_eq!((exception.message.as_str(), exception.is_hub_exception), ("Geheim1", true));
        assert_eq!(exception.data, Some(json!({ "code": 42 })));

        let long = vec![json!("x".repeat(70_000))];
        assert!(matches!(connection.invoke("Echo", long).await, Err(InvokeError::TooLong)), "{transport}");

        // A server does not answer what it does not know.
        let error = connection.invoke("Silence", vec![]).await.expect_err("an error");
        assert!(matches!(error, InvokeError::Timeout { .. }), "{transport}: {error:?}");
        let many = (0..20).map(|number| connection.invoke("Echo", vec![json!(number)]));
        for (number, result) in futures_util::future::join_all(many).await.into_iter().enumerate() {
            assert_eq!(result.expect("a result"), json!([number]), "{transport}");
        }

        let pending = connection.invoke("Silence", vec![]);
        server.fail_always("reconnect", Some(Fault::Status(500)));
        let cut = async {
            tokio::time::sleep(SHORT).await;
            server.cut();
        };
        let (error, ()) = tokio::join!(pending, cut);
        let error = error.expect_err("an error");
        if transport == Transport::WebSockets {
            assert!(matches!(error, InvokeError::ConnectionLost), "{error:?}");
        } else {
            assert!(matches!(error, InvokeError::Timeout { .. }), "{transport}: {error:?}");
        }
        let error = connection.invoke("Echo", vec![]).await.expect_err("an error");
        assert!(matches!(error, InvokeError::NotConnected), "{transport}: {error:?}");
    }
}

#[tokio::test]
async fn a_call_whose_request_fails_says_how() {
    for transport in [Transport::ServerSentEvents, Transport::LongPolling] {
        let server = Server::start(SERVER_2_4).await;
        let (connection, _events) = connected(&server, transport).await;
        let faults = [Fault::Status(401), Fault::Status(500), Fault::Hang, Fault::Broken, Fault::NoJson];
        server.fail("send", faults);
        let mut errors = Vec::new();
        for _ in faults {
            errors.push(connection.invoke("Echo", vec![]).await.expect_err("an error"));
        }
        let [refused, unknown, silent, broken, no_json] = &errors[..] else { panic!("{errors:?}") };
        assert!(matches!(refused, InvokeError::Status { status } if status.as_u16() == 401), "{refused:?}");
        assert!(matches!(unknown, InvokeError::Status { status } if status.as_u16() == 500), "{unknown:?}");
        assert!(matches!(silent, InvokeError::Timeout { limit } if limit.as_secs() == 1), "{silent:?}");
        assert!(matches!(broken, InvokeError::Unreachable { .. }), "{broken:?}");
        assert!(matches!(no_json, InvokeError::Protocol), "{no_json:?}");
        // None of them ends the connection, and none was tried again.
        assert_eq!(connection.invoke("Echo", vec![]).await.expect("a result"), json!([]), "{transport}");
        assert_eq!(server.count("send"), 1 + faults.len() + 1, "{transport}");
    }
}

#[tokio::test]
async fn a_dropped_connection_says_goodbye_and_leaves_no_task() {
    for transport in Transport::ALL {
        let server = Server::start(SERVER_2_4).await;
        let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
        let (connection, mut events) = connected(&server, transport).await;
        let status = connection.status();
        drop(connection);
        server.until("abort", 1).await;
        assert_eq!(events.receive().await, Err(EventsError::Stopped), "{transport}");
        drop(server);
        let settled = async {
            while tasks() > 0 {
                tokio::time::sleep(SHORT).await;
            }
        };
        // Connections of the HTTP client's pool end with its last clone.
        assert!(tokio::time::timeout(PATIENCE, settled).await.is_ok(), "{transport}: {} tasks", tasks());
        assert_eq!(status.borrow().state, ConnectionState::Disconnected, "{transport}");
    }
}

#[tokio::test]
async fn stopping_ends_a_connection_in_every_state() {
    let server = Server::start(SERVER_2_4).await;
    let (connection, _events) = connected(&server, Transport::WebSockets).await;
    server.fail_always("reconnect", Some(Fault::Hang));
    server.cut();
    until(&mut connection.status(), |status| status.state == ConnectionState::Reconnecting).await;
    tokio::time::timeout(PATIENCE, connection.stop()).await.expect("stopped while reconnecting");
    assert_eq!(server.count("abort"), 1);

    server.fail_always("negotiate", Some(Fault::Hang));
    let connection = options(&server).request_timeout(PATIENCE * 10).start_in_background();
    server.until("negotiate", 2).await;
    tokio::time::timeout(PATIENCE, connection.stop()).await.expect("stopped while connecting");

    server.fail_always("negotiate", Some(Fault::Status(401)));
    let connection = options(&server).restart_delay(PATIENCE * 10, PATIENCE * 10).start_in_background();
    until(&mut connection.status(), |status| status.error.is_some()).await;
    tokio::time::timeout(PATIENCE, connection.stop()).await.expect("stopped while disconnected");
}

#[tokio::test]
async fn calls_beyond_those_under_way_wait() {
    let server = Server::start(SERVER_2_4).await;
    let options = options(&server).invoke_timeout(PATIENCE).transport(Transport::ServerSentEvents);
    let connection = options.start().await.expect("started");
    let calls = futures_util::future::join_all((0..100).map(|_| connection.invoke("Silence", vec![])));
    tokio::select! {
        results = calls => panic!("{results:?}"),
        () = async {
            server.until("send", 64).await;
            tokio::time::sleep(SHORT).await;
        } => {}
    }
    assert_eq!(server.count("send"), 64);
}

#[tokio::test]
async fn calls_that_are_dropped_make_room_for_others() {
    let server = Server::start(SERVER_2_4).await;
    let options = options(&server).invoke_timeout(PATIENCE).transport(Transport::WebSockets);
    let connection = options.start().await.expect("started");
    for _ in 0..3 {
        let calls = futures_util::future::join_all((0..100).map(|_| connection.invoke("Silence", vec![])));
        assert!(tokio::time::timeout(SHORT, calls).await.is_err());
    }
    assert_eq!(connection.invoke("Echo", vec![json!(1)]).await.expect("a result"), json!([1]));
}

#[tokio::test]
async fn results_that_their_callers_do_not_take_are_bounded_by_what_they_take_in_memory() {
    let server = Server::start(SERVER_2_4).await;
    let connection = options(&server).transport(Transport::WebSockets).invoke_timeout(PATIENCE);
    let connection = connection.start().await.expect("started");
    // 56 KB of text that take 6 MiB of memory when they are read.
    let large = vec![json!({ "": 0 }); 8_000];
    let call = |_| Box::pin(connection.invoke("Echo", large.clone()));
    let mut calls: Vec<_> = (0..8).map(call).collect();
    for call in &mut calls {
        assert!(call.as_mut().now_or_never().is_none());
    }
    // Over a WebSocket, results come in the order of the calls, so this one is the last.
    connection.invoke("Echo", vec![]).await.expect("a result");
    let mut results = Vec::new();
    for call in calls {
        results.push(call.now_or_never().expect("a result").map(drop));
    }
    let (taken, dropped) = results.split_at(5);
    assert!(taken.iter().all(Result::is_ok), "{results:?}");
    let is_dropped = |result| matches!(result, &Err(InvokeError::ResultDropped));
    assert!(dropped.iter().all(is_dropped), "{results:?}");
    // Results that were taken leave room for others.
    connection.invoke("Echo", large).await.expect("a result");
}
