//! The outbox, the version store and sqlx use one SQLite file.

use koppeltaal::{Outbox, OutboxError, SqliteVersionStore};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use stack::{Result, save};

#[path = "../../epd.rs"]
mod epd;

#[tokio::test]
async fn a_message_is_sent_when_its_transaction_is_committed_and_not_when_it_is_rolled_back() -> Result {
    let sandbox = epd::sandbox().await?;
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("epd.db");
    let connector = epd::connector(&sandbox, SqliteVersionStore::open(&file)?)?;
    let outbox = Outbox::sqlite(&file)?;
    let pool = SqlitePool::connect_with(SqliteConnectOptions::new().filename(&file)).await?;
    sqlx::query("CREATE TABLE patient (id INTEGER PRIMARY KEY, family TEXT NOT NULL)").execute(&pool).await?;

    let (first, second) = (epd::message(&connector, 3007)?, epd::message(&connector, 3008)?);
    save(&pool, 3007, "Duinroos", &first).await?;
    save(&pool, 3007, "Duinroos", &second).await.expect_err("the patient is there already");
    epd::send_only(&connector, &outbox, &first, &second).await?;

    // The same message again is no error, another one with its identifier is.
    save(&pool, 3009, "Duinroos", &first).await?;
    let draft = connector.draft("3010", koppeltaal::messaging::profiles::Patient::default())?;
    let other = connector.clone().without_validation().outgoing(draft.with_identifier(first.identifier()))?;
    let error = save(&pool, 3010, "Duinroos", &other).await.expect_err("the identifier is taken");
    assert!(matches!(error.downcast_ref(), Some(OutboxError::IdentifierTaken { .. })), "{error}");
    Ok(())
}
