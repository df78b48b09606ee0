use shared::domain::interaction::Channel;

use super::Tr;

/// A meeting, letter or visit that is written down by hand.
#[derive(Debug)]
pub struct ManualWords {
    pub(crate) title: &'static str,
    pub(crate) what: &'static str,
    pub(crate) who_began: &'static str,
    pub(crate) from_customer: &'static str,
    pub(crate) to_customer: &'static str,
    pub(crate) date: &'static str,
    pub(crate) date_hint: &'static str,
    pub(crate) time: &'static str,
    pub(crate) time_hint: &'static str,
    pub(crate) topic_hint: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) summary_hint: &'static str,
    pub(crate) not_a_time: &'static str,
    pub(crate) time_missing: &'static str,
    pub(crate) future: &'static str,
    pub(crate) topic_missing: &'static str,
    pub(crate) result_missing: &'static str,
    pub(crate) summary_missing: &'static str,
    pub(crate) save: &'static str,
    pub(crate) cancel: &'static str,
    pub(crate) underway: &'static str,
    pub(crate) waits: &'static str,
}

pub const RU: ManualWords = ManualWords {
    title: "Встреча, письмо или выезд",
    what: "Что было",
    who_began: "Кто обратился",
    from_customer: "Клиент к нам",
    to_customer: "Мы к клиенту",
    date: "Дата",
    date_hint: "сегодня",
    time: "Время",
    time_hint: "сейчас",
    topic_hint: "Начните печатать тематику",
    summary: "Содержание",
    summary_hint: "О чём шла речь, что обещано",
    not_a_time: "Напишите время как 14:07 или 14",
    time_missing: "Напишите, во сколько это было",
    future: "Это ещё не наступило",
    topic_missing: "Выберите тематику",
    result_missing: "Выберите результат",
    summary_missing: "Напишите, о чём шла речь",
    save: "Сохранить",
    cancel: "Отмена",
    underway: "Сохраняется…",
    waits: "Ждёт отправки",
};

pub const EN: ManualWords = ManualWords {
    title: "Meeting, letter or visit",
    what: "What it was",
    who_began: "Who turned to whom",
    from_customer: "Customer to us",
    to_customer: "We to the customer",
    date: "Date",
    date_hint: "today",
    time: "Time",
    time_hint: "now",
    topic_hint: "Start typing the topic",
    summary: "Content",
    summary_hint: "What it was about, what was promised",
    not_a_time: "Write the time as 14:07 or 14",
    time_missing: "Write at what time it was",
    future: "This has not come yet",
    topic_missing: "Choose a topic",
    result_missing: "Choose a disposition",
    summary_missing: "Write what it was about",
    save: "Save",
    cancel: "Cancel",
    underway: "Saving…",
    waits: "Waits to be sent",
};

impl Tr {
    /// What can be written down by hand, as one word.
    pub(crate) fn channel(&self, channel: Channel) -> &'static str {
        let (ru, en) = match channel {
            Channel::Call => ("Звонок", "Call"),
            Channel::Email => ("Электронное письмо", "E-mail"),
            Channel::Letter => ("Письмо", "Letter"),
            Channel::Meeting => ("Встреча", "Meeting"),
            Channel::Visit => ("Выезд", "Visit"),
            Channel::Chat => ("Чат", "Chat"),
            Channel::WebAccount => ("Личный кабинет", "Web account"),
            Channel::Sms => ("СМС", "Text message"),
        };
        self.pick(ru, en)
    }
}
