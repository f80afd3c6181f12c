//! [`guarded`]: calls callbacks of the application. One that panics stops nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tracing::error;

/// Calls a callback that the application has given. A panic in it is logged and goes no further.
pub(crate) fn guarded(callback: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(callback)).is_err() {
        error!("a callback of the application for problems panicked");
    }
}
