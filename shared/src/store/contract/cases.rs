//! What is saved during and after a call.

use std::collections::HashSet;

use super::*;
use crate::domain::account::{AccountStatus, ReadingSource, ZoneValues};
use crate::domain::call::{CallEnding, CallKind, CallRecord, MissedCall, Talk};
use crate::domain::customer::CustomerFlag;
use crate::domain::reading::{ReadingFault, ReadingRules};
use crate::domain::request::{FieldValue, RequestStatus};
use crate::ids::{CallbackId, InteractionId};
use crate::store::{AuditAction, AuditRow, LedgerAudit, LedgerBatch, LedgerRow, OpenStoreError, SaveError};
use crate::wire::command::{NewReading, NewRequest};
use crate::wire::http::HistoryQuery;

promised! {
    every_statement_is_one_the_database_takes,
    an_old_schema_is_named_in_words,
    a_wrapup_sent_by_two_at_once_is_kept_once,
    a_key_with_another_content_is_refused,
    a_second_wrapup_corrects_the_first,
    a_corrected_wrapup_moves_to_the_right_customer,
    two_agents_of_one_call_keep_a_wrapup_each,
    one_bad_save_takes_nobody_with_it,
    a_reading_is_judged_kept_and_shown,
    a_doubtful_reading_waits_for_a_yes,
    a_reading_remembered_late_is_billed_once,
    readings_of_one_meter_saved_at_once_are_billed_once,
    a_request_stands_on_the_card,
    a_missed_call_is_owed_until_somebody_has_called_back,
    what_is_copied_twice_is_there_once,
    a_batch_of_the_ledger_is_copied_whole_or_not_at_all,
    a_generated_city_has_whole_cards,
    a_card_travels_as_it_left_the_database,
    what_an_operator_should_know_of_a_customer_is_on_the_card,
    a_city_is_made_once,
}

async fn every_statement_is_one_the_database_takes(store: Store) {
    for (name, sql) in store.sql().all() {
        let prepared = match &store.backend {
            crate::store::Backend::Sqlite(sqlite) => sqlite.prepare(sql).await,
            crate::store::Backend::Postgres(postgres) => postgres.prepare(sql).await,
        };
        prepared.unwrap_or_else(|error| panic!("`{name}`: {error:?}"));
    }
    store.warm_up().await.unwrap();
    store.ping().await.unwrap();
}

async fn an_old_schema_is_named_in_words(store: Store) {
    store.check_schema().await.unwrap();
    let undone: &'static str = "update _sqlx_migrations set success = false";
    let unit = crate::store::unit::Unit::default().then(undone, []);
    store.commit(unit).await.unwrap();
    let error = store.check_schema().await.unwrap_err();
    assert!(matches!(error, OpenStoreError::Schema { found: 0, .. }), "{error:?}");
    assert!(error.to_string().contains("run `telephony-gateway migrate`"), "{error}");
}

async fn a_wrapup_sent_by_two_at_once_is_kept_once(store: Store) {
    let customer = make(&store, &sokolova()).await;
    let key = key();
    let saves = (0..8).map(|_| {
        let store = store.clone();
        async move { store.save_wrapup(key, &anna(), &wrapup(500, Some(customer)), facts(NOW), NOW).await.unwrap() }
    });
    let ids: HashSet<_> = futures_util::future::join_all(saves).await.into_iter().collect();
    assert_eq!(ids.len(), 1);
    let history = store.history(customer, &HistoryQuery::default()).await.unwrap();
    assert_eq!((history.total, history.lines[0].agent_name.as_str()), (1, "Анна Котова"));
    assert_eq!(history.lines[0].started_at, NOW);
}

async fn a_key_with_another_content_is_refused(store: Store) {
    let customer = make(&store, &sokolova()).await;
    let key = key();
    store.save_wrapup(key, &anna(), &wrapup(500, Some(customer)), facts(NOW), NOW).await.unwrap();
    let other = Wrapup { result: "I.RESOLVED".into(), ..wrapup(500, Some(customer)) };
    let refused = store.save_wrapup(key, &anna(), &other, facts(NOW), NOW).await;
    assert!(matches!(refused, Err(SaveError::KeyReused)), "{refused:?}");
    let ben = AgentProfile { id: AgentId(78), ..anna() };
    let refused = store.save_wrapup(key, &ben, &wrapup(500, Some(customer)), facts(NOW), NOW).await;
    assert!(matches!(refused, Err(SaveError::KeyReused)), "{refused:?}");
    let history = store.history(customer, &HistoryQuery::default()).await.unwrap();
    assert_eq!(history.lines[0].result.as_deref(), Some("I.REQUEST"));
}

async fn a_second_wrapup_corrects_the_first(store: Store) {
    let customer = make(&store, &sokolova()).await;
    let first = store.save_wrapup(key(), &anna(), &wrapup(500, Some(customer)), facts(NOW), NOW).await.unwrap();
    let corrected = Wrapup { result: "I.RESOLVED".into(), ..wrapup(500, Some(customer)) };
    let second = store.save_wrapup(key(), &anna(), &corrected, facts(NOW), NOW).await.unwrap();
    assert_eq!(first, second);
    // A gateway that was restarted may know the start of the call a little otherwise.
    let third = store.save_wrapup(key(), &anna(), &corrected, facts(UtcMs(NOW.0 + 1)), NOW).await.unwrap();
    assert_eq!(first, third);
    let history = store.history(customer, &HistoryQuery::default()).await.unwrap();
    assert_eq!((history.total, history.lines[0].result.as_deref()), (1, Some("I.RESOLVED")));
}

async fn a_corrected_wrapup_moves_to_the_right_customer(store: Store) {
    let wrong = make(&store, &sokolova()).await;
    let right = make(&store, &NewCustomer { phone: None, ..sokolova() }).await;
    store.save_wrapup(key(), &anna(), &wrapup(500, Some(wrong)), facts(NOW), NOW).await.unwrap();
    store.save_wrapup(key(), &anna(), &wrapup(500, Some(right)), facts(NOW), NOW).await.unwrap();
    assert_eq!(store.history(wrong, &HistoryQuery::default()).await.unwrap().total, 0);
    assert_eq!(store.history(right, &HistoryQuery::default()).await.unwrap().total, 1);
}

async fn two_agents_of_one_call_keep_a_wrapup_each(store: Store) {
    let customer = make(&store, &sokolova()).await;
    let ben = AgentProfile { id: AgentId(78), name: "Бен".into(), ..anna() };
    store.save_wrapup(key(), &anna(), &wrapup(500, Some(customer)), facts(NOW), NOW).await.unwrap();
    let second = CallFacts { entry: Some(InteractionId(501)), ..facts(NOW) };
    let id = store.save_wrapup(key(), &ben, &wrapup(500, Some(customer)), second, NOW).await.unwrap();
    assert_eq!(id, InteractionId(501));
    assert_eq!(store.history(customer, &HistoryQuery::default()).await.unwrap().total, 2);
}

async fn one_bad_save_takes_nobody_with_it(store: Store) {
    let customer = make(&store, &sokolova()).await;
    let saves = (0..24_i64).map(|nth| {
        let store = store.clone();
        let whose = if nth % 4 == 0 { CustomerId(999_999) } else { customer };
        async move { store.save_wrapup(key(), &anna(), &wrapup(500 + nth, Some(whose)), facts(NOW), NOW).await }
    });
    let outcomes = futures_util::future::join_all(saves).await;
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Err(SaveError::NotFound { .. }))).count(), 6);
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 18);
    assert_eq!(store.history(customer, &HistoryQuery::default()).await.unwrap().total, 18);
}

/// A customer of a generated city whose first account can take a reading today.
async fn with_a_meter(store: &Store) -> (CustomerId, NewReading) {
    let numbers = city(store, 10, 0).await;
    let card = card_of(store, numbers.known[0]).await;
    let account = &card.accounts[0];
    let last = card.readings.iter().find(|reading| reading.account == account.id).unwrap();
    let values: ZoneValues = last.values.iter().map(|value| value + 3).collect();
    let reading = NewReading { call: None, account: account.id, taken_on: today(), values, confirmed: false };
    (card.customer.id, reading)
}

async fn a_reading_is_judged_kept_and_shown(store: Store) {
    let (customer, reading) = with_a_meter(&store).await;
    let rules = ReadingRules::default();
    let key = key();
    for _ in 0..2 {
        store.save_reading(key, &anna(), &reading, today(), &rules).await.unwrap();
    }
    let card = store.card(customer, 1).await.unwrap().unwrap();
    let kept = &card.readings[0];
    assert_eq!((kept.taken_on, kept.source), (today(), ReadingSource::Operator));
    assert_eq!((&kept.values, kept.consumed), (&reading.values, 3 * reading.values.len() as i64));

    let values = reading.values.iter().map(|value| value - 10).collect();
    let later = NewReading { values, taken_on: today() + chrono::Days::new(1), ..reading.clone() };
    let tomorrow = today() + chrono::Days::new(1);
    let refused = store.save_reading(Uuid::now_v7(), &anna(), &later, tomorrow, &rules).await;
    assert!(matches!(refused, Err(SaveError::Reading(ReadingFault::LessThanPrevious))), "{refused:?}");
    let reused = store.save_reading(key, &anna(), &later, tomorrow, &rules).await;
    assert!(matches!(reused, Err(SaveError::KeyReused)), "{reused:?}");
    let nobodys = NewReading { account: crate::ids::AccountId(5), ..reading };
    let refused = store.save_reading(Uuid::now_v7(), &anna(), &nobodys, today(), &rules).await;
    assert!(matches!(refused, Err(SaveError::NotFound { .. })), "{refused:?}");
}

async fn a_doubtful_reading_waits_for_a_yes(store: Store) {
    let (_, reading) = with_a_meter(&store).await;
    let rules = ReadingRules { soft_min_kwh_per_day: 0.0, soft_factor: 0.0, ..ReadingRules::default() };
    let asked = store.save_reading(key(), &anna(), &reading, today(), &rules).await;
    assert!(matches!(asked, Err(SaveError::Unconfirmed(_))), "{asked:?}");
    let confirmed = NewReading { confirmed: true, ..reading };
    store.save_reading(key(), &anna(), &confirmed, today(), &rules).await.unwrap();
}

/// What the first account's readings have consumed, newest first, and what the card says of this month.
async fn consumed_and_billed(store: &Store, customer: CustomerId, reading: &NewReading, n: usize) -> (Vec<i64>, i64) {
    let card = store.card(customer, 1).await.unwrap().unwrap();
    let of_account = card.readings.iter().filter(|line| line.account == reading.account);
    let this_month = card.consumption.iter().find(|month| (month.year, month.month) == (2026, 11));
    (of_account.take(n).map(|line| line.consumed).collect(), this_month.map_or(0, |month| month.kwh))
}

async fn a_reading_remembered_late_is_billed_once(store: Store) {
    let (customer, reading) = with_a_meter(&store).await;
    let n_zones = reading.values.len() as i64;
    let (last_consumed, billed_before) = consumed_and_billed(&store, customer, &reading, 1).await;
    let given = |days_ago: u64, more: i64| NewReading {
        taken_on: today() - chrono::Days::new(days_ago),
        values: reading.values.iter().map(|value| value + more).collect(),
        ..reading.clone()
    };
    let save = async |reading: &NewReading| {
        store.save_reading(key(), &anna(), reading, today(), &ReadingRules::default()).await
    };
    let billed = async |n: usize| {
        let (consumed, in_month) = consumed_and_billed(&store, customer, &reading, n).await;
        (consumed.iter().map(|kwh| kwh / n_zones).collect::<Vec<_>>(), (in_month - billed_before) / n_zones)
    };
    // Today's reading is 93 above the last one of the city; then the customer remembers what it was a day ago, and
    // then corrects that; then remembers yet another day between.
    save(&given(0, 90)).await.unwrap();
    assert_eq!(billed(1).await, (vec![93], 93));
    save(&given(1, 40)).await.unwrap();
    assert_eq!(billed(2).await, (vec![50, 43], 93));
    save(&given(1, 70)).await.unwrap();
    assert_eq!(billed(2).await, (vec![20, 73], 93));
    save(&given(2, 60)).await.unwrap();
    assert_eq!(billed(3).await, (vec![20, 10, 63], 93));
    let (untouched, _) = consumed_and_billed(&store, customer, &reading, 4).await;
    assert_eq!(untouched[3], last_consumed[0]);

    let too_much = save(&given(1, 91)).await;
    assert!(matches!(too_much, Err(SaveError::Reading(ReadingFault::MoreThanNext))), "{too_much:?}");
    assert_eq!(billed(3).await, (vec![20, 10, 63], 93), "what was refused has changed nothing");
}

async fn readings_of_one_meter_saved_at_once_are_billed_once(store: Store) {
    let (customer, reading) = with_a_meter(&store).await;
    let (_, billed_before) = consumed_and_billed(&store, customer, &reading, 1).await;
    let saves = (0..4_u64).map(|days_ago| {
        let given = NewReading {
            taken_on: today() - chrono::Days::new(days_ago),
            values: reading.values.iter().map(|value| value + 40 - 10 * days_ago as i64).collect(),
            ..reading.clone()
        };
        let store = store.clone();
        async move { store.save_reading(key(), &anna(), &given, today(), &ReadingRules::default()).await.unwrap() }
    });
    futures_util::future::join_all(saves).await;
    let n_zones = reading.values.len() as i64;
    let (consumed, in_month) = consumed_and_billed(&store, customer, &reading, 4).await;
    assert_eq!(consumed, [10 * n_zones, 10 * n_zones, 10 * n_zones, 13 * n_zones]);
    assert_eq!(in_month - billed_before, 43 * n_zones);
}

async fn a_request_stands_on_the_card(store: Store) {
    let customer = make(&store, &sokolova()).await;
    let field = FieldValue { field: "period_from".into(), value: "2026-10".into() };
    let request = NewRequest {
        call: Some(CallId(500)),
        customer,
        account: None,
        form: "recalculation".into(),
        fields: vec![field.clone()],
        comment: "Был в отъезде".into(),
    };
    let due = UtcMs(NOW.0 + 86_400_000);
    let key = key();
    let id = store.register_request(key, &anna(), &request, Some(due), NOW).await.unwrap();
    assert_eq!(store.register_request(key, &anna(), &request, Some(due), NOW).await.unwrap(), id);
    let without_due = store.register_request(Uuid::now_v7(), &anna(), &request, None, NOW).await.unwrap();
    let card = store.card(customer, 1).await.unwrap().unwrap();
    assert_eq!(card.requests.iter().map(|request| request.id).collect::<Vec<_>>(), [id, without_due]);
    let kept = &card.requests[0];
    assert_eq!((kept.status, kept.opened_at, kept.due_at), (RequestStatus::Registered, NOW, Some(due)));
    assert_eq!((kept.opened_by, kept.fields.as_slice()), (Some(AgentId(77)), [field].as_slice()));
}

fn missed(id: i64, customer: Option<CustomerId>, lost_at: UtcMs) -> MissedCall {
    MissedCall {
        id: CallbackId(id),
        call: CallId(id + 1000),
        queue: QueueCode::new("billing"),
        caller: CallerNumber::parse("+79162040000"),
        customer,
        customer_name: None,
        lost_at,
        waited_s: 40,
        ending: CallEnding::Abandoned,
        handled_by: None,
        handled_at: None,
    }
}

async fn a_missed_call_is_owed_until_somebody_has_called_back(store: Store) {
    let customer = make(&store, &sokolova()).await;
    let lost = [missed(1, Some(customer), NOW), missed(2, None, UtcMs(NOW.0 + 5))];
    let batch = LedgerBatch { missed: lost.to_vec(), ..LedgerBatch::default() };
    store.copy_ledger(&batch).await.unwrap();
    store.copy_ledger(&batch).await.unwrap();
    let owed = store.missed_calls(10).await.unwrap();
    assert_eq!(owed[0], lost[1]);
    assert_eq!(owed[1].customer_name.as_ref().unwrap().reveal(), "Соколова Алёна Игоревна");
    assert_eq!(owed.len(), 2);

    let later = UtcMs(NOW.0 + 60_000);
    store.mark_missed(key(), CallbackId(1), Some(AgentId(77)), later).await.unwrap();
    let handled = store.missed_calls(10).await.unwrap().remove(1);
    assert_eq!((handled.handled_by, handled.handled_at), (Some(AgentId(77)), Some(later)));
    store.mark_missed(key(), CallbackId(1), None, later).await.unwrap();
    let owed_again = store.missed_calls(10).await.unwrap().remove(1);
    assert_eq!((owed_again.handled_by, owed_again.handled_at), (None, None));
    let nobody = store.mark_missed(key(), CallbackId(3), None, later).await;
    assert!(matches!(nobody, Err(SaveError::NotFound { .. })), "{nobody:?}");
}

/// A call that ended unanswered after somebody had seen the caller's card.
fn lost_call() -> LedgerBatch {
    let line = |seq, kind: &str| LedgerRow {
        node: 1,
        epoch: 3,
        seq,
        at: NOW,
        kind: kind.into(),
        call: Some(CallId(500)),
        agent: None,
        body: r#"{"queue":"billing"}"#.into(),
    };
    let call = CallRecord {
        id: CallId(500),
        queue: QueueCode::new("billing"),
        trunk: "carrier".into(),
        dialled: "74952040000".into(),
        caller: CallerNumber::Withheld,
        customer: None,
        agent: Some(AgentId(77)),
        arrived_at: NOW,
        offered_at: Some(NOW),
        answered_at: None,
        ended_at: UtcMs(NOW.0 + 1),
        ending: CallEnding::Abandoned,
        invite_to_pop_us: None,
        kind: CallKind::Inbound,
        talks: vec![Talk { agent: AgentId(1), from: UtcMs(1), until: UtcMs(2) }],
    };
    let row = AuditRow {
        at: NOW,
        agent: AgentId(77),
        what: AuditAction::CardOpened,
        customer: Some(CustomerId(8)),
        call: Some(CallId(500)),
    };
    LedgerBatch {
        lines: vec![line(1, "call.arrived"), line(2, "card.opened"), line(3, "call.ended")],
        calls: vec![call],
        missed: vec![missed(1, None, NOW)],
        audit: vec![LedgerAudit { node: 1, epoch: 3, seq: 2, row }],
    }
}

async fn what_is_copied_twice_is_there_once(store: Store) {
    let batch = lost_call();
    let beginning = LedgerBatch { lines: batch.lines[..1].to_vec(), ..LedgerBatch::default() };
    store.copy_ledger(&LedgerBatch::default()).await.unwrap();
    store.copy_ledger(&beginning).await.unwrap();
    store.copy_ledger(&batch).await.unwrap();
    store.copy_ledger(&batch).await.unwrap();
    store.set_pop_time(CallId(500), 4_200).await.unwrap();
    assert_eq!(count(&store, "select cast(count(*) as text) from ledger").await, 3);
    assert_eq!(count(&store, "select cast(count(*) as text) from call where invite_to_pop_us = 4200").await, 1);
    let talks = "select cast(count(*) as text) from call_talk where call_id = 500 and agent_id = 1";
    assert_eq!(count(&store, talks).await, 1);
    assert_eq!(count(&store, "select cast(count(*) as text) from missed_call").await, 1);
    let seen = "select cast(count(*) as text) from audit where what = 'card_opened' and customer_id = 8";
    assert_eq!(count(&store, seen).await, 1, "the card was opened once, however often that was copied");

    let row = batch.audit[0].row.clone();
    store.audit(&[row.clone(), row]).await.unwrap();
    assert_eq!(count(&store, seen).await, 3, "opened twice more by hand");
}

async fn a_batch_of_the_ledger_is_copied_whole_or_not_at_all(store: Store) {
    let kept = "select cast((select count(*) from call) + (select count(*) from missed_call) \
        + (select count(*) from audit) as text)";
    // The calls come before the lines of the ledger, which find no table.
    run(&store, "alter table ledger rename to elsewhere").await;
    assert!(store.copy_ledger(&lost_call()).await.is_err());
    assert_eq!(count(&store, kept).await, 0);
    run(&store, "alter table elsewhere rename to ledger").await;
    store.copy_ledger(&lost_call()).await.unwrap();
    assert_eq!(count(&store, kept).await, 3);
}

async fn run(store: &Store, sql: &'static str) {
    store.commit(crate::store::unit::Unit::default().then(sql, [])).await.unwrap();
}

async fn count(store: &Store, sql: &'static str) -> i64 {
    store.fetch(crate::store::Lane::Records, sql, []).await.unwrap().unwrap()
}

async fn a_generated_city_has_whole_cards(store: Store) {
    let numbers = city(&store, 200, 12).await;
    for &phone in &numbers.known {
        let card = card_of(&store, phone).await;
        assert!(card.contact_points.iter().any(|point| point.phone == phone));
        assert_eq!(card.customer.debt, card.accounts.iter().map(|account| account.debt).sum());
        assert!(card.accounts.iter().all(|account| account.meter.is_some() && account.status != AccountStatus::Closed));
        assert!(card.readings.windows(2).all(|pair| pair[0].taken_on >= pair[1].taken_on));
        assert!(card.readings.iter().all(|reading| reading.taken_on < today() && reading.consumed >= 0));
        assert_eq!(card.consumption.len(), 24);
        assert!(card.consumption.windows(2).all(|w| (w[0].year, w[0].month) < (w[1].year, w[1].month)));
        assert!(card.consumption.iter().map(|month| month.kwh).sum::<i64>() > 0);
        assert!(card.payments_total >= card.payments.len() as i64);
        assert!(card.corrective_invoices.iter().all(|invoice| invoice.corrects.is_some()));
        assert_eq!(card.history.lines.len(), 10);
        assert!(card.history.total >= 12 && card.history.next.is_some());
        let apart = store.card(card.customer.id, 10).await.unwrap().unwrap();
        assert_eq!(serde_json::to_string(&apart).unwrap(), serde_json::to_string(&card).unwrap());
    }
    for &phone in &numbers.shared {
        let CardState::Several { candidates } = caller(&store, phone).await else { panic!("two share it") };
        assert_eq!(candidates.len(), 2);
        assert!(candidates.iter().all(|line| line.account.is_some()));
    }
    for &phone in &numbers.unknown[..20] {
        assert!(matches!(caller(&store, phone).await, CardState::Unknown));
    }
    assert_eq!(store.check_integrity().await.unwrap().faults, Vec::<String>::new());
}

async fn a_card_travels_as_it_left_the_database(store: Store) {
    let numbers = city(&store, 60, 12).await;
    for &phone in numbers.known.iter().chain(&numbers.shared) {
        // As many lines as there are, one fewer, and more: the history says rightly whether there is a next page.
        let n_lines = card_of_anybody(&store, phone).await.map_or(1, |card| card.history.total) as u16;
        for limit in [n_lines - 1, n_lines, n_lines + 1, 10] {
            let found = store.look_up(phone, limit).await.unwrap();
            let state = found.card.open().unwrap();
            let sent: serde_json::Value = serde_json::from_str(found.card.json()).unwrap();
            assert_eq!(sent, serde_json::to_value(&state).unwrap(), "nothing more and nothing less than the wire says");
            let CardState::Known { card } = state else { continue };
            assert_eq!(found.customer, Some((card.customer.id, card.customer.name.clone())));
            assert_eq!(found.shown.as_slice(), [card.customer.id]);
            let next = card.history.lines.last().filter(|_| card.history.total > i64::from(limit));
            assert_eq!(
                card.history.next.map(|next| (next.started_at, next.id)),
                next.map(|last| (last.started_at, last.id))
            );
            let opened = store.open_card(card.customer.id, limit).await.unwrap();
            assert_eq!((opened.card.json(), opened.customer), (found.card.json(), found.customer));
        }
    }
    let nobody = store.open_card(CustomerId(999_999), 10).await.unwrap();
    assert!(matches!(nobody.card.open().unwrap(), CardState::Unknown));
}

async fn card_of_anybody(store: &Store, phone: Phone) -> Option<Card> {
    match caller(store, phone).await {
        CardState::Known { card } => Some(*card),
        _ => None,
    }
}

async fn what_an_operator_should_know_of_a_customer_is_on_the_card(store: Store) {
    let customer = make(&store, &sokolova()).await;
    let flags = async || store.card(customer, 1).await.unwrap().unwrap().customer.flags;
    assert_eq!(flags().await, []);
    for (place, flag) in CustomerFlag::ALL.into_iter().enumerate() {
        set_flags(&store, 1 << place).await;
        assert_eq!(flags().await, [flag]);
    }
    set_flags(&store, 63).await;
    assert_eq!(flags().await, CustomerFlag::ALL);
}

async fn set_flags(store: &Store, bits: i64) {
    let sql = match &store.backend {
        crate::store::Backend::Sqlite(_) => "update customer set flags = $1",
        crate::store::Backend::Postgres(_) => "update customer set flags = $1::bigint::int",
    };
    store.commit(crate::store::unit::Unit::default().then(sql, [bits.into()])).await.unwrap();
}

async fn a_city_is_made_once(store: Store) {
    city(&store, 3, 0).await;
    let options = GenerateOptions { customers: 3, seed: 1, history: 1, history_at_least: 0, today: today() };
    let refused = generate::run(&store, options, |_| ()).await;
    assert!(matches!(refused, Err(generate::GenerateError::NotEmpty)), "{refused:?}");
}
