//! Tokens that are made to deceive, and texts that are none.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use koppeltaal_smart::{
    Algorithm, HtiClaims, Jwks, JwtError, OAuthError, PendingAuthorization, ReceivedLaunch, Scopes,
    Signer as _, SmartConfiguration, UnverifiedJwt, Validation, sign_jwt,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{ec, jwks, now, rsa};

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn token(header: &Value, claims: &Value, signature: &[u8]) -> String {
    format!("{}.{}.{}", encode(header.to_string()), encode(claims.to_string()), encode(signature))
}

fn parse(text: &str) -> Result<UnverifiedJwt, JwtError> {
    UnverifiedJwt::parse(text)
}

#[test]
fn a_token_without_a_public_key_signature_is_refused_before_keys_are_looked_at() {
    for algorithm in ["none", "None", "NONE", "nOnE", "HS256", "HS384", "HS512", "PS256", "EdDSA", "dir", ""]
    {
        let text = token(&json!({"alg": algorithm}), &json!({}), b"");
        assert_eq!(parse(&text).expect_err("refused"), JwtError::Algorithm, "{algorithm}");
    }
    for header in [json!({}), json!({"alg": 1}), json!({"alg": ["RS256"]}), json!({"alg": null})] {
        assert_eq!(parse(&token(&header, &json!({}), b"")).expect_err("refused"), JwtError::Algorithm);
    }
}

#[tokio::test]
async fn a_key_is_not_used_for_another_algorithm_than_its_own() {
    let key = rsa(Algorithm::Rs512);
    let good = sign_jwt(&key, &json!({})).await.expect("a token");
    let claims = good.as_str().split('.').nth(1).expect("claims");
    for algorithm in ["RS256", "RS384", "ES256", "ES384", "ES512"] {
        let header = encode(json!({"alg": algorithm, "kid": key.public_key().kid()}).to_string());
        let signed = format!("{header}.{claims}");
        let signature = key.sign(signed.as_bytes()).await.expect("a signature");
        let token = parse(&format!("{signed}.{}", encode(signature))).expect("a token");
        assert_eq!(token.verify(&jwks(&key)).expect_err("refused"), JwtError::UnknownKey, "{algorithm}");
        // Nor if the published key names no algorithm: the signature is another one.
        let mut published = jwks(&key).to_json();
        published["keys"][0].as_object_mut().expect("a key").remove("alg");
        let published = Jwks::from_json(published.to_string().as_bytes()).expect("a JWKS");
        assert!(token.verify(&published).is_err(), "{algorithm}");
    }
}

#[tokio::test]
async fn keys_and_addresses_of_keys_in_a_header_are_ignored() {
    let (known, attacker) = (ec(), ec());
    let header = json!({
        "alg": "ES384", "kid": known.public_key().kid(), "jwk": attacker.public_key().to_json(),
        "jku": "https://evil.example/jwks.json", "x5u": "https://evil.example/cert", "x5c": ["AA=="],
    });
    let signed = format!("{}.{}", encode(header.to_string()), encode("{}"));
    let signature = attacker.sign(signed.as_bytes()).await.expect("a signature");
    let token = parse(&format!("{signed}.{}", encode(signature))).expect("a token");
    assert_eq!(token.verify(&jwks(&known)).expect_err("refused"), JwtError::Signature);
}

#[test]
fn extensions_that_must_be_understood_are_refused() {
    for header in
        [json!({"alg": "RS384", "crit": ["b64"], "b64": false}), json!({"alg": "RS384", "crit": []})]
    {
        assert_eq!(parse(&token(&header, &json!({}), b"")).expect_err("refused"), JwtError::Critical);
    }
}

#[tokio::test]
async fn every_change_of_a_token_breaks_it() {
    let key = ec();
    let good = sign_jwt(&key, &json!({"sub": "Patient/1"})).await.expect("a token");
    let good = good.as_str();
    for cut in 0..good.len() {
        let broken = parse(&good[..cut]).and_then(|token| token.verify(&jwks(&key)).map(drop));
        assert!(broken.is_err(), "cut off at {cut}");
    }
    for at in 0..good.len() {
        let mut bytes = good.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let text = String::from_utf8(bytes).expect("ASCII");
        let broken = parse(&text).and_then(|token| token.verify(&jwks(&key)).map(drop));
        assert!(broken.is_err(), "changed at {at}");
    }
    // The other form of an ECDSA signature, and the empty one that CVE-2022-21449 is about.
    let (signed, _) = good.rsplit_once('.').expect("a signature");
    for signature in [vec![0; 96], vec![], vec![0x30, 0x06, 0x02, 0x01, 0x00, 0x02, 0x01, 0x00]] {
        let token = parse(&format!("{signed}.{}", encode(signature))).expect("a token");
        assert_eq!(token.verify(&jwks(&key)).expect_err("refused"), JwtError::Signature);
    }
}

#[test]
fn a_token_of_another_form_is_refused() {
    assert_eq!(parse(&"a".repeat(UnverifiedJwt::MAX_BYTES + 1)).expect_err("huge"), JwtError::TooLarge);
    let good = token(&json!({"alg": "RS384"}), &json!({}), b"x");
    for text in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        format!("{good}."),
        format!("{good}.a.b"),
        good.replacen('.', "..", 1),
        format!("{good}="),
        format!("{good}+/"),
        token(&json!([]), &json!({}), b""),
        token(&json!({"alg": "RS384"}), &json!("x"), b""),
        token(&json!({"alg": "RS384", "kid": 1}), &json!({}), b""),
        format!("{}.{}.{}", encode("{\"alg\":\"RS384\"}x"), encode("{}"), encode("x")),
    ] {
        assert!(matches!(parse(&text), Err(JwtError::Malformed(_))), "{text}");
    }
    // Deep JSON does not exhaust the stack.
    let deep =
        format!("{}.{}.", encode("{\"alg\":\"RS384\"}"), encode(format!("{{\"a\":{}", "[".repeat(10_000))));
    assert!(matches!(parse(&deep), Err(JwtError::Malformed(_) | JwtError::TooLarge)));
}

proptest! {
    #[test]
    fn no_text_makes_a_reader_panic(
        text in ".{0,300}",
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let _ = UnverifiedJwt::parse(&text);
        let _ = Scopes::parse(&text);
        let _ = Jwks::from_json(&bytes);
        let _ = SmartConfiguration::from_json(&bytes);
        let _ = OAuthError::from_body(&bytes);
        let _ = ReceivedLaunch::from_form(&bytes);
        let _ = PendingAuthorization::resume("https://a.example", "s", "v").finish(&text);
    }

    #[test]
    fn no_token_makes_a_reader_panic(
        header in "\\{(\"(alg|kid|crit|typ)\":(\"(RS384|ES384|none|a)\"|1|null|\\[\\]),?){0,3}\\}?",
        claims in "\\{(\"(iss|sub|aud|exp|iat|nbf|jti|task|resource)\":\
            (\"a\"|-1|1e400|1e300|9223372036854775807|null|\\[\"a\"\\]|\\{\"id\":\"a\"\\}),?){0,6}\\}?",
        signature in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        let trimmed = |text: &str| text.replace(",}", "}");
        let text = format!("{}.{}.{}", encode(trimmed(&header)), encode(trimmed(&claims)), encode(signature));
        if let Ok(token) = UnverifiedJwt::parse(&text) {
            prop_assert!(token.verify(&Jwks::default()).is_err());
            let claims = token.unverified_claims();
            let _ = HtiClaims::from_claims(claims);
            let _ = Validation::new().issuer("a").audience("a").max_lifetime(std::time::Duration::MAX)
                .leeway(std::time::Duration::MAX).check(claims, now());
        }
    }
}

#[test]
fn texts_of_errors_hold_nothing_of_the_token() {
    let text = token(&json!({"alg": "geheim", "kid": "geheim"}), &json!({"sub": "geheim"}), b"geheim");
    for text in
        [&text, &text[..10], "geheim", &token(&json!({"alg": "RS384", "kid": ["geheim"]}), &json!({}), b"")]
    {
        let error = parse(text).expect_err("refused");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("geheim") && !shown.contains("eyJ"), "{shown}");
    }
}
