//! [`Follower`]: tells `watch` and `receive --follow` when to look for messages. The server's hub says when.
//! A timer is the safety net, since a push can get lost and not every server has a hub.

use std::time::Duration;

use clap::Args;
use koppeltaal_push::{HubSubscription, Notifications};
use koppeltaal_transport::Client;

use crate::failure::Failure;
use crate::signals::StopSignals;

/// How long a server may take to end the subscription to its hub.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub(super) struct FollowArguments {
    /// How many seconds to wait for a push before looking anyway.
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    interval: u64,

    /// Ask for no pushes, and look at every interval only.
    #[arg(long)]
    no_push: bool,
}

/// The reasons to look, and the reason to stop.
pub(super) struct Follower {
    notifications: Notifications,
    hub: Option<HubSubscription>,
    signals: StopSignals,
}

impl FollowArguments {
    /// Asks the hub for pushes, in the background. Without a hub, the timer remains.
    pub(super) fn start(&self, client: &Client) -> Result<Follower, Failure> {
        let signals = StopSignals::listen()?;
        let notifications = Notifications::every(Duration::from_secs(self.interval));
        let subscribe = || HubSubscription::builder(client).subscribe(notifications.notifier());
        let hub = (!self.no_push).then(subscribe);
        Ok(Follower { notifications, hub, signals })
    }
}

impl Follower {
    /// Waits until it is time to look (`true`) or to stop (`false`).
    pub(super) async fn look(&mut self) -> Result<bool, Failure> {
        tokio::select! {
            _ = self.notifications.wait() => Ok(true),
            stop = self.signals.next() => {
                stop?;
                Ok(false)
            }
        }
    }

    /// Whether it is time to stop.
    pub(super) fn is_over(&mut self) -> bool {
        self.signals.has_come()
    }

    /// Ends the subscription to the hub.
    pub(super) async fn stop(self) {
        if let Some(hub) = self.hub {
            // The command also ends if the server does not answer.
            let _ = tokio::time::timeout(STOP_TIMEOUT, hub.stop()).await;
        }
    }
}
