//! Client assertions: made, and checked as a server does.

use koppeltaal_smart::{
    Algorithm, AssertionVerifier, ClientAssertion, JwtError, KeyPair, MemoryReplayGuard, UnverifiedJwt,
    sign_jwt,
};
use serde_json::{Value, json};

use crate::{ec, jwks, now, rsa, seconds};

const TOKEN: &str = "https://auth.example/oauth2/token";

async fn verify(token: &str, key: &KeyPair) -> Result<String, JwtError> {
    let guard = MemoryReplayGuard::new(10);
    let token = UnverifiedJwt::parse(token)?;
    let verifier = AssertionVerifier::new([TOKEN]);
    verifier.verify(&token, &jwks(key), &guard, now()).await.map(str::to_owned)
}

#[tokio::test]
async fn an_assertion_is_taken_once() {
    let key = rsa(Algorithm::Rs384);
    let assertion = ClientAssertion::new("portal", TOKEN).sign(&key, now()).await.expect("an assertion");
    let token = UnverifiedJwt::parse(assertion.as_str()).expect("a token");
    let (guard, verifier) =
        (MemoryReplayGuard::new(10), AssertionVerifier::new(["https://other.example", TOKEN]));
    assert_eq!(verifier.verify(&token, &jwks(&key), &guard, now()).await, Ok("portal"));
    assert_eq!(verifier.verify(&token, &jwks(&key), &guard, now()).await, Err(JwtError::Replayed));
    let next = ClientAssertion::new("portal", TOKEN).sign(&key, now()).await.expect("an assertion");
    let next = UnverifiedJwt::parse(next.as_str()).expect("a token");
    assert_eq!(verifier.verify(&next, &jwks(&key), &guard, now()).await, Ok("portal"));
}

#[tokio::test]
async fn an_assertion_bears_clocks_that_differ_a_little() {
    let key = ec();
    for made in [now() - seconds(140), now() + seconds(35)] {
        let assertion = ClientAssertion::new("portal", TOKEN).sign(&key, made).await.expect("an assertion");
        assert!(verify(assertion.as_str(), &key).await.is_ok());
    }
    for (made, error) in
        [(now() - seconds(151), JwtError::Expired), (now() + seconds(41), JwtError::NotYetValid)]
    {
        let assertion = ClientAssertion::new("portal", TOKEN).sign(&key, made).await.expect("an assertion");
        assert_eq!(verify(assertion.as_str(), &key).await, Err(error));
    }
}

#[tokio::test]
async fn an_assertion_is_never_valid_for_more_than_five_minutes() {
    let assertion = ClientAssertion::new("portal", TOKEN).lifetime(seconds(10_000));
    let assertion = assertion.sign(&ec(), now()).await.expect("an assertion");
    let token = UnverifiedJwt::parse(assertion.as_str()).expect("a token");
    let time = |name| token.unverified_claims().get(name).and_then(Value::as_u64).expect("a time");
    assert_eq!(time("exp") - time("iat"), 300);
}

#[tokio::test]
async fn an_assertion_that_breaks_a_rule_is_refused() {
    let key = ec();
    let exp = 1_780_000_100_u64;
    let claims = json!({"iss": "a", "sub": "a", "aud": TOKEN, "jti": "1", "iat": exp - 100, "exp": exp});
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        match value {
            Value::Null => drop(claims.as_object_mut().expect("an object").remove(name)),
            value => claims[name] = value,
        }
        claims
    };
    let refusals = [
        (with("iss", Value::Null), JwtError::Missing("iss")),
        (with("sub", Value::Null), JwtError::Missing("sub")),
        (with("sub", json!("b")), JwtError::Subject),
        (with("aud", Value::Null), JwtError::Missing("aud")),
        (with("aud", json!("https://auth.example/oauth2/token/")), JwtError::Audience),
        (with("jti", Value::Null), JwtError::Missing("jti")),
        (with("jti", json!("")), JwtError::Missing("jti")),
        (with("exp", Value::Null), JwtError::Missing("exp")),
        (with("exp", json!("1780000100")), JwtError::Malformed("a time is not a number")),
        (with("exp", json!(1e300)), JwtError::Lifetime { limit: 330 }),
        (with("exp", json!(-1e300)), JwtError::Expired),
        (with("exp", json!(exp + 1000)), JwtError::Lifetime { limit: 330 }),
        (with("nbf", json!(exp)), JwtError::NotYetValid),
        (with("iat", json!([])), JwtError::Malformed("a time is not a number")),
    ];
    for (claims, error) in refusals {
        let token = sign_jwt(&key, &claims).await.expect("a token");
        assert_eq!(verify(token.as_str(), &key).await, Err(error), "{claims}");
    }
    let several = sign_jwt(&key, &with("aud", json!(["x", TOKEN]))).await.expect("a token");
    assert!(verify(several.as_str(), &key).await.is_ok());
    let without_iat = sign_jwt(&key, &with("iat", Value::Null)).await.expect("a token");
    assert!(verify(without_iat.as_str(), &key).await.is_ok());
}

#[tokio::test]
async fn a_guard_that_is_full_refuses_without_forgetting() {
    let key = ec();
    let (guard, verifier) = (MemoryReplayGuard::new(1), AssertionVerifier::new([TOKEN]));
    let mut answers = Vec::new();
    for _ in 0..2 {
        let token = ClientAssertion::new("a", TOKEN).sign(&key, now()).await.expect("an assertion");
        let token = UnverifiedJwt::parse(token.as_str()).expect("a token");
        answers.push(verifier.verify(&token, &jwks(&key), &guard, now()).await.map(str::to_owned));
    }
    assert_eq!(answers, [Ok("a".to_owned()), Err(JwtError::ReplayGuard)]);
}
