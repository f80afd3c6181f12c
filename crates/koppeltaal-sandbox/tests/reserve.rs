//! A data file without any room: what is in it can still be processed, and the sandbox still starts.

mod common;

use std::path::Path;

use common::files::Directory;
use common::{Answer, Client, Format, plan, world};
use koppeltaal_fhir::Bundle;
use koppeltaal_fhir::resources::{MessageHeader, Other};
use koppeltaal_messaging::profiles::ActivityDefinition;
use koppeltaal_messaging::valuesets::ActivityKind;
use koppeltaal_messaging::{Header, ProcessingStatus as Status};
use koppeltaal_sandbox::{Limits, Sandbox, SandboxConfig};

/// How many messages the file has. They make it longer than the reserve.
const MESSAGES: usize = 240;

fn long_plan(number: usize) -> Bundle {
    let mut message = plan(&format!("m{number}"), &number.to_string());
    message.entry[1].title = "x".repeat(20_000).into();
    message
}

/// A sandbox whose data file is longer than limit and reserve together, so it may not grow at all.
async fn start_full(path: &Path) -> (Sandbox, Client) {
    let sandbox = world().data(path).start().await.expect("a sandbox");
    let (portal, game) = (Client::portal(&sandbox, Format::Json), Client::game(&sandbox, Format::Json));
    for number in 0..MESSAGES {
        portal.send_message(long_plan(number)).await.bundle();
    }
    sandbox.limit_data(1).expect("a limit");
    portal.send_message(long_plan(MESSAGES)).await.issues(503);
    (sandbox, game)
}

/// The address and the header of the next message.
async fn claim(game: &Client) -> (String, MessageHeader) {
    let (entry, header) = game.claim().await.header_entry();
    (entry.id.expect("an id"), header)
}

async fn fail(game: &Client, (url, header): &(String, MessageHeader), exception: &str) -> Answer {
    let mut header = Header::from(common::with_status(header, Status::Failed));
    let state = header.processing().expect("a status").with_exception(exception);
    header.clear_processing();
    header.set_processing(&state).expect("the first status");
    game.put(url, header.into_fhir()).await
}

#[tokio::test]
async fn every_message_of_a_file_that_may_not_grow_can_be_claimed_given_back_and_acknowledged() {
    let directory = Directory::new("no-growth");
    let (_sandbox, game) = start_full(&directory.file()).await;
    for _ in 0..2 {
        let mut claims = Vec::new();
        for _ in 0..MESSAGES {
            claims.push(claim(&game).await);
        }
        for (url, header) in &claims {
            game.acknowledge(url, header, Status::New).await.document();
        }
    }
    for _ in 0..MESSAGES {
        let (url, header) = claim(&game).await;
        game.acknowledge(&url, &header, Status::Success).await.document();
        game.acknowledge(&url, &header, Status::Success).await.document();
    }
    assert!(game.claim().await.bundle().entry.is_empty());
}

#[tokio::test]
async fn an_exception_takes_the_room_of_processed_messages_and_never_of_its_own() {
    let directory = Directory::new("exception");
    let (_sandbox, game) = start_full(&directory.file()).await;
    let oldest = claim(&game).await;
    fail(&game, &oldest, &"x".repeat(60_000)).await.issues(503);
    for _ in 0..10 {
        let (url, header) = claim(&game).await;
        game.acknowledge(&url, &header, Status::Success).await.document();
    }
    for _ in 0..2 {
        fail(&game, &oldest, &"x".repeat(60_000)).await.document();
    }
}

fn small() -> SandboxConfig {
    let mut limits = Limits::default();
    limits.data_bytes = 400_000;
    world().limits(limits)
}

/// A definition for which only a new page of the file has room.
fn long_definition() -> Other {
    ActivityDefinition {
        name: Some("Game".into()),
        kind: Some(ActivityKind::Game),
        description: Some("x".repeat(20_000)),
        ..ActivityDefinition::default()
    }
    .into()
}

async fn definitions(client: &Client) -> usize {
    client.get("Other?code=ActivityDefinition").await.bundle().entry.len()
}

#[tokio::test]
async fn a_configured_definition_without_room_in_the_file_is_left_out_until_there_is_room() {
    let directory = Directory::new("definition");
    let sandbox = small().data(directory.file()).start().await.expect("a sandbox");
    let portal = Client::portal(&sandbox, Format::Json);
    let mut posted = 0;
    while portal.send_message(long_plan(posted)).await.status == 200 {
        posted += 1;
    }
    sandbox.stop().await;

    let config = || small().activity_definition(common::DOMAIN, long_definition());
    let sandbox = config().data(directory.file()).start().await.expect("it starts all the same");
    let game = Client::game(&sandbox, Format::Json);
    assert_eq!(definitions(&game).await, 0);
    let (url, header) = claim(&game).await;
    game.acknowledge(&url, &header, Status::Success).await.document();
    sandbox.stop().await;

    // The next start forgets the processed message and so has room for the definition.
    for _ in 0..2 {
        let sandbox = config().data(directory.file()).start().await.expect("a sandbox");
        assert_eq!(definitions(&Client::game(&sandbox, Format::Json)).await, 1);
        assert_eq!(sandbox.number_set_aside(), 0);
        sandbox.stop().await;
    }
}
