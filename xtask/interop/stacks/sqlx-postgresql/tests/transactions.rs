//! The outbox, the version store and sqlx use one PostgreSQL database: sqlx with its own pool, the others
//! with a small one beside it.

use koppeltaal::deadpool_postgres::tokio_postgres::{Config, NoTls, config::Host};
use koppeltaal::deadpool_postgres::{Manager, Pool, Runtime};
use koppeltaal::{Outbox, PostgresqlVersionStore};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use stack::{Result, save};

#[path = "../../epd.rs"]
mod epd;

const SCHEMA: &str = "sqlx";

#[tokio::test]
#[ignore = "needs a PostgreSQL server: cargo xtask interop stacks"]
async fn a_message_is_sent_when_its_transaction_is_committed_and_not_when_it_is_rolled_back() -> Result {
    let mut config: Config = std::env::var("KOPPELTAAL_TEST_POSTGRESQL")?.parse()?;
    let [Host::Tcp(host), ..] = config.get_hosts() else { return Err("no host".into()) };
    let options = PgConnectOptions::new_without_pgpass()
        .host(host)
        .port(*config.get_ports().first().ok_or("no port")?)
        .username(config.get_user().ok_or("no user")?)
        .options([("search_path", SCHEMA)]);
    let pool = PgPoolOptions::new().max_connections(2).connect_with(options).await?;
    sqlx::raw_sql("CREATE SCHEMA sqlx; CREATE TABLE patient (id bigint PRIMARY KEY, family text NOT NULL)")
        .execute(&pool)
        .await?;

    let koppeltaal_pool =
        Pool::builder(Manager::new(config.options(format!("-c search_path={SCHEMA}")).clone(), NoTls));
    let koppeltaal_pool = koppeltaal_pool.runtime(Runtime::Tokio1).max_size(2).build()?;
    let sandbox = epd::sandbox().await?;
    let connector = epd::connector(&sandbox, PostgresqlVersionStore::open(koppeltaal_pool.clone()).await?)?;
    let outbox = Outbox::postgresql(koppeltaal_pool).await?;

    let (first, second) = (epd::message(&connector, 3007)?, epd::message(&connector, 3008)?);
    save(&pool, 3007, "Duinroos", &first).await?;
    save(&pool, 3007, "Duinroos", &second).await.expect_err("the patient is there already");
    epd::send_only(&connector, &outbox, &first, &second).await
}
