//! Passwords: Argon2id, a few at a time, and random ones for those who want none of their own.

use std::sync::{Arc, LazyLock};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use shared::pii::Secret;
use tokio::sync::Semaphore;

/// Each takes 19 MiB and tens of milliseconds of a core; more at once would only starve the calls.
const AT_ONCE: usize = 2;
const SHORTEST: usize = 8;
/// Longer ones are refused before they cost anything.
const LONGEST: usize = 200;
/// Without letters and digits that look alike, because people read them to each other.
const ALPHABET: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// Verified when a login is not known, so that the answer takes the same time.
static NOBODYS_HASH: LazyLock<String> =
    LazyLock::new(|| hash_blocking(&Secret::new("nobody has this password")).unwrap_or_default());

#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    #[error("the password must have at least {SHORTEST} characters")]
    TooShort,
    #[error("the password must have at most {LONGEST} characters")]
    TooLong,
    #[error("the password could not be hashed: {0}")]
    Hash(String),
}

/// Checks and makes password hashes on the blocking threads.
#[derive(Clone, Debug)]
pub struct Passwords {
    permits: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { permits: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Passwords {
    /// Whether `password` is the one of `hash`. Without a hash it takes as long, and the answer is no.
    pub async fn verify(&self, password: Secret, hash: Option<String>) -> bool {
        if password.expose().len() > LONGEST * 4 {
            return false;
        }
        let known = hash.is_some();
        let right = self
            .on_blocking_thread(move || {
                let hash = hash.unwrap_or_else(|| NOBODYS_HASH.clone());
                verify_blocking(&password, &hash)
            })
            .await;
        known && right.unwrap_or(false)
    }

    /// The hash of a new password.
    ///
    /// # Errors
    /// When the password is too short or too long.
    pub async fn hash(&self, password: Secret) -> Result<String, PasswordError> {
        self.on_blocking_thread(move || hash_new(&password))
            .await
            .unwrap_or_else(|| Err(PasswordError::Hash("the gateway is shutting down".to_owned())))
    }

    async fn on_blocking_thread<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let _permit = self.permits.acquire().await.ok()?;
        tokio::task::spawn_blocking(work).await.ok()
    }
}

/// Checks the length of a new password and hashes it. Blocks for tens of milliseconds.
///
/// # Errors
/// When the password is too short or too long.
pub fn hash_new(password: &Secret) -> Result<String, PasswordError> {
    let length = password.expose().chars().count();
    if length < SHORTEST {
        return Err(PasswordError::TooShort);
    }
    if length > LONGEST {
        return Err(PasswordError::TooLong);
    }
    hash_blocking(password)
}

/// A random password of about 95 bits, in characters that are read out without mistakes.
///
/// # Errors
/// When the system gives no randomness.
pub fn generate() -> Result<Secret, getrandom::Error> {
    let mut password = String::new();
    while password.len() < 16 {
        let mut byte = [0_u8];
        getrandom::fill(&mut byte)?;
        // Values above the last whole multiple would make some letters likelier.
        let even = 256 / ALPHABET.len() * ALPHABET.len();
        if usize::from(byte[0]) < even {
            password.push(char::from(ALPHABET[usize::from(byte[0]) % ALPHABET.len()]));
        }
    }
    Ok(Secret::new(password))
}

fn hash_blocking(password: &Secret) -> Result<String, PasswordError> {
    let hash: Result<PasswordHash, _> = Argon2::default().hash_password(password.expose().as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|error| PasswordError::Hash(error.to_string()))
}

fn verify_blocking(password: &Secret, hash: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password.expose().as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_opens() {
        let passwords = Passwords::default();
        let hash = passwords.hash(Secret::new("тихий вечер")).await.unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert!(passwords.verify(Secret::new("тихий вечер"), Some(hash.clone())).await);
        assert!(!passwords.verify(Secret::new("шумный вечер"), Some(hash)).await);
        assert!(!passwords.verify(Secret::new("nobody has this password"), None).await);
    }

    #[test]
    fn a_password_that_is_too_short_or_endless_is_refused() {
        assert!(matches!(hash_new(&Secret::new("short")), Err(PasswordError::TooShort)));
        assert!(matches!(hash_new(&Secret::new("x".repeat(201))), Err(PasswordError::TooLong)));
    }

    #[test]
    fn two_generated_passwords_differ_and_can_be_read_out() {
        let (one, other) = (generate().unwrap(), generate().unwrap());
        assert_ne!(one.expose(), other.expose());
        assert!(one.expose().len() == 16 && !one.expose().contains(['0', 'O', 'l', '1', 'I']));
    }
}
