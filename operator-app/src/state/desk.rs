//! The desk: everything the operator's and the supervisor's screen shows. `apply.rs` says how events move it.

use std::sync::Arc;
use std::time::Duration;

use shared::domain::agent::{AgentProfile, Role};
use shared::domain::call::MissedCall;
use shared::domain::catalogue::Catalogue;
use shared::domain::interaction::{Channel, Direction};
use shared::time::Moment;
use shared::wire::StreamPosition;
use shared::wire::command::{Command, ManualEntry, Wrapup};
use shared::wire::event::{DeskState, Fault, Floor, ParkedCall, WaitingCaller};

use super::call::{CallView, Phase};
use super::clock::GatewayClock;
use super::drafts::{Draft, Drafts, Edit, Origin};
use super::grab::Grab;
use super::reach::{Colleagues, Dialled, Reach};
use super::saves::{SaveKind, Saves};
use super::screen::Screen;
use super::search::Search;
use super::session::{Connection, LockKey, Session, SignInState};
use super::tab::{Tab, TabKey};
use super::toasts::{Message, Toasts};
use super::undo::{Taken, Undo};
use crate::command::Reason;

/// Everything the screens show.
#[derive(Debug, Default)]
pub struct Desk {
    pub connection: Connection,
    pub sign_in: SignInState,
    pub session: Option<Session>,
    pub catalogue: Arc<Catalogue>,
    pub clock: GatewayClock,

    /// This agent's own state.
    pub state: Option<DeskState>,
    /// The call that rings, is talked in, or is being written up.
    pub call: Option<CallView>,
    /// The open cards in the order in which they came: the call's and those opened by hand.
    pub tabs: Vec<Tab>,
    /// The one that is shown; without one the search is, or that nobody calls.
    pub front: Option<TabKey>,

    pub waiting: Vec<WaitingCaller>,
    pub missed: Vec<MissedCall>,
    /// Calls that wait with music for whoever picks them up.
    pub parked: Vec<ParkedCall>,
    pub faults: Vec<Fault>,
    /// For supervisors.
    pub floor: Option<Arc<Floor>>,

    pub drafts: Drafts,
    pub saves: Saves,
    pub toasts: Toasts,
    pub undo: Undo,
    /// Looking for a customer apart from any call.
    pub search: Search,
    /// The search stands among the open cards, in front or behind.
    pub search_open: bool,
    pub screen: Screen,
    /// Handing over, asking somebody, calling somebody: what is being typed for it.
    pub reach: Option<Reach>,
    pub colleagues: Colleagues,
    /// Whom this desk has called last, to be called again.
    pub last_dialled: Option<Dialled>,
    /// What became of the keys that the whole system hears.
    pub grab: Grab,
    /// The pop measured last, microseconds from the INVITE to the drawn card.
    pub last_pop_us: Option<i64>,

    /// The key that opens the locked workplace once the changed password is in force.
    pub(crate) new_lock: Option<LockKey>,
    /// The last event taken in; `None` until a snapshot has been.
    pub(super) position: Option<StreamPosition>,
    pub(super) epoch: u64,
}

/// What the link's threads have to do after an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aftermath {
    Nothing,
    /// An event is missing: connect again and ask for everything.
    Reconnect,
    /// The cards of these tabs have to be read.
    Read(Vec<TabKey>),
}

impl Desk {
    /// Who is signed in.
    pub fn profile(&self) -> Option<&AgentProfile> {
        self.session.as_ref().map(|session| &session.profile)
    }

    pub fn role(&self) -> Role {
        self.profile().map_or(Role::Operator, |profile| profile.role)
    }

    pub fn tab(&self, key: TabKey) -> Option<&Tab> {
        self.tabs.iter().find(|tab| tab.key == key)
    }

    pub fn tab_mut(&mut self, key: TabKey) -> Option<&mut Tab> {
        self.tabs.iter_mut().find(|tab| tab.key == key)
    }

    /// The card that is shown.
    pub fn front_tab(&self) -> Option<&Tab> {
        self.tab(self.front?)
    }

    /// The tab of the call at this desk.
    pub fn call_tab(&self) -> Option<&Tab> {
        self.tab(TabKey::Call(self.call.as_ref()?.id()))
    }

    /// How long the phase of the call has lasted: ringing since the caller came, talking, writing up.
    pub fn phase_lasts(&self, now: Moment) -> Duration {
        let Some(call) = &self.call else { return Duration::ZERO };
        let since = match call.phase {
            Phase::Ringing { .. } => call.offer.arrived_at,
            Phase::Dialing { since } | Phase::Talking { since } | Phase::Wrapup { since, .. } => since,
        };
        self.clock.since(since, now)
    }

    /// The tab of a call that is not at this desk any more: what was typed for it has not been saved.
    pub fn is_past_call(&self, key: TabKey) -> bool {
        matches!(key, TabKey::Call(call) if self.call.as_ref().is_none_or(|view| view.id() != call))
    }

    /// The search is what the middle of the screen shows.
    pub const fn search_in_front(&self) -> bool {
        self.front.is_none() && self.search_open
    }

    /// The contact that is being written: of the call in front, else of the call at this desk.
    pub fn writes_up(&self) -> Option<TabKey> {
        let front = self.front.filter(|key| matches!(key, TabKey::Call(_)));
        front.or_else(|| self.call_tab().map(|tab| tab.key))
    }

    /// Whose words the draft of this tab holds.
    pub fn origin(&self, key: TabKey) -> Origin {
        self.drafts.get(key).map(|draft| draft.of.clone()).unwrap_or_default()
    }

    /// One keystroke. The draft keeps whose it is, so that another life of this desk finds its call and customer.
    pub fn edit(&mut self, key: TabKey, edit: Edit, now: Moment) {
        self.drafts.edit(key, edit, now);
        self.note_origin(key, now);
    }

    /// The card or the account of this tab has changed: the draft belongs to that customer.
    pub(crate) fn note_origin(&mut self, key: TabKey, now: Moment) {
        let (Some(draft), Some(tab)) = (self.drafts.get(key), self.tab(key)) else { return };
        let mut of = draft.of.clone();
        of.caller = tab.caller.clone().or(of.caller);
        if let Some(customer) = tab.customer() {
            of.customer = Some(customer);
            of.account = tab.account;
        }
        if let Some(view) = self.call.as_ref().filter(|view| TabKey::Call(view.id()) == key) {
            of.queue = Some(view.offer.queue.clone());
            of.arrived_at = Some(view.offer.arrived_at);
        }
        self.drafts.are_of(key, of, now);
    }

    /// Tells what was thrown away and remembers it.
    pub(crate) fn took(&mut self, taken: Taken, now: Moment) {
        let toast = self.toasts.push(Message::Done(taken.deed()), now);
        self.undo.push(toast, taken);
    }

    /// The wrap-up of this tab's call as it would be saved now. That of a call which has left the desk can be saved
    /// as long as the gateway remembers the call.
    ///
    /// # Errors
    /// What is still missing.
    pub fn wrapup_to_save(&self, tab: TabKey) -> Result<Wrapup, Reason> {
        let (TabKey::Call(call), Some(card)) = (tab, self.tab(tab)) else { return Err(Reason::NoCall) };
        if self.call.as_ref().is_some_and(|view| view.id() == call && !view.is_wrapup()) {
            return Err(Reason::NotWrapup);
        }
        if self.saves.is_open(SaveKind::Wrapup(call)) || self.saves.is_open_of(tab, SaveKind::PastCall) {
            return Err(Reason::AlreadySaving);
        }
        let draft = self.drafts.get(tab);
        let topic = draft.and_then(|draft| draft.topic.clone()).ok_or(Reason::TopicMissing)?;
        let result = draft.and_then(|draft| draft.result.clone()).ok_or(Reason::ResultMissing)?;
        let summary = draft.map(|draft| draft.summary.clone()).unwrap_or_default();
        let of = draft.map(|draft| draft.of.clone()).unwrap_or_default();
        Ok(Wrapup {
            call,
            customer: card.customer().or(of.customer),
            account: card.account.or(of.account),
            topic,
            result,
            summary,
        })
    }

    /// What saving the contact of this tab sends: the facts of the call, or, of a call that the gateway has forgotten,
    /// an entry in the customer's history.
    ///
    /// # Errors
    /// What is still missing.
    pub fn contact_to_save(&self, tab: TabKey) -> Result<Command, Reason> {
        let wrapup = self.wrapup_to_save(tab)?;
        let of = self.origin(tab);
        if !of.forgotten {
            return Ok(Command::SaveWrapup { wrapup });
        }
        let Wrapup { call: _, customer, account, topic, result, summary } = wrapup;
        let entry = ManualEntry {
            customer: customer.ok_or(Reason::NoCustomer)?,
            account,
            channel: Channel::Call,
            direction: Direction::Inbound,
            started_at: of.arrived_at.ok_or(Reason::NoCall)?,
            topic: Some(topic),
            result: Some(result),
            summary,
        };
        Ok(Command::SaveInteraction { entry })
    }

    /// The drafts of calls that have left the desk, oldest first: each waits to be finished or dropped.
    pub fn past_drafts(&self) -> impl Iterator<Item = (&Tab, &Draft)> {
        let tabs = self.tabs.iter().filter(|tab| self.is_past_call(tab.key) || tab.call().is_none());
        tabs.filter_map(|tab| Some((tab, self.drafts.get(tab.key).filter(|draft| !draft.is_empty())?)))
    }

    /// Where the stream has to go on after a break.
    pub const fn position(&self) -> Option<StreamPosition> {
        self.position
    }
}
