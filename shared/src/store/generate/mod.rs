//! The demo city: customers with everything a call is usually about, at any size, the same for the same seed.
//!
//! [`run`] makes one customer after the other ([`customer`]) on a thread of its own and hands their rows to the database
//! ([`load`]) in batches, so memory stays flat whether there are a hundred customers or six million.

mod chance;
mod customer;
mod load;
mod people;
mod rows;
mod talk;

use chrono::NaiveDate;

use tokio::sync::mpsc;

use crate::phone::Phone;

use super::{Lane, Store, StoreError};

pub(super) use rows::{Form, N_TABLES};

use rows::Rows;

/// Rows that are handed over together.
const BATCH_ROWS: u64 = 20_000;
/// Batches that are made ahead of the database.
const BATCHES_AHEAD: usize = 2;
/// How many numbers of each kind are told at most.
const TOLD_NUMBERS: u32 = 2_000;
/// Every so many customers one has the number of the one before.
const SHARING: u32 = 50;

/// What the city should be like.
#[derive(Clone, Copy, Debug)]
pub struct GenerateOptions {
    pub customers: u32,
    pub seed: u64,
    /// Interactions a customer, in the mean.
    pub history: u32,
    /// Interactions that everybody has at least.
    pub history_at_least: u32,
    /// The day on which it is generated; everything happened before.
    pub today: NaiveDate,
}

/// What is being done; each stage counts things of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Customers are handed to the database.
    Customers,
    /// Keys and indexes are made of the rows.
    Indexes,
    /// The city is there; the database looks through it.
    Statistics,
    Done,
}

/// How far it is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    pub stage: Stage,
    pub done: u32,
    pub total: u32,
    /// Rows that were handed to the database.
    pub rows: u64,
}

/// Numbers to call from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoNumbers {
    /// Numbers of exactly one customer each.
    pub known: Vec<Phone>,
    /// Numbers that two customers share.
    pub shared: Vec<Phone>,
    /// Valid numbers that nobody has.
    pub unknown: Vec<Phone>,
}

#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    #[error("there are customers in this base already: a demo city needs an empty one")]
    NotEmpty,
    #[error("a city was being made in this base and broke off: take an empty one, and remove this")]
    BrokeOff,
    #[error("between 1 and 10,000,000 customers can be made, not {asked}")]
    Size { asked: u32 },
    #[error("the rows were not written")]
    Store(#[from] StoreError),
}

/// Fills an empty customer base.
///
/// # Errors
/// When the base is not empty or does not take the rows.
pub async fn run(
    store: &Store,
    options: GenerateOptions,
    mut progress: impl FnMut(Progress),
) -> Result<DemoNumbers, GenerateError> {
    if !(1..=10_000_000).contains(&options.customers) {
        return Err(GenerateError::Size { asked: options.customers });
    }
    if store.load_broke_off().await? {
        return Err(GenerateError::BrokeOff);
    }
    if store.has_customers().await? {
        return Err(GenerateError::NotEmpty);
    }
    let mut load = store.begin_load().await?;
    let total = options.customers;
    let mut rows = 0;
    progress(Progress { stage: Stage::Customers, done: 0, total, rows });
    let mut made = make(options, store.form());
    while let Some(batch) = made.recv().await {
        load.write(batch.texts).await?;
        rows += batch.n_rows;
        progress(Progress { stage: Stage::Customers, done: batch.n_customers, total, rows });
    }
    load.rebuild(|done, total| progress(Progress { stage: Stage::Indexes, done, total, rows })).await?;
    load.finish().await?;
    progress(Progress { stage: Stage::Statistics, done: 0, total: 1, rows });
    store.gather_statistics().await?;
    progress(Progress { stage: Stage::Done, done: total, total, rows });
    Ok(demo_numbers(&options))
}

/// Begins a load, writes its rows, and ends as a program that is killed would.
#[cfg(test)]
pub(super) async fn begin_and_break_off(store: &Store, options: GenerateOptions) -> Result<(), GenerateError> {
    let mut load = store.begin_load().await?;
    let mut made = make(options, store.form());
    while let Some(batch) = made.recv().await {
        load.write(batch.texts).await?;
    }
    Ok(())
}

/// Rows of all tables, on their way.
struct Batch {
    texts: [String; N_TABLES],
    n_rows: u64,
    /// Customers that are whole with this batch.
    n_customers: u32,
}

/// Makes the city on a thread of its own, a little ahead of the database.
fn make(options: GenerateOptions, form: Form) -> mpsc::Receiver<Batch> {
    let (batches, made) = mpsc::channel(BATCHES_AHEAD);
    tokio::task::spawn_blocking(move || {
        let mut rows = Rows::new(form);
        for index in 0..options.customers {
            customer::make(&options, index, &mut rows);
            let n_customers = index + 1;
            if rows.len() >= BATCH_ROWS || n_customers == options.customers {
                let n_rows = rows.len();
                let batch = Batch { texts: rows.take(), n_rows, n_customers };
                // Nobody takes them any more: the load has ended with an error of its own.
                if batches.blocking_send(batch).is_err() {
                    return;
                }
            }
        }
    });
    made
}

/// The numbers of a city, worked out again from what it was made of.
pub fn demo_numbers(options: &GenerateOptions) -> DemoNumbers {
    let customers = 0..options.customers;
    let shares = |index: u32| index % SHARING == SHARING - 1;
    let shared = customers.clone().filter(|index| shares(*index)).map(|index| customer::phone(options.seed, index - 1));
    let known = customers.filter(|index| !shares(*index) && !shares(*index + 1));
    DemoNumbers {
        known: known.take(TOLD_NUMBERS as usize).map(|index| customer::phone(options.seed, index)).collect(),
        shared: shared.take(TOLD_NUMBERS as usize).collect(),
        unknown: (0..TOLD_NUMBERS).map(|index| customer::nobodys_phone(options.seed, index)).collect(),
    }
}

impl Store {
    async fn has_customers(&self) -> Result<bool, StoreError> {
        Ok(self.fetch::<i64>(Lane::Records, self.sql().any_customer, []).await?.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn city(customers: u32, seed: u64) -> [String; N_TABLES] {
        let today = NaiveDate::from_ymd_opt(2026, 11, 23).unwrap();
        let options = GenerateOptions { customers, seed, history: 12, history_at_least: 3, today };
        let mut rows = Rows::new(Form::Json);
        (0..customers).for_each(|index| customer::make(&options, index, &mut rows));
        rows.take()
    }

    #[test]
    fn the_same_seed_makes_the_same_city() {
        assert_eq!(city(60, 7), city(60, 7));
        assert_ne!(city(60, 7), city(60, 8));
    }

    #[test]
    fn a_larger_city_begins_with_the_smaller_one() {
        let (small, large) = (city(20, 7), city(60, 7));
        for (small, large) in small.iter().zip(&large) {
            assert!(large.starts_with(small.trim_end_matches(']')));
        }
    }

    #[test]
    fn every_number_of_the_city_can_be_dialled() {
        let today = NaiveDate::from_ymd_opt(2026, 11, 23).unwrap();
        let options = GenerateOptions { customers: 3_000, seed: 3, history: 1, history_at_least: 0, today };
        let numbers = demo_numbers(&options);
        assert_eq!(numbers.shared.len(), 60);
        let mut seen = std::collections::HashSet::new();
        for phone in numbers.known.iter().chain(&numbers.shared).chain(&numbers.unknown) {
            assert_eq!(Phone::parse(&phone.digits()), Some(*phone));
            assert!(seen.insert(*phone), "{phone:?} is told twice");
        }
        for index in 0..3_000 {
            let home = customer::home_phone(3, index);
            assert_eq!(Phone::parse(&home.digits()), Some(home));
        }
    }
}
