//! [`Follow`]: when commands that run until they are stopped look for messages. The server's hub says when; a timer is the
//! safety net, since pushes get lost and not every server has a hub.

use std::time::Duration;

use clap::Args;
use koppeltaal_push::{HubSubscription, Notifications};
use koppeltaal_transport::Client;

use crate::failure::Failure;
use crate::signals::StopSignals;

/// How long a server may take to hear that nobody listens to its pushes any more.
const GOODBYE: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub(super) struct Follow {
    /// How often to look although the server pushed nothing, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    interval: u64,

    /// Ask for no pushes: look at every interval only.
    #[arg(long)]
    no_push: bool,
}

/// The reasons to look, and the reason to stop.
pub(super) struct Following {
    notifications: Notifications,
    hub: Option<HubSubscription>,
    signals: StopSignals,
}

impl Follow {
    /// Asks the hub for pushes, in the background: where there is none, the timer remains.
    pub(super) fn start(&self, client: &Client) -> Result<Following, Failure> {
        let signals = StopSignals::listen()?;
        let notifications = Notifications::every(Duration::from_secs(self.interval));
        let subscribe = || HubSubscription::builder(client).subscribe(notifications.notifier());
        let hub = (!self.no_push).then(subscribe);
        Ok(Following { notifications, hub, signals })
    }
}

impl Following {
    /// Waits until it is time to look; false when it is time to stop.
    pub(super) async fn look(&mut self) -> Result<bool, Failure> {
        tokio::select! {
            _ = self.notifications.wait() => Ok(true),
            stop = self.signals.next() => {
                stop?;
                Ok(false)
            }
        }
    }

    /// Whether it is time to stop by now.
    pub(super) fn is_over(&mut self) -> bool {
        self.signals.has_come()
    }

    /// Says goodbye to the hub.
    pub(super) async fn stop(self) {
        if let Some(hub) = self.hub {
            // A server that does not answer is no reason to stay.
            let _ = tokio::time::timeout(GOODBYE, hub.stop()).await;
        }
    }
}
