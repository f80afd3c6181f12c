//! A place in the test server for each test.

pub(crate) mod postgresql;

use std::sync::atomic::{AtomicU32, Ordering};

use koppeltaal::deadpool_postgres::Pool;

/// A pool whose connections work in a schema that is theirs alone.
pub(crate) async fn fresh_schema() -> Pool {
    named_schema().await.1
}

/// The same, with the name of the schema.
pub(crate) async fn named_schema() -> (String, Pool) {
    let name = fresh_name();
    let pool = postgresql::create_schema(&name).await;
    (name, pool)
}

/// The same, where transactions have this isolation level when nothing is said.
pub(crate) async fn fresh_schema_with(level: &str) -> Pool {
    let name = fresh_name();
    postgresql::create_schema(&name).await;
    let level = level.replace(' ', "\\ ");
    postgresql::schema_with(&name, &format!("-c default_transaction_isolation={level}"))
}

fn fresh_name() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}
