//! The keys of the actions.

use egui::{Event, Modifiers};

use crate::command::{Action, Key, Shortcut};

/// Takes our shortcuts out of the input, whichever field has the focus.
pub fn take_shortcuts(events: &mut Vec<Event>, pressed: &mut Vec<Action>) {
    // Alt with a digit types it as well, in an event of its own that follows.
    let mut alt_was_down = false;
    events.retain(|event| match event {
        Event::Key { key, physical_key, pressed: true, repeat, modifiers, .. } => {
            alt_was_down = modifiers.alt;
            let Some(action) = action_of(*key, *physical_key, *modifiers) else { return true };
            // A key that is held down answers one call, not the next one too.
            if !repeat || matches!(action, Action::ZoomIn | Action::ZoomOut) {
                pressed.push(action);
            }
            false
        }
        Event::Text(text) => !(alt_was_down && text.chars().all(|c| c.is_ascii_digit())),
        _ => true,
    });
}

/// What a locked workplace and the sign-in screen still obey.
pub(super) const fn works_when_locked(action: Action) -> bool {
    matches!(
        action,
        Action::ZoomIn | Action::ZoomOut | Action::ZoomReset | Action::SwitchTheme | Action::SwitchLanguage
    )
}

fn action_of(key: egui::Key, physical: Option<egui::Key>, modifiers: Modifiers) -> Option<Action> {
    Action::ALL.into_iter().find(|action| {
        action.shortcut().is_some_and(|shortcut| {
            let Shortcut { ctrl, alt, shift, key: wanted } = shortcut;
            // On many keyboards the plus stands above another key.
            let shift_matters = !matches!(wanted, Key::Plus);
            ctrl == modifiers.command
                && alt == modifiers.alt
                && (!shift_matters || shift == modifiers.shift)
                && (is_key(wanted, key) || physical.is_some_and(|physical| is_physical(wanted, physical)))
        })
    })
}

fn is_key(wanted: Key, key: egui::Key) -> bool {
    match wanted {
        Key::F(n) => egui::Key::from_name(&format!("F{n}")) == Some(key),
        Key::Digit(n) => egui::Key::from_name(&n.to_string()) == Some(key),
        Key::Letter(letter) => egui::Key::from_name(letter.encode_utf8(&mut [0; 4])) == Some(key),
        Key::Enter => key == egui::Key::Enter,
        Key::Tab => key == egui::Key::Tab,
        Key::Plus => matches!(key, egui::Key::Plus | egui::Key::Equals),
        Key::Minus => key == egui::Key::Minus,
    }
}

/// Letters and digits are taken by their place, so that they work in the Russian layout too.
fn is_physical(wanted: Key, key: egui::Key) -> bool {
    matches!(wanted, Key::Letter(_) | Key::Digit(_)) && is_key(wanted, key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(key: egui::Key, physical: egui::Key, modifiers: Modifiers, repeat: bool) -> Event {
        Event::Key { key, physical_key: Some(physical), pressed: true, repeat, modifiers }
    }

    #[track_caller]
    fn check(mut events: Vec<Event>, expected: &[Action], n_left: usize) {
        let mut pressed = Vec::new();
        take_shortcuts(&mut events, &mut pressed);
        assert_eq!((&pressed[..], events.len()), (expected, n_left));
    }

    #[test]
    fn a_key_that_is_held_down_answers_one_call() {
        let held = |repeat| press(egui::Key::F2, egui::Key::F2, Modifiers::NONE, repeat);
        check(vec![held(false), held(true), held(true)], &[Action::Answer], 0);
    }

    #[test]
    fn a_letter_works_in_every_layout_and_types_nothing() {
        let ctrl = Modifiers::COMMAND | Modifiers::CTRL;
        check(vec![press(egui::Key::K, egui::Key::K, ctrl, false)], &[Action::Palette], 0);
        check(vec![press(egui::Key::Questionmark, egui::Key::K, ctrl, false)], &[Action::Palette], 0);
    }

    #[test]
    fn plain_letters_are_left_to_the_text_field() {
        let typed = vec![press(egui::Key::K, egui::Key::K, Modifiers::NONE, false), Event::Text("л".into())];
        check(typed, &[], 2);
    }

    #[test]
    fn alt_with_a_digit_goes_to_a_region_and_types_no_digit() {
        let typed = vec![press(egui::Key::Num1, egui::Key::Num1, Modifiers::ALT, false), Event::Text("1".into())];
        check(typed, &[Action::GoWaiting], 0);
    }

    #[test]
    fn every_shortcut_is_reached_by_its_key() {
        for n in 1..=12 {
            let key = egui::Key::from_name(&format!("F{n}")).unwrap();
            assert!(action_of(key, None, Modifiers::NONE).is_some(), "F{n}");
        }
        let ctrl = Modifiers::COMMAND | Modifiers::CTRL;
        assert_eq!(action_of(egui::Key::F9, None, Modifiers::SHIFT), Some(Action::DropPeer));
        assert_eq!(action_of(egui::Key::F9, None, Modifiers::NONE), Some(Action::HangUp));
        assert_eq!(action_of(egui::Key::Tab, None, ctrl), Some(Action::NextTab));
        assert_eq!(action_of(egui::Key::Enter, None, ctrl), Some(Action::Save));
        assert_eq!(action_of(egui::Key::Equals, None, ctrl), Some(Action::ZoomIn));
        assert_eq!(action_of(egui::Key::Num9, None, ctrl), Some(Action::QuickResult(9)));
    }
}
