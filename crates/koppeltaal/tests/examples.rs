//! The examples, run as a user runs them: as programs of their own, against a sandbox, driven as a browser
//! does.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use koppeltaal::fhir::datatypes::HumanName;
use koppeltaal::messaging::{Event, Sender, Source, profiles::Patient};
use koppeltaal::transport::{Client, Credentials};
use koppeltaal::{Connector, MemoryVersionStore};
use koppeltaal_sandbox::{Application, Instance, Sandbox, SandboxConfig, Webhook};
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Method, StatusCode, Url};

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Long enough for whatever is to happen, even on a machine that is busy.
const LONG: Duration = Duration::from_secs(60);

fn example(name: &str) -> Command {
    let test = std::env::current_exe().expect("the test runs");
    let build = test.ancestors().nth(2).expect("tests are built in `deps`");
    let program = build.join("examples").join(name).with_extension(std::env::consts::EXE_EXTENSION);
    assert!(program.exists(), "{} is not built: cargo build --examples", program.display());
    Command::new(program)
}

/// A program that serves, until it is dropped.
struct Server {
    child: Child,
    lines: Receiver<String>,
    url: String,
}

impl Server {
    /// Starts it, and waits for the line that says where it is.
    fn start(mut command: Command) -> Result<Self> {
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let output = BufReader::new(child.stdout.take().ok_or("no output")?);
        let (sender, lines) = mpsc::channel();
        // Ends with the program, or with the test.
        std::thread::spawn(move || output.lines().map_while(|line| sender.send(line.ok()?).ok()).count());
        let mut server = Self { child, lines, url: String::new() };
        let line = server.line()?;
        server.url = line.split_once(" is at ").ok_or(line.as_str())?.1.trim_end_matches('/').to_owned();
        Ok(server)
    }

    /// Asks it to stop, as a service manager does.
    #[cfg(unix)]
    fn terminate(&self) -> Result {
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        if status.success() { Ok(()) } else { Err("the program is gone already".into()) }
    }

    /// The next line that it prints.
    fn line(&self) -> Result<String> {
        Ok(self.lines.recv_timeout(LONG)?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that no system hands out by itself, so that it is still free when the program starts that is told
/// of it.
fn free_port() -> u16 {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + (std::process::id() % 5_000) as u16;
    let next = || first + TAKEN.fetch_add(1, Ordering::Relaxed);
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    std::iter::repeat_with(next).take(5_000).find(is_free).expect("one of 5,000 ports is free")
}

/// A browser: follows links, and keeps the cookies of each host.
struct Browser {
    client: reqwest::Client,
    cookies: HashMap<String, String>,
}

impl Browser {
    fn new() -> Result<Self> {
        // A feature of reqwest that the transport crate chooses wants this, even without TLS.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { client, cookies: HashMap::new() })
    }

    async fn get(&mut self, url: &str) -> Result<(Url, String)> {
        self.visit(Method::GET, url.parse()?, &[]).await
    }

    /// Sends a form, and gives where that led to and the page there.
    async fn visit(&mut self, method: Method, url: Url, form: &[(&str, &str)]) -> Result<(Url, String)> {
        let (mut method, mut url) = (method, url);
        for _ in 0..10 {
            let host = url.authority().to_owned();
            let mut request = self.client.request(method.clone(), url.clone());
            if let Some(cookie) = self.cookies.get(&host) {
                request = request.header(COOKIE, cookie);
            }
            if method == Method::POST {
                request = request.form(form);
            }
            let response = request.send().await?;
            if let Some(cookie) = response.headers().get(SET_COOKIE) {
                let pair = cookie.to_str()?.split(';').next().unwrap_or_default().to_owned();
                self.cookies.insert(host, pair);
            }
            if !response.status().is_redirection() {
                let status = response.status();
                let page = response.text().await?;
                return if status == StatusCode::OK { Ok((url, page)) } else { Err(page.into()) };
            }
            let location = response.headers().get(LOCATION).ok_or("a redirect to nowhere")?.to_str()?;
            (method, url) = (Method::GET, url.join(location)?);
        }
        Err("redirects without end".into())
    }

    /// Looks at a page again and again until it holds a text.
    async fn wait_for(&mut self, url: &str, text: &str) -> Result {
        let end = Instant::now() + LONG;
        while Instant::now() < end {
            if self.get(url).await?.1.contains(text) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(format!("{url} never held {text:?}").into())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_plays_the_game_that_the_portal_gave_and_the_portal_sees_how_far() -> Result {
    let directory = tempfile::tempdir()?;
    let address = format!("127.0.0.1:{}", free_port());
    let game = Application::new("game")
        .launch_url(format!("http://{address}/"))
        .redirect_uri(format!("http://{address}/login"))
        .secret("game");
    let sandbox = SandboxConfig::new().portal_and_game().application(game).start().await?;
    let server = |name: &str| {
        let mut command = example(name);
        command.env("KOPPELTAAL_SERVER", sandbox.url()).current_dir(directory.path());
        command
    };
    let mut intervention = server("intervention");
    intervention.env("INTERVENTION_LISTEN", &address).env("INTERVENTION_URL", format!("http://{address}"));
    let intervention = Server::start(intervention)?;
    let mut portal = server("portal");
    portal.env("PORTAL_LISTEN", "127.0.0.1:0");
    let portal = Server::start(portal)?;

    let mut client = Browser::new()?;
    let assign = format!("{}/assignments", portal.url).parse()?;
    let (_, page) = client.visit(Method::POST, assign, &[("client", "Mees <Duinroos>")]).await?;
    assert!(page.contains("Mees &lt;Duinroos&gt;") && page.contains("Available"), "{page}");

    let (game, page) = client.get(&format!("{}/launch?index=0&by=client", portal.url)).await?;
    assert!(game.as_str().starts_with(&intervention.url), "{game}");
    assert!(page.contains("Keep the light burning"), "{page}");
    let reports: Url = format!("{}/reports", intervention.url).parse()?;
    for (percentage, status) in [("50", "InProgress"), ("100", "Completed")] {
        client.visit(Method::POST, reports.clone(), &[("percentage", percentage)]).await?;
        client.wait_for(&portal.url, &format!("{status}</output>, {percentage} %")).await?;
    }

    client.wait_for(&portal.url, "Result: The ship is home").await?;

    let mut caregiver = Browser::new()?;
    let (_, page) = caregiver.get(&format!("{}/launch?index=0&by=caregiver", portal.url)).await?;
    assert!(page.contains("look on as a caregiver"), "{page}");

    // A browser that nobody launched has no game.
    let error = Browser::new()?.get(&format!("{}/game", intervention.url)).await.expect_err("not launched");
    assert!(error.to_string().contains("not launched"), "{error}");
    Ok(())
}

#[test]
fn the_programs_that_bring_their_own_server_end_well() -> Result {
    for (name, last) in [("first", "Mees Duinroos"), ("care_plan", "Completed")] {
        let mut child = example(name).stdout(Stdio::piped()).spawn()?;
        let end = Instant::now() + LONG;
        let status = loop {
            match child.try_wait()? {
                Some(status) => break status,
                None if Instant::now() > end => {
                    child.kill()?;
                    return Err(format!("{name} does not end").into());
                }
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        };
        let mut said = String::new();
        child.stdout.take().ok_or("no output")?.read_to_string(&mut said)?;
        assert!(status.success() && said.contains(last), "{name}: {status} {said}");
    }
    Ok(())
}

fn sandbox_with_receiver(webhook: Option<Webhook>) -> SandboxConfig {
    let receiver = Instance::new("receiver", "secret", "Sandbox").subscribe([Event::CreateOrUpdatePatient]);
    let receiver = match webhook {
        Some(webhook) => receiver.webhook(webhook),
        None => receiver,
    };
    SandboxConfig::new().portal_and_game().instance(receiver)
}

fn connector(sandbox: &Sandbox, user: &str, password: &str) -> Result<Connector> {
    let client = Client::builder(sandbox.url()).credentials(Credentials::basic(user, password)?).build()?;
    let source = Source::new(user, format!("https://{user}.example/fhir"));
    Ok(Connector::new(client, Sender::new(source, "Sandbox"), MemoryVersionStore::new()))
}

/// Runs the EPD on these lines; gives whether it ended well, and what it said.
fn feed(sandbox: &Sandbox, file: &Path, lines: &str) -> Result<(bool, String)> {
    let mut command = example("epd_feed");
    command.arg(file).env("KOPPELTAAL_SERVER", sandbox.url());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    child.stdin.take().ok_or("no input")?.write_all(lines.as_bytes())?;
    let output = child.wait_with_output()?;
    let said = [output.stdout, output.stderr].concat();
    Ok((output.status.success(), String::from_utf8(said)?))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_epd_delivers_what_it_saved_and_changes_it_later() -> Result {
    let sandbox = sandbox_with_receiver(None).start().await?;
    let receiver = connector(&sandbox, "receiver", "secret")?;
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("epd.db");
    for given in ["Mees", "Mees Maria"] {
        let (ended_well, said) = feed(&sandbox, &file, &format!("3007;{given};Duinroos\n"))?;
        assert!(ended_well, "{said}");
        let delivery = receiver.receive().await?.ok_or("no message")?;
        let patient = delivery.get::<Patient>().ok_or("no patient")?;
        let names = patient.name[0].given.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        assert_eq!(names, given);
        delivery.success().await?;
    }
    let (ended_well, said) = feed(&sandbox, &file, "3008;Teun\n")?;
    assert!(!ended_well && said.contains("line 1: expected"), "{said}");
    Ok(())
}

#[cfg(feature = "postgresql")]
#[test]
fn without_a_database_the_epd_in_postgresql_says_how_to_get_one() -> Result {
    for address in [None, Some("host=127.0.0.1 port=1 user=nobody")] {
        let mut command = example("postgresql");
        command.env_remove("EPD_DATABASE").envs(address.map(|address| ("EPD_DATABASE", address)));
        let output = command.output()?;
        let said = String::from_utf8(output.stderr)?;
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("docker run") && said.contains("EPD_DATABASE"), "{said}");
    }
    Ok(())
}

#[cfg(all(unix, feature = "postgresql"))]
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a PostgreSQL server: cargo xtask interop postgresql"]
async fn the_epd_in_postgresql_delivers_what_it_saves_until_it_is_stopped() -> Result {
    let sandbox = sandbox_with_receiver(None).start().await?;
    let receiver = connector(&sandbox, "receiver", "secret")?;
    for given in ["Mees", "Mees Maria"] {
        let mut command = example("postgresql");
        command.env("EPD_DATABASE", std::env::var("KOPPELTAAL_TEST_POSTGRESQL")?);
        command.env("KOPPELTAAL_SERVER", sandbox.url());
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let input = child.stdin.as_mut().ok_or("no input")?;
        input.write_all(format!("no patient\n3007;{given};Duinroos\n").as_bytes())?;
        let message = tokio::time::timeout(LONG, receiver.deliveries().next()).await??;
        let patient = message.get::<Patient>().ok_or("no patient")?;
        let names = patient.name[0].given.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        assert_eq!(names, given);
        message.success().await?;
        let terminated = Command::new("kill").args(["-TERM", &child.id().to_string()]).status()?;
        assert!(terminated.success());
        let output = child.wait_with_output()?;
        let said = String::from_utf8([output.stdout, output.stderr].concat())?;
        assert!(output.status.success() && said.contains("stopped: ") && said.contains("sent: 1"), "{said}");
        assert!(said.contains("a patient is not saved: expected `id;"), "{said}");
    }
    Ok(())
}

#[test]
fn the_archive_is_converted_and_back_and_what_cannot_be_read_is_named() -> Result {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/messages");
    let directory = tempfile::tempdir()?;
    let (once, twice) = (directory.path().join("once"), directory.path().join("twice"));
    let convert = |from: &Path, to: &Path| example("archive_converter").args([from, to]).output();
    let files = |folder: &Path| -> Result<Vec<PathBuf>> {
        let mut files =
            std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
        files.retain(|file| file.extension().is_some_and(|kind| kind == "xml" || kind == "json"));
        Ok(files)
    };
    let output = convert(&fixtures, &once)?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8(output.stdout)?;
    assert_eq!(told.lines().count(), files(&fixtures)?.len() + 1, "{told}");
    assert_eq!(files(&once)?.len(), files(&fixtures)?.len());
    assert!(convert(&once, &twice)?.status.success());
    assert_eq!(files(&twice)?.len(), files(&fixtures)?.len());

    std::fs::write(once.join("broken.xml"), "<feed>")?;
    let output = convert(&once, &twice)?;
    assert!(!output.status.success());
    let told = String::from_utf8(output.stderr)?;
    assert!(told.contains("broken.xml: ") && told.contains("1 of "), "{told}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_webhook_receiver_receives_what_the_server_calls_it_for() -> Result {
    let address = format!("127.0.0.1:{}", free_port());
    let webhook = Webhook::new(format!("http://{address}/koppeltaal"));
    let webhook = webhook.header("X-Koppeltaal-Secret", "hush");
    let sandbox = sandbox_with_receiver(Some(webhook)).start().await?;
    let mut command = example("webhook_receiver");
    command
        .env("KOPPELTAAL_SERVER", sandbox.url())
        .env("KOPPELTAAL_USERNAME", "receiver")
        .env("KOPPELTAAL_PASSWORD", "secret")
        .env("KOPPELTAAL_WEBHOOK_SECRET", "hush")
        .env("WEBHOOK_LISTEN", &address);
    let receiver = Server::start(command)?;

    let portal = connector(&sandbox, "portal", "portal")?;
    let patient = Patient { name: vec![HumanName::new("Mees", "Duinroos")], ..Patient::default() };
    let sent = portal.send(portal.draft("3007", patient)?).await?;
    assert_eq!(receiver.line()?, format!("CreateOrUpdatePatient: Some({:?})", sent.identifier));

    #[cfg(unix)]
    {
        let mut receiver = receiver;
        receiver.terminate()?;
        let report = receiver.line()?;
        assert!(report.starts_with("stopped: ") && report.contains("succeeded: 1"), "{report}");
        let status = receiver.child.wait()?;
        assert!(status.success(), "{status}");
    }
    Ok(())
}
