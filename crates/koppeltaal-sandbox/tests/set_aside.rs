//! A data file always opens: unusable records are set aside, and the rest works. Any other file is refused
//! and left as it is.

mod common;

use std::path::Path;

use common::files::{Directory, change, find};
use common::{Client, Format, plan, world, world_without_game};
use koppeltaal_sandbox::{DataFileError, Limits, Sandbox, StartError};

async fn start(path: &Path) -> Sandbox {
    world().data(path).start().await.expect("a sandbox")
}

fn queue_of(messages: usize) -> Limits {
    let mut limits = Limits::default();
    limits.queue_messages = messages;
    limits
}

async fn refused(path: &Path) -> DataFileError {
    match world().data(path).start().await {
        Err(StartError::DataFile(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn clients(sandbox: &Sandbox) -> (Client, Client) {
    (Client::portal(sandbox, Format::Json), Client::game(sandbox, Format::Xml))
}

/// A data file with three messages in the game's queue, about the care plans 1, 2 and 3.
async fn three_messages(name: &str) -> Directory {
    let directory = Directory::new(name);
    let sandbox = start(&directory.file()).await;
    let (portal, _) = clients(&sandbox);
    for number in 1..=3 {
        portal.send_message(plan(&format!("m{number}"), &number.to_string())).await.bundle();
    }
    sandbox.stop().await;
    directory
}

/// What can be claimed, oldest first.
async fn claimed(game: &Client) -> Vec<String> {
    let mut identifiers = Vec::new();
    loop {
        let claimed = game.claim().await;
        if claimed.bundle().entry.is_empty() {
            return identifiers;
        }
        identifiers.push(claimed.header_entry().1.identifier.as_str().expect("an identifier").to_owned());
    }
}

fn reasons(path: &Path) -> Vec<String> {
    find(path, "SELECT kind || ': ' || reason FROM set_aside ORDER BY rowid")
}

#[tokio::test]
async fn a_delivery_without_its_message_is_set_aside_and_the_rest_works() {
    let directory = three_messages("dangling").await;
    change(&directory.file(), "DELETE FROM record WHERE kind = 'message' AND key = '2'");
    let sandbox = start(&directory.file()).await;
    let (portal, game) = clients(&sandbox);
    assert_eq!(sandbox.number_set_aside(), 2);
    assert_eq!(claimed(&game).await, ["m1", "m3"]);
    // The sandbox no longer knows that it received this message, so it accepts it again. Numbers go on.
    portal.send_message(plan("m2", "20")).await.bundle();
    assert_eq!(claimed(&game).await, ["m2"]);
    sandbox.stop().await;
    let reason = "the message that it belongs to is not there";
    assert_eq!(reasons(&directory.file()), [format!("delivery: {reason}"), format!("receipt: {reason}")]);
    let sandbox = start(&directory.file()).await;
    assert_eq!(sandbox.number_set_aside(), 0, "it is not met again");
}

#[tokio::test]
async fn whatever_a_record_is_the_file_opens() {
    let damages = [
        "UPDATE record SET state = '{' WHERE kind = 'message' AND key = '2'",
        "UPDATE record SET state = '[]' WHERE kind = 'message' AND key = '2'",
        "UPDATE record SET state = x'ff00' WHERE kind = 'message' AND key = '2'",
        "UPDATE record SET key = 'two' WHERE kind = 'message' AND key = '2'",
        "UPDATE record SET state = replace(state, 'MessageHeader', 'Basic') WHERE kind = 'message' AND key = '2'",
        "UPDATE record SET state = replace(state, '\"focal\":0', '\"focal\":7') WHERE kind = 'message' AND key = '2'",
        "UPDATE record SET state = replace(state, 'Zonnedauw', 'a' || char(92) || char(92) || 'u0001b')
         WHERE kind = 'message' AND key = '2'",
        "UPDATE record SET state = 'null' WHERE kind = 'counter'",
        "DELETE FROM record WHERE kind = 'counter'",
        "UPDATE record SET state = '7' WHERE kind = 'resource'",
        "INSERT INTO record VALUES ('tomorrow', 'x', 'y'), (x'ff', 'x', 'y')",
        "INSERT INTO record VALUES ('item', '1', '{}'), ('session', 'secret', '[]'), ('definition', '9', '{}')",
        "UPDATE record SET state = replace(state, '\"New\"', '\"Claimed\"') WHERE kind = 'delivery'",
    ];
    for (place, damage) in damages.into_iter().enumerate() {
        let directory = three_messages(&format!("damage-{place}")).await;
        let count = "SELECT CAST(count(*) AS TEXT) FROM record";
        change(&directory.file(), damage);
        let before: usize = find(&directory.file(), count)[0].parse().expect("a number");
        let sandbox = start(&directory.file()).await;
        let aside = sandbox.number_set_aside();
        let (portal, game) = clients(&sandbox);
        let first = claimed(&game).await;
        assert!(first.iter().all(|identifier| identifier.starts_with('m')), "{damage}: {first:?}");
        // A new message never collides with a record in the file.
        portal.send_message(plan("new", &format!("new-{place}"))).await.bundle();
        assert_eq!(claimed(&game).await, ["new"], "{damage}");
        sandbox.stop().await;
        let number: usize = find(&directory.file(), "SELECT CAST(count(*) AS TEXT) FROM set_aside")[0]
            .parse()
            .expect("a number");
        assert_eq!(number, aside, "{damage}");
        let after: usize = find(&directory.file(), count)[0].parse().expect("a number");
        assert!(after + aside > before, "{damage}: nothing is deleted");
        assert!(aside > 0 || damage.starts_with("DELETE"), "{damage}");
        let sandbox = start(&directory.file()).await;
        assert_eq!(sandbox.number_set_aside(), 0, "{damage}");
    }
}

#[tokio::test]
async fn a_message_that_nothing_refers_to_is_set_aside() {
    let directory = three_messages("orphan").await;
    change(
        &directory.file(),
        "DELETE FROM record WHERE kind IN ('delivery', 'receipt') AND state LIKE '%\"message\":2,%'",
    );
    let sandbox = start(&directory.file()).await;
    assert_eq!(sandbox.number_set_aside(), 1);
    sandbox.stop().await;
    assert_eq!(reasons(&directory.file()), ["message: nothing refers to it"]);
}

#[tokio::test]
async fn what_belongs_to_an_instance_that_is_not_configured_now_waits_for_it() {
    let directory = three_messages("gone").await;
    let config = world_without_game().data(directory.file()).limits(queue_of(1));
    let sandbox = config.start().await.expect("a sandbox");
    // Meanwhile the portal's history forgets its messages. The game's deliveries of them stay.
    let (portal, _) = clients(&sandbox);
    portal.send_message(plan("m4", "4")).await.bundle();
    sandbox.stop().await;
    let sandbox = start(&directory.file()).await;
    let (_, game) = clients(&sandbox);
    assert_eq!(sandbox.number_set_aside(), 0);
    assert_eq!(claimed(&game).await, ["m1", "m2", "m3"]);
}

#[tokio::test]
async fn a_message_goes_from_the_file_with_the_last_who_has_it() {
    let directory = Directory::new("last");
    let config = world().data(directory.file()).limits(queue_of(2));
    let sandbox = config.start().await.expect("a sandbox");
    let (portal, game) = clients(&sandbox);
    for number in 1..=10 {
        portal.send_message(plan(&format!("m{number}"), &number.to_string())).await.bundle();
        let (entry, header) = game.claim().await.header_entry();
        let id = entry.id.expect("an id");
        game.acknowledge(&id, &header, koppeltaal_messaging::ProcessingStatus::Success).await.document();
    }
    sandbox.stop().await;
    assert_eq!(
        find(&directory.file(), "SELECT key FROM record WHERE kind = 'message' ORDER BY key"),
        ["10", "9"]
    );
}

#[tokio::test]
async fn a_file_that_broke_off_is_refused_and_left_as_it_is() {
    let directory = three_messages("cut").await;
    let whole = std::fs::read(directory.file()).expect("a file");
    assert!(whole.len() > 8192);
    let cut = &whole[..5000];
    std::fs::write(directory.file(), cut).expect("written");
    let error = refused(&directory.file()).await;
    assert!(matches!(error, DataFileError::Damaged { .. }), "{error:?}");
    assert!(error.to_string().contains("sandbox.sqlite is damaged or is no data file"), "{error}");
    assert_eq!(std::fs::read(directory.file()).expect("a file"), cut);
}

#[tokio::test]
async fn a_database_of_another_program_is_refused_and_left_as_it_is() {
    let directory = Directory::new("foreign");
    for sql in ["CREATE TABLE a (b)", "PRAGMA user_version = 1", "CREATE TABLE record (x)"] {
        change(&directory.file(), sql);
        let error = refused(&directory.file()).await;
        assert!(matches!(error, DataFileError::Damaged { .. }), "{sql}: {error:?}");
    }
    assert_eq!(find(&directory.file(), "SELECT name FROM sqlite_schema ORDER BY name"), ["a", "record"]);
}

#[tokio::test]
async fn a_file_of_a_later_version_is_refused() {
    let directory = three_messages("later").await;
    change(&directory.file(), "PRAGMA user_version = 2");
    let error = refused(&directory.file()).await;
    assert!(matches!(error, DataFileError::Format { found: 2, known: 1, .. }), "{error:?}");
}

#[tokio::test]
async fn a_file_that_is_in_use_is_refused() {
    let directory = Directory::new("use");
    let _sandbox = start(&directory.file()).await;
    let error = refused(&directory.file()).await;
    assert!(matches!(error, DataFileError::InUse { .. }), "{error:?}");
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_refused() {
    let directory = Directory::new("folder");
    let error = refused(directory.path()).await;
    assert!(matches!(error, DataFileError::Open { .. }), "{error:?}");
    let error = refused(&directory.path().join("nowhere/sandbox.sqlite")).await;
    assert!(error.to_string().contains("cannot be opened for writing"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_can_read_the_data_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = Directory::new("mode");
    let sandbox = start(&directory.file()).await;
    let (portal, _) = clients(&sandbox);
    portal.send_message(plan("m1", "1")).await.bundle();
    let mut names = Vec::new();
    for file in std::fs::read_dir(directory.path()).expect("files") {
        let file = file.expect("a file");
        assert_eq!(file.metadata().expect("its mode").permissions().mode() & 0o777, 0o600, "{file:?}");
        names.push(file.file_name());
    }
    assert!(names.len() >= 2, "the log as well: {names:?}");
}

#[tokio::test]
async fn what_cannot_even_be_set_aside_stays_where_it_is_and_nothing_takes_its_place() {
    let directory = three_messages("stays").await;
    change(
        &directory.file(),
        "UPDATE record SET state = '{' WHERE kind = 'message' AND key = '3';
         DELETE FROM record WHERE kind = 'counter';
         INSERT INTO record VALUES ('item', '7', '{}'), ('definition', '9', '{}'), ('delivery', '70', '{}');
         INSERT INTO record VALUES ('message', '18446744073709551615', '{}');
         CREATE TRIGGER never BEFORE INSERT ON set_aside BEGIN SELECT RAISE(ABORT, 'never'); END",
    );
    let sandbox = start(&directory.file()).await;
    // The message, its delivery and its receipt, and the four inserted records.
    assert_eq!(sandbox.number_set_aside(), 7);
    let (portal, game) = clients(&sandbox);
    assert_eq!(claimed(&game).await, ["m1", "m2"]);
    portal.send_message(plan("m4", "4")).await.bundle();
    assert_eq!(claimed(&game).await, ["m4"]);
    sandbox.stop().await;
    let state = "SELECT state FROM record WHERE kind = 'message' AND key = '3'";
    assert_eq!(find(&directory.file(), state), ["{"]);
    let key = "SELECT key FROM record WHERE kind = 'message' AND state LIKE '%\"m4\"%'";
    assert_eq!(find(&directory.file(), key), ["4"]);
    change(&directory.file(), "DROP TRIGGER never");
    let sandbox = start(&directory.file()).await;
    assert_eq!(sandbox.number_set_aside(), 7, "they are met again");
    sandbox.stop().await;
    let sandbox = start(&directory.file()).await;
    assert_eq!(sandbox.number_set_aside(), 0);
}

/// Makes the record of care plan 1 unusable, and lets no record be set aside while this condition holds.
fn make_unusable(path: &Path, while_this: &str) {
    change(
        path,
        &format!(
            "UPDATE record SET state = '7' WHERE kind = 'resource' AND key LIKE '%/CarePlan/1';
             CREATE TRIGGER never BEFORE INSERT ON set_aside WHEN {while_this}
             BEGIN SELECT RAISE(ABORT, 'never'); END"
        ),
    );
}

#[tokio::test]
async fn an_unusable_record_is_set_aside_when_a_new_one_gets_its_key() {
    let directory = three_messages("key").await;
    make_unusable(&directory.file(), "NOT EXISTS (SELECT 1 FROM record WHERE key LIKE '%/CarePlan/4')");
    let sandbox = start(&directory.file()).await;
    let (portal, _) = clients(&sandbox);
    portal.send_message(plan("m4", "4")).await.bundle();
    portal.send_message(plan("m1-again", "1")).await.bundle();
    sandbox.stop().await;
    assert_eq!(find(&directory.file(), "SELECT state FROM set_aside"), ["7"]);
    assert_eq!(reasons(&directory.file()).len(), 1);
    let sandbox = start(&directory.file()).await;
    assert_eq!(sandbox.number_set_aside(), 0);
    clients(&sandbox).0.send_message(plan("m1-third", "1")).await.issues(409);
}

#[tokio::test]
async fn an_unusable_record_that_can_never_be_set_aside_is_overwritten_by_a_new_one_with_its_key() {
    let directory = three_messages("overwritten").await;
    make_unusable(&directory.file(), "TRUE");
    let sandbox = start(&directory.file()).await;
    let (portal, _) = clients(&sandbox);
    portal.send_message(plan("m1-again", "1")).await.bundle();
    sandbox.stop().await;
    let sandbox = start(&directory.file()).await;
    assert_eq!(sandbox.number_set_aside(), 0, "the warning named the old one; the new one can be used");
    clients(&sandbox).0.send_message(plan("m1-third", "1")).await.issues(409);
}

#[tokio::test]
async fn a_secret_that_cannot_be_kept_is_no_reason_not_to_start() {
    for (place, damage) in
        ["DELETE FROM record WHERE kind = 'secret'", "UPDATE record SET state = x'ff' WHERE kind = 'secret'"]
            .into_iter()
            .enumerate()
    {
        let directory = three_messages(&format!("secret-{place}")).await;
        change(&directory.file(), damage);
        change(
            &directory.file(),
            "CREATE TRIGGER never BEFORE INSERT ON record WHEN NEW.kind = 'secret'
             BEGIN SELECT RAISE(ABORT, 'never'); END",
        );
        let sandbox = start(&directory.file()).await;
        assert_eq!(claimed(&clients(&sandbox).1).await, ["m1", "m2", "m3"]);
        sandbox.stop().await;
        change(&directory.file(), "DROP TRIGGER never");
        start(&directory.file()).await.stop().await;
        assert_eq!(
            find(&directory.file(), "SELECT typeof(state) FROM record WHERE kind = 'secret'"),
            ["text"],
            "it is kept once it can be"
        );
    }
}
