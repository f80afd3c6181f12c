//! The page in cases that are rare: in the background, with an empty list on a phone, with very long values
//! and lists.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::Visit;

/// From now on, keeps the statuses of the answers about the open message in `window.answers`.
const KEEP_ANSWERS: &str = "window.answers = [];
    const { fetch } = window;
    window.fetch = async (path, ...rest) => {
        const response = await fetch(path, ...rest);
        if (path.startsWith('sandbox/message?')) window.answers.push(response.status);
        return response;
    };";

/// Keeps the length of what is saved in `window.saved`, instead of saving it.
const KEEP_SAVED: &str = "URL.createObjectURL = (blob) => { window.saved = blob.size; return '#'; };
    HTMLAnchorElement.prototype.click = () => {};";

/// In a tab named `background`, hides the page from its start, and keeps its streams of events in
/// `window.streams`.
const HIDE: &str = "if (window.name === 'background') {
        window.streams = [];
        window.isHidden = true;
        Object.defineProperty(document, 'hidden', { get: () => window.isHidden });
        window.EventSource = class extends EventSource {
            constructor(...rest) { super(...rest); window.streams.push(this); }
        };
    }";

/// How many streams of events are open.
const STREAMS: &str = "window.streams.filter((stream) => stream.readyState !== EventSource.CLOSED).length";

/// The texts above a list of which the server counts only the newest messages: total, newer ones, rows, text.
const COUNTS: [(u64, u64, usize, &str); 7] = [
    (50_000, 0, 100, "1–100 of 50,000 in the newest 50,000 messages"),
    (1, 0, 1, "1 in the newest 50,000 messages"),
    (0, 0, 0, "0 in the newest 50,000 messages"),
    (50_000, 49_950, 100, "49,951–50,050 of at least 50,050 messages"),
    (120, 100, 100, "101–200 of at least 200 messages"),
    (50_000, 50_000, 100, "100 messages, older than the newest 50,000"),
    (0, 0, 1, "1 message, older than the newest 50,000"),
];

/// What the page says about an answer that is a plain text.
const REFUSED: &str = "return import('/sandbox/page/server.js').then(async ({ ask }) => {
        const { fetch } = window;
        const headers = { 'Content-Type': 'text/plain; charset=utf-8' };
        window.fetch = async () => new Response('Open it there.', { status: 403, headers });
        try { await ask('state'); } catch (error) { return error.message; } finally { window.fetch = fetch; }
    })";

/// Two things that somebody waits for and a live one, of one kind: which were carried out, and which were
/// aborted.
const TURNS: &str = "return import('/sandbox/page/server.js').then(async ({ onlyNewest }) => {
        const inTurn = onlyNewest();
        const begun = [], aborted = [];
        const until = (name) => (signal) => new Promise((resolve) => {
            begun.push(name);
            signal.addEventListener('abort', () => { aborted.push(name); resolve(); });
        });
        const first = inTurn({}, until('first'));
        await inTurn({ isLive: true }, until('live'));
        const second = inTurn({}, async () => { begun.push('second'); });
        await Promise.all([first, second]);
        await inTurn({ isLive: true }, async () => { begun.push('later'); });
        return { begun, aborted };
    })";

impl Visit {
    pub(super) async fn check_rare_cases(&self) -> Result<()> {
        self.counts_are_true().await?;
        self.a_refusal_in_plain_text_is_shown().await?;
        self.a_look_gives_way().await?;
        self.what_is_shown_already_is_not_sent_again().await?;
        self.a_long_value_can_be_saved().await?;
        self.links_say_where_they_lead().await?;
        self.an_empty_list_on_a_phone_is_reached().await?;
        self.nothing_is_asked_for_in_the_background().await
    }

    async fn counts_are_true(&self) -> Result<()> {
        self.open("").await?;
        let script = "const { messages, ...list } = arguments[0];
            return import('/sandbox/page/list.js')
                .then(({ countText }) => countText({ ...list, messages: Array(messages) }))";
        for (total, newer, rows, expected) in COUNTS {
            let list = json!({ "total": total, "newer": newer, "messages": rows, "counted": 50_000 });
            let text = self.browser.run(script, &[list]).await?;
            ensure!(text == expected, "{text} is said for {expected:?}");
        }
        Ok(())
    }

    async fn a_refusal_in_plain_text_is_shown(&self) -> Result<()> {
        let text = self.browser.run(REFUSED, &[]).await?;
        ensure!(text == "Open it there.", "the page says {text}");
        Ok(())
    }

    /// A live look neither aborts a request that somebody waits for, nor does it take its place.
    async fn a_look_gives_way(&self) -> Result<()> {
        let turns = self.browser.run(TURNS, &[]).await?;
        let expected = json!({ "begun": ["first", "second", "later"], "aborted": ["first"] });
        ensure!(turns == expected, "the turns are taken in another way: {turns}");
        Ok(())
    }

    /// Opens the message with this identifier, next to a list with these filters.
    async fn open_message(&self, identifier: &str, filters: &str) -> Result<Value> {
        let page = &self.browser;
        let url = format!("{}/sandbox/messages?text={identifier}", self.sandbox.url());
        let list: Value = self.http.get(url).send().await?.json().await?;
        let key = list["messages"][0]["key"].clone();
        self.open(&format!("?message={key}{filters}")).await?;
        page.wait("#message-about", "the message", |text| text.contains(identifier)).await?;
        Ok(key)
    }

    async fn what_is_shown_already_is_not_sent_again(&self) -> Result<()> {
        let page = &self.browser;
        self.post("again", "again").await?;
        self.open_message("again", "").await?;
        page.run(KEEP_ANSWERS, &[]).await?;
        page.until("window.answers.length >= 2", "the page does not look again").await?;
        let answers = page.eval("window.answers").await?;
        ensure!(answers == json!([304, 304]), "the message was sent again: {answers}");
        page.click("#receivers button[data-key$=Claimed]").await?;
        page.wait("#receivers", "its new status", |text| text.contains("Claimed")).await
    }

    async fn a_long_value_can_be_saved(&self) -> Result<()> {
        let page = &self.browser;
        let notes = "A".repeat(100_000);
        let long = format!("\"resourceType\":\"CarePlan\",\"notes\":\"{notes}\"");
        let body = self.template.replace("\"resourceType\":\"CarePlan\"", &long);
        self.post_body(body.replace(super::IDENTIFIER, "long").replace(super::PLAN, "CarePlan/long")).await?;
        self.open_message("long", "").await?;
        page.wait("#resources", "its length", |text| text.contains("100,000 characters")).await?;
        let length = page.text("#resources").await?.len();
        ensure!(length < 10_000, "{length} characters are shown");
        page.run(KEEP_SAVED, &[]).await?;
        page.click("#resources button").await?;
        page.until("window.saved === 75000", "what was base64 is not saved as what it stands for").await
    }

    /// The link to a patient's messages leaves out other filters. One to where the page is already makes no
    /// step for the back button.
    async fn links_say_where_they_lead(&self) -> Result<()> {
        let page = &self.browser;
        let key =
            self.open_message("again", "&status=Claimed&text=again&username=game&domain=Sandbox").await?;
        page.click("#of-patient").await?;
        let address = page.eval("Object.fromEntries(new URLSearchParams(location.search))").await?;
        let patient = page.eval("document.getElementById('of-patient').dataset.patient").await?;
        ensure!(
            address == json!({ "message": key.to_string(), "patient": patient }),
            "the link leads to {address}"
        );
        self.open("").await?;
        let steps = page.eval("history.length").await?;
        page.click("#views [data-view=messages]").await?;
        ensure!(page.eval("history.length").await? == steps, "the back button needs one step more");
        Ok(())
    }

    async fn an_empty_list_on_a_phone_is_reached(&self) -> Result<()> {
        let page = &self.browser;
        page.resize(360, 740).await?;
        self.open_message("again", "&text=nothing+of+the+kind").await?;
        page.click("#back").await?;
        page.wait("#no-rows", "the empty list", |text| text == "No message matches.").await?;
        self.focused("#filters [name=text]").await?;
        page.resize(1280, 860).await
    }

    async fn nothing_is_asked_for_in_the_background(&self) -> Result<()> {
        let page = &self.browser;
        page.add_script(HIDE).await?;
        page.eval("window.name = 'background'").await?;
        page.go(self.sandbox.url()).await?;
        page.wait("#count", "the list", |text| !text.is_empty()).await?;
        ensure!(page.eval(STREAMS).await? == 0, "the page listens in the background");
        self.post("meanwhile", "meanwhile").await?;
        let set_hidden = |is_hidden| {
            format!("window.isHidden = {is_hidden}; document.dispatchEvent(new Event('visibilitychange'))")
        };
        page.run(&set_hidden(false), &[]).await?;
        page.wait("#rows", "what came meanwhile", |text| text.contains("meanwhile")).await?;
        ensure!(page.eval(STREAMS).await? == 1, "the page does not listen");
        page.run(&set_hidden(true), &[]).await?;
        ensure!(page.eval(STREAMS).await? == 0, "the page listens on in the background");
        page.eval("window.name = ''").await.map(drop)
    }
}
