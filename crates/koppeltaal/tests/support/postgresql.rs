//! Schemas on the `PostgreSQL` server that `cargo xtask interop postgresql` starts.

#![allow(dead_code, reason = "each test uses a part of it")]

use koppeltaal::deadpool_postgres::{Manager, Pool, Runtime, tokio_postgres};
use tokio_postgres::config::Host;
use tokio_postgres::{Config, NoTls};

/// The variable with the connection string of the server. The tests may change anything there.
const SERVER: &str = "KOPPELTAAL_TEST_POSTGRESQL";

/// Makes a schema, and a pool whose connections work in it.
pub(crate) async fn create_schema(name: &str) -> Pool {
    let client = pool(server()).get().await.expect("connection");
    client.batch_execute(&format!("CREATE SCHEMA {name}")).await.expect("schema");
    schema(name)
}

/// A pool whose connections work in this schema.
pub(crate) fn schema(name: &str) -> Pool {
    schema_with(name, "")
}

/// The same, with further options for the server.
pub(crate) fn schema_with(name: &str, options: &str) -> Pool {
    let mut config = server();
    config.options(format!("-c search_path={name} {options}"));
    pool(config)
}

/// The address of the server.
pub(crate) fn address() -> std::net::SocketAddr {
    let config = server();
    let [Host::Tcp(host), ..] = config.get_hosts() else { panic!("{SERVER} has to name an address") };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    std::net::SocketAddr::new(host.parse().expect("an address"), port)
}

/// A pool whose connections work in this schema, and reach the server through this address.
pub(crate) fn schema_through(name: &str, address: std::net::SocketAddr) -> Pool {
    let (server, mut config) = (server(), Config::new());
    config.host(address.ip().to_string()).port(address.port());
    config.user(server.get_user().unwrap_or_default()).dbname(server.get_dbname().unwrap_or("postgres"));
    config.options(format!("-c search_path={name}"));
    pool(config)
}

fn server() -> Config {
    let server = std::env::var(SERVER).unwrap_or_else(|_| panic!("{SERVER} has to name a PostgreSQL server"));
    server.parse().expect("connection string")
}

fn pool(config: Config) -> Pool {
    let builder = Pool::builder(Manager::new(config, NoTls)).runtime(Runtime::Tokio1).max_size(8);
    builder.build().expect("pool")
}
