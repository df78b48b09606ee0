//! The one who writes. Whatever waits when a turn begins, up to 256 units, shares one transaction and one fsync;
//! each unit stands in a savepoint of its own, so that one which fails takes nobody with it. Everybody is answered
//! after the COMMIT.
//!
//! Each statement that is handed to a connection costs two changes of threads, which is more than most of them take
//! to run. So the statements of a unit travel as one text ([`Scripts`]), and the answers come back together.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::TryStreamExt;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Either, Executor};
use tokio::sync::{mpsc, oneshot};

use crate::store::unit::{Arg, Unit, UsedKey};
use crate::store::{SaveError, StoreError};

use super::saves::{CLAIM_KEY, READ_KEY};

const LARGEST_GROUP: usize = 256;
/// Units that may wait. Who comes later waits for a place.
const WAITING: usize = 1024;
/// What stands before the first unit of a group, and before each further one. Both are two statements.
const FIRST: &str = "begin immediate; savepoint unit";
const NEXT: &str = "release unit; savepoint unit";
const N_OPENING: usize = 2;

#[derive(Clone)]
pub(super) struct Writer {
    units: mpsc::Sender<Order>,
}

enum Order {
    Write { unit: Unit, done: oneshot::Sender<Result<i64, SaveError>> },
    Close { done: oneshot::Sender<()> },
}

type Waiting = (oneshot::Sender<Result<i64, SaveError>>, Result<i64, SaveError>);

impl Writer {
    /// Opens the file and starts the task; it ends when the last handle is gone or the store is closed.
    pub async fn start(options: SqliteConnectOptions) -> Result<Self, sqlx::Error> {
        let connection = options.connect().await?;
        let (units, orders) = mpsc::channel(WAITING);
        tokio::spawn(run(options, Some(connection), orders));
        Ok(Self { units })
    }

    pub async fn commit(&self, unit: Unit) -> Result<i64, SaveError> {
        let (done, answer) = oneshot::channel();
        self.units.send(Order::Write { unit, done }).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.units.send(Order::Close { done }).await.is_ok() {
            // An error means that the task has ended, which is what was asked for.
            let _ = closed.await;
        }
    }
}

async fn run(
    options: SqliteConnectOptions,
    mut connection: Option<SqliteConnection>,
    mut orders: mpsc::Receiver<Order>,
) {
    let mut waiting = Vec::with_capacity(LARGEST_GROUP);
    let mut scripts = Scripts::default();
    while orders.recv_many(&mut waiting, LARGEST_GROUP).await > 0 {
        let mut closing = None;
        let mut group = Vec::with_capacity(waiting.len());
        for order in waiting.drain(..) {
            match order {
                Order::Write { unit, done } => group.push((unit, done)),
                Order::Close { done } => closing = Some(done),
            }
        }
        if !group.is_empty() {
            write_group(&options, &mut connection, &mut scripts, group).await;
        }
        if let Some(done) = closing {
            if let Some(open) = connection.take()
                && let Err(error) = open.close().await
            {
                tracing::warn!(%error, "the customer base did not close cleanly");
            }
            // Nobody may be listening any more; that is no fault.
            let _ = done.send(());
            return;
        }
    }
}

/// Writes a group and answers everybody in it.
async fn write_group(
    options: &SqliteConnectOptions,
    connection: &mut Option<SqliteConnection>,
    scripts: &mut Scripts,
    group: Vec<(Unit, oneshot::Sender<Result<i64, SaveError>>)>,
) {
    let mut outcomes: Vec<Waiting> = Vec::with_capacity(group.len());
    let mut left = group.into_iter();
    let written = async {
        let open = match connection {
            Some(open) => open,
            None => connection.insert(options.connect().await?),
        };
        for (index, (unit, done)) in left.by_ref().enumerate() {
            let opening = if index == 0 { FIRST } else { NEXT };
            match run_unit(open, scripts, opening, unit).await {
                Ok(outcome) => outcomes.push((done, outcome)),
                Err(error) => {
                    // Answered with all the others.
                    outcomes.push((done, Ok(0)));
                    return Err(error);
                }
            }
        }
        sqlx::query("commit").execute(&mut *open).await?;
        Ok::<_, sqlx::Error>(())
    }
    .await;

    let Err(error) = written else {
        for (done, outcome) in outcomes {
            let _ = done.send(outcome);
        }
        return;
    };
    // The transaction is gone and nobody in the group is saved: a full disk, for example, rolls back all of it.
    let full = outcomes.iter().any(|(_, outcome)| matches!(outcome, Err(SaveError::Store(StoreError::Full))));
    let in_words = error.to_string();
    tracing::error!(error = in_words, units = outcomes.len() + left.len(), "the customer base did not take a group");
    *connection = None;
    let why = StoreError::from(error);
    let everybody = outcomes.into_iter().map(|(done, _)| done).chain(left.map(|(_, done)| done));
    for done in everybody {
        let source = sqlx::Error::Protocol(in_words.clone());
        let answer = match &why {
            _ if full => StoreError::Full,
            StoreError::Full => StoreError::Full,
            StoreError::Passing { .. } => StoreError::Passing { source },
            _ => StoreError::Away { source },
        };
        let _ = done.send(Err(answer.into()));
    }
}

/// Runs one unit in its savepoint. The error inside is the unit's own and takes nobody with it; the one outside is
/// the whole group's.
async fn run_unit(
    connection: &mut SqliteConnection,
    scripts: &mut Scripts,
    opening: &'static str,
    unit: Unit,
) -> Result<Result<i64, SaveError>, sqlx::Error> {
    let mut statements = vec![opening];
    let mut args = Vec::new();
    if let Some(once) = &unit.once {
        statements.push(CLAIM_KEY);
        args.push(vec![once.key.as_str().into(), once.body_hash.as_str().into(), unit.result.into(), once.at.into()]);
    }
    let mut needs = Vec::with_capacity(unit.steps.len());
    for step in unit.steps {
        statements.push(step.sql);
        args.push(step.args);
        needs.push(step.needs);
    }
    let ran = run_script(connection, scripts.of(&statements, &args), args).await;
    let Some(n_rows) = ran.n_rows.get(N_OPENING..) else {
        return Err(ran.error.unwrap_or_else(|| sqlx::Error::Protocol("a unit was not opened".into())));
    };
    let (claimed, n_rows) = match (&unit.once, n_rows) {
        (Some(_), [claimed, rest @ ..]) => (*claimed > 0, rest),
        (Some(_) | None, rest) => (true, rest),
    };
    let missing = n_rows.iter().zip(&needs).find_map(|(n_rows, needs)| needs.filter(|_| *n_rows == 0));
    if claimed && ran.error.is_none() && missing.is_none() {
        return Ok(Ok(unit.result));
    }
    if let Err(lost) = sqlx::query("rollback to unit").execute(&mut *connection).await {
        // A full disk, for example, has taken the whole transaction away, and is the reason to tell.
        return Err(ran.error.unwrap_or(lost));
    }
    let failure = match (ran.error, missing) {
        // The key was used before, so whatever came after it counts for nothing.
        _ if !claimed => None,
        // What is missing came before what may have failed for its want.
        (_, Some(what)) => Some(SaveError::NotFound { what }),
        (error, None) => error.map(SaveError::from),
    };
    match (failure, &unit.once) {
        (None, Some(once)) => {
            let json: String = sqlx::query_scalar(READ_KEY).bind(&once.key).fetch_one(&mut *connection).await?;
            Ok(match serde_json::from_str::<UsedKey>(&json) {
                Ok(used) if used.body_hash == once.body_hash => Ok(used.result_id),
                Ok(_) => Err(SaveError::KeyReused),
                Err(error) => Err(StoreError::from(error).into()),
            })
        }
        (Some(failure), _) => Ok(Err(failure)),
        (None, None) => Ok(Ok(unit.result)),
    }
}

/// How far a script came: the rows that each statement changed, and what stopped it.
struct Ran {
    n_rows: Vec<u64>,
    error: Option<sqlx::Error>,
}

async fn run_script(connection: &mut SqliteConnection, sql: Arc<str>, args: Vec<Vec<Arg>>) -> Ran {
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for arg in args.into_iter().flatten() {
        query = match arg {
            Arg::Int(value) => query.bind(value),
            Arg::Text(value) => query.bind(value),
        };
    }
    let mut n_rows = Vec::new();
    let mut answers = connection.fetch_many(query);
    let error = loop {
        match answers.try_next().await {
            Ok(Some(Either::Left(done))) => n_rows.push(done.rows_affected()),
            Ok(Some(Either::Right(_))) => {}
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    Ran { n_rows, error }
}

/// Several statements as one text, their parameters numbered through. There are as many texts as kinds of units, so
/// each is made once, and the connection keeps it prepared.
#[derive(Default)]
struct Scripts {
    /// By the addresses of the statements, which are all constants.
    made: HashMap<Vec<usize>, Arc<str>>,
}

impl Scripts {
    /// The first statement takes no parameters; the others take those of `args`.
    fn of(&mut self, statements: &[&'static str], args: &[Vec<Arg>]) -> Arc<str> {
        let key = statements.iter().map(|sql| sql.as_ptr().addr()).collect();
        let made = self.made.entry(key).or_insert_with(|| {
            let mut text = statements[0].to_owned();
            let mut before = 0;
            for (sql, args) in statements[1..].iter().zip(args) {
                text.push(';');
                push_renumbered(&mut text, sql, before);
                before += args.len();
            }
            text.into()
        });
        Arc::clone(made)
    }
}

/// Appends a statement with every `$n` as `$(n + by)`. What stands between quotes is left alone.
fn push_renumbered(text: &mut String, sql: &str, by: usize) {
    let mut quoted = false;
    let mut rest = sql;
    while let Some(at) = rest.find(['$', '\'']) {
        let (before, from) = rest.split_at(at);
        text.push_str(before);
        let n_digits = from[1..].bytes().take_while(u8::is_ascii_digit).count();
        match from[1..=n_digits].parse::<usize>() {
            Ok(number) if !quoted && from.starts_with('$') => text.push_str(&format!("${}", number + by)),
            _ => {
                quoted ^= from.starts_with('\'');
                text.push_str(&from[..=n_digits]);
            }
        }
        rest = &from[1 + n_digits..];
    }
    text.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameters_of_a_script_are_numbered_through() {
        let statements = [FIRST, "insert into a values ($1, $2)", "update b set c = '$1 it''s' || $1 where d = $12"];
        let args = [vec![1.into(), 2.into()], vec![]];
        assert_eq!(
            &*Scripts::default().of(&statements, &args),
            "begin immediate; savepoint unit;insert into a values ($1, $2);\
             update b set c = '$1 it''s' || $3 where d = $14"
        );
    }

    #[test]
    fn every_unit_is_opened_by_the_same_number_of_statements() {
        for opening in [FIRST, NEXT] {
            assert_eq!(opening.split(';').count(), N_OPENING);
        }
    }
}
