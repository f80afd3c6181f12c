//! Tokens over real sockets: how clients get, renew and lose them, and what they open.

mod common;

use std::time::Duration;

use common::files::Directory;
use common::oauth::*;
use common::{Client, FORMATS, Format, http, plan, world};
use koppeltaal_sandbox::{Application, Fault, FaultKind, Lifetimes, Sandbox};
use serde_json::Value;

#[tokio::test]
async fn a_token_can_be_asked_for_by_get_and_by_a_public_client() {
    let sandbox = start(public()).await;
    let code = code(&sandbox, &[]).await;
    let query = [&redeem(&code)[..], &[("client_id", "game")]].concat();
    let reply = json(get(&sandbox, "Token", &query), 200).await;
    assert!(reply["access_token"].is_string());
    assert_eq!(reply.get("refresh_token"), None, "a public client could not keep it");
}

#[tokio::test]
async fn a_public_client_need_not_say_who_it_is_for_its_code_does() {
    let sandbox = start(public()).await;
    let code = code(&sandbox, &[]).await;
    let reply = json(get(&sandbox, "Token", &redeem(&code)), 200).await;
    assert_eq!(reply["patient"], PATIENT);
    // The code was used, so nobody can use it again.
    refused(get(&sandbox, "Token", &redeem(&code)), 400, "invalid_grant").await;
    refused(get(&sandbox, "Token", &redeem("unknown")), 400, "invalid_grant").await;
}

#[tokio::test]
async fn a_confidential_client_says_who_it_is_whatever_its_code_says() {
    let sandbox = start(confidential()).await;
    let code = code(&sandbox, &[]).await;
    refused(get(&sandbox, "Token", &redeem(&code)), 401, "invalid_client").await;
    json(token(&sandbox, &redeem(&code)), 200).await;
}

#[tokio::test]
async fn a_verifier_to_which_there_was_no_challenge_is_refused() {
    let sandbox = start(confidential()).await;
    let code = code(&sandbox, &[]).await;
    let form = [&redeem(&code)[..], &[("code_verifier", VERIFIER)]].concat();
    refused(token(&sandbox, &form), 400, "invalid_grant").await;
}

#[tokio::test]
async fn a_refresh_token_that_is_used_again_ends_all_that_came_of_the_same_launch() {
    let directory = Directory::new("refresh");
    let start = async || {
        let config = world().application(confidential()).data(directory.file());
        config.start().await.expect("a sandbox")
    };
    let refresh = |token: &Value| {
        let token = token["refresh_token"].as_str().expect("a token").to_owned();
        move |sandbox: &Sandbox| {
            self::token(sandbox, &[("grant_type", "refresh_token"), ("refresh_token", &token)])
        }
    };
    let sandbox = start().await;
    let first = tokens(&sandbox).await;
    let bystander = tokens(&sandbox).await;
    let second = json(refresh(&first)(&sandbox), 200).await;
    sandbox.stop().await;

    // After a restart, the used token is still known: using it again ends its family, also after the next
    // restart.
    let sandbox = start().await;
    let game = |reply: &Value, sandbox: &Sandbox| {
        Client::bearer(sandbox, reply["access_token"].as_str().expect("a token"), Format::Json)
    };
    game(&second, &sandbox).claim().await.bundle();
    refused(refresh(&first)(&sandbox), 400, "invalid_grant").await;
    sandbox.stop().await;
    let sandbox = start().await;
    game(&second, &sandbox).claim().await.details(401);
    refused(refresh(&second)(&sandbox), 400, "invalid_grant").await;
    game(&bystander, &sandbox).claim().await.bundle();
    json(refresh(&bystander)(&sandbox), 200).await;
}

#[tokio::test]
async fn a_code_works_once_and_whoever_tries_again_ends_its_tokens() {
    let sandbox = start(confidential()).await;
    let code = code(&sandbox, &[]).await;
    let reply = json(token(&sandbox, &redeem(&code)), 200).await;
    let game = Client::bearer(&sandbox, reply["access_token"].as_str().expect("a token"), Format::Json);
    game.claim().await.bundle();
    refused(token(&sandbox, &redeem(&code)), 400, "invalid_grant").await;
    game.claim().await.details(401);
    let refresh = reply["refresh_token"].as_str().expect("a token");
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    refused(token(&sandbox, &form), 400, "invalid_grant").await;
}

#[tokio::test]
async fn a_code_is_bound_to_its_client_and_redirect_uri() {
    let portal = Application::new("portal").redirect_uri(LOGIN);
    let sandbox = world().application(confidential()).application(portal).start().await.expect("a sandbox");
    let first = code(&sandbox, &[]).await;
    let stolen = [&redeem(&first)[..], &[("client_id", "portal")]].concat();
    refused(get(&sandbox, "Token", &stolen), 400, "invalid_grant").await;
    let second = code(&sandbox, &[]).await;
    let elsewhere =
        [("grant_type", "authorization_code"), ("code", &second), ("redirect_uri", "https://x.example")];
    refused(token(&sandbox, &elsewhere), 400, "invalid_grant").await;
    let third = code(&sandbox, &[]).await;
    let nowhere = [("grant_type", "authorization_code"), ("code", third.as_str())];
    refused(token(&sandbox, &nowhere), 400, "invalid_grant").await;
}

#[tokio::test]
async fn a_code_with_a_challenge_needs_the_verifier() {
    let sandbox = start(confidential()).await;
    let challenges: [Pairs<'_>; 3] = [
        &[("code_challenge", CHALLENGE), ("code_challenge_method", "S256")],
        &[("code_challenge", VERIFIER), ("code_challenge_method", "plain")],
        &[("code_challenge", VERIFIER)],
    ];
    for challenge in challenges {
        let with = async |verifier: Pairs<'_>| {
            let code = code(&sandbox, challenge).await;
            sent(token(&sandbox, &[&redeem(&code)[..], verifier].concat())).await.status().as_u16()
        };
        assert_eq!(with(&[("code_verifier", VERIFIER)]).await, 200);
        assert_eq!(with(&[("code_verifier", "another")]).await, 400);
        assert_eq!(with(&[]).await, 400);
    }
}

#[tokio::test]
async fn clients_prove_who_they_are() {
    let sandbox = start(confidential()).await;
    let url = format!("{}/OAuth2/Koppeltaal/Token", sandbox.url());
    let first = code(&sandbox, &[]).await;
    let wrong = http().post(&url).basic_auth("game", Some("wrong")).form(&redeem(&first));
    let answer = sent(wrong.try_clone().expect("a form")).await;
    assert!(answer.headers()["www-authenticate"].to_str().expect("text").starts_with("Basic"));
    refused(wrong, 401, "invalid_client").await;
    refused(http().post(&url).form(&redeem(&first)), 401, "invalid_client").await;
    let named = [&redeem(&first)[..], &[("client_id", "game")]].concat();
    refused(http().post(&url).form(&named), 401, "invalid_client").await;
    let other = [&redeem(&first)[..], &[("client_id", "portal")]].concat();
    refused(token(&sandbox, &other), 400, "invalid_request").await;
    // None of these used the code up. The secret may also be in the form.
    let in_form = [&named[..], &[("client_secret", "g:eheim")]].concat();
    json(http().post(&url).form(&in_form), 200).await;
}

#[tokio::test]
async fn token_requests_that_make_no_sense_are_named() {
    let sandbox = start(confidential()).await;
    let cases: [(Pairs<'_>, &str); 6] = [
        (&[], "invalid_request"),
        (&[("grant_type", "password")], "unsupported_grant_type"),
        (&[("grant_type", "authorization_code")], "invalid_request"),
        (&[("grant_type", "refresh_token")], "invalid_request"),
        (&[("grant_type", "refresh_token"), ("refresh_token", "x")], "invalid_grant"),
        (&[("grant_type", "a"), ("grant_type", "b")], "invalid_request"),
    ];
    for (form, error) in cases {
        refused(token(&sandbox, form), 400, error).await;
    }
}

#[tokio::test]
async fn a_refresh_brings_new_tokens_and_ends_the_old_ones() {
    let sandbox = start(confidential()).await;
    let first = tokens(&sandbox).await;
    let form = [("grant_type", "refresh_token"), ("refresh_token", first["refresh_token"].as_str().unwrap())];
    let second = json(token(&sandbox, &form), 200).await;
    assert_ne!(first["access_token"], second["access_token"]);
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    assert_eq!(first["patient"], second["patient"]);
    let with =
        |reply: &Value| Client::bearer(&sandbox, reply["access_token"].as_str().unwrap(), Format::Json);
    with(&first).claim().await.details(401);
    with(&second).claim().await.bundle();
    let again =
        [("grant_type", "refresh_token"), ("refresh_token", second["refresh_token"].as_str().unwrap())];
    json(get(&sandbox, "Token", &again).basic_auth("game", Some("g:eheim")), 200).await;
    refused(token(&sandbox, &form), 400, "invalid_grant").await;
}

#[tokio::test]
async fn a_token_that_has_expired_says_so_and_can_be_refreshed() {
    for format in FORMATS {
        let mut lifetimes = Lifetimes::default();
        lifetimes.token = Duration::from_secs(30);
        let sandbox =
            world().application(confidential()).lifetimes(lifetimes).start().await.expect("a sandbox");
        let reply = tokens(&sandbox).await;
        assert_eq!(reply["expires_in"], 30);
        let game = Client::bearer(&sandbox, reply["access_token"].as_str().unwrap(), format);
        game.claim().await.bundle();
        sandbox.advance_clock(Duration::from_secs(31));
        let expired = game.claim().await;
        assert!(expired.details(401).starts_with("Authentication failed: Bearer token has expired at 2"));
        assert!(expired.issues(401)[0].is("expired"));
        assert!(expired.header("www-authenticate").starts_with("Bearer"));
        let form =
            [("grant_type", "refresh_token"), ("refresh_token", reply["refresh_token"].as_str().unwrap())];
        let fresh = json(token(&sandbox, &form), 200).await;
        Client::bearer(&sandbox, fresh["access_token"].as_str().unwrap(), format).claim().await.bundle();
    }
}

#[tokio::test]
async fn a_token_can_expire_on_purpose() {
    let sandbox = start(confidential()).await;
    let reply = tokens(&sandbox).await;
    let game = Client::bearer(&sandbox, reply["access_token"].as_str().unwrap(), Format::Json);
    let expired = Fault::new(FaultKind::TokenExpires).times(1);
    sandbox.set_faults([expired.clone().path("Mailbox")]);
    game.claim().await.bundle();
    sandbox.set_faults([expired.path("MessageHeader")]);
    assert!(game.claim().await.issues(401)[0].is("expired"));
    game.claim().await.bundle();
}

#[tokio::test]
async fn a_token_shows_the_messages_of_its_patient_only() {
    for format in FORMATS {
        let sandbox = start(confidential()).await;
        let portal = Client::portal(&sandbox, format);
        let mine = plan("m1", "1");
        let patient = common::header_patient(&mine);
        let mut theirs = plan("m2", "2");
        common::set_header_patient(&mut theirs, "https://portal.example/fhir/Patient/other");
        portal.send_message(theirs.clone()).await.bundle();
        portal.send_message(mine).await.bundle();

        let query = [("client_id", "game"), ("patient", patient.as_str()), ("user", patient.as_str())];
        let launch = get(&sandbox, "Launch", &query).basic_auth("portal", Some("wacht:wöord"));
        let number = parameters(&location(&sent(launch).await))["launch"].clone();
        let code = parameters(&location(&authorized(&sandbox, &number, &[]).await))["code"].clone();
        let reply = json(token(&sandbox, &redeem(&code)), 200).await;
        let game = Client::bearer(&sandbox, reply["access_token"].as_str().unwrap(), format);

        let listed = game.get("MessageHeader/_search").await.bundle();
        assert_eq!(listed.entry.len(), 1);
        let all = Client::game(&sandbox, format).get("MessageHeader/_search").await.bundle();
        assert_eq!(all.entry.len(), 2);
        let hidden = all.entry[0].id.clone().expect("an id");
        assert!(game.get(&format!("MessageHeader/_search?_id={hidden}")).await.bundle().entry.is_empty());
        assert!(game.get("MessageHeader/_search?_id=m2").await.bundle().entry.is_empty());
        let asked = "MessageHeader/_search?Patient=https://portal.example/fhir/Patient/other";
        assert!(game.get(asked).await.bundle().entry.is_empty());

        let (entry, header) = game.claim().await.header_entry();
        assert_eq!(header.identifier.as_str(), Some("m1"));
        assert!(game.claim().await.bundle().entry.is_empty());
        let success = koppeltaal_messaging::ProcessingStatus::Success;
        game.acknowledge(&hidden, &header, success).await.details(404);
        game.acknowledge(&entry.id.expect("an id"), &header, success).await.document();

        common::header_mut(&mut theirs).identifier = "m3".into();
        assert_eq!(
            game.send_message(theirs).await.details(403),
            "The message is not about the patient of the token."
        );
        game.get("Other?code=ActivityDefinition").await.bundle();
    }
}

#[tokio::test]
async fn a_token_stores_and_finds_things_of_its_patient_only() {
    for format in FORMATS {
        let sandbox = start(confidential()).await;
        let basic = Client::game(&sandbox, format);
        let of = |patient: &str, key: &str| {
            koppeltaal_fhir::resources::Other::from(koppeltaal_messaging::profiles::StorageItem {
                content_type: Some("text/plain".into()),
                content: Some("QUJD".into()),
                patient_identifier: Some(koppeltaal_messaging::Reference::from(patient)),
                object_type: Some("level".into()),
                object_key: Some(key.into()),
                ..Default::default()
            })
        };
        let theirs = basic.post("Other", of("https://portal.example/fhir/Patient/8", "1")).await;
        let hidden = theirs.header("content-location").to_owned();
        let reply = tokens(&sandbox).await;
        let game = Client::bearer(&sandbox, reply["access_token"].as_str().unwrap(), format);
        assert_eq!(game.post("Other", of(PATIENT, "2")).await.status, 201);
        game.post("Other", of("https://portal.example/fhir/Patient/8", "3")).await.details(403);
        game.put(&hidden, of(PATIENT, "4")).await.details(404);
        assert_eq!(game.get("Other?code=StorageItem").await.bundle().entry.len(), 1);
        assert_eq!(basic.get("Other?code=StorageItem").await.bundle().entry.len(), 2);
        let asked = "Other?code=StorageItem&patient=https://portal.example/fhir/Patient/8";
        assert!(game.get(asked).await.bundle().entry.is_empty());
    }
}
