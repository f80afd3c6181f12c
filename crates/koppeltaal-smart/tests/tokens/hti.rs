//! HTI launches: made, checked, read in both versions.

use std::sync::Arc;

use koppeltaal_smart::{
    HtiClaims, HtiLaunch, HtiVerifier, HtiVersion, JwtError, KeyPair, MemoryReplayGuard, UnverifiedJwt,
    sign_jwt,
};
use serde_json::json;

use crate::{at, ec, jwks, now, seconds};

fn verifier(key: &KeyPair) -> HtiVerifier {
    HtiVerifier::new(Arc::new(MemoryReplayGuard::default()))
        .audience("Device/module")
        .issuer("portal", Arc::new(jwks(key)))
}

fn launch() -> HtiLaunch {
    HtiLaunch::new("portal", "Device/module", "RelatedPerson/1", "Task/2")
        .definition("ActivityDefinition/3")
        .patient("Patient/4")
        .intent("plan")
        .idp_hint("digid")
}

#[tokio::test]
async fn a_launch_is_checked_and_used_once() {
    let key = ec();
    let launch = launch();
    let jti = launch.jti().to_owned();
    let token = launch.sign(&key, now()).await.expect("a token");
    let verifier = verifier(&key);
    let claims = verifier.verify(token.as_str(), now()).await.expect("a launch");
    assert_eq!(
        (claims.issuer.as_str(), claims.audiences.as_slice()),
        ("portal", &["Device/module".to_owned()][..])
    );
    assert_eq!((claims.subject.as_str(), claims.resource.as_str()), ("RelatedPerson/1", "Task/2"));
    assert_eq!(claims.definition.as_deref(), Some("ActivityDefinition/3"));
    assert_eq!((claims.patient.as_deref(), claims.intent.as_deref()), (Some("Patient/4"), Some("plan")));
    assert_eq!((claims.idp_hint.as_deref(), claims.version), (Some("digid"), HtiVersion::V2_0));
    assert_eq!(claims.jti, jti);
    let lifetime = claims.expires_at.duration_since(claims.issued_at.expect("iat")).expect("later");
    assert_eq!(lifetime, seconds(300));
    assert_eq!(verifier.verify(token.as_str(), now()).await, Err(JwtError::Replayed));
    let shown = format!("{claims:?} {token:?}");
    assert!(
        !shown.contains("RelatedPerson/1") && !shown.contains("Patient/4") && !shown.contains("eyJ"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_launch_for_others_of_others_or_of_another_time_is_refused() {
    let key = ec();
    let verifier = verifier(&key);
    for (launch, when, error) in [
        (HtiLaunch::new("portal", "Device/other", "Patient/1", "Task/2"), now(), JwtError::Audience),
        (HtiLaunch::new("stranger", "Device/module", "Patient/1", "Task/2"), now(), JwtError::Issuer),
        (launch(), now() - seconds(330), JwtError::Expired),
        (launch(), now() + seconds(60), JwtError::NotYetValid),
    ] {
        let token = launch.sign(&key, when).await.expect("a token");
        assert_eq!(verifier.verify(token.as_str(), now()).await, Err(error));
    }
    let forged = launch().sign(&ec(), now()).await.expect("a token");
    assert_eq!(verifier.verify(forged.as_str(), now()).await, Err(JwtError::UnknownKey));
    // A refused token is not used.
    let early = launch().sign(&key, now() + seconds(60)).await.expect("a token");
    assert_eq!(verifier.verify(early.as_str(), now()).await, Err(JwtError::NotYetValid));
    assert!(verifier.verify(early.as_str(), now() + seconds(60)).await.is_ok());
    let nobody =
        HtiVerifier::new(Arc::new(MemoryReplayGuard::default())).issuer("portal", Arc::new(jwks(&key)));
    let token = launch().sign(&key, now()).await.expect("a token");
    assert_eq!(nobody.verify(token.as_str(), now()).await, Err(JwtError::Audience));
}

#[tokio::test]
async fn a_portal_that_gives_fifteen_minutes_is_taken_only_when_that_is_allowed() {
    let key = ec();
    let claims = json!({
        "iss": "portal", "aud": "Device/module", "sub": "Patient/1", "resource": "Task/2", "jti": "1",
        "iat": 1_780_000_000, "exp": 1_780_000_900,
    });
    let token = sign_jwt(&key, &claims).await.expect("a token");
    let strict = verifier(&key);
    assert_eq!(strict.verify(token.as_str(), now()).await, Err(JwtError::Lifetime { limit: 300 }));
    let claims = strict.max_lifetime(seconds(900)).verify(token.as_str(), now()).await.expect("a launch");
    assert_eq!(claims.expires_at, at(1_780_000_900));
}

#[tokio::test]
async fn a_launch_of_hti_1_1_is_read_as_one_of_2_0() {
    let key = ec();
    let mut claims = json!({
        "iss": "portal", "aud": "Device/module", "sub": "Practitioner/5", "jti": "1", "fhir-version": "4.0.1",
        "iat": 1_780_000_000, "exp": 1_780_000_300,
        "task": {
            "resourceType": "Task", "id": "2", "status": "requested", "intent": "order",
            "instantiatesCanonical": "https://module.example/definition/3", "for": {"reference": "Patient/4"},
        },
    });
    let token = sign_jwt(&key, &claims).await.expect("a token");
    let read = verifier(&key).verify(token.as_str(), now()).await.expect("a launch");
    assert_eq!(read.version, HtiVersion::V1_1);
    assert_eq!((read.subject.as_str(), read.resource.as_str()), ("Practitioner/5", "Task/2"));
    assert_eq!(read.definition.as_deref(), Some("https://module.example/definition/3"));
    assert_eq!((read.patient.as_deref(), read.intent.as_deref()), (Some("Patient/4"), Some("order")));
    // A patient who launches is not named twice.
    claims["sub"] = json!("Patient/4");
    claims["task"]["for"] = json!("Patient/4");
    claims["task"]["id"] = json!("Task/2");
    let token = sign_jwt(&key, &claims).await.expect("a token");
    let read =
        HtiClaims::from_claims(UnverifiedJwt::parse(token.as_str()).expect("a token").unverified_claims());
    let read = read.expect("claims");
    assert_eq!((read.patient, read.resource.as_str()), (None, "Task/2"));
    claims["task"] = json!({});
    let token = sign_jwt(&key, &claims).await.expect("a token");
    assert_eq!(verifier(&key).verify(token.as_str(), now()).await, Err(JwtError::Missing("task.id")));
}
