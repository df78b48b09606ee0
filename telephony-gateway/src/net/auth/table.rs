//! The sessions there are, and how long they live. Pure; `now` is an argument.

use std::collections::HashMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use shared::domain::agent::AgentProfile;
use shared::ids::AgentId;
use shared::pii::Secret;
use shared::store::UserRow;
use shared::time::UtcMs;
use uuid::Uuid;

use crate::config::SignInConfig;
use crate::net::digest::sha256;

/// Names a session without being of use to a thief.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(pub Uuid);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Somebody who is signed in, as last known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub id: SessionId,
    /// The person as the database had it last; enough to come back with while the database is away.
    pub profile: AgentProfile,
    pub signed_in_at: UtcMs,
    pub used_at: UtcMs,
    pub expires_at: UtcMs,
}

/// Only the SHA-256 of a token is kept, so that a stolen file opens nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct TokenDigest([u8; 32]);

/// How many sessions one person may have; the least used one goes.
const A_PERSON: usize = 8;
/// How much of a session's use a restart may forget.
const NOTE_USES_EVERY_MS: i64 = 30_000;

pub struct SessionTable {
    limits: SignInConfig,
    of: HashMap<TokenDigest, Session>,
    /// Whether something changed that a restart must not forget.
    changed: bool,
    uses_noted_at: UtcMs,
}

impl SessionTable {
    pub fn new(limits: SignInConfig) -> Self {
        Self { limits, of: HashMap::new(), changed: false, uses_noted_at: UtcMs(0) }
    }

    /// Signs somebody in under a fresh token. Gives the sessions that had to go for it.
    pub fn add(&mut self, token: &Secret, profile: AgentProfile, now: UtcMs) -> (Session, Vec<SessionId>) {
        let gone = self.make_room(profile.id);
        let digest = sha256(token.expose().as_bytes());
        let session = Session {
            id: id_of(&digest),
            profile,
            signed_in_at: now,
            used_at: now,
            expires_at: UtcMs(now.0 + i64::from(self.limits.absolute_hours) * 3_600_000),
        };
        self.of.insert(TokenDigest(digest), session.clone());
        self.changed = true;
        (session, gone)
    }

    /// The session of a token, which counts as used now.
    pub fn check(&mut self, token: &str, now: UtcMs) -> Option<Session> {
        let limits = self.limits;
        let session = self.of.get_mut(&TokenDigest(sha256(token.as_bytes())))?;
        if has_run_out(session, limits, now) {
            return None;
        }
        session.used_at = session.used_at.max(now);
        Some(session.clone())
    }

    /// A desk that is connected uses its session, also when nobody asks for anything.
    pub fn touch(&mut self, id: SessionId, now: UtcMs) -> bool {
        let limits = self.limits;
        match self.of.values_mut().find(|session| session.id == id) {
            Some(session) if !has_run_out(session, limits, now) => {
                session.used_at = session.used_at.max(now);
                true
            }
            Some(_) | None => false,
        }
    }

    pub fn end_by_token(&mut self, token: &str) -> Option<SessionId> {
        let session = self.of.remove(&TokenDigest(sha256(token.as_bytes())))?;
        self.changed = true;
        Some(session.id)
    }

    /// Ends every session that `goes`.
    pub fn end_where(&mut self, goes: impl Fn(&Session) -> bool) -> Vec<SessionId> {
        let gone: Vec<SessionId> = self.of.values().filter(|session| goes(session)).map(|session| session.id).collect();
        self.of.retain(|_, session| !gone.contains(&session.id));
        self.changed |= !gone.is_empty();
        gone
    }

    /// Ends those that have run out.
    pub fn expire(&mut self, now: UtcMs) -> Vec<SessionId> {
        let limits = self.limits;
        self.end_where(|session| has_run_out(session, limits, now))
    }

    /// Everybody whom the database has: a new name, role or telephone holds from now on, and the sessions of those who
    /// were disabled, or are gone, end.
    pub fn hear_of_all(&mut self, users: &[UserRow]) -> Vec<SessionId> {
        for session in self.of.values_mut() {
            let theirs = users.iter().find(|user| user.profile.id == session.profile.id);
            if let Some(user) = theirs.filter(|user| user.profile != session.profile) {
                session.profile = user.profile.clone();
                self.changed = true;
            }
        }
        let may_stay =
            |session: &Session| users.iter().any(|user| user.profile.id == session.profile.id && !user.disabled);
        self.end_where(|session| !may_stay(session))
    }

    /// Mere uses are worth the disk now and then, or a restart after a quiet hour would sign people out.
    pub fn note_uses(&mut self, now: UtcMs) {
        if now.ms_since(self.uses_noted_at).abs() >= NOTE_USES_EVERY_MS {
            self.uses_noted_at = now;
            self.changed = true;
        }
    }

    /// Whether something changed since the last call that a restart must not forget.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// What a restart needs, as JSON without any token.
    pub fn kept(&self) -> KeptSessions {
        let sessions = self
            .of
            .iter()
            .map(|(token, session)| KeptSession { token_sha256: hex::encode(token.0), session: session.clone() })
            .collect();
        KeptSessions { version: 1, sessions }
    }

    /// Takes in what an earlier run kept; what has run out meanwhile stays out.
    pub fn restore(&mut self, kept: KeptSessions, now: UtcMs) {
        for KeptSession { token_sha256, session } in kept.sessions {
            let mut digest = [0_u8; 32];
            if hex::decode_to_slice(&token_sha256, &mut digest).is_ok() && !has_run_out(&session, self.limits, now) {
                self.of.insert(TokenDigest(digest), session);
            }
        }
    }

    fn make_room(&mut self, agent: AgentId) -> Vec<SessionId> {
        let mut theirs: Vec<(UtcMs, SessionId)> = self
            .of
            .values()
            .filter(|session| session.profile.id == agent)
            .map(|session| (session.used_at, session.id))
            .collect();
        theirs.sort_unstable_by_key(|(used_at, _)| *used_at);
        let too_many = (theirs.len() + 1).saturating_sub(A_PERSON);
        let gone: Vec<SessionId> = theirs.into_iter().take(too_many).map(|(_, id)| id).collect();
        self.end_where(|session| gone.contains(&session.id))
    }
}

/// The digest's own digest: random like the token, and no way back to either.
fn id_of(digest: &[u8; 32]) -> SessionId {
    let mut id = [0_u8; 16];
    id.copy_from_slice(&sha256(digest)[..16]);
    SessionId(Uuid::from_bytes(id))
}

fn has_run_out(session: &Session, limits: SignInConfig, now: UtcMs) -> bool {
    let idle_ms = i64::from(limits.idle_minutes) * 60_000;
    now >= session.expires_at || now.ms_since(session.used_at) >= idle_ms
}

/// The sessions as a restart finds them.
#[derive(Debug, Serialize, Deserialize)]
pub struct KeptSessions {
    version: u32,
    sessions: Vec<KeptSession>,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptSession {
    token_sha256: String,
    #[serde(flatten)]
    session: Session,
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::domain::agent::Role;

    const LIMITS: SignInConfig = SignInConfig { idle_minutes: 30, absolute_hours: 12, known_days: 30 };
    const MINUTE: i64 = 60_000;

    fn anna() -> AgentProfile {
        AgentProfile {
            id: AgentId(1),
            login: "anna".to_owned(),
            name: "Анна".to_owned(),
            role: Role::Operator,
            phone: None,
        }
    }

    fn at(minute: i64) -> UtcMs {
        UtcMs(minute * MINUTE)
    }

    fn token(n: usize) -> Secret {
        Secret::new(format!("token{n}"))
    }

    #[test]
    fn a_desk_that_nobody_uses_is_signed_out_after_half_an_hour() {
        let mut table = SessionTable::new(LIMITS);
        table.add(&token(1), anna(), at(0));
        assert!(table.check("token1", at(29)).is_some());
        assert!(table.check("token1", at(58)).is_some());
        assert!(table.check("token1", at(88)).is_none());
        assert_eq!(table.expire(at(88)).len(), 1);
        assert!(table.of.is_empty());
    }

    #[test]
    fn a_desk_that_is_used_all_day_is_signed_out_in_the_evening() {
        let mut table = SessionTable::new(LIMITS);
        table.add(&token(1), anna(), at(0));
        assert!((1..36).all(|n| table.check("token1", at(n * 20)).is_some()));
        assert!(table.check("token1", at(720)).is_none());
    }

    #[test]
    fn a_clock_set_back_signs_nobody_out() {
        let mut table = SessionTable::new(LIMITS);
        table.add(&token(1), anna(), at(100));
        assert!(table.check("token1", at(10)).is_some());
    }

    #[test]
    fn a_restart_keeps_everybody_signed_in_and_no_token_in_the_file() {
        let mut table = SessionTable::new(LIMITS);
        table.add(&token(1), anna(), at(0));
        table.add(&token(2), anna(), at(20));
        let file = serde_json::to_string(&table.kept()).unwrap();
        assert!(!file.contains("token1"));
        let mut after = SessionTable::new(LIMITS);
        after.restore(serde_json::from_str(&file).unwrap(), at(35));
        assert!(after.check("token1", at(35)).is_none(), "it ran out while the gateway was down");
        assert_eq!(after.check("token2", at(35)).unwrap().profile, anna());
    }

    #[test]
    fn a_restart_forgets_at_most_half_a_minute_of_use() {
        let mut table = SessionTable::new(LIMITS);
        table.add(&token(1), anna(), at(0));
        table.note_uses(at(1));
        assert!(table.take_changed());
        table.check("token1", at(1));
        table.note_uses(UtcMs(at(1).0 + 29_999));
        assert!(!table.take_changed());
        table.note_uses(UtcMs(at(1).0 + 30_000));
        assert!(table.take_changed());
    }

    #[test]
    fn a_ninth_session_ends_the_one_that_was_unused_the_longest() {
        let mut table = SessionTable::new(LIMITS);
        for n in 0..8 {
            table.add(&token(n), anna(), at(n as i64));
        }
        table.check("token0", at(9));
        let (_, gone) = table.add(&token(8), anna(), at(10));
        assert_eq!(gone.len(), 1);
        assert!(table.check("token1", at(10)).is_none());
        assert!(table.check("token0", at(10)).is_some());
    }

    #[test]
    fn a_new_role_holds_from_the_next_request_on() {
        let mut table = SessionTable::new(LIMITS);
        table.add(&token(1), anna(), at(0));
        let promoted = AgentProfile { role: Role::Supervisor, ..anna() };
        let gone = table.hear_of_all(&[UserRow { profile: promoted, password_hash: String::new(), disabled: false }]);
        assert!(gone.is_empty());
        assert_eq!(table.check("token1", at(1)).unwrap().profile.role, Role::Supervisor);
    }
}
