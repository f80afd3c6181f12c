//! Tests of what a webhook accepts, refuses and reads.

use super::*;

const SECRET: &str = "X-Koppeltaal-Secret";
const DOMAIN: &str =
    "http://ggz.koppeltaal.nl/fhir/Koppeltaal/Domain#Kis; scheme=\"http://hl7.org/fhir/tag/security\"";

fn webhook() -> Webhook {
    Webhook::with_secret(SECRET, "Geheim1").unwrap()
}

/// A call with these headers.
fn call(headers: &[(&str, &str)]) -> Request<()> {
    let empty = Request::post("/koppeltaal").header("Content-Length", "0");
    headers.iter().fold(empty, |call, (name, value)| call.header(*name, *value)).body(()).unwrap()
}

fn header() -> HeaderName {
    HeaderName::try_from(SECRET).unwrap()
}

#[test]
fn a_call_of_the_server_is_read() {
    let call = call(&[
        ("x-koppeltaal-secret", "Geheim1"),
        ("Category", DOMAIN),
        ("KoppeltaalMessageIdentifier", " 8b7d2c4e-55c5-4b1e-9a2c-3f1f5e7a1b20 "),
        ("Content-Type", "application/json"),
        ("Accept", "application/json"),
    ]);
    let notification = WebhookNotification {
        domain: Some("Kis".to_owned()),
        message_identifier: Some("8b7d2c4e-55c5-4b1e-9a2c-3f1f5e7a1b20".to_owned()),
    };
    assert_eq!(webhook().check(&call), Ok(notification.clone()));
    assert_eq!(webhook().check_parts(&call.into_parts().0), Ok(notification));
}

#[test]
fn a_call_of_an_old_server_says_nothing_but_look() {
    let old = [(SECRET, "Geheim1"), ("KoppeltaalMessageIdentifier", "")];
    assert_eq!(webhook().check(&call(&old[..1])), Ok(WebhookNotification::default()));
    assert_eq!(webhook().only_domain("Kis").check(&call(&old)), Ok(WebhookNotification::default()));
}

#[test]
fn without_the_right_secret_nothing_is_accepted() {
    let missing = WebhookError::MissingSecret { header: header() };
    let wrong = WebhookError::WrongSecret { header: header() };
    let repeated = WebhookError::RepeatedSecret { header: header() };
    for (headers, error) in [
        (&[][..], &missing),
        (&[("X-Other-Secret", "Geheim1")], &missing),
        (&[(SECRET, "")], &wrong),
        (&[(SECRET, "Geheim")], &wrong),
        (&[(SECRET, "Geheim12")], &wrong),
        (&[(SECRET, "geheim1")], &wrong),
        (&[(SECRET, "Geheim1, Geheim1")], &wrong),
        (&[(SECRET, "Geheim1"), (SECRET, "Geheim1")], &repeated),
        (&[(SECRET, "fout"), (SECRET, "Geheim1")], &repeated),
    ] {
        assert_eq!(webhook().check(&call(headers)).as_ref(), Err(error), "{headers:?}");
        assert_eq!(error.status(), StatusCode::FORBIDDEN);
    }
}

#[test]
fn a_secret_can_be_changed_while_both_are_accepted() {
    let webhook = webhook().and_secret("x-koppeltaal-secret", "Geheim2").unwrap();
    for (secret, accepted) in [("Geheim1", true), ("Geheim2", true), ("Geheim3", false)] {
        assert_eq!(webhook.check(&call(&[(SECRET, secret)])).is_ok(), accepted, "{secret}");
    }
}

#[test]
fn every_header_that_was_asked_for_is_demanded() {
    let webhook = webhook().and_secret("X-Gateway", "poort").unwrap();
    assert!(webhook.check(&call(&[(SECRET, "Geheim1"), ("X-Gateway", "poort")])).is_ok());
    assert!(webhook.check(&call(&[(SECRET, "Geheim1")])).is_err());
    assert!(webhook.check(&call(&[("X-Gateway", "poort")])).is_err());
}

#[test]
fn secrets_that_cannot_arrive_are_refused_before_any_call() {
    for secret in ["", " Geheim1", "Geheim1 ", "Geh\neim", "Geh\u{e9}im"] {
        let refused = Webhook::with_secret(SECRET, secret).map(drop);
        assert_eq!(refused, Err(WebhookConfigurationError::Secret), "{secret:?}");
    }
    for name in ["", "X Koppeltaal", "X:Y"] {
        let refused = Webhook::with_secret(name, "Geheim1").map(drop);
        assert_eq!(refused, Err(WebhookConfigurationError::HeaderName), "{name:?}");
    }
}

#[test]
fn only_a_post_is_a_call() {
    for method in [Method::GET, Method::PUT, Method::OPTIONS] {
        let mut call = call(&[(SECRET, "Geheim1")]);
        *call.method_mut() = method.clone();
        let error = webhook().check(&call).unwrap_err();
        assert_eq!(error, WebhookError::Method { method });
        assert_eq!(error.status(), StatusCode::METHOD_NOT_ALLOWED);
    }
}

#[test]
fn calls_about_another_domain_are_refused_when_one_was_chosen() {
    let call = call(&[(SECRET, "Geheim1"), ("Category", DOMAIN)]);
    assert!(webhook().only_domain("Kis").check(&call).is_ok());
    assert_eq!(
        webhook().only_domain("kis").check(&call),
        Err(WebhookError::OtherDomain { found: "Kis".to_owned() })
    );
}

#[test]
fn a_caller_without_the_secret_does_not_learn_the_domain() {
    let webhook = webhook().only_domain("Kis");
    let with = |domain: &str| webhook.check(&call(&[("Category", domain), (SECRET, "fout")]));
    assert_eq!(with(DOMAIN), with("http://ggz.koppeltaal.nl/fhir/Koppeltaal/Domain#Other"));
}

#[test]
fn the_secret_is_nowhere_to_be_seen() {
    let webhook = webhook();
    let wrong = webhook.check(&call(&[(SECRET, "Fout2")])).unwrap_err();
    let shown = format!("{webhook:?} {webhook:#?} {wrong:?} {wrong}");
    assert!(shown.contains("x-koppeltaal-secret"), "{shown}");
    assert!(!shown.contains("Geheim1") && !shown.contains("Fout2"), "{shown}");
}

#[test]
fn what_a_stranger_sends_never_panics() {
    let webhook = Webhook::without_secret();
    for byte in (0x20..=0xff).filter(|byte| *byte != 0x7f) {
        for value in [vec![byte], vec![b'"', byte], vec![byte; 9], [DOMAIN.as_bytes(), &[byte]].concat()] {
            let value = http::HeaderValue::from_bytes(&value).unwrap();
            let call = Request::post("/").header("Category", &value).header(MESSAGE_IDENTIFIER, value);
            assert!(webhook.check(&call.body(()).unwrap()).is_ok());
        }
    }
}
