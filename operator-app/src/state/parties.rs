//! Events of a call with several parties: what this agent does in it, who else is there, and who did not come.
//!
//! As in `apply.rs` each event names its call, and that of another call touches nothing.

use shared::domain::call::{CallEnding, Party, PartyFailure};
use shared::ids::CallId;
use shared::time::{Moment, UtcMs};
use shared::wire::event::CallLine;

use super::call::{CallView, CardView, Phase};
use super::desk::Desk;
use super::drafts::Edit;
use super::tab::{Tab, TabKey};
use super::toasts::Message;

impl Desk {
    fn this_call(&mut self, call: CallId) -> Option<&mut CallView> {
        self.call.as_mut().filter(|view| view.id() == call)
    }

    pub(super) fn line_is(&mut self, call: CallId, line: CallLine, now: Moment) {
        let Some(view) = self.this_call(call) else { return };
        let was_guest = view.is_guest();
        let was_up = view.is_talking();
        view.take_line(line);
        let is_host_now = was_guest && view.is_talking() && !view.is_guest();
        let is_up_now = !was_up && view.is_talking();
        if is_up_now {
            self.call_comes_forward(call);
        }
        if is_host_now {
            self.toasts.push(Message::CallIsYours, now);
        }
        self.tidy_reach();
    }

    pub(super) fn party_failed(&mut self, call: CallId, party: Party, why: PartyFailure, now: Moment) {
        // Whoever has handed a call over is told in the wrap-up too that it came to nothing.
        if self.this_call(call).is_some() {
            self.toasts.push(Message::PartyFailed { party, why }, now);
        }
    }

    pub(super) fn digit(&mut self, call: CallId, digit: char, now: Moment) {
        if let Some(view) = self.this_call(call).filter(|view| view.is_talking()) {
            view.hear(digit, now);
        }
    }

    /// The call has left this desk, with nothing (more) to write.
    pub(super) fn gone(&mut self, call: CallId) {
        if self.this_call(call).is_some() {
            self.call = None;
            self.leave_call(call);
        }
    }

    /// Nothing of this call stays on the screen but unsaved words.
    pub(super) fn leave_call(&mut self, call: CallId) {
        self.leave_tab(TabKey::Call(call));
        self.tidy_reach();
    }

    pub(super) fn call_ended(&mut self, call: CallId, at: UtcMs, ending: CallEnding, limit: UtcMs, now: Moment) {
        let Some(view) = self.this_call(call) else { return };
        let talked_since = match view.phase {
            Phase::Talking { since } => Some(since),
            Phase::Wrapup { talked_since, .. } => talked_since,
            Phase::Ringing { .. } | Phase::Dialing { .. } => None,
        };
        let handed_over = std::mem::take(&mut view.leaving);
        view.phase = Phase::Wrapup { talked_since, since: at, limit, ending };
        view.line = None;
        // A call of ours that is to be written up after all has to be seen.
        if self.call_tab().is_none() {
            let caller = self.call.as_ref().map(|view| view.offer.caller.clone());
            self.open_tab(Tab::new(TabKey::Call(call), caller, CardView::Unknown));
        }
        self.propose_result(call, if handed_over { CallEnding::TransferredOut } else { ending }, now);
        self.tidy_reach();
    }

    /// What the facts say already need not be chosen: it stands there, and can be changed.
    fn propose_result(&mut self, call: CallId, ending: CallEnding, now: Moment) {
        let tab = TabKey::Call(call);
        let chosen = self.drafts.get(tab).is_some_and(|draft| draft.result.is_some());
        let proposed = self.catalogue.results.iter().find(|result| result.proposed_for.contains(&ending));
        if let (false, Some(code)) = (chosen, proposed.map(|result| result.code.clone())) {
            self.edit(tab, Edit::Result(Some(code)), now);
        }
    }

    /// Whoever has been answered is seen, and in front of what was typed before.
    pub(super) fn call_comes_forward(&mut self, call: CallId) {
        let tab = TabKey::Call(call);
        if self.tab(tab).is_some() {
            self.front = Some(tab);
        }
    }
}

#[cfg(test)]
#[path = "parties_tests.rs"]
mod tests;
