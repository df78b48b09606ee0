//! TLS for SIP: what we show to phones and carriers, and whom we take for a carrier.
//!
//! What we show can change while calls go on: [`SipTls::reload`] reads the files again, and the next handshake shows
//! the new certificate. What cannot be read leaves the old one in its place.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::digest::sha256;
use super::tls::{self, TlsError};
use crate::config::{SipConfig, SipTls as Identity, TrunkConfig, Trust};
use crate::sip::Transport;

/// How often the files of the certificate are looked at.
pub const LOOK_AGAIN_EVERY: Duration = Duration::from_secs(60);

#[derive(Debug, thiserror::Error)]
pub enum SipTlsError {
    #[error("the certificate for SIP over TLS cannot be used")]
    Identity(#[from] TlsError),
    #[error("the trunk `{trunk}` cannot be reached over TLS")]
    Trunk { trunk: String, source: TrustError },
}

/// Why nobody can be told from anybody else.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    #[error("cannot read `{}`", file.display())]
    Read { file: PathBuf, source: rustls::pki_types::pem::Error },
    #[error("`{}` holds no certificate that can be trusted", file.display())]
    Empty { file: PathBuf },
    #[error("this machine trusts no authority: install ca-certificates, or name an `authority` or a `fingerprint`")]
    NoRoots,
    #[error("`{name}` is no name that a certificate can have")]
    Name { name: String },
    #[error(transparent)]
    Verifier(#[from] rustls::client::VerifierBuilderError),
    #[error(transparent)]
    Rustls(#[from] rustls::Error),
}

/// Both sides of SIP over TLS. Cheap to clone; all clones are one.
#[derive(Clone, Default)]
pub struct SipTls {
    shown: Option<Arc<Shown>>,
    acceptor: Option<Arc<ServerConfig>>,
    trunks: Arc<[(SocketAddr, Arc<ClientConfig>, ServerName<'static>)]>,
}

impl SipTls {
    /// Reads the certificate, or has it made, and learns whom the trunks are known by. Nothing where nobody speaks TLS.
    ///
    /// # Errors
    /// When a file cannot be read, or there is nothing to tell a trunk by.
    pub fn open(config: &SipConfig) -> Result<Self, SipTlsError> {
        let mut it = Self::default();
        if let Some(identity) = &config.tls {
            let shown = Arc::new(Shown::read(identity)?);
            let provider = Arc::new(ring::default_provider());
            let server = ServerConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .map_err(TlsError::from)?
                .with_no_client_auth()
                .with_cert_resolver(Arc::<Shown>::clone(&shown));
            (it.acceptor, it.shown) = (Some(Arc::new(server)), Some(shown));
        }
        let mut trunks = Vec::new();
        for trunk in config.trunks.iter().filter(|trunk| trunk.transport == Transport::Tls) {
            let Some(address) = trunk.address else { continue };
            let named = |source| SipTlsError::Trunk { trunk: trunk.name.clone(), source };
            trunks.push((address, client_config(&trunk.tls.trust).map_err(named)?, server_name(trunk).map_err(named)?));
        }
        it.trunks = trunks.into();
        Ok(it)
    }

    /// For connections to us; `None` when there is nothing to show.
    pub fn acceptor(&self) -> Option<TlsAcceptor> {
        self.acceptor.clone().map(TlsAcceptor::from)
    }

    /// For a connection to a trunk: with the settings of exactly this address, or of another port of it, as a trunk may
    /// name one in its Contact. `None` for everybody else: we would not know whom we speak to.
    pub fn connector(&self, remote: SocketAddr) -> Option<(TlsConnector, ServerName<'static>)> {
        let exact = self.trunks.iter().find(|(address, ..)| *address == remote);
        let found = exact.or_else(|| self.trunks.iter().find(|(address, ..)| address.ip() == remote.ip()));
        found.map(|(_, config, name)| (TlsConnector::from(Arc::clone(config)), name.clone()))
    }

    /// SHA-256 of the certificate shown now, as `AB:CD:…`.
    pub fn fingerprint(&self) -> Option<String> {
        let key = self.shown.as_ref()?.current();
        key.cert.first().map(tls::fingerprint_of)
    }

    /// Reads the certificate again if its files have changed. Says whether it shows another one now.
    ///
    /// # Errors
    /// When the files cannot be used; the old certificate goes on being shown.
    pub fn reload(&self) -> Result<bool, TlsError> {
        self.shown.as_ref().map_or(Ok(false), |shown| shown.reload())
    }

    /// Keeps looking for a new certificate.
    pub async fn watch(self, token: tokio_util::sync::CancellationToken) {
        let mut ticks = tokio::time::interval(LOOK_AGAIN_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = token.cancelled() => return,
                _ = ticks.tick() => {}
            }
            match self.reload() {
                Ok(false) => {}
                Ok(true) => {
                    let fingerprint = self.fingerprint().unwrap_or_default();
                    tracing::info!(fingerprint, "SIP over TLS shows a new certificate");
                }
                Err(error) => {
                    let error = anyhow::Error::from(error);
                    tracing::error!(error = format!("{error:#}"), "the new certificate for SIP cannot be used");
                }
            }
        }
    }
}

/// The certificate that is shown, and the files it came from.
#[derive(Debug)]
struct Shown {
    certificate: PathBuf,
    key: PathBuf,
    current: RwLock<(Arc<CertifiedKey>, Stamp)>,
}

/// When both files were written, and how long they are.
type Stamp = [Option<(SystemTime, u64)>; 2];

impl Shown {
    fn read(identity: &Identity) -> Result<Self, TlsError> {
        let (certificate, key) = match identity {
            Identity::Files { certificate, key } => (certificate.clone(), key.clone()),
            Identity::OfTheDesks { state_dir, public_name } => {
                let made = tls::load_or_make(state_dir, public_name, IpAddr::from([127, 0, 0, 1]))?;
                (made.certificate, state_dir.join("desk-key.pem"))
            }
        };
        let stamp = stamp_of(&certificate, &key);
        let current = RwLock::new((certified(&certificate, &key)?, stamp));
        Ok(Self { certificate, key, current })
    }

    fn current(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).0)
    }

    fn reload(&self) -> Result<bool, TlsError> {
        let stamp = stamp_of(&self.certificate, &self.key);
        if self.current.read().unwrap_or_else(PoisonError::into_inner).1 == stamp {
            return Ok(false);
        }
        let fresh = certified(&self.certificate, &self.key)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = (fresh, stamp);
        Ok(true)
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

fn stamp_of(certificate: &Path, key: &Path) -> Stamp {
    [certificate, key].map(|file| {
        let metadata = fs::metadata(file).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    })
}

fn certified(certificate: &Path, key: &Path) -> Result<Arc<CertifiedKey>, TlsError> {
    let chain = tls::read_chain(certificate)?;
    if chain.is_empty() {
        return Err(TlsError::Empty { file: certificate.to_owned() });
    }
    let key_pem = fs::read(key).map_err(|source| TlsError::Read { file: key.to_owned(), source })?;
    let key_der = PrivateKeyDer::from_pem_slice(&key_pem)
        .map_err(|source| TlsError::Unreadable { file: key.to_owned(), source })?;
    let certified = CertifiedKey::from_der(chain, key_der, &ring::default_provider())?;
    Ok(Arc::new(certified))
}

fn server_name(trunk: &TrunkConfig) -> Result<ServerName<'static>, TrustError> {
    let named = trunk.tls.server_name.as_ref().or(trunk.domain.as_ref());
    match (named, trunk.address) {
        (Some(name), _) => ServerName::try_from(name.clone()).map_err(|_| TrustError::Name { name: name.clone() }),
        (None, Some(address)) => Ok(ServerName::from(address.ip())),
        (None, None) => Err(TrustError::Name { name: String::new() }),
    }
}

fn client_config(trust: &Trust) -> Result<Arc<ClientConfig>, TrustError> {
    let provider = Arc::new(ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match trust {
        Trust::Fingerprint(expected) => Arc::new(Pinned { expected: *expected, provider: Arc::clone(&provider) }),
        Trust::Authority(file) => {
            let mut roots = RootCertStore::empty();
            let unreadable = |source| TrustError::Read { file: file.clone(), source };
            for certificate in CertificateDer::pem_file_iter(file).map_err(unreadable)? {
                roots.add(certificate.map_err(unreadable)?)?;
            }
            if roots.is_empty() {
                return Err(TrustError::Empty { file: file.clone() });
            }
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build()?
        }
        Trust::System => {
            let mut roots = RootCertStore::empty();
            // A store with a certificate that nobody can read is a store with all the others.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                return Err(TrustError::NoRoots);
            }
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build()?
        }
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Lets through one certificate, whatever its name and age; whoever shows it must have its key.
#[derive(Debug)]
struct Pinned {
    expected: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if sha256(end_entity) == self.expected {
            return Ok(ServerCertVerified::assertion());
        }
        Err(rustls::Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests;
