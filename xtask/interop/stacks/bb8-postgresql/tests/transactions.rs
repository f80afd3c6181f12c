//! The application has a pool of bb8, and the outbox and the version store have a small one of deadpool
//! beside it, to the same PostgreSQL database.

use bb8_postgres::PostgresConnectionManager;
use bb8_postgres::tokio_postgres::{Config, NoTls};
use koppeltaal::deadpool_postgres::{Manager, Pool, Runtime};
use koppeltaal::{Outbox, PostgresqlVersionStore};
use stack::{Result, save};

#[path = "../../epd.rs"]
mod epd;

#[tokio::test]
#[ignore = "needs a PostgreSQL server: cargo xtask interop stacks"]
async fn a_message_is_sent_when_its_transaction_is_committed_and_not_when_it_is_rolled_back() -> Result {
    let mut config: Config = std::env::var("KOPPELTAAL_TEST_POSTGRESQL")?.parse()?;
    config.options("-c search_path=bb8");
    let manager = PostgresConnectionManager::new(config.clone(), NoTls);
    let pool = bb8_postgres::bb8::Pool::builder().max_size(2).build(manager).await?;
    pool.get()
        .await?
        .batch_execute("CREATE SCHEMA bb8; CREATE TABLE patient (id bigint PRIMARY KEY, family text NOT NULL)")
        .await?;

    let koppeltaal_pool = Pool::builder(Manager::new(config, NoTls));
    let koppeltaal_pool = koppeltaal_pool.runtime(Runtime::Tokio1).max_size(2).build()?;
    let sandbox = epd::sandbox().await?;
    let connector = epd::connector(&sandbox, PostgresqlVersionStore::open(koppeltaal_pool.clone()).await?)?;
    let outbox = Outbox::postgresql(koppeltaal_pool).await?;

    let (first, second) = (epd::message(&connector, 3007)?, epd::message(&connector, 3008)?);
    save(&pool, 3007, "Duinroos", &first).await?;
    save(&pool, 3007, "Duinroos", &second).await.expect_err("the patient is there already");
    epd::send_only(&connector, &outbox, &first, &second).await
}
