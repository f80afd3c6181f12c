//! Which servers a webhook over https trusts: those of the operating system, or those that its configuration names instead.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use crate::config::Webhook;

/// The configuration of a webhook's connections, or why there is none.
pub(crate) fn config(webhook: &Webhook) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let named = webhook.root_certificates.as_deref();
    // A machine without authorities of its own can still call over http.
    if named.is_some() || !webhook.is_https() {
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
    fn certificates_that_are_none_are_named() {
        let error =
            |pem: &str| config(&Webhook::new("https://epd.example/hook").root_certificates(pem)).err();
        assert_eq!(error("no PEM").as_deref(), Some("there is no certificate in the PEM text"));
        assert!(error("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").is_some());
    }

    #[test]
    fn a_webhook_over_http_needs_no_authorities() {
        assert!(config(&Webhook::new("http://epd.example/hook")).is_ok());
    }
}
