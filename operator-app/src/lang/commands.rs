use shared::domain::agent::Activity;
use shared::wire::command::CommandError;
use shared::wire::event::WithdrawnBecause;

use super::Tr;
use crate::command::{Action, Reason};
use crate::state::Failure;
use crate::state::call::CallView;
use crate::state::desk::Desk;
use crate::state::saves::SaveKind;
use crate::state::toasts::Message;
use crate::state::undo::Deed;

/// The list of commands and the map of keys.
#[derive(Debug)]
pub struct CommandWords {
    pub(crate) palette: &'static str,
    pub(crate) palette_hint: &'static str,
    pub(crate) nothing: &'static str,
    pub(crate) keymap: &'static str,
    pub(crate) keymap_hint: &'static str,
}

pub const RU: CommandWords = CommandWords {
    palette: "Все команды",
    palette_hint: "Начните печатать название команды",
    nothing: "Такой команды нет",
    keymap: "Клавиши",
    keymap_hint: "Esc — закрыть",
};

pub const EN: CommandWords = CommandWords {
    palette: "All commands",
    palette_hint: "Start typing a command's name",
    nothing: "There is no such command",
    keymap: "Keys",
    keymap_hint: "Esc closes",
};

impl Tr {
    /// What stands on the button, in the palette and in the key map.
    pub(crate) const fn action(&self, action: Action) -> &'static str {
        let (ru, en) = match action {
            Action::Answer => ("Ответить", "Answer"),
            Action::Hold => ("Удерж.", "Hold"),
            Action::Mute => ("Выключить микрофон", "Mute the microphone"),
            Action::Refresh => ("Обновить карточку", "Refresh the card"),
            Action::Transfer => ("Перевод", "Transfer"),
            Action::Conference => ("Позвать коллегу", "Call a colleague"),
            Action::Swap => ("Сменить собеседника", "Swap"),
            Action::DropPeer => ("Отключить коллегу", "Drop the colleague"),
            Action::DropCustomer => ("Отключить клиента", "Drop the customer"),
            Action::Park => ("Припарковать вызов", "Park the call"),
            Action::Tones => ("Тональный набор", "Dial pad"),
            Action::Dial => ("Набрать номер", "Dial a number"),
            Action::Redial => ("Повторить последний набор", "Redial the last number"),
            Action::FocusDock => ("Записать обращение", "Write the contact"),
            Action::HangUp => ("Завершить", "Hang up"),
            Action::StateMenu => ("Сменить состояние", "Change state"),
            Action::SwitchScreen => ("Рабочее место или зал", "Workplace or floor"),
            Action::Lock => ("Заблокировать рабочее место", "Lock the workplace"),
            Action::Palette => ("Все команды", "All commands"),
            Action::KeyMap => ("Клавиши", "Keys"),
            Action::SearchHistory => ("Искать в истории", "Search history"),
            Action::Save => ("Сохранить", "Save"),
            Action::NextTab => ("Следующая карточка", "Next card"),
            Action::CloseTab => ("Закрыть карточку", "Close the card"),
            Action::Undo => ("Вернуть", "Undo"),
            Action::GoWaiting => ("Перейти к очереди", "Go to the queue"),
            Action::GoCard => ("Перейти к карточке", "Go to the card"),
            Action::GoHistory => ("Перейти к истории", "Go to the history"),
            Action::GoDock => ("Перейти к обращению", "Go to the contact"),
            Action::GoCallBar => ("Перейти к панели вызова", "Go to the call bar"),
            Action::QuickResult(_) => ("Результат", "Disposition"),
            Action::ZoomIn => ("Крупнее", "Larger"),
            Action::ZoomOut => ("Мельче", "Smaller"),
            Action::ZoomReset => ("Обычный размер", "Normal size"),
            Action::Reject => ("Отклонить вызов", "Reject the call"),
            Action::Ready => ("Готов", "Ready"),
            Action::FindCustomer => ("Найти клиента", "Find a customer"),
            Action::AddInteraction => ("Записать встречу, письмо или выезд", "Add a meeting, letter or visit"),
            Action::Settings => ("Настройки", "Settings"),
            Action::SwitchTheme => ("Сменить тему", "Switch the theme"),
            Action::SwitchLanguage => ("Switch to English", "Перейти на русский"),
            Action::SignOut => ("Выйти из системы", "Sign out"),
        };
        self.pick(ru, en)
    }

    /// The same as it stands now: of a pair the one that would happen.
    pub(crate) fn action_now(&self, action: Action, desk: &Desk) -> &'static str {
        let call = desk.call.as_ref();
        let is_held = call.is_some_and(|call| call.activity() == Some(Activity::OnHold));
        let has_peer = call.is_some_and(|call| call.peer().is_some());
        let (ru, en) = match action {
            Action::Hold if is_held => ("Снять", "Resume"),
            Action::Mute if call.is_some_and(CallView::muted) => ("Включить микрофон", "Unmute the microphone"),
            Action::Transfer if has_peer => ("Соединить", "Complete"),
            Action::Conference if has_peer => ("Конференция", "Conference"),
            _ => return self.action(action),
        };
        self.pick(ru, en)
    }

    /// The verb on the strip of who else is in the call.
    pub(crate) fn verb(&self, action: Action, desk: &Desk) -> &'static str {
        let (ru, en) = match action {
            Action::Swap => ("Сменить", "Swap"),
            Action::DropPeer => ("Отключить", "Drop"),
            _ => return self.action_now(action, desk),
        };
        self.pick(ru, en)
    }

    /// The action in a list; a quick result by the name of that result.
    pub(crate) fn action_in_list(&self, action: Action, desk: &Desk) -> Option<String> {
        let Action::QuickResult(n) = action else { return Some(self.action_now(action, desk).to_owned()) };
        let result = desk.catalogue.results.get(usize::from(n).checked_sub(1)?)?;
        Some(format!("{}: {}", self.action(action), self.of(&result.name)))
    }

    pub(crate) const fn why_not(&self, reason: Reason) -> &'static str {
        let (ru, en) = match reason {
            Reason::NoCall => ("Сейчас нет вызова", "There is no call now"),
            Reason::NotRinging => ("Вызов сейчас не звонит", "The call does not ring now"),
            Reason::NotTalking => ("Сейчас нет разговора", "Nobody is talking now"),
            Reason::StillDialing => ("Ещё не ответили", "Nobody has answered yet"),
            Reason::ColleaguesCall => {
                ("Клиент на линии у коллеги: вызовом управляет он", "The colleague has the customer, and the call")
            }
            Reason::InternalCall => {
                ("Внутренний разговор: клиента на линии нет", "An internal call: no customer is on it")
            }
            Reason::PeerIsThere => (
                "На линии коллега: сначала соедините или отключите его",
                "A colleague is on the line: complete or drop first",
            ),
            Reason::NobodyElse => ("Второго собеседника нет", "Nobody else is on the line"),
            Reason::PeerRings => ("Коллега ещё не ответил", "The colleague has not answered yet"),
            Reason::InConference => ("Все трое уже слышат друг друга", "All three hear each other already"),
            Reason::CustomerLeft => ("Клиент уже положил трубку", "The customer has hung up"),
            Reason::InCall => ("Сначала завершите этот вызов", "Finish this call first"),
            Reason::WrapupFirst => ("Сначала сохраните обращение", "Save the contact first"),
            Reason::NothingDialled => ("Вы ещё никому не звонили", "You have not called anybody yet"),
            Reason::NoNumber => ("Номера нет: звонящий его скрыл", "There is no number: the caller withheld it"),
            Reason::NobodyChosen => ("Выберите строку в списке", "Choose a row of the list"),
            Reason::QueueCannotTalk => {
                ("С очередью не поговорить: переведите вызов", "A queue cannot be asked: transfer the call")
            }
            Reason::LiftTheHandset => {
                ("Этот телефон не отвечает с экрана: снимите трубку", "Lift the handset of this telephone")
            }
            Reason::Offline => ("Нет связи со шлюзом", "No connection to the gateway"),
            Reason::NoCard => ("Карточка клиента не открыта", "No customer's card is open"),
            Reason::NotWrapup => ("Сохранить можно после разговора", "It can be saved after the talk"),
            Reason::TopicMissing => {
                ("Выберите тематику: напечатайте, о чём обращение", "Choose a topic: type what it is about")
            }
            Reason::ResultMissing => ("Выберите результат обращения", "Choose a disposition"),
            Reason::AlreadySaving => ("Уже сохраняется", "It is being saved already"),
            Reason::NotYourRole => ("Нужны права супервизора", "A supervisor may do this"),
            Reason::NoSecondTab => ("Открыта одна карточка", "Only one card is open"),
            Reason::CallsOwnCard => (
                "Карточка вызова закроется сама, когда обращение сохранено",
                "The call's card closes by itself when the contact is saved",
            ),
            Reason::NothingToUndo => ("Возвращать нечего", "There is nothing to undo"),
            Reason::NoCustomer => {
                ("Найдите клиента: запись попадёт в его историю", "Find the customer: it goes into their history")
            }
            Reason::NoPhone => ("Телефон не на связи", "The telephone is not registered"),
            Reason::AlreadySo => ("Уже так", "It is so already"),
        };
        self.pick(ru, en)
    }

    pub(crate) const fn failure(&self, failure: &Failure) -> &'static str {
        let (ru, en) = match failure {
            Failure::Unreachable => ("шлюз не отвечает", "the gateway does not answer"),
            Failure::DatabaseAway => ("база клиентов недоступна", "the customer base is away"),
            Failure::NotAllowed => ("нет прав", "not allowed"),
            Failure::NotFound => ("этого больше нет", "it is not there any more"),
            Failure::Other { .. } => ("шлюз ответил отказом", "the gateway refused"),
        };
        self.pick(ru, en)
    }

    pub(crate) fn toast(&self, message: &Message) -> String {
        match message {
            Message::Saved(kind) => self.saved(*kind).to_owned(),
            Message::WaitsForGateway(kind) => {
                format!("{} {}", self.saved_thing(*kind), self.pick("ждёт отправки", "waits to be sent"))
            }
            Message::Refused { kind, error } => format!("{}: {}", self.refused_thing(*kind), self.error(error)),
            Message::OfferGone(why) => self.offer_gone(*why).to_owned(),
            Message::PartyFailed { party, why } => format!("{}: {}", self.party(party), self.party_failure(*why)),
            Message::CallIsYours => {
                self.pick("Вызов теперь ваш: клиент на линии", "The call is yours: the customer is on the line").to_owned()
            }
            Message::Done(deed) => self.deed(*deed).to_owned(),
            Message::CallForgotten => self
                .pick(
                    "Сервер уже не ждёт итога этого звонка. Сохраните ещё раз: запись попадёт в историю клиента.",
                    "The server does not wait for this call's facts any more. Save again: it goes into the customer's history.",
                )
                .to_owned(),
            Message::BackOnline => self.pick("Связь восстановлена", "The connection is back").to_owned(),
            Message::DraftsNotKept => self
                .pick(
                    "Черновики не пишутся на диск: освободите место. До этого не закрывайте программу.",
                    "Drafts cannot be written: free some disk space. Until then do not close the program.",
                )
                .to_owned(),
        }
    }

    /// Why a command did not work, with the next step.
    pub(crate) fn error(&self, error: &CommandError) -> String {
        let words = match error {
            CommandError::TooLate => {
                ("вызов уже в другом состоянии, ничего делать не нужно", "the call has moved on, nothing to do")
            }
            CommandError::NotAllowed => ("нет прав, обратитесь к супервизору", "not allowed, ask a supervisor"),
            CommandError::Invalid { field, .. } => {
                return format!("{} ({field})", self.pick("проверьте поле", "check the field"));
            }
            CommandError::KeyReused => ("запись изменилась, сохраните ещё раз", "the record has changed, save again"),
            CommandError::NotFound { .. } => ("этого больше нет, обновите карточку", "it is gone, refresh the card"),
            CommandError::DatabaseAway => {
                ("база недоступна, запись уйдёт сама", "the base is away, it will be sent by itself")
            }
            CommandError::PhoneLost => ("телефон не на связи, проверьте аппарат", "the telephone is gone, check it"),
            CommandError::NumberRefused { rule } => return self.dial_rule(*rule).to_owned(),
            CommandError::PartyFailed { why } => return self.party_failure(*why).to_owned(),
            CommandError::WrongPassword => ("старый пароль не подошёл", "the old password is wrong"),
            CommandError::Busy => ("шлюз занят, повторите", "the gateway is busy, try again"),
        };
        self.pick(words.0, words.1).to_owned()
    }

    const fn deed(&self, deed: Deed) -> &'static str {
        let (ru, en) = match deed {
            Deed::CardClosed => ("Карточка закрыта", "The card is closed"),
            Deed::DraftDropped => ("Черновик удалён", "The draft is dropped"),
            Deed::FormClosed => ("Форма закрыта", "The form is closed"),
            Deed::EntryDropped => ("Запись отменена", "The entry is dropped"),
            Deed::NewcomerDropped => ("Новый клиент не создан", "The customer is not created"),
            Deed::MarkedHandled => ("Отмечено: перезвонили", "Marked as called back"),
            Deed::MarkedOpen => ("Возвращено в список", "Back in the list"),
        };
        self.pick(ru, en)
    }

    const fn saved(&self, kind: SaveKind) -> &'static str {
        let (ru, en) = match kind {
            SaveKind::Wrapup(_) => ("Обращение сохранено", "The contact is saved"),
            SaveKind::Reading => ("Показания записаны", "The reading is saved"),
            SaveKind::Request => ("Заявка зарегистрирована", "The request is registered"),
            SaveKind::Interaction | SaveKind::PastCall => ("Запись добавлена в историю", "Added to the history"),
            SaveKind::Link(..) => ("Клиент привязан к вызову", "The customer is linked to the call"),
            SaveKind::NewCustomer => ("Клиент создан", "The customer is created"),
            SaveKind::Missed(_) => ("Отмечено", "Marked"),
            SaveKind::Password => ("Пароль изменён", "The password is changed"),
            SaveKind::Phone | SaveKind::Colleagues => ("Готово", "Done"),
        };
        self.pick(ru, en)
    }

    const fn saved_thing(&self, kind: SaveKind) -> &'static str {
        let (ru, en) = match kind {
            SaveKind::Wrapup(_) => ("Обращение", "The contact"),
            SaveKind::Reading => ("Показание", "The reading"),
            SaveKind::Request => ("Заявка", "The request"),
            SaveKind::Interaction | SaveKind::PastCall => ("Запись истории", "The history entry"),
            SaveKind::Link(..) => ("Привязка клиента", "The customer's link"),
            SaveKind::NewCustomer => ("Новый клиент", "The new customer"),
            SaveKind::Missed(_) => ("Отметка", "The mark"),
            SaveKind::Password => ("Пароль", "The password"),
            SaveKind::Phone | SaveKind::Colleagues => ("Команда", "The command"),
        };
        self.pick(ru, en)
    }

    const fn refused_thing(&self, kind: SaveKind) -> &'static str {
        let (ru, en) = match kind {
            SaveKind::Phone | SaveKind::Colleagues => ("Не получилось", "It did not work"),
            SaveKind::Password => ("Пароль не изменён", "The password was not changed"),
            _ => ("Не сохранено", "Not saved"),
        };
        self.pick(ru, en)
    }

    const fn offer_gone(&self, why: WithdrawnBecause) -> &'static str {
        let (ru, en) = match why {
            WithdrawnBecause::CallerGone => ("Звонящий положил трубку до ответа", "The caller hung up while ringing"),
            WithdrawnBecause::NoAnswer => (
                "Вызов не принят и вернулся в очередь. Вы не готовы: не ответил.",
                "The call rang out and is back in the queue. You are not ready: no answer.",
            ),
            WithdrawnBecause::Rejected => ("Вызов отклонён и вернулся в очередь", "Rejected; back in the queue"),
            WithdrawnBecause::PhoneLost => {
                ("Телефон не отвечает: вызов вернулся в очередь", "The telephone is gone: back in the queue")
            }
            WithdrawnBecause::TakenOver => ("Вызов на другом вашем рабочем месте", "The call is at your other desk"),
            WithdrawnBecause::Cancelled => {
                ("Коллега передумал и отменил вызов", "The colleague has cancelled the call")
            }
        };
        self.pick(ru, en)
    }
}
