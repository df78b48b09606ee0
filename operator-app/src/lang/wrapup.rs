/// The form dock under the card.
#[derive(Debug)]
pub struct WrapupWords {
    pub(crate) title: &'static str,
    pub(crate) title_by_hand: &'static str,
    pub(crate) about_by_hand: &'static str,
    pub(crate) by_hand: &'static str,
    pub(crate) past_call: fn(&str) -> String,
    pub(crate) drop_draft: &'static str,
    pub(crate) topics: &'static str,
    pub(crate) about: &'static str,
    pub(crate) about_hint: &'static str,
    pub(crate) nothing_fits: &'static str,
    pub(crate) topic: &'static str,
    pub(crate) clear_topic: &'static str,
    pub(crate) form: &'static str,
    pub(crate) result: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) summary_hint: &'static str,
    pub(crate) draft_saved: &'static str,
    pub(crate) draft_writing: &'static str,
    pub(crate) draft_waits: &'static str,
    pub(crate) no_call: &'static str,
}

pub const RU: WrapupWords = WrapupWords {
    title: "Обращение",
    title_by_hand: "Без вызова",
    about_by_hand: "Заявка, показания, тематика",
    by_hand: "Без вызова можно принять заявку и показания или записать встречу, письмо, выезд: запись останется в истории клиента.",
    past_call: |when| {
        if when.is_empty() {
            "звонок закончен, не сохранено".to_owned()
        } else {
            format!("звонок {when} закончен, не сохранено")
        }
    },
    drop_draft: "Удалить черновик",
    topics: "Тематики",
    about: "О чём обращение",
    about_hint: "Например: показания 12345",
    nothing_fits: "Ничего не подошло: попробуйте другое слово",
    topic: "Тематика",
    clear_topic: "Выбрать другую тематику",
    form: "форма",
    result: "Результат обращения",
    summary: "Комментарий",
    summary_hint: "Суть обращения, что обещано клиенту",
    draft_saved: "Черновик сохранён",
    draft_writing: "Черновик пишется…",
    draft_waits: "Сохранено, ждёт отправки",
    no_call: "Обращение записывается здесь, когда открыта карточка",
};

pub const EN: WrapupWords = WrapupWords {
    title: "Contact",
    title_by_hand: "Without a call",
    about_by_hand: "Request, reading or topic",
    by_hand: "Without a call you can take a request or a reading, or write down a meeting, a letter or a visit: it stays in the customer's history.",
    past_call: |when| {
        if when.is_empty() {
            "the call is over, not saved".to_owned()
        } else {
            format!("call of {when} is over, not saved")
        }
    },
    drop_draft: "Drop the draft",
    topics: "Topics",
    about: "What it is about",
    about_hint: "For example: reading 12345",
    nothing_fits: "Nothing fits: try another word",
    topic: "Topic",
    clear_topic: "Choose another topic",
    form: "form",
    result: "Disposition",
    summary: "Comment",
    summary_hint: "What it was about, what was promised",
    draft_saved: "Draft saved",
    draft_writing: "Writing the draft…",
    draft_waits: "Saved, waiting to be sent",
    no_call: "The contact is written down here when a card is open",
};
