//! Carries out what the drawing has asked for.
//!
//! [`perform`] changes the desk and the settings at once and returns what the link's threads have to do. It opens no
//! socket and reads no clock, so that a test can press every button.

use shared::domain::agent::Wish;
use shared::domain::interaction::HistoryCursor;
use shared::ids::{CallId, CustomerId};
use shared::pii::Secret;
use shared::time::Moment;
use shared::wire::command::Command as WireCommand;
use uuid::Uuid;

use crate::command::{Action, Command};
use crate::settings::{LARGEST_ZOOM, Language, SMALLEST_ZOOM, Settings, Theme};
use crate::state::call::{CallView, CardView};
use crate::state::desk::Desk;
use crate::state::drafts::{Draft, Edit, ManualDraft, Origin};
use crate::state::history::HistoryFilter;
use crate::state::saves::{Save, SaveKind, SaveState};
use crate::state::screen::{Overlay, Page, Region, Submit};
use crate::state::session::{Attempt, Connection, LockKey, SignInStep};
use crate::state::tab::{Tab, TabKey};
use crate::state::undo::{Part, Taken};

mod telephone;

pub use telephone::is_tone;

/// What the link's threads have to do.
#[derive(Clone, Debug)]
pub enum Ask {
    SignIn(Attempt),
    /// Say hello again, with the answer yes to "continue here?".
    TakeOver,
    SignOut,
    /// An event is missing: connect again and be told everything anew.
    Resync,
    /// Now or never: answer, hang up, a state.
    Send {
        id: Uuid,
        command: WireCommand,
    },
    /// Into the outbox: on disk first, then sent until it is answered.
    Keep {
        id: Uuid,
        tab: Option<TabKey>,
        command: WireCommand,
    },
    /// A refused save is tried again under its own id.
    SendAgain(Uuid),
    Search {
        tab: Option<TabKey>,
        generation: u64,
        text: String,
    },
    History(HistoryAsk),
    Card {
        tab: TabKey,
        customer: CustomerId,
        call: Option<CallId>,
    },
    /// What the disk has to see; `None` is a draft that is no more.
    Drafts(Vec<(TabKey, Option<Draft>)>),
    Shown {
        call: CallId,
        invite_to_pop_us: i64,
    },
    Settings(Box<Settings>),
    /// The program ends: what is under way is written, the agent signed out.
    Close,
}

#[derive(Clone, Debug)]
pub struct HistoryAsk {
    pub tab: TabKey,
    pub customer: CustomerId,
    pub generation: u64,
    pub after: Option<HistoryCursor>,
    pub filter: HistoryFilter,
}

/// What [`perform`] may change.
pub struct Hands<'a> {
    pub desk: &'a mut Desk,
    pub settings: &'a mut Settings,
    /// Makes the id of a thing that a person did.
    pub mint: &'a mut dyn FnMut() -> Uuid,
    pub now: Moment,
}

const ZOOM_STEP: f32 = 0.1;

/// Carries one command out.
pub fn perform(command: Command, hands: &mut Hands<'_>) -> Vec<Ask> {
    let now = hands.now;
    match command {
        Command::Do(action) => return act(action, hands),
        Command::SetState(wish) => {
            hands.desk.screen.overlay = None;
            return hands.send(WireCommand::SetState { wish });
        }

        Command::Edit { tab, edit } => hands.edit(tab, edit),
        Command::SaveReading { tab, reading } => return hands.keep_once(tab, WireCommand::SaveReading { reading }),
        Command::RegisterRequest { tab, request } => {
            return hands.keep_once(tab, WireCommand::RegisterRequest { request });
        }
        Command::SaveInteraction { tab, entry } => {
            return hands.keep_once(tab, WireCommand::SaveInteraction { entry });
        }
        Command::SendAgain(id) => {
            let is_known = hands.desk.saves.set(id, SaveState::Underway).is_some();
            return if is_known { vec![Ask::SendAgain(id)] } else { vec![] };
        }

        Command::BringForward(tab) if hands.desk.tab(tab).is_some() => hands.desk.front = Some(tab),
        Command::BringForward(_) => {}
        Command::ShowSearch => {
            hands.desk.search_open = true;
            hands.desk.front = None;
            hands.focus(Region::CustomerSearch);
        }
        Command::CloseTab(tab) => hands.close_tab(tab),
        Command::Undo(toast) => return hands.undo(Some(toast)),
        Command::SelectAccount { tab: key, account } => {
            if let Some(tab) = hands.desk.tab_mut(key) {
                tab.account = Some(account);
                hands.desk.note_origin(key, now);
            }
        }
        Command::RefreshCard(tab) => return hands.read_card(tab),

        Command::Search { tab, text } => {
            let Some(search) = hands.desk.tab_mut(tab).map(|tab| &mut tab.search) else { return vec![] };
            if search.set_text(text, now) {
                let (generation, text) = (search.generation, search.text.clone());
                return vec![Ask::Search { tab: Some(tab), generation, text }];
            }
        }
        Command::SearchBase { text } => {
            let search = &mut hands.desk.search;
            if search.set_text(text, now) {
                let (generation, text) = (search.generation, search.text.clone());
                return vec![Ask::Search { tab: None, generation, text }];
            }
        }
        Command::CloseSearch => hands.desk.close_search(),
        Command::OpenCustomer(customer) => return hands.open_customer(customer),
        Command::LinkCustomer { call, customer, .. } if hands.desk.is_past_call(TabKey::Call(call)) => {
            return hands.link_past(TabKey::Call(call), customer);
        }
        Command::LinkCustomer { call, customer, remember_number } => {
            let command = WireCommand::LinkCustomer { call, customer, remember_number };
            return hands.keep(Some(TabKey::Call(call)), command);
        }
        Command::CreateCustomer { call, customer } => {
            let tab = call.map(TabKey::Call);
            let call = call.filter(|call| !hands.desk.is_past_call(TabKey::Call(*call)));
            let command = WireCommand::CreateCustomer { call, customer };
            return match tab {
                Some(tab) => hands.keep_once(tab, command),
                None => hands.keep(None, command),
            };
        }

        Command::FilterHistory { tab, filter } => {
            if hands.desk.tab_mut(tab).is_some_and(|tab| tab.history.set_filter(filter, now)) {
                return hands.read_history(tab, None);
            }
        }
        Command::MoreHistory(tab) => {
            let after = hands.desk.tab(tab).and_then(|tab| tab.history.next);
            if hands.desk.tab_mut(tab).is_some_and(|tab| tab.history.wants_more(now)) {
                return hands.read_history(tab, after);
            }
        }
        Command::SelectHistory { tab, line } => {
            if let Some(tab) = hands.desk.tab_mut(tab) {
                tab.history.selected = line;
            }
        }
        Command::MarkMissed { callback, handled } => {
            hands.desk.took(Taken::Mark { callback, handled: !handled }, now);
            return hands.keep(None, WireCommand::MarkMissed { callback, handled });
        }

        Command::Reach(edit) => {
            if let Some(reach) = &mut hands.desk.reach {
                reach.edit(edit);
            }
        }
        Command::ReachTo { purpose, to } => return hands.reach_to(purpose, to),
        Command::CloseReach => hands.desk.reach = None,
        Command::Dial(dialled) => return hands.dial(dialled),
        Command::PickUp(call) => return hands.pick_up(call),
        Command::SendDigits(digits) => return hands.send_digits(digits),
        Command::ListColleagues => {
            hands.desk.colleagues.asked(now);
            return hands.send(WireCommand::ListColleagues);
        }

        Command::Focus(region) => hands.desk.screen.focus = Some(region),
        Command::Open(overlay) => hands.desk.screen.overlay = Some(overlay),
        Command::CloseOverlay => hands.desk.screen.overlay = None,
        Command::Go(page) => hands.desk.screen.page = page,
        Command::DismissToast(id) => hands.desk.toasts.dismiss(id),

        Command::Language(language) => hands.settings.language = language,
        Command::Theme(theme) => hands.settings.theme = theme,
        Command::Zoom(zoom) => hands.settings.zoom = zoom.clamp(SMALLEST_ZOOM, LARGEST_ZOOM),
        Command::Notify(notify) => hands.settings.notify = notify,
        Command::SystemKeys(keys) => hands.settings.system_keys = keys,
        Command::ChangePassword { old, new } => {
            hands.desk.new_lock = Some(LockKey::new(&new, (hands.mint)().into_bytes()));
            return hands.send(WireCommand::ChangePassword { old, new });
        }

        Command::SignIn { gateway, login, password } => return hands.sign_in(gateway, login, password),
        Command::ConfirmFingerprint { yes } => return hands.confirm_fingerprint(yes),
        Command::TakeOver => {
            hands.desk.connection = Connection::Connecting { since: now };
            return vec![Ask::TakeOver];
        }
        Command::SignOut => return vec![Ask::Drafts(hands.desk.drafts.take_all()), Ask::SignOut],
        Command::Unlock { password } => {
            let opens = hands.desk.session.as_ref().is_none_or(|session| session.lock.opens(&password));
            hands.desk.screen.locked = !opens;
            hands.desk.screen.lock_error = !opens;
        }
        Command::Close => {
            hands.desk.screen.overlay = None;
            return vec![Ask::Drafts(hands.desk.drafts.take_all()), Ask::Close];
        }
    }
    vec![]
}

fn act(action: Action, hands: &mut Hands<'_>) -> Vec<Ask> {
    if action.enabled(hands.desk).is_err() {
        return vec![];
    }
    let call = hands.desk.call.as_ref().map(CallView::id);
    let front = hands.desk.front;
    match action {
        Action::Hold
        | Action::Mute
        | Action::Transfer
        | Action::Conference
        | Action::Swap
        | Action::DropPeer
        | Action::DropCustomer
        | Action::Park
        | Action::Tones
        | Action::Dial
        | Action::Redial => return hands.telephone(action),
        Action::Answer => {
            let Some(call) = call else { return vec![] };
            hands.desk.front = Some(TabKey::Call(call));
            return hands.send(WireCommand::Answer { call });
        }
        Action::Reject => return call.map_or(vec![], |call| hands.send(WireCommand::Reject { call })),
        Action::HangUp => return call.map_or(vec![], |call| hands.send(WireCommand::HangUp { call })),
        Action::Ready => return hands.send(WireCommand::SetState { wish: Wish::Ready }),
        Action::Save => return hands.save(),
        Action::QuickResult(n) => {
            let nth = usize::from(n).checked_sub(1).and_then(|n| hands.desk.catalogue.results.get(n));
            if let (Some(tab), Some(code)) = (hands.desk.writes_up(), nth.map(|result| result.code.clone())) {
                hands.edit(tab, Edit::Result(Some(code)));
            }
        }
        Action::Refresh => return front.map_or(vec![], |tab| hands.read_card(tab)),
        Action::NextTab => hands.next_tab(),
        Action::CloseTab => match front {
            Some(tab) => hands.close_tab(tab),
            None => hands.desk.close_search(),
        },
        Action::Undo => return hands.undo(None),
        Action::AddInteraction => {
            if let Some(tab) = front {
                // What stands in an entry that is open already is not thrown away.
                if hands.desk.drafts.get(tab).is_none_or(|draft| draft.manual.is_none()) {
                    let entry = ManualDraft::at(hands.desk.clock.at(hands.now));
                    hands.edit(tab, Edit::Manual(Some(entry)));
                }
                hands.focus(Region::Manual);
            }
        }
        Action::FocusDock | Action::GoDock => {
            hands.leave_search();
            hands.focus(Region::Dock);
        }
        Action::SearchHistory => hands.focus(Region::HistorySearch),
        Action::GoWaiting => hands.focus(Region::Waiting),
        Action::GoCard => {
            hands.leave_search();
            hands.focus(Region::Card);
        }
        Action::GoHistory => hands.focus(Region::History),
        Action::GoCallBar => hands.focus(Region::CallBar),
        Action::FindCustomer => return perform(Command::ShowSearch, hands),
        Action::Palette => hands.toggle(Overlay::Palette),
        Action::KeyMap => hands.toggle(Overlay::KeyMap),
        Action::StateMenu => hands.toggle(Overlay::StateMenu),
        Action::SwitchScreen => {
            let page = &mut hands.desk.screen.page;
            *page = if *page == Page::Supervisor { Page::Operator } else { Page::Supervisor };
        }
        Action::Settings => {
            let page = &mut hands.desk.screen.page;
            *page = if *page == Page::Settings { Page::Operator } else { Page::Settings };
        }
        Action::Lock => {
            hands.desk.screen.locked = hands.desk.session.is_some();
            hands.desk.screen.overlay = None;
        }
        Action::ZoomIn => return perform(Command::Zoom(hands.settings.zoom + ZOOM_STEP), hands),
        Action::ZoomOut => return perform(Command::Zoom(hands.settings.zoom - ZOOM_STEP), hands),
        Action::ZoomReset => hands.settings.zoom = 1.0,
        Action::SwitchTheme => {
            hands.settings.theme = if hands.settings.theme == Theme::Dark { Theme::Light } else { Theme::Dark };
        }
        Action::SwitchLanguage => {
            hands.settings.language = if hands.settings.language == Language::Ru { Language::En } else { Language::Ru };
        }
        Action::SignOut => return perform(Command::SignOut, hands),
    }
    vec![]
}

impl Hands<'_> {
    fn focus(&mut self, region: Region) {
        self.desk.screen.page = Page::Operator;
        self.desk.screen.overlay = None;
        self.desk.screen.focus = Some(region);
    }

    fn toggle(&mut self, overlay: Overlay) {
        let shown = &mut self.desk.screen.overlay;
        *shown = if *shown == Some(overlay) { None } else { Some(overlay) };
    }

    /// What has been sent is not changed under the gateway's hands.
    fn edit(&mut self, tab: TabKey, edit: Edit) {
        let saves = &self.desk.saves;
        let is_being_saved = match (&edit, tab) {
            (Edit::Topic(_) | Edit::Result(_) | Edit::Summary(_) | Edit::TopicSearch(_), TabKey::Call(call)) => {
                saves.is_open(SaveKind::Wrapup(call)) || saves.is_open_of(tab, SaveKind::PastCall)
            }
            (Edit::Manual(_), _) => saves.is_open_of(tab, SaveKind::Interaction),
            (Edit::OpenForm(_) | Edit::CloseForm | Edit::Field { .. } | Edit::Comment(_) | Edit::Confirmed(_), _) => {
                saves.is_open_of(tab, SaveKind::Reading) || saves.is_open_of(tab, SaveKind::Request)
            }
            (Edit::Newcomer(_), _) => saves.is_open_of(tab, SaveKind::NewCustomer),
            _ => false,
        };
        if is_being_saved {
            return;
        }
        if let Some(part) = self.thrown_away(tab, &edit) {
            self.desk.took(Taken::Part { tab, part }, self.now);
        }
        self.desk.edit(tab, edit, self.now);
    }

    /// What stands in the part of the draft that this edit closes.
    fn thrown_away(&self, tab: TabKey, edit: &Edit) -> Option<Part> {
        let draft = self.desk.drafts.get(tab)?;
        match edit {
            Edit::CloseForm => draft.form.clone().filter(|form| form.is_typed_in()).map(Part::Form),
            Edit::Manual(None) => draft.manual.clone().filter(ManualDraft::is_typed_in).map(Part::Manual),
            Edit::Newcomer(None) => {
                draft.newcomer.clone().filter(|newcomer| !newcomer.name.is_empty()).map(Part::Newcomer)
            }
            _ => None,
        }
    }

    /// Closes a card, and what was typed for it goes with it: one key brings both back. The call's own card stays.
    fn close_tab(&mut self, key: TabKey) {
        let is_the_calls = self.desk.call_tab().is_some_and(|of_call| of_call.key == key);
        let Some(at) = self.desk.tabs.iter().position(|tab| tab.key == key).filter(|_| !is_the_calls) else { return };
        let tab = Box::new(self.desk.tabs[at].clone());
        let draft = self.desk.drafts.take_away(key, self.now).map(Box::new);
        self.desk.close_tab(key);
        self.desk.took(Taken::Card { tab, at, draft }, self.now);
    }

    /// Puts back what the message told of, or without one the latest.
    fn undo(&mut self, toast: Option<u64>) -> Vec<Ask> {
        let Some((toast, taken)) = self.desk.undo.take(toast) else { return vec![] };
        self.desk.toasts.dismiss(toast);
        match taken {
            Taken::Card { tab, at, draft } => {
                let key = tab.key;
                if self.desk.tab(key).is_none() {
                    let at = at.min(self.desk.tabs.len());
                    self.desk.tabs.insert(at, *tab);
                }
                if let Some(draft) = draft {
                    self.desk.drafts.put_back(key, *draft, self.now);
                }
                self.bring_forward(key);
                self.read_card(key)
            }
            Taken::Part { tab, part } => {
                let edit = match part {
                    Part::Form(form) => Edit::OpenForm(form),
                    Part::Manual(entry) => Edit::Manual(Some(entry)),
                    Part::Newcomer(newcomer) => Edit::Newcomer(Some(newcomer)),
                };
                if self.desk.tab(tab).is_none() {
                    self.desk.edit(tab, edit, self.now);
                    self.desk.reopen(tab);
                    self.bring_forward(tab);
                    return self.read_card(tab);
                }
                self.edit(tab, edit);
                self.bring_forward(tab);
                vec![]
            }
            Taken::Mark { callback, handled } => self.keep(None, WireCommand::MarkMissed { callback, handled }),
        }
    }

    fn bring_forward(&mut self, key: TabKey) {
        self.desk.front = Some(key);
        self.desk.screen.page = Page::Operator;
        self.desk.screen.overlay = None;
    }

    /// The cards in their order, then the search.
    fn next_tab(&mut self) {
        let desk = &mut *self.desk;
        let mut places: Vec<Option<TabKey>> = desk.tabs.iter().map(|tab| Some(tab.key)).collect();
        if desk.search_open {
            places.push(None);
        }
        let at = places.iter().position(|place| *place == desk.front);
        let next = at.map_or(0, |at| (at + 1) % places.len().max(1));
        match places.get(next) {
            Some(Some(key)) => desk.front = Some(*key),
            Some(None) => {
                desk.front = None;
                desk.screen.focus = Some(Region::CustomerSearch);
            }
            None => {}
        }
    }

    /// A key that leads to the card or the dock leads out of the search.
    fn leave_search(&mut self) {
        if self.desk.search_in_front() {
            self.desk.show_something();
        }
    }

    /// Who a past caller was: the gateway is told with the contact itself.
    fn link_past(&mut self, key: TabKey, customer: CustomerId) -> Vec<Ask> {
        let of = Origin { customer: Some(customer), account: None, ..self.desk.origin(key) };
        self.desk.drafts.set_origin(key, of, self.now);
        if let Some(tab) = self.desk.tab_mut(key) {
            tab.set_card(CardView::Pending);
        }
        self.read_card(key)
    }

    /// Into the outbox, unless the same is on its way already: Ctrl+Enter pressed twice writes one entry.
    fn keep_once(&mut self, tab: TabKey, command: WireCommand) -> Vec<Ask> {
        if self.desk.saves.is_open_of(tab, SaveKind::of(&command)) {
            return vec![];
        }
        self.keep(Some(tab), command)
    }

    /// Ctrl+Enter: the open entry first, then the form, then the contact itself.
    fn save(&mut self) -> Vec<Ask> {
        let Some(tab) = self.desk.front else { return vec![] };
        let draft = self.desk.drafts.get(tab);
        self.desk.screen.submit = match draft {
            Some(draft) if draft.manual.is_some() => Some(Submit::Manual),
            Some(draft) if draft.form.is_some() => Some(Submit::Form),
            Some(_) | None => None,
        };
        if self.desk.screen.submit.is_some() {
            return vec![];
        }
        self.desk.contact_to_save(tab).map_or(vec![], |command| self.keep(Some(tab), command))
    }

    fn send(&mut self, command: WireCommand) -> Vec<Ask> {
        let id = self.begin(None, &command, SaveState::Underway);
        vec![Ask::Send { id, command }]
    }

    fn keep(&mut self, tab: Option<TabKey>, command: WireCommand) -> Vec<Ask> {
        let state = if self.desk.connection.is_online() { SaveState::Underway } else { SaveState::Waiting };
        let id = self.begin(tab, &command, state);
        vec![Ask::Keep { id, tab, command }]
    }

    fn begin(&mut self, tab: Option<TabKey>, command: &WireCommand, state: SaveState) -> Uuid {
        let id = (self.mint)();
        let kind = SaveKind::of(command);
        self.desk.saves.begin(Save { id, kind, tab, began: self.now, state });
        id
    }

    fn read_card(&mut self, key: TabKey) -> Vec<Ask> {
        let Some(tab) = self.desk.tab(key) else { return vec![] };
        match self.desk.customer_of(key) {
            Some(customer) => vec![Ask::Card { tab: key, customer, call: tab.call() }],
            None => vec![],
        }
    }

    fn read_history(&self, key: TabKey, after: Option<HistoryCursor>) -> Vec<Ask> {
        let Some(tab) = self.desk.tab(key) else { return vec![] };
        let Some(customer) = tab.customer() else { return vec![] };
        let (generation, filter) = (tab.history.generation, tab.history.filter.clone());
        vec![Ask::History(HistoryAsk { tab: key, customer, generation, after, filter })]
    }

    fn open_customer(&mut self, customer: CustomerId) -> Vec<Ask> {
        self.desk.screen.overlay = None;
        self.desk.screen.page = Page::Operator;
        let already = self.desk.tabs.iter().find(|tab| tab.customer() == Some(customer)).map(|tab| tab.key);
        let key = already.unwrap_or(TabKey::Customer(customer));
        if self.desk.tab(key).is_none() {
            self.desk.tabs.push(Tab::new(key, None, CardView::Pending));
        }
        self.desk.front = Some(key);
        self.desk.search_open = false;
        if already.is_some() { vec![] } else { self.read_card(key) }
    }

    fn sign_in(&mut self, gateway: String, login: String, password: Secret) -> Vec<Ask> {
        let gateway = gateway.trim().to_owned();
        let fingerprint = self.settings.fingerprints.get(&gateway).cloned();
        self.settings.gateway.clone_from(&gateway);
        login.trim().clone_into(&mut self.settings.login);
        let lock = LockKey::new(&password, (self.mint)().into_bytes());
        let attempt = Attempt { gateway, login: login.trim().to_owned(), password, fingerprint, lock };
        self.desk.sign_in.attempt = Some(attempt.clone());
        self.desk.sign_in.step = SignInStep::Underway;
        self.desk.sign_in.error = None;
        vec![Ask::SignIn(attempt)]
    }

    fn confirm_fingerprint(&mut self, yes: bool) -> Vec<Ask> {
        let step = std::mem::take(&mut self.desk.sign_in.step);
        let SignInStep::ConfirmFingerprint { gateway, fingerprint } = step else { return vec![] };
        let Some(attempt) = self.desk.sign_in.attempt.as_mut().filter(|_| yes) else {
            self.desk.sign_in.attempt = None;
            return vec![];
        };
        attempt.fingerprint = Some(fingerprint.clone());
        let attempt = attempt.clone();
        self.settings.fingerprints.insert(gateway, fingerprint);
        self.desk.sign_in.step = SignInStep::Underway;
        vec![Ask::SignIn(attempt)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::event::{LinkEvent, Stamped};
    use crate::state::session::SignInState;

    struct Person {
        desk: Desk,
        settings: Settings,
        n_made: u128,
    }

    impl Person {
        fn new() -> Self {
            Self { desk: Desk::default(), settings: Settings::default(), n_made: 0 }
        }

        fn does(&mut self, command: impl Into<Command>) -> Vec<Ask> {
            let n_made = &mut self.n_made;
            let mut mint = || {
                *n_made += 1;
                Uuid::from_u128(*n_made)
            };
            let now = Moment::at_ms(0);
            let hands = &mut Hands { desk: &mut self.desk, settings: &mut self.settings, mint: &mut mint, now };
            perform(command.into(), hands)
        }

        fn signs_in(&mut self) -> Vec<Ask> {
            let gateway = " wss://127.0.0.1:7443 ".into();
            self.does(Command::SignIn { gateway, login: "anna".into(), password: Secret::new("long enough") })
        }

        fn is_told(&mut self, event: LinkEvent) {
            self.desk.apply(Stamped { taken_at: Moment::at_ms(0), event }, Moment::at_ms(0));
        }
    }

    fn profile() -> shared::domain::agent::AgentProfile {
        shared::domain::agent::AgentProfile {
            id: shared::ids::AgentId(1),
            login: "anna".into(),
            name: "Анна".into(),
            role: shared::domain::agent::Role::Operator,
            phone: None,
        }
    }

    #[test]
    fn a_certificate_is_trusted_only_after_the_person_has_confirmed_it() {
        let mut anna = Person::new();
        assert!(matches!(&anna.signs_in()[..], [Ask::SignIn(Attempt { fingerprint: None, .. })]));
        let (gateway, fingerprint) = ("wss://127.0.0.1:7443".to_owned(), "ab:cd".to_owned());
        anna.is_told(LinkEvent::ConfirmFingerprint { gateway: gateway.clone(), fingerprint: fingerprint.clone() });
        assert!(anna.settings.fingerprints.is_empty());
        let asks = anna.does(Command::ConfirmFingerprint { yes: true });
        assert!(matches!(&asks[..], [Ask::SignIn(attempt)] if attempt.fingerprint.as_ref() == Some(&fingerprint)));
        assert_eq!(anna.settings.fingerprints.get(&gateway), Some(&fingerprint));
    }

    #[test]
    fn a_certificate_that_is_not_confirmed_leads_back_to_the_form_and_is_not_kept() {
        let mut anna = Person::new();
        anna.signs_in();
        anna.is_told(LinkEvent::ConfirmFingerprint {
            gateway: "wss://127.0.0.1:7443".into(),
            fingerprint: "ab".into(),
        });
        assert!(anna.does(Command::ConfirmFingerprint { yes: false }).is_empty());
        assert_eq!(anna.desk.sign_in.step, SignInState::default().step);
        assert!(anna.settings.fingerprints.is_empty() && anna.desk.sign_in.attempt.is_none());
    }

    #[test]
    fn a_locked_workplace_opens_with_the_own_password_alone_even_without_the_gateway() {
        let mut anna = Person::new();
        anna.signs_in();
        anna.is_told(LinkEvent::SignedIn { profile: profile(), gateway: "g".into() });
        anna.does(Action::Lock);
        assert!(anna.desk.screen.locked);
        anna.does(Command::Unlock { password: Secret::new("long enougH") });
        assert!(anna.desk.screen.locked && anna.desk.screen.lock_error);
        anna.does(Command::Unlock { password: Secret::new("long enough") });
        assert!(!anna.desk.screen.locked && !anna.desk.screen.lock_error);
    }

    #[test]
    fn a_key_that_means_nothing_now_does_nothing() {
        let mut anna = Person::new();
        for action in [Action::Answer, Action::HangUp, Action::Hold, Action::Save, Action::Refresh, Action::NextTab] {
            assert!(anna.does(action).is_empty(), "{action:?}");
        }
    }

    #[test]
    fn the_zoom_stays_where_a_person_can_read() {
        let mut anna = Person::new();
        for _ in 0..20 {
            anna.does(Action::ZoomIn);
        }
        assert!((anna.settings.zoom - LARGEST_ZOOM).abs() < f32::EPSILON);
        anna.does(Action::ZoomReset);
        assert!((anna.settings.zoom - 1.0).abs() < f32::EPSILON);
    }

    #[test]
    fn a_save_made_without_the_gateway_waits_and_says_so() {
        let mut anna = Person::new();
        let asks = anna.does(Command::MarkMissed { callback: shared::ids::CallbackId(4), handled: true });
        let [Ask::Keep { id, .. }] = &asks[..] else { panic!("{asks:?}") };
        assert_eq!(anna.desk.saves.get(*id).map(|save| save.state.clone()), Some(SaveState::Waiting));
        assert_eq!(anna.desk.saves.n_waiting(), 1);
    }

    #[test]
    fn a_reading_is_sent_once_however_often_the_key_is_pressed() {
        let mut anna = Person::new();
        let tab = TabKey::Customer(CustomerId(1));
        let reading = shared::wire::command::NewReading {
            call: None,
            account: shared::ids::AccountId(1),
            taken_on: chrono::NaiveDate::default(),
            values: [1].into_iter().collect(),
            confirmed: false,
        };
        assert_eq!(anna.does(Command::SaveReading { tab, reading: reading.clone() }).len(), 1);
        assert!(anna.does(Command::SaveReading { tab, reading }).is_empty());
    }

    #[test]
    fn no_two_actions_share_a_key() {
        let mut keys = std::collections::HashSet::new();
        for shortcut in Action::ALL.into_iter().filter_map(Action::shortcut) {
            assert!(keys.insert(shortcut), "{shortcut}");
        }
    }
}
