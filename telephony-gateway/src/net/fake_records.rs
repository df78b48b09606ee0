//! A customer base in memory for the tests of the doors, which can be away.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use shared::domain::agent::{AgentProfile, Role};
use shared::domain::customer::{Customer, CustomerKind, CustomerLine};
use shared::domain::interaction::HistoryPage;
use shared::ids::{AgentId, CustomerId};
use shared::money::Money;
use shared::pii::{Personal, Secret};
use shared::store::{AuditRow, UserRow};
use shared::time::UtcMs;
use shared::wire::card::Card;
use shared::wire::http::HistoryQuery;

use super::auth::password::hash_new;
use super::records::{Answer, Records, RecordsError};

pub const ANNA: AgentId = AgentId(1);
pub const KNOWN: CustomerId = CustomerId(7);
pub const PASSWORD: &str = "тихий вечер";

#[derive(Default)]
pub struct FakeRecords {
    pub users: Mutex<Vec<UserRow>>,
    pub audited: Mutex<Vec<AuditRow>>,
    pub away: AtomicBool,
    /// It is there, and does not understand the question.
    pub refuses: AtomicBool,
    pub audit_away: AtomicBool,
}

impl FakeRecords {
    /// One operator, `anna`.
    pub fn with_anna() -> Self {
        let anna = UserRow {
            profile: AgentProfile {
                id: ANNA,
                login: "anna".to_owned(),
                name: "Анна".to_owned(),
                role: Role::Operator,
                phone: Some("101".to_owned()),
            },
            password_hash: hash_new(&Secret::new(PASSWORD)).unwrap(),
            disabled: false,
        };
        Self { users: Mutex::new(vec![anna]), ..Self::default() }
    }

    pub fn audited(&self) -> Vec<AuditRow> {
        self.audited.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn answer<'a, T: Send + 'a>(&'a self, answer: impl FnOnce() -> T + Send + 'a) -> Answer<'a, T> {
        Box::pin(async move {
            if self.away.load(Ordering::Relaxed) {
                return Err(RecordsError::Away("it is away".into()));
            }
            if self.refuses.load(Ordering::Relaxed) {
                return Err(RecordsError::Refused("it refuses".into()));
            }
            Ok(answer())
        })
    }
}

impl Records for FakeRecords {
    fn user_by_login<'a>(&'a self, login: &'a str) -> Answer<'a, Option<UserRow>> {
        self.answer(move || self.users.lock().unwrap().iter().find(|user| user.profile.login == login).cloned())
    }

    fn users(&self) -> Answer<'_, Vec<UserRow>> {
        self.answer(|| self.users.lock().unwrap().clone())
    }

    fn set_password(&self, agent: AgentId, password_hash: String) -> Answer<'_, ()> {
        self.answer(move || {
            let mut users = self.users.lock().unwrap();
            if let Some(user) = users.iter_mut().find(|user| user.profile.id == agent) {
                user.password_hash = password_hash;
            }
        })
    }

    fn search_customers<'a>(&'a self, _typed: &'a str, _limit: u16) -> Answer<'a, Vec<CustomerLine>> {
        self.answer(Vec::new)
    }

    fn card(&self, customer: CustomerId) -> Answer<'_, Option<Card>> {
        self.answer(move || (customer == KNOWN).then(known_card))
    }

    fn history<'a>(&'a self, _customer: CustomerId, _query: &'a HistoryQuery) -> Answer<'a, HistoryPage> {
        self.answer(HistoryPage::default)
    }

    fn audit(&self, row: AuditRow) -> Answer<'_, ()> {
        Box::pin(async move {
            if self.audit_away.load(Ordering::Relaxed) {
                return Err(RecordsError::Away("it is away".into()));
            }
            self.audited.lock().unwrap().push(row);
            Ok(())
        })
    }
}

fn known_card() -> Card {
    Card {
        customer: Customer {
            id: KNOWN,
            kind: CustomerKind::Person,
            name: Personal::new("Соколова Марина"),
            address: Personal::default(),
            email: None,
            customer_since_year: None,
            flags: Vec::new(),
            debt: Money(0),
            updated_at: UtcMs(0),
            rev: 1,
        },
        contact_points: Vec::new(),
        accounts: Vec::new(),
        readings: Vec::new(),
        payments: Vec::new(),
        payments_total: 0,
        corrective_invoices: Vec::new(),
        requests: Vec::new(),
        consumption: Vec::new(),
        history: HistoryPage::default(),
    }
}
