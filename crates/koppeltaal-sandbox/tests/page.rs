//! The page for people: its requests, and that no page of another site can make them.

mod common;

use std::time::Duration;

use common::{Client, Format, http, plan, world};
use koppeltaal_sandbox::{Application, Sandbox};
use reqwest::header::HeaderValue;
use serde_json::{Value, json};

async fn start() -> Sandbox {
    let game = Application::new("game").launch_url("https://game.example/start");
    world().application(game).start().await.expect("a sandbox")
}

async fn get(sandbox: &Sandbox, path: &str) -> Value {
    let answer = http().get(format!("{}{path}", sandbox.url())).send().await.expect("an answer");
    let text = answer.text().await.expect("text");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

async fn post(sandbox: &Sandbox, path: &str, body: Value) -> (u16, Value) {
    let answer = http().post(format!("{}{path}", sandbox.url())).json(&body).send().await.expect("an answer");
    (answer.status().as_u16(), serde_json::from_str(&answer.text().await.expect("text")).expect("JSON"))
}

#[tokio::test]
async fn the_page_needs_nothing_from_elsewhere() {
    let sandbox = start().await;
    let page = http().get(sandbox.url()).send().await.expect("an answer");
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    assert!(
        page.headers()["content-security-policy"].to_str().expect("text").starts_with("default-src 'none'")
    );
    let html = page.text().await.expect("text");
    assert!(
        !html.contains("http://")
            && html.matches("https://").count() == html.matches("https://portal.example").count()
    );
    let mut scripts = String::new();
    let mut files = Vec::new();
    for file in html.split('"').filter_map(|part| part.strip_prefix("sandbox/page/")) {
        let content_type =
            if file.ends_with(".css") { "text/css; charset=utf-8" } else { "text/javascript; charset=utf-8" };
        let url = format!("{}/sandbox/page/{file}", sandbox.url());
        let asset = http().get(url).send().await.expect("an answer");
        assert_eq!(
            (asset.status().as_u16(), &asset.headers()["content-type"]),
            (200, &content_type.parse().expect("a header"))
        );
        let text = asset.text().await.expect("text");
        assert!(!text.contains("://"), "{file}");
        if file.ends_with(".js") {
            scripts += &text;
        }
        files.push(file);
    }
    // What a script imports is named in the page too, so that a browser need not wait for one to learn of the
    // next.
    let imported = scripts.split('"').filter_map(|part| part.strip_prefix("./"));
    for file in imported {
        assert!(files.contains(&file), "{file}");
    }
    assert!(
        !scripts.contains("innerHTML") && scripts.contains("import"),
        "text of messages never becomes markup"
    );
}

#[tokio::test]
async fn queues_and_messages_are_shown_and_moved_by_hand() {
    let sandbox = start().await;
    Client::portal(&sandbox, Format::Json).send_message(plan("m1", "1")).await.bundle();
    let state = get(&sandbox, "/sandbox/state").await;
    let instances = state["domains"][1]["instances"].as_array().expect("instances");
    let game = instances.iter().find(|instance| instance["username"] == "game").expect("the game");
    assert_eq!((&game["messages"], &game["listening"]), (&json!({ "New": 1 }), &json!(0)));
    assert_eq!((&state["applications"], &state["refusals"]), (&json!(["game"]), &json!(0)));

    let queue = get(&sandbox, "/sandbox/messages?domain=Zonnedauw&username=game").await;
    assert_eq!((&queue["total"], &queue["messages"][0]["identifier"]), (&json!(1), &json!("m1")));
    let me = json!({ "domain": "Zonnedauw", "username": "game" });
    let (_, claimed) = post(&sandbox, "/sandbox/claim", me.clone()).await;
    assert_eq!(claimed["key"], queue["messages"][0]["key"]);
    assert_eq!(post(&sandbox, "/sandbox/claim", me).await.1["key"], Value::Null);

    let path = format!("/sandbox/message?key={}", claimed["key"]);
    let message = get(&sandbox, &path).await;
    assert_eq!(
        (&message["receivers"][0]["status"], &message["domain"]),
        (&json!("Claimed"), &json!("Zonnedauw"))
    );
    let number = message["receivers"][0]["number"].as_u64().expect("a number");
    assert_eq!(message["resources"].as_array().map(Vec::len), Some(4));
    for (format, start) in [("json", "MessageHeader"), ("xml", "<feed")] {
        let text = format!("{}/sandbox/text?key={}&format={format}", sandbox.url(), claimed["key"]);
        let text = http().get(text).send().await.expect("an answer");
        assert_eq!(text.headers()["content-type"], "text/plain; charset=utf-8");
        assert!(text.text().await.expect("text").contains(start));
    }

    let failed = json!({ "domain": "Zonnedauw", "username": "game", "number": number, "status": "Failed", "exception": "why" });
    assert_eq!(post(&sandbox, "/sandbox/acknowledge", failed).await.0, 200);
    let queue = get(&sandbox, "/sandbox/messages?domain=Zonnedauw&username=game&status=Failed").await;
    assert_eq!(queue["messages"][0]["receivers"][0], json!({ "username": "game", "status": "Failed" }));
    let receiver = &get(&sandbox, &path).await["receivers"][0];
    assert_eq!((&receiver["status"], &receiver["exception"]), (&json!("Failed"), &json!("why")));
}

#[tokio::test]
async fn a_message_is_shown_with_every_step_of_its_way() {
    let sandbox = world().claim_timeout(Duration::from_secs(60)).start().await.expect("a sandbox");
    Client::portal(&sandbox, Format::Xml).send_message(plan("m1", "1")).await.bundle();
    let me = json!({ "domain": "Zonnedauw", "username": "game" });
    let steps = async || {
        let message = get(&sandbox, "/sandbox/message?key=1").await;
        assert_eq!(message["sender"], "portal");
        let steps = message["steps"].as_array().expect("steps").clone();
        assert!(steps.iter().all(|step| step["at"].as_str().is_some_and(|at| at.ends_with('Z'))));
        steps.iter().map(|step| step["step"].as_str().expect("a step").to_owned()).collect::<Vec<_>>()
    };
    let act = async |fields: &[(&str, &str)]| {
        let mut body = me.clone();
        body["number"] = get(&sandbox, "/sandbox/message?key=1").await["receivers"][0]["number"].clone();
        for (name, value) in fields {
            body[*name] = json!(value);
        }
        assert_eq!(post(&sandbox, "/sandbox/acknowledge", body).await.0, 200);
        // Each step has a time of its own.
        sandbox.advance_clock(Duration::from_secs(1));
    };
    assert_eq!(steps().await, ["posted", "queued"]);
    act(&[("status", "Claimed")]).await;
    assert_eq!(steps().await, ["posted", "queued", "claimed"]);
    act(&[("status", "New")]).await;
    assert_eq!(steps().await, ["posted", "queued", "claimed", "given back"]);
    act(&[("status", "Claimed")]).await;
    sandbox.advance_clock(Duration::from_secs(60));
    assert_eq!(steps().await, ["posted", "queued", "claimed", "claimed", "ran out"]);
    act(&[("status", "Success")]).await;
    assert_eq!(steps().await, ["posted", "queued", "claimed", "claimed", "acknowledged"]);
}

#[tokio::test]
async fn messages_are_found_by_text_and_filters_a_page_at_a_time() {
    let sandbox = start().await;
    let portal = Client::portal(&sandbox, Format::Json);
    for number in 1..=120 {
        portal.send_message(plan(&format!("m{number}"), &number.to_string())).await.bundle();
    }
    let newest = get(&sandbox, "/sandbox/messages").await;
    let keys = |page: &Value| -> Vec<u64> {
        let messages = page["messages"].as_array().expect("messages");
        messages.iter().map(|message| message["key"].as_u64().expect("a key")).collect()
    };
    assert_eq!((keys(&newest), &newest["total"]), ((21..=120).rev().collect(), &json!(120)));
    assert_eq!(newest["newer_than"], Value::Null);
    let older = get(&sandbox, &format!("/sandbox/messages?before={}", newest["older_than"])).await;
    assert_eq!(
        (keys(&older), &older["newer"], &older["newer_than"], &older["older_than"]),
        ((1..=20).rev().collect(), &json!(100), &json!(20), &Value::Null)
    );
    assert_eq!(keys(&get(&sandbox, "/sandbox/messages?after=20").await), keys(&newest));
    for (query, total) in [
        ("text=careplan/7%20PORTAL", 11),
        ("text=m120", 1),
        ("event=CreateOrUpdateCarePlan&status=New", 120),
        ("event=CreateOrUpdatePatient", 0),
        ("status=Claimed", 0),
        ("patient=Patient/3007", 120),
        ("patient=Patient/1", 0),
        ("domain=Zonnedauw&username=portal", 0),
    ] {
        let found = get(&sandbox, &format!("/sandbox/messages?{query}")).await;
        assert_eq!(found["total"], total, "{query}");
    }
    for query in ["status=Odd", "event=Odd", "before=x", "username=game", "username=nobody&domain=Zonnedauw"]
    {
        let refused = http().get(format!("{}/sandbox/messages?{query}", sandbox.url())).send().await;
        assert!(refused.expect("an answer").status().is_client_error(), "{query}");
    }
    assert_eq!(
        get(&sandbox, "/sandbox/message?key=999").await["issue"][0]["details"],
        "There is no such message, or not any more."
    );
}

#[tokio::test]
async fn a_message_is_sent_again_only_when_it_has_changed() {
    let sandbox = start().await;
    Client::portal(&sandbox, Format::Json).send_message(plan("m1", "1")).await.bundle();
    let ask = async |tag: Option<&HeaderValue>| {
        let request = http().get(format!("{}/sandbox/message?key=1", sandbox.url()));
        let request = tag.into_iter().fold(request, |request, tag| request.header("if-none-match", tag));
        let answer = request.send().await.expect("an answer");
        let tag = answer.headers().get("etag").expect("an entity tag").clone();
        (answer.status().as_u16(), tag, answer.text().await.expect("text").len())
    };
    let (status, first, length) = ask(None).await;
    assert!(status == 200 && length > 1000, "{status}, {length}");
    assert_eq!(ask(Some(&first)).await, (304, first.clone(), 0));
    let mut last = first;
    let number = get(&sandbox, "/sandbox/message?key=1").await["receivers"][0]["number"].clone();
    for to in ["Claimed", "New", "Claimed", "Failed"] {
        let fields = json!({ "domain": "Zonnedauw", "username": "game", "number": number, "status": to });
        assert_eq!(post(&sandbox, "/sandbox/acknowledge", fields).await.0, 200);
        let (status, changed, _) = ask(Some(&last)).await;
        assert!(status == 200 && changed != last, "{to}");
        assert_eq!(ask(Some(&changed)).await.0, 304);
        last = changed;
    }
}

#[tokio::test]
async fn a_user_is_launched_by_a_button() {
    let sandbox = start().await;
    let fields = json!({ "domain": "Zonnedauw", "client_id": "game", "patient": "https://p.example/Patient/1", "user": "u", "resource": "" });
    let (status, launched) = post(&sandbox, "/sandbox/launch", fields).await;
    assert_eq!(status, 200);
    assert!(
        launched["location"].as_str().is_some_and(|url| url.starts_with("https://game.example/start?iss="))
    );
    let (status, outcome) = post(
        &sandbox,
        "/sandbox/launch",
        json!({ "domain": "Nowhere", "client_id": "game", "patient": "p", "user": "u" }),
    )
    .await;
    assert_eq!((status, &outcome["resourceType"]), (400, &json!("OperationOutcome")));
}

#[tokio::test]
async fn the_page_is_told_when_a_message_moves() {
    let sandbox = start().await;
    let mut events = http().get(format!("{}/sandbox/events", sandbox.url())).send().await.expect("an answer");
    assert!(events.chunk().await.expect("no error").is_some_and(|chunk| chunk.starts_with(b":")));
    Client::portal(&sandbox, Format::Json).send_message(plan("m1", "1")).await.bundle();
    let event =
        tokio::time::timeout(std::time::Duration::from_secs(20), events.chunk()).await.expect("in time");
    assert_eq!(event.expect("no error").as_deref(), Some(&b"data: moved\n\n"[..]));
}

#[tokio::test]
async fn pages_of_other_sites_cannot_read_or_change_anything() {
    let sandbox = start().await;
    let state = format!("{}/sandbox/state", sandbox.url());
    // A name of another site that leads to this machine.
    let rebound = http().get(&state).header("host", "evil.example").send().await.expect("an answer");
    assert_eq!(rebound.status(), 403);
    // A script of another site can send this request, but its browser does not show it the answer. Before
    // sending JSON, a browser asks the server.
    let foreign =
        http().get(&state).header("origin", "https://evil.example").send().await.expect("an answer");
    assert!(!foreign.headers().contains_key("access-control-allow-origin"));
    let form = http()
        .post(format!("{}/sandbox/claim", sandbox.url()))
        .form(&[("domain", "Zonnedauw"), ("username", "game")]);
    assert_eq!(form.send().await.expect("an answer").status(), 415);
}

/// The status of what a browser sends to the page: under this name, from a page of this origin.
async fn status(sandbox: &Sandbox, path: &str, host: &str, origin: Option<&str>) -> u16 {
    let url = format!("http://127.0.0.1:{}{path}", sandbox.address().port());
    let claim = json!({ "domain": "Zonnedauw", "username": "game" });
    let request = match path {
        "/sandbox/claim" => http().post(url).json(&claim),
        "/sandbox/faults" if origin.is_some() => http().put(url).json(&json!([])),
        _ => http().get(url),
    };
    let request = request.header("host", host);
    let request = if let Some(origin) = origin { request.header("origin", origin) } else { request };
    request.send().await.expect("an answer").status().as_u16()
}

#[tokio::test]
async fn a_page_for_everybody_is_shown_under_its_own_names_only() {
    let everywhere = "0.0.0.0:0".parse().expect("an address");
    let config = world().listen(everywhere).admin(true).public_url("https://koppeltaal.example/sandbox");
    let sandbox = config.start().await.expect("a sandbox");
    for path in ["/", "/sandbox/state", "/sandbox/faults", "/sandbox/claim"] {
        // Another site's name cannot be an address, so any of those is this machine's.
        for host in ["localhost:8080", "127.0.0.1", "[::1]:80", "192.0.2.7:8080", "Koppeltaal.example"] {
            assert_eq!(status(&sandbox, path, host, None).await, 200, "{path} at {host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "koppeltaal.example.evil.example:8080",
            "192.0.2.7.evil.example",
        ] {
            assert_eq!(status(&sandbox, path, host, None).await, 403, "{path} at {host}");
        }
    }
    let here = format!("127.0.0.1:{}", sandbox.address().port());
    let one = world().listen("127.0.0.1:0".parse().expect("an address")).admin(true).start().await;
    let one = one.expect("a sandbox");
    assert_eq!(status(&one, "/sandbox/state", &here, None).await, 200);
    assert_eq!(status(&one, "/sandbox/state", "192.0.2.7:80", None).await, 403, "it does not listen there");
}

#[tokio::test]
async fn what_changes_something_is_sent_by_the_page_itself() {
    let config = world().admin(true).public_url("https://koppeltaal.example");
    let sandbox = config.start().await.expect("a sandbox");
    for path in ["/sandbox/claim", "/sandbox/faults"] {
        for (host, origin, expected) in [
            ("localhost:81", "http://localhost:81", 200),
            ("localhost:81", "https://koppeltaal.example", 200),
            ("localhost:81", "http://koppeltaal.example", 403),
            ("localhost:81", "http://localhost:82", 403),
            ("localhost:81", "https://evil.example", 403),
            ("localhost:81", "null", 403),
        ] {
            assert_eq!(status(&sandbox, path, host, Some(origin)).await, expected, "{path} from {origin}");
        }
    }
}

#[tokio::test]
async fn a_wrong_origin_is_answered_with_the_right_ones() {
    let sandbox = world().admin(true).public_url("https://koppeltaal.example/sandbox").start().await;
    let sandbox = sandbox.expect("a sandbox");
    let here = format!("127.0.0.1:{}", sandbox.address().port());
    let request = http().post(format!("http://{here}/sandbox/claim"));
    let request = request.json(&json!({})).header("origin", "https://evil.example");
    let text = request.send().await.expect("an answer").text().await.expect("text");
    assert!(
        text.contains("header Origin")
            && text.contains(&format!("http://{here} or https://koppeltaal.example"))
            && text.contains("public URL"),
        "{text}"
    );
    assert!(!text.contains("evil.example"), "what a client sent is not repeated");
}

#[tokio::test]
async fn what_needs_no_login_is_short() {
    let sandbox = world().admin(true).start().await.expect("a sandbox");
    let long = json!({ "domain": "x".repeat(64 << 10) });
    for request in [
        http().post(format!("{}/sandbox/claim", sandbox.url())),
        http().put(format!("{}/sandbox/faults", sandbox.url())),
    ] {
        let answer = request.json(&long).send().await.expect("an answer");
        assert_eq!(answer.status(), 413);
    }
}

#[tokio::test]
async fn there_is_no_page_where_others_can_reach_it() {
    let everywhere = "0.0.0.0:0".parse().expect("an address");
    let open = world().listen(everywhere).start().await.expect("a sandbox");
    for path in ["", "/sandbox/state", "/sandbox/messages", "/sandbox/page/main.js"] {
        let answer = http().get(format!("{}{path}", open.url())).send().await.expect("an answer");
        assert_eq!(answer.status(), 404);
    }
    let admin = world().listen(everywhere).admin(true).start().await.expect("a sandbox");
    assert_eq!(http().get(admin.url()).send().await.expect("an answer").status(), 200);
}
