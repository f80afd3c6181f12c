//! Checks the page with ten thousand messages: it stays fast, every message can be reached, and new messages
//! do not move what somebody reads.

use anyhow::{Context as _, Result, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};

use super::Visit;
use crate::webdriver::key;

const MESSAGES: usize = 10_000;

/// The longest time until the page paints something, in milliseconds.
const FIRST_PAINT: f64 = 1000.0;

/// The longest time for which a task may keep the browser busy, in milliseconds.
const LONG_TASK: f64 = 200.0;

/// The longest time from the last letter of a search to its result, in milliseconds.
const SEARCH: f64 = 1000.0;

impl Visit {
    /// Fills the sandbox up to [`MESSAGES`].
    pub(super) async fn fill(&self) -> Result<()> {
        let posted = self.total().await?;
        stream::iter(posted + 1..=MESSAGES)
            .map(|number| async move { self.post(&format!("many-{number}"), &number.to_string()).await })
            .buffer_unordered(8)
            .try_collect::<()>()
            .await?;
        ensure!(self.total().await? == MESSAGES, "messages are missing");
        Ok(())
    }

    async fn total(&self) -> Result<usize> {
        let answer = self.http.get(format!("{}/sandbox/messages", self.sandbox.url())).send().await?;
        let list: Value = answer.json().await?;
        list["total"].as_u64().map(|total| total as usize).context("a total")
    }

    /// Opens the page, searches, pages and reads.
    pub(super) async fn check_many_messages(&self) -> Result<()> {
        let page = &self.browser;
        page.add_script(include_str!("long_tasks.js")).await?;
        // The best of three, because other programs may keep the machine busy.
        let mut best = f64::INFINITY;
        for _ in 0..3 {
            self.open("").await?;
            page.wait("#count", "all messages", |text| text == "1–100 of 10,000 messages").await?;
            let paint = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime";
            page.until(&format!("{paint} > 0"), "nothing is painted").await?;
            best = best.min(page.eval(paint).await?.as_f64().unwrap_or(f64::INFINITY));
        }
        within(FIRST_PAINT, "the first paint with all messages", &json!(best))?;

        for (text, expected) in [
            ("portal many-77", "1–100 of 111 messages"),
            ("careplan/4321", "1 message"),
            ("nothing of the kind", "0 messages"),
        ] {
            let took = page.run(include_str!("typing.js"), &[json!(text), json!(expected)]).await?;
            within(SEARCH, &format!("the search for '{text}', after the last letter"), &took)?;
        }
        page.click("#clear").await?;
        page.wait("#count", "no filter any more", |text| text == "1–100 of 10,000 messages").await?;

        page.click("[data-page=oldest]").await?;
        page.wait("#count", "the oldest", |text| text == "9,901–10,000 of 10,000 messages").await?;
        self.wait_for_focus("#rows li:first-child a").await?;
        page.click("[data-page=newer]").await?;
        page.wait("#count", "newer ones", |text| text == "9,801–9,900 of 10,000 messages").await?;
        page.click("[data-page=newest]").await?;
        page.wait("#count", "the newest", |text| text == "1–100 of 10,000 messages").await?;

        self.was_responsive("search and paging").await?;
        self.deep_link().await?;
        self.was_responsive("opening a message").await?;
        self.reading_is_not_disturbed().await?;
        self.was_responsive("new messages").await
    }

    /// Since the page was opened, no task has kept the browser busy for long.
    async fn was_responsive(&self, what: &str) -> Result<()> {
        let longest = self.browser.eval("Math.max(0, ...window.longTasks)").await?;
        within(LONG_TASK, &format!("the longest task of {what}"), &longest)
    }

    /// A link opens the same list and message, and the back button goes back.
    async fn deep_link(&self) -> Result<()> {
        let page = &self.browser;
        self.open("?text=many-77&status=New").await?;
        page.wait("#count", "the list of the link", |text| text == "1–100 of 111 messages").await?;
        page.click("#rows li:nth-child(3) a").await?;
        page.wait("#message-about", "a message", |text| text.contains("many-77")).await?;
        let (address, identifier) =
            (page.eval("location.search").await?, page.text("#message-about code").await?);
        page.back().await?;
        page.wait("#no-message", "no message after the back button", |text| text.contains("Choose")).await?;
        ensure!(
            page.eval("location.search").await? == "?text=many-77&status=New",
            "the list has another address"
        );
        self.open(address.as_str().unwrap_or_default()).await?;
        page.wait("#message-about", "the message of the link", |text| text.contains(&identifier)).await?;
        page.wait("#count", "the list of the link", |text| text == "1–100 of 111 messages").await?;
        page.wait("#rows [aria-current]", "its row", |text| text.contains(&identifier)).await
    }

    /// New messages do not move what somebody reads.
    async fn reading_is_not_disturbed(&self) -> Result<()> {
        let page = &self.browser;
        self.open("").await?;
        page.wait("#count", "all messages", |text| text.contains("10,000")).await?;
        page.eval("document.querySelector('#rows li:nth-child(50) a').scrollIntoView()").await?;
        let place = "[window.row.getBoundingClientRect().top, window.row.innerText, window.row.isConnected]";
        page.eval("(window.row = document.querySelector('#rows li:nth-child(50) a')).dataset.key").await?;
        let before = page.eval(place).await?;
        for number in 1..=5 {
            self.post(&format!("more-{number}"), &(MESSAGES + number).to_string()).await?;
        }
        page.wait("#newer-messages", "that there are newer ones", |text| text == "5 newer").await?;
        let after = page.eval(place).await?;
        ensure!(after == before, "the reader was scrolled away, from {before} to {after}");
        page.click("#newer-messages").await?;
        page.wait("#rows li:first-child", "the newest", |text| text.contains("more-5")).await
    }

    /// On a phone, a message takes the place of the list, which afterwards is scrolled as it was before.
    pub(super) async fn on_a_phone(&self) -> Result<()> {
        let page = &self.browser;
        page.resize(360, 740).await?;
        self.open("").await?;
        for leave in ["history.back()", "document.querySelector('#back').click()"] {
            page.click("#rows li:nth-child(60) a").await?;
            self.wait_for_focus("#message-title").await?;
            let top =
                page.eval("document.querySelector('#message-title').getBoundingClientRect().top").await?;
            ensure!(
                top.as_f64().is_some_and(|top| (0.0..300.0).contains(&top)),
                "the message is out of sight: {top}"
            );
            page.eval(leave).await?;
            page.wait("#list-pane", "the list", |text| !text.is_empty()).await?;
            let top = "document.querySelector('#rows li:nth-child(60)').getBoundingClientRect().top";
            let is_in_sight = format!("{top} >= 0 && {top} < innerHeight");
            page.until(&is_in_sight, "the row is out of sight").await?;
        }
        page.resize(1280, 860).await
    }

    /// Searches, finds, reads and goes on with nothing but the keyboard.
    pub(super) async fn by_keyboard_alone(&self) -> Result<()> {
        let page = &self.browser;
        self.open("").await?;
        page.press("/").await?;
        self.focused("#filters [name=text]").await?;
        page.press("many-777").await?;
        page.wait("#count", "what was searched", |text| text == "11 messages").await?;
        page.press(key::DOWN).await?;
        self.focused("#rows li:first-child a").await?;
        page.press("j").await?;
        self.focused("#rows li:nth-child(2) a").await?;
        page.press(key::DOWN).await?;
        self.focused("#rows li:nth-child(3) a").await?;
        page.press("k").await?;
        self.focused("#rows li:nth-child(2) a").await?;
        let identifier = page.text("#rows li:nth-child(2) .identifier").await?;
        page.wait("#message-about", "the message of the row", |text| text.contains(&identifier)).await?;
        page.press(key::ENTER).await?;
        self.wait_for_focus("#message-title").await?;
        page.tab_to("#forms [data-form=json]").await?;
        page.press(key::ENTER).await?;
        page.wait("#raw", "its text", |text| text.contains(&identifier)).await?;
        page.press(key::ESCAPE).await?;
        self.focused("#rows li:nth-child(2) a").await
    }
}

/// Prints a time, and checks that it is within a bound. Both are in milliseconds.
fn within(bound: f64, what: &str, time: &Value) -> Result<()> {
    let time = time.as_f64().with_context(|| format!("{what} takes too long"))?;
    println!("{what}: {time:.0} ms");
    ensure!(time < bound, "{what} takes {time:.0} ms; it must take less than {bound:.0} ms");
    Ok(())
}
