//! A card that is open: the caller's, or one found by hand.

use shared::domain::account::Account;
use shared::ids::{AccountId, CallId, CustomerId};
use shared::phone::CallerNumber;
use shared::wire::card::Card;

use super::call::CardView;
use super::history::History;
use super::search::Search;

/// What a tab, a draft and a save belong to. The card of a call is bound to that call, whoever calls next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TabKey {
    Call(CallId),
    /// Opened by hand, apart from any call.
    Customer(CustomerId),
}

#[derive(Clone, Debug)]
pub struct Tab {
    pub key: TabKey,
    /// The caller's number; `None` for a card opened by hand.
    pub caller: Option<CallerNumber>,
    pub card: CardView,
    /// The account that the panels show; the first one unless chosen.
    pub account: Option<AccountId>,
    pub history: History,
    /// Looking for the caller by hand, and what was found.
    pub search: Search,
    /// Rises with each card that this tab has had.
    pub card_revision: u64,
}

impl Tab {
    pub fn new(key: TabKey, caller: Option<CallerNumber>, card: CardView) -> Self {
        let mut tab = Self {
            key,
            caller,
            card: CardView::Pending,
            account: None,
            history: History::default(),
            search: Search::default(),
            card_revision: 0,
        };
        tab.set_card(card);
        tab
    }

    /// Puts the card in, as it came from the gateway for this very tab.
    pub fn set_card(&mut self, card: CardView) {
        if let CardView::Known(known) = &card {
            let same = self.card.known().is_some_and(|old| old.customer.id == known.customer.id);
            if same {
                self.history.renew(known.history.clone());
            } else {
                self.history = History::of(known.history.clone());
            }
            let chosen = self.account.filter(|id| known.accounts.iter().any(|account| account.id == *id));
            self.account = chosen.or_else(|| known.accounts.first().map(|account| account.id));
        } else {
            self.history = History::default();
            self.account = None;
        }
        self.card = card;
        self.card_revision += 1;
    }

    pub fn known(&self) -> Option<&Card> {
        self.card.known().map(AsRef::as_ref)
    }

    pub fn customer(&self) -> Option<CustomerId> {
        self.known().map(|card| card.customer.id)
    }

    /// The account that the panels show.
    pub fn chosen_account(&self) -> Option<&Account> {
        let id = self.account?;
        self.known()?.accounts.iter().find(|account| account.id == id)
    }

    /// Nobody is known yet: there is a customer to look for.
    pub const fn card_is_nobodys(&self) -> bool {
        matches!(self.card, CardView::Unknown | CardView::Withheld)
    }

    pub const fn call(&self) -> Option<CallId> {
        match self.key {
            TabKey::Call(call) => Some(call),
            TabKey::Customer(_) => None,
        }
    }
}
