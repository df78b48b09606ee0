//! Whether the loop keeps up, and what is said when it does not.
//!
//! [`Overload`] decides; the stack then refuses new calls of trunks. The fault is shown for a while after the last
//! refusal, so that it does not flutter on every screen.

use std::time::Duration;

use shared::time::Moment;
use shared::wire::event::Fault;

use super::event::Event;
use super::world::World;
use crate::sip::overload::Overload;

/// So long the fault is shown after the loop has caught up.
const SHOWN_AFTERWARDS: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub struct Load {
    overload: Overload,
    /// When the fault is taken away; `None` while it is not shown.
    shown_until: Option<Moment>,
    oldest: Duration,
}

impl Load {
    /// An event's turn has come, and `waiting` others still wait.
    pub fn observe(&mut self, event: &Event, waiting: usize, world: &mut World) {
        let Event::Sip { arrived, .. } = event else { return };
        let age = arrived.elapsed();
        self.oldest = self.oldest.max(age);
        if let Some(refuses) = self.overload.observe(age, waiting) {
            self.tell(refuses, world);
        }
    }

    /// The turn is over.
    pub fn turn_over(&mut self, waiting: usize, now: Moment, world: &mut World) {
        if let Some(refuses) = (waiting == 0).then(|| self.overload.idle()).flatten() {
            self.tell(refuses, world);
        }
        let oldest = std::mem::take(&mut self.oldest);
        if !oldest.is_zero() {
            metrics::histogram!("loop_behind_ms").record(oldest.as_secs_f64() * 1000.0);
        }
        if self.overload.refuses() {
            if self.shown_until.is_none() {
                tracing::warn!(
                    behind_ms = oldest.as_millis() as u64,
                    waiting,
                    "new calls are refused: the loop is behind"
                );
                world.set_fault(Fault::Overloaded, true);
            }
            self.shown_until = Some(now.after(SHOWN_AFTERWARDS));
        } else if self.shown_until.is_some_and(|until| until.is_due(now)) {
            tracing::info!("all new calls are taken again");
            world.set_fault(Fault::Overloaded, false);
            self.shown_until = None;
        }
    }

    pub const fn next_deadline(&self) -> Option<Moment> {
        self.shown_until
    }

    fn tell(&self, refuses: bool, world: &mut World) {
        metrics::counter!("overloads_total").increment(u64::from(refuses));
        world.stack().set_overloaded(refuses);
    }
}
