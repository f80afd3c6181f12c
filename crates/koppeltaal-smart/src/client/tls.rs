//! TLS: the cryptography of the crate's features, and the certificate authorities of the system. reqwest
//! alone would panic without a provider for the whole process.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

/// The configuration. What the application installed for the process, a FIPS build say, comes first.
///
/// A machine without certificate authorities, such as a bare container, still reaches servers over http; none
/// over https can be trusted.
pub(crate) fn configuration() -> Result<ClientConfig, rustls::Error> {
    let provider = CryptoProvider::get_default().cloned().unwrap_or_else(built_in);
    let verifier = Verifier::new(provider.clone());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(match verifier {
        // Any custom verifier counts as "dangerous"; this one asks the operating system.
        Ok(verifier) => {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()
        }
        Err(error) => {
            tracing::warn!(%error, "the system has no certificate authorities, so no https server is trusted");
            builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
        }
    })
}

fn built_in() -> Arc<CryptoProvider> {
    #[cfg(feature = "aws-lc-rs")]
    return Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    #[cfg(not(feature = "aws-lc-rs"))]
    Arc::new(rustls::crypto::ring::default_provider())
}
