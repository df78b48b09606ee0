//! What became of the things that were saved: under way, waiting for the gateway, saved, refused.

use shared::domain::interaction::Channel;
use shared::ids::{CallId, CallbackId, CustomerId};
use shared::time::Moment;
use shared::wire::command::{Command, CommandError, Done};
use uuid::Uuid;

use super::tab::TabKey;

/// One thing that the person did and the gateway has to answer. The id was made once and stays.
#[derive(Clone, Debug)]
pub struct Save {
    pub id: Uuid,
    pub kind: SaveKind,
    /// The tab whose draft it came from.
    pub tab: Option<TabKey>,
    pub began: Moment,
    pub state: SaveState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SaveKind {
    Wrapup(CallId),
    Reading,
    Request,
    Interaction,
    /// A call of which the gateway knows no more, kept as an entry in the customer's history.
    PastCall,
    Link(CallId, CustomerId),
    NewCustomer,
    Missed(CallbackId),
    Password,
    /// Answer, hang up, hold, transfer, dial, state: shown by the call itself, here only when refused.
    Phone,
    /// Who is there to be called.
    Colleagues,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SaveState {
    /// On its way; nothing to say yet.
    Underway,
    /// «Ждёт отправки»: the gateway or its database is away, it will be sent again.
    Waiting,
    /// The gateway has committed it.
    Saved {
        at: Moment,
        done: Done,
    },
    Refused {
        at: Moment,
        error: CommandError,
    },
}

/// The saves of this sitting, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Saves {
    all: Vec<Save>,
}

impl Saves {
    pub fn begin(&mut self, save: Save) {
        if self.all.iter().all(|known| known.id != save.id) {
            self.all.push(save);
        }
    }

    pub fn get(&self, id: Uuid) -> Option<&Save> {
        self.all.iter().find(|save| save.id == id)
    }

    /// The latest save out of this tab's draft.
    pub fn latest_of(&self, tab: TabKey) -> Option<&Save> {
        self.all.iter().rev().find(|save| save.tab == Some(tab))
    }

    /// The latest save of this kind.
    pub fn latest(&self, kind: SaveKind) -> Option<&Save> {
        self.all.iter().rev().find(|save| save.kind == kind)
    }

    /// How many wait for the gateway.
    pub fn n_waiting(&self) -> usize {
        self.all.iter().filter(|save| matches!(save.state, SaveState::Waiting)).count()
    }

    /// Whether this tab's wrap-up is on its way or waiting.
    pub fn is_open(&self, kind: SaveKind) -> bool {
        self.latest(kind).is_some_and(|save| matches!(save.state, SaveState::Underway | SaveState::Waiting))
    }

    /// Whether something of this kind out of this tab's draft is on its way or waiting: it is not sent twice.
    pub fn is_open_of(&self, tab: TabKey, kind: SaveKind) -> bool {
        let of_tab = self.all.iter().rev().find(|save| save.tab == Some(tab) && save.kind == kind);
        of_tab.is_some_and(|save| matches!(save.state, SaveState::Underway | SaveState::Waiting))
    }

    pub(crate) fn set(&mut self, id: Uuid, state: SaveState) -> Option<&Save> {
        let save = self.all.iter_mut().find(|save| save.id == id)?;
        save.state = state;
        Some(save)
    }

    /// The connection is gone: what was under way waits, and what makes no sense later is dropped.
    pub(crate) fn all_wait(&mut self) {
        self.all.retain(|save| save.state != SaveState::Underway || save.kind.is_kept());
        for save in &mut self.all {
            if save.state == SaveState::Underway {
                save.state = SaveState::Waiting;
            }
        }
    }

    /// Forgets what has been answered for a while, so that a long day stays small.
    pub(crate) fn tidy(&mut self) {
        const KEPT: usize = 64;
        while self.all.len() > KEPT {
            let Some(answered) =
                self.all.iter().position(|save| !matches!(save.state, SaveState::Underway | SaveState::Waiting))
            else {
                return;
            };
            self.all.remove(answered);
        }
    }
}

impl SaveKind {
    pub fn of(command: &Command) -> Self {
        match command {
            Command::SaveWrapup { wrapup } => Self::Wrapup(wrapup.call),
            Command::SaveReading { .. } => Self::Reading,
            Command::RegisterRequest { .. } => Self::Request,
            Command::SaveInteraction { entry } if entry.channel == Channel::Call => Self::PastCall,
            Command::SaveInteraction { .. } => Self::Interaction,
            Command::LinkCustomer { call, customer, .. } => Self::Link(*call, *customer),
            Command::CreateCustomer { .. } => Self::NewCustomer,
            Command::MarkMissed { callback, .. } => Self::Missed(*callback),
            Command::ChangePassword { .. } => Self::Password,
            Command::ListColleagues => Self::Colleagues,
            Command::Answer { .. }
            | Command::Reject { .. }
            | Command::HangUp { .. }
            | Command::Hold { .. }
            | Command::Retrieve { .. }
            | Command::Mute { .. }
            | Command::SendDigits { .. }
            | Command::Transfer { .. }
            | Command::Consult { .. }
            | Command::Swap { .. }
            | Command::CompleteTransfer { .. }
            | Command::Conference { .. }
            | Command::DropParty { .. }
            | Command::Park { .. }
            | Command::PickUp { .. }
            | Command::Dial { .. }
            | Command::SetState { .. } => Self::Phone,
        }
    }

    /// Whether the outbox keeps it on disk until it is answered. An old "answer" makes no sense later.
    pub const fn is_kept(self) -> bool {
        !matches!(self, Self::Phone | Self::Colleagues | Self::Password)
    }
}
