use std::sync::atomic::Ordering;

use shared::domain::agent::Role;

use super::*;
use crate::net::fake_records::{ANNA, FakeRecords, PASSWORD};

const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
const LIMITS: SignInConfig = SignInConfig { idle_minutes: 30, absolute_hours: 12 };

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
async fn a_database_that_is_away_is_said_and_is_no_wrong_password() {
    let house = House::new();
    house.records.away.store(true, Ordering::Relaxed);
    for _ in 0..20 {
        let error = house.sessions.sign_in("anna", Secret::new(PASSWORD), HOME, at(0)).await.unwrap_err();
        assert!(matches!(error, SignInError::Records(RecordsError::Away(_))), "{error}");
    }
    house.records.away.store(false, Ordering::Relaxed);
    house.anna(at(0)).await;
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
