//! Extensions of the conformance statement: the endpoints outside of FHIR, and what the server validates.

/// The OAuth 2 authorization endpoint. The second URL is that of SMART's former registry. Servers state one
/// of them or both.
pub const AUTHORIZE: [&str; 2] = [
    "http://fhir-registry.smarthealthit.org/Profile/oauth-uris#authorize",
    "http://fhir-registry.smartplatforms.org/Profile/oauth-uris#authorize",
];
/// The OAuth 2 token endpoint, under the same two URLs.
pub const TOKEN: [&str; 2] = [
    "http://fhir-registry.smarthealthit.org/Profile/oauth-uris#token",
    "http://fhir-registry.smartplatforms.org/Profile/oauth-uris#token",
];
/// The endpoint that launches web applications.
pub const LAUNCH: &str = "http://fhir.vitalhealthsoftware.com/Profile/Conformance#Launch";

/// Whether the server validates requests against the schema.
pub const VALIDATE_REQUESTS_AGAINST_SCHEMA: &str =
    "http://fhir.vitalhealthsoftware.com/Profile/Conformance#ValidateRequestsAgainstSchema";
/// Whether the server validates replies against the schema.
pub const VALIDATE_REPLIES_AGAINST_SCHEMA: &str =
    "http://fhir.vitalhealthsoftware.com/Profile/Conformance#ValidateRepliesAgainstSchema";
/// Whether the server validates requests against Koppeltaal's profiles.
pub const VALIDATE_REQUESTS_AGAINST_PROFILE: &str =
    "http://fhir.vitalhealthsoftware.com/Profile/Conformance#ValidateRequestsAgainstProfile";
/// Whether the server validates replies against Koppeltaal's profiles.
pub const VALIDATE_REPLIES_AGAINST_PROFILE: &str =
    "http://fhir.vitalhealthsoftware.com/Profile/Conformance#ValidateRepliesAgainstProfile";
