//! What every backend promises, as sentences about the business. Each case gets a fresh, empty customer base: a SQLite
//! file, and a database of its own on the server that `PULT_TEST_POSTGRES` names.

mod cases;
mod failures;
mod history;
mod people;

use chrono::NaiveDate;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use uuid::Uuid;

use crate::domain::agent::{AgentProfile, Role};
use crate::domain::customer::{CustomerKind, NewCustomer};
use crate::domain::interaction::Direction;
use crate::domain::queue::QueueCode;
use crate::ids::{AgentId, CallId, CustomerId};
use crate::phone::{CallerNumber, Phone};
use crate::time::UtcMs;
use crate::wire::card::{Card, CardState};
use crate::wire::command::Wrapup;

use super::generate::{DemoNumbers, GenerateOptions};
use super::{CallFacts, Store, StoreOptions, generate};

const POSTGRES: &str = "PULT_TEST_POSTGRES";
/// 2026-11-23 09:00 UTC.
const NOW: UtcMs = UtcMs(1_795_424_400_000);

/// Runs each case on each backend.
macro_rules! promised {
    ($($case:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $case() { crate::store::contract::on_sqlite(super::$case).await; })+
        }
        mod postgres {
            $(#[tokio::test] async fn $case() {
                crate::store::contract::on_postgres(stringify!($case), super::$case).await;
            })+
        }
    };
}
use promised;

async fn on_sqlite<F: Future<Output = ()>>(case: impl FnOnce(Store) -> F) {
    let folder = tempfile::tempdir().unwrap();
    let store = fresh(&format!("sqlite://{}/pult.db", folder.path().display())).await;
    case(store.clone()).await;
    store.close().await;
}

async fn on_postgres<F: Future<Output = ()>>(name: &str, case: impl FnOnce(Store) -> F) {
    let Ok(server) = std::env::var(POSTGRES) else {
        println!("not run on PostgreSQL: {name} ({POSTGRES} names no server)");
        return;
    };
    let server: url::Url = server.parse().unwrap();
    let database = format!("pult_{}", Uuid::now_v7().simple());
    let options: sqlx::postgres::PgConnectOptions = server.as_str().parse().unwrap();
    let mut admin = options.connect().await.unwrap();
    sqlx::query(AssertSqlSafe(format!("create database {database}"))).execute(&mut admin).await.unwrap();
    let mut address = server;
    address.set_path(&database);
    let store = fresh(address.as_str()).await;
    case(store.clone()).await;
    store.close().await;
    sqlx::query(AssertSqlSafe(format!("drop database {database} with (force)"))).execute(&mut admin).await.unwrap();
    admin.close().await.unwrap();
}

async fn fresh(url: &str) -> Store {
    let store = Store::open(url, StoreOptions { node: 1, pop_connections: 2, connections: 6 }).await.unwrap();
    store.migrate().await.unwrap();
    store
}

fn key() -> Uuid {
    Uuid::now_v7()
}

fn anna() -> AgentProfile {
    AgentProfile {
        id: AgentId(77),
        login: "anna".into(),
        name: "Анна Котова".into(),
        role: Role::Operator,
        phone: Some("201".into()),
    }
}

fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 23).unwrap()
}

fn sokolova() -> NewCustomer {
    NewCustomer {
        kind: CustomerKind::Person,
        name: "Соколова Алёна Игоревна".into(),
        phone: Phone::parse("8 916 204-00-00"),
        address: "Москва, ул. Удальцова, д. 5, кв. 8".into(),
    }
}

async fn make(store: &Store, customer: &NewCustomer) -> CustomerId {
    store.create_customer(key(), &anna(), customer, None, NOW).await.unwrap()
}

fn wrapup(call: i64, customer: Option<CustomerId>) -> Wrapup {
    Wrapup {
        call: CallId(call),
        customer,
        account: None,
        topic: "BIL.RECALC".into(),
        result: "I.REQUEST".into(),
        summary: "Просит перерасчёт за октябрь".into(),
    }
}

fn facts(started_at: UtcMs) -> CallFacts {
    let caller = CallerNumber::parse("+79162040000");
    let queue = QueueCode::new("billing");
    CallFacts { started_at, duration_s: 95, queue, caller, direction: Direction::Inbound, entry: None }
}

async fn city(store: &Store, customers: u32, history_at_least: u32) -> DemoNumbers {
    let options = GenerateOptions { customers, seed: 11, history: 2, history_at_least, today: today() };
    generate::run(store, options, |_| ()).await.unwrap()
}

async fn card_of(store: &Store, phone: Phone) -> Card {
    match caller(store, phone).await {
        CardState::Known { card } => *card,
        other => panic!("one customer has this number, found {other:?}"),
    }
}

/// What the desk reads of a caller.
async fn caller(store: &Store, phone: Phone) -> CardState {
    store.look_up(phone, 10).await.unwrap().card.open().unwrap()
}
