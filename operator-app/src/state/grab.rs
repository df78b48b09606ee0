//! Keys that work while another program is in front: what became of them.

use crate::command::Action;
use crate::settings::SystemKey;

/// Whether the system lets us hear the keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Grab {
    /// They are not wanted.
    #[default]
    Off,
    /// They are heard, but for those that another program has.
    Held { refused: Vec<SystemKey> },
    /// This desktop gives no program such keys: Wayland, or no X server.
    NotHere,
}

/// What a key of the system does: the same as the button, with the same conditions.
pub const fn action_of(key: SystemKey) -> Action {
    match key {
        SystemKey::Answer => Action::Answer,
        SystemKey::HangUp => Action::HangUp,
        SystemKey::Mute => Action::Mute,
    }
}

/// Whether a program can hear keys of the whole system here. Under Wayland it could hear them only through the X server
/// that Wayland runs for old programs, and then not from other windows.
pub fn can_grab(environment: impl Fn(&str) -> Option<String>) -> bool {
    let is_set = |name| environment(name).is_some_and(|value: String| !value.is_empty());
    is_set("DISPLAY") && !is_set("WAYLAND_DISPLAY") && environment("XDG_SESSION_TYPE").as_deref() != Some("wayland")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_the_whole_system_need_an_x_server_that_owns_the_screen() {
        let with = |set: &'static [(&'static str, &'static str)]| {
            can_grab(|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
        };
        assert!(with(&[("DISPLAY", ":0")]));
        assert!(with(&[("DISPLAY", ":0"), ("XDG_SESSION_TYPE", "x11"), ("WAYLAND_DISPLAY", "")]));
        assert!(!with(&[]));
        assert!(!with(&[("DISPLAY", ":0"), ("WAYLAND_DISPLAY", "wayland-0")]));
        assert!(!with(&[("DISPLAY", ":0"), ("XDG_SESSION_TYPE", "wayland")]));
    }
}
