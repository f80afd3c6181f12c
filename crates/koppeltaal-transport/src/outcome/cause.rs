//! [`FailureCause`]: what an issue type says about the failure, and whether trying again helps. One table.

use koppeltaal_messaging::CodeSystem as _;
use koppeltaal_messaging::valuesets::IssueType;

/// Why a request failed, by the issue types of the `OperationOutcome`. The order is from the most specific
/// cause to the least: of several issues, the first in this order counts.
///
/// The groups are those of DSTU1's code system `http://hl7.org/fhir/issue-type`. `invalid`, `processing` and
/// the codes under them are final ("no point in resubmitting the same content unchanged"). `transient` and
/// the codes under it are not: the same request may succeed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FailureCause {
    /// The token has expired: a new one helps. `expired`.
    Expired,
    /// The server does not know who asks. `login`.
    Credentials,
    /// The server does not allow it. `forbidden`, `security`.
    Forbidden,
    /// The server has another version of a resource. `conflict`.
    Conflict,
    /// The content is wrong, and sending it again unchanged does not help. `invalid`, `processing` and the
    /// codes under them.
    InvalidContent,
    /// Too many requests; nothing was done. `throttled`.
    Throttled,
    /// The server cannot do it now, and did nothing. `transient`, `lock-error`, `no-store`.
    Transient,
    /// The server failed while it was at work. It may succeed later; whether it acted is unknown.
    /// `exception`, `timeout`.
    ///
    /// With a status 4xx the request is to blame all the same: servers use `exception` for want of a better
    /// code.
    Internal,
    /// No issue has a code that tells the cause. Then the status decides. `unknown`, and codes that DSTU1
    /// does not have.
    Unknown,
}

/// Every issue type of DSTU1.
static BY_ISSUE_TYPE: [(IssueType, FailureCause); 26] = [
    (IssueType::Invalid, FailureCause::InvalidContent),
    (IssueType::Structure, FailureCause::InvalidContent),
    (IssueType::Required, FailureCause::InvalidContent),
    (IssueType::Value, FailureCause::InvalidContent),
    (IssueType::Invariant, FailureCause::InvalidContent),
    (IssueType::Security, FailureCause::Forbidden),
    (IssueType::Login, FailureCause::Credentials),
    // In DSTU1 it means that the user is unknown. Servers use it when the cause is unknown.
    (IssueType::Unknown, FailureCause::Unknown),
    (IssueType::Expired, FailureCause::Expired),
    (IssueType::Forbidden, FailureCause::Forbidden),
    (IssueType::Processing, FailureCause::InvalidContent),
    (IssueType::NotSupported, FailureCause::InvalidContent),
    (IssueType::Duplicate, FailureCause::InvalidContent),
    (IssueType::NotFound, FailureCause::InvalidContent),
    (IssueType::TooLong, FailureCause::InvalidContent),
    (IssueType::CodeUnknown, FailureCause::InvalidContent),
    (IssueType::Extension, FailureCause::InvalidContent),
    (IssueType::TooCostly, FailureCause::InvalidContent),
    (IssueType::BusinessRule, FailureCause::InvalidContent),
    (IssueType::Conflict, FailureCause::Conflict),
    (IssueType::Transient, FailureCause::Transient),
    (IssueType::LockError, FailureCause::Transient),
    (IssueType::NoStore, FailureCause::Transient),
    (IssueType::Exception, FailureCause::Internal),
    (IssueType::Timeout, FailureCause::Internal),
    (IssueType::Throttled, FailureCause::Throttled),
];

impl FailureCause {
    /// The cause that an issue with this code stands for; [`Unknown`](Self::Unknown) for a code that DSTU1
    /// does not have.
    pub fn from_code(code: &str) -> Self {
        let is = |known: &IssueType| known.code().eq_ignore_ascii_case(code.trim());
        BY_ISSUE_TYPE.iter().find(|(known, _)| is(known)).map_or(Self::Unknown, |row| row.1)
    }

    /// Whether the same request may succeed later, without anybody changing anything.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Throttled | Self::Transient | Self::Internal)
    }

    /// Whether the server may have acted on the request before it failed.
    pub fn is_outcome_unknown(self) -> bool {
        matches!(self, Self::Internal | Self::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_issue_type_of_dstu1_is_in_the_table_once() {
        for (code, _) in IssueType::CODES {
            let rows = BY_ISSUE_TYPE.iter().filter(|(known, _)| known.code() == *code).count();
            assert_eq!(rows, 1, "{code}");
        }
        assert_eq!(BY_ISSUE_TYPE.len(), IssueType::CODES.len());
        assert_eq!(FailureCause::from_code("no-such-type"), FailureCause::Unknown);
        assert_eq!(FailureCause::from_code(" Conflict"), FailureCause::Conflict);
    }
}
