//! Reading a history, page by page and by its words.

use super::*;
use crate::domain::interaction::{Channel, Direction};
use crate::wire::command::ManualEntry;
use crate::wire::http::HistoryQuery;

promised! {
    paging_through_a_history_skips_and_repeats_nothing,
    a_contact_during_paging_moves_no_page,
    words_are_found_over_the_whole_history,
}

fn entry(customer: CustomerId, started_at: UtcMs, channel: Channel, summary: &str) -> ManualEntry {
    ManualEntry {
        customer,
        account: None,
        channel,
        direction: Direction::Inbound,
        started_at,
        topic: None,
        result: None,
        summary: summary.into(),
    }
}

async fn write(store: &Store, entry: ManualEntry) {
    store.save_interaction(key(), &anna(), &entry, NOW).await.unwrap();
}

/// Fifty contacts in seven moments: many share theirs.
async fn fifty(store: &Store) -> CustomerId {
    let customer = make(store, &sokolova()).await;
    for nth in 0..50_i64 {
        let channel = if nth % 5 == 0 { Channel::Letter } else { Channel::Visit };
        let summary = format!("Проверка прибора № {nth}");
        write(store, entry(customer, UtcMs(NOW.0 + nth % 7), channel, &summary)).await;
    }
    customer
}

async fn paging_through_a_history_skips_and_repeats_nothing(store: Store) {
    let customer = fifty(&store).await;
    let mut query = HistoryQuery { limit: Some(7), ..HistoryQuery::default() };
    let mut seen = Vec::new();
    loop {
        let page = store.history(customer, &query).await.unwrap();
        assert_eq!(page.total, 50);
        seen.extend(page.lines.iter().map(|line| (line.started_at, line.id)));
        let Some(next) = page.next else { break };
        (query.before_at, query.before_id) = (Some(next.started_at), Some(next.id));
    }
    assert_eq!(seen.len(), 50);
    assert!(seen.windows(2).all(|pair| pair[0] > pair[1]), "newest first, each once");
}

async fn a_contact_during_paging_moves_no_page(store: Store) {
    let customer = fifty(&store).await;
    let first = store.history(customer, &HistoryQuery { limit: Some(10), ..HistoryQuery::default() }).await.unwrap();
    let next = first.next.unwrap();
    let query = HistoryQuery {
        before_at: Some(next.started_at),
        before_id: Some(next.id),
        limit: Some(10),
        ..HistoryQuery::default()
    };
    let before = store.history(customer, &query).await.unwrap();
    write(&store, entry(customer, UtcMs(NOW.0 + 60_000), Channel::Meeting, "Приходил сам")).await;
    assert_eq!(store.history(customer, &query).await.unwrap().lines, before.lines);
}

async fn words_are_found_over_the_whole_history(store: Store) {
    let customer = fifty(&store).await;
    write(&store, entry(customer, UtcMs(NOW.0 - 999_999), Channel::Letter, "Жалоба: тёмный подъезд, нет счёта")).await;
    let found = async |q: &str, channel| {
        let query = HistoryQuery { q: Some(q.into()), channel, limit: Some(3), ..HistoryQuery::default() };
        store.history(customer, &query).await.unwrap().total
    };
    assert_eq!(found("подъезд темн", None).await, 1);
    assert_eq!(found("gjl]tpl", None).await, 1, "typed on an English layout");
    assert_eq!(found("ghjdthrf", None).await, 50, "typed on an English layout");
    assert_eq!(found("ъезд", None).await, 0, "words are found by their beginnings");
    assert_eq!(found("прибора", Some(Channel::Letter)).await, 10);
    assert_eq!(found("", Some(Channel::Letter)).await, 11);
    assert_eq!(found("%", None).await, 51, "a sign that is no word asks for nothing");
}
