//! [`Seal`]: texts that clients hand back, and that nobody else could have made: connection tokens and groups tokens.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// What stands between the text and its digest. With the `=` at the end it makes clients find out that tokens have to be
/// percent-encoded.
const SEPARATOR: &str = "+/";

/// A secret of this process.
pub(crate) struct Seal([Uuid; 2]);

impl Seal {
    pub(crate) fn new() -> Self {
        Self([Uuid::new_v4(), Uuid::new_v4()])
    }

    /// The token of a purpose that says `text`.
    pub(crate) fn token(&self, purpose: &str, text: &str) -> String {
        format!("{}{SEPARATOR}{}=", BASE64_STANDARD.encode(text), self.digest(purpose, text))
    }

    /// What a token of this purpose says, if it was made here.
    pub(crate) fn open(&self, purpose: &str, token: &str) -> Option<String> {
        let (text, digest) = token.strip_suffix('=')?.rsplit_once(SEPARATOR)?;
        let text = String::from_utf8(BASE64_STANDARD.decode(text).ok()?).ok()?;
        (self.digest(purpose, &text) == digest).then_some(text)
    }

    fn digest(&self, purpose: &str, text: &str) -> String {
        let mut hash = Sha256::new();
        // The key stands at both ends, so that nothing can be added to the text.
        let [before, after] = &self.0;
        hash.update(before.as_bytes());
        hash.update(purpose);
        hash.update([0]);
        hash.update(text);
        hash.update(after.as_bytes());
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tokens_of_the_same_maker_and_purpose_are_opened() {
        let seal = Seal::new();
        let token = seal.token("connection", "id:pörtal");
        assert_eq!(seal.open("connection", &token).as_deref(), Some("id:pörtal"));
        assert_eq!(seal.open("groups", &token), None);
        assert_eq!(Seal::new().open("connection", &token), None);
        assert_eq!(seal.open("connection", &token.replace('+', " ")), None, "it was not percent-encoded");
    }
}
