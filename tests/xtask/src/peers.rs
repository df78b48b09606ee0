//! The SIP stack that the puppets of the tests are made of: PJSIP's Python binding, in a virtual environment of its own
//! under the build folder. Nothing of it is installed anywhere else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::console;
use crate::place;
use crate::trouble::{Outcome, Trouble, Trying};

/// The wheel holds the whole of PJSIP with TLS and SRTP. (The package called `pjsua2` is another one and has no wheel.)
const WHEEL: &str = "pjsua2-python==2.15.1.post1";

/// Where the environment is. The tests are told by `PULT_TEST_PEERS`.
pub fn folder() -> PathBuf {
    place::target().join("peers")
}

pub fn is_there() -> bool {
    fs::read_to_string(stamp(&folder())).is_ok_and(|version| version == WHEEL)
}

/// Makes the environment unless it is there.
pub fn ensure() -> Outcome {
    if is_there() {
        return Ok(());
    }
    let folder = folder();
    console::say(&format!("installing {WHEEL} into {}", folder.display()));
    place::fresh_folder(&folder)?;
    run(python().args(["-m", "venv"]).arg(&folder))?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:", WHEEL]);
    run(&mut pip)?;
    run(Command::new(folder.join("bin/python")).args(["-c", "import pjsua2"]))?;
    // Only a whole environment has its stamp.
    fs::write(stamp(&folder), WHEEL).trying("note that the environment is whole")
}

fn stamp(folder: &Path) -> PathBuf {
    folder.join("pult-wheel")
}

/// Debian's own Python, to which the package `python3-venv` belongs, before any other.
fn python() -> Command {
    let debian = Path::new("/usr/bin/python3");
    Command::new(if debian.is_file() { debian } else { Path::new("python3") })
}

fn run(command: &mut Command) -> Outcome {
    let shown = format!("{command:?}");
    let output = command.stdin(Stdio::null()).output().trying(format!("start {shown}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = said.lines().collect();
    let end = lines[lines.len().saturating_sub(5)..].join("\n  ");
    Err(Trouble::new(format!("the telephones of the tests cannot be installed; {shown} says:\n  {end}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_lies_in_the_build_folder() {
        assert!(folder().starts_with(place::target()));
    }

    #[test]
    fn the_wheel_has_a_fixed_version_so_that_every_machine_tests_with_the_same_stack() {
        assert!(WHEEL.contains("=="), "{WHEEL}");
    }

    #[test]
    fn what_a_program_says_when_it_fails_is_passed_on() {
        let failed = run(Command::new("sh").args(["-c", "echo no such wheel >&2; exit 1"])).unwrap_err();
        assert!(failed.to_string().contains("no such wheel"), "{failed}");
    }
}
