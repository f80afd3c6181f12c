//! Create, read, update, delete, history, formats, errors.

use reqwest::Method;
use serde_json::{Value, json};

use super::common::{ALL, Server, client, patient, resource, task};
use crate::notification::NotificationSettings;
use crate::store::StoreLimits;

#[tokio::test]
async fn a_resource_gets_id_version_time_and_origin() {
    let server = Server::start().await;
    let created = server.epd().post("/Patient", &patient("Jansen")).await.expect(201);
    let body = created.json();
    let id = created.id();
    assert_eq!(id.len(), 36);
    assert_eq!(body["meta"]["versionId"], "1");
    assert!(body["meta"]["lastUpdated"].as_str().is_some_and(|time| time.ends_with('Z')), "{body}");
    assert_eq!(
        body["extension"],
        json!([{"url": "http://koppeltaal.nl/fhir/StructureDefinition/resource-origin",
            "valueReference": {"reference": "Device/epd", "type": "Device"}}])
    );
    assert_eq!(created.header("etag"), "W/\"1\"");
    assert_eq!(created.header("location"), format!("{}/Patient/{id}/_history/1", server.base));
    assert!(created.header("last-modified").ends_with("GMT"));
    assert!(created.header("content-type").starts_with("application/fhir+json"));
    let read = server.epd().get(&format!("/Patient/{id}")).await.expect(200);
    assert_eq!((read.json(), read.header("etag")), (body, "W/\"1\""));
}

#[tokio::test]
async fn a_resource_is_written_and_read_as_xml() {
    let server = Server::start().await;
    let epd = server.epd();
    let xml = r#"<Patient xmlns="http://hl7.org/fhir"><meta><profile
        value="http://koppeltaal.nl/fhir/StructureDefinition/KT2Patient"/></meta>
        <active value="true"/></Patient>"#;
    let request = epd
        .request(Method::POST, "/Patient")
        .header("content-type", "application/fhir+xml; fhirVersion=4.0; charset=utf-8")
        .header("accept", "application/fhir+xml")
        .body(xml);
    let created = epd.send(request).await.expect(201);
    assert!(created.text.starts_with("<Patient") && created.text.contains(r#"<active value="true"/>"#));
    assert!(created.header("content-type").starts_with("application/fhir+xml"));
    let id = created.header("location").split('/').rev().nth(2).map(str::to_owned).expect("an id");
    assert_eq!(epd.get(&format!("/Patient/{id}")).await.json()["active"], true);
    let xml = epd.get("/Patient?_format=xml").await.expect(200);
    assert!(xml.text.starts_with("<Bundle"), "{}", xml.text);
    let refused = epd.get("/Patient/1?_format=application/fhir%2Bxml").await.expect(404);
    assert!(refused.text.starts_with("<OperationOutcome"), "{}", refused.text);
}

#[tokio::test]
async fn an_update_names_the_version_that_it_changes() {
    let server = Server::start().await;
    let epd = server.epd();
    let created = epd.post("/Patient", &patient("Jansen")).await.expect(201);
    let path = format!("/Patient/{}", created.id());
    let mut changed = created.json();
    changed["active"] = json!(false);
    let without = epd.send(epd.writing(Method::PUT, &path, &changed)).await.expect(412);
    assert_eq!(without.diagnostics(), "If-Match header is required on updates\n");
    let updated = epd.put(&path, 1, &changed).await.expect(200);
    assert_eq!((updated.header("etag"), &updated.json()["active"]), ("W/\"2\"", &json!(false)));
    assert!(updated.json()["meta"]["lastUpdated"].as_str() > created.json()["meta"]["lastUpdated"].as_str());
    let stale = epd.put(&path, 1, &changed).await.expect(409);
    assert!(stale.diagnostics().contains("the current version is 2"));
    epd.put("/Patient/none", 1, &changed).await.expect(404);
    let mut other = changed.clone();
    other["id"] = json!("other");
    epd.put(&path, 2, &other).await.expect(400);
    let request = epd.writing(Method::PUT, &path, &changed).header("if-match", "yesterday");
    epd.send(request).await.expect(400);
}

#[tokio::test]
async fn of_writers_of_the_same_version_one_wins() {
    let server = Server::start().await;
    let epd = server.epd();
    let created = epd.post("/Patient", &patient("Jansen")).await.expect(201);
    let path = format!("/Patient/{}", created.id());
    let write = || {
        let (epd, path, resource) = (epd.clone(), path.clone(), created.json());
        tokio::spawn(async move { epd.put(&path, 1, &resource).await.status.as_u16() })
    };
    let writers: Vec<_> = (0..20).map(|_| write()).collect();
    let mut statuses = Vec::new();
    for writer in writers {
        statuses.push(writer.await.expect("no panic"));
    }
    statuses.sort_unstable();
    assert_eq!((statuses[0], &statuses[1..]), (200, &[409; 19][..]));
}

#[tokio::test]
async fn a_resource_that_xml_cannot_carry_is_stored_all_the_same() {
    let server = Server::start().await;
    let epd = server.epd();
    let request = epd.writing(Method::POST, "/Patient?_format=xml", &patient("Jan\u{1}sen"));
    let created = epd.send(request).await.expect(201);
    assert!(created.text.is_empty());
    let path = created.header("location");
    let as_xml = epd.request(Method::GET, path).header("accept", "application/fhir+xml");
    epd.send(as_xml).await.expect(406);
    epd.get(path).await.expect(200);
}

#[tokio::test]
async fn the_origin_is_the_servers() {
    let server = Server::start().await;
    let epd = server.epd();
    let created = epd.post("/Patient", &patient("Jansen")).await.expect(201);
    let refused = epd.post("/Patient", &created.json()).await.expect(400);
    assert!(refused.diagnostics().contains("resource-origin"));
    let path = format!("/Patient/{}", created.id());
    let mut changed = created.json();
    changed["extension"] = json!([]);
    changed.as_object_mut().expect("an object").remove("extension");
    let updated = epd.put(&path, 1, &changed).await.expect(200);
    assert_eq!(updated.json()["extension"], created.json()["extension"]);
    let mut foreign = created.json();
    foreign["extension"][0]["valueReference"]["reference"] = json!("Device/portal");
    let forbidden = epd.put(&path, 2, &foreign).await.expect(403);
    assert_eq!(forbidden.diagnostics(), "Unauthorized\n");
    let stranger = server.client("stranger", ALL);
    let refused = stranger.post("/Patient", &patient("Jansen")).await.expect(400);
    assert_eq!(refused.diagnostics(), "Device not present\n");
}

#[tokio::test]
async fn versions_are_read_and_listed_after_a_deletion_too() {
    let server = Server::start().await;
    let epd = server.epd();
    let created = epd.post("/Patient", &patient("Jansen")).await.expect(201);
    let path = format!("/Patient/{}", created.id());
    let mut changed = created.json();
    changed["active"] = json!(false);
    epd.put(&path, 1, &changed).await.expect(200);
    let stale = epd.request(Method::DELETE, &path).header("if-match", "W/\"1\"");
    epd.send(stale).await.expect(409);
    let deleted = epd.delete(&path).await.expect(204);
    assert!(deleted.text.is_empty());
    for reply in [epd.get(&path).await, epd.delete(&path).await, epd.put(&path, 3, &changed).await] {
        assert!(reply.expect(410).diagnostics().contains("deleted"));
    }
    assert!(epd.get("/Patient").await.expect(200).ids().is_empty());
    assert_eq!(epd.get(&format!("{path}/_history/1")).await.expect(200).json()["active"], true);
    epd.get(&format!("{path}/_history/3")).await.expect(410);
    epd.get(&format!("{path}/_history/4")).await.expect(404);
    epd.get("/Patient/none/_history").await.expect(404);
    let history = epd.get(&format!("{path}/_history")).await.expect(200).json();
    let methods: Vec<_> = history["entry"]
        .as_array()
        .expect("entries")
        .iter()
        .map(|entry| &entry["request"]["method"])
        .collect();
    assert_eq!(methods, ["DELETE", "PUT", "POST"]);
}

#[tokio::test]
async fn a_long_history_is_cut_off_at_its_old_end() {
    let server = Server::start().await;
    let epd = server.epd();
    let created = epd.post("/Patient", &patient("Jansen")).await.expect(201);
    let path = format!("/Patient/{}", created.id());
    for _ in 0..210 {
        server.store.change("Patient", &created.id(), |_| true).expect("it is there");
    }
    for (parameters, expected) in [("", 200), ("?_count=1000", 200), ("?_count=3", 3)] {
        let history = epd.get(&format!("{path}/_history{parameters}")).await.expect(200).json();
        let entries = history["entry"].as_array().expect("entries");
        assert_eq!((entries.len(), &history["total"]), (expected, &json!(211)), "{parameters}");
        assert_eq!(entries[0]["resource"]["meta"]["versionId"], "211");
    }
}

#[tokio::test]
async fn a_question_for_the_head_has_no_body() {
    let server = Server::start().await;
    let epd = server.epd();
    let patient = epd.create(&patient("Jansen")).await;
    let head = epd.send(epd.request(Method::HEAD, &format!("/{patient}"))).await.expect(200);
    assert_eq!((head.header("etag"), &*head.text), ("W/\"1\"", ""));
}

#[tokio::test]
async fn references_lead_to_what_is_there() {
    let server = Server::start().await;
    let epd = server.epd();
    let refused = epd.post("/Task", &task("Patient/none", "draft")).await.expect(422);
    assert_eq!(refused.json()["issue"][0]["expression"], json!(["Task.for"]));
    assert_eq!(refused.diagnostics(), "Patient/none does not exist\n");
    let patient_reference = epd.create(&patient("Jansen")).await;
    let created = epd.create(&task(&patient_reference, "draft")).await;
    let referenced = epd.delete(&format!("/{patient_reference}")).await.expect(409);
    assert_eq!(referenced.diagnostics(), format!("{created} refers to this Patient\n"));
    epd.delete(&format!("/{created}")).await.expect(204);
    epd.delete(&format!("/{patient_reference}")).await.expect(204);
    let gone = epd.post("/Task", &task(&patient_reference, "draft")).await.expect(422);
    assert_eq!(gone.diagnostics(), format!("{patient_reference} was deleted\n"));
    let elsewhere = resource(
        "Task",
        json!({"status": "draft", "intent": "plan",
        "focus": {"reference": "https://other.example/Task/1"}, "encounter": {"reference": "Encounter/1"}}),
    );
    epd.post("/Task", &elsewhere).await.expect(201);
}

#[tokio::test]
async fn what_is_wrong_with_a_body_is_told() {
    let server = Server::start().await;
    let epd = server.epd();
    let post = async |content_type: &'static str, body: &'static str| {
        let request = epd.request(Method::POST, "/Task").header("content-type", content_type).body(body);
        epd.send(request).await
    };
    let broken =
        post("application/fhir+json", "{\"resourceType\": \"Task\",\n  \"status\" ready}").await.expect(400);
    assert!(broken.diagnostics().contains("line 2, column"), "{}", broken.text);
    let other = post("application/fhir+json", "{\"resourceType\": \"Device\", \"status\": \"active\"}").await;
    assert!(other.expect(400).diagnostics().contains("found Device"));
    post("text/plain", "{}").await.expect(415);
    let wrong = resource("Task", json!({"status": "bereit", "authoredOn": "gisteren"}));
    let refused = epd.post("/Task", &wrong).await.expect(422).json();
    let expressions: Vec<_> = refused["issue"]
        .as_array()
        .expect("issues")
        .iter()
        .map(|issue| issue["expression"][0].clone())
        .collect();
    for expected in ["Task.status", "Task.authoredOn", "Task.intent"] {
        assert!(expressions.contains(&json!(expected)), "{expected} in {expressions:?}");
    }
    let unprofiled = json!({"resourceType": "Task", "status": "draft", "intent": "plan"});
    let refused = epd.post("/Task", &unprofiled).await.expect(422).json();
    assert_eq!(refused["issue"][0]["expression"], json!(["Task.meta.profile"]));
    let view = resource(
        "Task",
        json!({"status": "draft", "intent": "plan", "code": {"coding": [{"code": "view"}]}}),
    );
    assert_eq!(
        epd.post("/Task", &view).await.expect(422).json()["issue"][0]["expression"],
        json!(["Task.partOf"])
    );
    let large =
        resource("Task", json!({"status": "draft", "intent": "plan", "description": "x".repeat(5 << 20)}));
    epd.post("/Task", &large).await.expect(413);
}

#[tokio::test]
async fn unknown_addresses_methods_and_formats_are_refused() {
    let server = Server::start().await;
    let epd = server.epd();
    assert!(epd.get("/Location").await.expect(404).diagnostics().contains("Task"));
    epd.get("?status=ready").await.expect(404);
    epd.get("").await.expect(404);
    epd.get("/").await.expect(404);
    epd.get("//Task").await.expect(200);
    assert_eq!(
        epd.send(epd.request(Method::POST, "/Task/1")).await.expect(405).header("allow"),
        "GET, PUT, PATCH, DELETE"
    );
    epd.send(epd.request(Method::GET, "/Task").header("accept", "text/turtle")).await.expect(406);
}

#[tokio::test]
async fn a_patch_changes_what_it_names() {
    let server = Server::start().await;
    let epd = server.epd();
    let path = format!("/{}", epd.create(&patient("Jansen")).await);
    let patch = async |media_type: &'static str, version: &'static str, patch: &'static str| {
        let request = epd.request(Method::PATCH, &path).header("content-type", media_type).body(patch);
        epd.send(if version.is_empty() { request } else { request.header("if-match", version) }).await
    };
    let off = r#"[{"op": "replace", "path": "/active", "value": false}]"#;
    patch("application/json-patch+json", "", off).await.expect(412);
    patch("application/xml-patch+xml", "W/\"1\"", off).await.expect(415);
    let patched = patch("application/json-patch+json", "W/\"1\"", off).await.expect(200);
    assert_eq!((&patched.json()["active"], patched.header("etag")), (&json!(false), "W/\"2\""));
    patch("application/json-patch+json", "W/\"1\"", off).await.expect(409);
    let origin =
        r#"[{"op": "replace", "path": "/extension/0/valueReference/reference", "value": "Device/portal"}]"#;
    patch("application/json-patch+json", "W/\"2\"", origin).await.expect(403);
    let unprofiled = r#"[{"op": "remove", "path": "/meta/profile"}]"#;
    patch("application/json-patch+json", "W/\"2\"", unprofiled).await.expect(422);
}

#[tokio::test]
async fn audit_events_never_change() {
    let server = Server::start().await;
    let epd = server.epd();
    let event = resource(
        "AuditEvent",
        json!({
        "type": {"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "110100"},
        "recorded": "2026-03-30T10:00:00Z", "outcome": "0",
        "agent": [{"who": {"reference": "Device/epd"}, "requestor": true}],
        "source": {"observer": {"reference": "Device/epd"}},
        "entity": [{"what": {"reference": "Task/never-was"}}]}),
    );
    let created = epd.post("/AuditEvent", &event).await.expect(201);
    let path = format!("/AuditEvent/{}", created.id());
    epd.put(&path, 1, &created.json()).await.expect(405);
    epd.delete(&path).await.expect(405);
}

#[tokio::test]
async fn a_conditional_create_makes_one() {
    let server = Server::start().await;
    let epd = server.epd();
    let send = async |client: &super::common::Client, condition: &'static str| {
        let request = client.writing(Method::POST, "/Patient", &patient("Jansen"));
        client.send(request.header("if-none-exist", condition)).await
    };
    let created = send(&epd, "identifier=urn:epd|Jansen").await.expect(201);
    let found = send(&epd, "identifier=urn:epd|Jansen").await.expect(200);
    assert_eq!((found.id(), found.json()["meta"]["versionId"].clone()), (created.id(), json!("1")));
    // It sees nothing of others, so it learns nothing.
    let blind = server.client("portal", "system/Patient.c");
    send(&blind, "identifier=urn:epd|Jansen").await.expect(201);
    send(&epd, "identifier=urn:epd|Jansen").await.expect(412);
    send(&epd, "colour=red").await.expect(400);
    send(&epd, "").await.expect(400);
}

#[tokio::test]
async fn a_writer_can_do_without_the_body() {
    let server = Server::start().await;
    let epd = server.epd();
    let request =
        epd.writing(Method::POST, "/Patient", &patient("Jansen")).header("prefer", "return=minimal");
    let reply = epd.send(request).await.expect(201);
    assert!(
        reply.text.is_empty() && reply.headers.contains_key("etag") && reply.headers.contains_key("location")
    );
}

#[tokio::test]
async fn discovery_needs_no_token() {
    let server = Server::start().await;
    let http = client();
    let get = async |path: &str, accept: &str| {
        let request = http.get(format!("{}{path}", server.base)).header("accept", accept);
        super::common::Reply::of(request.send().await.expect("an answer")).await
    };
    let statement: Value = get("/metadata", "application/fhir+json").await.expect(200).json();
    assert_eq!(statement["fhirVersion"], "4.0.1");
    let security = &statement["rest"][0]["security"];
    let uris = security["extension"][0]["extension"].as_array().expect("URIs");
    assert!(
        uris.contains(&json!({"url": "token", "valueUri": "https://auth.example/oauth2/token"})),
        "{uris:?}"
    );
    assert_eq!(security["service"][0]["coding"][0]["code"], "SMART-on-FHIR");
    assert_eq!(statement["rest"][0]["resource"].as_array().map(Vec::len), Some(11));
    for accept in ["application/fhir+json", "application/fhir+xml"] {
        let guide =
            get("/ImplementationGuide?url=http://koppeltaal.nl/fhir/ImplementationGuide", accept).await;
        assert!(guide.expect(200).text.contains("0.16.3"));
        assert!(!get("/ImplementationGuide?url=urn:other", accept).await.expect(200).text.contains("0.16.3"));
    }
    let refused = get("/Task", "application/fhir+json").await.expect(401);
    assert_eq!(refused.header("www-authenticate"), "Bearer");
}

#[tokio::test]
async fn what_the_server_says_of_itself_is_valid() {
    let server = Server::start().await;
    let epd = server.epd();
    epd.create(&patient("Jansen")).await;
    for path in ["/metadata", "/Patient", "/AuditEvent", "/Device/epd/_history", "/Location"] {
        let reply = epd.get(path).await;
        let read = koppeltaal_r4::ReadOptions::strict().json(reply.text.as_bytes());
        assert!(read.is_ok(), "{path}: {:?}", read.err());
    }
}

#[tokio::test]
async fn a_full_store_refuses_what_applications_write() {
    let limits = StoreLimits { resources: 8, ..StoreLimits::default() };
    let server = Server::with(limits, NotificationSettings::default()).await;
    let epd = server.epd();
    epd.create(&patient("Jansen")).await;
    epd.create(&patient("Smit")).await;
    let full = epd.post("/Patient", &patient("Bakker")).await.expect(507);
    assert!(full.diagnostics().contains("8 resources"));
}
