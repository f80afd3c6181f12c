//! [`Follower`]: tells `watch` and `receive --follow` when to look for messages. The server's hub says when.
//! A timer is the safety net, since a push can get lost and not every server has a hub.

use std::time::Duration;

use clap::Args;
use koppeltaal_push::{HubSubscription, Notifications};
use koppeltaal_transport::{Backoff, Client};

use crate::failure::Failure;
use crate::output;
use crate::signals::StopSignals;

/// How long a server may take to end the subscription to its hub.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// How long to wait after a look that failed.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

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
    backoff: Backoff,
}

impl FollowArguments {
    /// Asks the hub for pushes, in the background. Without a hub, the timer remains.
    pub(super) fn start(&self, client: &Client) -> Result<Follower, Failure> {
        let signals = StopSignals::listen()?;
        let notifications = Notifications::every(Duration::from_secs(self.interval));
        let subscribe = || HubSubscription::builder(client).subscribe(notifications.notifier());
        let hub = (!self.no_push).then(subscribe);
        let backoff = Backoff::new(SHORTEST_PAUSE, LONGEST_PAUSE);
        Ok(Follower { notifications, hub, signals, backoff })
    }
}

impl Follower {
    /// Calls `look` whenever there is a reason to, until a signal stops the command. `look` says whether it
    /// is to be called again at once. A signal does not interrupt it.
    ///
    /// After an error that passes it warns, waits, longer after each error in a row, and looks again.
    ///
    /// # Errors
    ///
    /// The first error of `look` that does not pass by itself.
    pub(super) async fn run(
        mut self,
        mut look: impl AsyncFnMut() -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        let result = self.follow(&mut look).await;
        if let Some(hub) = self.hub {
            // The command also ends if the server does not answer.
            let _ = tokio::time::timeout(STOP_TIMEOUT, hub.stop()).await;
        }
        result
    }

    async fn follow(&mut self, look: &mut impl AsyncFnMut() -> Result<bool, Failure>) -> Result<(), Failure> {
        loop {
            tokio::select! {
                _ = self.notifications.wait() => {}
                signal = self.signals.next() => return Ok(signal?),
            }
            let mut is_to_look = true;
            while is_to_look {
                match look().await {
                    Ok(is_more) => {
                        self.backoff.reset();
                        is_to_look = is_more;
                    }
                    Err(failure) if failure.is_transient() => {
                        output::warn(&failure);
                        let pause = self.backoff.next_delay().max(failure.retry_after().unwrap_or_default());
                        tokio::select! {
                            () = tokio::time::sleep(pause) => {}
                            signal = self.signals.next() => return Ok(signal?),
                        }
                    }
                    Err(failure) => return Err(failure),
                }
                if self.signals.has_come() {
                    return Ok(());
                }
            }
        }
    }
}
