//! Signing in and the connection.

use sha2::{Digest, Sha256};
use shared::domain::agent::AgentProfile;
use shared::pii::Secret;
use shared::time::Moment;
use shared::wire::Refusal;

/// How this desk stands with the gateway.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Connection {
    /// Nobody is signed in: the sign-in screen.
    #[default]
    SignedOut,
    /// Signed in; the socket is being opened for the first time.
    Connecting {
        since: Moment,
    },
    Online,
    /// The socket broke; it is opened again at `retry_at`. The talk on the telephone goes on.
    Offline {
        since: Moment,
        retry_at: Moment,
    },
    /// The gateway will not have this desk.
    Refused {
        why: Refused,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The same person has a desk elsewhere: "continue here?"
    DeskElsewhere,
    /// Another desk of the same person has taken over.
    TakenOver,
    /// The gateway speaks another version.
    Version { gateway: u32 },
    /// The gateway could not read this desk.
    Malformed,
}

/// Signing in, as the sign-in screen shows it.
#[derive(Clone, Debug, Default)]
pub struct SignInState {
    pub step: SignInStep,
    /// Why the last try failed.
    pub error: Option<SignInError>,
    /// What is being tried, to go on once the fingerprint has been confirmed.
    pub(crate) attempt: Option<Attempt>,
}

/// One try to sign in.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub gateway: String,
    pub login: String,
    pub password: Secret,
    /// The certificate that was confirmed; `None` when none has been yet.
    pub fingerprint: Option<String>,
    pub lock: LockKey,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SignInStep {
    #[default]
    Asking,
    Underway,
    /// The first sign-in on this gateway: is this its certificate?
    ConfirmFingerprint {
        gateway: String,
        fingerprint: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignInError {
    /// The address is no address.
    BadAddress,
    /// Plain text goes to this very machine only.
    PlainTextRefused,
    Unreachable {
        what: String,
    },
    WrongPassword,
    /// Too many tries.
    Wait {
        until: Moment,
    },
    /// The certificate is not the one that was confirmed.
    CertificateChanged {
        found: String,
    },
    /// The same person is signed in on this computer already, in another window.
    AlreadyOpen,
    /// The session ran out or was ended; sign in again.
    SessionOver,
    /// The gateway said something else, in its own words.
    Other {
        text: String,
    },
}

/// Who is signed in.
#[derive(Clone, Debug)]
pub struct Session {
    pub profile: AgentProfile,
    /// As typed, for the window's title and the status line.
    pub gateway: String,
    pub lock: LockKey,
}

/// Opens the locked workplace, also while the gateway is away. The password itself is not kept.
#[derive(Clone)]
pub struct LockKey {
    salt: [u8; 16],
    digest: [u8; 32],
}

impl LockKey {
    pub fn new(password: &Secret, salt: [u8; 16]) -> Self {
        Self { salt, digest: Self::digest(password, salt) }
    }

    pub fn opens(&self, password: &Secret) -> bool {
        let given = Self::digest(password, self.salt);
        // Every byte is compared, so that the time taken says nothing.
        given.iter().zip(&self.digest).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
    }

    fn digest(password: &Secret, salt: [u8; 16]) -> [u8; 32] {
        Sha256::new().chain_update(salt).chain_update(password.expose()).finalize().into()
    }
}

impl std::fmt::Debug for LockKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(lock key)")
    }
}

impl Connection {
    pub const fn is_online(&self) -> bool {
        matches!(self, Self::Online)
    }
}

impl TryFrom<Refusal> for Refused {
    type Error = SignInError;

    /// A refusal that is answered by signing in again comes back as its error.
    fn try_from(refusal: Refusal) -> Result<Self, SignInError> {
        match refusal {
            Refusal::DeskElsewhere => Ok(Self::DeskElsewhere),
            Refusal::Version { gateway } => Ok(Self::Version { gateway }),
            Refusal::Malformed { .. } => Ok(Self::Malformed),
            Refusal::SignedOut => Err(SignInError::SessionOver),
            Refusal::ShuttingDown => Err(SignInError::Unreachable { what: String::new() }),
        }
    }
}
