//! What is typed into the one line, and where it leads.

#![allow(clippy::unwrap_used, reason = "a test says with it that a promise was broken")]

mod common;

use common::{card, catalogue, today};
use operator_app::forms::route::{Target, prefilled, route};

/// The code of the first place that `line` leads to, and the numbers in it.
fn first(line: &str) -> (String, String) {
    let catalogue = catalogue();
    let found = route(&catalogue, line);
    found.first().map_or_else(Default::default, |found| {
        let code = match found.target {
            Target::Form(form) => &form.code,
            Target::Topic(_, topic) => &topic.code,
        };
        (code.clone(), found.numbers.join(" "))
    })
}

#[test]
fn a_typed_line_leads_where_it_means() {
    #[track_caller]
    fn check(line: &str, expected: &str) {
        assert_eq!(first(line).0, expected, "{line}");
    }
    // The reading's form, by its name, its other words, a case of the noun, in both languages.
    check("показания", "reading_submit");
    check("Показания", "reading_submit");
    check("показ", "reading_submit");
    check("передача показаний", "reading_submit");
    check("показаний передача", "reading_submit");
    check("передать показания", "reading_submit");
    check("счётчик", "reading_submit");
    check("счетчик", "reading_submit");
    check("reading", "reading_submit");
    check("submit a reading", "reading_submit");
    check("meter", "reading_submit");
    check("gjrfpfybz", "reading_submit");
    check("показания 12345", "reading_submit");
    check("12345 показания", "reading_submit");
    check("gjrfpfybz 12345", "reading_submit");
    check("12345", "reading_submit");
    check("15882 7903", "reading_submit");
    check("15882/7903", "reading_submit");
    check("reading 777", "reading_submit");
    check("хочу передать показания", "reading_submit");
    // The recalculation.
    check("перерасчёт", "recalculation");
    check("перерасчет", "recalculation");
    check("перерасчёта", "recalculation");
    check("перер", "recalculation");
    check("recalc", "recalculation");
    check("Recalculation", "recalculation");
    check("gththfcxtn", "recalculation");
    check("отсутствие", "recalculation");
    check("пересчитать", "recalculation");
    // Topics, by beginnings of words in any order and by their group.
    check("автоплатёж", "PAY.AUTOPAY");
    check("автопл", "PAY.AUTOPAY");
    check("ошибочный платёж", "PAY.WRONG");
    check("платёж ошиб", "PAY.WRONG");
    check("возврат переплаты", "PAY.REFUND");
    check("refund", "PAY.REFUND");
    check("рассрочка", "DBT.PLAN");
    check("обещание оплатить", "DBT.PTP");
    check("опломбировка", "MTR.SEAL");
    check("пломба", "MTR.SEAL");
    check("поверка", "MTR.VERIFY");
    check("замена прибора", "MTR.REPLACE");
    check("зам приб", "MTR.REPLACE");
    check("meter replacement", "MTR.REPLACE");
    check("объединение дублей", "ACC.MERGE");
    check("смена собственника", "ACC.OWNER");
    check("акт сверки", "DOC.STMT");
    check("качество электроэнергии", "SUP.QUALITY");
    check("power quality", "SUP.QUALITY");
    check("благодарность", "CMP.THANKS");
    // Nothing is better than a wrong guess.
    check("", "");
    check("   ", "");
    check("абракадабра", "");
    check("zzz", "");
}

#[test]
fn numbers_are_kept_apart_from_words() {
    #[track_caller]
    fn check(line: &str, numbers: &str) {
        assert_eq!(first(line).1, numbers, "{line}");
    }
    check("показания 12345", "12345");
    check("15882 / 7903", "15882 7903");
    check("показания 15882,6 7903.5", "15882 7903");
    check("показания", "");
}

#[test]
fn the_form_opens_filled_in_for_the_account_on_the_screen() {
    let (catalogue, card) = (catalogue(), card(0));
    let form = catalogue.form("reading_submit").unwrap();
    let numbers = ["15999".to_owned(), "7999".to_owned(), "1".to_owned()];
    let draft = prefilled(form, &numbers, card.accounts.first(), today());
    let typed: Vec<(&str, &str)> = draft.fields.iter().map(|(field, text)| (field.as_str(), text.reveal())).collect();
    // The account's meter has two zones, so the third number has no place.
    assert_eq!(typed, [("account", "1"), ("readings", "15999;7999"), ("taken_on", "23.11.2026")]);
}
