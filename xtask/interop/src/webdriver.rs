//! A client of the W3C `WebDriver` protocol, with the few commands that the test of the page needs. The
//! libraries for it depend on another version of `http` than we do.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

/// The longest wait for a change of the page.
const PATIENCE: Duration = Duration::from_secs(20);
/// The member that has the id of an element, in answers.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Keys that are not characters.
pub(crate) mod key {
    pub(crate) const TAB: &str = "\u{E004}";
    pub(crate) const ENTER: &str = "\u{E007}";
    pub(crate) const ESCAPE: &str = "\u{E00C}";
    pub(crate) const DOWN: &str = "\u{E015}";
}

/// One window of a browser.
pub(crate) struct Browser {
    http: reqwest::Client,
    session: String,
}

impl Browser {
    /// A new window, by a driver that listens at this URL.
    pub(crate) async fn open(driver: &str, capabilities: Value) -> Result<Self> {
        // Built together with the transport crate, reqwest needs a default provider of cryptography.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build()?;
        let started = Instant::now();
        while http.get(format!("{driver}/status")).send().await.is_err() {
            if started.elapsed() > PATIENCE {
                bail!("the driver does not listen");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let mut browser = Self { http, session: driver.to_owned() };
        let session = browser
            .command(Method::POST, "session", &json!({ "capabilities": { "alwaysMatch": capabilities } }))
            .await?;
        let id = session["sessionId"].as_str().context("the driver gives no session")?;
        browser.session = format!("{driver}/session/{id}");
        Ok(browser)
    }

    async fn command(&self, method: Method, path: &str, body: &Value) -> Result<Value> {
        let is_get = method == Method::GET;
        let request = self.http.request(method, format!("{}/{path}", self.session));
        let request = if is_get { request } else { request.json(body) };
        let mut answer: Value = request.send().await?.json().await?;
        let value = answer["value"].take();
        match value["error"].as_str() {
            Some(error) => Err(anyhow!("{path}: {error}: {}", value["message"].as_str().unwrap_or_default())),
            None => Ok(value),
        }
    }

    async fn post(&self, path: &str, body: Value) -> Result<Value> {
        self.command(Method::POST, path, &body).await
    }

    pub(crate) async fn go(&self, url: &str) -> Result<()> {
        self.post("url", json!({ "url": url })).await.map(drop)
    }

    pub(crate) async fn back(&self) -> Result<()> {
        self.post("back", json!({})).await.map(drop)
    }

    /// Gives the page this size, even if it is smaller than a window can be.
    pub(crate) async fn resize(&self, width: u32, height: u32) -> Result<()> {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await
    }

    /// Whether the reader prefers dark colours.
    pub(crate) async fn set_dark(&self, is_dark: bool) -> Result<()> {
        let value = if is_dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": value }] });
        self.devtools("Emulation.setEmulatedMedia", features).await
    }

    /// Runs a script at the start of every page from now on.
    pub(crate) async fn add_script(&self, script: &str) -> Result<()> {
        self.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script })).await
    }

    /// A command of Chromium's `DevTools`.
    async fn devtools(&self, command: &str, params: Value) -> Result<()> {
        self.post("goog/cdp/execute", json!({ "cmd": command, "params": params })).await.map(drop)
    }

    /// The value of a JavaScript expression in the page.
    pub(crate) async fn eval(&self, expression: &str) -> Result<Value> {
        self.post("execute/sync", json!({ "script": format!("return {expression}"), "args": [] })).await
    }

    /// What a script returns. The script has the arguments in `arguments`; a promise is awaited.
    pub(crate) async fn run(&self, script: &str, arguments: &[Value]) -> Result<Value> {
        self.post("execute/sync", json!({ "script": script, "args": arguments })).await
    }

    /// The visible text of the element that a CSS selector finds.
    pub(crate) async fn text(&self, selector: &str) -> Result<String> {
        let selector = serde_json::to_string(selector)?;
        let text = self.eval(&format!("document.querySelector({selector})?.innerText")).await?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// Waits until the text of an element is as wanted.
    pub(crate) async fn wait(&self, selector: &str, what: &str, is: impl Fn(&str) -> bool) -> Result<()> {
        let started = Instant::now();
        loop {
            let text = self.text(selector).await?;
            if is(&text) {
                return Ok(());
            }
            if started.elapsed() > PATIENCE {
                bail!("{what}: {selector} still says {text:?}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until a JavaScript expression is true. If it stays false, `what` is the error.
    pub(crate) async fn until(&self, expression: &str, what: &str) -> Result<()> {
        let started = Instant::now();
        while self.eval(expression).await? != true {
            if started.elapsed() > PATIENCE {
                bail!("{what}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    pub(crate) async fn click(&self, selector: &str) -> Result<()> {
        let find = json!({ "using": "css selector", "value": selector });
        self.act((Method::POST, "element", find), "click", json!({})).await
    }

    /// The accessible names of all visible elements that a CSS selector finds.
    pub(crate) async fn labels(&self, selector: &str) -> Result<Vec<String>> {
        let selector = serde_json::to_string(selector)?;
        let shown = format!(
            "[...document.querySelectorAll({selector})].filter((element) => element.checkVisibility())"
        );
        let elements = self.eval(&shown).await?;
        let mut labels = Vec::new();
        for element in elements.as_array().into_iter().flatten() {
            let path = format!("element/{}/computedlabel", id(element)?);
            labels.push(
                self.command(Method::GET, &path, &Value::Null).await?.as_str().unwrap_or_default().to_owned(),
            );
        }
        Ok(labels)
    }

    /// Types into whatever has the focus.
    pub(crate) async fn press(&self, keys: &str) -> Result<()> {
        self.act((Method::GET, "element/active", Value::Null), "value", json!({ "text": keys })).await
    }

    /// Finds an element by a command, and acts on it. If the page replaces the element in between, looks for
    /// the new one.
    async fn act(
        &self,
        (method, path, find): (Method, &str, Value),
        action: &str,
        body: Value,
    ) -> Result<()> {
        let started = Instant::now();
        loop {
            let element = self.command(method.clone(), path, &find).await?;
            match self.post(&format!("element/{}/{action}", id(&element)?), body.clone()).await {
                Err(error) if is_stale(&error) && started.elapsed() < PATIENCE => {}
                result => return result.map(drop),
            }
        }
    }

    /// Presses the Tab key until the focus is on the element that a CSS selector finds.
    pub(crate) async fn tab_to(&self, selector: &str) -> Result<()> {
        let expression = format!("document.activeElement.matches({})", serde_json::to_string(selector)?);
        for _ in 0..60 {
            self.press(key::TAB).await?;
            if self.eval(&expression).await? == true {
                return Ok(());
            }
        }
        bail!("the Tab key does not get to {selector}")
    }

    pub(crate) async fn screenshot(&self, file: &Path) -> Result<()> {
        let picture = self.command(Method::GET, "screenshot", &Value::Null).await?;
        let png = BASE64_STANDARD.decode(picture.as_str().context("no picture")?)?;
        std::fs::write(file, png).with_context(|| file.display().to_string())
    }

    /// The errors in the browser's console.
    pub(crate) async fn complaints(&self) -> Result<Vec<String>> {
        let log = self.post("se/log", json!({ "type": "browser" })).await?;
        let entries = log.as_array().cloned().unwrap_or_default();
        let severe = entries.iter().filter(|entry| entry["level"] == "SEVERE");
        Ok(severe.filter_map(|entry| entry["message"].as_str().map(str::to_owned)).collect())
    }

    /// Closes the window.
    pub(crate) async fn close(self) -> Result<()> {
        let session = self.http.delete(&self.session);
        session.send().await?;
        Ok(())
    }
}

fn is_stale(error: &anyhow::Error) -> bool {
    error.to_string().contains("stale element reference")
}

fn id(element: &Value) -> Result<&str> {
    element[ELEMENT].as_str().context("the driver gives no element")
}
