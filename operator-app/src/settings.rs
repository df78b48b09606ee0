//! What the person has set, kept in a file in the state directory. No password is in it.

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
    /// The last gateway and login, for the sign-in screen.
    pub gateway: String,
    pub login: String,
    /// The fingerprint that was confirmed for each gateway.
    pub fingerprints: std::collections::BTreeMap<String, String>,
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
            gateway: "wss://127.0.0.1:7443".to_owned(),
            login: String::new(),
            fingerprints: std::collections::BTreeMap::new(),
        }
    }
}
