//! [`Error::advice`]: what somebody who operates the application can do about an error.

use super::{Error, UnreachableReason};
use crate::oauth::error::OAuthErrorCode;

impl Error {
    /// What somebody who operates the application can do about this error, as a clause to put after its text
    /// and a semicolon. `None` if only the application itself can do something.
    ///
    /// ```
    /// use koppeltaal_transport::Error;
    ///
    /// let error = Error::NoRefreshToken;
    /// let advice = error.advice().expect("the user can do something");
    /// assert_eq!(format!("{error}; {advice}"), "there is no refresh token; launch the user again");
    /// ```
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Authentication { expired: false, .. } => {
                Some("see whether the user name and the password, or the token, are right")
            }
            Self::Authentication { expired: true, .. } | Self::NoRefreshToken => {
                Some("launch the user again")
            }
            Self::Forbidden { .. } => Some("ask the server's administrator what the account may do"),
            Self::NotFound { outcome: None } => Some("see whether the server's address is right"),
            Self::Unreachable { reason, .. } => Some(reason.advice()),
            Self::Unavailable { .. } | Self::Timeout { .. } | Self::Interrupted { .. } => {
                Some("if it lasts, tell the server's administrator")
            }
            Self::Protocol(_) => Some("see whether the server's address is right, or tell its administrator"),
            Self::OAuth { error, .. } if error.code == OAuthErrorCode::InvalidClient => {
                Some("see whether the application's identifier and secret are right")
            }
            Self::RateLimited { .. } => Some("ask the server less often"),
            Self::ClaimTakenOver { .. } => Some("answer while the claim lasts, usually some minutes"),
            Self::UnknownOutcome { source, .. } | Self::TokenRefresh { source } => source.advice(),
            _ => None,
        }
    }
}

impl UnreachableReason {
    fn advice(self) -> &'static str {
        match self {
            Self::Dns => "see whether the server's name is right, and whether this machine can resolve names",
            Self::Tls => {
                "see whether the server's certificate is valid, and whether its authority is trusted"
            }
            Self::Refused | Self::Timeout | Self::Other => {
                "see whether the server runs, whether its address is right, and whether a firewall is in the way"
            }
        }
    }
}
