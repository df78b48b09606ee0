//! The people who sign in, and the SIP phones on their tables.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::domain::agent::{AgentProfile, Role};
use crate::ids::AgentId;
use crate::time::UtcMs;

use super::unit::Unit;
use super::{Lane, SaveError, Store, StoreError};

#[derive(Clone, Deserialize)]
pub struct UserRow {
    #[serde(flatten)]
    pub profile: AgentProfile,
    /// Argon2id in PHC form.
    pub password_hash: String,
    pub disabled: bool,
}

impl std::fmt::Debug for UserRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserRow")
            .field("profile", &self.profile)
            .field("disabled", &self.disabled)
            .finish_non_exhaustive()
    }
}

#[derive(Clone)]
pub struct NewUser {
    pub login: String,
    pub name: String,
    pub role: Role,
    pub phone: Option<String>,
    pub password_hash: String,
}

/// A SIP phone that may register. Only the digest's first half is kept (RFC 8760), never the password.
#[derive(Clone, Serialize, Deserialize)]
pub struct PhoneRow {
    pub number: String,
    #[serde(with = "hex")]
    pub ha1_md5: [u8; 16],
    #[serde(with = "hex")]
    pub ha1_sha256: [u8; 32],
    /// The phone knows no SHA-256.
    pub md5_only: bool,
    pub agent: Option<AgentId>,
}

impl std::fmt::Debug for PhoneRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PhoneRow").field("number", &self.number).field("agent", &self.agent).finish_non_exhaustive()
    }
}

impl Store {
    /// # Errors
    /// When the database does not answer.
    pub async fn user_by_login(&self, login: &str) -> Result<Option<UserRow>, StoreError> {
        self.fetch(Lane::Records, self.sql().user_by_login, [login.into()]).await
    }

    /// Everybody, by login.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn users(&self) -> Result<Vec<UserRow>, StoreError> {
        Ok(self.fetch(Lane::Records, self.sql().users, []).await?.unwrap_or_default())
    }

    /// # Errors
    /// [`SaveError::Taken`] when somebody has this login.
    pub async fn add_user(&self, user: NewUser, now: UtcMs) -> Result<AgentId, SaveError> {
        let id: AgentId = self.mint(now);
        let row = json!([{
            "id": id, "login": user.login, "name": user.name, "role": user.role, "phone": user.phone,
            "password_hash": user.password_hash,
        }]);
        let mut unit = Unit::default().then(self.sql().insert_user, [row.to_string().into()]);
        unit.result = id.0;
        self.commit(unit).await.map(AgentId)
    }

    /// # Errors
    /// When there is no such agent, or it was not saved.
    pub async fn set_password_hash(&self, agent: AgentId, hash: &str) -> Result<(), SaveError> {
        let args = [agent.0.into(), hash.into()];
        self.commit(Unit::default().must("user", self.sql().set_password_hash, args)).await.map(|_| ())
    }

    /// # Errors
    /// When there is no such login, or it was not saved.
    pub async fn set_user_disabled(&self, login: &str, disabled: bool) -> Result<(), SaveError> {
        let args = [login.into(), i64::from(disabled).into()];
        self.commit(Unit::default().must("user", self.sql().set_user_disabled, args)).await.map(|_| ())
    }

    /// Puts a SIP phone on somebody's table, or takes it away.
    ///
    /// # Errors
    /// When there is no such login, or it was not saved.
    pub async fn set_user_phone(&self, login: &str, number: Option<&str>) -> Result<(), SaveError> {
        let args = [login.into(), number.map(str::to_owned).into()];
        self.commit(Unit::default().must("user", self.sql().set_user_phone, args)).await.map(|_| ())
    }

    /// Every SIP phone, by number.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn phones(&self) -> Result<Vec<PhoneRow>, StoreError> {
        Ok(self.fetch(Lane::Records, self.sql().phones, []).await?.unwrap_or_default())
    }

    /// Adds a phone, or gives the one of this number a new password.
    ///
    /// # Errors
    /// When there is no such agent, or it was not saved.
    pub async fn add_phone(&self, phone: &PhoneRow) -> Result<(), SaveError> {
        let row = serde_json::to_string(&[phone]).map_err(StoreError::from)?;
        self.commit(Unit::default().then(self.sql().upsert_phone, [row.into()])).await.map(|_| ())
    }

    /// # Errors
    /// When there is no such phone, or it was not removed.
    pub async fn remove_phone(&self, number: &str) -> Result<(), SaveError> {
        let unit = Unit::default().must("phone", self.sql().delete_phone, [number.into()]);
        self.commit(unit).await.map(|_| ())
    }
}
