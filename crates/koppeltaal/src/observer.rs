//! [`guarded`]: calls an observer of problems, which is the application's code. A panic in it stops nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tracing::error;

/// Calls an observer that the application has set with `on_problem`. A panic in it is logged and goes no
/// further.
pub(crate) fn guarded(call: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(call)).is_err() {
        error!("the application's observer of problems panicked");
    }
}
