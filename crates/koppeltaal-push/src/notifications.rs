//! [`Notifications`]: the stream that says when to look for messages, for all sources of pushes.
//!
//! A push says only "claim now", and pushes get lost. So a receiver looks at the start, after every push,
//! after every (re)connect of the source of pushes, and on a slow timer. This stream is that rule. A source
//! of pushes has a [`Notifier`]; the receiver polls [`Notifications`]. There is no task between the two.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::time::{Instant, Sleep, sleep_until};

/// The interval of the timer of [`Notifications::default`].
pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);

/// The shortest interval of the timer. Requests at shorter ones would look like an attack.
pub const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);

/// The longest interval of the timer, one day. A longer one would be no safety net.
pub const LONGEST_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

/// A stream of "look now": on each item, claim messages until there are none.
///
/// The first item comes at once. Then there is one after every [`Notifier::notify`], and one when nothing has
/// happened for the interval of the timer. All pushes while the receiver is busy become one item; no push
/// after an item was taken is lost. The stream never ends by itself, and has no task. When it is dropped,
/// every notifier returns [`NotifyError`].
///
/// It works in a Tokio runtime with time enabled; it can be made before there is one.
///
/// ```
/// use std::time::Duration;
/// use koppeltaal_push::{Notification, Notifications};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let mut notifications = Notifications::every(Duration::from_secs(300));
/// let notifier = notifications.notifier();
///
/// assert_eq!(notifications.wait().await, Notification::Start);
/// for _ in 0..1000 {
///     notifier.notify()?; // a burst of pushes ...
/// }
/// assert_eq!(notifications.wait().await, Notification::Push); // ... is one reason to look
/// # Ok::<(), koppeltaal_push::NotifyError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "streams do nothing unless polled"]
pub struct Notifications {
    interval: Duration,
    started: bool,
    /// When to look next without a push. It is made at the first item, since a `Sleep` needs a runtime.
    timer: Option<Pin<Box<Sleep>>>,
    /// Has room for one wake-up, so that a burst becomes one.
    wakeups: mpsc::Receiver<()>,
    /// Keeps the channel open while there is no other notifier. Others are its clones.
    notifier: Notifier,
}

/// Why it is time to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Notification {
    /// The stream was started: messages may have come while nobody looked.
    Start,
    /// A [`Notifier`] said so: a push arrived, or the source of pushes was connected (again).
    Push,
    /// Nothing has happened for the interval of the timer.
    Timer,
}

impl Notifications {
    /// A stream that says to look when nothing has happened for `interval`, counted from the item before.
    ///
    /// A message whose push was lost is claimed this much later at most. The interval is limited to
    /// [`SHORTEST_INTERVAL`] and [`LONGEST_INTERVAL`].
    pub fn every(interval: Duration) -> Self {
        let (sender, wakeups) = mpsc::channel(1);
        let interval = interval.clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL);
        Self { interval, started: false, timer: None, wakeups, notifier: Notifier { sender } }
    }

    /// Sets the interval of the timer, from the next item on, within the same limits. Notifiers stay valid.
    pub fn set_interval(&mut self, interval: Duration) {
        self.interval = interval.clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL);
    }

    /// A handle that wakes this stream up.
    #[must_use]
    pub fn notifier(&self) -> Notifier {
        self.notifier.clone()
    }

    /// Waits for the next item. It is `next` of a stream that does not end.
    ///
    /// Cancel safe: no item is lost when the future is dropped before it is ready.
    pub async fn wait(&mut self) -> Notification {
        poll_fn(|context| self.poll_wait(context)).await
    }

    fn poll_wait(&mut self, context: &mut Context<'_>) -> Poll<Notification> {
        // The wake-up is taken even if there is another reason to look: that look serves both.
        let woken = self.wakeups.poll_recv(context).is_ready();
        let reason = if !self.started {
            self.started = true;
            Notification::Start
        } else if woken {
            Notification::Push
        } else {
            if let Some(timer) = &mut self.timer {
                ready!(timer.as_mut().poll(context));
            }
            Notification::Timer
        };
        let next = Instant::now() + self.interval;
        match &mut self.timer {
            Some(timer) => timer.as_mut().reset(next),
            None => self.timer = Some(Box::pin(sleep_until(next))),
        }
        Poll::Ready(reason)
    }
}

impl Default for Notifications {
    /// A stream with [`DEFAULT_INTERVAL`].
    fn default() -> Self {
        Self::every(DEFAULT_INTERVAL)
    }
}

impl Stream for Notifications {
    type Item = Notification;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Notification>> {
        self.poll_wait(context).map(Some)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::MAX, None)
    }
}

impl fmt::Debug for Notifications {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifications").field("interval", &self.interval).finish_non_exhaustive()
    }
}

/// Wakes a [`Notifications`] up. Cheap to clone, and usable from any thread, inside a runtime or not.
#[derive(Clone)]
pub struct Notifier {
    sender: mpsc::Sender<()>,
}

/// The [`Notifications`] of a [`Notifier`] were dropped: nobody looks any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nobody waits for notifications any more")]
pub struct NotifyError;

impl Notifier {
    /// Says "look now". Never waits. Further calls before the item is taken change nothing.
    ///
    /// # Errors
    ///
    /// [`NotifyError`]: the stream is gone. Stop, too, or tell the sender of the push that it was not
    /// accepted.
    pub fn notify(&self) -> Result<(), NotifyError> {
        match self.sender.try_send(()) {
            // Full: a wake-up waits already, and its look begins after this call.
            Ok(()) | Err(TrySendError::Full(())) => Ok(()),
            Err(TrySendError::Closed(())) => Err(NotifyError),
        }
    }

    /// Waits until the stream is gone, so that a source of pushes can end with it.
    pub async fn stopped(&self) {
        self.sender.closed().await;
    }

    /// Whether the stream is gone.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.sender.is_closed()
    }
}

impl fmt::Debug for Notifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifier").field("stopped", &self.is_stopped()).finish()
    }
}

#[cfg(test)]
mod tests;
