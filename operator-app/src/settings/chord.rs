use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A key that the whole system hears, with its modifiers: `Ctrl+Shift+F2`. At least two of them, or one with an F-key
/// other than the desktop's own, so that it takes no key away from another program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Chord {
    pub ctrl: bool,
    pub alt: bool,
    pub shift: bool,
    pub key: ChordKey,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChordKey {
    F(u8),
    Letter(char),
    Digit(u8),
}

/// Why a text names no key that the whole system may hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChordError {
    #[error("this is no key")]
    Unknown,
    #[error("alone, or with one modifier, the key belongs to other programs")]
    TooPlain,
}

impl Chord {
    /// Ctrl and Shift with an F-key: hardly any program wants these.
    pub const fn ctrl_shift_f(n: u8) -> Self {
        Self { ctrl: true, alt: false, shift: true, key: ChordKey::F(n) }
    }
}

impl FromStr for Chord {
    type Err = ChordError;

    fn from_str(text: &str) -> Result<Self, ChordError> {
        let (mut ctrl, mut alt, mut shift, mut key) = (false, false, false, None);
        for part in text.split('+').map(str::trim) {
            let held = match part.to_ascii_lowercase().as_str() {
                "ctrl" | "control" => &mut ctrl,
                "alt" => &mut alt,
                "shift" => &mut shift,
                other => {
                    if key.replace(key_of(other).ok_or(ChordError::Unknown)?).is_some() {
                        return Err(ChordError::Unknown);
                    }
                    continue;
                }
            };
            *held = true;
        }
        let key = key.ok_or(ChordError::Unknown)?;
        let n_held = u8::from(ctrl) + u8::from(alt) + u8::from(shift);
        // Ctrl+Alt with an F-key leaves the desktop on Linux.
        let leaves_the_desktop = ctrl && alt && matches!(key, ChordKey::F(_));
        if n_held < 2 || leaves_the_desktop {
            return Err(ChordError::TooPlain);
        }
        Ok(Self { ctrl, alt, shift, key })
    }
}

fn key_of(text: &str) -> Option<ChordKey> {
    if let Some(n) = text.strip_prefix('f').and_then(|n| n.parse::<u8>().ok()) {
        return (1..=12).contains(&n).then_some(ChordKey::F(n));
    }
    let mut letters = text.chars();
    match (letters.next(), letters.next()) {
        (Some(letter), None) if letter.is_ascii_alphabetic() => Some(ChordKey::Letter(letter.to_ascii_uppercase())),
        (Some(digit), None) => digit.to_digit(10).map(|digit| ChordKey::Digit(digit as u8)),
        _ => None,
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (held, name) in [(self.ctrl, "Ctrl+"), (self.alt, "Alt+"), (self.shift, "Shift+")] {
            if held {
                f.write_str(name)?;
            }
        }
        match self.key {
            ChordKey::F(n) => write!(f, "F{n}"),
            ChordKey::Letter(letter) => write!(f, "{letter}"),
            ChordKey::Digit(digit) => write!(f, "{digit}"),
        }
    }
}

impl TryFrom<String> for Chord {
    type Error = ChordError;

    fn try_from(text: String) -> Result<Self, ChordError> {
        text.parse()
    }
}

impl From<Chord> for String {
    fn from(chord: Chord) -> Self {
        chord.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_the_system_is_written_as_it_is_read() {
        for text in ["Ctrl+Shift+F2", "Ctrl+Alt+A", "Ctrl+Alt+Shift+7"] {
            assert_eq!(text.parse::<Chord>().unwrap().to_string(), text);
        }
        assert_eq!(" shift + ctrl + f9 ".parse::<Chord>().unwrap(), Chord::ctrl_shift_f(9));
    }

    #[test]
    fn no_other_program_loses_its_key() {
        for text in ["F2", "Ctrl+C", "Shift+A", "Alt+F4", "Ctrl+Alt+F2"] {
            assert_eq!(text.parse::<Chord>(), Err(ChordError::TooPlain), "{text}");
        }
        for text in ["", "Ctrl+Shift", "Ctrl+Shift+F13", "Ctrl+Shift+Ж", "Ctrl+Shift+A+B"] {
            assert_eq!(text.parse::<Chord>(), Err(ChordError::Unknown), "{text}");
        }
    }
}
