//! Who may read what the command writes: its files hold secrets and data of patients.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::remote::{PLAN, World};
use crate::support::{Folder, command, koppeltaal, stderr};

fn mode(path: impl AsRef<Path>) -> u32 {
    let path = path.as_ref();
    let found = fs::symlink_metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    found.permissions().mode() & 0o777
}

/// Checks a folder and all that is in it.
fn is_private(folder: &str, files: usize) {
    assert_eq!(mode(folder), 0o700, "{folder}");
    let found: Vec<_> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a file").path()).collect();
    assert_eq!(found.len(), files, "{found:?}");
    for file in found {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn what_is_saved_of_messages_is_for_the_user_alone() {
    let world = World::start();
    world.done("portal", &["send", PLAN]);
    let (listed, received) = (world.file("new/listed"), world.file("new/received"));
    // Again, beside the files of an earlier run.
    for files in 1..=2 {
        world.done("game", &["messages", "--save", &listed]);
        is_private(&listed, files);
    }
    assert_eq!(mode(world.file("new")), 0o700);
    let number = &world.json("game", &["messages"])[0]["number"];
    let one = world.file("one.json");
    world.done("game", &["message", number.as_str().expect("a number"), "--save", &one]);
    assert_eq!(mode(&one), 0o600);
    world.done("game", &["receive", "--ack", "success", "--save", &received]);
    is_private(&received, 1);
}

#[test]
fn the_file_of_versions_is_for_the_user_alone() {
    let world = World::start();
    let named = world.file("versions.db");
    world.done("portal", &["send", PLAN, "--versions", &named]);
    assert_eq!(mode(&named), 0o600);
    world.done("game", &["receive", "--ack", "none"]);
    is_private(&world.file("koppeltaal"), 1);
}

#[test]
fn the_messages_of_the_demo_are_for_the_user_alone() {
    let folder = Folder::reserve("private-demo");
    let name = folder.display().to_string();
    let output = koppeltaal(&["demo", "--save", &name]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    is_private(&name, fs::read_dir(&*folder).expect("a folder").count());
}

#[test]
fn a_link_where_tokens_are_to_be_written_is_not_followed() {
    let folder = Folder::new("links");
    let (file, theirs) = (folder.join("tokens.json"), folder.join("theirs"));
    fs::write(&theirs, "theirs").expect("a file");
    fs::write(&file, r#"{"access_token":"a","refresh_token":"r","client_id":"game"}"#).expect("a file");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("rights");
    // An earlier version of this command wrote under this name.
    symlink(&theirs, folder.join("tokens.new")).expect("a link");

    let server = crate::pages::server(|_| r#"{"access_token":"b","refresh_token":"s"}"#.to_owned());
    let file = file.display().to_string();
    let output =
        command(&["refresh", &file, "--server", &server]).stdin(Stdio::null()).output().expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(fs::read_to_string(&file).expect("a text").contains(r#""access_token": "b""#));
    assert_eq!(mode(&file), 0o600);
    assert_eq!(fs::read_to_string(&theirs).expect("a text"), "theirs");
    assert_eq!(fs::read_dir(&*folder).expect("a folder").count(), 3, "nothing else is left");
}

#[test]
fn a_code_is_not_traded_for_tokens_that_cannot_be_kept() {
    let folder = Folder::reserve("tokens");
    let traded = Arc::new(AtomicUsize::new(0));
    let count = traded.clone();
    let server = crate::pages::server(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        r#"{"access_token":"b"}"#.to_owned()
    });
    let run = |file: &str| {
        let token = ["token", "--client-id", "game", "--redirect-uri", "https://game.example/login"];
        let mut command = command(&[&token[..], &["--server", &server, "--save", file]].concat());
        command.env("KOPPELTAAL_CODE", "abc").stdin(Stdio::null()).output().expect("the binary runs")
    };
    let file = folder.file("tokens.json");
    let output = run(&file);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    is_private(&folder.display().to_string(), 1);
    for impossible in [folder.display().to_string(), format!("{file}/below"), "/dev/null".to_owned()] {
        let output = run(&impossible);
        assert_eq!(output.status.code(), Some(2), "{impossible}");
        assert!(stderr(&output).contains(&impossible), "{}", stderr(&output));
    }
    assert_eq!(traded.load(Ordering::Relaxed), 1);
}

#[test]
fn a_refresh_token_is_not_spent_on_tokens_that_cannot_be_kept() {
    let folder = Folder::new("refresh");
    // A pipe can be read like a file, but is not replaced.
    let pipe = folder.file("tokens.json");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo runs").success());
    let text = r#"{"access_token":"a","refresh_token":"r","client_id":"game"}"#;
    let writing = pipe.clone();
    let writer = std::thread::spawn(move || fs::write(writing, text));
    let requests = Arc::new(AtomicUsize::new(0));
    let count = requests.clone();
    let server = crate::pages::server(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        r#"{"access_token":"b","refresh_token":"s"}"#.to_owned()
    });
    let mut command = command(&["refresh", &pipe, "--server", &server]);
    let output = command.stdin(Stdio::null()).output().expect("the binary runs");
    writer.join().expect("it ends").expect("written");
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains(&pipe), "{}", stderr(&output));
    assert_eq!(requests.load(Ordering::Relaxed), 0);
}
