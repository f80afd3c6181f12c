//! What an operator sees of a running application, an outbox with a dispatcher and a worker with dead
//! letters, when the password is wrong, the server is down, the disk is full or the database is down: a log
//! record with cause and remedy, and a metric that moves, both of them in the README. Afterwards the work
//! goes on.

#[path = "../support/application.rs"]
mod application;
#[cfg(target_os = "linux")]
#[path = "../../../koppeltaal-sandbox/tests/common/disk.rs"]
mod disk;
mod gate;
#[path = "../../../koppeltaal-transport/tests/secrets/log.rs"]
mod log;
#[allow(dead_code, reason = "the recorder of these tests is that of a thread")]
#[path = "../../../koppeltaal-transport/tests/support/metrics_recorder.rs"]
mod metrics_recorder;
#[cfg(feature = "postgresql")]
#[allow(dead_code, reason = "the other tests use the rest of it")]
#[path = "../support/schema.rs"]
mod schema;
mod world;

use koppeltaal_sandbox::{Fault, FaultKind};

use application::Result;
use world::World;

/// What the operator sees of a failure.
struct Signs {
    /// Records at WARN or ERROR: the message, the cause and the remedy.
    records: &'static [[&'static str; 3]],
    /// Metrics: the name and a label.
    metrics: &'static [[&'static str; 2]],
    /// The record at INFO when the failure has ended.
    end: &'static str,
}

const WRONG_PASSWORD: Signs = Signs {
    records: &[
        [
            "not sent yet",
            "the server does not accept the credentials",
            "see whether the user name and the password",
        ],
        [
            "no message could be received",
            "the server does not accept the credentials",
            "see whether the user name and the password",
        ],
    ],
    metrics: &[
        ["koppeltaal_outbox_attempts_total", "result=delayed"],
        ["koppeltaal_operations_total", "result=authentication"],
    ],
    end: "messages can be sent again",
};

const SERVER_DOWN: Signs = Signs {
    records: &[
        [
            "not sent yet",
            "the server cannot be reached: the connection is refused",
            "see whether the server runs",
        ],
        [
            "no message could be received",
            "the server cannot be reached: the connection is refused",
            "see whether the server runs",
        ],
    ],
    metrics: &[
        ["koppeltaal_outbox_attempts_total", "result=delayed"],
        ["koppeltaal_operations_total", "result=unreachable"],
    ],
    end: "messages can be sent again",
};

#[cfg(target_os = "linux")]
const DISK_FULL: Signs = Signs {
    records: &[
        ["the outbox's database fails", "database or disk is full", "make room on its disk"],
        ["no message could be received", "the version store's database", "make room on its disk"],
    ],
    metrics: &[
        ["koppeltaal_database_errors_total", "part=outbox"],
        ["koppeltaal_database_errors_total", "part=versions"],
    ],
    end: "the outbox's database works again",
};

/// Another program keeps the file locked. Long before that is an error, it is told.
const FILE_LOCKED: Signs = Signs {
    records: &[
        ["the database does not answer", "part=\"outbox\"", "see which program keeps it locked"],
        ["the database does not answer", "part=\"versions\"", "see which program keeps it locked"],
    ],
    metrics: &[],
    end: "the database answers again",
};

const TABLES_GONE: Signs = Signs {
    records: &[
        [
            "the outbox's database fails",
            "no such table: koppeltaal_outbox",
            "restore the table from a backup",
        ],
        [
            "no message could be received",
            "no such table: koppeltaal_version",
            "restore the table from a backup",
        ],
    ],
    metrics: &[
        ["koppeltaal_database_errors_total", "part=outbox"],
        ["koppeltaal_database_errors_total", "part=versions"],
    ],
    end: "the outbox's database works again",
};

const NO_DEAD_LETTERS: Signs = Signs {
    records: &[[
        "the message cannot be kept as a dead letter",
        "no such table: koppeltaal_dead_letter",
        "restore the table from a backup",
    ]],
    metrics: &[
        ["koppeltaal_database_errors_total", "part=dead_letters"],
        ["koppeltaal_worker_messages_total", "result=later"],
    ],
    // The message is handled.
    end: "",
};

#[cfg(feature = "postgresql")]
const DATABASE_DOWN: Signs = Signs {
    records: &[
        ["the outbox's database fails", "the outbox's database: ", "see whether the database server runs"],
        [
            "no message could be received",
            "the version store's database: ",
            "see whether the database server runs",
        ],
    ],
    metrics: &[
        ["koppeltaal_database_errors_total", "part=outbox"],
        ["koppeltaal_database_errors_total", "part=versions"],
    ],
    end: "the outbox's database works again",
};

/// Where the outbox stands when nothing is said about its database.
fn directory() -> Result<tempfile::TempDir> {
    Ok(tempfile::tempdir()?)
}

#[tokio::test]
async fn a_wrong_password_is_seen_and_passes() -> Result {
    let directory = directory()?;
    let wrong = Fault::new(FaultKind::Status { status: 401, html: false }).instance(world::USER);
    let world = World::in_file(directory.path()).await?;
    world
        .meets(
            &WRONG_PASSWORD,
            async |world| {
                world.sandbox.set_faults([wrong.clone()]);
                Ok(())
            },
            async |world| {
                world.sandbox.set_faults([]);
                Ok(())
            },
        )
        .await
}

#[tokio::test]
async fn a_server_that_is_down_is_seen_and_comes_back() -> Result {
    let directory = directory()?;
    let world = World::in_file(directory.path()).await?;
    world
        .meets(
            &SERVER_DOWN,
            async |world| {
                world.server.close().await;
                Ok(())
            },
            async |world| world.server.open().await,
        )
        .await
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_seen_and_gets_room() -> Result {
    let directory = directory()?;
    let Some(_disk) = disk::Disk::mount(directory.path()) else {
        eprintln!("this process cannot mount a small disk");
        return Ok(());
    };
    let filler = directory.path().join("filler");
    let world = World::in_file(directory.path()).await?;
    world
        .meets(
            &DISK_FULL,
            async |_| {
                disk::take_all_room(&filler);
                Ok(())
            },
            async |_| Ok(std::fs::remove_file(&filler)?),
        )
        .await
}

#[tokio::test]
async fn a_file_that_another_program_locks_is_seen_within_seconds_and_unlocked() -> Result {
    let directory = directory()?;
    let world = World::in_file(directory.path()).await?;
    let other = koppeltaal::rusqlite::Connection::open(directory.path().join("portal.db"))?;
    let begin = std::time::Instant::now();
    world
        .meets(
            &FILE_LOCKED,
            async |_| {
                other.busy_timeout(application::LONG)?;
                Ok(other.execute_batch("BEGIN IMMEDIATE")?)
            },
            async |_| {
                // The error would come after 30 s.
                assert!(begin.elapsed() < std::time::Duration::from_secs(25), "{:?}", begin.elapsed());
                Ok(other.execute_batch("COMMIT")?)
            },
        )
        .await
}

#[tokio::test]
async fn tables_that_are_gone_are_seen_and_restored() -> Result {
    let directory = directory()?;
    let world = World::in_file(directory.path()).await?;
    let tables = ["koppeltaal_outbox", "koppeltaal_version", "koppeltaal_dead_letter"];
    world
        .meets(
            &TABLES_GONE,
            async |world| world.rename_tables(&tables, "", "_away"),
            async |world| world.rename_tables(&tables, "_away", ""),
        )
        .await
}

#[tokio::test]
async fn dead_letters_that_cannot_be_kept_are_seen_and_kept_later() -> Result {
    let directory = directory()?;
    let world = World::in_file(directory.path()).await?;
    let tables = ["koppeltaal_dead_letter"];
    world
        .meets(
            &NO_DEAD_LETTERS,
            async |world| world.rename_tables(&tables, "", "_away"),
            async |world| world.rename_tables(&tables, "_away", ""),
        )
        .await
}

#[cfg(feature = "postgresql")]
#[tokio::test]
#[ignore = "needs a PostgreSQL server: cargo xtask interop postgresql"]
async fn a_postgresql_server_that_is_down_is_seen_and_comes_back() -> Result {
    let world = World::in_postgresql().await?;
    world
        .meets(
            &DATABASE_DOWN,
            async |world| {
                world.database_gate()?.close().await;
                Ok(())
            },
            async |world| world.database_gate()?.open().await,
        )
        .await
}

/// An application that starts with a wrong password need not log the error that it gets.
#[tokio::test]
async fn a_worker_that_starts_with_a_wrong_password_ends_with_an_error_in_the_log() -> Result {
    let directory = directory()?;
    let world = World::in_file(directory.path()).await?;
    let wrong = koppeltaal::transport::Credentials::basic(world::USER, "wrong")?;
    let worker = world.connector.with_credentials(wrong).worker();
    let (log, _guard) = log::Log::start(tracing::Level::INFO);
    assert!(worker.run().await.is_err());
    assert!(world::has_record(
        &log.text(),
        &["the worker ends", "does not accept", "see whether the user name"]
    ));
    assert!(log.text().contains("ERROR"), "{}", log.text());
    Ok(())
}
