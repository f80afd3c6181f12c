//! The page for people: its requests, and that no page of another site can make them.

mod common;

use common::{Client, Format, http, plan, world};
use koppeltaal_sandbox::{Application, Sandbox};
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
    for (path, content_type) in
        [("page.css", "text/css; charset=utf-8"), ("page.js", "text/javascript; charset=utf-8")]
    {
        assert!(html.contains(&format!("sandbox/{path}")));
        let asset = http().get(format!("{}/sandbox/{path}", sandbox.url())).send().await.expect("an answer");
        assert_eq!(asset.headers()["content-type"], content_type);
        assert!(!asset.text().await.expect("text").contains("http"), "{path}");
    }
}

#[tokio::test]
async fn queues_and_messages_are_shown_and_moved_by_hand() {
    let sandbox = start().await;
    Client::portal(&sandbox, Format::Json).send_message(plan("m1", "1")).await.bundle();
    let state = get(&sandbox, "/sandbox/state").await;
    let instances = state["domains"][1]["instances"].as_array().expect("instances");
    let game = instances.iter().find(|instance| instance["username"] == "game").expect("the game");
    assert_eq!((&game["messages"], &game["listening"]), (&json!({ "New": 1 }), &json!(0)));
    assert_eq!(state["applications"], json!(["game"]));

    let queue = get(&sandbox, "/sandbox/queue?domain=Zonnedauw&username=game").await;
    assert_eq!((&queue["total"], &queue["messages"][0]["identifier"]), (&json!(1), &json!("m1")));
    let me = json!({ "domain": "Zonnedauw", "username": "game" });
    let (_, claimed) = post(&sandbox, "/sandbox/claim", me.clone()).await;
    let number = claimed["number"].as_u64().expect("a number");
    assert_eq!(post(&sandbox, "/sandbox/claim", me).await.1["number"], Value::Null);

    let path = format!("/sandbox/message?domain=Zonnedauw&username=game&number={number}");
    let message = get(&sandbox, &path).await;
    assert_eq!(message["header"]["Status"], "Claimed");
    assert!(message["json"].as_str().is_some_and(|json| json.contains("MessageHeader")));
    assert!(message["xml"].as_str().is_some_and(|xml| xml.contains("<feed")));
    assert_eq!(message["resources"].as_array().map(Vec::len), Some(3));

    let failed = json!({ "domain": "Zonnedauw", "username": "game", "number": number.to_string(), "status": "Failed", "exception": "why" });
    assert_eq!(
        post(&sandbox, "/sandbox/acknowledge", failed).await,
        (200, get(&sandbox, "/sandbox/queue?domain=Zonnedauw&username=game").await["messages"][0].clone())
    );
    let message = get(&sandbox, &path).await;
    assert_eq!(
        (&message["header"]["Status"], &message["header"]["Exception"]),
        (&json!("Failed"), &json!("why"))
    );
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
    for path in ["", "/sandbox/state", "/sandbox/page.js"] {
        let answer = http().get(format!("{}{path}", open.url())).send().await.expect("an answer");
        assert_eq!(answer.status(), 404);
    }
    let admin = world().listen(everywhere).admin(true).start().await.expect("a sandbox");
    assert_eq!(http().get(admin.url()).send().await.expect("an answer").status(), 200);
}
