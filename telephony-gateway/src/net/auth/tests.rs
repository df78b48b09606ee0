use std::sync::atomic::Ordering;

use shared::domain::agent::Role;

use super::*;
use crate::net::fake_records::{ANNA, FakeRecords, PASSWORD};

const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
const LIMITS: SignInConfig = SignInConfig { idle_minutes: 30, absolute_hours: 12, known_days: 30 };

fn at(s: i64) -> UtcMs {
    UtcMs(s * 1000)
}

struct House {
    records: Arc<FakeRecords>,
    sessions: Sessions,
    folder: tempfile::TempDir,
}

impl House {
    fn new() -> Self {
        let records = Arc::new(FakeRecords::with_anna());
        let folder = tempfile::tempdir().unwrap();
        let sessions = Sessions::open(folder.path(), LIMITS, records.clone(), at(0));
        Self { records, sessions, folder }
    }

    fn restarted(&self, now: UtcMs) -> Sessions {
        Sessions::open(self.folder.path(), LIMITS, self.records.clone(), now)
    }

    async fn anna(&self, now: UtcMs) -> NewSession {
        self.sessions.sign_in("anna", Secret::new(PASSWORD), HOME, now).await.unwrap()
    }

    fn database_goes_away(&self) {
        self.records.away.store(true, Ordering::Relaxed);
        self.records.audit_away.store(true, Ordering::Relaxed);
    }

    fn database_is_back(&self) {
        self.records.away.store(false, Ordering::Relaxed);
        self.records.audit_away.store(false, Ordering::Relaxed);
    }

    /// What happens to Anna with this password.
    async fn with(&self, password: &str, now: UtcMs) -> Result<AgentId, SignInError> {
        let signed_in = self.sessions.sign_in("anna", Secret::new(password), HOME, now).await;
        signed_in.map(|new| new.session.profile.id)
    }

    async fn guess(&self, login: &str, now: UtcMs) -> SignInError {
        self.sessions.sign_in(login, Secret::new("a wrong one"), HOME, now).await.unwrap_err()
    }
}

#[tokio::test]
async fn a_desk_returns_after_a_restart_while_the_database_is_away() {
    let house = House::new();
    let token = house.anna(at(0)).await.signed_in.token;
    house.records.away.store(true, Ordering::Relaxed);
    let after = house.restarted(at(60));
    assert_eq!(after.check(token.expose(), at(60)).unwrap().profile.id, ANNA);
    assert!(after.tend(at(61)).await.is_empty(), "nobody is signed out because the database is away");
    let file = std::fs::read_to_string(house.folder.path().join("sessions.json")).unwrap();
    assert!(!file.contains(token.expose()), "no token lies on the disk");
}

#[tokio::test]
async fn guessing_is_answered_the_same_for_everybody_and_then_with_a_wait() {
    let house = House::new();
    for n in 0..5 {
        assert!(matches!(house.guess("anna", at(n)).await, SignInError::Wrong));
    }
    assert!(matches!(house.guess("nobody", at(4)).await, SignInError::Wrong));
    assert!(matches!(house.guess("anna", at(4)).await, SignInError::Wait { retry_after_s: 1.. }));
    let right = house.sessions.sign_in("anna", Secret::new(PASSWORD), HOME, at(4)).await;
    assert!(matches!(right, Err(SignInError::Wait { .. })), "the right password has to wait as well");
    house.anna(at(10)).await;
}

#[tokio::test]
async fn a_database_that_is_away_is_said_and_blames_nobody_who_is_not_known() {
    let house = House::new();
    house.database_goes_away();
    for _ in 0..5 {
        let away = house.with(PASSWORD, at(0)).await;
        assert!(matches!(away, Err(SignInError::Records(RecordsError::Away(_)))), "{away:?}");
    }
    assert!(
        matches!(house.with(PASSWORD, at(0)).await, Err(SignInError::Wait { .. })),
        "who is not known can only guess"
    );
    house.database_is_back();
    house.anna(at(0)).await;
}

#[tokio::test]
async fn whoever_was_here_lately_signs_in_while_the_database_is_away_also_after_a_restart() {
    let house = House::new();
    house.anna(at(0)).await;
    house.database_goes_away();
    assert_eq!(house.with(PASSWORD, at(60)).await.unwrap(), ANNA);
    let after = house.restarted(at(120));
    let new = after.sign_in("anna", Secret::new(PASSWORD), HOME, at(120)).await.unwrap();
    assert_eq!(new.signed_in.profile.phone.as_deref(), Some("101"), "with all that is known of her");
    assert!(after.check(new.signed_in.token.expose(), at(121)).is_some());
    let month = 30 * 24 * 3600;
    let long_after = after.sign_in("anna", Secret::new(PASSWORD), HOME, at(month)).await;
    assert!(
        matches!(long_after, Err(SignInError::Records(_))),
        "a sign-in that the database has not allowed counts for none"
    );
}

#[tokio::test]
async fn the_file_of_those_who_are_known_is_for_the_gateway_alone_and_has_no_password() {
    use std::os::unix::fs::PermissionsExt as _;
    let house = House::new();
    house.anna(at(0)).await;
    let file = house.folder.path().join("people.json");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("$argon2id$") && !text.contains(PASSWORD));
}

#[tokio::test]
async fn a_guess_while_the_database_is_away_is_answered_the_same_for_everybody_and_then_with_a_wait() {
    let house = House::new();
    house.anna(at(0)).await;
    house.database_goes_away();
    for login in ["anna", "nobody"] {
        for _ in 0..5 {
            let away = house.guess(login, at(1)).await;
            assert!(matches!(away, SignInError::Records(RecordsError::Away(_))), "{login}: {away}");
        }
        assert!(matches!(house.guess(login, at(1)).await, SignInError::Wait { retry_after_s: 1.. }), "{login}");
    }
    assert!(matches!(house.with(PASSWORD, at(1)).await, Err(SignInError::Wait { .. })), "the right one waits as well");
    assert_eq!(house.with(PASSWORD, at(10)).await.unwrap(), ANNA);
}

#[tokio::test]
async fn a_guesser_who_has_to_wait_waits_also_when_the_database_goes_away() {
    let house = House::new();
    house.anna(at(0)).await;
    for _ in 0..5 {
        house.guess("anna", at(1)).await;
    }
    house.database_goes_away();
    assert!(matches!(house.with(PASSWORD, at(1)).await, Err(SignInError::Wait { .. })));
}

#[tokio::test]
async fn whoever_was_disabled_before_the_database_went_away_stays_out() {
    for noticed_by in ["the watch", "a sign-in"] {
        let house = House::new();
        house.anna(at(0)).await;
        house.records.users.lock().unwrap()[0].disabled = true;
        match noticed_by {
            "the watch" => drop(house.sessions.tend(at(5)).await),
            _ => assert!(matches!(house.with(PASSWORD, at(5)).await, Err(SignInError::Wrong))),
        }
        house.database_goes_away();
        assert!(house.with(PASSWORD, at(6)).await.is_err(), "noticed by {noticed_by}");
        let file = std::fs::read_to_string(house.folder.path().join("people.json")).unwrap();
        assert!(!file.contains("anna"), "nothing of her is left on the disk: {file}");
        assert!(house.restarted(at(7)).sign_in("anna", Secret::new(PASSWORD), HOME, at(7)).await.is_err());
    }
}

#[tokio::test]
async fn a_database_that_says_no_is_not_one_that_is_away() {
    let house = House::new();
    house.anna(at(0)).await;
    house.records.refuses.store(true, Ordering::Relaxed);
    let refused = house.with(PASSWORD, at(1)).await;
    assert!(matches!(refused, Err(SignInError::Records(RecordsError::Refused(_)))), "{refused:?}");
}

#[tokio::test]
async fn after_a_change_of_password_only_the_new_one_is_known() {
    const NEW: &str = "утренний кофе";
    for changed_by in ["herself", "the administrator"] {
        let house = House::new();
        let session = house.anna(at(0)).await.session;
        if changed_by == "herself" {
            let (old, new) = (Secret::new(PASSWORD), Secret::new(NEW));
            house.sessions.change_password(&session, old, new, HOME, at(1)).await.unwrap();
        } else {
            let hash = password::hash_new(&Secret::new(NEW)).unwrap();
            house.records.set_password(ANNA, hash).await.unwrap();
            house.sessions.tend(at(5)).await;
        }
        house.database_goes_away();
        assert!(house.with(PASSWORD, at(6)).await.is_err(), "the old one, changed by {changed_by}");
        assert_eq!(house.with(NEW, at(7)).await.unwrap(), ANNA, "the new one, changed by {changed_by}");
    }
}

#[tokio::test]
async fn who_came_while_the_database_was_away_is_in_the_audit_when_it_is_back() {
    let house = House::new();
    house.anna(at(0)).await;
    house.database_goes_away();
    let new = house.sessions.sign_in("anna", Secret::new(PASSWORD), HOME, at(60)).await.unwrap();
    house.sessions.note(new.session.profile.id, AuditAction::SignedIn, at(60)).await;
    let after = house.restarted(at(70));
    house.database_is_back();
    after.tend(at(80)).await;
    after.tend(at(85)).await;
    let audited: Vec<_> = house.records.audited().iter().map(|row| (row.at, row.agent, row.what)).collect();
    assert_eq!(audited, [(at(60), ANNA, AuditAction::SignedIn)], "once, with the hour at which it was");
}

#[tokio::test]
async fn somebody_who_was_disabled_is_signed_out_and_stays_out() {
    let house = House::new();
    let new = house.anna(at(0)).await;
    house.records.users.lock().unwrap()[0].disabled = true;
    assert_eq!(house.sessions.tend(at(30)).await, [new.session.id]);
    assert!(house.sessions.check(new.signed_in.token.expose(), at(30)).is_none());
    let again = house.sessions.sign_in("anna", Secret::new(PASSWORD), HOME, at(31)).await;
    assert!(matches!(again, Err(SignInError::Wrong)));
}

#[tokio::test]
async fn a_promotion_reaches_a_desk_that_is_signed_in() {
    let house = House::new();
    let token = house.anna(at(0)).await.signed_in.token;
    house.records.users.lock().unwrap()[0].profile.role = Role::Supervisor;
    house.sessions.tend(at(30)).await;
    assert_eq!(house.sessions.check(token.expose(), at(31)).unwrap().profile.role, Role::Supervisor);
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions_of_the_same_person() {
    let house = House::new();
    let (old_desk, this_desk) = (house.anna(at(0)).await, house.anna(at(1)).await);
    let change = |old: &str, new: &str| {
        let (old, new) = (Secret::new(old), Secret::new(new));
        let (sessions, session) = (house.sessions.clone(), this_desk.session.clone());
        async move { sessions.change_password(&session, old, new, HOME, at(2)).await }
    };
    assert!(matches!(change("a wrong one", "утренний кофе").await, Err(ChangePasswordError::WrongPassword)));
    assert!(matches!(change(PASSWORD, "short").await, Err(ChangePasswordError::New(_))));
    assert_eq!(change(PASSWORD, "утренний кофе").await.unwrap(), [old_desk.session.id]);
    assert!(house.sessions.check(this_desk.signed_in.token.expose(), at(3)).is_some());
    let with_old = house.sessions.sign_in("anna", Secret::new(PASSWORD), HOME, at(3)).await;
    assert!(matches!(with_old, Err(SignInError::Wrong)));
    house.sessions.sign_in("anna", Secret::new("утренний кофе"), HOME, at(4)).await.unwrap();
}

#[tokio::test]
async fn who_signs_out_needs_a_new_token() {
    let house = House::new();
    let new = house.anna(at(0)).await;
    let token = new.signed_in.token.expose();
    assert_eq!(house.sessions.sign_out(token).await, Some(new.session.id));
    assert_eq!(house.sessions.sign_out(token).await, None);
    assert!(house.restarted(at(1)).check(token, at(1)).is_none());
}
