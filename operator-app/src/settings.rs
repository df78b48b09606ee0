//! What the person has set, kept in a file in the state directory. No password is in it.

mod chord;

pub use chord::{Chord, ChordError, ChordKey};

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    pub language: Language,
    pub theme: Theme,
    /// 0.8 to 1.5.
    pub zoom: f32,
    /// A desktop notification when a call rings and the window has no focus.
    pub notify: bool,
    /// Keys that work while another program is in front.
    pub system_keys: SystemKeys,
    /// The last gateway and login, for the sign-in screen.
    pub gateway: String,
    pub login: String,
    /// The fingerprint that was confirmed for each gateway.
    pub fingerprints: std::collections::BTreeMap<String, String>,
}

/// On from the start: an operator who looks something up in another window has to be able to answer, and the keys are
/// such that hardly any program uses them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SystemKeys {
    pub on: bool,
    pub answer: Chord,
    pub hang_up: Chord,
    pub mute: Chord,
}

/// What the system's keys do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SystemKey {
    Answer,
    HangUp,
    Mute,
}

impl SystemKey {
    pub const ALL: [Self; 3] = [Self::Answer, Self::HangUp, Self::Mute];
}

impl SystemKeys {
    pub const fn chord(&self, key: SystemKey) -> Chord {
        match key {
            SystemKey::Answer => self.answer,
            SystemKey::HangUp => self.hang_up,
            SystemKey::Mute => self.mute,
        }
    }

    pub fn set(&mut self, key: SystemKey, chord: Chord) {
        match key {
            SystemKey::Answer => self.answer = chord,
            SystemKey::HangUp => self.hang_up = chord,
            SystemKey::Mute => self.mute = chord,
        }
    }
}

impl Default for SystemKeys {
    fn default() -> Self {
        Self { on: true, answer: Chord::ctrl_shift_f(2), hang_up: Chord::ctrl_shift_f(9), mute: Chord::ctrl_shift_f(4) }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    #[default]
    Ru,
    En,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    #[default]
    Dark,
    Light,
}

pub const SMALLEST_ZOOM: f32 = 0.8;
pub const LARGEST_ZOOM: f32 = 1.5;

impl Default for Settings {
    fn default() -> Self {
        Self {
            language: Language::Ru,
            theme: Theme::Dark,
            zoom: 1.0,
            notify: true,
            system_keys: SystemKeys::default(),
            gateway: "wss://127.0.0.1:7443".to_owned(),
            login: String::new(),
            fingerprints: std::collections::BTreeMap::new(),
        }
    }
}

const FILE: &str = "settings.toml";

impl Settings {
    /// Reads the file of an earlier sitting; a missing or broken one gives the defaults.
    pub fn read(state_dir: &std::path::Path) -> Self {
        let Ok(text) = std::fs::read_to_string(state_dir.join(FILE)) else { return Self::default() };
        let mut settings: Self = toml::from_str(&text).unwrap_or_else(|error| {
            tracing::warn!(%error, "the settings cannot be read; starting with the defaults");
            Self::default()
        });
        settings.zoom = settings.zoom.clamp(SMALLEST_ZOOM, LARGEST_ZOOM);
        settings
    }

    /// Writes the file beside the old one and puts it in its place, so that a crash leaves one of the two whole.
    ///
    /// # Errors
    /// When the directory does not take it.
    pub fn write(&self, state_dir: &std::path::Path) -> std::io::Result<()> {
        let text = toml::to_string(self).map_err(std::io::Error::other)?;
        let fresh = state_dir.join(format!("{FILE}.new"));
        std::fs::write(&fresh, text)?;
        std::fs::rename(fresh, state_dir.join(FILE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_is_there_at_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings { language: Language::En, theme: Theme::Light, zoom: 1.2, ..Settings::default() };
        settings.fingerprints.insert("wss://a:1".into(), "AB:CD".into());
        settings.write(folder.path()).unwrap();
        assert_eq!(Settings::read(folder.path()), settings);
    }

    #[test]
    fn a_broken_file_of_settings_does_not_keep_the_program_from_starting() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "zoom = \"wide\"").unwrap();
        assert_eq!(Settings::read(folder.path()), Settings::default());
        std::fs::write(folder.path().join(FILE), "zoom = 900.0").unwrap();
        assert!((Settings::read(folder.path()).zoom - LARGEST_ZOOM).abs() < f32::EPSILON);
    }
}
