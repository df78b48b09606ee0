//! Signing in and the connection.

use shared::domain::agent::AgentProfile;
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
