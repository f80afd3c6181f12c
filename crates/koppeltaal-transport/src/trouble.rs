//! [`Trouble`]: what an issue type says about trying again. One table.

use koppeltaal_messaging::CodeSystem as _;
use koppeltaal_messaging::valuesets::IssueType;

/// What the issue types of an `OperationOutcome` say is the trouble, most telling first: of several issues the first of
/// this list counts.
///
/// The groups are those of the code system `http://hl7.org/fhir/issue-type` of DSTU1: `invalid` and `processing` with
/// what is under them are final ("no point in resubmitting the same content unchanged"), `transient` with what is under
/// it passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Trouble {
    /// The token has expired: a new one helps. `expired`.
    Expired,
    /// The server does not know who asks. `login`.
    Credentials,
    /// The server does not allow it. `forbidden`, `security`.
    Permission,
    /// Another version than the server's. `conflict`.
    Version,
    /// The content is wrong; sending it again unchanged does not help. `invalid`, `processing` and what is under them.
    Content,
    /// Too many requests; nothing was done. `throttled`.
    Load,
    /// It passes, and nothing was done. `transient`, `lock-error`, `no-store`.
    Passing,
    /// The server failed while it was at work: it passes, and what it did is open. `exception`, `timeout`.
    ///
    /// With a status 4xx the request is to blame all the same: servers have `exception` for want of a better code.
    Internal,
    /// No issue has a code, or none that tells. Then the status decides. `unknown`, and what DSTU1 does not have.
    Unclear,
}

/// Every issue type of DSTU1.
static BY_ISSUE_TYPE: [(IssueType, Trouble); 26] = [
    (IssueType::Invalid, Trouble::Content),
    (IssueType::Structure, Trouble::Content),
    (IssueType::Required, Trouble::Content),
    (IssueType::Value, Trouble::Content),
    (IssueType::Invariant, Trouble::Content),
    (IssueType::Security, Trouble::Permission),
    (IssueType::Login, Trouble::Credentials),
    // DSTU1 means a user who is unknown; servers mean that they do not know what it is.
    (IssueType::Unknown, Trouble::Unclear),
    (IssueType::Expired, Trouble::Expired),
    (IssueType::Forbidden, Trouble::Permission),
    (IssueType::Processing, Trouble::Content),
    (IssueType::NotSupported, Trouble::Content),
    (IssueType::Duplicate, Trouble::Content),
    (IssueType::NotFound, Trouble::Content),
    (IssueType::TooLong, Trouble::Content),
    (IssueType::CodeUnknown, Trouble::Content),
    (IssueType::Extension, Trouble::Content),
    (IssueType::TooCostly, Trouble::Content),
    (IssueType::BusinessRule, Trouble::Content),
    (IssueType::Conflict, Trouble::Version),
    (IssueType::Transient, Trouble::Passing),
    (IssueType::LockError, Trouble::Passing),
    (IssueType::NoStore, Trouble::Passing),
    (IssueType::Exception, Trouble::Internal),
    (IssueType::Timeout, Trouble::Internal),
    (IssueType::Throttled, Trouble::Load),
];

impl Trouble {
    /// What an issue with this code says; [`Unclear`](Self::Unclear) for a code that is not on DSTU1's list.
    pub fn of(code: &str) -> Self {
        let is = |known: &IssueType| known.code().eq_ignore_ascii_case(code.trim());
        BY_ISSUE_TYPE.iter().find(|(known, _)| is(known)).map_or(Self::Unclear, |row| row.1)
    }

    /// Whether the same request may succeed later, without anybody changing anything.
    pub fn is_passing(self) -> bool {
        matches!(self, Self::Load | Self::Passing | Self::Internal)
    }

    /// Whether the server may have acted on the request before it failed.
    pub fn leaves_open(self) -> bool {
        matches!(self, Self::Internal | Self::Unclear)
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
        assert_eq!(Trouble::of("no-such-type"), Trouble::Unclear);
        assert_eq!(Trouble::of(" Conflict"), Trouble::Version);
    }
}
