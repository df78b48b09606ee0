//! What the people who run the service want to see: is it alive, may it get calls, how is it doing.
//!
//! `/healthz` answers as long as the process does. `/readyz` says 503 while the gateway starts and while it ends, so
//! that no calls are sent to it then. A database that is away, a ledger that is stuck or a lost trunk do *not* make
//! it unready: calls are still taken, and the answer names each fault in words beside its `200`.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use serde::Serialize;
use shared::wire::event::Fault;

/// The state of the service. Cheap to clone; all clones are one.
#[derive(Clone, Default)]
pub struct Health {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    phase: Phase,
    faults: BTreeSet<Fault>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    #[default]
    Starting,
    Ready,
    Ending,
}

/// The body of `/readyz`.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub struct Readiness {
    pub phase: Phase,
    pub faults: Vec<FaultInWords>,
}

#[derive(Debug, Serialize, PartialEq, Eq)]
pub struct FaultInWords {
    pub code: Fault,
    pub text: &'static str,
}

impl Health {
    pub fn enter(&self, phase: Phase) {
        self.state().phase = phase;
    }

    pub fn phase(&self) -> Phase {
        self.state().phase
    }

    /// Notes that a fault is there, or is gone.
    pub fn set(&self, fault: Fault, is_there: bool) {
        let mut state = self.state();
        if is_there {
            state.faults.insert(fault);
        } else {
            state.faults.remove(&fault);
        }
    }

    /// Takes over what the switchboard knows to be wrong.
    pub fn set_all(&self, faults: &[Fault]) {
        let mut state = self.state();
        if !state.faults.iter().eq(faults) {
            state.faults = faults.iter().copied().collect();
        }
    }

    pub fn readiness(&self) -> Readiness {
        let state = self.state();
        let faults = state.faults.iter().map(|fault| FaultInWords { code: *fault, text: in_words(*fault) }).collect();
        Readiness { phase: state.phase, faults }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const fn in_words(fault: Fault) -> &'static str {
    match fault {
        Fault::ClockJumped => {
            "the machine's clock was moved: times go on by the old one and approach the new one by a sixteenth; restart the gateway in a quiet hour to take it at once"
        }
        Fault::TollLimit => {
            "a limit of the dial plan was reached within the last hour; the log says by whom and which one"
        }
        Fault::DatabaseAway => "the database is away: calls are taken, cards are missing and saves wait",
        Fault::LedgerStuck => "the ledger cannot be written: what happens is kept in memory; make room on the disk",
        Fault::Overloaded => "more calls than can be taken in time: some callers hear 503 with Retry-After",
        Fault::DescriptorsOut => {
            "the system gives no more descriptors: new calls hear 503 with Retry-After, talks go on; raise the limit of open files"
        }
        Fault::TrunkLost => "no trunk answers: nobody can call in",
    }
}

/// Makes this process count. Call once, before the first counter.
///
/// # Errors
/// When something counts already.
pub fn install_metrics() -> Result<PrometheusHandle, BuildError> {
    with_buckets()?.install_recorder()
}

/// Times that a person can feel have buckets around the frame (16.7 ms) and around patience (seconds).
fn with_buckets() -> Result<PrometheusBuilder, BuildError> {
    let ms = [0.5, 1.0, 2.0, 4.0, 8.0, 16.7, 33.0, 66.0, 130.0, 260.0, 520.0, 1000.0, 5000.0];
    PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_ms".to_owned()), &ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_is_away_is_said_and_does_not_stop_the_calls() {
        let health = Health::default();
        assert_eq!(health.readiness().phase, Phase::Starting);
        health.enter(Phase::Ready);
        health.set(Fault::DatabaseAway, true);
        let readiness = health.readiness();
        assert_eq!(readiness.phase, Phase::Ready);
        assert_eq!(readiness.faults.iter().map(|fault| fault.code).collect::<Vec<_>>(), [Fault::DatabaseAway]);
        health.set(Fault::DatabaseAway, false);
        assert!(health.readiness().faults.is_empty());
    }
}
