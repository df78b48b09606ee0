//! A full disk, a server that is not there or goes away, a file that is carried elsewhere.

use std::time::{Duration, Instant};

use super::*;
use crate::store::unit::Unit;
use crate::store::{Integrity, OpenStoreError, SaveError, StoreError};
use crate::wire::http::HistoryQuery;

promised! {
    a_cut_connection_costs_no_card_and_no_save,
    a_base_that_was_tampered_with_says_what_is_wrong,
    a_load_that_breaks_off_is_seen,
}

/// Cuts every connection to this database but the one that asks; SQLite has none to cut.
async fn a_cut_connection_costs_no_card_and_no_save(store: Store) {
    let customer = make(&store, &sokolova()).await;
    store.warm_up().await.unwrap();
    if let crate::store::Backend::Postgres(_) = &store.backend {
        let cut = "select cast(count(pg_terminate_backend(pid)) as text) from pg_stat_activity \
            where datname = current_database() and pid <> pg_backend_pid()";
        let n_cut: Option<i64> = store.fetch(crate::store::Lane::Records, cut, []).await.unwrap();
        assert!(n_cut.unwrap() >= 2, "the warmed connections were there");
    }
    assert_eq!(card_of(&store, sokolova().phone.unwrap()).await.customer.id, customer);
    store.save_wrapup(key(), &anna(), &wrapup(500, Some(customer)), facts(NOW), NOW).await.unwrap();
}

async fn change(store: &Store, sql: &'static str) {
    store.commit(Unit::default().then(sql, [])).await.unwrap();
}

async fn a_base_that_was_tampered_with_says_what_is_wrong(store: Store) {
    city(&store, 20, 0).await;
    let sound = store.check_integrity().await.unwrap();
    assert_eq!(sound.faults, Vec::<String>::new());
    let faults = async |word: &str| {
        let found = store.check_integrity().await.unwrap().faults;
        assert!(found.iter().any(|fault| fault.contains(word)), "`{word}` is not said: {found:?}");
        found.len()
    };
    change(&store, "delete from customer_word where customer_id = 1").await;
    assert_eq!(faults("1 customers cannot be found by name").await, 1);
    let crate::store::Backend::Postgres(_) = &store.backend else { return };
    change(&store, "delete from meter where account_id = 10000").await;
    change(&store, "alter table interaction drop constraint interaction_account_id_fkey").await;
    change(&store, "alter table request drop constraint request_account_id_fkey").await;
    change(&store, "delete from account where id = 10000").await;
    change(&store, "drop index contact_point_customer").await;
    change(&store, "alter table contact_point add constraint mobile check (kind <> 'pager') not valid").await;
    faults("rows of `reading` name a row of `account` which is not there").await;
    faults("`contact_point_customer` is missing").await;
    faults("never held against `mobile`").await;
    assert_eq!(faults("`interaction_account_id_fkey` is missing").await, 8);
    assert!(sound.unexamined.iter().any(|what| what.contains("create extension amcheck")), "{sound:?}");
    change(&store, "create extension amcheck").await;
    let found = store.check_integrity().await.unwrap();
    assert!(!found.unexamined.iter().any(|what| what.contains("amcheck")), "{found:?}");
    // An index that is told to be of another order than it is finds nothing where something is.
    change(&store, "update pg_index set indoption = '1' where indexrelid = 'agent_pkey'::regclass").await;
    change(&store, "insert into agent select n, n, '', '', null, '' from generate_series(1, 5) n").await;
    change(&store, "update pg_index set indoption = '0' where indexrelid = 'agent_pkey'::regclass").await;
    faults("`agent_pkey` is damaged").await;
}

/// A load is begun, takes some rows, and is dropped, as an end of the program would drop it.
async fn a_load_that_breaks_off_is_seen(store: Store) {
    let options = GenerateOptions { customers: 30, seed: 11, history: 2, history_at_least: 0, today: today() };
    generate::begin_and_break_off(&store, options).await.unwrap();
    let again = generate::run(&store, options, |_| ()).await;
    match &store.backend {
        crate::store::Backend::Sqlite(_) => {
            assert!(matches!(again, Err(generate::GenerateError::BrokeOff)), "{again:?}");
            let found = store.check_integrity().await.unwrap();
            assert!(found.faults.iter().any(|fault| fault.contains("a load broke off")), "{found:?}");
        }
        // Nothing of it is left, and no index is missing.
        crate::store::Backend::Postgres(_) => {
            again.unwrap();
            assert_eq!(store.check_integrity().await.unwrap().faults, Vec::<String>::new());
        }
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_away_and_does_not_keep_anybody_waiting() {
    // A port that was free a moment ago and that nobody listens on.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("postgres://nobody@127.0.0.1:{port}/pult");
    let store = Store::open(&url, StoreOptions::default()).await.unwrap();
    let begun = Instant::now();
    assert!(matches!(store.ping().await, Err(StoreError::Away { .. })));
    let looked_up = store.look_up(Phone::from_e164(79_162_040_000), 5).await;
    assert!(matches!(looked_up, Err(StoreError::Away { .. })), "{looked_up:?}");
    let saved = store.save_wrapup(key(), &anna(), &wrapup(5, None), facts(NOW), NOW).await;
    let Err(SaveError::Store(error)) = saved else { panic!("{saved:?}") };
    assert!(error.is_passing(), "the desk keeps it and sends it again: {error:?}");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let opened = store.migrate().await.unwrap_err();
    assert!(opened.to_string().contains(&format!("127.0.0.1:{port}")), "{opened}");
    assert!(matches!(store.check_schema().await, Err(OpenStoreError::Store(StoreError::Away { .. }))));
}

#[tokio::test]
async fn a_full_disk_is_named_and_forgotten_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let store = fresh(&format!("sqlite://{}/pult.db", folder.path().display())).await;
    let customer = make(&store, &sokolova()).await;
    let n_pages: i64 = store
        .fetch(crate::store::Lane::Records, "select cast(page_count as text) from pragma_page_count", [])
        .await
        .unwrap()
        .unwrap();
    assert!(n_pages < 200);
    limit_pages(&store, "pragma max_page_count = 200").await;
    let long = Wrapup { summary: "долго ".repeat(20_000).into(), ..wrapup(500, Some(customer)) };
    let mut n_saved = 0;
    let full = loop {
        let next = Wrapup { call: CallId(500 + n_saved), ..long.clone() };
        match store.save_wrapup(key(), &anna(), &next, facts(NOW), NOW).await {
            Ok(_) => n_saved += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(full, SaveError::Store(StoreError::Full)), "{full:?}");
    limit_pages(&store, "pragma max_page_count = 20000").await;
    store.save_wrapup(key(), &anna(), &Wrapup { call: CallId(900), ..long }, facts(NOW), NOW).await.unwrap();
    assert_eq!(store.history(customer, &HistoryQuery::default()).await.unwrap().total, n_saved + 1);
}

async fn limit_pages(store: &Store, pragma: &'static str) {
    store.commit(Unit::default().then(pragma, [])).await.unwrap();
}

#[tokio::test]
async fn a_backup_taken_in_use_is_a_customer_base_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let store = fresh(&format!("sqlite://{}/pult.db", folder.path().display())).await;
    city(&store, 30, 0).await;
    let customer = make(&store, &sokolova()).await;
    let copy = folder.path().join("copy.db");
    assert!(store.backup_sqlite(&copy).await.unwrap());
    assert!(store.backup_sqlite(&copy).await.is_err(), "a file that is there is not written over");
    store.close().await;
    let restored = Store::open(&format!("sqlite://{}", copy.display()), StoreOptions::default()).await.unwrap();
    restored.check_schema().await.unwrap();
    assert_eq!(restored.check_integrity().await.unwrap(), Integrity::default());
    assert_eq!(card_of(&restored, sokolova().phone.unwrap()).await.customer.id, customer);
}

#[tokio::test]
async fn what_is_no_customer_base_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("letter.txt");
    std::fs::write(&path, "Уважаемая редакция! ".repeat(400)).unwrap();
    let opened = Store::open(&format!("sqlite://{}", path.display()), StoreOptions::default()).await;
    assert!(matches!(opened, Err(OpenStoreError::Connect { .. })));
    let opened = Store::open("mysql://floor", StoreOptions::default()).await;
    assert!(matches!(opened, Err(OpenStoreError::UnknownScheme { .. })));
}
