//! A sandbox with a data file is killed at random moments, again and again, while applications post, claim,
//! acknowledge and store. After each restart, everything that was answered is there, and no record was set
//! aside. Requests that got no answer are repeated, and in the end everything is there once.
//!
//! A second round has a data file so small that processed messages are forgotten all the time. There,
//! everything is kept that was not processed.
//!
//! The first round has a few kills; `KOPPELTAAL_KILLS` sets how many. This file has a `main` of its own,
//! since it starts itself as the sandbox.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use common::files::Directory;
use common::{Answer, Client, Format, http, plan, with_status, world};
use koppeltaal_fhir::Bundle;
use koppeltaal_fhir::resources::{MessageHeader, Other};
use koppeltaal_messaging::profiles::StorageItem;
use koppeltaal_messaging::{ProcessingStatus as Status, Reference};
use koppeltaal_sandbox::{Application, Limits};
use reqwest::Method;

const KILLS: &str = "KOPPELTAAL_KILLS";
/// Applications that post at the same time, each one message after the other.
const POSTERS: usize = 4;
/// The second round: the number of kills, and the limit of the data file in bytes, which some twenty messages
/// fill.
const SMALL_KILLS: u32 = 4;
const SMALL: u64 = 400_000;
/// The base URL of the sandbox for applications, whatever its port.
const PUBLIC: &str = "http://koppeltaal.example";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    match words.as_slice() {
        ["sandbox", file, bytes] => {
            runtime.block_on(serve(Path::new(file), bytes.parse().expect("a number")));
        }
        // Cargo asks for a list of tests, or for tests that are not this one.
        words if words.contains(&"--list") => {}
        words if words.iter().any(|word| !word.starts_with('-') && !"kill".contains(word)) => {}
        _ => {
            let kills = std::env::var(KILLS).ok().and_then(|kills| kills.parse().ok()).unwrap_or(8);
            runtime.block_on(kill(kills, Limits::default().data_bytes));
            runtime.block_on(kill(SMALL_KILLS, SMALL));
        }
    }
}

/// The sandbox that is killed. It says where it is, and what it could not use of its data file.
async fn serve(file: &Path, data_bytes: u64) {
    let mut limits = Limits::default();
    limits.data_bytes = data_bytes;
    let game = Application::new("game").redirect_uri("https://game.example/").secret("g");
    let config = world().data(file).application(game).public_url(PUBLIC).limits(limits);
    let sandbox = config.start().await.expect("the file opens");
    println!("{} {}", sandbox.address(), sandbox.number_set_aside());
    std::future::pending::<()>().await;
}

/// A running sandbox.
struct Victim {
    process: Mutex<Child>,
    address: String,
}

impl Victim {
    fn start(file: &Path, data_bytes: u64) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        let mut process = command
            .arg("sandbox")
            .arg(file)
            .arg(data_bytes.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let mut line = String::new();
        let output = process.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut line).expect("a line");
        let (address, set_aside) = line.trim().split_once(' ').unwrap_or_else(|| panic!("it did not start"));
        assert_eq!(set_aside, "0", "a kill left something that cannot be used");
        Self { address: address.to_owned(), process: Mutex::new(process) }
    }

    fn client(&self, username: &'static str, password: &'static str, format: Format) -> Client {
        Client::at(&self.address, username, password, format)
    }

    fn portal(&self, poster: usize) -> Client {
        let format = if poster.is_multiple_of(2) { Format::Json } else { Format::Xml };
        self.client("portal", "wacht:wöord", format)
    }

    fn game(&self) -> Client {
        self.client("game", "g", Format::Json)
    }
}

impl Victim {
    /// On Unix a SIGKILL: the process does nothing more, not even for its file.
    fn kill(&self) {
        let mut process = self.process.lock().expect("no panic");
        process.kill().expect("killed");
        process.wait().expect("gone");
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What was answered.
#[derive(Default)]
struct Answers {
    /// The answers to posts, by the identifier of the message.
    receipts: BTreeMap<String, (String, String)>,
    /// Identifiers of messages whose success was acknowledged and answered.
    handled: BTreeSet<String>,
    /// Identifiers of messages whose success was reported, answered or not. A small file may forget them.
    reported: BTreeSet<String>,
    /// Keys of stored items.
    items: BTreeSet<String>,
    /// Activation codes that nobody used.
    codes: Vec<String>,
}

async fn kill(kills: u32, data_bytes: u64) {
    let begin = Instant::now();
    let is_small = data_bytes == SMALL;
    let directory = Directory::new(&format!("kills-{data_bytes}"));
    let file = directory.file();
    let answered = Mutex::new(Answers::default());
    let mut next = [0_usize; POSTERS];
    let mut starting = Duration::ZERO;
    for round in 0..kills {
        let started = Instant::now();
        let victim = Victim::start(&file, data_bytes);
        starting = starting.max(started.elapsed());
        check(&victim, &answered, is_small).await;
        let time = Duration::from_millis(5 + RandomState::new().hash_one(round) % 150);
        let posters = next
            .iter_mut()
            .enumerate()
            .map(|(poster, next)| post(&victim, poster, next, &answered, is_small));
        let work = async {
            tokio::join!(
                futures_util::future::join_all(posters),
                handle(&victim, &answered),
                // No items or launches in a small file: nothing would make room for them.
                async {
                    if !is_small {
                        tokio::join!(store(&victim, round, &answered), launch(&victim, &answered));
                    }
                }
            )
        };
        // All of them go on until the sandbox is killed, in the middle of their work.
        let killing = async {
            tokio::time::sleep(time).await;
            victim.kill();
        };
        tokio::join!(work, killing);
    }

    // Messages that got no answer are sent again; then everything is there, once.
    let victim = Victim::start(&file, data_bytes);
    check(&victim, &answered, is_small).await;
    while is_small && handle_one(&victim.game(), &answered).await == Some(true) {}
    // A small file has no room for all of these together.
    let times = if is_small { 8 } else { 1 };
    for _ in 0..times {
        for (poster, next) in next.iter_mut().enumerate() {
            let message = message(poster, *next, is_small);
            let answer = send(&victim.portal(poster), message).await.expect("an answer");
            if let Some(receipt) = accepted(&answer, &identifier(poster, *next), &answered, is_small) {
                answered.lock().expect("no panic").receipts.insert(identifier(poster, *next), receipt);
            }
            *next += 1;
        }
        while handle_one(&victim.game(), &answered).await == Some(true) {}
    }
    let answered = answered.into_inner().expect("no panic");
    let queue = queue(&victim.game()).await;
    let identifiers: Vec<&String> = queue.iter().map(|(identifier, _)| identifier).collect();
    let distinct: BTreeSet<&String> = identifiers.iter().copied().collect();
    assert_eq!(identifiers.len(), distinct.len(), "a message is there twice");
    if is_small {
        assert!(distinct.len() < answered.receipts.len(), "something was forgotten");
        assert!(distinct.iter().all(|identifier| answered.receipts.contains_key(*identifier)));
    } else {
        assert_eq!(distinct, answered.receipts.keys().collect(), "exactly what was posted is there");
    }
    assert!(answered.receipts.len() > POSTERS, "something was posted");
    println!(
        "{kills} kills in {:.0?}: {} messages posted and {} handled, {} items stored, {} launches; nothing lost, nothing twice; \
         the slowest start took {starting:.0?}",
        begin.elapsed(),
        answered.receipts.len(),
        answered.handled.len(),
        answered.items.len(),
        answered.codes.len(),
    );
}

fn identifier(poster: usize, number: usize) -> String {
    format!("m-{poster}-{number}")
}

/// Long ones fill a small file.
fn message(poster: usize, number: usize, is_long: bool) -> Bundle {
    let mut message = plan(&identifier(poster, number), &format!("{poster}-{number}"));
    if is_long {
        message.entry[1].title = "x".repeat(20_000).into();
    }
    message
}

/// The receipt in an answer to a post; `None` when a small file has no room now. A message may have been
/// accepted without its answer arriving, and processed and forgotten since. Posting it again is then a
/// conflict, because its care plan is known.
fn accepted(
    answer: &Answer,
    identifier: &str,
    answered: &Mutex<Answers>,
    is_small: bool,
) -> Option<(String, String)> {
    match answer.status {
        503 if is_small => None,
        409 if is_small && answered.lock().expect("no panic").reported.contains(identifier) => {
            Some((String::new(), String::new()))
        }
        _ => Some(receipt(&answer.bundle())),
    }
}

/// The address and the version of an answer, and the version that it gives to the focal resource.
fn receipt(answer: &Bundle) -> (String, String) {
    let header = answer.entry[0].content.as_ref().and_then(|content| content.get::<MessageHeader>());
    let version = header.and_then(|header| header.data[0].reference.as_str()).expect("a version");
    (answer.entry[0].link("self").expect("a link").to_owned(), version.to_owned())
}

/// The answer to a message, unless the sandbox is gone.
async fn send(client: &Client, message: Bundle) -> Option<Answer> {
    client.try_send(client.request_with(Method::POST, "Mailbox", message)).await
}

async fn get(client: &Client, path: &str) -> Option<Answer> {
    client.try_send(client.request(Method::GET, path)).await
}

/// Posts messages until the sandbox is gone. One that was not answered is the next one to be posted.
async fn post(victim: &Victim, poster: usize, next: &mut usize, answered: &Mutex<Answers>, is_small: bool) {
    let portal = victim.portal(poster);
    while let Some(answer) = send(&portal, message(poster, *next, is_small)).await {
        let Some(receipt) = accepted(&answer, &identifier(poster, *next), answered, is_small) else {
            tokio::time::sleep(Duration::from_millis(1)).await;
            continue;
        };
        answered.lock().expect("no panic").receipts.insert(identifier(poster, *next), receipt);
        *next += 1;
    }
}

/// Claims messages and reports success until the sandbox is gone.
async fn handle(victim: &Victim, answered: &Mutex<Answers>) {
    let game = victim.game();
    while let Some(found) = handle_one(&game, answered).await {
        if !found {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Whether there was a message to handle; `None` when the sandbox is gone.
async fn handle_one(game: &Client, answered: &Mutex<Answers>) -> Option<bool> {
    let claimed = get(game, "MessageHeader/_search?_query=MessageHeader.GetNextNewAndClaim").await?;
    if claimed.bundle().entry.is_empty() {
        return Some(false);
    }
    let (entry, header) = claimed.header_entry();
    let identifier = header.identifier.as_str().expect("an identifier").to_owned();
    assert!(
        !answered.lock().expect("no panic").handled.contains(&identifier),
        "{identifier} was handled before"
    );
    let url = entry.id.expect("an id").replace(&format!("{PUBLIC}/FHIR/Koppeltaal/"), "");
    answered.lock().expect("no panic").reported.insert(identifier.clone());
    let report = game.request_with(Method::PUT, &url, with_status(&header, Status::Success));
    game.try_send(report).await?.document();
    answered.lock().expect("no panic").handled.insert(identifier);
    Some(true)
}

async fn store(victim: &Victim, round: u32, answered: &Mutex<Answers>) {
    let game = victim.game();
    for number in 0.. {
        let key = format!("{round}-{number}");
        let item = StorageItem {
            content_type: Some("text/plain".into()),
            content: Some("QUJD".into()),
            patient_identifier: Some(Reference::from("https://epd.example/fhir/Patient/3007")),
            object_type: Some("level".into()),
            object_key: Some(key.clone()),
            ..StorageItem::default()
        };
        let Some(answer) = game.try_send(game.request_with(Method::POST, "Other", Other::from(item))).await
        else {
            return;
        };
        assert_eq!(answer.status, 201, "{}", answer.body);
        answered.lock().expect("no panic").items.insert(key);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn launch(victim: &Victim, answered: &Mutex<Answers>) {
    let url = format!("http://{}/OAuth2/Koppeltaal/MobileLaunch", victim.address);
    let query = [("client_id", "game"), ("patient", "https://epd.example/fhir/Patient/3007"), ("user", "u")];
    let http = http();
    loop {
        let launch = http.get(&url).query(&query).basic_auth("portal", Some("wacht:wöord"));
        let Ok(answer) = launch.send().await else { return };
        let Ok(answer) = answer.text().await else { return };
        let answer: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
        let code = answer["activation_code"].as_str().expect("a code").to_owned();
        answered.lock().expect("no panic").codes.push(code);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Checks that everything that was answered is there, except for messages that a small file may have
/// forgotten.
async fn check(victim: &Victim, answered: &Mutex<Answers>, is_small: bool) {
    let (mut receipts, mut handled, items, codes) = {
        let answered = answered.lock().expect("no panic");
        let receipts: Vec<_> = answered.receipts.clone().into_iter().collect();
        (receipts, answered.handled.clone(), answered.items.clone(), answered.codes.clone())
    };
    let queue: BTreeMap<String, Status> = queue(&victim.game()).await.into_iter().collect();
    if is_small {
        let reported = answered.lock().expect("no panic").reported.clone();
        receipts.retain(|(identifier, _)| queue.contains_key(identifier) || !reported.contains(identifier));
        handled.retain(|identifier| queue.contains_key(identifier));
    }
    for (identifier, _) in &receipts {
        assert!(queue.contains_key(identifier), "{identifier} was taken, and is gone");
    }
    for identifier in &handled {
        assert_eq!(queue[identifier], Status::Success, "{identifier}");
    }
    // The last post of each poster, repeated, gets its first answer. To repeat all posts would take long.
    let mut last: BTreeMap<usize, (usize, &(String, String))> = BTreeMap::new();
    for (identifier, receipt) in &receipts {
        let mut parts = identifier.split('-').skip(1).map(|part| part.parse().expect("a number"));
        let (poster, number) = (parts.next().expect("a poster"), parts.next().expect("a number"));
        let known = last.entry(poster).or_insert((number, receipt));
        if number >= known.0 {
            *known = (number, receipt);
        }
    }
    for (poster, (number, before)) in last {
        let again = send(&victim.portal(poster), message(poster, number, is_small)).await.expect("an answer");
        assert_eq!(receipt(&again.bundle()), *before, "the first answer again");
    }
    let mut found = BTreeSet::new();
    for page in 1.. {
        let list = get(&victim.game(), &format!("Other?code=StorageItem&_count=1000&page={page}")).await;
        let list = list.expect("an answer").bundle();
        let others = list.entry.iter().filter_map(|entry| entry.content.as_ref()?.get::<Other>().cloned());
        found.extend(others.filter_map(|other| StorageItem::from(other).object_key));
        if list.entry.len() < 1000 {
            break;
        }
    }
    assert!(items.is_subset(&found), "a stored item is gone");
    if let Some(code) = codes.last() {
        let scope = format!("launch:{code}");
        let query = [("response_type", "code"), ("client_id", "game"), ("scope", &scope)];
        let url = format!("http://{}/OAuth2/Koppeltaal/Authorize", victim.address);
        let answer = http().get(url).query(&query).send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "the launch is gone");
        answered.lock().expect("no panic").codes.pop();
    }
}

/// The whole queue, oldest first: identifiers and statuses.
async fn queue(client: &Client) -> Vec<(String, Status)> {
    let mut all = Vec::new();
    for page in 1.. {
        let list = get(client, &format!("MessageHeader/_search?_count=1000&page={page}")).await;
        let list = list.expect("an answer").bundle();
        let headers = list.entry.iter().filter_map(|entry| entry.content.as_ref()?.get::<MessageHeader>());
        all.extend(headers.map(|header| {
            (header.identifier.as_str().expect("an identifier").to_owned(), common::status_of(header))
        }));
        if list.entry.len() < 1000 {
            return all;
        }
    }
    all
}
