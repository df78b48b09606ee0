//! Reaching somebody: to hand the call over, to ask, to call, or to press keys for a voice menu.
//!
//! [`Reach`] is what has been typed for it; it belongs to its call and goes with it. [`Colleagues`] is who is there.

use std::time::Duration;

use shared::domain::call::Target;
use shared::ids::{CallId, CallbackId, CustomerId};
use shared::pii::Personal;
use shared::time::Moment;
use shared::wire::command::{Colleague, CommandError, Done};
use uuid::Uuid;

use super::call::CallView;
use super::desk::Desk;
use super::saves::{Save, SaveKind};

/// Why somebody is to be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Hand the call over without a word.
    Transfer,
    /// Ask a colleague while the customer hears music.
    Consult,
    /// A call of one's own.
    Dial,
    /// Tones into the call that is up.
    Tones,
}

/// Whom or what was picked, and the words for it: who is picked may sign out meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    pub to: Target,
    pub name: Personal,
}

/// What is being typed to reach somebody.
#[derive(Clone, Debug)]
pub struct Reach {
    pub purpose: Purpose,
    /// The call that is handed over or asked about; none for a call of one's own.
    pub call: Option<CallId>,
    pub text: Personal,
    pub chosen: Option<Chosen>,
    /// For the one who gets the call.
    pub note: Personal,
    /// The command that is on its way.
    pub sent: Option<Uuid>,
    /// Why the last try came to nothing.
    pub refused: Option<CommandError>,
}

/// One change of what is being typed.
#[derive(Clone, Debug)]
pub enum ReachEdit {
    Text(String),
    Note(String),
    Choose(Chosen),
    /// Back to the list.
    Unchoose,
}

impl Reach {
    pub fn new(purpose: Purpose, call: Option<CallId>, note: Personal) -> Self {
        Self { purpose, call, text: Personal::default(), chosen: None, note, sent: None, refused: None }
    }

    pub fn edit(&mut self, edit: ReachEdit) {
        // What is on its way is not changed under the gateway's hands.
        if self.sent.is_some() {
            return;
        }
        self.refused = None;
        match edit {
            ReachEdit::Text(text) => self.text = text.into(),
            ReachEdit::Note(text) => self.note = text.into(),
            ReachEdit::Choose(chosen) => self.chosen = Some(chosen),
            ReachEdit::Unchoose => self.chosen = None,
        }
    }

    /// The note for the next one; none when nothing is written.
    pub fn note_to_send(&self) -> Option<Personal> {
        let note = self.note.reveal().trim();
        (!note.is_empty()).then(|| note.into())
    }
}

/// Who is signed in, as the gateway told last.
#[derive(Clone, Debug, Default)]
pub struct Colleagues {
    people: Vec<Colleague>,
    known: bool,
    asked_at: Option<Moment>,
}

/// The list is read anew so often while somebody looks at it.
pub const REREAD: Duration = Duration::from_secs(4);

impl Colleagues {
    pub fn people(&self) -> &[Colleague] {
        &self.people
    }

    /// Whether the gateway has told anything yet.
    pub const fn is_known(&self) -> bool {
        self.known
    }

    pub(crate) fn asked(&mut self, now: Moment) {
        self.asked_at = Some(now);
    }

    fn told(&mut self, people: Vec<Colleague>) {
        self.people = people;
        self.known = true;
    }
}

/// A call that somebody began at this desk, to begin it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialled {
    pub to: Target,
    pub customer: Option<CustomerId>,
    pub callback: Option<CallbackId>,
}

impl Desk {
    /// When the list of colleagues has to be asked for; `None` while nobody looks at it.
    pub fn colleagues_due(&self) -> Option<Moment> {
        let looks = self.reach.as_ref().is_some_and(|reach| reach.purpose != Purpose::Tones);
        if !looks || !self.connection.is_online() {
            return None;
        }
        Some(self.colleagues.asked_at.map_or_else(Moment::default, |at| at.after(REREAD)))
    }

    /// What is typed for a call goes when the call is over, and what is typed to call somebody when one has been
    /// answered meanwhile. A call that rings takes nothing away.
    pub(super) fn tidy_reach(&mut self) {
        let Some(reach) = &self.reach else { return };
        let up = self.call.as_ref().filter(|view| view.is_talking()).map(CallView::id);
        if reach.call != up {
            self.reach = None;
        }
    }

    /// Takes the answer to what was asked of others. Returns whether a refusal is said in its place, and needs no
    /// message of its own.
    pub(super) fn reach_answered(&mut self, save: &Save, outcome: &Result<Done, CommandError>) -> bool {
        if let Ok(Done::Colleagues { people }) = outcome {
            self.colleagues.told(people.clone());
        }
        if save.kind == SaveKind::Colleagues {
            return true;
        }
        if outcome.is_err()
            && let Some(view) = &mut self.call
        {
            view.leaving = false;
        }
        let Some(reach) = self.reach.as_mut().filter(|reach| reach.sent == Some(save.id)) else { return false };
        reach.sent = None;
        match outcome {
            Ok(_) => self.reach = None,
            Err(error) => reach.refused = Some(error.clone()),
        }
        outcome.is_err()
    }
}
