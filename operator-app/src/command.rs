//! Everything a person can do, each thing once.
//!
//! Drawing changes nothing: it pushes [`Command`]s into [`Requests`], and [`crate::perform`] carries them out. An
//! [`Action`] is a command with a name: call bar, menus, palette, key map and shortcuts are made from [`Action::ALL`].
//! Its words are in `lang::commands`, by the action itself; so are those of a [`Reason`].

mod allowed;

use shared::domain::agent::{Role, Wish};
use shared::domain::call::Target;
use shared::domain::customer::NewCustomer;
use shared::ids::{AccountId, CallId, CallbackId, CustomerId, InteractionId};
use shared::pii::Secret;
use shared::wire::command::{ManualEntry, NewReading, NewRequest};
use uuid::Uuid;

use crate::settings::{Language, SystemKeys, Theme};
use crate::state::desk::Desk;
use crate::state::drafts::Edit;
use crate::state::history::HistoryFilter;
use crate::state::reach::{Dialled, Purpose, ReachEdit};
use crate::state::screen::{Overlay, Page, Region};
use crate::state::tab::TabKey;

pub use allowed::can_dial;
use allowed::{
    can_answer, can_be_ready, can_close, can_confer, can_drop_customer, can_hand_over, can_hang_up, can_save, can_swap,
    card, has_another, in_talk, online, own_talk, readable, ringing, with_customer_alone,
};

/// What the drawing of one frame asks for.
#[derive(Debug, Default)]
pub struct Requests {
    commands: Vec<Command>,
}

impl Requests {
    pub fn push(&mut self, command: impl Into<Command>) {
        self.commands.push(command.into());
    }

    pub fn take(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.commands)
    }

    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }
}

/// One thing to carry out.
#[derive(Clone, Debug)]
pub enum Command {
    Do(Action),
    /// A reason out of the state menu, ready, or signing out.
    SetState(Wish),

    Edit {
        tab: TabKey,
        edit: Edit,
    },
    SaveReading {
        tab: TabKey,
        reading: NewReading,
    },
    RegisterRequest {
        tab: TabKey,
        request: NewRequest,
    },
    SaveInteraction {
        tab: TabKey,
        entry: ManualEntry,
    },
    /// Sends a save again that was refused or has not been answered.
    SendAgain(Uuid),

    BringForward(TabKey),
    /// The search comes in front of the cards.
    ShowSearch,
    CloseTab(TabKey),
    /// Puts back what the message with this id told of.
    Undo(u64),
    SelectAccount {
        tab: TabKey,
        account: AccountId,
    },
    RefreshCard(TabKey),

    /// Looks for a customer as one types.
    Search {
        tab: TabKey,
        text: String,
    },
    /// Looks for a customer apart from any call.
    SearchBase {
        text: String,
    },
    CloseSearch,
    /// Opens a card by hand, in a tab of its own.
    OpenCustomer(CustomerId),
    /// Says who the caller is. Of a past call the draft alone is told.
    LinkCustomer {
        call: CallId,
        customer: CustomerId,
        remember_number: bool,
    },
    CreateCustomer {
        call: Option<CallId>,
        customer: NewCustomer,
    },

    FilterHistory {
        tab: TabKey,
        filter: HistoryFilter,
    },
    MoreHistory(TabKey),
    SelectHistory {
        tab: TabKey,
        line: Option<InteractionId>,
    },

    MarkMissed {
        callback: CallbackId,
        handled: bool,
    },

    /// One keystroke in what is being typed to reach somebody.
    Reach(ReachEdit),
    /// Carries out what was typed, or something else with the same target.
    ReachTo {
        purpose: Purpose,
        to: Target,
    },
    CloseReach,
    /// Calls somebody.
    Dial(Dialled),
    PickUp(CallId),
    /// Keys into the talk: `0`-`9`, `*`, `#`, `A`-`D`.
    SendDigits(String),
    ListColleagues,

    Focus(Region),
    Open(Overlay),
    CloseOverlay,
    Go(Page),
    DismissToast(u64),

    Language(Language),
    Theme(Theme),
    Zoom(f32),
    Notify(bool),
    /// Keys that the whole system hears: on or off, and which.
    SystemKeys(SystemKeys),
    ChangePassword {
        old: Secret,
        new: Secret,
    },

    SignIn {
        gateway: String,
        login: String,
        password: Secret,
    },
    ConfirmFingerprint {
        yes: bool,
    },
    /// "Continue here?" — yes.
    TakeOver,
    SignOut,
    Unlock {
        password: Secret,
    },
    /// The window may close now.
    Close,
}

/// A command with a name and, mostly, a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    Answer,
    Hold,
    Mute,
    Refresh,
    /// Hands the call over; with a colleague on the line, leaves both to each other.
    Transfer,
    /// Asks a colleague; with a colleague on the line, lets all three hear each other.
    Conference,
    Swap,
    DropPeer,
    DropCustomer,
    Park,
    /// Keys for a voice menu.
    Tones,
    Dial,
    Redial,
    FocusDock,
    HangUp,
    StateMenu,
    SwitchScreen,
    Lock,
    Palette,
    KeyMap,
    SearchHistory,
    Save,
    NextTab,
    CloseTab,
    Undo,
    GoWaiting,
    GoCard,
    GoHistory,
    GoDock,
    GoCallBar,
    /// The n-th result of the catalogue, from 1.
    QuickResult(u8),
    ZoomIn,
    ZoomOut,
    ZoomReset,
    Reject,
    Ready,
    FindCustomer,
    AddInteraction,
    Settings,
    SwitchTheme,
    SwitchLanguage,
    SignOut,
}

/// The picture of an action, by meaning; `kit::icons` has the glyph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Icon {
    Answer,
    HangUp,
    Hold,
    Mute,
    Refresh,
    Transfer,
    Conference,
    Swap,
    DropPeer,
    DropCustomer,
    Park,
    Tones,
    Dial,
    Form,
    State,
    Ready,
    Screens,
    Lock,
    Palette,
    Keys,
    Search,
    Save,
    Tabs,
    Close,
    Undo,
    Go,
    Result,
    ZoomIn,
    ZoomOut,
    Reject,
    Customer,
    Note,
    Settings,
    Theme,
    Language,
    SignOut,
}

/// A key with its modifiers, free of egui so that this file knows no painting. `Ctrl` is the command key of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shortcut {
    pub ctrl: bool,
    pub alt: bool,
    pub shift: bool,
    pub key: Key,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    F(u8),
    Digit(u8),
    Letter(char),
    Enter,
    Tab,
    Plus,
    Minus,
}

/// Why an action cannot be done now; shown on hover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    NoCall,
    /// The call does not ring.
    NotRinging,
    NotTalking,
    /// Nobody has answered yet.
    StillDialing,
    /// A colleague has the call, and its verbs.
    ColleaguesCall,
    /// Colleagues among themselves: nobody to hold or to hand over.
    InternalCall,
    /// A colleague is on the line too.
    PeerIsThere,
    /// No colleague is on the line.
    NobodyElse,
    PeerRings,
    /// All three hear each other.
    InConference,
    CustomerLeft,
    /// One call at a time.
    InCall,
    WrapupFirst,
    NothingDialled,
    /// The number is withheld.
    NoNumber,
    /// No row of the list is chosen.
    NobodyChosen,
    /// A queue can be handed a call, and not be asked.
    QueueCannotTalk,
    /// This telephone is lifted by hand.
    LiftTheHandset,
    Offline,
    NoCard,
    NotWrapup,
    TopicMissing,
    ResultMissing,
    /// A save of it is on its way.
    AlreadySaving,
    NotYourRole,
    NoSecondTab,
    /// The card of the call goes by itself when the contact is saved.
    CallsOwnCard,
    NothingToUndo,
    /// Nobody has been found for a call that goes into a customer's history.
    NoCustomer,
    NoPhone,
    /// It is so already.
    AlreadySo,
}

impl From<Action> for Command {
    fn from(action: Action) -> Self {
        Self::Do(action)
    }
}

impl Action {
    /// Every action, in the order of the palette and the key map.
    pub const ALL: [Self; 50] = [
        Self::Answer,
        Self::HangUp,
        Self::Reject,
        Self::Hold,
        Self::Mute,
        Self::Transfer,
        Self::Conference,
        Self::Swap,
        Self::DropPeer,
        Self::DropCustomer,
        Self::Park,
        Self::Tones,
        Self::Dial,
        Self::Redial,
        Self::Save,
        Self::FocusDock,
        Self::QuickResult(1),
        Self::QuickResult(2),
        Self::QuickResult(3),
        Self::QuickResult(4),
        Self::QuickResult(5),
        Self::QuickResult(6),
        Self::QuickResult(7),
        Self::QuickResult(8),
        Self::QuickResult(9),
        Self::Ready,
        Self::StateMenu,
        Self::FindCustomer,
        Self::AddInteraction,
        Self::SearchHistory,
        Self::Refresh,
        Self::NextTab,
        Self::CloseTab,
        Self::Undo,
        Self::GoWaiting,
        Self::GoCard,
        Self::GoHistory,
        Self::GoDock,
        Self::GoCallBar,
        Self::SwitchScreen,
        Self::Palette,
        Self::KeyMap,
        Self::Settings,
        Self::SwitchTheme,
        Self::SwitchLanguage,
        Self::ZoomIn,
        Self::ZoomOut,
        Self::ZoomReset,
        Self::Lock,
        Self::SignOut,
    ];

    pub const fn shortcut(self) -> Option<Shortcut> {
        let shortcut = match self {
            Self::KeyMap => Shortcut::f(1),
            Self::Answer => Shortcut::f(2),
            Self::Hold => Shortcut::f(3),
            Self::Mute => Shortcut::f(4),
            Self::Refresh => Shortcut::f(5),
            Self::Transfer => Shortcut::f(6),
            Self::Conference => Shortcut::f(7),
            Self::FocusDock => Shortcut::f(8),
            Self::HangUp => Shortcut::f(9),
            Self::DropPeer => Shortcut::shift_f(9),
            Self::Swap => Shortcut::ctrl(Key::Letter('J')),
            Self::Park => Shortcut::ctrl(Key::Letter('P')),
            Self::Tones => Shortcut::ctrl(Key::Letter('T')),
            Self::Dial => Shortcut::ctrl(Key::Letter('D')),
            Self::Redial => Shortcut::ctrl(Key::Letter('R')),
            Self::StateMenu => Shortcut::f(10),
            Self::SwitchScreen => Shortcut::f(11),
            Self::Lock => Shortcut::f(12),
            Self::Palette => Shortcut::ctrl(Key::Letter('K')),
            Self::SearchHistory => Shortcut::ctrl(Key::Letter('F')),
            Self::Save => Shortcut::ctrl(Key::Enter),
            Self::NextTab => Shortcut::ctrl(Key::Tab),
            Self::CloseTab => Shortcut::ctrl(Key::Letter('W')),
            Self::Undo => Shortcut::ctrl(Key::Letter('U')),
            Self::FindCustomer => Shortcut::ctrl(Key::Letter('O')),
            Self::AddInteraction => Shortcut::ctrl(Key::Letter('M')),
            Self::GoWaiting => Shortcut::alt(1),
            Self::GoCard => Shortcut::alt(2),
            Self::GoHistory => Shortcut::alt(3),
            Self::GoDock => Shortcut::alt(4),
            Self::GoCallBar => Shortcut::alt(5),
            Self::QuickResult(n) => Shortcut::ctrl(Key::Digit(n)),
            Self::ZoomIn => Shortcut::ctrl(Key::Plus),
            Self::ZoomOut => Shortcut::ctrl(Key::Minus),
            Self::ZoomReset => Shortcut::ctrl(Key::Digit(0)),
            Self::Reject
            | Self::DropCustomer
            | Self::Ready
            | Self::Settings
            | Self::SwitchTheme
            | Self::SwitchLanguage
            | Self::SignOut => return None,
        };
        Some(shortcut)
    }

    pub const fn icon(self) -> Icon {
        match self {
            Self::Answer => Icon::Answer,
            Self::Hold => Icon::Hold,
            Self::Mute => Icon::Mute,
            Self::Refresh => Icon::Refresh,
            Self::Transfer => Icon::Transfer,
            Self::Conference => Icon::Conference,
            Self::Swap => Icon::Swap,
            Self::DropPeer => Icon::DropPeer,
            Self::DropCustomer => Icon::DropCustomer,
            Self::Park => Icon::Park,
            Self::Tones => Icon::Tones,
            Self::Dial | Self::Redial => Icon::Dial,
            Self::FocusDock => Icon::Form,
            Self::HangUp => Icon::HangUp,
            Self::StateMenu => Icon::State,
            Self::Ready => Icon::Ready,
            Self::SwitchScreen => Icon::Screens,
            Self::Lock => Icon::Lock,
            Self::Palette => Icon::Palette,
            Self::KeyMap => Icon::Keys,
            Self::SearchHistory => Icon::Search,
            Self::Save => Icon::Save,
            Self::NextTab => Icon::Tabs,
            Self::CloseTab => Icon::Close,
            Self::Undo => Icon::Undo,
            Self::GoWaiting | Self::GoCard | Self::GoHistory | Self::GoDock | Self::GoCallBar => Icon::Go,
            Self::QuickResult(_) => Icon::Result,
            Self::ZoomIn | Self::ZoomReset => Icon::ZoomIn,
            Self::ZoomOut => Icon::ZoomOut,
            Self::Reject => Icon::Reject,
            Self::FindCustomer => Icon::Customer,
            Self::AddInteraction => Icon::Note,
            Self::Settings => Icon::Settings,
            Self::SwitchTheme => Icon::Theme,
            Self::SwitchLanguage => Icon::Language,
            Self::SignOut => Icon::SignOut,
        }
    }

    /// The least role that has it.
    pub const fn role(self) -> Role {
        match self {
            Self::SwitchScreen => Role::Supervisor,
            _ => Role::Operator,
        }
    }

    /// Whether it can be done now, and if not, why not.
    ///
    /// # Errors
    /// The reason, for the tooltip.
    pub fn enabled(self, desk: &Desk) -> Result<(), Reason> {
        if desk.role() < self.role() {
            return Err(Reason::NotYourRole);
        }
        match self {
            Self::Hold | Self::Park => with_customer_alone(desk),
            Self::Mute | Self::Tones => in_talk(desk).map(|_| ()),
            Self::Transfer => can_hand_over(desk),
            Self::Conference => can_confer(desk),
            Self::Swap => can_swap(desk),
            Self::DropPeer => own_talk(desk)?.peer().map(|_| ()).ok_or(Reason::NobodyElse),
            Self::DropCustomer => can_drop_customer(desk),
            Self::Dial => can_dial(desk),
            Self::Redial => can_dial(desk).and(desk.last_dialled.as_ref().map(|_| ()).ok_or(Reason::NothingDialled)),
            Self::Answer => can_answer(desk),
            Self::Reject => online(desk).and_then(|()| ringing(desk)),
            Self::HangUp => can_hang_up(desk),
            Self::Save => can_save(desk),
            Self::Refresh => online(desk).and_then(|()| readable(desk)),
            Self::SearchHistory | Self::GoHistory | Self::AddInteraction => card(desk),
            Self::QuickResult(_) => desk.writes_up().map(|_| ()).ok_or(Reason::NoCall),
            Self::NextTab if !has_another(desk) => Err(Reason::NoSecondTab),
            Self::CloseTab => can_close(desk),
            Self::Undo if desk.undo.is_empty() => Err(Reason::NothingToUndo),
            Self::Ready => can_be_ready(desk),
            Self::StateMenu => online(desk),
            Self::FindCustomer => online(desk),
            Self::NextTab
            | Self::Undo
            | Self::FocusDock
            | Self::SwitchScreen
            | Self::Lock
            | Self::Palette
            | Self::KeyMap
            | Self::GoWaiting
            | Self::GoCard
            | Self::GoDock
            | Self::GoCallBar
            | Self::ZoomIn
            | Self::ZoomOut
            | Self::ZoomReset
            | Self::Settings
            | Self::SwitchTheme
            | Self::SwitchLanguage
            | Self::SignOut => Ok(()),
        }
    }
}

impl Shortcut {
    const fn f(n: u8) -> Self {
        Self { ctrl: false, alt: false, shift: false, key: Key::F(n) }
    }

    const fn shift_f(n: u8) -> Self {
        Self { shift: true, ..Self::f(n) }
    }

    const fn ctrl(key: Key) -> Self {
        Self { ctrl: true, alt: false, shift: false, key }
    }

    const fn alt(digit: u8) -> Self {
        Self { ctrl: false, alt: true, shift: false, key: Key::Digit(digit) }
    }
}

/// As on a keyboard: `Ctrl+Enter`, `Alt+1`, `F2`.
impl std::fmt::Display for Shortcut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.ctrl {
            f.write_str("Ctrl+")?;
        }
        if self.alt {
            f.write_str("Alt+")?;
        }
        if self.shift {
            f.write_str("Shift+")?;
        }
        match self.key {
            Key::F(n) => write!(f, "F{n}"),
            Key::Digit(n) => write!(f, "{n}"),
            Key::Letter(letter) => write!(f, "{letter}"),
            Key::Enter => f.write_str("Enter"),
            Key::Tab => f.write_str("Tab"),
            Key::Plus => f.write_str("+"),
            Key::Minus => f.write_str("-"),
        }
    }
}
