//! TLS: cryptography, certificate authorities, and the client's own certificate.
//!
//! reqwest would use AWS-LC, whose build takes minutes, or panic without a default provider. So the
//! configuration is made here, for this client alone; nothing changes for the whole process.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use crate::builder::error::BuildError;

/// The options for TLS that an application may set.
#[derive(Default)]
pub(crate) struct TlsOptions {
    pub(crate) extra_roots: Vec<CertificateDer<'static>>,
    pub(crate) identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
}

impl Clone for TlsOptions {
    fn clone(&self) -> Self {
        let identity = self.identity.as_ref().map(|(chain, key)| (chain.clone(), key.clone_key()));
        Self { extra_roots: self.extra_roots.clone(), identity }
    }
}

impl TlsOptions {
    /// The certificates of a PEM text.
    pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, BuildError> {
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .map_err(|error| BuildError::Certificate(error.to_string()))?;
        if certificates.is_empty() {
            return Err(BuildError::Certificate("no certificate in the PEM text".to_owned()));
        }
        Ok(certificates)
    }

    /// The private key of a PEM text.
    pub(crate) fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, BuildError> {
        // The PEM reader's own error can quote a line of the text, so it is dropped.
        PrivateKeyDer::from_pem_slice(pem)
            .map_err(|_| BuildError::Certificate("no readable private key in the PEM text".to_owned()))
    }

    /// The configuration for an https server: the platform's authorities and the extra ones.
    pub(crate) fn https(self) -> Result<ClientConfig, BuildError> {
        let provider = provider().ok_or(BuildError::NoCryptography)?;
        let failed = |error: rustls::Error| BuildError::Tls(error.to_string());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .dangerous()
            // Any custom verifier counts as "dangerous"; this one asks the operating system.
            .with_custom_certificate_verifier(Arc::new(
                verifier(self.extra_roots, provider).map_err(failed)?,
            ));
        match self.identity {
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(failed),
            None => Ok(builder.with_no_client_auth()),
        }
    }

    /// The configuration for a server without TLS, since reqwest needs one. It trusts nobody, and does not
    /// read the certificate store, which the machine may not have.
    pub(crate) fn unused() -> Option<ClientConfig> {
        let builder =
            ClientConfig::builder_with_provider(provider()?).with_safe_default_protocol_versions().ok()?;
        Some(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
    }
}

#[cfg(any(all(unix, not(target_os = "android")), target_os = "windows"))]
fn verifier(
    extra_roots: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<Verifier, rustls::Error> {
    Verifier::new_with_extra_roots(extra_roots, provider)
}

#[cfg(not(any(all(unix, not(target_os = "android")), target_os = "windows")))]
fn verifier(
    extra_roots: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<Verifier, rustls::Error> {
    if extra_roots.is_empty() {
        Verifier::new(provider)
    } else {
        Err(rustls::Error::General(
            "this platform takes no certificate authorities of an application".to_owned(),
        ))
    }
}

/// The cryptography: what the application installed for the process (a FIPS build, say), else what this
/// crate's features bring.
fn provider() -> Option<Arc<CryptoProvider>> {
    CryptoProvider::get_default().cloned().or_else(built_in)
}

#[cfg(feature = "aws-lc-rs")]
#[allow(clippy::unnecessary_wraps, reason = "one signature for all features")]
fn built_in() -> Option<Arc<CryptoProvider>> {
    Some(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
}

#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
#[allow(clippy::unnecessary_wraps, reason = "one signature for all features")]
fn built_in() -> Option<Arc<CryptoProvider>> {
    Some(Arc::new(rustls::crypto::ring::default_provider()))
}

#[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
fn built_in() -> Option<Arc<CryptoProvider>> {
    None
}
