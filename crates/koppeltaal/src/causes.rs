//! [`causes`]: an error for a log, with what caused it.

use std::error::Error;

/// What an error says and what its causes say, each once: many errors say what their cause says, too.
///
/// For errors of this crate and of the transport, whose texts are made for logs.
pub(crate) fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the post failed: {source}")]
    struct Told {
        source: Untold,
    }

    #[derive(Debug, thiserror::Error)]
    #[error("no answer")]
    struct Untold {
        source: std::io::Error,
    }

    #[test]
    fn each_cause_is_told_once() {
        let source = Untold { source: std::io::Error::other("the cable is cut") };
        assert_eq!(causes(&Told { source }), "the post failed: no answer: the cable is cut");
    }
}
