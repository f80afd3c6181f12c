//! What wakes notifications up while the hub can be reached, and what does so while it cannot.

use std::time::{Duration, Instant};

use koppeltaal_push::{Notification, Notifications, Transport};
use tokio::time::timeout;

use crate::server::{Fault, SERVER_2_4, Server, ServerConfig};
use crate::{PATIENCE, SHORT, options, until_connections};

const NEVER: Duration = Duration::from_secs(24 * 60 * 60);

async fn push(notifications: &mut Notifications) {
    let notification = timeout(PATIENCE, notifications.wait()).await.expect("in time");
    assert_eq!(notification, Notification::Push);
}

/// A look when connected, and one after `StartPush`, which may be one.
async fn settled(notifications: &mut Notifications) {
    push(notifications).await;
    while timeout(SHORT * 4, notifications.wait()).await.is_ok() {}
}

async fn quiet(notifications: &mut Notifications) {
    let notification = timeout(SHORT * 4, notifications.wait()).await;
    assert!(notification.is_err(), "{notification:?}");
}

#[tokio::test]
async fn a_look_at_the_start_after_start_push_and_on_every_message() {
    for transport in Transport::ALL {
        let server = Server::start(SERVER_2_4).await;
        let mut notifications = Notifications::every(NEVER);
        assert_eq!(notifications.wait().await, Notification::Start);
        let subscription = options(&server).transport(transport).subscribe(notifications.notifier());
        settled(&mut notifications).await;
        for number in 0..3 {
            server.push(number);
            push(&mut notifications).await;
        }
        server.send_item(r#"{"H":"KoppeltaalHub","M":"SomethingElse","A":[]}"#);
        server.send_item(r#"{"H":"OtherHub","M":"NewMessage","A":[]}"#);
        quiet(&mut notifications).await;
        server.send_item(r#"{"H":"KOPPELTAALHUB","M":"newmessage","A":[]}"#);
        push(&mut notifications).await;
        subscription.stop().await;
        assert_eq!(server.count("abort"), 1, "{transport}");
    }
}

#[tokio::test]
async fn a_server_that_forgot_everything_is_told_again() {
    for transport in Transport::ALL {
        let server = Server::start(ServerConfig { disconnect: 0.4, ..SERVER_2_4 }).await;
        let mut notifications = Notifications::every(NEVER);
        notifications.wait().await;
        let subscription = options(&server).transport(transport).subscribe(notifications.notifier());
        push(&mut notifications).await;
        // After reconnecting.
        server.forget();
        push(&mut notifications).await;
        server.push(1);
        push(&mut notifications).await;
        // After starting anew.
        let connections = subscription.status().borrow().connections;
        server.fail_always("reconnect", Some(Fault::Status(500)));
        server.forget();
        until_connections(&mut subscription.status(), connections + 1).await;
        server.fail_always("reconnect", None);
        push(&mut notifications).await;
        server.push(2);
        push(&mut notifications).await;
    }
}

#[tokio::test]
async fn without_a_hub_the_timer_remains_and_the_hub_is_tried_with_pauses() {
    let server = Server::start(SERVER_2_4).await;
    server.fail_always("negotiate", Some(Fault::Status(404)));
    let mut notifications = Notifications::every(SHORT * 4);
    let _subscription = options(&server).subscribe(notifications.notifier());
    assert_eq!(notifications.wait().await, Notification::Start);
    let before = Instant::now();
    for _ in 0..10 {
        assert_eq!(notifications.wait().await, Notification::Timer);
    }
    let (elapsed, tries) = (before.elapsed(), server.count("negotiate"));
    assert!(elapsed >= SHORT * 40, "{elapsed:?}");
    // Pauses grow to 200 ms, with a random part.
    assert!(tries as u128 <= 15 * elapsed.as_millis() / (SHORT * 40).as_millis(), "{tries} in {elapsed:?}");
    server.until("negotiate", 3).await;
    server.fail_always("negotiate", None);
    let found = async { while notifications.wait().await != Notification::Push {} };
    timeout(PATIENCE, found).await.expect("the hub is found");
}

#[tokio::test]
async fn a_start_push_that_fails_is_called_again() {
    let server = Server::start(SERVER_2_4).await;
    server.fail("send", [Fault::Status(500), Fault::Hang]);
    let mut notifications = Notifications::every(NEVER);
    notifications.wait().await;
    let _subscription = options(&server)
        .invoke_timeout(SHORT)
        .transport(Transport::ServerSentEvents)
        .subscribe(notifications.notifier());
    for _ in 0..3 {
        push(&mut notifications).await;
    }
    server.push(1);
    push(&mut notifications).await;
    assert_eq!(server.count("send"), 3);
}

#[tokio::test]
async fn connected_is_a_reason_to_look_and_a_lost_start_push_is_repeated_soon() {
    let server = Server::start(SERVER_2_4).await;
    server.fail("send", [Fault::Hang]);
    let mut notifications = Notifications::every(NEVER);
    notifications.wait().await;
    let since = Instant::now();
    // The call that is lost does not end during the test.
    let _subscription = options(&server)
        .invoke_timeout(PATIENCE * 10)
        .transport(Transport::ServerSentEvents)
        .subscribe(notifications.notifier());
    push(&mut notifications).await;
    assert!(server.count("send") < 2, "the first look waits for no repetition");
    server.until("send", 2).await;
    assert!(since.elapsed() >= Duration::from_secs(5), "{:?}", since.elapsed());
}

#[tokio::test]
async fn dropping_the_notifications_ends_the_subscription() {
    let server = Server::start(SERVER_2_4).await;
    let mut notifications = Notifications::every(NEVER);
    notifications.wait().await;
    let subscription = options(&server).subscribe(notifications.notifier());
    push(&mut notifications).await;
    drop(notifications);
    server.until("abort", 1).await;
    timeout(PATIENCE, subscription.stop()).await.expect("stopped already");
}
