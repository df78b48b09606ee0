use crate::command::Action;
use crate::panels::words;
use crate::state::Scene;

/// Every action that has a key, with it.
pub fn keymap_rows(scene: &Scene<'_>) -> Vec<(String, String)> {
    let tr = words(scene);
    Action::ALL
        .into_iter()
        .filter(|action| action.role() <= scene.desk.role())
        .filter_map(|action| match action {
            // The results stand with their keys where they are chosen.
            Action::QuickResult(1) => Some(("Ctrl+1…9".to_owned(), tr.action(action).to_owned())),
            Action::QuickResult(_) => None,
            _ => Some((action.shortcut()?.to_string(), tr.action(action).to_owned())),
        })
        .collect()
}
