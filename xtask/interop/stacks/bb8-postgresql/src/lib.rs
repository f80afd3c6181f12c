//! An application that saves with tokio-postgres and a pool of bb8, and hands messages over in its own
//! transactions. The outbox takes such a transaction as it is.

use bb8_postgres::PostgresConnectionManager;
use bb8_postgres::bb8::Pool;
use bb8_postgres::tokio_postgres::NoTls;
use koppeltaal::Outgoing;

pub type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Saves a patient and hands the message about the patient over: both or neither.
pub async fn save(
    pool: &Pool<PostgresConnectionManager<NoTls>>,
    id: i64,
    family: &str,
    message: &Outgoing,
) -> Result {
    let mut client = pool.get().await?;
    let transaction = client.transaction().await?;
    message.put_postgresql(&transaction).await?;
    transaction.execute("INSERT INTO patient (id, family) VALUES ($1, $2)", &[&id, &family]).await?;
    Ok(transaction.commit().await?)
}
