//! Extensions of the conformance statement: where clients find what lies outside FHIR, and what the server validates.

/// Where OAuth 2 authorization is: under the registry of SMART, and under the host that it had before. Servers state
/// one of them or both.
pub const AUTHORIZE: [&str; 2] = [
    "http://fhir-registry.smarthealthit.org/Profile/oauth-uris#authorize",
    "http://fhir-registry.smartplatforms.org/Profile/oauth-uris#authorize",
];
/// Where OAuth 2 tokens are, under both hosts.
pub const TOKEN: [&str; 2] = [
    "http://fhir-registry.smarthealthit.org/Profile/oauth-uris#token",
    "http://fhir-registry.smartplatforms.org/Profile/oauth-uris#token",
];
/// Where web applications are launched.
pub const LAUNCH: &str = "http://fhir.vitalhealthsoftware.com/Profile/Conformance#Launch";

/// Whether requests are held against the schema.
pub const VALIDATE_REQUESTS_AGAINST_SCHEMA: &str =
    "http://fhir.vitalhealthsoftware.com/Profile/Conformance#ValidateRequestsAgainstSchema";
/// Whether replies are held against the schema.
pub const VALIDATE_REPLIES_AGAINST_SCHEMA: &str =
    "http://fhir.vitalhealthsoftware.com/Profile/Conformance#ValidateRepliesAgainstSchema";
/// Whether requests are held against Koppeltaal's profiles.
pub const VALIDATE_REQUESTS_AGAINST_PROFILE: &str =
    "http://fhir.vitalhealthsoftware.com/Profile/Conformance#ValidateRequestsAgainstProfile";
/// Whether replies are held against Koppeltaal's profiles.
pub const VALIDATE_REPLIES_AGAINST_PROFILE: &str =
    "http://fhir.vitalhealthsoftware.com/Profile/Conformance#ValidateRepliesAgainstProfile";
