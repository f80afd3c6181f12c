//! The certificate authorities that a webhook over https trusts: the operating system's, or the ones in its
//! configuration.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

/// The configuration of a webhook's connections; the error is a text for people. `named` is a PEM text with
/// certificates.
pub(super) fn config(is_https: bool, named: Option<&str>) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    // A machine without authorities of its own can still call over http.
    if named.is_some() || !is_https {
        let roots = roots(named.unwrap_or_default())?;
        return Ok(builder.with_root_certificates(roots).with_no_client_auth());
    }
    let verifier = Verifier::new(provider).map_err(|error| error.to_string())?;
    // "dangerous" is any verifier but rustls' own; this one asks the operating system.
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    Ok(builder.with_no_client_auth())
}

/// The certificates of a PEM text.
fn roots(pem: &str) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    match roots.is_empty() && !pem.is_empty() {
        true => Err("there is no certificate in the PEM text".to_owned()),
        false => Ok(roots),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_without_certificates_is_named() {
        let error = |pem: &str| config(true, Some(pem)).err();
        assert_eq!(error("no PEM").as_deref(), Some("there is no certificate in the PEM text"));
        assert!(error("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").is_some());
    }

    #[test]
    fn a_webhook_over_http_needs_no_authorities() {
        assert!(config(false, None).is_ok());
    }
}
