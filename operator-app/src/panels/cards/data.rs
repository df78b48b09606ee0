use crate::lang::format;
use crate::panels::words;
use crate::state::Scene;
use crate::state::tab::{Tab, TabKey};

/// One open card; the search has no key.
#[derive(Debug, PartialEq, Eq)]
pub struct CardTab {
    pub key: Option<TabKey>,
    pub words: String,
    /// Something typed in it is not saved.
    pub draft: bool,
}

/// The tabs; none when there is nothing to choose or to close.
pub fn card_tabs(scene: &Scene<'_>) -> Vec<CardTab> {
    let (tr, desk) = (words(scene), scene.desk);
    let cards = desk.tabs.iter().map(|tab| CardTab {
        key: Some(tab.key),
        words: tab_name(scene, tab),
        draft: desk.call_tab().is_none_or(|of_call| of_call.key != tab.key) && desk.drafts.is_typed_in(tab.key),
    });
    let search = desk.search_open.then(|| CardTab { key: None, words: tr.search.title.to_owned(), draft: false });
    let tabs: Vec<CardTab> = cards.chain(search).collect();
    let is_the_calls_alone = desk.tabs.len() == 1 && desk.call_tab().is_some() && !desk.search_open;
    if is_the_calls_alone { Vec::new() } else { tabs }
}

/// Whose card it is, as far as that is known.
pub fn tab_name(scene: &Scene<'_>, tab: &Tab) -> String {
    let tr = words(scene);
    match (tab.known(), &tab.caller) {
        (Some(card), _) => card.customer.name.reveal().split_whitespace().take(2).collect::<Vec<_>>().join(" "),
        (None, Some(caller)) => format::caller(caller, tr.call.withheld),
        (None, None) => tr.card.customer.to_owned(),
    }
}
