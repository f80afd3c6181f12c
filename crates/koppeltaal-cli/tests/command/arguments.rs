//! The command line itself: where arguments may stand, why they are refused, what is logged, and the
//! completions and manual pages that are generated from it.

use std::fs;
use std::process::{Output, Stdio};

use crate::remote::World;
use crate::support::{Folder, command, koppeltaal, stderr, stdout};

/// Runs a command without an account.
fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = command(arguments);
    command.envs(environment.iter().copied()).stdin(Stdio::null()).output().expect("the binary runs")
}

#[test]
fn arguments_about_the_connection_stand_before_or_after_the_command() {
    let world = World::start();
    let server = world.url();
    for arguments in [
        &["--server", server, "--output", "json", "metadata"][..],
        &["--server", server, "metadata", "--output", "json"],
        &["metadata", "--server", server, "--output", "json"],
    ] {
        let output = run(arguments, &[]);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", stderr(&output));
        assert!(stdout(&output).starts_with('{'), "{arguments:?}: {}", stdout(&output));
    }
    // A flag after the command outranks one before it, and both outrank the environment.
    let arguments = ["--server", "https://other.example", "metadata", "--server", server];
    let output = run(&arguments, &[("KOPPELTAAL_SERVER", "https://third.example")]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn a_command_without_a_server_takes_no_arguments_about_one() {
    for arguments in [
        &["validate", "resources/patient.json", "--server", "https://koppeltaal.example"][..],
        &["--username", "portal", "validate", "resources/patient.json"],
        &["new", "message", "CreateOrUpdatePatient", "--tokens", "tokens.json"],
    ] {
        let output = koppeltaal(arguments);
        assert_eq!((output.status.code(), stdout(&output)), (Some(2), String::new()), "{arguments:?}");
        assert!(stderr(&output).contains("speaks to no server"), "{}", stderr(&output));
    }
    let output = koppeltaal(&["new", "message", "CreateOrUpdatePatient", "--output", "json"]);
    assert_eq!((output.status.code(), stdout(&output)), (Some(2), String::new()));
    let refusal = stderr(&output);
    assert!(refusal.contains("no output for programs") && !refusal.contains("server"), "{refusal}");
    // The environment may hold them for other commands.
    let output =
        run(&["validate", "resources/patient.json"], &[("KOPPELTAAL_SERVER", "https://koppeltaal.example")]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let output = run(&["sandbox", "--listen", "nowhere"], &[("KOPPELTAAL_CONFIG", "profiles.cfg")]);
    assert!(!stderr(&output).contains("profiles.cfg"), "{}", stderr(&output));
}

#[test]
fn help_names_the_connection_in_a_few_lines() {
    let help = stdout(&koppeltaal(&["metadata", "--help"]));
    assert!(help.lines().count() < 25, "{help}");
    assert!(help.contains("--server URL") && help.contains("--allow-plain-http"), "{help}");
    let help = stdout(&koppeltaal(&["metadata", "-h"]));
    assert!(help.contains("The URL of the server"), "{help}");
    let help = stdout(&koppeltaal(&["validate", "--help"]));
    assert!(!help.contains("--server") && help.contains("--output"), "{help}");
}

#[test]
fn an_address_that_is_no_url_is_answered_with_an_example() {
    for (arguments, environment) in [
        (&["metadata", "--server", "foo"][..], &[][..]),
        (&["metadata"], &[("KOPPELTAAL_SERVER", "foo")]),
        (&["metadata"], &[("KOPPELTAAL_SERVER", "")]),
        (&["metadata", "--server", ""], &[]),
    ] {
        let output = run(arguments, environment);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains("https://koppeltaal.example"), "{}", stderr(&output));
    }
    let output = run(&["metadata", "--server", "http://koppeltaal.example"], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--allow-plain-http"), "{}", stderr(&output));
    let output = run(&["metadata", "--server", "https://portal:Geheim1@koppeltaal.example"], &[]);
    assert_eq!((output.status.code(), stderr(&output).contains("Geheim1")), (Some(2), false));
}

#[test]
fn an_empty_launch_is_refused() {
    let arguments =
        ["authorize-url", "--client-id", "game", "--redirect-uri", "https://game.example", "--launch", ""];
    let output = run(&arguments, &[("KOPPELTAAL_SERVER", "https://koppeltaal.example")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--launch"), "{}", stderr(&output));
}

#[cfg(unix)]
#[test]
fn a_secret_in_the_environment_that_is_not_utf8_is_refused_and_an_empty_one_is_none() {
    use std::os::unix::ffi::OsStrExt as _;
    let run = |arguments: &[&str], name: &str, value: &[u8]| {
        let mut command = command(arguments);
        command.env(name, std::ffi::OsStr::from_bytes(value)).stdin(Stdio::null());
        command.output().expect("the binary runs")
    };
    let server = ["--server", "https://koppeltaal.example"];
    let messages = &[&["messages", "--username", "portal"][..], &server].concat();
    let redirect = ["token", "--client-id", "game", "--redirect-uri", "https://game.example/login"];
    let token = &[&redirect[..], &server].concat();
    for (arguments, name) in [
        (messages, "KOPPELTAAL_PASSWORD"),
        (token, "KOPPELTAAL_CODE"),
        (&vec!["outbox", "list"], "KOPPELTAAL_DATABASE"),
    ] {
        let output = run(arguments, name, b"Geheim\xFF");
        assert_eq!(output.status.code(), Some(2), "{name}: {}", stderr(&output));
        let refusal = stderr(&output);
        assert!(refusal.contains(name) && refusal.contains("UTF-8"), "{refusal}");
        assert!(!refusal.contains("Geheim"), "{refusal}");
    }
    let output = run(messages, "KOPPELTAAL_PASSWORD", b"");
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("set KOPPELTAAL_PASSWORD"), "{}", stderr(&output));
}

#[cfg(unix)]
#[test]
fn a_password_that_others_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::start();
    let file = world.file("profiles.cfg");
    let text = format!("[test]\nurl = {}\nusername = game\npassword = Geheim1\n", world.url());
    fs::write(&file, text).expect("a file");
    for (mode, is_warned) in [(0o644, true), (0o600, false)] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("rights");
        let output = run(&["activities", "--profile", "test", "--config", &file], &[]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert_eq!(stderr(&output).contains("chmod 600"), is_warned, "{}", stderr(&output));
    }
}

#[test]
fn verbose_shows_requests_without_content() {
    let world = World::start();
    let output = world.run("portal", &["-v", "send", crate::remote::PLAN]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let log = stderr(&output);
    assert!(log.starts_with("POST Mailbox: 200 in ") && log.lines().count() == 1, "{log}");
    let output = world.run("portal", &["messages", "--verbose"]);
    assert!(stderr(&output).starts_with("GET MessageHeader/_search: 200 in "), "{}", stderr(&output));
}

#[test]
fn the_libraries_log_what_the_environment_asks_for() {
    let world = World::start();
    for (filter, is_logged) in
        [("koppeltaal_transport=debug", true), ("trace", true), ("off", false), ("", false)]
    {
        let mut command = world.command("portal", &["messages", "--output", "json"]);
        let output = command.env("RUST_LOG", filter).output().expect("the binary runs");
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let log = stderr(&output);
        assert_eq!(log.contains("operation=\"headers\""), is_logged, "{filter}: {log}");
        // The password, also as basic authentication sends it.
        assert!(!log.contains("Geheim1") && !log.contains("cG9ydGFsOkdlaGVpbTE="), "{filter}: {log}");
    }
    let mut command = world.command("portal", &["messages"]);
    let output = command.env("RUST_LOG", "=loud=").output().expect("the binary runs");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("RUST_LOG"), "{}", stderr(&output));
}

#[test]
fn shells_and_man_know_every_command() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = koppeltaal(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}: {}", stderr(&output));
        assert!(stdout(&output).contains("mobile-launch"), "{shell}");
    }
    let folder = Folder::reserve("man");
    let output = koppeltaal(&["man", &folder.display().to_string()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    for page in ["koppeltaal.1", "koppeltaal-send.1", "koppeltaal-activity-put.1", "koppeltaal-new-message.1"]
    {
        let text = fs::read_to_string(folder.join(page)).unwrap_or_else(|error| panic!("{page}: {error}"));
        assert!(text.contains(".SH"), "{page}");
    }
    let output = koppeltaal(&["man", "README.md"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("README.md"), "{}", stderr(&output));
}
