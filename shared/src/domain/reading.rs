//! Judges a meter reading before it is saved. The desktop asks while the operator types, the gateway asks again.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::account::{Meter, ZoneValues};

/// The rules with their numbers, as data of the catalogue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReadingRules {
    /// Days of the month, both inclusive, in which readings count for this month.
    pub window_from_day: u8,
    pub window_to_day: u8,
    /// Above this many times the mean of twelve months the operator confirms.
    pub soft_factor: f64,
    /// Below this consumption a day no jump is suspicious, kilowatt-hours.
    pub soft_min_kwh_per_day: f64,
}

impl Default for ReadingRules {
    fn default() -> Self {
        Self { window_from_day: 15, window_to_day: 26, soft_factor: 3.0, soft_min_kwh_per_day: 10.0 }
    }
}

/// What is known of the meter and the account when a reading is judged.
#[derive(Clone, Debug)]
pub struct ReadingContext<'a> {
    pub meter: &'a Meter,
    /// The latest reading before this one, if any.
    pub previous: Option<(NaiveDate, &'a ZoneValues)>,
    /// Mean consumption a day over the last twelve months, kilowatt-hours.
    pub mean_kwh_per_day: f64,
    /// Whether a reading was already given in this period.
    pub given_this_period: bool,
    pub today: NaiveDate,
}
