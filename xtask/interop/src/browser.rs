//! Tests of the sandbox's page in headless Chromium, driven by `ChromeDriver`: live updates, use by keyboard,
//! narrow screens.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use koppeltaal_fhir::ReadOptions;
use koppeltaal_fhir::resources::MessageHeader;
use koppeltaal_sandbox::{Sandbox, SandboxConfig};
use serde_json::json;

use crate::programs::{Beside, require};
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
    let profile = tempfile::tempdir()?;
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
    let visit = Visit { browser, sandbox, screenshots: screenshots.map(Path::to_owned) };
    let outcome = visit.all().await;
    if outcome.is_err() {
        // Whatever there is to be seen of it.
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

struct Visit {
    browser: Browser,
    sandbox: Sandbox,
    screenshots: Option<PathBuf>,
}

impl Visit {
    async fn all(&self) -> Result<()> {
        let page = &self.browser;
        page.resize(1200, 900).await?;
        page.go(self.sandbox.url()).await?;
        page.wait("#live", "the page connects", |text| text.contains("Live")).await?;
        page.wait("#domains", "the world", |text| text.contains("portal") && text.contains("game")).await?;
        self.live().await?;
        self.by_keyboard().await?;
        self.by_mouse().await?;
        self.launch().await?;
        self.small().await?;
        let complaints = page.complaints().await?;
        ensure!(complaints.is_empty(), "the browser complains: {complaints:?}");
        Ok(())
    }

    /// Messages and listeners come into view without a reload.
    async fn live(&self) -> Result<()> {
        let page = &self.browser;
        self.post("1").await?;
        page.wait("tr[data-key='Sandbox/game']", "a message", |text| text.contains("New 1")).await?;
        let listener = self.listen().await?;
        page.wait("tr[data-key='Sandbox/game'] [data-label='On the hub']", "a listener", |text| text == "1")
            .await?;
        drop(listener);
        page.wait("tr[data-key='Sandbox/game'] [data-label='On the hub']", "no listener", |text| text == "0")
            .await?;
        self.picture("instances").await
    }

    /// Opens a queue, claims, reads and acknowledges with nothing but the keyboard.
    async fn by_keyboard(&self) -> Result<()> {
        let page = &self.browser;
        page.tab_to("button[data-key='Sandbox/game']").await?;
        page.press(key::ENTER).await?;
        page.wait("#queue-title", "the queue", |text| text.contains("game")).await?;
        self.focused("#queue-title").await?;
        page.wait("#queue", "its message", |text| text.contains("CreateOrUpdateCarePlan")).await?;
        page.tab_to("#claim").await?;
        page.press(key::ENTER).await?;
        page.wait("#header", "the message", |text| text.contains("Claimed") && text.contains("browser-1"))
            .await?;
        self.focused("#message-title").await?;
        page.wait("#resources", "its resources", |text| text.contains("/CarePlan/1")).await?;
        page.tab_to("#acknowledge input[name=exception]").await?;
        page.press("no use").await?;
        for form in ["json", "xml"] {
            page.tab_to(&format!("#{form}-part summary")).await?;
            page.press(key::ENTER).await?;
            page.wait(&format!("#{form}"), "the text", |text| text.contains("MessageHeader")).await?;
        }
        self.picture("message").await?;
        page.eval("document.getElementById('message-title').focus()").await?;
        page.tab_to("#acknowledge button[value=Failed]").await?;
        page.press(key::ENTER).await?;
        page.wait("#header", "the answer", |text| text.contains("Failed") && text.contains("no use")).await?;
        page.wait("#queue", "the answer in the queue", |text| text.contains("Failed")).await
    }

    async fn by_mouse(&self) -> Result<()> {
        let page = &self.browser;
        page.click("#claim").await?;
        page.wait("#error", "an error", |text| text.contains("no new message")).await?;
        self.picture("error").await?;
        self.post("2").await?;
        page.wait("#queue", "the second message", |text| text.contains("New")).await?;
        page.click("#claim").await?;
        page.wait("#header", "the second message", |text| text.contains("browser-2")).await?;
        page.wait("#error", "no error any more", str::is_empty).await?;
        page.click("#acknowledge button[value=New]").await?;
        page.wait("#header", "it is given back", |text| text.contains("Status\nNew")).await?;
        page.click("#claim").await?;
        page.wait("#header", "it is claimed again", |text| text.contains("Claimed")).await?;
        page.click("#acknowledge button[value=Success]").await?;
        page.wait("#header", "it is answered", |text| text.contains("Success")).await?;
        page.click("#queue tr:last-child button").await?;
        page.wait("#header", "the first message again", |text| text.contains("browser-1")).await
    }

    async fn launch(&self) -> Result<()> {
        let page = &self.browser;
        page.click("#launch button[type=submit]").await?;
        page.wait("#launched", "a launch", |text| text.contains("http://127.0.0.1:8481/?iss=")).await?;
        self.focused("#launched a").await
    }

    /// On a telephone the page is not wider than the screen.
    async fn small(&self) -> Result<()> {
        let page = &self.browser;
        page.resize(360, 740).await?;
        let widths = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]";
        let widths = page.eval(widths).await?;
        ensure!(
            widths[0].as_u64() <= widths[1].as_u64(),
            "the page is too wide for a small screen: {widths}"
        );
        page.eval("window.scrollTo(0, 0)").await?;
        self.picture("small").await
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
    async fn post(&self, number: &str) -> Result<()> {
        let text = include_str!("../../../fixtures/messages/CreateOrUpdateCarePlan-minimal.json");
        let text = text
            .replace("CarePlan/910", &format!("CarePlan/{number}"))
            .replace("Domain#Zonnedauw", "Domain#Sandbox");
        let read = ReadOptions::tolerant().json(text.as_bytes())?;
        let mut bundle = read.document.into_bundle().ok().context("a bundle")?;
        let header = bundle.entry[0].content.as_mut().and_then(|content| content.get_mut::<MessageHeader>());
        header.context("a header first")?.identifier = format!("browser-{number}").as_str().into();
        let body = koppeltaal_fhir::Document::from(bundle).to_json()?;
        let request = reqwest::Client::new().post(format!("{}/FHIR/Koppeltaal/Mailbox", self.sandbox.url()));
        let request = request.basic_auth("portal", Some("portal")).header("content-type", "application/json");
        request.body(body).send().await?.error_for_status()?;
        Ok(())
    }

    /// The game listens on the hub, until the answer is dropped.
    async fn listen(&self) -> Result<reqwest::Response> {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).build()?;
        let data = r#"[{"name":"koppeltaalhub"}]"#;
        let request = |method, path: &str| {
            let request = http.request(method, format!("{}/signalr/{path}", self.sandbox.url()));
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
