//! Searches over HTTP: parameters, pages, order.

use reqwest::Method;
use serde_json::json;

use super::common::{Reply, Server, patient, resource, task};

const PUBLISHER_ID: &str = "http://koppeltaal.nl/fhir/StructureDefinition/KT2PublisherId";

#[tokio::test]
async fn a_search_finds_by_all_kinds_of_parameters() {
    let server = Server::start().await;
    let epd = server.epd();
    let jansen = epd.create(&patient("Jansen")).await;
    let edith = epd.create(&patient("Édith")).await;
    let practitioner = epd.create(&resource("Practitioner", json!({"name": [{"family": "Smit"}]}))).await;
    let definition = epd
        .create(&resource(
            "ActivityDefinition",
            json!({"status": "active", "url": "urn:game", "topic": [{"coding": [{"code": "mood"}]}],
                "extension": [{"url": PUBLISHER_ID, "valueId": "acme"}]}),
        ))
        .await;
    let mut first = task(&jansen, "ready");
    first["owner"] = json!({"reference": practitioner});
    first["authoredOn"] = json!("2026-03-30");
    first["extension"] = json!([{"url": "http://vzvz.nl/fhir/StructureDefinition/instantiates",
        "valueReference": {"reference": definition}}]);
    first["code"] = json!({"coding": [{"system": "urn:codes", "code": "exercise"}]});
    let first = epd.create(&first).await;
    let second = epd.create(&task(&edith, "completed")).await;
    let id = |reference: &str| reference.split_once('/').map(|(_, id)| id.to_owned()).expect("a reference");
    let (one, two, both) = (vec![id(&first)], vec![id(&second)], vec![id(&second), id(&first)]);
    for (search, expected) in [
        ("", &both),
        ("status=ready", &one),
        ("status=ready,completed", &both),
        ("status=ready&status=completed", &vec![]),
        ("status:not=ready", &two),
        ("status=http://hl7.org/fhir/task-status|ready", &one),
        (&format!("patient={jansen}"), &one),
        (&format!("patient={}", id(&edith)), &two),
        (&format!("subject={jansen}"), &one),
        (&format!("owner={practitioner}&status=ready"), &one),
        ("owner:missing=true", &two),
        ("owner:missing=false", &one),
        ("code=exercise", &one),
        ("code=urn:codes|exercise", &one),
        ("code=urn:codes|", &one),
        ("code=|exercise", &vec![]),
        ("code=other", &vec![]),
        ("authored-on=ge2026-03-01&authored-on=lt2026-04", &one),
        ("authored-on=lt2026", &vec![]),
        (&format!("instantiates={definition}"), &one),
        ("instantiates.publisherId=acme", &one),
        ("instantiates:ActivityDefinition.topic=mood", &one),
        ("instantiates.url=urn:game&status=ready", &one),
        ("instantiates.publisherId=other", &vec![]),
        ("patient.identifier=urn:epd|Jansen", &one),
        ("patient.name=jan", &one),
        ("owner.name=smi", &one),
        ("resource-origin=Device/epd", &both),
        ("resource-origin=Device/portal", &vec![]),
        (&format!("_id={}", id(&second)), &two),
        (&format!("_id={},{}", id(&second), id(&first)), &both),
        ("_id=none", &vec![]),
        ("_profile=http://koppeltaal.nl/fhir/StructureDefinition/KT2Task", &both),
        ("_lastUpdated=gt2020-01-01", &both),
        ("_lastUpdated=lt2020-01-01", &vec![]),
        ("_lastUpdated=gt2020&_lastUpdated=lt2019", &vec![]),
        ("_sort=authored-on", &vec![id(&first), id(&second)]),
        ("_sort=_lastUpdated", &vec![id(&first), id(&second)]),
        ("_sort=-status", &vec![id(&first), id(&second)]),
    ] {
        let reply = epd.get(&format!("/Task?{search}")).await.expect(200);
        assert_eq!(
            (&reply.ids(), reply.json()["total"].as_u64()),
            (expected, Some(expected.len() as u64)),
            "{search}"
        );
    }
    for (search, expected) in [
        ("/Patient?name=jan", 1),
        ("/Patient?family=edith", 1),
        ("/Patient?family:exact=edith", 0),
        ("/Patient?family:contains=anse", 1),
        ("/Patient?identifier=urn:epd|Jansen", 1),
        ("/Patient?identifier=Jansen", 1),
        ("/Patient?active=true", 2),
        ("/ActivityDefinition?topic=mood&url=urn:game&publisherId=acme", 1),
        ("/Device?status=active", 6),
    ] {
        assert_eq!(epd.get(search).await.expect(200).ids().len(), expected, "{search}");
    }
    let unknown = epd.get("/Task?colour=red").await.expect(400);
    assert!(unknown.diagnostics().contains("\"colour\"") && unknown.diagnostics().contains("instantiates"));
    let form = epd
        .request(Method::POST, "/Task/_search?status=ready")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("patient={jansen}"));
    assert_eq!(epd.send(form).await.expect(200).ids(), one);
}

#[tokio::test]
async fn since_the_last_change_only_later_ones_are_found() {
    let server = Server::start().await;
    let epd = server.epd();
    epd.create(&patient("A")).await;
    let second = epd.post("/Patient", &patient("B")).await.expect(201);
    let third = epd.post("/Patient", &patient("C")).await.expect(201);
    let time = second.json()["meta"]["lastUpdated"].as_str().expect("a time").to_owned();
    assert_eq!(epd.get(&format!("/Patient?_lastUpdated=gt{time}")).await.ids(), [third.id()]);
    assert_eq!(epd.get(&format!("/Patient?_lastUpdated=ge{time}")).await.ids(), [third.id(), second.id()]);
    assert_eq!(epd.get(&format!("/Patient?_lastUpdated={time}")).await.ids(), [second.id()]);
}

#[tokio::test]
async fn pages_stay_as_they_were_while_data_change() {
    let server = Server::start().await;
    let epd = server.epd();
    let mut created = Vec::new();
    for number in 0..25 {
        created.insert(0, epd.post("/Patient", &patient(&format!("P{number}"))).await.expect(201));
    }
    let ids: Vec<_> = created.iter().map(Reply::id).collect();
    let first = epd.get("/Patient").await.expect(200);
    assert_eq!(first.ids(), ids[..20]);
    assert_eq!(first.json()["entry"][0]["search"]["mode"], "match");
    assert_eq!(first.json()["entry"][0]["fullUrl"], format!("{}/Patient/{}", server.base, ids[0]));
    assert_eq!(first.link("self"), Some(format!("{}/Patient", server.base)));
    let next = first.link("next").expect("a next page");
    epd.create(&patient("New")).await;
    let path = format!("/Patient/{}", ids[24]);
    epd.put(&path, 1, &created[24].json()).await.expect(200);
    epd.delete(&format!("/Patient/{}", ids[22])).await.expect(204);
    let second = epd.get(&next).await.expect(200);
    assert_eq!(second.ids(), [20, 21, 23, 24].map(|place: usize| ids[place].clone()));
    assert_eq!(second.link("next"), None);
    assert_eq!(second.json()["total"], 25);
    server.client("portal", super::common::ALL).get(&next).await.expect(410);
    server.client("epd", "system/Task.r").get(&next).await.expect(403);
    epd.get("?_getpages=none").await.expect(410);
    let few = epd.get("/Patient?_count=2&_sort=family").await.expect(200);
    assert_eq!((few.ids().len(), few.json()["total"].as_u64()), (2, Some(25)));
    assert_eq!(epd.get(&few.link("next").expect("more")).await.expect(200).ids().len(), 2);
    for search in ["_count=0", "_summary=count"] {
        let none = epd.get(&format!("/Patient?{search}")).await.expect(200);
        assert_eq!((none.ids().len(), none.json()["total"].as_u64(), none.link("next")), (0, Some(25), None));
    }
    epd.get("/Patient?_summary=text").await.expect(400);
}
