//! Why a command stops early, in one sentence, with the exit code that a script sees.

use std::fmt::Display;
use std::process::ExitCode;

pub type Outcome<T = ()> = Result<T, Trouble>;

/// What went wrong and what to do about it. It is printed once, by `main`.
#[derive(Debug)]
pub struct Trouble {
    sentence: String,
    code: u8,
}

impl Trouble {
    /// Something failed: exit code 1.
    pub fn new(sentence: impl Into<String>) -> Trouble {
        Trouble { sentence: sentence.into(), code: 1 }
    }

    /// The command cannot be carried out here as it was given: exit code 2.
    pub fn misuse(sentence: impl Into<String>) -> Trouble {
        Trouble { sentence: sentence.into(), code: 2 }
    }

    /// Ctrl+C or a polite signal: the code that shells use for SIGINT, 130.
    pub fn interrupted() -> Trouble {
        Trouble { sentence: "stopped on request; everything that was started has ended".into(), code: 130 }
    }

    /// All that had to be said is on the screen already.
    pub fn already_told() -> Trouble {
        Trouble { sentence: String::new(), code: 1 }
    }

    pub fn is_interruption(&self) -> bool {
        self.code == 130
    }

    pub fn is_told(&self) -> bool {
        self.sentence.is_empty()
    }

    pub fn report(self) -> ExitCode {
        if !self.sentence.is_empty() {
            eprintln!("{}", self.sentence);
        }
        ExitCode::from(self.code)
    }
}

impl Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.sentence)
    }
}

/// Puts what was being tried in front of a cause.
pub trait Trying<T> {
    fn trying(self, what: impl Display) -> Outcome<T>;
}

impl<T, E: Display> Trying<T> for Result<T, E> {
    fn trying(self, what: impl Display) -> Outcome<T> {
        self.map_err(|cause| Trouble::new(format!("cannot {what}: {cause}")))
    }
}
