//! Who may come in, and for how long.
//!
//! [`Sessions`] is the shell around four pure pieces: `password` checks with Argon2id, `backoff` makes guessers
//! wait, `table` holds the sessions and their limits, `known` those who were here lately. The last two lie in files of
//! the gateway: a restart signs nobody out, a desk with a living token comes back while the database is away, and
//! whoever is known signs in then.

mod backoff;
mod known;
pub mod password;
mod table;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use shared::domain::agent::AgentProfile;
use shared::ids::AgentId;
use shared::pii::Secret;
use shared::store::{AuditAction, AuditRow, UserRow};
use shared::time::UtcMs;
use shared::wire::http::SignedIn;

use crate::config::SignInConfig;
use crate::net::atomic_file::write_atomically;
use crate::net::records::{Records, RecordsError};
use backoff::Backoff;
use known::{KnownPeople, Person};
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
    known: Mutex<KnownPeople>,
    backoff: Mutex<Backoff>,
    /// Guesses while the database is away, counted apart: nobody who is not known then has to wait afterwards.
    backoff_while_away: Mutex<Backoff>,
    sessions_file: PathBuf,
    people_file: PathBuf,
    /// Held while a file is written, so that an older picture never lands on a newer one.
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
    /// Opens what an earlier run has kept. A file that cannot be read costs everybody a new sign-in, and no more.
    pub fn open(state_dir: &Path, limits: SignInConfig, records: Arc<dyn Records>, now: UtcMs) -> Self {
        let (sessions_file, people_file) = (state_dir.join("sessions.json"), state_dir.join("people.json"));
        let mut table = SessionTable::new(limits);
        if let Some(kept) = read_kept(&sessions_file, "everybody signs in anew") {
            table.restore(kept, now);
        }
        let mut known = KnownPeople::new(limits.known_days);
        if let Some(kept) = read_kept(&people_file, "nobody new signs in while the database is away") {
            known.restore(kept, now);
        }
        Self {
            inner: Arc::new(Inner {
                records,
                passwords: Passwords::default(),
                table: Mutex::new(table),
                known: Mutex::new(known),
                backoff: Mutex::default(),
                backoff_while_away: Mutex::default(),
                sessions_file,
                people_file,
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
            Ok(user) => user,
            Err(error) => {
                self.backoff().undecided(login, from);
                return match error {
                    RecordsError::Away(_) => self.sign_in_known(login, password, from, error, now).await,
                    RecordsError::Refused(_) => Err(SignInError::Records(error)),
                };
            }
        };
        match &user {
            Some(user) => self.known().hear_of(user),
            None => self.known().forget_login(login),
        }
        let user = user.filter(|user| !user.disabled);
        let hash = user.as_ref().map(|user| user.password_hash.clone());
        let right = self.inner.passwords.verify(password, hash).await;
        let Some(user) = user.filter(|_| right) else {
            self.keep().await;
            return Err(SignInError::Wrong);
        };
        self.backoff().succeeded(login, from);
        self.known().let_in(&user, now);
        self.begin_session(user.profile, now).await
    }

    /// Signs somebody in whom the database, which is away, has let in lately. Whoever is not known and whoever has the
    /// password wrong get the same answer after the same time.
    async fn sign_in_known(
        &self,
        login: &str,
        password: Secret,
        from: IpAddr,
        away: RecordsError,
        now: UtcMs,
    ) -> Result<NewSession, SignInError> {
        let wait = self.backoff_while_away().begin(login, from, now);
        wait.map_err(|retry_after_s| SignInError::Wait { retry_after_s })?;
        let person = self.known().by_login(login, now).cloned();
        let hash = person.as_ref().map(|person| person.password_hash.clone());
        let right = self.inner.passwords.verify(password, hash).await;
        // It may have come back meanwhile, and said no.
        let still_known = |known: &KnownPeople, person: &Person| known.by_login(login, now) == Some(person);
        let Some(person) = person.filter(|person| right && still_known(&self.known(), person)) else {
            return Err(SignInError::Records(away));
        };
        self.backoff_while_away().succeeded(login, from);
        tracing::warn!(agent.id = %person.profile.id, "signed in as known, because the database is away");
        self.begin_session(person.profile, now).await
    }

    async fn begin_session(&self, profile: AgentProfile, now: UtcMs) -> Result<NewSession, SignInError> {
        let token = new_token().map_err(|_| SignInError::NoRandomness)?;
        let (session, ended) = self.table().add(&token, profile.clone(), now);
        self.keep().await;
        let signed_in = SignedIn { token, profile, expires_at: session.expires_at };
        Ok(NewSession { signed_in, session, ended })
    }

    /// Adds a line to the audit that must not stop the person: somebody came or went. It waits for a database that is
    /// away.
    pub async fn note(&self, agent: AgentId, what: AuditAction, now: UtcMs) {
        let row = AuditRow { at: now, agent, what, customer: None, call: None };
        let Err(error) = self.inner.records.audit(row.clone()).await else { return };
        let waits = matches!(error, RecordsError::Away(_)) && self.known().owe(row);
        if !waits {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, ?what, agent.id = %agent, "a line of the audit is lost");
        }
        self.keep().await;
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
        self.known().forget(agent);
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
        let hash = user.as_ref().map(|user| user.password_hash.clone());
        let right = self.inner.passwords.verify(old, hash).await;
        let Some(user) = user.filter(|_| right) else { return Err(ChangePasswordError::WrongPassword) };
        self.backoff().succeeded(login, from);
        let password_hash = self.inner.passwords.hash(new).await?;
        if let Err(error) = self.inner.records.set_password(*agent, password_hash.clone()).await {
            // Nobody can say which password holds now, so neither does.
            self.known().forget(*agent);
            self.keep().await;
            return Err(ChangePasswordError::Records(error));
        }
        self.known().let_in(&UserRow { password_hash, ..user }, now);
        let gone = self.table().end_where(|other| other.profile.id == *agent && other.id != session.id);
        self.keep().await;
        Ok(gone)
    }

    /// Ends what has run out and looks after the people in the database: who was disabled goes, who got another role
    /// or telephone has it from now on. Run it every few seconds; tell the switchboard of each session it gives back.
    pub async fn tend(&self, now: UtcMs) -> Vec<SessionId> {
        let mut gone = self.table().expire(now);
        let asked_at = self.known().heard();
        match self.inner.records.users().await {
            Ok(users) => {
                self.known().hear_of_all(&users, asked_at, now);
                gone.extend(self.table().hear_of_all(&users));
                self.pay_the_audit().await;
            }
            Err(error) => tracing::debug!(%error, "everybody stays signed in as last known"),
        }
        self.table().note_uses(now);
        self.keep().await;
        gone
    }

    /// Writes down who came and went while the database was away.
    async fn pay_the_audit(&self) {
        loop {
            let Some(row) = self.known().owed().cloned() else { return };
            match self.inner.records.audit(row.clone()).await {
                Ok(()) => {}
                Err(RecordsError::Away(_)) => return,
                Err(error @ RecordsError::Refused(_)) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, ?row, "a line of the audit is lost");
                }
            }
            self.known().paid();
        }
    }

    /// Writes what has changed.
    async fn keep(&self) {
        let sessions = self.table().take_changed();
        let people = self.known().take_changed();
        let _writing = self.inner.writing.lock().await;
        if sessions {
            let kept = self.table().kept();
            // It is written again soon enough: uses are kept as well.
            _ = write_kept(&self.inner.sessions_file, kept, "a restart will sign people out").await;
        }
        if people {
            let kept = self.known().kept();
            let otherwise = "a restart without the database will know what it said before";
            if !write_kept(&self.inner.people_file, kept, otherwise).await {
                self.known().is_not_kept();
            }
        }
    }

    fn table(&self) -> MutexGuard<'_, SessionTable> {
        self.inner.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> MutexGuard<'_, KnownPeople> {
        self.inner.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn backoff(&self) -> MutexGuard<'_, Backoff> {
        self.inner.backoff.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn backoff_while_away(&self) -> MutexGuard<'_, Backoff> {
        self.inner.backoff_while_away.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the last run has written, if it can be read.
fn read_kept<T: DeserializeOwned>(file: &Path, otherwise: &str) -> Option<T> {
    let read = std::fs::read(file).and_then(|bytes| Ok(serde_json::from_slice(&bytes)?));
    match read {
        Ok(kept) => Some(kept),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            tracing::warn!(file = %file.display(), %error, "a file cannot be read; {otherwise}");
            None
        }
    }
}

/// Writes the file beside its place and moves it there, so that no power cut leaves half of it.
async fn write_kept(file: &Path, kept: impl Serialize + Send + 'static, otherwise: &str) -> bool {
    let to = file.to_path_buf();
    let write = move || write_atomically(&to, &serde_json::to_vec(&kept)?, 0o600);
    let written = tokio::task::spawn_blocking(write).await.map_err(std::io::Error::other).flatten();
    if let Err(error) = &written {
        tracing::warn!(file = %file.display(), %error, "a file cannot be written; {otherwise}");
    }
    written.is_ok()
}

/// 256 random bits.
fn new_token() -> Result<Secret, getrandom::Error> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
}

#[cfg(test)]
mod tests;
