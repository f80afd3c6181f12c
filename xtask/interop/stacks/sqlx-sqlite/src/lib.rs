//! An application that saves with sqlx in SQLite, and hands messages over in its own transactions.

use koppeltaal::Outgoing;
use sqlx::{Sqlite, SqlitePool, Transaction};

pub type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Saves a patient and hands the message about the patient over: both or neither.
pub async fn save(pool: &SqlitePool, id: i64, family: &str, message: &Outgoing) -> Result {
    let mut transaction = pool.begin().await?;
    put(message, &mut transaction).await?;
    let insert = sqlx::query("INSERT INTO patient (id, family) VALUES (?1, ?2)").bind(id).bind(family);
    insert.execute(&mut *transaction).await?;
    Ok(transaction.commit().await?)
}

async fn put(message: &Outgoing, transaction: &mut Transaction<'_, Sqlite>) -> Result {
    let mut insert = sqlx::query(Outgoing::INSERT_SQLITE);
    for parameter in message.parameters() {
        insert = insert.bind(parameter);
    }
    let done = insert.execute(&mut **transaction).await?;
    Ok(message.confirm(done.rows_affected())?)
}
