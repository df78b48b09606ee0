use super::{plural_en, plural_ru};

/// Looking for a customer.
#[derive(Debug)]
pub struct SearchWords {
    pub(crate) title: &'static str,
    pub(crate) hint: &'static str,
    pub(crate) start: &'static str,
    pub(crate) start_hint: &'static str,
    pub(crate) too_short: &'static str,
    pub(crate) underway: &'static str,
    pub(crate) failed: &'static str,
    pub(crate) again: &'static str,
    pub(crate) nobody: &'static str,
    pub(crate) nobody_hint: &'static str,
    pub(crate) n_found: fn(usize) -> String,
    pub(crate) first_n: fn(usize) -> String,
}

pub const RU: SearchWords = SearchWords {
    title: "Найти клиента",
    hint: "Лицевой счёт, телефон или начала имени",
    start: "Наберите лицевой счёт, телефон или начала имени и фамилии",
    start_hint: "Например: 41276, 916 204 или «сок мар». Стрелки и Enter открывают карточку, Esc закрывает поиск.",
    too_short: "Наберите не меньше двух знаков",
    underway: "Ищем…",
    failed: "Поиск не удался",
    again: "Повторить",
    nobody: "Никого не нашлось",
    nobody_hint: "Проверьте написание, попробуйте номер счёта или телефон",
    n_found: |n| {
        let (found, whom) =
            (plural_ru(n, "Найден", "Найдены", "Найдено"), plural_ru(n, "клиент", "клиента", "клиентов"));
        format!("{found} {n} {whom}")
    },
    first_n: |n| format!("Показаны первые {n}: уточните, кого ищете"),
};

pub const EN: SearchWords = SearchWords {
    title: "Find a customer",
    hint: "Account, phone or beginnings of the name",
    start: "Type an account, a phone, or the beginnings of name and surname",
    start_hint: "For example 41276, 916 204 or “sok mar”. Arrows and Enter open the card, Esc closes the search.",
    too_short: "Type at least two characters",
    underway: "Searching…",
    failed: "The search did not work",
    again: "Try again",
    nobody: "Nobody found",
    nobody_hint: "Check the spelling, or try the account or the phone",
    n_found: |n| format!("{n} {} found", plural_en(n, "customer", "customers")),
    first_n: |n| format!("The first {n} are shown: say more of whom you look for"),
};
