//! Where things are: the workspace, its build folder, the scripts, and free ports.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::trouble::{Outcome, Trying};

/// The folder of the workspace. The path is known when xtask is compiled: it always runs from its own clone.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("xtask lives two folders deep").to_path_buf()
}

/// The build folder: `CARGO_TARGET_DIR` where somebody has set it, else `target`.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => workspace().join(folder),
        None => workspace().join("target"),
    }
}

/// A script or file of the test environment.
pub fn environment(file: &str) -> PathBuf {
    workspace().join("tests/environment").join(file)
}

/// The folder with SIPp scenarios.
pub fn sipp_scenarios() -> PathBuf {
    workspace().join("tests/sipp")
}

/// `cargo` as it was called, at the root of the workspace.
pub fn cargo() -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.current_dir(workspace());
    // `cargo run` tells us about our own package. Build scripts that look at such variables (that of `ring` does) would
    // run anew, and half of everything be built anew, whenever cargo is called with us and without us in turn.
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_about_this_package(name)) {
        command.env_remove(name);
    }
    command
}

fn is_about_this_package(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"].iter().any(|begin| name.starts_with(begin))
}

/// An empty folder: what an earlier run left in it is removed.
pub fn fresh_folder(folder: &Path) -> Outcome {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).trying(format!("empty the folder {}", folder.display()));
        }
        _ => {}
    }
    fs::create_dir_all(folder).trying(format!("make the folder {}", folder.display()))
}

/// A loopback port that nobody listens on now, neither over TCP nor over UDP.
pub fn free_port() -> Outcome<u16> {
    for _ in 0..50 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).trying("find a free port on 127.0.0.1")?;
        let port = listener.local_addr().trying("read the port just opened")?.port();
        if UdpSocket::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    Err(crate::trouble::Trouble::new("no loopback port is free for both TCP and UDP"))
}

/// The first folder of `PATH` that holds this program.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|candidate| candidate.is_file())
}

pub fn is_root() -> bool {
    // SAFETY: geteuid reads one number of this process and cannot fail.
    unsafe { libc::geteuid() == 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_the_folder_with_the_lock_file() {
        assert!(workspace().join("Cargo.lock").is_file(), "{}", workspace().display());
        assert!(workspace().join("tests/xtask/Cargo.toml").is_file());
    }

    #[test]
    fn cargo_is_called_as_if_by_hand() {
        let cargo = cargo();
        let removed: Vec<_> = cargo.get_envs().filter(|(_, value)| value.is_none()).map(|(name, _)| name).collect();
        assert!(removed.contains(&OsStr::new("CARGO_PKG_NAME")), "{removed:?}");
        assert!(!is_about_this_package(OsStr::new("CARGO_TARGET_DIR")));
    }

    #[test]
    fn a_fresh_folder_holds_nothing_of_an_earlier_run() {
        let folder = std::env::temp_dir().join(format!("pult-xtask-fresh-{}", std::process::id()));
        fresh_folder(&folder).unwrap();
        fs::write(folder.join("old"), "old").unwrap();
        fresh_folder(&folder).unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
        fs::remove_dir(&folder).unwrap();
    }

    #[test]
    fn a_free_port_can_be_listened_on() {
        let port = free_port().unwrap();
        assert!(TcpListener::bind(("127.0.0.1", port)).is_ok());
    }
}
