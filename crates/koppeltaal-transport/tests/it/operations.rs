//! Every operation, in both formats: its request, and how its answer is read.

use koppeltaal_fhir::resources::Other;
use koppeltaal_fhir::{Document, ReadOptions};
use koppeltaal_messaging::{Acknowledgement, Event, ProcessingStatus, ReplyError, ResourceUrl};
use koppeltaal_transport::{
    AuthorizationCode, AuthorizationRequest, ClientAuthentication, Error, Format, HeaderQuery,
    IncludeArchived, MessageFilter, ProtocolProblem, RetryPolicy, StatusCode, Url,
};

use crate::server::{
    Asked, CARE_PLAN, Server, Step, care_plan, document, fixture, json, status, with_headers,
};

const BOTH: [Format; 2] = [Format::Json, Format::Xml];

/// 200 with a fixture, in the format.
fn answer(format: Format, path: &str) -> Step {
    let body = fixture(&format!("{path}.{format}"));
    match format {
        Format::Json => json(body),
        Format::Xml => status(200, "application/atom+xml; charset=utf-8", body),
    }
}

fn body_of(asked: &Asked, format: Format) -> Document {
    ReadOptions::strict().read(format, asked.body.as_bytes()).expect("what we send is valid").document
}

#[tokio::test]
async fn requests_carry_credentials_and_name_the_formats() {
    for (format, accept, content_type) in [
        (Format::Json, "application/json", "application/json; charset=utf-8"),
        (
            Format::Xml,
            "application/atom+xml, application/xml+fhir, text/xml;q=0.9",
            "application/atom+xml; charset=utf-8",
        ),
    ] {
        let server = Server::playing([answer(format, "bundles/mailbox-reply")]).await;
        let client = server.builder().format(format).build().expect("a client");
        client.send(&care_plan()).await.expect("a reply");
        let asked = server.only();
        // base64 of "portal:Geheim1"
        assert_eq!(asked.header("authorization"), Some("Basic cG9ydGFsOkdlaGVpbTE="));
        assert_eq!(asked.header("accept"), Some(accept));
        assert_eq!(asked.header("content-type"), Some(content_type));
        assert_eq!(asked.header("accept-encoding"), Some("gzip"));
        assert!(asked.header("user-agent").is_some_and(|agent| agent.starts_with("koppeltaal-rust/")));
    }
}

#[tokio::test]
async fn the_charset_of_an_answer_outranks_its_xml_declaration_and_a_byte_order_mark_both() {
    let body = fixture("bundles/mailbox-reply.xml");
    let feed = &body[body.find("<feed").expect("a feed")..];
    let declared = format!("<?xml version=\"1.0\" encoding=\"utf-16\"?>{feed}");
    for (content_type, body) in [
        ("application/atom+xml; charset=utf-8", declared.clone()),
        ("application/atom+xml", declared.clone()),
        ("application/atom+xml; charset=iso-8859-1", format!("\u{FEFF}{declared}")),
    ] {
        let server = Server::playing([status(200, content_type, body)]).await;
        let client = server.builder().format(Format::Xml).build().expect("a client");
        let reply = client.send(&care_plan()).await.expect("a reply");
        assert_eq!(reply.versions().count(), 3, "{content_type}");
    }
}

#[tokio::test]
async fn a_message_is_posted_and_its_versions_come_back() {
    for format in BOTH {
        let server = Server::playing([answer(format, "bundles/mailbox-reply")]).await;
        let client = server.builder().format(format).build().expect("a client");
        let reply = client.send(&care_plan()).await.expect("a reply");
        let versions: Vec<_> = reply.versions().map(|url| url.to_string()).collect();
        assert_eq!(versions.len(), 3, "{versions:?}");
        assert_eq!(
            versions[0],
            "https://portal.example/fhir/CarePlan/910/_history/2023-03-31T09:30:05:990.1002"
        );

        let asked = server.only();
        assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/FHIR/Koppeltaal/Mailbox"));
        assert_eq!(body_of(&asked, format), Document::Bundle(care_plan()));
    }
}

#[tokio::test]
async fn a_bundle_without_header_is_not_sent() {
    let server = Server::playing([]).await;
    let error = server.client().send(&koppeltaal_fhir::Bundle::default()).await.expect_err("no header");
    assert!(matches!(error, Error::NotAMessage), "{error:?}");
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn a_reply_to_another_message_leaves_the_outcome_open() {
    let reply =
        fixture("bundles/mailbox-reply.json").replace(CARE_PLAN, "00000000-0000-0000-0000-000000000000");
    let server = Server::playing([json(reply)]).await;
    let error = server.client().send(&care_plan()).await.expect_err("another message");
    let Error::UnknownOutcome { message_identifier, source } = &error else { panic!("{error:?}") };
    assert_eq!(message_identifier.as_deref(), Some(CARE_PLAN));
    let Error::Protocol(protocol) = &**source else { panic!("{error:?}") };
    assert!(matches!(protocol.problem, ProtocolProblem::Reply(ReplyError::OtherMessage { .. })), "{error:?}");
}

#[tokio::test]
async fn a_reply_that_refuses_for_now_says_that_the_server_is_not_available() {
    let reply = fixture("bundles/mailbox-reply.json").replace(r#""ok""#, r#""transient-error""#);
    let server = Server::playing([json(reply)]).await;
    let error = server.client().send(&care_plan()).await.expect_err("not now");
    assert!(matches!(error, Error::Unavailable { status: StatusCode::OK, outcome: None, .. }), "{error:?}");
    assert!(error.is_retryable(), "nothing was stored");
}

#[tokio::test]
async fn a_reply_that_refuses_for_good_without_saying_why_is_a_rejection() {
    let reply = fixture("bundles/mailbox-reply.json").replace(r#""ok""#, r#""fatal-error""#);
    let server = Server::playing([json(reply)]).await;
    let error = server.client().send(&care_plan()).await.expect_err("a refusal");
    assert!(matches!(error, Error::Rejected { outcome: None, .. }), "{error:?}");
    assert_eq!(error.to_string(), "the server refuses the content (HTTP 200 OK)");
}

#[tokio::test]
async fn a_fatal_reply_is_a_rejection_also_where_its_issue_tells_of_an_internal_error() {
    let reply = fixture("bundles/mailbox-reply-error.json").replace(r#""conflict""#, r#""exception""#);
    assert!(reply.contains("fatal-error") && reply.contains("exception"), "{reply}");
    let server = Server::playing([json(reply)]).await;
    let error = server.client().send(&care_plan()).await.expect_err("a refusal");
    assert!(matches!(error, Error::Rejected { outcome: Some(_), .. }), "{error:?}");
    assert!(!error.is_transient());
}

#[tokio::test]
async fn a_reply_that_refuses_is_the_error_that_its_outcome_says() {
    for format in BOTH {
        let server = Server::playing([answer(format, "bundles/mailbox-reply-error")]).await;
        let client = server.builder().format(format).build().expect("a client");
        let error = client.send(&care_plan()).await.expect_err("a refusal");
        let Error::Conflict { resources, .. } = &error else { panic!("{error:?}") };
        assert_eq!(resources[0].as_str(), "https://portal.example/fhir/CarePlan/910");
    }
}

#[tokio::test]
async fn the_oldest_new_message_is_claimed_and_acknowledged() {
    for format in BOTH {
        let steps = [
            answer(format, "messages/UpdateCarePlanActivityStatus-full"),
            answer(format, "resources/messageheader"),
            answer(format, "bundles/search-empty"),
        ];
        let server = Server::playing(steps).await;
        let client = server.builder().format(format).build().expect("a client");

        let message = client.claim().await.expect("an answer").expect("a message");
        assert_eq!(message.header.event(), Ok(Event::UpdateCarePlanActivityStatus));
        assert!(message.bundle.entry.len() > 1);
        let failed = Acknowledgement::Failure("Unknown activity".to_owned());
        client.acknowledge(&message.header, &failed).await.expect("accepted");
        assert_eq!(client.claim().await.expect("an answer"), None);

        let asked = server.asked();
        let claim = "/FHIR/Koppeltaal/MessageHeader/_search?_query=MessageHeader.GetNextNewAndClaim";
        assert_eq!((asked[0].method.as_str(), asked[0].target.as_str()), ("GET", claim));
        assert_eq!(asked[0].header("content-type"), None);
        let put = &asked[1];
        assert_eq!((put.method.as_str(), put.target.as_str()), ("PUT", "/FHIR/Koppeltaal/MessageHeader/306"));
        let media_type = put.header("content-type").expect("a media type");
        assert!(media_type.starts_with(if format == Format::Xml {
            "application/xml+fhir"
        } else {
            "application/json"
        }));
        let Document::Resource(resource) = body_of(put, format) else { panic!("a bundle") };
        let sent: koppeltaal_messaging::Header =
            resource.get::<koppeltaal_fhir::resources::MessageHeader>().expect("a header").clone().into();
        let state = sent.processing().expect("a status");
        assert_eq!(state.status(), Some(ProcessingStatus::Failed));
        assert_eq!(state.exception(), Some("Unknown activity"));
        assert_eq!(sent.identifier(), message.header.identifier());
        // One client, one connection.
        assert!(asked.iter().all(|asked| asked.connection == 0), "{asked:#?}");
    }
}

#[tokio::test]
async fn an_acknowledgement_goes_to_the_configured_server_whatever_the_header_says() {
    // The fixture's headers are at https://koppeltaal.example.
    let message = document(&fixture("messages/UpdateCarePlanActivityStatus-full.json"))
        .into_bundle()
        .expect("a bundle");
    let header = koppeltaal_messaging::Header::all_from_bundle(&message).next().expect("a header");
    let server = Server::playing([with_headers(200, &[], "")]).await;
    server.client().acknowledge(&header, &Acknowledgement::Success).await.expect("accepted");
    assert_eq!(server.only().target, "/FHIR/Koppeltaal/MessageHeader/306");
}

#[tokio::test]
async fn headers_from_elsewhere_are_not_acknowledged() {
    let server = Server::playing([]).await;
    let mut header = koppeltaal_messaging::Header::all_from_bundle(&care_plan()).next().expect("a header");
    header.set_url("https://elsewhere.example/MessageHeader/1".parse().expect("a URL"));
    let error = server.client().acknowledge(&header, &Acknowledgement::Release).await.expect_err("foreign");
    assert!(matches!(error, Error::ForeignUrl { url: Some(_) }), "{error:?}");
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn claims_and_searches_can_be_narrowed() {
    let patient: ResourceUrl = "https://epd.example/fhir/Patient/2041/_history/1".parse().expect("a URL");
    let filter = MessageFilter::default().patient(patient).event(Event::CreateOrUpdateCarePlan);
    let server = Server::playing([
        json(fixture("bundles/search-empty.json")),
        json(fixture("bundles/search-empty.json")),
    ])
    .await;
    let client = server.client();
    assert_eq!(client.claim_matching(&filter).await.expect("an answer"), None);
    let query = HeaderQuery::default().filter(filter).status(ProcessingStatus::Failed).page_size(5000);
    assert!(client.message_headers(&query).collect().await.expect("an answer").is_empty());

    let narrowed = "Patient=https%3A%2F%2Fepd.example%2Ffhir%2FPatient%2F2041&event=CreateOrUpdateCarePlan";
    let search = "/FHIR/Koppeltaal/MessageHeader/_search";
    let targets: Vec<_> = server.asked().into_iter().map(|asked| asked.target).collect();
    assert_eq!(targets[0], format!("{search}?_query=MessageHeader.GetNextNewAndClaim&{narrowed}"));
    assert_eq!(targets[1], format!("{search}?_summary=true&_count=1000&ProcessingStatus=Failed&{narrowed}"));
}

#[tokio::test]
async fn one_message_is_found_by_number_or_url() {
    for format in BOTH {
        let steps =
            [answer(format, "messages/CreateOrUpdatePatient-full"), answer(format, "bundles/search-empty")];
        let server = Server::playing(steps).await;
        let client = server.builder().format(format).build().expect("a client");
        let message = client.message("301").await.expect("an answer").expect("a message");
        assert_eq!(message.header.event(), Ok(Event::CreateOrUpdatePatient));
        let url = "https://koppeltaal.example/FHIR/Koppeltaal/MessageHeader/301";
        assert_eq!(client.message(url).await.expect("an answer"), None);

        let targets: Vec<_> = server.asked().into_iter().map(|asked| asked.target).collect();
        assert_eq!(targets[0], "/FHIR/Koppeltaal/MessageHeader/_search?_id=301");
        let escaped = "https%3A%2F%2Fkoppeltaal.example%2FFHIR%2FKoppeltaal%2FMessageHeader%2F301";
        assert_eq!(targets[1], format!("/FHIR/Koppeltaal/MessageHeader/_search?_id={escaped}"));
    }
}

#[tokio::test]
async fn a_message_that_the_server_says_is_not_there_is_none() {
    let outcome =
        r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","type":{"code":"not-found"}}]}"#;
    let server = Server::playing([
        status(404, "application/json", outcome),
        status(404, "text/html", "<html>IIS</html>"),
    ])
    .await;
    assert_eq!(server.client().message("1").await.expect("an answer"), None);
    let error = server.client().message("1").await.expect_err("somebody else's page");
    assert!(matches!(error, Error::NotFound { outcome: None }), "{error:?}");
}

fn text(endpoint: &Option<Url>) -> &str {
    endpoint.as_ref().expect("an endpoint").as_str()
}

#[tokio::test]
async fn the_conformance_statement_gives_the_endpoints_once() {
    for format in BOTH {
        let server = Server::playing([answer(format, "resources/conformance")]).await;
        let client = server.builder().format(format).build().expect("a client");
        let statement = client.conformance().await.expect("a statement");
        assert_eq!(statement.name(), Some("Koppeltaal"));
        assert_eq!(statement.fhir_version(), Some("0.0.82"));
        assert_eq!(statement.validation().requests_against_schema, Some(true));
        assert_eq!(statement.validation().replies_against_profile, Some(false));

        let endpoints = client.endpoints().await.expect("the same");
        // The fixture's endpoints are at https://koppeltaal.example. The browser goes there, secrets do not.
        let here = |path: &str| format!("{}/OAuth2/Koppeltaal/{path}", server.url());
        assert_eq!(text(&endpoints.authorize), "https://koppeltaal.example/OAuth2/Koppeltaal/Authorize");
        assert_eq!(text(&endpoints.token), here("Token"));
        assert_eq!(text(&endpoints.launch), here("Launch"));
        assert_eq!(endpoints.mobile_launch.as_str(), here("MobileLaunch"));
        let asked = server.only();
        assert_eq!(asked.target, "/FHIR/Koppeltaal/metadata");
        assert_eq!(asked.header("authorization"), None, "no credentials are needed, so none are sent");
    }
}

#[tokio::test]
async fn many_tasks_that_want_the_endpoints_cause_one_request() {
    let server = Server::playing([json(fixture("resources/conformance.json"))]).await;
    let client = server.client();
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.endpoints().await.map(|endpoints| endpoints.token.clone()) })
        })
        .collect();
    for task in tasks {
        assert_eq!(
            text(&task.await.expect("no panic").expect("endpoints")),
            format!("{}/OAuth2/Koppeltaal/Token", server.url())
        );
    }
    server.only();
}

#[tokio::test]
async fn many_tasks_that_wait_for_endpoints_share_one_failure() {
    let server = Server::playing([Step::Hang]).await;
    let client = server.builder().request_timeout(std::time::Duration::from_millis(300)).build();
    let client = client.expect("a client");
    let tasks = (0..10).map(|_| client.endpoints());
    for result in futures_util::future::join_all(tasks).await {
        assert!(result.expect_err("no answer").is_timeout());
    }
    server.only();
}

#[tokio::test]
async fn endpoints_that_would_give_secrets_away_are_refused() {
    let statement = |name: &str, url: &str| {
        json(format!(
            r#"{{"resourceType":"Conformance","rest":[{{"mode":"server","security":{{"extension":[
                {{"url":"http://fhir-registry.smarthealthit.org/Profile/oauth-uris#{name}","valueUri":"{url}"}}]}}}}]}}"#
        ))
    };
    // The rest of the statement can be used, and so can the other endpoints.
    let request = AuthorizationRequest::new("game", "https://game.example/login", "123");
    for (name, url) in [
        ("authorize", "http://elsewhere.example/authorize"),
        ("authorize", "javascript:alert(1)"),
        ("authorize", "https://["),
        ("token", "urn:uuid:0c3151bd"),
        ("token", "https://["),
    ] {
        let server = Server::playing([statement(name, url)]).await;
        let client = server.client();
        let endpoints = client.endpoints().await.expect("endpoints");
        assert_eq!(
            (endpoints.authorize.is_none(), endpoints.token.is_none()),
            (name == "authorize", name == "token")
        );
        let error = if name == "authorize" {
            client.authorize_url(&request).await.expect_err("refused")
        } else {
            let code = AuthorizationCode::new("abc", "https://game.example/login", None);
            client.token(&ClientAuthentication::public("game"), &code).await.expect_err("refused")
        };
        assert!(matches!(&error, Error::Endpoint { name: refused } if *refused == name), "{url}: {error:?}");
        assert_eq!(error.to_string(), format!("the conformance statement names no usable {name} endpoint"));
        server.only();
    }
    // A relative address is the server's.
    for (url, path) in [
        ("/connect/token", "connect/token"),
        ("connect/token", "connect/token"),
        ("", "OAuth2/Koppeltaal/Token"),
    ] {
        let server = Server::playing([statement("token", url)]).await;
        let endpoints = server.client().endpoints().await.expect("endpoints");
        assert_eq!(text(&endpoints.token), format!("{}/{path}", server.url()), "{url}");
    }
    // Where secrets go, only the path is the statement's.
    let server = Server::playing([statement("token", "http://elsewhere.example/connect/token?a=b")]).await;
    let endpoints = server.client().endpoints().await.expect("endpoints");
    assert_eq!(text(&endpoints.token), format!("{}/connect/token?a=b", server.url()));
    let server = Server::playing([statement("token", "https://inside.example/connect/token")]).await;
    let client = server.builder().oauth_server("https://login.example").build();
    match client {
        Ok(client) => {
            let endpoints = client.endpoints().await.expect("endpoints");
            assert_eq!(text(&endpoints.token), "https://login.example/connect/token");
        }
        // A machine without certificate authorities cannot build a client for https.
        Err(error) => assert!(matches!(error, koppeltaal_transport::BuildError::Tls(_)), "{error:?}"),
    }
}

#[tokio::test]
async fn endpoints_that_are_not_stated_are_the_usual_ones_and_both_registries_count() {
    let bare = r#"{"resourceType":"Conformance","name":"Koppeltaal"}"#;
    let old_host = r#"{"resourceType":"Conformance","rest":[{"mode":"server","security":{"extension":[
        {"url":"http://fhir-registry.smartplatforms.org/Profile/oauth-uris#token","valueUri":"https://old.example/token"}]}}]}"#;
    let server = Server::playing([json(bare), json(old_host)]).await;
    let client = server.client();
    let endpoints = client.conformance().await.expect("a statement").endpoints().clone();
    assert_eq!(text(&endpoints.token), format!("{}/OAuth2/Koppeltaal/Token", server.url()));
    client.conformance().await.expect("a statement");
    let renewed = client.endpoints().await.expect("renewed");
    assert_eq!(text(&renewed.token), format!("{}/token", server.url()));
}

#[tokio::test]
async fn activity_definitions_are_listed_created_and_updated() {
    const CREATED: &str =
        "https://koppeltaal.example/FHIR/Koppeltaal/Other/ActivityDefinition:6720/_history/1";
    const UPDATED: &str =
        "https://koppeltaal.example/FHIR/Koppeltaal/Other/ActivityDefinition:6720/_history/2";
    for format in BOTH {
        let steps = [
            with_headers(
                201,
                &[("Content-Location", CREATED), ("Location", "https://a.example/Other/1")],
                "",
            ),
            with_headers(200, &[("Location", UPDATED)], ""),
            answer(format, "bundles/search-empty"),
            answer(format, "bundles/search-empty"),
        ];
        let server = Server::playing(steps).await;
        let client = server.builder().format(format).build().expect("a client");
        let definition = document(&fixture("resources/other-activitydefinition.json"));
        let definition = definition.get::<Other>().expect("an Other").clone();

        let created = client.create_activity_definition(&definition).await.expect("created");
        assert_eq!(created.as_str(), CREATED);
        let updated = client.update_activity_definition(&created, &definition).await.expect("updated");
        assert_eq!(updated.as_str(), UPDATED);
        client.activity_definitions(IncludeArchived::No).collect().await.expect("a list");
        client.activity_definitions(IncludeArchived::Yes).collect().await.expect("a list");

        let asked = server.asked();
        let lines: Vec<_> = asked.iter().map(|asked| format!("{} {}", asked.method, asked.target)).collect();
        assert_eq!(
            lines,
            [
                "POST /FHIR/Koppeltaal/Other",
                "PUT /FHIR/Koppeltaal/Other/ActivityDefinition:6720/_history/1",
                "GET /FHIR/Koppeltaal/Other/_search?code=ActivityDefinition",
                "GET /FHIR/Koppeltaal/Other/_search?code=ActivityDefinition&includearchived=yes",
            ]
        );
        assert_eq!(body_of(&asked[0], format), Document::from(definition));
    }
}

#[tokio::test]
async fn listed_activity_definitions_have_their_address_with_version() {
    let definition = fixture("resources/other-activitydefinition.json");
    let entry = |id: &str, link: &str| {
        format!(r#"{{"id":"{id}","link":[{{"rel":"self","href":"{link}"}}],"content":{definition}}}"#)
    };
    let base = "https://koppeltaal.example/FHIR/Koppeltaal/Other/ActivityDefinition:1";
    let versioned = format!("{base}/_history/7");
    let page = format!(
        r#"{{"resourceType":"Bundle","entry":[{},{}]}}"#,
        entry(base, &versioned),
        entry(&versioned, base)
    );
    let server = Server::playing([json(page)]).await;
    let all = server.client().activity_definitions(IncludeArchived::No).collect().await.expect("a list");
    let urls: Vec<_> = all.iter().map(|stored| stored.url.as_ref().map(ResourceUrl::as_str)).collect();
    assert_eq!(urls, [Some(versioned.as_str()), Some(versioned.as_str())]);
}

#[tokio::test]
async fn a_new_definition_without_address_leaves_the_outcome_open() {
    let server = Server::playing([with_headers(201, &[], "")]).await;
    let error = server.client().create_activity_definition(&Other::default()).await.expect_err("no address");
    assert!(error.is_outcome_unknown(), "{error:?}");
}

#[tokio::test]
async fn headers_of_the_application_are_added_to_each_try_and_replace_none_of_the_clients() {
    let busy = status(503, "text/plain", "busy");
    let server = Server::playing([busy, json(fixture("bundles/search-empty.json"))]).await;
    let calls = std::sync::atomic::AtomicU32::new(0);
    let source = move || {
        let number = calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let mut headers = koppeltaal_transport::HeaderMap::new();
        let text = |text: &str| koppeltaal_transport::HeaderValue::from_str(text).expect("a header");
        headers.insert("traceparent", text(&format!("00-{number}")));
        headers.insert("authorization", text("Bearer stolen"));
        headers.insert("accept", text("text/html"));
        headers
    };
    let policy = RetryPolicy::default().with_min_delay(std::time::Duration::from_millis(1));
    let client = server.builder().retry(policy).header_source(source).build().expect("a client");
    client.message("1").await.expect("an answer");
    let asked = server.asked();
    let traces: Vec<_> = asked.iter().filter_map(|asked| asked.header("traceparent")).collect();
    assert_eq!(traces, ["00-0", "00-1"]);
    for asked in &asked {
        assert!(!asked.head.contains("stolen") && !asked.head.contains("text/html"), "{}", asked.head);
        assert!(asked.header("authorization").is_some(), "{}", asked.head);
    }
}
