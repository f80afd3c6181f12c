//! A place in the test server for each test.

pub(crate) mod postgresql;

use std::sync::atomic::{AtomicU32, Ordering};

use koppeltaal::deadpool_postgres::Pool;

/// A pool whose connections work in a schema that is theirs alone.
pub(crate) async fn fresh_schema() -> Pool {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    postgresql::create_schema(&name).await
}
