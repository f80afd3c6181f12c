//! Every interaction with every kind of right, as a table.

use serde_json::{Value, json};

use super::common::{Client, Reply, Server, client, patient};

/// The letter of the right that an interaction needs.
const INTERACTIONS: [(&str, char); 9] = [
    ("create", 'c'),
    ("read", 'r'),
    ("version", 'r'),
    ("history", 'r'),
    ("search", 'r'),
    ("post-search", 'r'),
    ("update", 'u'),
    ("patch", 'u'),
    ("delete", 'd'),
];

async fn act(client: &Client, interaction: &str, path: &str, resource: &Value) -> Reply {
    use reqwest::Method;
    let version = resource["meta"]["versionId"].as_str().and_then(|text| text.parse().ok()).unwrap_or(1);
    match interaction {
        "create" => client.post("/Patient", &patient("New")).await,
        "read" => client.get(path).await,
        "version" => client.get(&format!("{path}/_history/1")).await,
        "history" => client.get(&format!("{path}/_history")).await,
        "search" => client.get("/Patient").await,
        "post-search" => {
            let request = client.request(Method::POST, "/Patient/_search");
            client.send(request.header("content-type", "application/x-www-form-urlencoded")).await
        }
        "update" => client.put(path, version, resource).await,
        "patch" => {
            let request = client.request(Method::PATCH, path).header("if-match", format!("W/\"{version}\""));
            let patch = r#"[{"op": "add", "path": "/gender", "value": "female"}]"#;
            client.send(request.header("content-type", "application/json-patch+json").body(patch)).await
        }
        "delete" => client.delete(path).await,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn each_interaction_is_allowed_exactly_with_its_right() {
    let server = Server::start().await;
    for (interaction, letter) in INTERACTIONS {
        for (kind, scope, reaches_own, reaches_other) in [
            ("none", "system/Task.cruds".to_owned(), false, false),
            ("others", format!("system/Patient.{}", "crud".replace(letter, "")), false, false),
            ("own", format!("system/Patient.{letter}?resource-origin=Device/portal"), true, false),
            (
                "granted",
                format!("system/Patient.{letter}?resource-origin=Device/module,Device/epd"),
                false,
                true,
            ),
            ("all", format!("system/Patient.{letter}"), true, true),
            ("everything", "system/*.cruds".to_owned(), true, true),
        ] {
            let own = server
                .client("portal", super::common::ALL)
                .post("/Patient", &patient("Own"))
                .await
                .expect(201);
            let other = server.epd().post("/Patient", &patient("Other")).await.expect(201);
            let client = server.client("portal", &scope);
            for (created, reaches) in [(&own, reaches_own), (&other, reaches_other)] {
                let path = format!("/Patient/{}", created.id());
                let reply = act(&client, interaction, &path, &created.json()).await;
                // Of a new resource nobody is the owner yet.
                let is_allowed = match interaction {
                    "create" | "search" | "post-search" => reaches_own || reaches_other,
                    _ => reaches,
                };
                let case = format!("{interaction} with {kind} on {path}: {}", reply.text);
                assert_eq!(reply.status.is_success(), is_allowed, "{case}");
                if !is_allowed {
                    assert_eq!(
                        (reply.status.as_u16(), &*reply.diagnostics()),
                        (403, "Unauthorized\n"),
                        "{case}"
                    );
                }
                if is_allowed && interaction.ends_with("search") {
                    let found = reply.ids().contains(&created.id());
                    assert_eq!(found, reaches, "{case}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_missing_resource_is_missing_for_everybody() {
    let server = Server::start().await;
    let epd = server.epd();
    let gone = epd.post("/Patient", &patient("Gone")).await.expect(201);
    epd.delete(&format!("/Patient/{}", gone.id())).await.expect(204);
    let nobody = server.client("portal", "openid");
    for interaction in ["read", "update", "patch", "delete"] {
        act(&nobody, interaction, "/Patient/none", &gone.json()).await.expect(404);
        act(&nobody, interaction, &format!("/Patient/{}", gone.id()), &gone.json()).await.expect(410);
    }
    act(&nobody, "history", "/Patient/none", &json!({})).await.expect(404);
    // The history of a deleted resource is not for everybody.
    act(&nobody, "history", &format!("/Patient/{}", gone.id()), &json!({})).await.expect(403);
}

#[tokio::test]
async fn without_a_valid_token_nothing_is_told() {
    let server = Server::start().await;
    let created = server.epd().post("/Patient", &patient("Jansen")).await.expect(201);
    let path = format!("{}/Patient/{}", server.base, created.id());
    let http = client();
    for authorization in [None, Some("Bearer nonsense"), Some("Basic YTpi"), Some("Bearer"), Some("nonsense")]
    {
        for path in [&path, &format!("{}/Patient/none", server.base), &format!("{}/Location", server.base)] {
            let request = http.get(path);
            let request = authorization
                .map_or(request.try_clone().expect("no body"), |text| request.header("authorization", text));
            let reply = Reply::of(request.send().await.expect("an answer")).await.expect(401);
            assert_eq!(
                (reply.header("www-authenticate"), &*reply.diagnostics()),
                ("Bearer", "Unauthorized\n")
            );
        }
    }
}

#[tokio::test]
async fn a_chain_tells_nothing_of_what_may_not_be_read() {
    let server = Server::start().await;
    let patient = server.epd().create(&patient("Jansen")).await;
    let task = server.epd().create(&super::common::task(&patient, "ready")).await;
    for (scope, is_found) in [
        ("system/Task.r", false),
        ("system/Task.r system/Patient.r?resource-origin=Device/portal", false),
        ("system/Task.r system/Patient.r?resource-origin=Device/epd", true),
        ("system/Task.r system/Patient.r", true),
    ] {
        let found =
            server.client("portal", scope).get("/Task?patient.identifier=urn:epd|Jansen").await.expect(200);
        assert_eq!(found.ids().iter().any(|id| task.ends_with(id)), is_found, "{scope}");
    }
}

#[tokio::test]
async fn a_search_for_another_origin_stays_within_the_rights() {
    let server = Server::start().await;
    let other = server.epd().post("/Patient", &patient("Other")).await.expect(201);
    let portal = server.client("portal", "system/Patient.r?resource-origin=Device/portal");
    for search in [
        "resource-origin=Device/epd",
        "resource-origin=Device/epd,Device/portal",
        "resource-origin:missing=false",
    ] {
        let found = portal.get(&format!("/Patient?{search}")).await.expect(200);
        assert!(!found.ids().contains(&other.id()), "{search}");
    }
    let restricted = server.client("portal", "system/Patient.r?something=new");
    assert!(restricted.get("/Patient").await.expect(200).ids().is_empty());
}
