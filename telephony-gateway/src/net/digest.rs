//! SHA-256, as the doors of the gateway use it: for tokens and for the certificate's fingerprint.

use sha2::{Digest, Sha256};

pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}
