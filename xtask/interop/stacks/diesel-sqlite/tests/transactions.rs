//! The outbox, the version store and diesel use one SQLite file.

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};
use koppeltaal::{Outbox, SqliteVersionStore};
use stack::{Result, save};

#[path = "../../application.rs"]
mod application;

#[tokio::test]
async fn a_message_is_sent_when_its_transaction_is_committed_and_not_when_it_is_rolled_back() -> Result {
    let sandbox = application::sandbox().await?;
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("epd.db");
    let epd = application::connector(&sandbox, SqliteVersionStore::open(&file)?)?;
    let outbox = Outbox::sqlite(&file)?;
    let mut connection = SqliteConnection::establish(file.to_str().ok_or("a path in UTF-8")?)?;
    connection.batch_execute(
        "PRAGMA busy_timeout = 30000; CREATE TABLE patient (id INTEGER PRIMARY KEY, family TEXT NOT NULL)",
    )?;

    let (first, second) = (application::message(&epd, 3007)?, application::message(&epd, 3008)?);
    save(&mut connection, 3007, "Duinroos", &first)?;
    save(&mut connection, 3007, "Duinroos", &second).expect_err("the patient is there already");
    application::send_only(&epd, &outbox, &first, &second).await
}
