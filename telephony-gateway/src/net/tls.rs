//! The certificate of the desks' door.
//!
//! At the first start the gateway makes its own, self-signed, and prints the SHA-256 fingerprint; a desktop pins it
//! at its first sign-in. A certificate of the office's own goes into the same two files before the start.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::atomic_file::write_atomically;
use super::digest::sha256;

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("cannot read `{}`", file.display())]
    Read { file: PathBuf, source: io::Error },
    #[error("cannot write `{}`", file.display())]
    Write { file: PathBuf, source: io::Error },
    #[error("`{}` is there without `{}`: give both, or remove it and have new ones made", there.display(), missing.display())]
    Half { there: PathBuf, missing: PathBuf },
    #[error("`{}` holds no certificate or key that can be read", file.display())]
    Unreadable { file: PathBuf, source: rustls::pki_types::pem::Error },
    #[error("`{}` holds no certificate", file.display())]
    Empty { file: PathBuf },
    #[error("cannot make a certificate for `{name}`")]
    Make { name: String, source: rcgen::Error },
    #[error("the certificate and the key cannot be used together")]
    Unusable(#[from] rustls::Error),
}

/// What the desks' door shows.
#[derive(Clone, Debug)]
pub struct Identity {
    pub config: Arc<ServerConfig>,
    /// SHA-256 of the certificate, as `AB:CD:…`.
    pub fingerprint: String,
    pub certificate: PathBuf,
    /// It was made just now.
    pub fresh: bool,
}

/// Reads the certificate of the state folder, or makes one when there is none.
///
/// # Errors
/// When the files cannot be read or written, or do not belong together.
pub fn load_or_make(state_dir: &Path, public_name: &str, listen: IpAddr) -> Result<Identity, TlsError> {
    let (certificate, key) = (state_dir.join("desk-cert.pem"), state_dir.join("desk-key.pem"));
    let fresh = match (certificate.exists(), key.exists()) {
        (true, true) => false,
        (false, false) => {
            make(&certificate, &key, public_name, listen)?;
            true
        }
        (true, false) => return Err(TlsError::Half { there: certificate, missing: key }),
        (false, true) => return Err(TlsError::Half { there: key, missing: certificate }),
    };
    warn_if_readable_by_others(&key);
    let chain = read_chain(&certificate)?;
    let first = chain.first().ok_or_else(|| TlsError::Empty { file: certificate.clone() })?;
    let fingerprint = fingerprint_of(first);
    let key_pem = fs::read(&key).map_err(|source| TlsError::Read { file: key.clone(), source })?;
    let key_der =
        PrivateKeyDer::from_pem_slice(&key_pem).map_err(|source| TlsError::Unreadable { file: key.clone(), source })?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key_der)?;
    // WebSockets upgrade HTTP/1.1.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Identity { config: Arc::new(config), fingerprint, certificate, fresh })
}

/// `AB:CD:…` of a certificate, as the desktop shows it when it pins.
pub fn fingerprint_of(certificate: &CertificateDer<'_>) -> String {
    sha256(certificate).map(|byte| format!("{byte:02X}")).join(":")
}

fn make(certificate: &Path, key: &Path, public_name: &str, listen: IpAddr) -> Result<(), TlsError> {
    let failed = |source| TlsError::Make { name: public_name.to_owned(), source };
    let mut names = vec![public_name.to_owned(), "localhost".to_owned()];
    if !listen.is_unspecified() {
        names.push(listen.to_string());
    }
    names.dedup();
    let mut params = CertificateParams::new(names).map_err(failed)?;
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, format!("Pult gateway {public_name}"));
    params.distinguished_name = subject;
    let pair = KeyPair::generate().map_err(failed)?;
    let made = params.self_signed(&pair).map_err(failed)?;
    // The key first: a certificate alone would be taken for half of a pair at the next start, and say so.
    write(key, pair.serialize_pem().as_bytes(), 0o600)?;
    write(certificate, made.pem().as_bytes(), 0o644)
}

fn write(file: &Path, bytes: &[u8], mode: u32) -> Result<(), TlsError> {
    write_atomically(file, bytes, mode).map_err(|source| TlsError::Write { file: file.to_owned(), source })
}

pub(super) fn read_chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = fs::read(file).map_err(|source| TlsError::Read { file: file.to_owned(), source })?;
    CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|source| TlsError::Unreadable { file: file.to_owned(), source })
}

fn warn_if_readable_by_others(key: &Path) {
    if let Ok(metadata) = fs::metadata(key)
        && metadata.permissions().mode() & 0o077 != 0
    {
        tracing::warn!(file = %key.display(), "others can read the key of the desks' door: chmod 600");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn a_restart_shows_the_fingerprint_that_the_desks_have_pinned() {
        let folder = tempfile::tempdir().unwrap();
        let first = load_or_make(folder.path(), "pult.example", LOOPBACK).unwrap();
        let second = load_or_make(folder.path(), "pult.example", LOOPBACK).unwrap();
        assert!(first.fresh && !second.fresh);
        assert_eq!(first.fingerprint, second.fingerprint);
        assert_eq!(first.fingerprint.len(), 32 * 3 - 1);
        let mode = fs::metadata(folder.path().join("desk-key.pem")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn half_a_pair_is_named_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("desk-cert.pem"), "mine").unwrap();
        let error = load_or_make(folder.path(), "pult.example", LOOPBACK).unwrap_err();
        assert!(error.to_string().contains("desk-key.pem"), "{error}");
        assert_eq!(fs::read(folder.path().join("desk-cert.pem")).unwrap(), b"mine");
    }

    #[test]
    fn a_certificate_that_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("desk-cert.pem"), "no pem").unwrap();
        fs::write(folder.path().join("desk-key.pem"), "no pem").unwrap();
        let error = load_or_make(folder.path(), "pult.example", LOOPBACK).unwrap_err();
        assert!(error.to_string().contains("desk-cert.pem"), "{error}");
    }
}
