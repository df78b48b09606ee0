//! The desk: everything the operator's and the supervisor's screen shows. `apply.rs` says how events move it.

use std::sync::Arc;
use std::time::Duration;

use shared::domain::agent::{AgentProfile, Role};
use shared::domain::call::MissedCall;
use shared::domain::catalogue::Catalogue;
use shared::time::Moment;
use shared::wire::StreamPosition;
use shared::wire::command::Wrapup;
use shared::wire::event::{DeskState, Fault, Floor, WaitingCaller};

use super::call::{CallView, Phase};
use super::clock::GatewayClock;
use super::drafts::Drafts;
use super::saves::{SaveKind, Saves};
use super::screen::Screen;
use super::search::Search;
use super::session::{Connection, LockKey, Session, SignInState};
use super::tab::{Tab, TabKey};
use super::toasts::Toasts;
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
    /// The one that is shown.
    pub front: Option<TabKey>,

    pub waiting: Vec<WaitingCaller>,
    pub missed: Vec<MissedCall>,
    pub faults: Vec<Fault>,
    /// For supervisors.
    pub floor: Option<Arc<Floor>>,

    pub drafts: Drafts,
    pub saves: Saves,
    pub toasts: Toasts,
    /// Looking for a customer apart from any call.
    pub search: Search,
    pub screen: Screen,
    /// The pop measured last, microseconds from the INVITE to the drawn card.
    pub last_pop_us: Option<i64>,

    /// The key that opens the locked workplace once the changed password is in force.
    pub(crate) new_lock: Option<LockKey>,
    /// The last event taken in; `None` until a snapshot has been.
    pub(super) position: Option<StreamPosition>,
    pub(super) epoch: u64,
}

/// What the link's threads have to do after an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aftermath {
    Nothing,
    /// An event is missing: connect again and ask for everything.
    Reconnect,
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
            Phase::Talking { since } | Phase::Wrapup { since, .. } => since,
        };
        self.clock.since(since, now)
    }

    /// The wrap-up of this tab's call as it would be saved now.
    ///
    /// # Errors
    /// What is still missing.
    pub fn wrapup_to_save(&self, tab: TabKey) -> Result<Wrapup, Reason> {
        let TabKey::Call(call) = tab else { return Err(Reason::NoCall) };
        let at_desk = self.call.as_ref().filter(|view| view.id() == call).ok_or(Reason::NoCall)?;
        if !at_desk.is_wrapup() {
            return Err(Reason::NotWrapup);
        }
        if self.saves.is_open(SaveKind::Wrapup(call)) {
            return Err(Reason::AlreadySaving);
        }
        let draft = self.drafts.get(tab);
        let topic = draft.and_then(|draft| draft.topic.clone()).ok_or(Reason::TopicMissing)?;
        let result = draft.and_then(|draft| draft.result.clone()).ok_or(Reason::ResultMissing)?;
        let summary = draft.map(|draft| draft.summary.clone()).unwrap_or_default();
        let card = self.tab(tab);
        Ok(Wrapup {
            call,
            customer: card.and_then(Tab::customer),
            account: card.and_then(|card| card.account),
            topic,
            result,
            summary,
        })
    }

    /// Where the stream has to go on after a break.
    pub const fn position(&self) -> Option<StreamPosition> {
        self.position
    }
}
