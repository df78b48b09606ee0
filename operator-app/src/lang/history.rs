use shared::domain::interaction::{Channel, Direction};

use super::{Tr, plural_en, plural_ru};

/// The history of contacts.
#[derive(Debug)]
pub struct HistoryWords {
    pub history: &'static str,
    pub calls: &'static str,
    pub letters: &'static str,
    pub meetings: &'static str,
    pub channels: &'static str,
    pub search: &'static str,
    pub nothing: &'static str,
    pub nothing_hint: &'static str,
    pub nothing_found: &'static str,
    pub nothing_found_hint: &'static str,
    pub no_customer: &'static str,
    pub no_customer_hint: &'static str,
    pub loading: &'static str,
    pub n_new: fn(usize) -> String,
    pub add: &'static str,
    pub add_title: &'static str,
    pub what: &'static str,
    pub when: &'static str,
    pub summary: &'static str,
    pub summary_missing: &'static str,
    pub save: &'static str,
    pub cancel: &'static str,
    pub failed: &'static str,
    pub waits: &'static str,
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
    add_title: "Встреча, письмо или выезд",
    what: "Что было",
    when: "Когда",
    summary: "Содержание",
    summary_missing: "Напишите, о чём шла речь",
    save: "Сохранить",
    cancel: "Отмена",
    failed: "История не загрузилась",
    waits: "ждёт отправки",
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
    add_title: "Meeting, letter or visit",
    what: "What it was",
    when: "When",
    summary: "Content",
    summary_missing: "Write what it was about",
    save: "Save",
    cancel: "Cancel",
    failed: "The history did not load",
    waits: "waiting to be sent",
};

impl Tr {
    pub fn contact(&self, channel: Channel, direction: Direction) -> &'static str {
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
