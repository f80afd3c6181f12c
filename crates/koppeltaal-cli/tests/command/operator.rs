//! What a person reads when the password is wrong, the server is down, a disk is full or a database is down:
//! the cause, what to do, and the documented exit code, from every command that can meet the failure.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use koppeltaal::SqliteVersionStore;

use crate::outbox::Application;
use crate::remote::{PLAN, World};
use crate::support::{command, stderr};

const PATIENT: &str = "https://portal.example/fhir/Patient/1001";

/// Where nobody listens.
const NOBODY: &str = "http://127.0.0.1:9";

/// Commands that ask the server as an account. DATABASE stands for a file with the table of versions.
const OF_ACCOUNT: [&[&str]; 14] = [
    &["activities"],
    &["activity", "put", "resources/other-activitydefinition.json"],
    &["activity", "archive", "VUURTOREN"],
    &["messages"],
    &["message", "1"],
    &["send", PLAN, "--no-versions"],
    &["receive", "--ack", "none", "--no-versions"],
    &["launch", "game", "--patient", PATIENT, "--resource", "1"],
    &["mobile-launch", "game", "--patient", PATIENT, "--resource", "1"],
    &["storage", "put", "resources/patient.json", "--patient", PATIENT, "--type", "level", "--key", "1"],
    &["storage", "get", "1"],
    &["storage", "list"],
    &["storage", "delete", "1"],
    &["versions", "relearn", PATIENT, "--domain", "Zonnedauw", "--database", "DATABASE"],
];

/// Commands that ask the server as an account until Ctrl-C.
const FOLLOWING: [&[&str]; 2] =
    [&["watch", "--no-push"], &["receive", "--ack", "success", "--follow", "--no-push", "--no-versions"]];

/// Commands that ask the server without an account.
const ANONYMOUS: [&[&str]; 3] = [
    &["metadata"],
    &[
        "authorize-url",
        "--client-id",
        "game",
        "--redirect-uri",
        "https://game.example/login",
        "--launch",
        "1",
    ],
    &["token", "--client-id", "game", "--redirect-uri", "https://game.example/login"],
];

/// Commands about the outbox in a database. ID stands for the identifier of a message.
const OF_OUTBOX: [&[&str]; 7] = [
    &["outbox", "list"],
    &["outbox", "show", "ID"],
    &["outbox", "retry", "ID"],
    &["outbox", "retry", "--all"],
    &["outbox", "give-up", "ID"],
    &["outbox", "forget", "--older-than", "0"],
    &["outbox", "watch"],
];

const VERSIONS: &[&str] = &["versions", "list"];

/// The command ends with this code, after it has said each of these texts once and no secret.
fn ends(mut command: Command, code: i32, texts: &[&str]) {
    let output = command.stdin(Stdio::null()).output().expect("the binary runs");
    let (text, arguments) = (stderr(&output), command.get_args().collect::<Vec<_>>());
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
    for expected in texts {
        assert_eq!(text.matches(expected).count(), 1, "{arguments:?}: {expected:?} in {text}");
    }
    for secret in ["Geheim", "Duinroos"] {
        assert!(!text.contains(secret), "{arguments:?}: {text}");
    }
}

/// All these commands at the same time: each repeats its requests for a while.
fn each_ends(commands: impl IntoIterator<Item = Command>, code: i32, texts: &[&str]) {
    std::thread::scope(|scope| {
        for command in commands {
            scope.spawn(move || ends(command, code, texts));
        }
    });
}

fn with(arguments: &[&str], name: &str, value: &str) -> Vec<String> {
    arguments.iter().map(|argument| argument.replace(name, value)).collect()
}

fn of(arguments: &[String]) -> Command {
    command(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

fn as_portal(mut command: Command, server: &str, password: &str) -> Command {
    command.args(["--server", server, "--username", "portal"]).env("KOPPELTAAL_PASSWORD", password);
    command
}

/// The commands of an account, with a table of versions.
fn of_account(world: &World, server: &str, password: &str) -> Vec<Command> {
    let database = world.file("portal.db");
    drop(SqliteVersionStore::open(&database).expect("a store"));
    let of_one =
        |arguments: &&[&str]| as_portal(of(&with(arguments, "DATABASE", &database)), server, password);
    OF_ACCOUNT.iter().map(of_one).collect()
}

#[test]
fn with_a_wrong_password_every_command_says_what_to_look_at() {
    let world = World::start();
    let texts = ["does not accept the credentials", "see whether the user name and the password"];
    let following = FOLLOWING.iter().map(|arguments| as_portal(command(arguments), world.url(), "Geheim2"));
    each_ends(of_account(&world, world.url(), "Geheim2").into_iter().chain(following), 1, &texts);

    let mut token = command(ANONYMOUS[2]);
    token
        .args(["--server", world.url()])
        .env("KOPPELTAAL_CODE", "1")
        .env("KOPPELTAAL_CLIENT_SECRET", "Geheim2");
    ends(token, 1, &["invalid_client, ", "see whether the application's identifier and secret are right"]);
}

#[test]
fn without_a_server_every_command_says_what_to_look_at() {
    let world = World::start();
    let texts = ["the server cannot be reached: the connection is refused", "see whether the server runs"];
    let anonymous = ANONYMOUS.iter().map(|arguments| {
        let mut command = command(arguments);
        command.args(["--server", NOBODY]).env("KOPPELTAAL_CODE", "1");
        command
    });
    each_ends(of_account(&world, NOBODY, "Geheim1").into_iter().chain(anonymous), 2, &texts);
}

#[test]
fn who_follows_is_told_what_to_look_at_and_the_command_waits_for_the_server() {
    for arguments in FOLLOWING {
        let mut command = as_portal(command(arguments), NOBODY, "Geheim1");
        let child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = child.expect("the binary runs");
        let mut line = String::new();
        BufReader::new(child.stderr.as_mut().expect("piped")).read_line(&mut line).expect("a line");
        assert!(child.try_wait().expect("a state").is_none(), "it goes on");
        child.kill().expect("it runs");
        child.wait().expect("it ends");
        for text in ["warning: the server cannot be reached", "see whether the server runs"] {
            assert!(line.contains(text), "{arguments:?}: {line}");
        }
    }
}

#[test]
fn without_the_database_every_command_says_what_to_look_at() {
    let databases = [
        ("nowhere/epd.db", "see whether this is the database of the application"),
        ("resources/patient.json", "see whether this is the database of the application"),
        ("postgresql://portal@127.0.0.1:9/portal", "see whether the database server runs and can be reached"),
    ];
    for (database, advice) in databases {
        let commands = OF_OUTBOX.iter().chain([&VERSIONS]).map(|arguments| {
            let mut command = command(arguments);
            command.args(["--database", database]);
            command
        });
        for command in commands {
            ends_in_any_case(command, advice);
        }
    }
}

/// The command could not do it, and says this, whatever the case of the first letter.
fn ends_in_any_case(mut command: Command, advice: &str) {
    let output = command.stdin(Stdio::null()).output().expect("the binary runs");
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert_eq!(text.to_lowercase().matches(advice).count(), 1, "{text}");
}

#[cfg(target_os = "linux")]
#[test]
fn on_a_full_disk_every_command_that_writes_says_what_to_do() {
    use crate::disk::{Disk, take_all_room};

    let world = World::start();
    world.done("portal", &["send", PLAN]);
    let number = world.json("game", &["messages"])[0]["number"].as_str().expect("a number").to_owned();
    let application = Application::new("full", NOBODY, "Geheim1");
    let id = application.put("2041");
    let disk = std::path::PathBuf::from(world.file("disk"));
    std::fs::create_dir_all(disk.join("saved")).expect("a folder");
    let Some(_disk) = Disk::mount(&disk) else {
        eprintln!("this process cannot mount a small disk");
        return;
    };
    let on_disk = |name: &str| disk.join(name).display().to_string();
    std::fs::create_dir(disk.join("saved")).expect("a folder");
    let (database, versions, saved) = (on_disk("epd.db"), on_disk("versions.db"), on_disk("saved"));
    let connection = koppeltaal::rusqlite::Connection::open(&application.file).expect("a connection");
    connection.execute("VACUUM INTO ?1", [&database]).expect("a copy");
    drop(SqliteVersionStore::open(&versions).expect("a store"));
    take_all_room(&disk.join("filler"));

    let room = ["make room, and run the command again"];
    for arguments in [
        &["messages", "--save", &saved][..],
        &["message", &number, "--save", &on_disk("one.json")],
        &["receive", "--ack", "none", "--no-versions", "--save", &saved],
    ] {
        ends(world.command("game", arguments), 2, &room);
    }
    assert_eq!(world.json("game", &["messages"])[0]["status"], "Claimed", "nothing is acknowledged");
    let send = world
        .command("portal", &["send", "messages/CreateOrUpdatePatient-minimal.json", "--versions", &versions]);
    // SQLite may only fail to make the index of its write-ahead log, and calls that an I/O error.
    ends(send, 2, &["make room on its disk"]);
    std::fs::create_dir(disk.join("converted")).expect("a folder");
    let (folder, file) = (on_disk("converted"), "resources/patient.xml");
    ends(
        command(&["convert", file, "-o", &folder, "--to", "json"]),
        2,
        &["make room, and run the command again"],
    );
    assert_eq!(std::fs::read_dir(&folder).expect("a folder").count(), 0, "nothing is half written");
    let of_database = ["is full", "make room on its disk"];
    for arguments in [&["retry", "--all", "--state", "waiting"][..], &["retry", &id], &["give-up", &id]] {
        let mut command = command(&[&["outbox"][..], arguments].concat());
        command.args(["--database", &database]);
        ends(command, 2, &of_database);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_under_standard_output_is_not_taken_for_success() {
    let world = World::start();
    world.done("portal", &["send", PLAN]);
    let application = Application::new("output", NOBODY, "Geheim1");
    application.put("2041");
    let mut outbox = command(&["outbox", "list", "--database", &application.file]);
    outbox.stdin(Stdio::null());
    for mut command in [
        outbox,
        world.command("portal", VERSIONS),
        world.command("game", &["messages"]),
        world.command("game", &["metadata"]),
        command(&["new", "message", "CreateOrUpdatePatient"]),
        command(&["convert", "resources/patient.xml", "--to", "json"]),
        command(&["validate", "resources/patient.xml"]),
        command(&["validate", "--output", "json", "resources/patient.xml"]),
    ] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("the device");
        let child = command.stdout(full).stderr(Stdio::piped()).spawn().expect("the binary runs");
        let output = child.wait_with_output().expect("it ends");
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains("make room, and run the command again"), "{:?}: {text}", command.get_args());
    }
}
