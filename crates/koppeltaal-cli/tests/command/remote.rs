//! The commands that speak to a server, against a sandbox in the test's process.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Output, Stdio};

use koppeltaal::{SqliteVersionStore, VersionStore as _};
use koppeltaal_messaging::{Event, ResourceUrl};
use koppeltaal_sandbox::{Application, Instance, Sandbox, SandboxConfig};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::support::{Folder, command, json_lines, stderr, stdout};

const PASSWORD: &str = "Geheim1";
const LOGIN: &str = "https://game.example/login";
const PATIENT: &str = "https://portal.example/fhir/Patient/1001";

/// A server with a portal and a game in domain Zonnedauw, and a folder for files.
pub(crate) struct World {
    sandbox: Option<Sandbox>,
    runtime: Runtime,
    folder: Folder,
}

impl World {
    pub(crate) fn start() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let sandbox = SandboxConfig::new()
            .instance(Instance::new("portal", PASSWORD, "Zonnedauw"))
            .instance(Instance::new("game", PASSWORD, "Zonnedauw").subscribe(Event::ALL))
            .application(
                Application::new("game")
                    .launch_url("https://game.example/start")
                    .redirect_uri(LOGIN)
                    .secret(PASSWORD)
                    .refresh_tokens(true),
            );
        let sandbox = runtime.block_on(sandbox.start()).expect("a sandbox");
        Self { sandbox: Some(sandbox), runtime, folder: Folder::new("remote") }
    }

    pub(crate) fn sandbox(&self) -> &Sandbox {
        self.sandbox.as_ref().expect("it runs")
    }

    pub(crate) fn url(&self) -> &str {
        self.sandbox().url()
    }

    pub(crate) fn command(&self, username: &str, arguments: &[&str]) -> Command {
        let mut command = command(arguments);
        command
            .args(["--server", self.url()])
            .env("KOPPELTAAL_USERNAME", username)
            .env("KOPPELTAAL_PASSWORD", PASSWORD)
            // The folder in which versions are kept by default.
            .env("XDG_DATA_HOME", &*self.folder)
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, username: &str, arguments: &[&str]) -> Output {
        self.command(username, arguments).output().expect("the binary runs")
    }

    /// Standard output of a command that succeeds.
    pub(crate) fn done(&self, username: &str, arguments: &[&str]) -> String {
        let output = self.run(username, arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", stderr(&output));
        assert_eq!(stderr(&output), "", "{arguments:?}");
        stdout(&output)
    }

    /// The JSON objects that a command prints.
    pub(crate) fn json(&self, username: &str, arguments: &[&str]) -> Vec<Value> {
        json_lines(&self.done(username, &[arguments, &["--output", "json"]].concat()))
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.folder.file(name)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(sandbox) = self.sandbox.take() {
            self.runtime.block_on(sandbox.stop());
        }
    }
}

pub(crate) const PLAN: &str = "messages/CreateOrUpdateCarePlan-minimal.json";
pub(crate) const STATUS: &str = "messages/UpdateCarePlanActivityStatus-minimal.xml";

#[test]
fn metadata_needs_no_account() {
    let world = World::start();
    let mut command = command(&["metadata", "--server", world.url()]);
    let output = command.stdin(Stdio::null()).output().expect("the binary runs");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.starts_with("name:          Koppeltaal\n"), "{text}");
    let objects = world.json("portal", &["metadata", "--format", "xml"]);
    assert_eq!(objects[0]["fhir_version"], "0.0.82");
    assert_eq!(objects[0]["token"], format!("{}/OAuth2/Koppeltaal/Token", world.url()));
}

#[test]
fn a_message_is_sent_listed_shown_received_and_acknowledged() {
    let world = World::start();
    let sent = world.json("portal", &["send", PLAN]);
    assert_eq!(sent[0]["identifier"], "c43f4204-e06b-565e-abf2-6743a4f3a597");
    assert!(sent[0]["versions"][0].as_str().is_some_and(|url| url.contains("/CarePlan/910/_history/")));
    world.done("portal", &["send", STATUS, "--format", "xml"]);

    let listed = world.json("game", &["messages"]);
    assert_eq!(listed.len(), 2);
    assert_eq!(
        (&listed[0]["event"], &listed[0]["status"]),
        (&"CreateOrUpdateCarePlan".into(), &"New".into())
    );
    let number = listed[0]["number"].as_str().expect("a number");
    let filtered =
        world.json("game", &["messages", "--event", "UpdateCarePlanActivityStatus", "--limit", "1"]);
    assert_eq!(filtered.len(), 1);
    assert!(world.done("game", &["messages"]).starts_with(&format!("{number}  ")));

    let shown = world.done("game", &["message", number, "--format", "xml"]);
    assert!(shown.starts_with("<feed") && shown.contains("c43f4204"), "{shown}");
    let missing = world.run("game", &["message", "123456"]);
    assert_eq!(missing.status.code(), Some(1));
    assert_eq!(stderr(&missing), "error: there is no message \"123456\"\n");

    let received = world.done("game", &["receive", "--ack", "fail", "--reason", "no such activity"]);
    assert!(received.contains("\"resourceType\": \"Bundle\""), "{received}");
    let failed = world.json("game", &["messages", "--status", "Failed"]);
    assert_eq!(failed[0]["exception"], "no such activity");
    let received = world.json("game", &["receive", "--ack", "success", "--all"]);
    assert_eq!(received.len(), 1);
    assert_eq!(received[0]["event"], "UpdateCarePlanActivityStatus");
    assert_eq!(received[0]["message"]["resourceType"], "Bundle");
    assert!(world.json("game", &["receive", "--ack", "success"]).is_empty());
    assert_eq!(world.json("game", &["messages", "--status", "Success"]).len(), 1);
}

#[test]
fn versions_are_kept_in_a_file_that_an_application_can_use() {
    let world = World::start();
    let (of_portal, of_game) = (world.file("portal.db"), world.file("game.db"));
    let sent = world.json("portal", &["send", PLAN, "--versions", &of_portal]);
    let plan = sent[0]["versions"][0].as_str().expect("a version").parse::<ResourceUrl>().expect("a URL");
    world.done("game", &["receive", "--ack", "success", "--versions", &of_game]);
    let runtime = Runtime::new().expect("a runtime");
    for file in [of_portal, of_game] {
        let store = SqliteVersionStore::open(&file).expect("the store opens");
        let asked = [plan.without_version()];
        let known = runtime.block_on(store.versions("Zonnedauw", &asked));
        assert_eq!(known.expect("versions"), [Some(plan.clone())]);
    }

    // By default versions are kept in the user's own folder; with --no-versions, not at all.
    let usual = world.folder.join("koppeltaal").join("versions.db");
    world.json("game", &["receive", "--ack", "success", "--no-versions"]);
    assert!(!usual.exists());
    world.json("game", &["receive", "--ack", "success"]);
    assert!(usual.exists());

    let missing =
        world.run("game", &["receive", "--ack", "success", "--versions", "no/such/folder/versions.db"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(stderr(&missing).contains("no/such/folder/versions.db"), "{}", stderr(&missing));
}

#[test]
fn messages_are_saved_in_a_folder_and_can_be_validated_there() {
    let world = World::start();
    world.done("portal", &["send", PLAN]);
    world.done("portal", &["send", STATUS]);
    let folder = world.file("saved");
    for format in ["json", "xml"] {
        let saved = world.json("game", &["messages", "--save", &folder, "--format", format]);
        assert_eq!(saved.len(), 2);
        for message in &saved {
            let file = message["file"].as_str().expect("a file");
            assert!(file.ends_with(&format!(".{format}")), "{file}");
            let text = fs::read_to_string(file).expect("it is there");
            assert!(text.contains(message["identifier"].as_str().expect("an identifier")));
        }
    }
    let received = world.json("game", &["receive", "--ack", "none", "--save", &folder]);
    assert_eq!(received[0]["acknowledged"], "none");
    assert_eq!(world.json("game", &["messages", "--status", "Claimed"]).len(), 1);
}

#[test]
fn activities_are_put_listed_and_archived() {
    let world = World::start();
    let file = "resources/other-activitydefinition.json";
    let created = world.json("portal", &["activity", "put", file]);
    let identifier = created[0]["identifier"].as_str().expect("an identifier").to_owned();
    assert_eq!(created[0]["outcome"], "created");
    let same = world.json("portal", &["activity", "put", file]);
    assert_eq!((&same[0]["outcome"], &same[0]["url"]), (&"unchanged".into(), &created[0]["url"]));
    let text = fs::read_to_string(crate::support::fixtures().join(file)).expect("the fixture");
    let (changed, nameless) = (world.file("changed.json"), world.file("nameless.json"));
    fs::write(&changed, text.replace("De Vuurtorenwachter", "De vuurtoren")).expect("a file");
    let updated = world.json("portal", &["activity", "put", &changed]);
    assert_eq!(updated[0]["outcome"], "updated");
    fs::write(&nameless, text.replace("#ActivityDefinitionIdentifier", "#Elsewhere")).expect("a file");
    let refused = world.run("portal", &["activity", "put", &nameless]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("has no identifier"), "{}", stderr(&refused));
    assert_ne!(created[0]["url"], updated[0]["url"], "another version");
    let listed = world.json("portal", &["activities"]);
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["url"], updated[0]["url"]);
    assert!(world.done("portal", &["activities"]).starts_with(&identifier));

    world.done("portal", &["activity", "archive", &identifier]);
    assert_eq!(world.done("portal", &["activities"]), "");
    assert_eq!(world.json("portal", &["activities", "--archived"])[0]["archived"], true);
    let missing = world.run("portal", &["activity", "archive", "nothing"]);
    assert_eq!(missing.status.code(), Some(1));
}

#[test]
fn refusals_are_printed_for_people_and_for_programs() {
    let world = World::start();
    let mut wrong = world.command("portal", &["messages", "--output", "json"]);
    let output = wrong.env("KOPPELTAAL_PASSWORD", "guessed").output().expect("the binary runs");
    assert_eq!(output.status.code(), Some(1));
    let failure = &json_lines(&stderr(&output))[0];
    assert_eq!(failure["error"], "authentication");
    assert!(!stderr(&output).contains("guessed"));

    world.done("portal", &["send", PLAN]);
    // The same plan in a new message, still without a version.
    let again = fs::read_to_string(crate::support::fixtures().join(PLAN)).expect("the fixture");
    let file = world.file("again.json");
    fs::write(&file, again.replace("c43f4204", "d43f4204")).expect("a file");
    let output = world.run("portal", &["send", &file, "--exact"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("No version specified for the focal resource, message is rejected."),
        "{}",
        stderr(&output)
    );

    let output = world.run("portal", &["send", PLAN, "--domain", "Elsewhere"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("domain \"Zonnedauw\""), "{}", stderr(&output));
}

#[test]
fn profiles_come_from_a_file_or_from_that_of_the_python_connector() {
    let world = World::start();
    let text = format!(
        "[test]\nurl = {}\nusername = game\npassword = {PASSWORD}\ndomain = Zonnedauw\n",
        world.url()
    );
    let file = world.file("profiles.cfg");
    fs::write(&file, &text).expect("a file");
    fs::write(world.folder.join(".koppeltaal.cfg"), &text).expect("a file");
    let run = |arguments: &[&str]| {
        command(arguments)
            .env("HOME", &*world.folder)
            .env_remove("XDG_CONFIG_HOME")
            .stdin(Stdio::null())
            .output()
            .expect("the binary runs")
    };
    for arguments in
        [&["messages", "--profile", "test", "--config", &file][..], &["messages", "--profile", "test"]]
    {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    }
    let output = run(&["messages", "--profile", "other"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("there is no profile \"other\""), "{}", stderr(&output));
    // The password of a profile is not tried for another account.
    let output = run(&["messages", "--profile", "test", "--username", "portal"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("KOPPELTAAL_PASSWORD"), "{}", stderr(&output));
    let output = run(&["messages", "--server", "https://koppeltaal.example"]);
    assert!(stderr(&output).contains("no account"), "{}", stderr(&output));
    let output = run(&["messages"]);
    assert!(stderr(&output).contains("no server"), "{}", stderr(&output));
}

#[test]
fn a_profile_is_read_as_python_reads_it_and_no_other_password_is_sent() {
    let world = World::start();
    let file = world.file("profiles.cfg");
    let run = |password: &str| {
        let common = format!("[DEFAULT]\nURL = {}\nsecret = {PASSWORD}\n", world.url());
        let text = format!("\u{FEFF}{common}[test]\nUserName: game\nPassword = {password}\n");
        fs::write(&file, text).expect("a file");
        let arguments = ["messages", "--profile", "test", "--config", &file];
        command(&arguments).stdin(Stdio::null()).output().expect("the binary runs")
    };
    for password in [PASSWORD, "%(secret)s", "%(SECRET)s"] {
        let output = run(password);
        assert_eq!(output.status.code(), Some(0), "{password}: {}", stderr(&output));
    }
    // The server would refuse these passwords (exit code 1), so exit code 2 shows that they were not sent.
    for password in ["%(domain)s", "100%", "Geheim1\n  Geheim2", "Geheim1\npassword = Geheim2"] {
        let output = run(password);
        assert_eq!(output.status.code(), Some(2), "{password}: {}", stderr(&output));
        assert!(!stderr(&output).contains("Geheim"), "{}", stderr(&output));
    }
}

#[test]
fn a_password_is_read_from_a_file() {
    let world = World::start();
    let file = world.file("password");
    for (text, code) in [
        (format!("{PASSWORD}\nnot this line\n"), 0),
        (format!("\u{FEFF}{PASSWORD}\r\n"), 0),
        ("\nnot this line\n".to_owned(), 2),
        (String::new(), 2),
    ] {
        fs::write(&file, &text).expect("a file");
        let mut command = world.command("game", &["messages", "--password-file", &file]);
        let output = command.env_remove("KOPPELTAAL_PASSWORD").output().expect("the binary runs");
        assert_eq!(output.status.code(), Some(code), "{text:?}: {}", stderr(&output));
    }
}

/// Opens an authorization URL like a browser, and returns the URL that the server redirects to.
fn browse(url: &str) -> String {
    let (host, target) = url.strip_prefix("http://").and_then(|url| url.split_once('/')).expect("a URL");
    let mut socket = TcpStream::connect(host).expect("a connection");
    write!(socket, "GET /{target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").expect("sent");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("an answer");
    let location = answer.lines().find_map(|line| line.strip_prefix("location: "));
    location.unwrap_or_else(|| panic!("no redirect: {answer}")).to_owned()
}

#[test]
fn a_user_is_launched_gets_tokens_and_uses_them() {
    let world = World::start();
    let launch = ["launch", "game", "--patient", PATIENT, "--resource", "activity-1"];
    let page = world.json("portal", &launch)[0]["url"].as_str().expect("a URL").to_owned();
    assert_eq!(world.done("portal", &launch).lines().count(), 1);
    let authorize = ["authorize-url", "--client-id", "game", "--redirect-uri", LOGIN, "--launch", &page];
    let begun = &world.json("portal", &authorize)[0];
    let text = |name: &str| begun[name].as_str().expect(name).to_owned();
    let redirected = browse(&text("url"));

    let file = world.file("tokens.json");
    let token = ["token", "--client-id", "game", "--redirect-uri", LOGIN, "--save", &file];
    let run = |state: &str| {
        let mut command = world.command("portal", &[&token[..], &["--state", state]].concat());
        command
            .env("KOPPELTAAL_CODE", &redirected)
            .env("KOPPELTAAL_CODE_VERIFIER", text("code_verifier"))
            .env("KOPPELTAAL_CLIENT_SECRET", PASSWORD)
            .output()
            .expect("the binary runs")
    };
    // Random text may begin with a hyphen and is not an option then.
    for state in ["another", "-Th1s0ne"] {
        let output = run(state);
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(stderr(&output), "error: the state is not the one that was sent\n");
    }
    let output = run(&text("state"));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    #[cfg(unix)]
    {
        let mode =
            std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).expect("it is there").permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
    let read = || -> Value { serde_json::from_slice(&fs::read(&file).expect("it is there")).expect("JSON") };
    let first = read();
    assert_eq!(first["patient"], PATIENT);

    world.done("portal", &["send", PLAN]);
    let with_tokens = |arguments: &[&str]| {
        let mut command = world.command("portal", &[arguments, &["--tokens", &file]].concat());
        command.env_remove("KOPPELTAAL_USERNAME").env_remove("KOPPELTAAL_PASSWORD");
        command.env("KOPPELTAAL_CLIENT_SECRET", PASSWORD).output().expect("the binary runs")
    };
    let output = with_tokens(&["messages"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));

    let mut refresh = world.command("portal", &["refresh", &file]);
    let output = refresh.env("KOPPELTAAL_CLIENT_SECRET", PASSWORD).output().expect("the binary runs");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let second = read();
    assert_ne!(first["access_token"], second["access_token"]);
    assert_eq!(second["patient"], PATIENT);

    #[cfg(target_os = "linux")]
    tokens_survive_a_full_disk(&world, &file);

    // A token that is known to have expired is refreshed by the command that uses it, also in the file.
    world.sandbox().advance_clock(std::time::Duration::from_secs(2 * 60 * 60));
    let output = with_tokens(&["messages"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_ne!(second["access_token"], read()["access_token"]);
}

/// On a full disk no refresh token is used up, and the file stays as it was.
#[cfg(target_os = "linux")]
fn tokens_survive_a_full_disk(world: &World, file: &str) {
    let folder = std::path::PathBuf::from(world.file("disk"));
    fs::create_dir(&folder).expect("a folder");
    let Some(_disk) = crate::disk::Disk::mount(&folder) else {
        eprintln!("this process cannot mount a small disk");
        return;
    };
    let copy = folder.join("tokens.json");
    fs::copy(file, &copy).expect("a copy");
    crate::disk::take_all_room(&folder.join("filler"));
    let mut refresh = world.command("portal", &["refresh", &copy.display().to_string()]);
    let output = refresh.env("KOPPELTAAL_CLIENT_SECRET", PASSWORD).output().expect("the binary runs");
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("make room, and run the command again"), "{}", stderr(&output));
    assert_eq!(fs::read(&copy).expect("it is there"), fs::read(file).expect("it is there"));
    assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 2, "nothing is left beside it");

    fs::remove_file(folder.join("filler")).expect("removed");
    let output = refresh.output().expect("the binary runs");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    fs::copy(&copy, file).expect("the new tokens");
}

#[test]
fn an_activation_code_is_traded_for_an_authorization_code() {
    let world = World::start();
    let launch = ["mobile-launch", "game", "--patient", PATIENT, "--resource", "activity-1"];
    let launched = &world.json("portal", &launch)[0];
    let authorize = ["authorize-url", "--mobile", "--client-id", "game", "--redirect-uri", LOGIN];
    let mut command = world.command("portal", &authorize);
    let code = launched["activation_code"].as_str().expect("a code");
    let output = command.env("KOPPELTAAL_ACTIVATION_CODE", code).output().expect("the binary runs");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).starts_with("authorization_code: "), "{}", stdout(&output));
}

#[test]
fn a_refusal_of_oauth_is_shown_with_what_it_means_and_in_the_words_of_the_server() {
    let world = World::start();
    let authorize = ["authorize-url", "--mobile", "--client-id", "game", "--redirect-uri", LOGIN];
    let mut command = world.command("portal", &authorize);
    let output = command.env("KOPPELTAAL_ACTIVATION_CODE", "wrong").output().expect("the binary runs");
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("invalid_scope, the launch or activation code"), "{}", stderr(&output));
    let told = stderr(&output);
    assert_eq!(told.matches("the server says: the ").count(), 1, "{told}");
}

#[test]
fn things_are_stored_listed_read_and_deleted() {
    let world = World::start();
    let file = world.file("state.bin");
    fs::write(&file, b"level\0two").expect("a file");
    let put = ["storage", "put", &file, "--patient", PATIENT, "--type", "state", "--key", "level"];
    let stored = &world.json("game", &put)[0];
    fs::write(&file, b"level\0three").expect("a file");
    let again = &world.json("game", &put)[0];
    assert_eq!(stored["id"], again["id"], "the same key is the same item");
    let id = stored["id"].as_str().expect("an id");
    let listed = world.json("game", &["storage", "list", "--patient", PATIENT, "--starts-with", "lev"]);
    assert_eq!((listed.len(), &listed[0]["key"]), (1, &"level".into()));
    assert!(world.json("game", &["storage", "list", "--before", "2000-01-01T00:00:00Z"]).is_empty());
    assert_eq!(world.done("game", &["storage", "get", id, "--patient", PATIENT]), "level\0three");
    world.done("game", &["storage", "delete", id]);
    let output = world.run("game", &["storage", "get", id]);
    assert_eq!(output.status.code(), Some(1));
}
