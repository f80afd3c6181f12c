//! A data file that has no room: a refused request changes nothing, and succeeds when it is repeated with
//! room.

mod common;
#[cfg(target_os = "linux")]
#[path = "common/disk.rs"]
mod disk;

use std::path::Path;

use common::files::{Directory, change, find};
use common::{Client, FORMATS, Format, http, plan, world};
use koppeltaal_fhir::resources::Other;
use koppeltaal_messaging::profiles::StorageItem;
use koppeltaal_messaging::{ProcessingStatus as Status, Reference};
use koppeltaal_sandbox::{Application, Limits, Sandbox, SandboxConfig};

#[cfg(target_os = "linux")]
use disk::{Disk, take_all_room};

fn configured(path: &Path) -> SandboxConfig {
    world().data(path).application(Application::new("game").redirect_uri("https://game.example/").secret("g"))
}

async fn start(path: &Path) -> Sandbox {
    configured(path).start().await.expect("a sandbox")
}

/// A message of some length.
fn long_plan(number: usize) -> koppeltaal_fhir::Bundle {
    let mut message = plan(&format!("m{number}"), &number.to_string());
    message.entry[1].title = "x".repeat(20_000).into();
    message
}

/// Posts messages until one is refused, and tells which.
async fn fill(portal: &Client) -> usize {
    fill_from(portal, 0).await
}

async fn fill_from(portal: &Client, first: usize) -> usize {
    for number in first..2000 {
        let answer = portal.send_message(long_plan(number)).await;
        if answer.status != 200 {
            let issues = answer.issues(503);
            assert!(issues[0].is("no-store"), "{issues:?}");
            assert_eq!(answer.header("retry-after"), "10");
            return number;
        }
    }
    panic!("it never got full");
}

async fn identifiers_in_queue(client: &Client) -> Vec<String> {
    let list = client.get("MessageHeader/_search?_count=1000").await.bundle();
    let headers = list.entry.iter().filter_map(|entry| {
        entry.content.as_ref()?.get::<koppeltaal_fhir::resources::MessageHeader>()?.identifier.as_str()
    });
    headers.map(str::to_owned).collect()
}

fn expected(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("m{number}")).collect()
}

/// A message is claimed, the file gets full, gets room, and is opened again: each time, what was answered is
/// there, and what was refused is not.
async fn a_full_file(
    path: &Path,
    format: Format,
    make_full: impl AsyncFn(&Sandbox),
    make_room: impl AsyncFn(&Sandbox),
) {
    let sandbox = start(path).await;
    let (portal, game) = (Client::portal(&sandbox, format), Client::game(&sandbox, format));
    portal.send_message(plan("first", "first")).await.bundle();
    let (entry, header) = game.claim().await.header_entry();
    make_full(&sandbox).await;
    let refused = fill(&portal).await;
    assert!(refused > 0);
    let mut queue = vec!["first".to_owned()];
    queue.extend(expected(refused));
    assert_eq!(identifiers_in_queue(&game).await, queue, "in memory it did not happen either");
    assert!(game.get(&format!("MessageHeader/_search?_id=m{refused}")).await.bundle().entry.is_empty());
    // With room, the receiver goes on.
    make_room(&sandbox).await;
    game.acknowledge(entry.id.as_deref().expect("an id"), &header, Status::Success).await.document();
    let (_, claimed) = game.claim().await.header_entry();
    assert_eq!(claimed.identifier.as_str(), Some("m0"));
    let receipt = portal.send_message(long_plan(refused)).await.bundle();
    queue.push(format!("m{refused}"));
    assert_eq!(identifiers_in_queue(&game).await, queue);
    sandbox.stop().await;

    let sandbox = start(path).await;
    let (portal, game) = (Client::portal(&sandbox, format), Client::game(&sandbox, format));
    assert_eq!(sandbox.number_set_aside(), 0);
    assert_eq!(identifiers_in_queue(&game).await, queue);
    let number = |bundle: &koppeltaal_fhir::Bundle| {
        bundle.entry[0]
            .link("self")
            .and_then(|link| link.split_once("/FHIR/"))
            .map(|(_, path)| path.to_owned())
    };
    let again = portal.send_message(long_plan(refused)).await.bundle();
    assert_eq!(number(&again), number(&receipt), "the first answer again");
    assert_eq!(game.claim().await.header_entry().1.identifier.as_str(), Some("m1"));
    sandbox.stop().await;
}

#[tokio::test]
async fn a_post_that_the_data_file_has_no_room_for_did_not_happen_and_can_be_tried_again() {
    for format in FORMATS {
        let directory = Directory::new(&format!("full-{format:?}"));
        a_full_file(
            &directory.file(),
            format,
            async |sandbox| sandbox.limit_data(400_000).expect("a limit"),
            async |sandbox| sandbox.limit_data(1 << 30).expect("a limit"),
        )
        .await;
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_loses_nothing_that_was_taken_and_keeps_nothing_that_was_refused() {
    let directory = Directory::new("disk");
    let Some(_disk) = Disk::mount(directory.path()) else {
        eprintln!("this process cannot mount a small disk");
        return;
    };
    let filler = directory.path().join("filler");
    a_full_file(
        &directory.file(),
        Format::Json,
        async |_| {
            std::fs::write(&filler, vec![0; 1 << 20]).expect("room");
        },
        async |_| std::fs::remove_file(&filler).expect("the filler"),
    )
    .await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn on_a_full_disk_no_part_of_the_sandbox_changes() {
    let directory = Directory::new("parts");
    let Some(_disk) = Disk::mount(directory.path()) else {
        eprintln!("this process cannot mount a small disk");
        return;
    };
    let sandbox = start(&directory.file()).await;
    let (portal, game) = (Client::portal(&sandbox, Format::Json), Client::game(&sandbox, Format::Json));
    portal.send_message(plan("first", "first")).await.bundle();
    let filler = directory.path().join("filler");
    take_all_room(&filler);
    assert_eq!(portal.send_message(long_plan(1)).await.status, 503);
    // Room that the log already has may still be used. After that, a claim cannot be saved either.
    let (mut claimed, mut stored, mut codes) = (0, 0, Vec::new());
    while game.claim().await.status == 200 {
        claimed += 1;
        assert!(claimed < 100, "the disk is full");
    }
    while game.post("Other", item(stored)).await.status == 201 {
        stored += 1;
        assert!(stored < 100, "the disk is full");
    }
    while let (200, answer) = mobile_launch(&sandbox).await {
        codes.push(answer);
        assert!(codes.len() < 100, "the disk is full");
    }
    let listed = game.get("Other?code=StorageItem").await.bundle();
    assert_eq!(listed.entry.len(), stored);
    std::fs::remove_file(&filler).expect("the filler");
    // The refused claim succeeds now, if none did before.
    let expected = usize::from(claimed == 0);
    assert_eq!(game.claim().await.bundle().entry.len().min(1), expected);
    game.post("Other", item(stored)).await.document();
    assert_eq!(mobile_launch(&sandbox).await.0, 200);
    sandbox.stop().await;
    let sandbox = start(&directory.file()).await;
    let game = Client::game(&sandbox, Format::Json);
    assert_eq!(game.get("Other?code=StorageItem").await.bundle().entry.len(), stored + 1);
    assert_eq!(sandbox.number_set_aside(), 0);
}

fn item(number: usize) -> Other {
    StorageItem {
        content_type: Some("text/plain".into()),
        content: Some("QUJD".repeat(2000).as_str().into()),
        patient_identifier: Some(Reference::from("https://portal.example/fhir/Patient/7")),
        object_type: Some("level".into()),
        object_key: Some(number.to_string()),
        ..StorageItem::default()
    }
    .into()
}

#[cfg(target_os = "linux")]
async fn mobile_launch(sandbox: &Sandbox) -> (u16, String) {
    mobile_launch_of(sandbox, "u").await
}

async fn mobile_launch_of(sandbox: &Sandbox, user: &str) -> (u16, String) {
    let query = [("client_id", "game"), ("patient", "https://portal.example/fhir/Patient/7"), ("user", user)];
    let launch =
        http().get(format!("http://{}/OAuth2/Koppeltaal/MobileLaunch", sandbox.address())).query(&query);
    let answer = launch.basic_auth("portal", Some("wacht:wöord")).send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("text"))
}

#[tokio::test]
async fn what_is_in_a_full_file_can_still_be_claimed_and_acknowledged() {
    let directory = Directory::new("reserve");
    let mut limits = Limits::default();
    limits.data_bytes = 400_000;
    let sandbox = configured(&directory.file()).limits(limits).start().await.expect("a sandbox");
    let (portal, game) = (Client::portal(&sandbox, Format::Json), Client::game(&sandbox, Format::Json));
    let refused = fill(&portal).await;
    for _ in 0..refused {
        let (entry, header) = game.claim().await.header_entry();
        game.acknowledge(entry.id.as_deref().expect("an id"), &header, Status::Success).await.document();
    }
    let length = std::fs::metadata(directory.file()).expect("a file").len();
    assert!(length < 600_000, "{length}");
}

async fn start_small(path: &Path) -> Sandbox {
    let mut limits = Limits::default();
    limits.data_bytes = 400_000;
    configured(path).limits(limits).start().await.expect("a sandbox")
}

/// Claims all messages and reports success. Gives their number.
async fn process_all(game: &Client) -> usize {
    for number in 0.. {
        let claimed = game.claim().await;
        if claimed.bundle().entry.is_empty() {
            return number;
        }
        let (entry, header) = claimed.header_entry();
        game.acknowledge(entry.id.as_deref().expect("an id"), &header, Status::Success).await.document();
    }
    unreachable!("a queue without end")
}

async fn identifiers_new(client: &Client) -> Vec<String> {
    let list = client.get("MessageHeader/_search?_count=1000&ProcessingStatus=New").await.bundle();
    let headers = list.entry.iter().filter_map(|entry| {
        entry.content.as_ref()?.get::<koppeltaal_fhir::resources::MessageHeader>()?.identifier.as_str()
    });
    headers.map(str::to_owned).collect()
}

/// The data file as it would be if the process were killed now.
fn as_killed(path: &Path, name: &str) -> Directory {
    let directory = Directory::new(name);
    for end in ["", "-wal"] {
        let name = format!("sandbox.sqlite{end}");
        std::fs::copy(path.join(&name), directory.path().join(&name)).expect("a copy");
    }
    directory
}

#[tokio::test]
async fn a_full_file_takes_messages_again_when_those_in_it_are_processed() {
    for format in FORMATS {
        let directory = Directory::new(&format!("again-{format:?}"));
        let sandbox = start_small(&directory.file()).await;
        let (portal, game) = (Client::portal(&sandbox, format), Client::game(&sandbox, format));
        let refused = fill(&portal).await;
        assert_eq!(identifiers_new(&game).await, expected(refused), "what nobody processed stays");
        assert_eq!(process_all(&game).await, refused);
        // All of these are forgotten for the next ones.
        let next = fill_from(&portal, refused).await;
        assert!(next - refused > refused / 2, "room for {refused} and then for {}", next - refused);
        let unprocessed = expected(next).split_off(refused);
        assert_eq!(identifiers_new(&game).await, unprocessed);

        let killed = as_killed(directory.path(), &format!("again-killed-{format:?}"));
        let other = start_small(&killed.file()).await;
        assert_eq!(other.number_set_aside(), 0);
        assert_eq!(identifiers_new(&Client::game(&other, format)).await, unprocessed);
        other.stop().await;

        assert_eq!(process_all(&game).await, unprocessed.len());
        for number in next..next + 3 * refused {
            portal.send_message(long_plan(number)).await.bundle();
            assert_eq!(process_all(&game).await, 1);
        }
        sandbox.stop().await;
        let length = std::fs::metadata(directory.file()).expect("a file").len();
        assert!(length < 600_000, "{length}");
        let sandbox = start_small(&directory.file()).await;
        assert_eq!(sandbox.number_set_aside(), 0);
        assert_eq!(process_all(&Client::game(&sandbox, format)).await, 0);
    }
}

#[tokio::test]
async fn processed_messages_make_room_for_items_and_definitions_as_well() {
    let directory = Directory::new("items");
    let sandbox = start_small(&directory.file()).await;
    let (portal, game) = (Client::portal(&sandbox, Format::Json), Client::game(&sandbox, Format::Json));
    fill(&portal).await;
    let definition = || common::fixture("resources/other-activitydefinition", Format::Json);
    let mut stored = 0;
    while game.post("Other", item(stored)).await.status == 201 {
        stored += 1;
        assert!(stored < 100, "it never got full");
    }
    game.post("Other", item(stored)).await.issues(503);
    process_all(&game).await;
    for number in stored..stored + 3 {
        game.post("Other", item(number)).await.document();
        portal.with_body(reqwest::Method::POST, "Other", definition()).await.document();
    }
}

#[tokio::test]
async fn what_a_message_takes_to_be_handled_has_room_however_much_else_is_tried() {
    let directory = Directory::new("launches");
    let sandbox = start_small(&directory.file()).await;
    let (portal, game) = (Client::portal(&sandbox, Format::Json), Client::game(&sandbox, Format::Json));
    let refused = fill(&portal).await;
    let mut launches = 0;
    let user = "u".repeat(30_000);
    while let (200, _) = mobile_launch_of(&sandbox, &user).await {
        launches += 1;
        assert!(launches < 1000, "there is no end to it");
    }
    assert!(launches > 3, "{launches}: it takes a launch to get at the messages");
    assert_eq!(process_all(&game).await, refused);
    assert_eq!(mobile_launch_of(&sandbox, &user).await.0, 200, "processed messages make room for it");
}

#[tokio::test]
async fn long_exceptions_fill_no_file_so_far_that_no_more_can_be_told() {
    let directory = Directory::new("exceptions");
    let sandbox = start_small(&directory.file()).await;
    let (portal, game) = (Client::portal(&sandbox, Format::Json), Client::game(&sandbox, Format::Json));
    let mut posted = 0;
    while portal.send_message(plan(&format!("m{posted}"), &posted.to_string())).await.status == 200 {
        posted += 1;
    }
    assert!(posted * 60_000 > 5 << 20, "{posted} messages");
    for _ in 0..posted {
        let (entry, header) = game.claim().await.header_entry();
        let mut header = koppeltaal_messaging::Header::from(common::with_status(&header, Status::Failed));
        let state = header.processing().expect("a status").with_exception("x".repeat(60_000));
        header.clear_processing();
        header.set_processing(&state).expect("the first status");
        game.put(entry.id.as_deref().expect("an id"), header.into_fhir()).await.document();
    }
    assert!(game.claim().await.bundle().entry.is_empty());
    let length = std::fs::metadata(directory.file()).expect("a file").len();
    assert!(length < 5 << 20, "{length}");
}

#[tokio::test]
async fn a_data_file_longer_than_the_limit_opens_and_grows_no_more() {
    let directory = Directory::new("long");
    let sandbox = start(&directory.file()).await;
    for number in 0..20 {
        Client::portal(&sandbox, Format::Json).send_message(long_plan(number)).await.bundle();
    }
    sandbox.stop().await;
    let mut limits = Limits::default();
    limits.data_bytes = 100_000;
    let sandbox = configured(&directory.file()).limits(limits).start().await.expect("a sandbox");
    let (portal, game) = (Client::portal(&sandbox, Format::Json), Client::game(&sandbox, Format::Json));
    assert_eq!(identifiers_in_queue(&game).await, expected(20));
    portal.send_message(long_plan(20)).await.issues(503);
    game.claim().await.bundle();
    sandbox.stop().await;
    change(&directory.file(), "VACUUM");
    assert_eq!(
        find(&directory.file(), "SELECT CAST(count(*) AS TEXT) FROM record WHERE kind = 'delivery'"),
        ["20"]
    );
}
