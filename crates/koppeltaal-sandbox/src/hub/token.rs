//! [`Seal`]: makes texts that clients hand back and cannot forge: connection tokens and groups tokens.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// Separates the text from its digest. Like the `=` at the end, it has to be percent-encoded, so that a
/// client that does not do so is noticed.
const SEPARATOR: &str = "+/";

/// A secret, of this process or of the data file.
pub(crate) struct Seal([Uuid; 2]);

/// Why a token cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SealError {
    /// It is not a token, or was damaged on the way.
    Unreadable,
    /// It has the form of a token, but was made with another secret: probably before a restart.
    Foreign,
}

impl Seal {
    pub(crate) fn new() -> Self {
        Self([Uuid::new_v4(), Uuid::new_v4()])
    }

    /// The secret as text, for the data file.
    pub(crate) fn secret(&self) -> String {
        self.0.map(|half| half.simple().to_string()).concat()
    }

    /// The seal with this secret; `None` when the text is not a secret.
    pub(crate) fn with_secret(text: &str) -> Option<Self> {
        let (before, after) = text.split_at_checked(text.len() / 2)?;
        Some(Self([before.parse().ok()?, after.parse().ok()?]))
    }

    /// A token for this purpose, with this text in it.
    pub(crate) fn token(&self, purpose: &str, text: &str) -> String {
        format!("{}{SEPARATOR}{}=", BASE64_STANDARD.encode(text), self.digest(purpose, text))
    }

    /// The text in a token for this purpose.
    pub(super) fn open(&self, purpose: &str, token: &str) -> Result<String, SealError> {
        let (text, digest) = read(token).ok_or(SealError::Unreadable)?;
        if self.digest(purpose, &text) == digest { Ok(text) } else { Err(SealError::Foreign) }
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

/// Text and digest of a token.
fn read(token: &str) -> Option<(String, &str)> {
    let (text, digest) = token.strip_suffix('=')?.rsplit_once(SEPARATOR)?;
    let is_digest = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    let text = String::from_utf8(BASE64_STANDARD.decode(text).ok()?).ok()?;
    is_digest.then_some((text, digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tokens_of_the_same_maker_and_purpose_are_opened() {
        let seal = Seal::new();
        let token = seal.token("connection", "id:pörtal");
        assert_eq!(seal.open("connection", &token).as_deref(), Ok("id:pörtal"));
        assert_eq!(seal.open("groups", &token), Err(SealError::Foreign));
        assert_eq!(Seal::new().open("connection", &token), Err(SealError::Foreign));
        let damaged = token.replace('+', " ");
        assert_eq!(
            seal.open("connection", &damaged),
            Err(SealError::Unreadable),
            "it was not percent-encoded"
        );
        let kept = Seal::with_secret(&seal.secret()).expect("a secret");
        assert_eq!(kept.open("connection", &token).as_deref(), Ok("id:pörtal"));
        assert!(Seal::with_secret("").is_none() && Seal::with_secret("0é1").is_none());
    }
}
