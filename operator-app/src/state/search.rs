//! Looking for a customer by hand: account, number, or beginnings of names.

use shared::domain::customer::CustomerLine;
use shared::time::Moment;

use super::{Failure, Loading};

#[derive(Clone, Debug, Default)]
pub struct Search {
    pub text: String,
    pub found: Loading<Vec<CustomerLine>>,
    /// Rises with each change of the text, so that a late answer to an earlier one is dropped.
    pub(crate) generation: u64,
}

/// Fewer letters would find half the city.
pub const SHORTEST_SEARCH: usize = 2;

impl Search {
    /// Returns whether the gateway has to be asked.
    pub fn set_text(&mut self, text: String, now: Moment) -> bool {
        if self.text == text && !matches!(self.found, Loading::Failed(_)) {
            return false;
        }
        self.text = text;
        self.generation += 1;
        if self.text.trim().chars().count() < SHORTEST_SEARCH {
            self.found = Loading::Nothing;
            return false;
        }
        // What was found before stays on the screen until the answer is here.
        if self.found.ready().is_none() {
            self.found = Loading::Underway { since: now };
        }
        true
    }

    pub fn take(&mut self, generation: u64, found: Result<Vec<CustomerLine>, Failure>) {
        if generation == self.generation {
            self.found = match found {
                Ok(lines) => Loading::Ready(lines),
                Err(failure) => Loading::Failed(failure),
            };
        }
    }
}
