//! Tests the sandbox's page in headless Chromium: live updates, keyboard and mouse, ten thousand messages,
//! desktop and phone. `ChromeDriver` drives the browser.

mod accessibility;
mod many_messages;
mod rare_cases;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use koppeltaal_fhir::ReadOptions;
use koppeltaal_fhir::resources::MessageHeader;
use koppeltaal_sandbox::{Sandbox, SandboxConfig};
use serde_json::json;

use crate::programs::{Beside, require, temporary_directory};
use crate::webdriver::{Browser, key};

/// Runs the tests. Saves screenshots in the directory, if one is given.
pub(crate) fn run(screenshots: Option<&Path>) -> Result<usize> {
    require("chromium", "chromium")?;
    require("chromedriver", "chromium-driver")?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(check(screenshots))?;
    println!("the page works in a browser");
    Ok(0)
}

async fn check(screenshots: Option<&Path>) -> Result<()> {
    let sandbox = SandboxConfig::new().portal_and_game().start().await?;
    let profile = temporary_directory()?;
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let driver = Beside::start(Command::new("chromedriver").arg(format!("--port={port}")))?;
    let arguments = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
    ];
    let mut arguments: Vec<_> = arguments.map(str::to_owned).into();
    arguments.push(format!("--user-data-dir={}", profile.path().display()));
    let capabilities = json!({
        "browserName": "chrome",
        "goog:chromeOptions": { "args": arguments },
        "goog:loggingPrefs": { "browser": "ALL" },
    });
    let browser =
        Browser::open(&format!("http://127.0.0.1:{port}"), capabilities).await.context("no browser")?;
    let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).build()?;
    let template = template()?;
    let visit = Visit { browser, sandbox, screenshots: screenshots.map(Path::to_owned), http, template };
    let outcome = visit.all().await;
    if outcome.is_err() {
        // A picture may show why. If it fails too, the first error counts.
        let _ = visit.picture("failed").await;
    }
    let Visit { browser, sandbox, .. } = visit;
    if outcome.is_ok() {
        sandbox.stop().await;
        browser.wait("#live", "a server that is gone", |text| text.contains("does not answer")).await?;
    }
    browser.close().await?;
    drop(driver);
    outcome
}

/// The card of the game.
const GAME: &str = "[data-key='Sandbox/game'].card";

struct Visit {
    browser: Browser,
    sandbox: Sandbox,
    screenshots: Option<PathBuf>,
    http: reqwest::Client,
    /// A message with [`IDENTIFIER`] and [`PLAN`] in it.
    template: String,
}

const IDENTIFIER: &str = "the-identifier";
const PLAN: &str = "CarePlan/910";

/// A care plan of the portal.
fn template() -> Result<String> {
    let text = include_str!("../../../fixtures/messages/CreateOrUpdateCarePlan-minimal.json");
    let text = text.replace("Domain#Zonnedauw", "Domain#Sandbox");
    let read = ReadOptions::tolerant().json(text.as_bytes())?;
    let mut bundle = read.document.into_bundle().ok().context("a bundle")?;
    let header = bundle.entry[0].content.as_mut().and_then(|content| content.get_mut::<MessageHeader>());
    header.context("a header first")?.identifier = IDENTIFIER.into();
    Ok(koppeltaal_fhir::Document::from(bundle).to_json()?)
}

impl Visit {
    async fn all(&self) -> Result<()> {
        let page = &self.browser;
        page.resize(1280, 860).await?;
        self.open("").await?;
        page.wait("#no-rows", "no messages yet", |text| text.contains("No message has been posted")).await?;
        self.live().await?;
        self.by_keyboard().await?;
        self.by_mouse().await?;
        self.launch().await?;
        self.refusals().await?;
        let key = page.eval("new URLSearchParams(location.search).get('message')").await?;
        let message = format!("?message={}", key.as_str().unwrap_or("1"));
        let addresses = [
            ("list", String::new()),
            ("filtered", "?status=Failed&text=game&username=game&domain=Sandbox".to_owned()),
            ("message", message.clone()),
            ("json", format!("{message}&show=json")),
            ("xml", format!("{message}&show=xml")),
            ("instances", "?view=instances".to_owned()),
            ("launch", "?view=launch".to_owned()),
            ("refusals", "?view=refusals".to_owned()),
        ];
        self.check_appearance(&addresses).await?;
        self.check_tab_key(&addresses).await?;
        self.check_rare_cases().await?;
        self.fill().await?;
        self.check_many_messages().await?;
        self.by_keyboard_alone().await?;
        self.on_a_phone().await?;
        let complaints = page.complaints().await?;
        ensure!(complaints.is_empty(), "the browser complains: {complaints:?}");
        Ok(())
    }

    /// Opens the page with this query, and waits until it is connected.
    async fn open(&self, address: &str) -> Result<()> {
        let page = &self.browser;
        page.go(&format!("{}/{address}", self.sandbox.url())).await?;
        page.wait("#live", "the page connects", |text| text.contains("Live")).await
    }

    /// Messages and listeners come into view without a reload.
    async fn live(&self) -> Result<()> {
        let page = &self.browser;
        self.post("browser-1", "1").await?;
        let is_there = |text: &str| text.contains("browser-1") && text.contains("New");
        page.wait("#rows", "a message", is_there).await?;
        page.click("#views [data-view=instances]").await?;
        self.wait_for_focus("#instances-title").await?;
        page.wait(GAME, "its number", |text| text.contains("1 New")).await?;
        let listener = self.listen().await?;
        page.wait(GAME, "a listener", |text| text.contains("On the hub\n1")).await?;
        drop(listener);
        page.wait(GAME, "no listener", |text| text.contains("On the hub\n0")).await
    }

    /// Opens a queue, claims, reads and acknowledges with nothing but the keyboard.
    async fn by_keyboard(&self) -> Result<()> {
        let page = &self.browser;
        page.tab_to("a[data-key='Sandbox/game']").await?;
        page.press(key::ENTER).await?;
        page.wait("#rows", "the queue", |text| text.contains("CreateOrUpdateCarePlan")).await?;
        page.tab_to("#claim").await?;
        page.press(key::ENTER).await?;
        page.wait("#receivers", "the claim", |text| text.contains("Claimed")).await?;
        page.wait("#message-about", "the message", |text| text.contains("browser-1")).await?;
        self.wait_for_focus("#message-title").await?;
        page.wait("#steps", "what happened", |text| {
            text.contains("portal posted it") && text.contains("game claimed it")
        })
        .await?;
        page.wait("#resources", "its fields", |text| text.contains("CarePlan") && text.contains("status"))
            .await?;
        for form in ["json", "xml"] {
            page.tab_to(&format!("#forms [data-form={form}]")).await?;
            page.press(key::ENTER).await?;
            let start = if form == "json" { "{" } else { "<" };
            let is_there = |text: &str| text.starts_with(start) && text.contains("MessageHeader");
            page.wait("#raw", "the text", is_there).await?;
        }
        page.eval("document.getElementById('message-title').focus()").await?;
        page.tab_to("#receivers input").await?;
        page.press("no use").await?;
        page.eval("document.getElementById('message-title').focus()").await?;
        page.tab_to("#receivers button[data-key$=Failed]").await?;
        page.press(key::ENTER).await?;
        let is_failed = |text: &str| text.contains("Failed") && text.contains("no use");
        page.wait("#receivers", "the answer", is_failed).await?;
        self.wait_for_focus("#receivers-title").await?;
        page.wait("#steps", "the answer in the time line", is_failed).await?;
        page.wait("#rows", "the answer in the list", |text| text.contains("Failed")).await
    }

    async fn by_mouse(&self) -> Result<()> {
        let page = &self.browser;
        page.click("#claim").await?;
        page.wait("#error", "an error", |text| text.contains("no new message")).await?;
        self.post("browser-2", "2").await?;
        page.wait("#rows", "the second message", |text| text.contains("browser-2")).await?;
        page.click("#claim").await?;
        page.wait("#message-about", "the second message", |text| text.contains("browser-2")).await?;
        page.wait("#error", "no error any more", str::is_empty).await?;
        page.click("#receivers button[data-key$=New]").await?;
        page.wait("#steps", "it is given back", |text| text.contains("game gave it back")).await?;
        page.click("#receivers button[data-key$=Claimed]").await?;
        page.wait("#receivers", "it is claimed again", |text| text.contains("Claimed")).await?;
        page.click("#receivers button[data-key$=Success]").await?;
        page.wait("#receivers", "it is answered", |text| text.contains("Success")).await?;
        page.click("#rows li:last-child a").await?;
        page.wait("#message-about", "the first message again", |text| text.contains("browser-1")).await?;
        page.click("#forms [data-form=fields]").await?;
        page.click("#resource-0 dd a").await?;
        self.focused(".resource").await
    }

    async fn launch(&self) -> Result<()> {
        let page = &self.browser;
        let address = page.eval("location.search").await?;
        page.click("#views [data-view=launch]").await?;
        page.click("#launch button[type=submit]").await?;
        page.wait("#launched", "a launch", |text| text.contains("http://127.0.0.1:8481/?iss=")).await?;
        self.focused("#launched a").await?;
        page.back().await?;
        ensure!(page.eval("location.search").await? == address, "the back button goes elsewhere");
        Ok(())
    }

    /// A refused request is shown with what was wrong.
    async fn refusals(&self) -> Result<()> {
        let page = &self.browser;
        let request = self.http.post(format!("{}/FHIR/Koppeltaal/Mailbox", self.sandbox.url()));
        let request = request.basic_auth("portal", Some("portal")).header("content-type", "application/json");
        request.body(self.template.replace(IDENTIFIER, "")).send().await?;
        page.wait("#views", "its number", |text| text.contains("Refusals 1")).await?;
        page.click("#views [data-view=refusals]").await?;
        page.wait("#refusals", "the refusal", |text| {
            text.contains("POST /FHIR/Koppeltaal/Mailbox")
                && text.contains("identifier")
                && text.contains("From portal")
        })
        .await?;
        page.back().await
    }

    /// Waits until an element has the focus. It may get the focus only when its content has arrived.
    async fn wait_for_focus(&self, selector: &str) -> Result<()> {
        let has_focus = format!("{selector}:focus");
        self.browser.wait(&has_focus, "the focus", |text| !text.is_empty()).await
    }

    async fn focused(&self, selector: &str) -> Result<()> {
        let expression = format!("document.activeElement.matches({})", serde_json::to_string(selector)?);
        ensure!(self.browser.eval(&expression).await? == true, "the focus is not on {selector}");
        Ok(())
    }

    async fn picture(&self, name: &str) -> Result<()> {
        let Some(directory) = &self.screenshots else { return Ok(()) };
        std::fs::create_dir_all(directory)?;
        self.browser.screenshot(&directory.join(format!("{name}.png"))).await
    }

    /// The portal posts a care plan, and the game is notified.
    async fn post(&self, identifier: &str, plan: &str) -> Result<()> {
        let body = self.template.replace(IDENTIFIER, identifier).replace(PLAN, &format!("CarePlan/{plan}"));
        self.post_body(body).await
    }

    async fn post_body(&self, body: String) -> Result<()> {
        let request = self.http.post(format!("{}/FHIR/Koppeltaal/Mailbox", self.sandbox.url()));
        let request = request.basic_auth("portal", Some("portal")).header("content-type", "application/json");
        request.body(body).send().await?.error_for_status()?;
        Ok(())
    }

    /// The game listens on the hub, until the answer is dropped.
    async fn listen(&self) -> Result<reqwest::Response> {
        let data = r#"[{"name":"koppeltaalhub"}]"#;
        let request = |method, path: &str| {
            let request = self.http.request(method, format!("{}/signalr/{path}", self.sandbox.url()));
            request
                .basic_auth("game", Some("game"))
                .query(&[("connectionData", data), ("clientProtocol", "2.1")])
        };
        let negotiated: serde_json::Value =
            request(reqwest::Method::GET, "negotiate").send().await?.json().await?;
        let token = negotiated["ConnectionToken"].as_str().context("a token")?;
        let about = [("transport", "serverSentEvents"), ("connectionToken", token)];
        let stream =
            request(reqwest::Method::GET, "connect").query(&about).send().await?.error_for_status()?;
        request(reqwest::Method::GET, "start").query(&about).send().await?.error_for_status()?;
        let call = [("data", r#"{"H":"koppeltaalhub","M":"StartPush","A":[],"I":0}"#)];
        let send = request(reqwest::Method::POST, "send").query(&about).form(&call);
        send.send().await?.error_for_status()?;
        Ok(stream)
    }
}
