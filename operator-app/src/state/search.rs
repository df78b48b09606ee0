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
    /// The generation that `found` answers.
    answered: u64,
}

/// Fewer letters would find half the city.
pub const SHORTEST_SEARCH: usize = 2;
/// The gateway sends no more lines than this.
pub const MOST_FOUND: usize = 20;

impl Search {
    /// Whether what is shown was found for what is typed. Until then Enter opens nobody: it would open a stranger.
    pub const fn is_answered(&self) -> bool {
        self.answered == self.generation
    }

    pub fn is_too_short(&self) -> bool {
        self.text.trim().chars().count() < SHORTEST_SEARCH
    }

    /// Returns whether the gateway has to be asked.
    pub fn set_text(&mut self, text: String, now: Moment) -> bool {
        if self.text == text && !matches!(self.found, Loading::Failed(_)) {
            return false;
        }
        self.text = text;
        self.generation += 1;
        if self.is_too_short() {
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
            self.answered = generation;
            self.found = match found {
                Ok(lines) => Loading::Ready(lines),
                Err(failure) => Loading::Failed(failure),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(search: &mut Search, text: &str) -> bool {
        search.set_text(text.to_owned(), Moment::at_ms(0))
    }

    #[test]
    fn two_letters_are_asked_for_and_one_is_not() {
        let mut search = Search::default();
        assert!(!typed(&mut search, "С"));
        assert!(typed(&mut search, "Со"));
        assert!(!typed(&mut search, "Со"), "the same text is asked for once");
        assert!(!typed(&mut search, " "));
        assert!(search.found.ready().is_none() && !search.found.is_underway());
    }

    #[test]
    fn what_was_found_for_an_earlier_text_stays_in_sight_but_is_no_answer() {
        let mut search = Search::default();
        typed(&mut search, "Со");
        search.take(search.generation, Ok(vec![]));
        assert!(search.is_answered());
        typed(&mut search, "Сок");
        assert!(search.found.ready().is_some() && !search.is_answered());
        search.take(search.generation - 1, Ok(vec![]));
        assert!(!search.is_answered(), "a late answer is none");
    }

    #[test]
    fn a_search_that_failed_is_asked_for_again_with_the_same_text() {
        let mut search = Search::default();
        typed(&mut search, "Со");
        search.take(search.generation, Err(Failure::Unreachable));
        assert!(typed(&mut search, "Со"));
        assert!(search.found.is_underway());
    }
}
