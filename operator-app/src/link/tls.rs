//! Trusts one certificate: the one whose fingerprint the person has confirmed at the first sign-in.
//!
//! The gateway makes its own certificate, so no authority vouches for it. The handshake's signature is checked all
//! the same, so that whoever shows the certificate also has its key.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use sha2::{Digest, Sha256};

/// Lets through the pinned certificate alone, and remembers the one it saw.
#[derive(Debug)]
pub struct Pin {
    expected: Option<String>,
    seen: Mutex<Option<String>>,
    provider: Arc<CryptoProvider>,
}

impl Pin {
    /// Without a fingerprint nothing is let through: it only looks.
    pub fn new(expected: Option<String>) -> Arc<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        Arc::new(Self { expected, seen: Mutex::new(None), provider })
    }

    /// The fingerprint of the certificate shown last.
    pub fn seen(&self) -> Option<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A configuration that trusts this pin alone.
    ///
    /// # Errors
    /// When the cryptography does not offer the protocol versions we want.
    pub fn config(self: &Arc<Self>) -> Result<ClientConfig, Error> {
        let verifier: Arc<dyn ServerCertVerifier> = Arc::<Self>::clone(self);
        Ok(ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth())
    }
}

/// SHA-256 of the certificate, as people compare it: `AB:CD:…`.
pub fn fingerprint(certificate: &[u8]) -> String {
    let digest = Sha256::digest(certificate);
    digest.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

/// The same fingerprint however it is written: with or without colons, in either case.
pub fn same_fingerprint(one: &str, other: &str) -> bool {
    let bare = |text: &str| -> String {
        text.chars().filter(char::is_ascii_hexdigit).map(|c| c.to_ascii_uppercase()).collect()
    };
    bare(one) == bare(other)
}

impl ServerCertVerifier for Pin {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let found = fingerprint(end_entity);
        let is_pinned = self.expected.as_ref().is_some_and(|expected| same_fingerprint(expected, &found));
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
        if is_pinned {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::InvalidCertificate(rustls::CertificateError::ApplicationVerificationFailure))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_the_same_however_it_is_written() {
        assert!(same_fingerprint("AB:cd:01", "abcd01"));
        assert!(!same_fingerprint("AB:CD:01", "AB:CD:02"));
    }

    #[test]
    fn only_the_confirmed_certificate_is_let_through() {
        let certificate = CertificateDer::from(vec![1, 2, 3]);
        let verdict = |pin: &Pin| {
            let name = ServerName::try_from("localhost").unwrap();
            pin.verify_server_cert(&certificate, &[], &name, &[], UnixTime::now()).is_ok()
        };
        let looking = Pin::new(None);
        assert!(!verdict(&looking));
        let found = looking.seen().unwrap();
        assert!(verdict(&Pin::new(Some(found.to_lowercase().replace(':', "")))));
        assert!(!verdict(&Pin::new(Some(fingerprint(&[9])))));
    }
}
