//! The end of the service as a scene of its own: asked for politely, each task ends by itself and is waited for.
//!
//! [`Tasks`] knows every task by name. The first SIGTERM or SIGINT asks the switchboard to finish its conversations
//! ([`Tasks::ending`]); when it has, the doors are closed ([`Tasks::token`]). A second signal ends the process at once. A vital task that ends before it was asked takes the service down with it, because
//! a gateway without its loop or its sockets only looks alive.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The status of a process that was told twice.
pub const ENDED_AT_ONCE: i32 = 130;

/// Every task of the service. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Tasks {
    token: CancellationToken,
    ending: CancellationToken,
    tracker: TaskTracker,
    handle: Handle,
    running: Arc<Running>,
}

#[derive(Default)]
struct Running {
    next: AtomicU64,
    names: Mutex<BTreeMap<u64, &'static str>>,
    failed: AtomicBool,
}

impl Tasks {
    /// Tasks of the runtime that this is called in.
    pub fn new() -> Self {
        let token = CancellationToken::new();
        Self {
            ending: token.child_token(),
            token,
            tracker: TaskTracker::new(),
            handle: Handle::current(),
            running: Arc::default(),
        }
    }

    /// The same tasks, those started from here on being of the runtime that this is called in.
    pub fn here(&self) -> Self {
        Self { handle: Handle::current(), ..self.clone() }
    }

    /// What the switchboard watches: cancelled when the service is asked to end and no new call is to begin.
    pub fn ending(&self) -> &CancellationToken {
        &self.ending
    }

    /// What the doors watch: cancelled when the last conversation is over.
    pub fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// Starts a task that may end whenever it is done, for example a connection's.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let guard = self.enter(name);
        self.tracker.spawn_on(
            async move {
                task.await;
                drop(guard);
            },
            &self.handle,
        );
    }

    /// Starts a task without which the service is none.
    pub fn spawn_vital(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let vital = Vital { name, tasks: self.clone() };
        self.spawn(name, async move {
            task.await;
            drop(vital);
        });
    }

    /// Asks for the end on the first SIGTERM or SIGINT, and ends the process on the second.
    ///
    /// # Errors
    /// When the system does not let us listen to signals.
    pub fn listen_to_signals(&self) -> std::io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let ending = self.ending.clone();
        // Not one of the tracked tasks: it waits for a second signal while those are waited for.
        self.handle.spawn(async move {
            let name = first_of(&mut terminate, &mut interrupt).await;
            tracing::info!(
                signal = name,
                "asked to end; conversations are finished first, a second signal ends at once"
            );
            ending.cancel();
            let name = first_of(&mut terminate, &mut interrupt).await;
            tracing::warn!(signal = name, "asked again; ending at once");
            std::process::exit(ENDED_AT_ONCE);
        });
        Ok(())
    }

    /// Whether a vital task ended that should not have.
    pub fn have_failed(&self) -> bool {
        self.running.failed.load(Ordering::Relaxed)
    }

    /// Waits for every task after the token was cancelled. Gives the names of those that did not end in time.
    pub async fn wait(&self, patience: Duration) -> Vec<&'static str> {
        self.tracker.close();
        match tokio::time::timeout(patience, self.tracker.wait()).await {
            Ok(()) => Vec::new(),
            Err(_) => self.names().values().copied().collect(),
        }
    }

    fn enter(&self, name: &'static str) -> Entered {
        let number = self.running.next.fetch_add(1, Ordering::Relaxed);
        self.names().insert(number, name);
        Entered { number, running: Arc::clone(&self.running) }
    }

    fn names(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, &'static str>> {
        self.running.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Tasks {
    fn default() -> Self {
        Self::new()
    }
}

/// Takes the task's name off the list when the task ends, also by a panic.
struct Entered {
    number: u64,
    running: Arc<Running>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.running.names.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

/// Dropped when the vital task ends, also by a panic.
struct Vital {
    name: &'static str,
    tasks: Tasks,
}

impl Drop for Vital {
    fn drop(&mut self) {
        if !self.tasks.token.is_cancelled() {
            tracing::error!(task = self.name, "a vital task has ended; the service ends with it");
            self.tasks.running.failed.store(true, Ordering::Relaxed);
            self.tasks.token.cancel();
        }
    }
}

async fn first_of(
    terminate: &mut tokio::signal::unix::Signal,
    interrupt: &mut tokio::signal::unix::Signal,
) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_task_is_waited_for_after_it_was_asked_to_end() {
        let tasks = Tasks::new();
        let token = tasks.token().clone();
        tasks.spawn("polite", async move { token.cancelled().await });
        tasks.token().cancel();
        assert!(tasks.wait(Duration::from_secs(5)).await.is_empty());
    }

    #[tokio::test]
    async fn a_task_that_does_not_end_is_named() {
        let tasks = Tasks::new();
        tasks.spawn("stubborn", std::future::pending());
        tasks.token().cancel();
        assert_eq!(tasks.wait(Duration::from_millis(20)).await, ["stubborn"]);
    }

    #[tokio::test]
    async fn a_vital_task_that_dies_takes_the_service_down() {
        let tasks = Tasks::new();
        tasks.spawn_vital("loop", async {});
        tasks.token().cancelled().await;
        assert!(tasks.have_failed());
    }

    #[tokio::test]
    async fn a_service_that_was_asked_to_end_has_not_failed() {
        let tasks = Tasks::new();
        let token = tasks.token().clone();
        tasks.spawn_vital("loop", async move { token.cancelled().await });
        tasks.token().cancel();
        tasks.wait(Duration::from_secs(5)).await;
        assert!(!tasks.have_failed());
    }
}
