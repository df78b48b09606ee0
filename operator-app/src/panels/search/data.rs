use shared::domain::customer::CustomerLine;

use crate::lang::Tr;
use crate::state::Loading;
use crate::state::search::{MOST_FOUND, Search};

/// One customer to choose.
#[derive(Debug)]
pub struct CustomerRow {
    pub name: String,
    pub note: String,
    pub debt: String,
}

/// What stands under the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// Nothing is typed yet.
    Start(&'static str),
    TooShort(&'static str),
    Underway(&'static str),
    Nobody(&'static str, &'static str),
    /// Why nothing could be found; the same can be asked again.
    Failed(String),
    Lines {
        lines: &'a [CustomerLine],
        /// How many there are, in words.
        count: String,
        /// They were found for what stands in the line now, so that Enter opens the right one.
        answered: bool,
    },
}

/// What a search shows.
pub fn found<'a>(search: &'a Search, tr: &'static Tr) -> Found<'a> {
    if search.text.trim().is_empty() {
        return Found::Start(tr.search.start);
    }
    if search.is_too_short() {
        return Found::TooShort(tr.search.too_short);
    }
    match &search.found {
        Loading::Nothing | Loading::Underway { .. } => Found::Underway(tr.search.underway),
        Loading::Failed(failure) => Found::Failed(format!("{}: {}", tr.search.failed, tr.failure(failure))),
        Loading::Ready(lines) if lines.is_empty() && !search.is_answered() => Found::Underway(tr.search.underway),
        Loading::Ready(lines) if lines.is_empty() => Found::Nobody(tr.search.nobody, tr.search.nobody_hint),
        Loading::Ready(lines) => {
            let count = if lines.len() >= MOST_FOUND {
                (tr.search.first_n)(lines.len())
            } else {
                (tr.search.n_found)(lines.len())
            };
            Found::Lines { lines, count, answered: search.is_answered() }
        }
    }
}

pub fn customer_row(line: &CustomerLine, tr: &Tr) -> CustomerRow {
    let account = line.account.as_ref().map(|number| format!("{} {} · ", tr.card.account, number.reveal()));
    CustomerRow {
        name: line.name.reveal().to_owned(),
        note: format!("{}{}", account.unwrap_or_default(), line.address.reveal()),
        debt: if line.debt.is_zero() { String::new() } else { line.debt.to_string() },
    }
}
