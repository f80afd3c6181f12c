//! Key pairs: made, loaded in each form, and what they sign.

use koppeltaal_smart::{Algorithm, Jwk, JwtError, KeyError, KeyPair, Signer, UnverifiedJwt, sign_jwt};
use serde_json::{Value, json};

use crate::{ec, jwks, rsa};

const RSA: [Algorithm; 3] = [Algorithm::Rs256, Algorithm::Rs384, Algorithm::Rs512];

async fn signs_what_its_public_key_checks(key: &KeyPair) {
    let token = sign_jwt(key, &json!({"iss": "a"})).await.expect("a token");
    let read = UnverifiedJwt::parse(token.as_str()).expect("a token");
    assert_eq!(read.header().algorithm, key.algorithm());
    assert_eq!(read.header().kid.as_deref(), key.public_key().kid());
    // Others know the key by its JSON.
    let published = koppeltaal_smart::Jwks::from_json(jwks(key).to_json().to_string().as_bytes());
    let published = published.expect("a JWKS");
    assert_eq!(published, jwks(key));
    assert_eq!(read.verify(&published).expect("claims").text("iss"), Some("a"));
}

#[tokio::test]
async fn every_algorithm_of_smart_signs_and_checks() {
    for algorithm in RSA {
        signs_what_its_public_key_checks(&rsa(algorithm)).await;
    }
    for algorithm in [Algorithm::Es256, Algorithm::Es384] {
        signs_what_its_public_key_checks(&KeyPair::generate(algorithm).expect("a key")).await;
    }
}

#[cfg(feature = "aws-lc-rs")]
#[tokio::test]
async fn aws_lc_makes_keys_for_every_algorithm() {
    for algorithm in Algorithm::ALL {
        signs_what_its_public_key_checks(&KeyPair::generate(algorithm).expect("a key")).await;
    }
}

#[cfg(not(feature = "aws-lc-rs"))]
#[test]
fn what_ring_cannot_make_says_what_to_do() {
    for algorithm in RSA {
        let error = KeyPair::generate(algorithm).expect_err("no key");
        assert_eq!(error, KeyError::CannotGenerate(algorithm));
        assert!(error.to_string().contains("openssl genpkey"), "{error}");
    }
    assert_eq!(
        KeyPair::generate(Algorithm::Es512).expect_err("no key"),
        KeyError::CannotGenerate(Algorithm::Es512)
    );
}

#[tokio::test]
async fn a_key_is_the_same_in_each_form_of_pem() {
    let pkcs1 = KeyPair::from_pem(Algorithm::Rs384, include_bytes!("../keys/rsa.pkcs1.pem")).expect("PKCS#1");
    assert_eq!(pkcs1.public_key(), rsa(Algorithm::Rs384).public_key());
    let sec1 = KeyPair::from_pem(Algorithm::Es384, include_bytes!("../keys/p384.sec1.pem")).expect("SEC1");
    let pkcs8 =
        KeyPair::from_pem(Algorithm::Es384, include_bytes!("../keys/p384.pkcs8.pem")).expect("PKCS#8");
    assert_eq!(sec1.public_key(), pkcs8.public_key());
    signs_what_its_public_key_checks(&sec1).await;
    // With a block EC PARAMETERS before it, as openssl writes it.
    let p256 = KeyPair::from_pem(Algorithm::Es256, include_bytes!("../keys/p256.sec1.pem")).expect("SEC1");
    signs_what_its_public_key_checks(&p256).await;
}

#[tokio::test]
async fn a_key_without_a_named_algorithm_signs_as_the_reference_service_takes_it() {
    let rfc_7515 = rfc_7515_rsa().to_string();
    for (text, algorithm) in [
        (&include_bytes!("../keys/p384.sec1.pem")[..], Algorithm::Es384),
        (include_bytes!("../keys/p256.sec1.pem"), Algorithm::Es256),
        (include_bytes!("../keys/rsa.pkcs8.pem"), Algorithm::Rs512),
        (rfc_7515.as_bytes(), Algorithm::Rs512),
    ] {
        let key = KeyPair::from_text(text).expect("a key");
        assert_eq!(key.algorithm(), algorithm);
        signs_what_its_public_key_checks(&key).await;
    }
    assert_eq!(KeyPair::from_text(b"secret").expect_err("no key"), KeyError::Pem);
    let unknown = KeyPair::from_text(br#"{"kty": "oct", "k": "secret"}"#).expect_err("no key pair");
    assert!(!format!("{unknown} {unknown:?}").contains("secret"));
}

#[test]
fn a_text_that_holds_no_key_for_the_algorithm_is_refused_without_being_quoted() {
    let pem = include_bytes!("../keys/rsa.pkcs8.pem");
    assert_eq!(
        KeyPair::from_pem(Algorithm::Es384, pem).expect_err("RSA"),
        KeyError::NotFor(Algorithm::Es384)
    );
    let p384 = include_bytes!("../keys/p384.sec1.pem");
    assert_eq!(
        KeyPair::from_pem(Algorithm::Es256, p384).expect_err("P-384"),
        KeyError::NotFor(Algorithm::Es256)
    );
    for text in [&b""[..], b"secret", b"-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n"] {
        let error = KeyPair::from_pem(Algorithm::Rs384, text).expect_err("no key");
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
    let cut = &pem[..pem.len() / 2];
    assert_eq!(KeyPair::from_pem(Algorithm::Rs384, cut).expect_err("cut off"), KeyError::Pem);
}

/// The private JWK of RFC 7515 appendix A.2, whose example the test below signs.
fn rfc_7515_rsa() -> Value {
    serde_json::from_str(include_str!("../keys/rfc7515-a2.json")).expect("JSON")
}

#[tokio::test]
async fn the_example_of_rfc_7515_comes_out() {
    let key = KeyPair::from_jwk(Algorithm::Rs256, &rfc_7515_rsa()).expect("a key");
    let signed = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6\
        Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let signature = key.sign(signed.as_bytes()).await.expect("a signature");
    assert_eq!(signature[..8], [112, 46, 33, 137, 67, 232, 143, 209]);
    assert!(key.public_key().verify(Algorithm::Rs256, signed.as_bytes(), &signature));
}

#[tokio::test]
async fn a_private_jwk_is_read_with_its_kid() {
    // RFC 7515 appendix A.3.
    let mut jwk = json!({
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
        "kid": "mine",
    });
    let key = KeyPair::from_jwk(Algorithm::Es256, &jwk).expect("a key");
    assert_eq!(key.public_key().kid(), Some("mine"));
    signs_what_its_public_key_checks(&key).await;
    let shown = format!("{key:?} {:#?} {}", key.public_key(), key.public_key().to_json());
    assert!(!shown.contains("jpsQnnGQmL"), "{shown}");

    jwk["d"] = json!("kpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI");
    assert_eq!(
        KeyPair::from_jwk(Algorithm::Es256, &jwk).expect_err("another d"),
        KeyError::NotFor(Algorithm::Es256)
    );
    jwk["alg"] = json!("ES384");
    assert_eq!(
        KeyPair::from_jwk(Algorithm::Es256, &jwk).expect_err("another alg"),
        KeyError::NotFor(Algorithm::Es256)
    );
    assert!(matches!(KeyPair::from_jwk(Algorithm::Es256, &json!("x")), Err(KeyError::Jwk(_))));
    let mut half = rfc_7515_rsa();
    half["qi"] = Value::Null;
    assert!(matches!(KeyPair::from_jwk(Algorithm::Rs256, &half), Err(KeyError::Jwk(_))));
    // The parts belong to two keys.
    let mut mixed = rfc_7515_rsa();
    mixed["dp"] = mixed["dq"].clone();
    assert_eq!(
        KeyPair::from_jwk(Algorithm::Rs256, &mixed).expect_err("mixed"),
        KeyError::NotFor(Algorithm::Rs256)
    );
}

#[tokio::test]
async fn a_token_finds_its_key_among_several() {
    let (old, new) = (ec(), ec());
    let token = sign_jwt(&old, &json!({})).await.expect("a token");
    let token = UnverifiedJwt::parse(token.as_str()).expect("a token");
    let both = koppeltaal_smart::Jwks::new([new.public_key().clone(), old.public_key().clone()]);
    assert!(token.verify(&both).is_ok());
    assert_eq!(token.verify(&jwks(&new)).expect_err("rotated"), JwtError::UnknownKey);
    let same_kid = new.public_key().clone().with_kid(old.public_key().kid().expect("a kid"));
    assert_eq!(token.verify(&[same_kid].into_iter().collect()).expect_err("forged"), JwtError::Signature);
}

#[tokio::test]
async fn a_signer_of_another_kind_is_shared_as_an_object() {
    let signer: std::sync::Arc<dyn Signer> = std::sync::Arc::new(ec());
    let token = sign_jwt(&*signer, &json!({"a": 1})).await.expect("a token");
    let keys = koppeltaal_smart::Jwks::new([signer.public_key().clone()]);
    assert!(UnverifiedJwt::parse(token.as_str()).expect("a token").verify(&keys).is_ok());
    assert!(sign_jwt(&*signer, &json!(["no object"])).await.is_err());
}

#[test]
fn keys_that_cannot_be_used_are_skipped_in_a_jwks() {
    let good = ec().public_key().to_json();
    let document =
        json!({"keys": [{"kty": "oct", "k": "AQAB"}, good, "x", {"kty": "OKP", "crv": "Ed25519", "x": "A"}]});
    let keys = koppeltaal_smart::Jwks::from_json(document.to_string().as_bytes()).expect("a JWKS");
    assert_eq!((keys.keys().len(), keys.skipped()), (1, 3));
    assert_eq!(Jwk::from_json(&good).as_ref(), Ok(&keys.keys()[0]));
    for text in ["", "[]", "{}", r#"{"keys":{}}"#] {
        assert!(koppeltaal_smart::Jwks::from_json(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn a_public_key_in_pem_is_the_one_of_its_pair() {
    let rsa_pem = include_bytes!("../keys/rsa.public.pem");
    let ec_pem = include_bytes!("../keys/p384.public.pem");
    let rsa_key = Jwk::from_pem(rsa_pem).expect("an RSA key");
    assert_eq!(rsa_key.kid(), rsa(Algorithm::Rs512).public_key().kid());
    assert!(rsa_key.is_for(Algorithm::Rs512) && rsa_key.is_for(Algorithm::Rs256));
    let pair = KeyPair::from_pem(Algorithm::Es384, include_bytes!("../keys/p384.sec1.pem")).expect("SEC1");
    assert_eq!(Jwk::from_pem(ec_pem).expect("an EC key").kid(), pair.public_key().kid());
    for text in [&b""[..], b"-----BEGIN PUBLIC KEY-----", include_bytes!("../keys/p384.sec1.pem")] {
        assert_eq!(Jwk::from_pem(text), Err(koppeltaal_smart::JwkError::Pem));
    }
}

#[test]
fn a_key_that_is_made_to_be_stored_comes_with_its_pem() {
    let (pair, pem) = KeyPair::generate_with_pem(Algorithm::Es384).expect("a key");
    let loaded = KeyPair::from_pem(Algorithm::Es384, pem.as_bytes()).expect("the same key");
    assert_eq!(loaded.public_key(), pair.public_key());
    let error = KeyPair::generate_with_pem(Algorithm::Rs384).expect_err("RSA");
    assert_eq!(error, KeyError::CannotGenerate(Algorithm::Rs384));
}
