use shared::domain::interaction::{Channel, Direction};

use super::{Tr, plural_en, plural_ru};

/// The history of contacts.
#[derive(Debug)]
pub struct HistoryWords {
    pub(crate) history: &'static str,
    pub(crate) calls: &'static str,
    pub(crate) letters: &'static str,
    pub(crate) meetings: &'static str,
    pub(crate) channels: &'static str,
    pub(crate) search: &'static str,
    pub(crate) nothing: &'static str,
    pub(crate) nothing_hint: &'static str,
    pub(crate) nothing_found: &'static str,
    pub(crate) nothing_found_hint: &'static str,
    pub(crate) no_customer: &'static str,
    pub(crate) no_customer_hint: &'static str,
    pub(crate) loading: &'static str,
    pub(crate) n_new: fn(usize) -> String,
    pub(crate) add: &'static str,
    pub(crate) failed: &'static str,
}

pub const RU: HistoryWords = HistoryWords {
    history: "История",
    calls: "Звонки",
    letters: "Письма",
    meetings: "Встречи",
    channels: "Каналы истории",
    search: "Поиск по истории   Ctrl+F",
    nothing: "Обращений ещё не было",
    nothing_hint: "Встречу, письмо или выезд можно записать кнопкой «Записать»",
    nothing_found: "Ничего не нашлось",
    nothing_found_hint: "Esc — показать всю историю",
    no_customer: "История появится вместе с карточкой",
    no_customer_hint: "Здесь звонки, письма, встречи и выезды",
    loading: "История загружается",
    n_new: |n| format!("{n} {}", plural_ru(n, "новая", "новых", "новых")),
    add: "Записать",
    failed: "История не загрузилась",
};

pub const EN: HistoryWords = HistoryWords {
    history: "History",
    calls: "Calls",
    letters: "Letters",
    meetings: "Meetings",
    channels: "Channels of the history",
    search: "Search history   Ctrl+F",
    nothing: "No contacts yet",
    nothing_hint: "A meeting, letter or visit is written down with “Add”",
    nothing_found: "Nothing found",
    nothing_found_hint: "Esc shows the whole history",
    no_customer: "The history comes with the card",
    no_customer_hint: "Calls, letters, meetings and visits stand here",
    loading: "The history is loading",
    n_new: |n| format!("{n} {}", plural_en(n, "new", "new")),
    add: "Add",
    failed: "The history did not load",
};

impl Tr {
    pub(crate) fn contact(&self, channel: Channel, direction: Direction) -> &'static str {
        let inbound = direction == Direction::Inbound;
        let (ru, en) = match channel {
            Channel::Call if inbound => ("Входящий звонок", "Incoming call"),
            Channel::Call => ("Исходящий звонок", "Outgoing call"),
            Channel::Email if inbound => ("Письмо от клиента", "E-mail from customer"),
            Channel::Email => ("Письмо клиенту", "E-mail to customer"),
            Channel::Letter if inbound => ("Бумажное письмо", "Letter from customer"),
            Channel::Letter => ("Письмо почтой", "Letter to customer"),
            Channel::Meeting => ("Встреча", "Meeting"),
            Channel::Visit => ("Выезд", "Visit"),
            Channel::Chat => ("Чат", "Chat"),
            Channel::WebAccount => ("Личный кабинет", "Web account"),
            Channel::Sms => ("СМС", "Text message"),
        };
        self.pick(ru, en)
    }
}
