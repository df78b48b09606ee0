use crate::command::Action;
use crate::panels::words;
use crate::state::Scene;

/// Every action that has a key, with it.
pub fn keymap_rows(scene: &Scene<'_>) -> Vec<(String, String)> {
    let (tr, desk) = (words(scene), scene.desk);
    Action::ALL
        .into_iter()
        .filter(|action| action.role() <= desk.role())
        .filter_map(|action| Some((action.shortcut()?.to_string(), tr.action_in_list(action, desk)?)))
        .collect()
}
