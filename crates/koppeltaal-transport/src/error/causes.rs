//! [`causes`]: the text of an error for a log, with its causes.

use std::error::Error;

/// The texts of an error and its causes, each once, separated by colons. `Display` of an error may leave its
/// causes out.
///
/// ```
/// # let error = koppeltaal_transport::Error::NotAMessage;
/// eprintln!("not sent: {}", koppeltaal_transport::causes(&error));
/// ```
pub fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        // Some libraries repeat the text of the cause.
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
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
    struct Outer {
        source: Inner,
    }

    #[derive(Debug, thiserror::Error)]
    #[error("no answer")]
    struct Inner {
        source: std::io::Error,
    }

    #[test]
    fn each_cause_is_in_the_text_once() {
        let source = Inner { source: std::io::Error::other("the cable is cut") };
        assert_eq!(causes(&Outer { source }), "the post failed: no answer: the cable is cut");
    }
}
