use shared::domain::fold;

use crate::command::{Action, Reason};
use crate::kit::icons;
use crate::kit::widgets::PickRow;
use crate::panels::{key_of, words};
use crate::state::Scene;

/// One command that fits what was typed.
#[derive(Debug)]
pub struct PaletteRow {
    pub action: Action,
    pub row: PickRow,
    pub why_not: Option<Reason>,
}

/// Commands that fit, those that can be done first; beginnings of words in any order, in both layouts.
pub fn palette_rows(scene: &Scene<'_>, typed: &str) -> Vec<PaletteRow> {
    let found = rows_for(scene, typed);
    if found.is_empty() {
        return fold::repair_layout(typed).map(|typed| rows_for(scene, &typed)).unwrap_or_default();
    }
    found
}

fn rows_for(scene: &Scene<'_>, typed: &str) -> Vec<PaletteRow> {
    let (tr, desk) = (words(scene), scene.desk);
    let wanted = fold::fold(typed);
    let mut rows: Vec<PaletteRow> = Action::ALL
        .into_iter()
        .filter(|action| *action != Action::Palette && action.role() <= desk.role())
        .filter_map(|action| {
            let name = tr.action_in_list(action, desk)?;
            let key = fold::fold(&name);
            let fits = fold::words(&wanted).all(|word| fold::words(&key).any(|part| part.starts_with(word)));
            fits.then(|| PaletteRow {
                action,
                row: PickRow { icon: icons::of(action.icon()), words: name, note: key_of(action) },
                why_not: action.enabled(desk).err(),
            })
        })
        .collect();
    rows.sort_by_key(|row| row.why_not.is_some());
    rows
}
