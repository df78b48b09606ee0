//! The words of the screens, in Russian and English.
//!
//! One struct for each area with a `RU` and an `EN` of it, so that a missing word does not compile; to switch the
//! language is to swap one reference. Codes of the wire become words here and nowhere else; what the call center
//! itself names (topics, results, reasons, forms, queues) comes in both languages from the catalogue. The words are
//! seen in this crate alone, so that the compiler names each one that no screen says any more.

pub mod format;

mod call;
mod card;
mod commands;
mod floor;
mod forms;
mod history;
mod manual;
mod reach;
mod search;
mod session;
mod waiting;
mod wrapup;

pub use call::CallWords;
pub use card::CardWords;
pub use commands::CommandWords;
pub use floor::FloorWords;
pub use forms::FormWords;
pub use history::HistoryWords;
pub use manual::ManualWords;
pub use reach::ReachWords;
pub use search::SearchWords;
pub use session::{SHORTEST_PASSWORD, SessionWords};
pub use waiting::WaitingWords;
pub use wrapup::WrapupWords;

use shared::domain::catalogue::Words;

use crate::settings::Language;

/// Every word of the screens in one language.
#[derive(Debug)]
pub struct Tr {
    pub(crate) language: Language,
    pub(crate) call: CallWords,
    pub(crate) waiting: WaitingWords,
    pub(crate) card: CardWords,
    pub(crate) search: SearchWords,
    pub(crate) history: HistoryWords,
    pub(crate) manual: ManualWords,
    pub(crate) reach: ReachWords,
    pub(crate) wrapup: WrapupWords,
    pub(crate) forms: FormWords,
    pub(crate) floor: FloorWords,
    pub(crate) commands: CommandWords,
    pub(crate) session: SessionWords,
}

pub static RU: Tr = Tr {
    language: Language::Ru,
    call: call::RU,
    waiting: waiting::RU,
    card: card::RU,
    search: search::RU,
    history: history::RU,
    manual: manual::RU,
    reach: reach::RU,
    wrapup: wrapup::RU,
    forms: forms::RU,
    floor: floor::RU,
    commands: commands::RU,
    session: session::RU,
};

pub static EN: Tr = Tr {
    language: Language::En,
    call: call::EN,
    waiting: waiting::EN,
    card: card::EN,
    search: search::EN,
    history: history::EN,
    manual: manual::EN,
    reach: reach::EN,
    wrapup: wrapup::EN,
    forms: forms::EN,
    floor: floor::EN,
    commands: commands::EN,
    session: session::EN,
};

/// The words of `language`.
pub const fn of(language: Language) -> &'static Tr {
    match language {
        Language::Ru => &RU,
        Language::En => &EN,
    }
}

impl Tr {
    /// A word of the catalogue.
    pub(crate) fn of<'w>(&self, words: &'w Words) -> &'w str {
        match self.language {
            Language::Ru => &words.ru,
            Language::En => &words.en,
        }
    }
}

/// `1 звонок`, `2 звонка`, `5 звонков`: the form that goes with `n` in Russian.
pub(crate) fn plural_ru<'a>(n: usize, one: &'a str, few: &'a str, many: &'a str) -> &'a str {
    match (n % 10, n % 100) {
        (1, tail) if tail != 11 => one,
        (2..=4, tail) if !(12..=14).contains(&tail) => few,
        _ => many,
    }
}

pub(crate) fn plural_en<'a>(n: usize, one: &'a str, many: &'a str) -> &'a str {
    if n == 1 { one } else { many }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn russian_counts_as_people_count() {
        for (n, expected) in [
            (0, "звонков"),
            (1, "звонок"),
            (3, "звонка"),
            (5, "звонков"),
            (11, "звонков"),
            (12, "звонков"),
            (21, "звонок"),
            (112, "звонков"),
            (124, "звонка"),
        ] {
            assert_eq!(plural_ru(n, "звонок", "звонка", "звонков"), expected, "{n}");
        }
    }
}
