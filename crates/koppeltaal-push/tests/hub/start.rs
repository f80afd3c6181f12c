//! How connections start: transports, fallback, servers of three versions, and what ends a start.

use koppeltaal_push::{ConnectError, ConnectStep, ConnectionState, HubConnection, NegotiateError, Transport};
use koppeltaal_transport::Client;
use serde_json::json;

use crate::server::{Fault, SERVER_2_0, SERVER_2_2, SERVER_2_4, Server, ServerConfig};
use crate::{PATIENCE, options};

const NO_INIT: [Fault; 1] = [Fault::NoInit];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_was_started_says_that_it_is_connected() {
    let server = Server::start(SERVER_2_4).await;
    for _ in 0..40 {
        let connection = options(&server).start().await.expect("started");
        let status = connection.status();
        assert_eq!(status.borrow().state, ConnectionState::Connected);
        assert_eq!(status.borrow().connections, 1);
        connection.stop().await;
    }
}

#[tokio::test]
async fn every_transport_works_with_every_line_of_servers() {
    for line in [SERVER_2_0, SERVER_2_2, SERVER_2_4] {
        for transport in Transport::ALL {
            let server = Server::start(line).await;
            let connection = options(&server).transport(transport).start().await.expect("started");
            assert_eq!(connection.status().borrow().transport, Some(transport));
            let mut events = connection.events();
            let echoed = connection.invoke("Echo", vec![json!("é+&="), json!(2)]).await.expect("a result");
            assert_eq!(echoed, json!(["é+&=", 2]));
            assert!(connection.invoke("StartPush", vec![]).await.expect("a result").is_null());
            for number in 0..3 {
                server.push(number);
                let event = tokio::time::timeout(PATIENCE, events.receive()).await.expect("in time");
                let event = event.expect("an event");
                assert!(event.is("koppeltaalhub", "newmessage"));
                assert_eq!(event.arguments, [json!({ "Id": number })]);
            }
            connection.stop().await;
            let steps = server.steps();
            assert_eq!(server.count("start"), usize::from(line.version != "1.3"), "{steps:?}");
            assert_eq!(server.count("abort"), 1, "{steps:?}");
            for seen in server.seen() {
                // The password is "Geheim1".
                assert_eq!(
                    seen.authorization.as_deref(),
                    Some("Basic Z2FtZTpHZWhlaW0x"),
                    "{}",
                    seen.endpoint
                );
                assert_eq!(seen.query["clientProtocol"], "1.5", "{}", seen.endpoint);
                assert_eq!(
                    seen.query["connectionData"], r#"[{"name":"KoppeltaalHub"}]"#,
                    "{}",
                    seen.endpoint
                );
                let cookie = (seen.endpoint != "negotiate").then_some("ARRAffinity=abc");
                assert_eq!(seen.cookie.as_deref(), cookie, "{}", seen.endpoint);
            }
        }
    }
}

#[tokio::test]
async fn the_hub_is_beside_the_fhir_base_however_the_server_is_named() {
    let server = Server::start(SERVER_2_4).await;
    for address in ["", "/", "/FHIR/Koppeltaal", "/FHIR/Koppeltaal/"] {
        let client = Client::builder(&format!("{}{address}", server.url())).build().expect("a client");
        HubConnection::builder(&client, "KoppeltaalHub").path("/signalr/").start().await.expect("started");
    }
    assert_eq!(server.count("negotiate"), 4);
}

#[tokio::test]
async fn what_does_not_work_is_followed_by_the_next_transport() {
    let sse = Transport::ServerSentEvents;
    for (faults, tried, transport) in [
        (vec![], "webSockets", Transport::WebSockets),
        (vec![("connect webSockets", Fault::Status(400))], "webSockets serverSentEvents", sse),
        (vec![("connect webSockets", Fault::Wrong)], "webSockets serverSentEvents", sse),
        (vec![("connect webSockets", NO_INIT[0])], "webSockets serverSentEvents", sse),
        (vec![("connect webSockets", Fault::Hang)], "webSockets serverSentEvents", sse),
        (
            vec![("connect webSockets", Fault::Status(500)), ("connect serverSentEvents", Fault::NoInit)],
            "webSockets serverSentEvents longPolling",
            Transport::LongPolling,
        ),
    ] {
        let server = Server::start(SERVER_2_4).await;
        for (endpoint, fault) in faults {
            server.fail(endpoint, [fault]);
        }
        let connection = options(&server).start().await.expect("started");
        assert_eq!(connection.status().borrow().transport, Some(transport), "{tried}");
        let steps = server.steps();
        let connects: Vec<_> = steps.iter().filter_map(|step| step.strip_prefix("connect ")).collect();
        assert_eq!(connects.join(" "), tried);
        assert_eq!(server.count("negotiate"), 1, "one token for all tries");
    }
}

#[tokio::test]
async fn web_sockets_that_are_not_offered_are_tried_only_when_asked_for() {
    let server = Server::start(ServerConfig { try_web_sockets: false, ..SERVER_2_4 }).await;
    let connection = options(&server).start().await.expect("started");
    assert_eq!(connection.status().borrow().transport, Some(Transport::ServerSentEvents));
    assert_eq!(server.count("connect webSockets"), 0);
    options(&server).transport(Transport::WebSockets).start().await.expect("started");
}

#[tokio::test]
async fn a_chosen_transport_has_no_substitute_and_all_failures_are_told() {
    let server = Server::start(SERVER_2_4).await;
    server.fail_always("connect", Some(Fault::Status(500)));
    let error = options(&server).transport(Transport::ServerSentEvents).start().await.expect_err("an error");
    assert!(matches!(error, ConnectError::Status { step: ConnectStep::Connect, status } if status == 500));
    assert_eq!(server.count("connect"), 1);
    let error = options(&server).start().await.expect_err("an error");
    let ConnectError::NoTransport { tried } = &error else { panic!("{error:?}") };
    assert_eq!(tried.iter().map(|(transport, _)| *transport).collect::<Vec<_>>(), Transport::ALL);
    assert!(!format!("{error} {error:?}").contains("t+/="), "{error:?}");
}

#[tokio::test]
async fn refused_credentials_are_final_at_every_step() {
    for (endpoint, status) in
        [("negotiate", 401), ("negotiate", 403), ("connect", 401), ("connect", 403), ("start", 403)]
    {
        let server = Server::start(SERVER_2_4).await;
        server.fail_always(endpoint, Some(Fault::Status(status)));
        let error = options(&server).start().await.expect_err("an error");
        let ConnectError::Authentication { status: found, .. } = error else { panic!("{error:?}") };
        assert_eq!(found, status);
        assert_eq!(server.count(endpoint), 1, "nothing else is tried");
    }
}

#[tokio::test]
async fn after_the_first_frame_there_is_no_other_transport() {
    for fault in [Fault::Status(500), Fault::Wrong, Fault::Hang] {
        let server = Server::start(SERVER_2_4).await;
        server.fail("start", [fault]);
        let error = options(&server).start().await.expect_err("an error");
        let is_start = match &error {
            ConnectError::Status { step, .. }
            | ConnectError::Protocol { step }
            | ConnectError::Timeout { step, .. } => *step == ConnectStep::Start,
            _ => false,
        };
        assert!(is_start, "{error:?}");
        assert_eq!((server.count("connect"), server.count("abort")), (1, 1), "{fault:?}");
    }
    // A channel that breaks meanwhile ends the start as well.
    let server = Server::start(SERVER_2_4).await;
    server.fail("start", [Fault::Hang]);
    server.fail("connect", [Fault::Close]);
    let error = options(&server).start().await.expect_err("an error");
    assert!(matches!(error, ConnectError::Lost { step: ConnectStep::Start, .. }), "{error:?}");
}

#[tokio::test]
async fn what_comes_before_the_start_is_answered_is_delivered_afterwards() {
    for transport in Transport::ALL {
        let server = Server::start(SERVER_2_4).await;
        server.push_before_start(7);
        let connection = options(&server).transport(transport).start().await.expect("started");
        let event = tokio::time::timeout(PATIENCE, connection.events().receive()).await.expect("in time");
        assert_eq!(event.expect("an event").arguments, [json!({ "Id": 7 })], "{transport}");
    }
}

#[tokio::test]
async fn a_server_that_is_none_is_told_apart_and_nothing_hangs() {
    let server = Server::start(SERVER_2_4).await;
    server.fail("negotiate", [Fault::Wrong, Fault::Status(404), Fault::Hang]);
    let error = options(&server).start().await.expect_err("an error");
    assert!(matches!(error, ConnectError::Negotiate(NegotiateError::NotSignalR)), "{error:?}");
    let error = options(&server).start().await.expect_err("an error");
    assert!(matches!(error, ConnectError::Status { status, .. } if status == 404), "{error:?}");
    let error = options(&server).start().await.expect_err("an error");
    assert!(matches!(error, ConnectError::Timeout { step: ConnectStep::Negotiate, .. }), "{error:?}");
    let mut url = options(&server);
    drop(server);
    url = url.request_timeout(PATIENCE);
    let error = url.start().await.expect_err("an error");
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_start_in_the_background_tries_again() {
    let server = Server::start(SERVER_2_4).await;
    server.fail("negotiate", [Fault::Status(500), Fault::Status(401), Fault::Wrong]);
    let connection = options(&server).start_in_background();
    let mut status = connection.status();
    let failed = crate::until(&mut status, |status| status.error.is_some()).await;
    assert_eq!(failed.state, ConnectionState::Disconnected);
    crate::until_connections(&mut status, 1).await;
    assert_eq!(server.count("negotiate"), 4);
    assert!(status.borrow().error.is_none());
}
