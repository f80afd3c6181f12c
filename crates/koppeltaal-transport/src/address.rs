//! Addresses: the configured server, and the URLs of the protocol under it.
//!
//! Links of a server may name another host than the configured one, since there may be a proxy in between.
//! Only their path and query are used, so that no request, and so no credential, goes to another server.

use std::net::IpAddr;

use reqwest::Url;

use crate::builder::error::BuildError;

/// The path under the server's address that all FHIR operations share (Koppeltaal's public documentation).
const FHIR_BASE: &str = "FHIR/Koppeltaal";

/// The path under the server's address that launches and tokens share.
const OAUTH_BASE: &str = "OAuth2/Koppeltaal/";

/// Whether requests to this URL are protected on the way: by TLS, or because they do not leave this machine.
pub(crate) fn is_protected(url: &Url) -> bool {
    url.scheme() == "https" || url.scheme() == "http" && is_loopback(url)
}

/// Whether the host is this machine by name or address.
fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether parsing would not change this path, so that it can be skipped. That is so for the links of message
/// headers, to which every acknowledgement goes.
fn is_plain_path(path: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b':');
    !path.is_empty() && path.bytes().all(is_plain) && !path.contains(FHIR_BASE)
}

/// Whether a text starts with this, in upper or lower case.
fn starts_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|text| text.eq_ignore_ascii_case(start))
}

/// The configured server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    /// Ends with a slash.
    url: Url,
    /// The FHIR base. It ends with a slash too.
    fhir: Url,
}

impl Server {
    /// Reads the address of a server, or its FHIR base, as in an `iss` parameter
    /// (`{server}/FHIR/Koppeltaal`).
    pub(crate) fn parse(text: &str, plain_http: bool) -> Result<Self, BuildError> {
        let refused = |problem: &str| Err(BuildError::Url(problem.to_owned()));
        // `koppeltaal.example:8480` is a URL, too, with the name of the host as its scheme.
        if !["https:", "http:"].iter().any(|scheme| starts_with(text.trim_start(), scheme)) {
            return refused("it has to begin with https:// (or http://, on this machine only)");
        }
        let mut url = Url::parse(text).map_err(|error| BuildError::Url(error.to_string()))?;
        if !url.username().is_empty() || url.password().is_some() {
            return refused("credentials do not belong in a URL");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return refused("an address of a server has no query and no fragment");
        }
        let server = url.path().trim_end_matches('/');
        let server = server.strip_suffix(FHIR_BASE).unwrap_or(server).trim_end_matches('/');
        let path = format!("{server}/");
        url.set_path(&path);
        let mut fhir = url.clone();
        fhir.set_path(&format!("{path}{FHIR_BASE}/"));
        let server = Self { url, fhir };
        if server.is_https() || plain_http || server.is_loopback() {
            Ok(server)
        } else {
            Err(BuildError::InsecureUrl { host: server.host().to_owned() })
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        self.url.as_str().trim_end_matches('/')
    }

    pub(crate) fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Whether the server is this machine by name or address.
    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(&self.url)
    }

    /// Whether the URL is one of this server.
    pub(crate) fn has_origin_of(&self, url: &Url) -> bool {
        self.url.origin() == url.origin()
    }

    fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The URL of a path under the FHIR base, with query parameters.
    pub(crate) fn fhir(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.fhir.clone();
        url.set_path(&[self.fhir.path(), path].concat());
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// The URL of a path outside the FHIR base, such as `OAuth2/Koppeltaal/Launch`.
    pub(crate) fn outside_fhir(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        url.set_path(&format!("{}{path}", self.url.path()));
        url
    }

    /// The URL for an address that the server states. A relative one is relative to the server's own. `None`
    /// if the scheme is neither http nor https.
    pub(crate) fn resolve(&self, stated: &str) -> Option<Url> {
        self.url.join(stated.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
    }

    /// The URL at this server for an endpoint that a server states. If the path has `OAuth2/Koppeltaal/`, the
    /// part from there on is put under this server's address. Of any other URL, path and query are kept.
    pub(crate) fn localize_outside_fhir(&self, stated: &Url) -> Url {
        let mut url = match stated.path().rsplit_once(OAUTH_BASE) {
            Some((_, path)) => self.outside_fhir(&format!("{OAUTH_BASE}{path}")),
            None => {
                let mut url = self.url.clone();
                url.set_path(stated.path());
                url
            }
        };
        url.set_query(stated.query());
        url
    }

    /// The URL at the configured server for a link of a server: what follows `/FHIR/Koppeltaal/` is kept, and
    /// all before it is replaced. `None` for a link outside the FHIR service.
    pub(crate) fn localize(&self, link: &str) -> Option<Url> {
        if let Some(path) = link.strip_prefix(self.fhir.as_str()).filter(|path| is_plain_path(path)) {
            return Some(self.fhir(path, &[]));
        }
        let link = self.fhir.join(link).ok()?;
        // The last occurrence: the base of a proxy may hold the same path. No `..` is left after parsing.
        let (_, path) = link.path().rsplit_once(FHIR_BASE)?;
        let path = path.strip_prefix('/').filter(|path| !path.is_empty())?;
        let mut url = self.fhir(path, &[]);
        url.set_query(link.query());
        Some(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(text: &str) -> Server {
        Server::parse(text, false).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn the_address_may_be_the_server_or_its_fhir_base() {
        for text in [
            "https://koppeltaal.example",
            "https://koppeltaal.example/",
            "https://koppeltaal.example/FHIR/Koppeltaal",
            "https://koppeltaal.example/FHIR/Koppeltaal/",
        ] {
            let server = server(text);
            assert_eq!(server.as_str(), "https://koppeltaal.example");
            assert_eq!(
                server.fhir("metadata", &[]).as_str(),
                "https://koppeltaal.example/FHIR/Koppeltaal/metadata"
            );
        }
        let under_a_path = server("https://gateway.example/kt");
        assert_eq!(under_a_path.fhir("Mailbox", &[]).path(), "/kt/FHIR/Koppeltaal/Mailbox");
        assert_eq!(
            under_a_path.outside_fhir("OAuth2/Koppeltaal/Launch").path(),
            "/kt/OAuth2/Koppeltaal/Launch"
        );
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for text in [
            "http://localhost:8080",
            "http://127.0.0.1:1",
            "http://127.8.9.1",
            "http://[::1]:80",
            "http://a.localhost",
        ] {
            assert!(server(text).is_loopback(), "{text}");
        }
        for text in [
            "http://koppeltaal.example",
            "http://10.0.0.1",
            "http://localhost.example",
            "http://127.0.0.1.example",
        ] {
            assert!(matches!(Server::parse(text, false), Err(BuildError::InsecureUrl { .. })), "{text}");
            assert!(Server::parse(text, true).is_ok(), "{text}");
        }
    }

    #[test]
    fn texts_that_are_no_address_of_a_server_are_refused() {
        for text in [
            "koppeltaal.example",
            "koppeltaal.example:8480",
            "ftp://koppeltaal.example",
            "https://u:p@koppeltaal.example",
            "https://u@k.example",
            "https://k.example/?a=b",
            "https://k.example/#a",
            "",
        ] {
            assert!(matches!(Server::parse(text, true), Err(BuildError::Url(_))), "{text}");
        }
    }

    #[test]
    fn an_address_without_a_scheme_is_told_what_it_has_to_begin_with() {
        for text in ["koppeltaal.example", "koppeltaal.example:8480", "localhost:8480", "127.0.0.1:8480", ""]
        {
            let error = Server::parse(text, false).expect_err("no scheme").to_string();
            assert!(error.contains("it has to begin with https:// "), "{error}");
        }
        assert!(Server::parse("HTTPS://koppeltaal.example", false).is_ok());
    }

    #[test]
    fn a_refused_address_does_not_show_its_password() {
        let error = Server::parse("https://user:Geheim1@koppeltaal.example", false).expect_err("credentials");
        assert!(!format!("{error} {error:?}").contains("Geheim1"));
    }

    #[test]
    fn links_are_followed_at_the_configured_server_only() {
        let server = server("https://gateway.example/kt");
        for (link, followed) in [
            (
                "https://inside:8443/FHIR/Koppeltaal/MessageHeader/_search?page=2",
                "MessageHeader/_search?page=2",
            ),
            (
                "http://u:p@inside/a/FHIR/Koppeltaal/MessageHeader/12/_history/2020-08-15T07:33:55:708.2583",
                "MessageHeader/12/_history/2020-08-15T07:33:55:708.2583",
            ),
            (
                "https://gateway.example/kt/FHIR/Koppeltaal/Other/ActivityDefinition:6720",
                "Other/ActivityDefinition:6720",
            ),
            ("MessageHeader/_search?page=3", "MessageHeader/_search?page=3"),
            ("/FHIR/Koppeltaal/Other/1", "Other/1"),
        ] {
            let url = server.localize(link).unwrap_or_else(|| panic!("{link}"));
            assert_eq!(
                url.as_str(),
                format!("https://gateway.example/kt/FHIR/Koppeltaal/{followed}"),
                "{link}"
            );
        }
    }

    #[test]
    fn links_outside_the_fhir_service_are_not_followed() {
        let server = server("https://koppeltaal.example");
        for link in [
            "https://elsewhere.example/steal",
            "urn:uuid:0c3151bd",
            "https://koppeltaal.example/FHIR/Koppeltaal/../../admin",
            "../../admin",
            "https://koppeltaal.example/FHIR/KoppeltaalX/1",
            "https://[",
        ] {
            assert_eq!(server.localize(link), None, "{link}");
        }
    }

    #[test]
    fn endpoints_are_taken_to_the_configured_server() {
        let server = server("https://gateway.example/kt");
        for (stated, taken) in [
            (
                "http://inside:8080/a/OAuth2/Koppeltaal/Token?x=1",
                "https://gateway.example/kt/OAuth2/Koppeltaal/Token?x=1",
            ),
            ("https://login.example/connect/token", "https://gateway.example/connect/token"),
        ] {
            let stated = Url::parse(stated).expect("a URL");
            assert_eq!(server.localize_outside_fhir(&stated).as_str(), taken);
        }
    }

    #[test]
    fn query_parameters_are_escaped() {
        let server = server("https://koppeltaal.example");
        let url = server.fhir("MessageHeader/_search", &[("Patient", "https://a.example/Patient/1?&x")]);
        assert_eq!(url.query(), Some("Patient=https%3A%2F%2Fa.example%2FPatient%2F1%3F%26x"));
    }
}
