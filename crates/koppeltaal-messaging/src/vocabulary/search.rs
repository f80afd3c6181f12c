//! The names of search parameters and their fixed values. Servers ignore the case of the names.

/// Names the query: [`CLAIM`].
pub const QUERY: &str = "_query";
/// The query that claims the next new message.
pub const CLAIM: &str = "MessageHeader.GetNextNewAndClaim";
/// One resource by its id. A message can also be named by its address or its identifier.
pub const ID: &str = "_id";
/// `true`: headers only.
pub const SUMMARY: &str = "_summary";
/// How many results a page has.
pub const COUNT: &str = "_count";
/// Messages about the patient with this address.
pub const PATIENT: &str = "Patient";
/// Messages of this event.
pub const EVENT: &str = "event";
/// Messages with this processing status. Cannot be combined with [`QUERY`].
pub const PROCESSING_STATUS: &str = "ProcessingStatus";

/// The kind of `Other`.
pub const CODE: &str = "code";
/// `yes` includes archived activity definitions.
pub const INCLUDE_ARCHIVED: &str = "includearchived";

/// Search parameters of the storage service. Koppeltaal's public texts describe the searches but do not name
/// the parameters; these names follow FHIR DSTU1.
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
    /// When an item was last changed; the value may start with `>`, `>=`, `<` or `<=`.
    pub const LAST_UPDATED: &str = "lastUpdated";
    /// Sorts by a parameter.
    pub const SORT: &str = "_sort";
    /// Sorts by a parameter in descending order.
    pub const SORT_DESCENDING: &str = "_sort:desc";
}
