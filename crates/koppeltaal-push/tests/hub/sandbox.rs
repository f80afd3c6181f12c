//! Against the hub of the sandbox: other code than this crate's, written from the same notes.

use std::time::Duration;

use koppeltaal_messaging::{Acknowledgement, Event, Header};
use koppeltaal_push::{ConnectError, HubSubscription, Notification, Notifications, Transport};
use koppeltaal_sandbox::{Instance, Push, Sandbox, SandboxConfig};
use koppeltaal_transport::{Client, Credentials};
use tokio::time::timeout;

use crate::plan::plan;
use crate::{PATIENCE, SHORT};

const NEVER: Duration = Duration::from_secs(24 * 60 * 60);

async fn start() -> Sandbox {
    builder().start().await.expect("a sandbox")
}

/// A portal and a game, and a hub with short times.
pub(crate) fn builder() -> SandboxConfig {
    let mut push = Push::default();
    push.keep_alive = Duration::from_millis(200);
    push.connection_timeout = Duration::from_millis(700);
    SandboxConfig::new()
        .instance(Instance::new("portal", "p", "Zonnedauw"))
        .instance(Instance::new("game", "g", "Zonnedauw").subscribe([Event::CreateOrUpdateCarePlan]))
        .push(push)
}

pub(crate) fn client(url: &str, username: &str, password: &str) -> Client {
    let credentials = Credentials::basic(username, password).expect("credentials");
    Client::builder(url).credentials(credentials).build().expect("a client")
}

/// Claims and acknowledges until no message is left, and returns the identifiers of the messages.
async fn drain(game: &Client) -> Vec<String> {
    let mut identifiers = Vec::new();
    while let Some(message) = game.claim().await.expect("an answer") {
        identifiers.push(Header::identifier(&message.header).expect("an identifier").to_owned());
        game.acknowledge(&message.header, &Acknowledgement::Success).await.expect("acknowledged");
    }
    identifiers
}

#[tokio::test]
async fn messages_are_told_at_once_over_every_transport() {
    for transport in Transport::ALL {
        let sandbox = start().await;
        let (portal, game) = (client(sandbox.url(), "portal", "p"), client(sandbox.url(), "game", "g"));
        let mut notifications = Notifications::every(NEVER);
        assert_eq!(notifications.wait().await, Notification::Start);
        let subscription =
            HubSubscription::builder(&game).transport(transport).subscribe(notifications.notifier());
        assert_eq!(timeout(PATIENCE, notifications.wait()).await.expect("StartPush"), Notification::Push);
        assert_eq!(drain(&game).await.len(), 0);
        for number in 0..5 {
            portal.send(&plan(number)).await.expect("sent");
            // Nobody waits for the timer.
            timeout(PATIENCE, notifications.wait()).await.expect("told");
            assert_eq!(drain(&game).await, [format!("message-{number}")], "{transport}");
        }
        // Quiet for longer than polls are held and signs of life are waited for.
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert_eq!(subscription.status().borrow().connections, 1, "{transport}");
        subscription.stop().await;
    }
}

#[tokio::test]
async fn the_sandbox_refuses_who_it_does_not_know() {
    let sandbox = start().await;
    let error =
        HubSubscription::builder(&client(sandbox.url(), "game", "wrong")).start().await.expect_err("refused");
    assert!(matches!(error, ConnectError::Authentication { status, .. } if status == 401), "{error:?}");
}

#[tokio::test]
async fn a_sandbox_that_is_restarted_is_found_again() {
    let first = start().await;
    let address = first.address();
    let game = client(first.url(), "game", "g");
    let mut notifications = Notifications::every(NEVER);
    notifications.wait().await;
    let subscription = HubSubscription::builder(&game)
        .reconnect_delay(SHORT)
        .restart_delay(SHORT, SHORT)
        .subscribe(notifications.notifier());
    timeout(PATIENCE, notifications.wait()).await.expect("StartPush");
    first.stop().await;
    let second = SandboxConfig::new()
        .instance(Instance::new("portal", "p", "Zonnedauw"))
        .instance(Instance::new("game", "g", "Zonnedauw").subscribe([Event::CreateOrUpdateCarePlan]))
        .listen(address)
        .start()
        .await
        .expect("a sandbox");
    client(second.url(), "portal", "p").send(&plan(1)).await.expect("sent");
    let told = async {
        loop {
            notifications.wait().await;
            let claimed = drain(&game).await;
            if !claimed.is_empty() {
                return claimed;
            }
        }
    };
    assert_eq!(timeout(PATIENCE, told).await.expect("told"), ["message-1"]);
    subscription.stop().await;
}
