//! [`guarded`]: a callback of the application, which ends nothing when it panics.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tracing::error;

/// Calls what the application wants to be told trouble by. What it does then is its own affair: a panic is logged.
pub(crate) fn guarded(callback: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(callback)).is_err() {
        error!("the callback for trouble (`on_trouble`) panicked");
    }
}
