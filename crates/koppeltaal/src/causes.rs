//! The text of an error for a log, with its causes: that of the transport, for all errors of this crate.

pub(crate) use koppeltaal_transport::causes;

/// The same for an error of the transport, with what an operator can do about it.
#[cfg(feature = "connector")]
pub(crate) fn causes_and_advice(error: &koppeltaal_transport::Error) -> String {
    match error.advice() {
        Some(advice) => format!("{}; {advice}", causes(error)),
        None => causes(error),
    }
}

/// The same for an error of sending a message. When the outcome is unknown, the message can be sent again.
#[cfg(feature = "connector")]
pub(crate) fn causes_and_advice_to_sender(error: &koppeltaal_transport::Error) -> String {
    match error {
        koppeltaal_transport::Error::UnknownOutcome { message_identifier: Some(_), .. } => {
            format!("{}; {SEND_AGAIN}", causes(error))
        }
        _ => causes_and_advice(error),
    }
}

/// What to do when it is unknown whether a message was sent.
#[cfg(feature = "connector")]
pub(crate) const SEND_AGAIN: &str =
    "send it again with the same identifier (`Draft::with_identifier`), by which the server knows it again";

#[cfg(all(test, feature = "connector"))]
mod tests {
    use std::error::Error;
    use std::io;
    use std::sync::Arc;

    use koppeltaal_messaging::{ComposeError, ResourceUrl};
    use koppeltaal_transport::{AuthorizationError, Error as TransportError, UnreachableReason};

    use super::causes;
    use crate::{
        DefinitionError, LaunchError, ReceiveError, RelearnError, SendError, SentMessage, SessionError,
        VersionStoreError,
    };

    fn unreachable() -> TransportError {
        let source = Arc::new(io::Error::other("the cable is cut"));
        TransportError::Unreachable { reason: UnreachableReason::Other, source }
    }

    fn versions() -> VersionStoreError {
        VersionStoreError::Database { source: Box::new(io::Error::other("the disk is full")) }
    }

    fn patient() -> ResourceUrl {
        "https://epd.example/fhir/Patient/1".parse().expect("an address")
    }

    /// A value of every variant that has a cause, and of others.
    fn errors() -> Vec<Box<dyn Error>> {
        let conflict = TransportError::Conflict { resources: vec![patient()], outcome: None };
        let unknown = |identifier: Option<&str>| TransportError::UnknownOutcome {
            message_identifier: identifier.map(str::to_owned),
            source: Box::new(unreachable()),
        };
        let sent = SentMessage { identifier: "1".to_owned(), url: patient(), versions: Vec::new() };
        #[allow(unused_mut, reason = "without a database there is no outbox")]
        let mut errors: Vec<Box<dyn Error>> = vec![
            Box::new(SendError::Compose(ComposeError::Duplicate(patient()))),
            Box::new(SendError::Invalid { findings: Vec::new() }),
            Box::new(SendError::NoIdentifier),
            Box::new(SendError::Versions(versions())),
            Box::new(SendError::Conflict {
                resources: Vec::new(),
                patient: None,
                source: Box::new(conflict),
            }),
            Box::new(SendError::Transport(Box::new(unknown(Some("1"))))),
            Box::new(SendError::Transport(Box::new(unknown(None)))),
            Box::new(SendError::Stopped { identifier: "1".to_owned() }),
            Box::new(SendError::NotRecorded { sent, source: versions() }),
            Box::new(ReceiveError::Transport(unreachable())),
            Box::new(ReceiveError::Versions(versions())),
            Box::new(ReceiveError::Stopped),
            Box::new(RelearnError::Transport(unreachable())),
            Box::new(RelearnError::Versions(versions())),
            Box::new(RelearnError::NotFound { found: Vec::new(), missing: vec![patient()] }),
            Box::new(DefinitionError::Conflict {
                identifier: "VUURTOREN".to_owned(),
                attempts: 5,
                source: Box::new(TransportError::Conflict { resources: Vec::new(), outcome: None }),
            }),
            Box::new(DefinitionError::Transport(unreachable())),
            Box::new(SessionError::Authorization(AuthorizationError::State)),
            Box::new(SessionError::Transport(unreachable())),
            Box::new(LaunchError::Transport(unreachable())),
            Box::new(versions()),
        ];
        #[cfg(any(feature = "sqlite", feature = "postgresql"))]
        for error in [
            crate::OutboxError::Database { source: Box::new(io::Error::other("the disk is full")) },
            crate::OutboxError::Contention { source: Box::new(io::Error::other("a lock")) },
        ] {
            errors.push(Box::new(error));
        }
        #[cfg(any(feature = "sqlite", feature = "postgresql"))]
        errors.push(Box::new(crate::TableError::Database { r#source: Box::new(unreachable()) }));
        errors
    }

    #[test]
    fn no_text_occurs_twice_when_an_error_is_shown_with_its_causes() {
        for error in errors() {
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
    fn an_error_of_the_server_is_told_with_what_to_do_about_it_once() {
        let advice = unreachable().advice().expect("an operator can do something");
        let texts = errors().into_iter().map(|error| error.to_string());
        let of_the_server = |text: &String| {
            text.contains("the server cannot be reached") && !text.starts_with("the database")
        };
        let texts: Vec<String> = texts.filter(of_the_server).collect();
        assert_eq!(texts.len(), 7, "{texts:#?}");
        for text in texts {
            let remedies = [advice, super::SEND_AGAIN].map(|remedy| text.matches(remedy).count());
            assert_eq!(remedies.iter().sum::<usize>(), 1, "{text}");
        }
    }

    #[test]
    fn debug_of_an_unknown_outcome_says_it_once() {
        let source = Box::new(unreachable());
        let unknown = TransportError::UnknownOutcome { message_identifier: Some("1".to_owned()), source };
        let shown = format!("{:?}", SendError::Transport(Box::new(unknown)));
        assert_eq!(shown.matches("the request was sent").count(), 1, "{shown}");
        assert_eq!(shown.matches("the cable is cut").count(), 1, "{shown}");
        assert!(shown.contains(super::SEND_AGAIN), "{shown}");
    }
}
