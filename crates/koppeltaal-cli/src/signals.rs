//! [`StopSignals`]: the signals that stop a long-running command; and what they do when no command listens.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many [`StopSignals`] there are.
static LISTENERS: AtomicUsize = AtomicUsize::new(0);

/// The exit code of a program that Ctrl-C ends: 128 plus the number of SIGINT.
pub(crate) const INTERRUPTED: i32 = 130;

/// The exit code of a program that SIGTERM ends.
#[cfg(unix)]
const TERMINATED: i32 = 143;

/// Ctrl-C and, on Unix, SIGTERM.
///
/// A signal that comes while nobody waits for it is not lost.
pub(crate) struct StopSignals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl StopSignals {
    /// From now on the signals no longer end the program by themselves.
    #[cfg(unix)]
    pub(crate) fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let (interrupt, terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        LISTENERS.fetch_add(1, Ordering::Relaxed);
        Ok(Self { interrupt, terminate })
    }

    #[cfg(not(unix))]
    pub(crate) fn listen() -> io::Result<Self> {
        LISTENERS.fetch_add(1, Ordering::Relaxed);
        Ok(Self {})
    }

    /// Waits for the next signal.
    #[cfg(unix)]
    pub(crate) async fn next(&mut self) -> io::Result<()> {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        Ok(())
    }

    #[cfg(not(unix))]
    pub(crate) async fn next(&mut self) -> io::Result<()> {
        tokio::signal::ctrl_c().await
    }

    /// Whether a signal has come.
    pub(crate) fn has_come(&mut self) -> bool {
        use futures_util::FutureExt as _;
        self.next().now_or_never().is_some()
    }
}

impl Drop for StopSignals {
    fn drop(&mut self) {
        LISTENERS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Calls `end` with an exit code when a signal comes that nobody listens to. In an async runtime only.
///
/// A process that has listened once is no longer ended by signals, even when nobody listens any more.
#[cfg(unix)]
pub(crate) fn when_nobody_listens(end: impl Fn(i32) + Send + 'static) {
    use tokio::signal::unix::{SignalKind, signal};
    let both =
        signal(SignalKind::interrupt()).and_then(|first| Ok((first, signal(SignalKind::terminate())?)));
    // Without them, signals end the program as they always do.
    let Ok((mut interrupt, mut terminate)) = both else { return };
    tokio::spawn(async move {
        loop {
            let code = tokio::select! {
                _ = interrupt.recv() => INTERRUPTED,
                _ = terminate.recv() => TERMINATED,
            };
            if LISTENERS.load(Ordering::Relaxed) == 0 {
                end(code);
            }
        }
    });
}
