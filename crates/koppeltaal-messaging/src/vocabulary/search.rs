//! Names of search parameters, and values that are always the same. Servers read names without regard to case.

/// Names the query: [`CLAIM`].
pub const QUERY: &str = "_query";
/// The query that claims the next new message.
pub const CLAIM: &str = "MessageHeader.GetNextNewAndClaim";
/// One resource by its id; of messages also by its address or its identifier.
pub const ID: &str = "_id";
/// `true`: headers only.
pub const SUMMARY: &str = "_summary";
/// How many results a page has.
pub const COUNT: &str = "_count";
/// Messages about the patient with this address.
pub const PATIENT: &str = "Patient";
/// Messages of this event.
pub const EVENT: &str = "event";
/// Messages with this processing status. Not together with [`QUERY`].
pub const PROCESSING_STATUS: &str = "ProcessingStatus";

/// Which kind of `Other`.
pub const CODE: &str = "code";
/// `yes`: archived activity definitions as well.
pub const INCLUDE_ARCHIVED: &str = "includearchived";

/// What the storage service is searched by. Koppeltaal's public texts list that, but name no parameters; these are in the
/// style of FHIR DSTU1.
pub mod storage {
    /// Items about the patient with this address.
    pub const PATIENT: &str = "patient";
    /// Items of this type.
    pub const OBJECT_TYPE: &str = "objectType";
    /// Items whose key starts with this.
    pub const OBJECT_KEY: &str = "objectKey";
    /// Items with exactly this key.
    pub const OBJECT_KEY_EXACT: &str = "objectKey:exact";
    /// Items whose key contains this.
    pub const OBJECT_KEY_CONTAINS: &str = "objectKey:contains";
    /// When an item was changed last, with `>`, `>=`, `<` or `<=` before it or nothing.
    pub const LAST_UPDATED: &str = "lastUpdated";
    /// Sorts by a parameter.
    pub const SORT: &str = "_sort";
    /// Sorts by a parameter, the largest first.
    pub const SORT_DESCENDING: &str = "_sort:desc";
}
