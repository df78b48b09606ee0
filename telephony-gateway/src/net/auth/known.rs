//! Who may sign in while the database is away: those who did so lately, as the database knew them last. Pure; `now` is
//! an argument.
//!
//! Only the database lets somebody in. What is known here speaks for it while it cannot, and for nobody of whom it has
//! said no: whoever is disabled is forgotten, and a password that was changed is known by its new hash.

use std::collections::HashMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use shared::domain::agent::AgentProfile;
use shared::ids::AgentId;
use shared::store::{AuditRow, UserRow};
use shared::time::UtcMs;

const DAY_MS: i64 = 24 * 3_600_000;
/// How many lines of the audit may wait for the database; an outage of days in a large house has fewer.
const MOST_OWED: usize = 10_000;

pub struct KnownPeople {
    /// How long somebody is known after the last sign-in that the database has allowed.
    days: u32,
    of: HashMap<AgentId, Person>,
    /// Who came and went while the database could not write it down.
    owed: Vec<AuditRow>,
    changed: bool,
    /// Rises with each single word of the database, so that a list which it gave before is known to be older.
    heard: u64,
}

/// Somebody whom the database has let in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub profile: AgentProfile,
    /// Argon2id in PHC form.
    pub password_hash: String,
    let_in_at: UtcMs,
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Person").field("profile", &self.profile).finish_non_exhaustive()
    }
}

impl KnownPeople {
    pub fn new(days: u32) -> Self {
        Self { days, of: HashMap::new(), owed: Vec::new(), changed: false, heard: 0 }
    }

    /// Whoever has this login, if the database has let them in lately.
    pub fn by_login(&self, login: &str, now: UtcMs) -> Option<&Person> {
        self.of.values().find(|person| person.profile.login == login && self.is_known(person, now))
    }

    /// The database has let somebody in.
    pub fn let_in(&mut self, user: &UserRow, now: UtcMs) {
        self.heard += 1;
        if self.days == 0 {
            return;
        }
        let (profile, password_hash) = (user.profile.clone(), user.password_hash.clone());
        self.of.insert(user.profile.id, Person { profile, password_hash, let_in_at: now });
        self.changed = true;
    }

    /// What the database says of somebody, who may be known or not.
    pub fn hear_of(&mut self, user: &UserRow) {
        if user.disabled {
            return self.forget(user.profile.id);
        }
        let Some(person) = self.of.get_mut(&user.profile.id) else { return };
        if person.profile != user.profile || person.password_hash != user.password_hash {
            person.profile = user.profile.clone();
            person.password_hash.clone_from(&user.password_hash);
            self.changed = true;
        }
    }

    /// How much was heard up to now. Ask it before you ask the database for everybody.
    pub const fn heard(&self) -> u64 {
        self.heard
    }

    /// Everybody whom the database has. Others are forgotten, and those who were not here for too long. A list that is
    /// older than what was heard since says nothing; the next one will.
    pub fn hear_of_all(&mut self, users: &[UserRow], asked_at: u64, now: UtcMs) {
        if asked_at != self.heard {
            return;
        }
        users.iter().for_each(|user| self.hear_of(user));
        let stays = |person: &Person| {
            self.is_known(person, now) && users.iter().any(|user| user.profile.id == person.profile.id)
        };
        let gone: Vec<AgentId> = self.of.values().filter(|person| !stays(person)).map(|p| p.profile.id).collect();
        gone.into_iter().for_each(|agent| self.forget(agent));
    }

    pub fn forget(&mut self, agent: AgentId) {
        self.heard += 1;
        self.changed |= self.of.remove(&agent).is_some();
    }

    /// The database has nobody of this login.
    pub fn forget_login(&mut self, login: &str) {
        let theirs = self.of.values().find(|person| person.profile.login == login).map(|person| person.profile.id);
        if let Some(agent) = theirs {
            self.forget(agent);
        }
    }

    /// Keeps a line of the audit until the database takes it. `false` when too many wait already.
    pub fn owe(&mut self, row: AuditRow) -> bool {
        let fits = self.owed.len() < MOST_OWED;
        if fits {
            self.owed.push(row);
            self.changed = true;
        }
        fits
    }

    pub fn owed(&self) -> Option<&AuditRow> {
        self.owed.first()
    }

    /// The database has taken the first line.
    pub fn paid(&mut self) {
        if !self.owed.is_empty() {
            self.owed.remove(0);
            self.changed = true;
        }
    }

    /// The file could not be written; it still has to be.
    pub const fn is_not_kept(&mut self) {
        self.changed = true;
    }

    /// Whether something changed since the last call that the file has to say.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// What a restart without the database needs.
    pub fn kept(&self) -> KeptPeople {
        KeptPeople { version: 1, people: self.of.values().cloned().collect(), owed_audit: self.owed.clone() }
    }

    pub fn restore(&mut self, kept: KeptPeople, now: UtcMs) {
        let known = kept.people.into_iter().filter(|person| self.is_known(person, now));
        self.of = known.map(|person| (person.profile.id, person)).collect();
        self.owed = kept.owed_audit;
    }

    fn is_known(&self, person: &Person, now: UtcMs) -> bool {
        now.ms_since(person.let_in_at) < i64::from(self.days) * DAY_MS
    }
}

/// The people as the file has them. What it says is enough to try passwords at, so it is for the gateway's eyes alone.
#[derive(Debug, Serialize, Deserialize)]
pub struct KeptPeople {
    version: u32,
    people: Vec<Person>,
    owed_audit: Vec<AuditRow>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::domain::agent::Role;

    fn anna() -> UserRow {
        let profile = AgentProfile {
            id: AgentId(1),
            login: "anna".to_owned(),
            name: "Анна".to_owned(),
            role: Role::Operator,
            phone: None,
        };
        UserRow { profile, password_hash: "old".to_owned(), disabled: false }
    }

    fn day(day: i64) -> UtcMs {
        UtcMs(day * DAY_MS)
    }

    fn known() -> KnownPeople {
        let mut known = KnownPeople::new(30);
        known.let_in(&anna(), day(0));
        assert!(known.take_changed());
        known
    }

    #[test]
    fn somebody_is_known_for_a_month_after_the_last_sign_in() {
        let mut known = known();
        assert_eq!(known.by_login("anna", day(29)).map(|person| &*person.password_hash), Some("old"));
        assert!(known.by_login("boris", day(0)).is_none());
        assert!(known.by_login("anna", day(30)).is_none());
        known.hear_of_all(&[anna()], known.heard(), day(30));
        assert!(known.take_changed(), "and then the hash goes from the disk as well");
        assert!(known.kept().people.is_empty());
    }

    #[test]
    fn where_nobody_shall_be_known_nothing_is_kept() {
        let mut known = KnownPeople::new(0);
        known.let_in(&anna(), day(0));
        assert!(known.kept().people.is_empty());
    }

    #[test]
    fn whoever_is_disabled_renamed_or_gone_is_known_no_more_as_before() {
        let cases: [(&str, Vec<UserRow>); 3] = [
            ("disabled", vec![UserRow { disabled: true, ..anna() }]),
            ("gone", vec![]),
            ("renamed", vec![UserRow { profile: AgentProfile { login: "a".into(), ..anna().profile }, ..anna() }]),
        ];
        for (case, users) in cases {
            let mut known = known();
            known.hear_of_all(&users, known.heard(), day(1));
            assert!(known.by_login("anna", day(1)).is_none(), "{case}");
            assert!(known.take_changed(), "{case}");
        }
    }

    #[test]
    fn a_new_password_takes_the_place_of_the_old_one_and_makes_nobody_known_for_longer() {
        let mut known = known();
        known.hear_of_all(&[UserRow { password_hash: "new".into(), ..anna() }], known.heard(), day(20));
        assert_eq!(known.by_login("anna", day(20)).map(|person| &*person.password_hash), Some("new"));
        assert!(known.by_login("anna", day(30)).is_none());
    }

    #[test]
    fn a_list_from_before_a_change_of_password_does_not_bring_the_old_one_back() {
        let mut known = known();
        let asked_at = known.heard();
        known.let_in(&UserRow { password_hash: "new".into(), ..anna() }, day(1));
        known.hear_of_all(&[anna()], asked_at, day(1));
        assert_eq!(known.by_login("anna", day(1)).map(|person| &*person.password_hash), Some("new"));
    }

    #[test]
    fn a_restart_knows_whom_the_last_run_knew_and_what_the_audit_is_owed() {
        let mut before = known();
        let row = AuditRow {
            at: day(1),
            agent: AgentId(1),
            what: shared::store::AuditAction::SignedIn,
            customer: None,
            call: None,
        };
        assert!(before.owe(row.clone()));
        let file = serde_json::to_string(&before.kept()).unwrap();
        let mut after = KnownPeople::new(30);
        after.restore(serde_json::from_str(&file).unwrap(), day(2));
        assert_eq!(after.by_login("anna", day(2)), before.by_login("anna", day(2)));
        assert_eq!(after.owed(), Some(&row));
        after.paid();
        assert_eq!(after.owed(), None);
        after.restore(serde_json::from_str(&file).unwrap(), day(40));
        assert!(after.by_login("anna", day(2)).is_none(), "a gateway that was off for long has forgotten");
    }
}
