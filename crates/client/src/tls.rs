//! Whom to trust when the hub is reached by `wss`.

use std::fmt;
use std::sync::{Arc, OnceLock};

use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{self, CryptoProvider};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{self, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

/// Whom to trust: the system's certificate authorities, and those that are added.
///
/// Clones share one configuration, which is built at the first `wss` connection.
#[derive(Clone, Default)]
pub struct Tls {
    authorities: Vec<CertificateDer<'static>>,
    accept_invalid: bool,
    config: Arc<OnceLock<Arc<ClientConfig>>>,
}

/// Why a certificate authority was refused, or none could be found.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The text is not PEM.
    #[error("not a certificate in PEM: {0}")]
    Pem(#[from] rustls::pki_types::pem::Error),
    /// The text holds no certificate.
    #[error("no certificate in the PEM text; expected -----BEGIN CERTIFICATE-----")]
    Empty,
    /// A certificate cannot be an authority, or the cryptography could not be set up.
    #[error("the certificate was refused")]
    Rustls(#[from] rustls::Error),
    /// The system has no certificate authorities and none were added.
    #[error("the system has no certificate authorities; install its ca-certificates package, or name the hub's own authority")]
    NoAuthority,
}

impl Tls {
    /// Trusts these certificate authorities, too (one or more certificates in PEM).
    ///
    /// # Errors
    /// When the text is not PEM or holds no certificate.
    pub fn with_authority(mut self, pem: &[u8]) -> Result<Self, TlsError> {
        let before = self.authorities.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            self.authorities.push(certificate?);
        }
        if self.authorities.len() == before {
            return Err(TlsError::Empty);
        }
        self.config = Arc::default();
        Ok(self)
    }

    /// Accepts any certificate: whoever stands between sees and changes everything, the hub's secret too. For experiments.
    #[must_use]
    pub fn danger_accept_invalid(mut self) -> Self {
        self.accept_invalid = true;
        self.config = Arc::default();
        self
    }

    /// The configuration for connections, built once. Reads the system's authorities from disk the first time.
    pub(crate) fn config(&self) -> Result<Arc<ClientConfig>, TlsError> {
        if let Some(config) = self.config.get() {
            return Ok(config.clone());
        }
        let built = Arc::new(self.build()?);
        Ok(self.config.get_or_init(|| built).clone())
    }

    fn build(&self) -> Result<ClientConfig, TlsError> {
        let provider = Arc::new(crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
        if self.accept_invalid {
            let verifier = Arc::new(AcceptAny(provider));
            return Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth());
        }
        Ok(builder.with_root_certificates(self.roots()?).with_no_client_auth())
    }

    fn roots(&self) -> Result<RootCertStore, TlsError> {
        let mut roots = RootCertStore::empty();
        let native = rustls_native_certs::load_native_certs();
        for error in &native.errors {
            tracing::debug!(%error, "a certificate authority of the system could not be read");
        }
        roots.add_parsable_certificates(native.certs);
        for authority in &self.authorities {
            roots.add(authority.clone())?;
        }
        if roots.is_empty() { Err(TlsError::NoAuthority) } else { Ok(roots) }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("authorities", &self.authorities.len())
            .field("accept_invalid", &self.accept_invalid)
            .finish_non_exhaustive()
    }
}

/// Checks that the peer has the key of the certificate it shows, and nothing else.
#[derive(Debug)]
struct AcceptAny(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        crypto::verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        crypto::verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
