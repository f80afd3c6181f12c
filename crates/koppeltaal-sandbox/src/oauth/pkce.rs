//! [`Challenge`]: proof key for code exchange (RFC 7636): only the client that asked for a code can redeem
//! it.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The challenge that a client sent when it asked for a code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Challenge {
    method: Method,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Method {
    Plain,
    Sha256,
}

impl Challenge {
    /// A challenge by the method of this name, or by `plain`. `None` when there is no such method, or the
    /// length is not 43 to 128.
    pub(crate) fn new(method: Option<&str>, text: &str) -> Option<Self> {
        let method = match method {
            None | Some("plain") => Method::Plain,
            Some("S256") => Method::Sha256,
            Some(_) => return None,
        };
        (43..=128).contains(&text.len()).then(|| Self { method, text: text.to_owned() })
    }

    pub(crate) fn is_met_by(&self, verifier: &str) -> bool {
        match self.method {
            Method::Plain => self.text == verifier,
            Method::Sha256 => self.text == BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_standard_holds() {
        // RFC 7636, appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        let sha = Challenge::new(Some("S256"), challenge).expect("a challenge");
        assert!(sha.is_met_by(verifier) && !sha.is_met_by(challenge));
        for method in [None, Some("plain")] {
            let plain = Challenge::new(method, verifier).expect("a challenge");
            assert!(plain.is_met_by(verifier) && !plain.is_met_by(challenge));
        }
        assert_eq!(Challenge::new(Some("s256"), challenge), None);
        assert_eq!(Challenge::new(Some("S256"), "short"), None);
    }
}
