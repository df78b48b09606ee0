//! The figures of the day, by queue, for the supervisor's screen.

use std::collections::HashMap;

use shared::domain::call::{CallEnding, CallRecord};
use shared::domain::queue::QueueCode;
use shared::time::UtcMs;

use crate::config::Config;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueDay {
    pub arrived: u32,
    pub answered: u32,
    pub answered_in_time: u32,
    pub abandoned: u32,
    /// Talk and wrap-up of the calls that are written up.
    pub handled_ms: i64,
    pub handled: u32,
}

#[derive(Debug)]
pub struct Counters {
    pub counted_from: UtcMs,
    in_time_ms: HashMap<QueueCode, i64>,
    days: HashMap<QueueCode, QueueDay>,
}

impl Counters {
    pub fn new(config: &Config, now: UtcMs) -> Self {
        let mut counters = Self { counted_from: now, in_time_ms: HashMap::new(), days: HashMap::new() };
        counters.set_limits(config);
        counters
    }

    /// How soon a call has to be answered to be in time.
    pub fn set_limits(&mut self, config: &Config) {
        self.in_time_ms = config.queues.iter().map(|q| (q.code.clone(), i64::from(q.service_level_s) * 1000)).collect();
    }

    pub fn of(&self, queue: &QueueCode) -> QueueDay {
        self.days.get(queue).copied().unwrap_or_default()
    }

    pub fn arrived(&mut self, queue: &QueueCode) {
        self.day(queue).arrived += 1;
    }

    pub fn ended(&mut self, record: &CallRecord) {
        let in_time_ms = self.in_time_ms.get(&record.queue).copied().unwrap_or_default();
        let day = self.day(&record.queue);
        if let Some(answered_at) = record.answered_at {
            day.answered += 1;
            day.answered_in_time += u32::from(answered_at.ms_since(record.arrived_at) <= in_time_ms);
        } else if record.ending == CallEnding::Abandoned {
            day.abandoned += 1;
        }
    }

    pub fn handled(&mut self, queue: &QueueCode, ms: i64) {
        let day = self.day(queue);
        day.handled += 1;
        day.handled_ms += ms.max(0);
    }

    fn day(&mut self, queue: &QueueCode) -> &mut QueueDay {
        self.days.entry(queue.clone()).or_default()
    }
}
