//! What the texts of all errors have in common.

use std::error::Error;
use std::io;

use koppeltaal_transport::causes;

use super::*;

fn network_error() -> Arc<dyn Error + Send + Sync> {
    Arc::new(io::Error::other("the cable is cut"))
}

/// A value of every variant.
fn every_connect_error() -> Vec<ConnectError> {
    let (step, status, limit) = (ConnectStep::Connect, StatusCode::NOT_FOUND, Duration::from_secs(1));
    let lost = || ConnectError::Lost { step, reason: LostReason::Network(network_error()) };
    vec![
        ConnectError::Authentication { step, status },
        ConnectError::Credentials(Box::new(koppeltaal_transport::Error::NoRefreshToken)),
        ConnectError::Status { step, status },
        ConnectError::Unreachable { step, source: network_error() },
        ConnectError::Timeout { step, limit },
        ConnectError::Negotiate(NegotiateError::NoToken),
        ConnectError::Protocol { step },
        lost(),
        ConnectError::NoTransport { tried: vec![(Transport::WebSockets, lost())] },
        ConnectError::Ended { reason: None },
        ConnectError::DisconnectTimeout { limit },
        ConnectError::UnusableFrame { reason: LostReason::TooLarge },
        ConnectError::Stopped,
    ]
}

/// A value of every variant, with its text.
fn every_invoke_error() -> [(InvokeError, &'static str); 10] {
    let exception = HubException { message: "Lieke".to_owned(), is_hub_exception: true, data: None };
    [
        (InvokeError::NotConnected, "not connected"),
        (InvokeError::Hub(exception), "the hub's method failed"),
        (InvokeError::ConnectionLost, "the connection was lost before the result came"),
        (InvokeError::Timeout { limit: Duration::from_millis(1500) }, "no result within 1.5 s"),
        (
            InvokeError::Status { status: StatusCode::UNAUTHORIZED },
            "the server answers the call with HTTP 401 Unauthorized",
        ),
        (InvokeError::Unreachable { source: network_error() }, "no answer to the call: the cable is cut"),
        (InvokeError::Protocol, "the answer to the call is not a result"),
        (InvokeError::ResultDropped, "the result was dropped: too many results wait for their callers"),
        (InvokeError::TooLong, "the call is too long"),
        (InvokeError::Stopped, "the connection was stopped"),
    ]
}

#[test]
fn the_error_of_a_call_says_what_happened_to_it_and_not_what_the_server_said() {
    for (error, expected) in every_invoke_error() {
        assert_eq!(causes(&error), expected);
        assert!(!format!("{error:?}").contains("Lieke"), "{error:?}");
    }
}

#[test]
fn no_text_occurs_twice_when_an_error_is_shown_with_its_causes() {
    let errors = every_connect_error().into_iter().map(|error| Box::new(error) as Box<dyn Error>);
    for error in
        errors.chain(every_invoke_error().into_iter().map(|(error, _)| Box::new(error) as Box<dyn Error>))
    {
        let mut texts = vec![error.to_string()];
        let mut next = error.source();
        while let Some(cause) = next {
            texts.push(cause.to_string());
            next = cause.source();
        }
        assert_eq!(texts.join(": "), causes(error.as_ref()));
    }
}

#[test]
fn the_error_of_each_transport_that_was_tried_names_its_cause() {
    let tried = vec![(
        Transport::LongPolling,
        ConnectError::Unreachable { step: ConnectStep::Connect, source: network_error() },
    )];
    let text = ConnectError::NoTransport { tried }.to_string();
    assert_eq!(text, "no transport works; longPolling: no answer to connect: the cable is cut");
}
