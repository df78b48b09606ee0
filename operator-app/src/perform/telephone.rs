//! What a person does with the call: hold, mute, hand over, ask, park, dial, press keys.

use shared::domain::agent::Activity;
use shared::domain::call::{PartyRole, Target};
use shared::ids::CallId;
use shared::pii::Personal;
use shared::wire::command::Command as WireCommand;

use super::{Ask, Hands, perform};
use crate::command::{Action, Command, can_dial};
use crate::state::call::CallView;
use crate::state::reach::{Dialled, Purpose, Reach};
use crate::state::screen::{Page, Region};
use crate::state::tab::TabKey;

/// As long as a note may be, characters: the next one reads it while it rings.
const LONGEST_NOTE: usize = 400;

impl Hands<'_> {
    /// Carries an action of the telephone out that can be done now.
    pub(super) fn telephone(&mut self, action: Action) -> Vec<Ask> {
        match action {
            Action::Dial => return self.reach(Purpose::Dial),
            Action::Redial => {
                let Some(last) = self.desk.last_dialled.clone() else { return vec![] };
                // A missed call that has been dealt with meanwhile needs no second answer.
                let is_owed = |id| self.desk.missed.iter().any(|one| one.id == id && one.handled_at.is_none());
                let callback = last.callback.filter(|id| is_owed(*id));
                return self.dial(Dialled { callback, ..last });
            }
            _ => {}
        }
        let Some(view) = &self.desk.call else { return vec![] };
        let (call, has_peer) = (view.id(), view.peer().is_some());
        let (held, muted) = (view.activity() == Some(Activity::OnHold), view.muted());
        let command = match action {
            Action::Hold if held => WireCommand::Retrieve { call },
            Action::Hold => WireCommand::Hold { call },
            Action::Mute => WireCommand::Mute { call, muted: !muted },
            Action::Transfer if !has_peer => return self.reach(Purpose::Transfer),
            Action::Transfer => {
                self.leaves();
                WireCommand::CompleteTransfer { call }
            }
            Action::Conference if !has_peer => return self.reach(Purpose::Consult),
            Action::Conference => WireCommand::Conference { call },
            Action::Swap => WireCommand::Swap { call },
            Action::DropPeer => WireCommand::DropParty { call, party: PartyRole::Peer },
            Action::DropCustomer => WireCommand::DropParty { call, party: PartyRole::Customer },
            Action::Park => {
                self.leaves();
                WireCommand::Park { call, note: noted(self.summary(call)) }
            }
            Action::Tones => return self.reach(Purpose::Tones),
            _ => return vec![],
        };
        self.send(command)
    }

    /// Opens what is typed to reach somebody; the same key again closes it, another one keeps who was picked. With
    /// somebody picked the key carries it out.
    fn reach(&mut self, purpose: Purpose) -> Vec<Ask> {
        let call = self.desk.call.as_ref().map(CallView::id);
        match &mut self.desk.reach {
            Some(open) if open.call == call => {
                let hands_over = matches!(purpose, Purpose::Transfer | Purpose::Consult);
                if let (true, Some(chosen)) = (hands_over, open.chosen.clone()) {
                    return self.reach_to(purpose, chosen.to);
                }
                if open.purpose == purpose {
                    self.desk.reach = None;
                    return vec![];
                }
                if purpose == Purpose::Tones || open.purpose == Purpose::Tones {
                    open.text = Personal::default();
                }
                open.purpose = purpose;
            }
            Some(_) | None => {
                let note = match (purpose, call) {
                    (Purpose::Transfer | Purpose::Consult, Some(call)) => self.summary(call),
                    _ => Personal::default(),
                };
                self.desk.reach = Some(Reach::new(purpose, call, note));
            }
        }
        self.desk.screen.page = Page::Operator;
        self.desk.screen.overlay = None;
        self.desk.screen.focus = Some(Region::Reach);
        if purpose == Purpose::Tones { vec![] } else { perform(Command::ListColleagues, self) }
    }

    /// What stands in the comment of the call's contact: most often what the next one has to know.
    fn summary(&self, call: CallId) -> Personal {
        let draft = self.desk.drafts.get(TabKey::Call(call));
        let one_line = draft.map(|draft| draft.summary.reveal().split_whitespace().collect::<Vec<_>>().join(" "));
        one_line.unwrap_or_default().into()
    }

    /// Hands over, asks or calls whoever was picked.
    pub(super) fn reach_to(&mut self, purpose: Purpose, to: Target) -> Vec<Ask> {
        let Some(reach) = self.desk.reach.as_ref().filter(|reach| reach.sent.is_none()) else { return vec![] };
        let note = reach.note_to_send().and_then(noted);
        let allowed = match purpose {
            Purpose::Transfer => Action::Transfer.enabled(self.desk),
            Purpose::Consult => Action::Conference.enabled(self.desk),
            Purpose::Dial => can_dial(self.desk),
            Purpose::Tones => return vec![],
        };
        // A queue can be handed a call, and not be asked.
        let is_answered = purpose == Purpose::Transfer || !matches!(to, Target::Queue { .. });
        if allowed.is_err() || !is_answered {
            return vec![];
        }
        let call = self.desk.call.as_ref().map(CallView::id);
        let asks = match (purpose, call) {
            (Purpose::Transfer, Some(call)) => {
                self.leaves();
                self.send(WireCommand::Transfer { call, to, note })
            }
            (Purpose::Consult, Some(call)) => self.send(WireCommand::Consult { call, to, note }),
            (Purpose::Dial, _) => self.dial(Dialled { to, customer: None, callback: None }),
            _ => return vec![],
        };
        let sent = asks.iter().find_map(|ask| if let Ask::Send { id, .. } = ask { Some(*id) } else { None });
        if let Some(reach) = &mut self.desk.reach {
            reach.purpose = purpose;
            reach.sent = sent;
            reach.refused = None;
        }
        asks
    }

    /// The call goes to somebody else with the next answer: what comes of it is known.
    fn leaves(&mut self) {
        if let Some(view) = &mut self.desk.call {
            view.leaving = true;
        }
    }

    pub(super) fn dial(&mut self, dialled: Dialled) -> Vec<Ask> {
        if can_dial(self.desk).is_err() {
            return vec![];
        }
        let Dialled { to, customer, callback } = dialled.clone();
        self.desk.last_dialled = Some(dialled);
        self.desk.screen.page = Page::Operator;
        self.send(WireCommand::Dial { to, customer, callback })
    }

    pub(super) fn pick_up(&mut self, call: CallId) -> Vec<Ask> {
        let is_parked = self.desk.parked.iter().any(|parked| parked.call == call);
        if !is_parked || can_dial(self.desk).is_err() {
            return vec![];
        }
        self.send(WireCommand::PickUp { call })
    }

    pub(super) fn send_digits(&mut self, digits: String) -> Vec<Ask> {
        let call = self.desk.call.as_ref().map(CallView::id);
        let digits: String = digits.chars().filter(|key| is_tone(*key)).collect();
        match call {
            Some(call) if !digits.is_empty() && Action::Tones.enabled(self.desk).is_ok() => {
                self.send(WireCommand::SendDigits { call, digits })
            }
            _ => vec![],
        }
    }
}

/// The sixteen keys of RFC 4733, section 3.2.
pub const fn is_tone(key: char) -> bool {
    matches!(key, '0'..='9' | '*' | '#' | 'A'..='D')
}

fn noted(note: Personal) -> Option<Personal> {
    let short: String = note.reveal().trim().chars().take(LONGEST_NOTE).collect();
    (!short.is_empty()).then(|| short.into())
}
