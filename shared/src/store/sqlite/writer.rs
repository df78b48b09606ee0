//! The one who writes. Whatever waits when a turn begins, up to 256 units, shares one transaction and one fsync;
//! each unit stands in a savepoint of its own, so that one which fails takes nobody with it. Everybody is answered
//! after the COMMIT.

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::{mpsc, oneshot};

use crate::store::unit::{Arg, Step, Unit, UsedKey};
use crate::store::{SaveError, StoreError};

use super::saves::{CLAIM_KEY, READ_KEY};

const LARGEST_GROUP: usize = 256;
/// Units that may wait. Who comes later waits for a place.
const WAITING: usize = 1024;

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
            write_group(&options, &mut connection, group).await;
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
    group: Vec<(Unit, oneshot::Sender<Result<i64, SaveError>>)>,
) {
    let mut outcomes: Vec<Waiting> = Vec::with_capacity(group.len());
    let mut left = group.into_iter();
    let written = async {
        let open = match connection {
            Some(open) => open,
            None => connection.insert(options.connect().await?),
        };
        sqlx::query("begin immediate").execute(&mut *open).await?;
        for (unit, done) in left.by_ref() {
            sqlx::query("savepoint unit").execute(&mut *open).await?;
            let outcome = run_unit(open, unit).await;
            let failed = outcome.is_err();
            outcomes.push((done, outcome));
            if failed {
                sqlx::query("rollback to unit").execute(&mut *open).await?;
            }
            sqlx::query("release unit").execute(&mut *open).await?;
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

async fn run_unit(connection: &mut SqliteConnection, unit: Unit) -> Result<i64, SaveError> {
    if let Some(once) = &unit.once {
        let args = [once.key.as_str().into(), once.body_hash.as_str().into(), unit.result.into(), once.at.into()];
        let claimed = execute(connection, Step { sql: CLAIM_KEY, args: args.into(), needs: None }).await?;
        if claimed == 0 {
            let json: String = sqlx::query_scalar(READ_KEY).bind(&once.key).fetch_one(&mut *connection).await?;
            let used: UsedKey = serde_json::from_str(&json).map_err(StoreError::from)?;
            return if used.body_hash == once.body_hash { Ok(used.result_id) } else { Err(SaveError::KeyReused) };
        }
    }
    for step in unit.steps {
        let needs = step.needs;
        let n_rows = execute(connection, step).await?;
        if let (0, Some(what)) = (n_rows, needs) {
            return Err(SaveError::NotFound { what });
        }
    }
    Ok(unit.result)
}

async fn execute(connection: &mut SqliteConnection, step: Step) -> Result<u64, sqlx::Error> {
    let mut query = sqlx::query(step.sql);
    for arg in step.args {
        query = match arg {
            Arg::Int(value) => query.bind(value),
            Arg::Text(value) => query.bind(value),
        };
    }
    Ok(query.execute(connection).await?.rows_affected())
}
