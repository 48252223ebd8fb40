//! Certificates of an hour's life.

use std::path::Path;

use concierge_client::Tls;
use rcgen::{CertifiedKey, generate_simple_self_signed};

/// A self-signed certificate for the loopback address, and its key.
#[derive(Debug)]
pub struct Certificate {
    pem: String,
    key: String,
}

impl Certificate {
    /// A new one.
    ///
    /// # Panics
    /// Never: its names are proper ones.
    #[must_use]
    pub fn new() -> Self {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).expect("these are proper names");
        Self { pem: cert.pem(), key: signing_key.serialize_pem() }
    }

    /// Writes both files.
    ///
    /// # Panics
    /// When they cannot be written.
    pub fn write(&self, certificate: &Path, key: &Path) {
        std::fs::write(certificate, &self.pem).expect("the certificate can be written");
        std::fs::write(key, &self.key).expect("the key can be written");
    }

    /// Trust in this certificate.
    ///
    /// # Panics
    /// Never: it is a proper one.
    #[must_use]
    pub fn trust(&self) -> Tls {
        Tls::default().with_authority(self.pem.as_bytes()).expect("it is a proper certificate")
    }
}

impl Default for Certificate {
    fn default() -> Self {
        Self::new()
    }
}
