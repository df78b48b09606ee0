//! Who may come in, and for how long.
//!
//! [`Sessions`] is the shell around three pure pieces: `password` checks with Argon2id, `backoff` makes guessers
//! wait, `table` holds the sessions and their limits. The table lies in a file of the gateway, so that a restart
//! signs nobody out, and a desk with a living token comes back also while the database is away.

mod backoff;
pub mod password;
mod table;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use shared::domain::agent::AgentProfile;
use shared::ids::AgentId;
use shared::pii::Secret;
use shared::time::UtcMs;
use shared::wire::http::SignedIn;

use crate::config::SignInConfig;
use crate::net::atomic_file::write_atomically;
use crate::net::records::{Records, RecordsError};
use backoff::Backoff;
use password::{PasswordError, Passwords};
use table::SessionTable;
pub use table::{Session, SessionId};

/// Everybody who is signed in. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Sessions {
    inner: Arc<Inner>,
}

struct Inner {
    records: Arc<dyn Records>,
    passwords: Passwords,
    table: Mutex<SessionTable>,
    backoff: Mutex<Backoff>,
    file: PathBuf,
    /// Held while the file is written, so that an older picture never lands on a newer one.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    #[error("the login or the password is wrong")]
    Wrong,
    #[error("too many wrong passwords: wait {retry_after_s} seconds")]
    Wait { retry_after_s: u64 },
    #[error("somebody new cannot be signed in at the moment")]
    Records(#[source] RecordsError),
    #[error("the system gives no randomness")]
    NoRandomness,
}

#[derive(Debug, thiserror::Error)]
pub enum ChangePasswordError {
    #[error("the old password is wrong")]
    WrongPassword,
    #[error("too many wrong passwords: wait {retry_after_s} seconds")]
    Wait { retry_after_s: u64 },
    #[error(transparent)]
    New(#[from] PasswordError),
    #[error("the password cannot be changed at the moment")]
    Records(#[source] RecordsError),
}

/// What a successful sign-in gives: the token goes to the desk and is kept nowhere.
#[derive(Debug)]
pub struct NewSession {
    pub signed_in: SignedIn,
    pub session: Session,
    /// Older sessions of the same person that had to go.
    pub ended: Vec<SessionId>,
}

impl Sessions {
    /// Opens the sessions of an earlier run. A file that cannot be read costs everybody a new sign-in, and no more.
    pub fn open(state_dir: &Path, limits: SignInConfig, records: Arc<dyn Records>, now: UtcMs) -> Self {
        let file = state_dir.join("sessions.json");
        let mut table = SessionTable::new(limits);
        match std::fs::read(&file) {
            Ok(bytes) => match serde_json::from_slice(&bytes) {
                Ok(kept) => table.restore(kept, now),
                Err(error) => {
                    tracing::warn!(file = %file.display(), %error, "the sessions cannot be read; everybody signs in anew")
                }
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!(file = %file.display(), %error, "the sessions cannot be read; everybody signs in anew")
            }
        }
        Self {
            inner: Arc::new(Inner {
                records,
                passwords: Passwords::default(),
                table: Mutex::new(table),
                backoff: Mutex::default(),
                file,
                writing: tokio::sync::Mutex::default(),
            }),
        }
    }

    /// Signs somebody in.
    ///
    /// # Errors
    /// An unknown login and a wrong password are the same error and take the same time.
    pub async fn sign_in(
        &self,
        login: &str,
        password: Secret,
        from: IpAddr,
        now: UtcMs,
    ) -> Result<NewSession, SignInError> {
        self.backoff().begin(login, from, now).map_err(|retry_after_s| SignInError::Wait { retry_after_s })?;
        let user = match self.inner.records.user_by_login(login).await {
            Ok(user) => user.filter(|user| !user.disabled),
            Err(error) => {
                self.backoff().undecided(login, from);
                return Err(SignInError::Records(error));
            }
        };
        let hash = user.as_ref().map(|user| user.password_hash.clone());
        let right = self.inner.passwords.verify(password, hash).await;
        let Some(user) = user.filter(|_| right) else { return Err(SignInError::Wrong) };
        self.backoff().succeeded(login, from);

        let token = new_token().map_err(|_| SignInError::NoRandomness)?;
        let (session, ended) = self.table().add(&token, user.profile.clone(), now);
        self.keep().await;
        let signed_in = SignedIn { token, profile: user.profile, expires_at: session.expires_at };
        Ok(NewSession { signed_in, session, ended })
    }

    /// The session of a token, if it is alive. Counts as use.
    pub fn check(&self, token: &str, now: UtcMs) -> Option<Session> {
        self.table().check(token, now)
    }

    /// A connected desk uses its session. `false` when it has run out or is gone.
    pub fn touch(&self, session: SessionId, now: UtcMs) -> bool {
        self.table().touch(session, now)
    }

    pub async fn sign_out(&self, token: &str) -> Option<SessionId> {
        let session = self.table().end_by_token(token);
        self.keep().await;
        session
    }

    /// Ends one session, for an agent who logged out at the desk.
    pub async fn end(&self, session: SessionId) -> bool {
        let gone = self.table().end_where(|candidate| candidate.id == session);
        self.keep().await;
        !gone.is_empty()
    }

    /// Ends every session of a person, for one who was disabled.
    pub async fn revoke_agent(&self, agent: AgentId) -> Vec<SessionId> {
        let gone = self.table().end_where(|session| session.profile.id == agent);
        self.keep().await;
        gone
    }

    /// Changes a person's own password. The session that asked stays, the person's others end.
    ///
    /// # Errors
    /// When the old password is wrong, the new one too weak, or the database away.
    pub async fn change_password(
        &self,
        session: &Session,
        old: Secret,
        new: Secret,
        from: IpAddr,
        now: UtcMs,
    ) -> Result<Vec<SessionId>, ChangePasswordError> {
        let AgentProfile { id: agent, login, .. } = &session.profile;
        self.backoff().begin(login, from, now).map_err(|retry_after_s| ChangePasswordError::Wait { retry_after_s })?;
        let user = match self.inner.records.user_by_login(login).await {
            Ok(user) => user.filter(|user| user.profile.id == *agent && !user.disabled),
            Err(error) => {
                self.backoff().undecided(login, from);
                return Err(ChangePasswordError::Records(error));
            }
        };
        if !self.inner.passwords.verify(old, user.map(|user| user.password_hash)).await {
            return Err(ChangePasswordError::WrongPassword);
        }
        self.backoff().succeeded(login, from);
        let hash = self.inner.passwords.hash(new).await?;
        self.inner.records.set_password(*agent, hash).await.map_err(ChangePasswordError::Records)?;
        let gone = self.table().end_where(|other| other.profile.id == *agent && other.id != session.id);
        self.keep().await;
        Ok(gone)
    }

    /// Ends what has run out and looks after the people in the database: who was disabled goes, who got another role
    /// or telephone has it from now on. Run it every half minute; tell the switchboard of each session it gives back.
    pub async fn tend(&self, now: UtcMs) -> Vec<SessionId> {
        let mut gone = self.table().expire(now);
        match self.inner.records.users().await {
            Ok(users) => {
                let mut table = self.table();
                for user in users.iter().filter(|user| !user.disabled) {
                    table.refresh(&user.profile);
                }
                let may_stay = |session: &Session| {
                    users.iter().any(|user| user.profile.id == session.profile.id && !user.disabled)
                };
                gone.extend(table.end_where(|session| !may_stay(session)));
            }
            Err(error) => tracing::debug!(%error, "everybody stays signed in as last known"),
        }
        // Uses are kept as well, or a restart after a quiet hour would sign people out.
        self.write_file().await;
        gone
    }

    async fn keep(&self) {
        if self.table().take_changed() {
            self.write_file().await;
        }
    }

    /// Writes the file beside its place and moves it there, so that no power cut leaves half of it.
    async fn write_file(&self) {
        let _writing = self.inner.writing.lock().await;
        let kept = self.table().kept();
        let file = self.inner.file.clone();
        let written = tokio::task::spawn_blocking(move || {
            let bytes = serde_json::to_vec(&kept).map_err(std::io::Error::other)?;
            write_atomically(&file, &bytes, 0o600)
        })
        .await;
        match written {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(file = %self.inner.file.display(), %error, "the sessions cannot be kept; a restart will sign people out");
            }
            Err(error) => tracing::warn!(%error, "the sessions cannot be kept"),
        }
    }

    fn table(&self) -> MutexGuard<'_, SessionTable> {
        self.inner.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn backoff(&self) -> MutexGuard<'_, Backoff> {
        self.inner.backoff.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// 256 random bits.
fn new_token() -> Result<Secret, getrandom::Error> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
}

#[cfg(test)]
mod tests;
