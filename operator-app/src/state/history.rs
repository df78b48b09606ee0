//! A customer's history as the list shows it: the first page comes with the card, the rest is paged in.

use shared::domain::interaction::{Channel, HistoryCursor, HistoryPage, Interaction};
use shared::ids::InteractionId;
use shared::time::Moment;

use super::Failure;

/// Lines newest first, as many as have been read; selection and scrolling go by id.
#[derive(Clone, Debug, Default)]
pub struct History {
    pub filter: HistoryFilter,
    pub lines: Vec<Interaction>,
    /// How many there are in all that match the filter.
    pub total: i64,
    /// Where the next page begins; `None` when everything is here.
    pub next: Option<HistoryCursor>,
    /// Since when a page has been on its way.
    pub underway: Option<Moment>,
    pub failed: Option<Failure>,
    pub selected: Option<InteractionId>,
    /// The page that came with the card, to return to when the filter is cleared.
    first: HistoryPage,
    /// Rises with each change of the filter, so that a late answer to an earlier one is dropped.
    pub(crate) generation: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryFilter {
    pub text: String,
    pub channel: Option<Channel>,
}

impl HistoryFilter {
    pub fn is_empty(&self) -> bool {
        self.text.trim().is_empty() && self.channel.is_none()
    }
}

impl History {
    pub fn of(first: HistoryPage) -> Self {
        let mut history = Self { first, ..Self::default() };
        history.show_first();
        history
    }

    /// The card came anew: what was filtered and selected stays so.
    pub fn renew(&mut self, first: HistoryPage) {
        self.first = first;
        if self.filter.is_empty() {
            self.generation += 1;
            self.show_first();
        }
    }

    /// Returns whether a page has to be asked for.
    pub fn set_filter(&mut self, filter: HistoryFilter, now: Moment) -> bool {
        if self.filter == filter {
            return false;
        }
        self.filter = filter;
        self.generation += 1;
        self.failed = None;
        if self.filter.is_empty() {
            self.show_first();
            return false;
        }
        self.underway = Some(now);
        self.next = None;
        true
    }

    /// Returns whether a page has to be asked for.
    pub fn wants_more(&mut self, now: Moment) -> bool {
        if self.underway.is_some() || (self.next.is_none() && self.failed.is_none()) {
            return false;
        }
        self.underway = Some(now);
        self.failed = None;
        true
    }

    /// Takes the answer to what was asked in `generation`, after `cursor`.
    pub fn take(&mut self, generation: u64, after: Option<HistoryCursor>, page: Result<HistoryPage, Failure>) {
        if generation != self.generation {
            return;
        }
        self.underway = None;
        match page {
            Ok(page) => {
                if after.is_none() {
                    self.lines.clear();
                }
                self.lines.extend(page.lines);
                self.total = page.total;
                self.next = page.next;
            }
            Err(failure) => self.failed = Some(failure),
        }
    }

    fn show_first(&mut self) {
        self.lines.clone_from(&self.first.lines);
        self.total = self.first.total;
        self.next = self.first.next;
        self.underway = None;
        self.failed = None;
    }
}
