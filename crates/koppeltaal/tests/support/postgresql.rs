//! Databases for the tests on the `PostgreSQL` server that `cargo xtask interop postgresql` starts.

use std::sync::atomic::{AtomicU32, Ordering};

use koppeltaal::deadpool_postgres::{Manager, Pool, Runtime, tokio_postgres};
use tokio_postgres::{Config, NoTls};

/// The connection string of a server on which anything may be done.
const SERVER: &str = "KOPPELTAAL_TEST_POSTGRESQL";

/// A pool whose connections work in a schema that is theirs alone.
pub(crate) async fn fresh_schema() -> Pool {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let server = std::env::var(SERVER).unwrap_or_else(|_| panic!("{SERVER} has to name a PostgreSQL server"));
    let name = format!("test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let mut config: Config = server.parse().expect("connection string");
    let administration = pool(config.clone());
    let client = administration.get().await.expect("connection");
    client.batch_execute(&format!("CREATE SCHEMA {name}")).await.expect("schema");
    config.options(format!("-c search_path={name}"));
    pool(config)
}

fn pool(config: Config) -> Pool {
    let builder = Pool::builder(Manager::new(config, NoTls)).runtime(Runtime::Tokio1).max_size(8);
    builder.build().expect("pool")
}
