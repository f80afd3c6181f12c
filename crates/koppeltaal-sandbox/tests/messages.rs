//! The way of a message over real sockets: post, claim, acknowledge, conflict, in JSON and XML.

mod common;

use common::{
    Client, FORMATS, Format, bundle, fixture, header_mut, plan, processing, start, status_of, world,
};
use koppeltaal_fhir::resources::{CarePlan, MessageHeader, Other, ResponseType};
use koppeltaal_fhir::{Document, Entry, Resource};
use koppeltaal_messaging::vocabulary::{self, extension::message_header};
use koppeltaal_messaging::{Event, ProcessingStatus as Status};
use koppeltaal_sandbox::Instance;
use reqwest::Method;
use std::time::Duration;

#[tokio::test]
async fn a_message_is_posted_claimed_and_acknowledged() {
    for format in FORMATS {
        let sandbox = start().await;
        let (portal, game) = (Client::portal(&sandbox, format), Client::game(&sandbox, format));
        let posted = fixture("messages/CreateOrUpdateCarePlan-minimal", format);
        let reply = portal.with_body(Method::POST, "Mailbox", posted).await;
        let (_, header) = reply.header_entry();
        let response = header.response.expect("a response");
        assert_eq!(response.identifier.as_str(), Some("c43f4204-e06b-565e-abf2-6743a4f3a597"));
        assert_eq!(response.code.get().map(ResponseType::as_str), Some("ok"));
        assert_eq!(header.event.expect("an event").code.as_str(), Some("CreateOrUpdateCarePlan"));
        let data: Vec<_> = header.data.iter().filter_map(|data| data.reference.as_str()).collect();
        assert_eq!(data.len(), 3);
        assert!(data[0].starts_with("https://portal.example/fhir/CarePlan/910/_history/20"), "{data:?}");

        let claimed = game.claim().await;
        let message = claimed.bundle();
        let tags: Vec<_> = message.category.iter().map(|tag| tag.term.as_str()).collect();
        assert_eq!(
            tags,
            ["http://ggz.koppeltaal.nl/fhir/Koppeltaal/Domain#Zonnedauw", vocabulary::MESSAGE_TAG]
        );
        let (entry, received) = claimed.header_entry();
        let number_url = format!("{}/FHIR/Koppeltaal/MessageHeader/", sandbox.url());
        let id = entry.id.expect("an id");
        let number: u64 = id.strip_prefix(&number_url).and_then(|number| number.parse().ok()).expect(&id);
        assert_eq!(entry.title.as_str(), Some(format!("MessageHeader with IID={number}").as_str()));
        let self_link = entry.link.iter().find(|link| link.rel == "self").expect("a self link");
        assert!(self_link.href.starts_with(&format!("{id}/_history/20")), "{}", self_link.href);
        assert_eq!(received.identifier.as_str(), Some("c43f4204-e06b-565e-abf2-6743a4f3a597"));
        assert_eq!(
            received.source.as_ref().and_then(|source| source.endpoint.as_str()),
            Some("https://portal.example/fhir")
        );
        assert_eq!(status_of(&received), Status::Claimed);

        // Exactly one reference: the focal entry's self link, with the version that the reply gave.
        let references: Vec<_> = received.data.iter().filter_map(|data| data.reference.as_str()).collect();
        assert_eq!(references, [data[0]]);
        assert_eq!(message.entry[1].id.as_deref(), Some("https://portal.example/fhir/CarePlan/910"));
        let links: Vec<_> =
            message.entry[1..].iter().map(|entry| entry.link("self").unwrap_or_default()).collect();
        assert_eq!(links, data);
        let self_links = |entry: &Entry| entry.link.iter().filter(|link| link.rel == "self").count();
        assert!(message.entry.iter().all(|entry| self_links(entry) == 1));
        assert!(claimed.bundle().link("next").is_none());
        assert!(game.claim().await.bundle().entry.is_empty());

        let done = game.acknowledge(&id, &received, Status::Success).await;
        let header = done.resource::<MessageHeader>();
        assert_eq!(status_of(&header), Status::Success);
        assert!(done.header("content-location").starts_with(&format!("{id}/_history/")));
        let (_, header) = game.get(&format!("MessageHeader/_search?_id={number}")).await.header_entry();
        assert_eq!(status_of(&header), Status::Success);
    }
}

#[tokio::test]
async fn what_is_posted_in_one_format_can_be_claimed_in_the_other() {
    for (sender, receiver) in [(Format::Json, Format::Xml), (Format::Xml, Format::Json)] {
        let sandbox = start().await;
        let posted = fixture("messages/CreateOrUpdateCarePlan-minimal", sender);
        Client::portal(&sandbox, sender).with_body(Method::POST, "Mailbox", posted).await.bundle();
        let claimed = Client::game(&sandbox, receiver).claim().await;
        let plan =
            claimed.bundle().entry[1].content.as_ref().and_then(|content| content.get::<CarePlan>()).cloned();
        let original = bundle("messages/CreateOrUpdateCarePlan-minimal");
        assert_eq!(plan.as_ref(), original.entry[1].content.as_ref().and_then(|content| content.get()));
    }
}

#[tokio::test]
async fn every_minimal_message_is_accepted_and_delivered() {
    for format in FORMATS {
        for event in Event::ALL.into_iter().filter(|event| *event != Event::CreateOrUpdateActivityDefinition)
        {
            let sandbox = start().await;
            let posted = fixture(&format!("messages/{event}-minimal"), format);
            Client::portal(&sandbox, format).with_body(Method::POST, "Mailbox", posted).await.bundle();
            let receiver = match event {
                Event::UpdateCarePlanActivityStatus => Client::portal(&sandbox, format),
                _ => Client::game(&sandbox, format),
            };
            let (_, header) = receiver.claim().await.header_entry();
            assert_eq!(header.event.expect("an event").code.as_str(), Some(event.code()));
        }
    }
}

#[tokio::test]
async fn ids_of_elements_and_unknown_extensions_and_codes_survive() {
    for format in FORMATS {
        let sandbox = start().await;
        let mut message = plan("m1", "1");
        let state =
            br#"{"resourceType": "Other", "id": "state", "extension": [{"url": "https://game.example/ext#x",
            "valueString": "kept", "id": "e1"}], "code": {"coding": [{"system": "https://game.example/codes",
            "code": "BlackBoxState"}]}}"#;
        let Document::Resource(state) = Format::Json.read(state) else { panic!("a resource") };
        message.entry.push(Entry {
            id: Some("https://game.example/BlackBoxState/1".into()),
            content: Some(state.clone()),
            ..Default::default()
        });
        let sent: CarePlan =
            message.entry[1].content.as_ref().and_then(Resource::get).cloned().expect("a plan");
        assert_eq!(sent.activity[0].id.as_deref(), Some("b1"));
        let mut unknown = sent.activity[0].extension[0].clone();
        unknown.url = "https://portal.example/unknown".into();
        header_mut(&mut message).extension.push(unknown.clone());
        Client::portal(&sandbox, format).send_message(message).await.bundle();

        let claimed = Client::game(&sandbox, format).claim().await;
        let entries = claimed.bundle().entry;
        assert_eq!(entries[1].content.as_ref().and_then(Resource::get), Some(&sent));
        assert_eq!(entries[4].content.as_ref().and_then(Resource::get::<Other>), state.get::<Other>());
        assert!(claimed.header_entry().1.extension.contains(&unknown));
    }
}

#[tokio::test]
async fn the_processing_status_has_its_parts_in_the_order_that_old_clients_need() {
    let sandbox = start().await;
    let (portal, game) = (Client::portal(&sandbox, Format::Json), Client::game(&sandbox, Format::Json));
    portal.send_message(plan("m1", "1")).await.bundle();
    let (entry, header) = game.claim().await.header_entry();
    let id = entry.id.expect("an id");
    let mut failed = koppeltaal_messaging::Header::from(header);
    let state = koppeltaal_messaging::ProcessingState::new(
        Status::Failed,
        koppeltaal_fhir::primitives::Instant::now(),
    );
    failed.set_processing(&state.with_exception("Onbekende activiteit")).expect("a step of the protocol");
    game.put(&id, failed.into_fhir()).await.document();

    let answer = game.get(&format!("MessageHeader/_search?_id={id}")).await;
    let (_, header) = answer.header_entry();
    assert_eq!(processing(&header).exception(), Some("Onbekende activiteit"));
    let status = header.extension.iter().find(|extension| extension.url == message_header::PROCESSING_STATUS);
    let urls: Vec<_> = status.expect("a status").extension.iter().map(|part| part.url.as_str()).collect();
    assert_eq!(
        urls,
        [
            message_header::PROCESSING_STATUS_STATUS,
            message_header::PROCESSING_STATUS_STATUS_LAST_CHANGED,
            message_header::PROCESSING_STATUS_EXCEPTION,
        ]
    );
}

#[tokio::test]
async fn a_header_is_acknowledged_with_and_without_version_and_by_a_rebuilt_one() {
    let sandbox = start().await;
    let (portal, game) = (Client::portal(&sandbox, Format::Json), Client::game(&sandbox, Format::Json));
    for (id, with_version) in [("1", true), ("2", false)] {
        portal.send_message(plan(id, id)).await.bundle();
        let (entry, _) = game.claim().await.header_entry();
        let url = if with_version { entry.link("self").map(str::to_owned) } else { entry.id }.expect("a URL");
        let rebuilt = MessageHeader::default();
        let header = game.acknowledge(&url, &rebuilt, Status::Success).await.resource::<MessageHeader>();
        assert_eq!(header.identifier.as_str(), Some(id), "the server's header is the one that counts");
    }
}

#[tokio::test]
async fn a_header_that_was_re_serialised_with_the_wrong_namespace_is_understood() {
    let sandbox = start().await;
    let (portal, game) = (Client::portal(&sandbox, Format::Xml), Client::game(&sandbox, Format::Xml));
    portal.send_message(plan("m1", "1")).await.bundle();
    let id = game.claim().await.header_entry().0.id.expect("an id");
    let part = |url: &str, value: &str| format!(r#"<extension url="{url}">{value}</extension>"#);
    let status = part(message_header::PROCESSING_STATUS_STATUS, r#"<valueCode value="Success"/>"#);
    let status = part(message_header::PROCESSING_STATUS, &status);
    let status = status.replacen("<extension", r#"<extension xmlns="http://hl7.org/fhir""#, 1);
    let body = format!(r#"<MessageHeader xmlns="http://www.w3.org/2005/Atom">{status}</MessageHeader>"#);
    let header = game.with_body(Method::PUT, &id, body).await.resource::<MessageHeader>();
    assert_eq!(status_of(&header), Status::Success);
}

#[tokio::test]
async fn a_status_that_cannot_be_is_refused() {
    let sandbox = start().await;
    for format in FORMATS {
        let (portal, game) = (Client::portal(&sandbox, format), Client::game(&sandbox, format));
        portal.send_message(plan(&format!("{format:?}"), &format!("{format:?}"))).await.bundle();
        let (entry, header) = game.claim().await.header_entry();
        let id = entry.id.expect("an id");
        game.acknowledge(&id, &header, Status::Success).await.document();
        let refused = game.acknowledge(&id, &header, Status::New).await;
        assert_eq!(refused.details(422), "The processing status cannot go from Success to New.");
        portal.acknowledge(&id, &header, Status::Success).await.details(403);
        game.acknowledge("MessageHeader/4711", &header, Status::Success).await.details(404);
        game.put(&id, MessageHeader::default()).await.details(400);
        game.put(&id, CarePlan::default()).await.details(400);
    }
}

#[tokio::test]
async fn version_trouble_is_a_conflict_that_names_the_resource() {
    for format in FORMATS {
        let sandbox = start().await;
        let portal = Client::portal(&sandbox, format);
        let first = portal.send_message(plan("m1", "1")).await.header_entry().1;
        let version = first.data[0].reference.as_str().expect("a reference").to_owned();

        let missing = portal.send_message(plan("m2", "1")).await;
        assert_eq!(missing.details(409), "No version specified for the focal resource, message is rejected.");
        assert_eq!(missing.issues(409)[0].resource, Some("https://portal.example/fhir/CarePlan/1".into()));

        let versioned = |identifier: &str, reference: &str| {
            let mut message = plan(identifier, "1");
            header_mut(&mut message).data[0].reference = reference.into();
            message.entry[1].link[0].href = reference.to_owned();
            message
        };
        let stale =
            versioned("m3", "https://portal.example/fhir/CarePlan/1/_history/2020-08-15T07:33:55:708.2583");
        let wrong = portal.send_message(stale).await;
        assert_eq!(wrong.details(409), "The specified resource version is not correct");
        assert!(wrong.issues(409)[0].is("conflict"));

        let second = portal.send_message(versioned("m4", &version)).await.header_entry().1;
        let next = second.data[0].reference.as_str().expect("a reference");
        assert!(next > version.as_str(), "{next} grows as text");
        assert_eq!(second.data.len(), 1, "nothing else changed");
    }
}

#[tokio::test]
async fn a_message_posted_again_gets_the_same_answer() {
    for format in FORMATS {
        let sandbox = start().await;
        let (portal, game) = (Client::portal(&sandbox, format), Client::game(&sandbox, format));
        let first = portal.send_message(plan("m1", "1")).await.header_entry();
        let second = portal.send_message(plan("m1", "1")).await.header_entry();
        assert_eq!(first, second);
        game.claim().await.header_entry();
        assert!(game.claim().await.bundle().entry.is_empty());
    }
}

#[tokio::test]
async fn a_claim_runs_out_when_its_time_is_over() {
    let sandbox = world().claim_timeout(Duration::from_secs(60)).start().await.expect("a sandbox");
    let (portal, game) = (Client::portal(&sandbox, Format::Json), Client::game(&sandbox, Format::Json));
    portal.send_message(plan("m1", "1")).await.bundle();
    let first = game.claim().await.header_entry().0.id;
    assert!(game.claim().await.bundle().entry.is_empty());
    sandbox.advance_clock(Duration::from_secs(61));
    assert_eq!(game.claim().await.header_entry().0.id, first);
}

#[tokio::test]
async fn one_message_is_claimed_once_however_many_ask() {
    let sandbox = start().await;
    let (portal, game) = (Client::portal(&sandbox, Format::Json), Client::game(&sandbox, Format::Json));
    for id in 0..20 {
        portal.send_message(plan(&format!("m{id}"), &id.to_string())).await.bundle();
    }
    let workers: Vec<_> = (0..8)
        .map(|_| {
            let game = game.clone();
            tokio::spawn(async move {
                let mut claimed = Vec::new();
                loop {
                    let answer = game.claim().await;
                    if answer.bundle().entry.is_empty() {
                        return claimed;
                    }
                    claimed.extend(answer.header_entry().0.id);
                }
            })
        })
        .collect();
    let mut claimed = Vec::new();
    for worker in workers {
        claimed.extend(worker.await.expect("a worker"));
    }
    claimed.sort_unstable();
    claimed.dedup();
    assert_eq!(claimed.len(), 20);
}

#[tokio::test]
async fn what_is_no_message_is_refused() {
    for format in FORMATS {
        let sandbox = start().await;
        let portal = Client::portal(&sandbox, format);
        let post = |body: &str| {
            let (portal, body) = (portal.clone(), body.to_owned());
            async move { portal.with_body(Method::POST, "Mailbox", body).await }
        };
        for body in ["", "neither JSON nor XML", "{", "<feed>", r#"{"resourceType": 5}"#] {
            post(body).await.details(400);
        }
        post(&fixture("resources/patient", format)).await.details(400);

        let mut query = plan("m1", "1");
        let Document::Resource(resource) = format.read(fixture("resources/query", format).as_bytes()) else {
            panic!("a resource")
        };
        query.entry[2].content = Some(resource);
        let refused = portal.send_message(query).await;
        assert_eq!(refused.details(500), "The resource type 'Query' is not supported");

        let mut elsewhere = plan("m1", "1");
        elsewhere.category[0].term = format!("{}Elsewhere", vocabulary::DOMAIN_TAG_PREFIX);
        assert!(portal.send_message(elsewhere).await.issues(403)[0].is("forbidden"));
    }
}

/// The names of the quirky messages that there are in a format, without ending.
fn quirky_messages(format: Format) -> Vec<String> {
    let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/messages"));
    let files = folder.expect("fixtures").map(|file| file.expect("an entry").file_name());
    let names = files.filter_map(|file| {
        let (name, ending) = file.to_str()?.split_once('.')?;
        (name.ends_with("-quirky") && ending == format.extension()).then(|| name.to_owned())
    });
    let names: Vec<_> = names.collect();
    assert!(names.len() >= 8, "{names:?}");
    names
}

/// The quirky messages as a sender posts them: resources that the sandbox has not seen have no version yet.
#[tokio::test]
async fn quirky_messages_are_taken() {
    for format in FORMATS {
        for name in quirky_messages(format) {
            let proef = Instance::new("proef", "p", "Zonnedauw Proef");
            let sandbox = world().instance(proef).start().await.expect("a sandbox");
            let mut posted = fixture(&format!("messages/{name}"), format);
            while let Some(start) = posted.find("/_history/") {
                let end = posted[start..].find(['"', '<']).map_or(posted.len(), |length| start + length);
                posted.replace_range(start..end, "");
            }
            let sender = match posted.contains("Domain#Zonnedauw Proef") {
                true => Client::new(&sandbox, "proef", "p", format),
                false => Client::portal(&sandbox, format),
            };
            let answer = sender.with_body(Method::POST, "Mailbox", posted).await;
            assert_eq!(answer.status, 200, "{name} {format:?}: {}", answer.body);
        }
    }
}

#[tokio::test]
async fn a_message_without_a_source_is_not_passed_off_as_the_servers() {
    for format in FORMATS {
        let sandbox = start().await;
        let mut message = plan("m1", "1");
        header_mut(&mut message).source = None;
        Client::portal(&sandbox, format).send_message(message).await.bundle();
        let (_, header) = Client::game(&sandbox, format).claim().await.header_entry();
        assert_eq!(header.source, None);
    }
}

#[tokio::test]
async fn a_resource_whose_id_is_no_resource_url_is_versioned_all_the_same() {
    for format in FORMATS {
        let sandbox = start().await;
        let portal = Client::portal(&sandbox, format);
        for (place, id) in
            ["urn:uuid:5e1f0f7b-3b1c-4a53-8d0a-5e6a8f5a3a11", "https://portal.example/careplan/x 1"]
                .into_iter()
                .enumerate()
        {
            let named = |identifier: &str, link: &str| {
                let mut message = plan(identifier, "1");
                message.entry.truncate(2);
                header_mut(&mut message).data[0].reference = link.into();
                message.entry[1].id = Some(id.to_owned());
                message.entry[1].link[0].href = link.to_owned();
                message
            };
            let (_, created) = portal.send_message(named(&format!("a{place}"), id)).await.header_entry();
            let first = created.data[0].reference.as_str().expect("a link").to_owned();
            assert!(first.starts_with(&format!("{id}/_history/")), "{first}");
            let (_, updated) = portal.send_message(named(&format!("b{place}"), &first)).await.header_entry();
            let second = updated.data[0].reference.as_str().expect("a link").to_owned();
            assert!(second.starts_with(&format!("{id}/_history/")) && second > first, "{second}");
            let stale = portal.send_message(named(&format!("c{place}"), &first)).await;
            assert_eq!(stale.issues(409)[0].resource, Some(id.into()));
        }
    }
}
