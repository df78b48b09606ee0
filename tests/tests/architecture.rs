//! Who may know whom, read from the source files. The map with the reasons is ARCHITECTURE.md.
//!
//! A rule names a folder and words that its code may not say. Comments may say anything.

#![allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

/// Sockets and files of names: a pure core may speak of addresses, and never open one.
const SOCKETS: [&str; 5] = ["TcpStream", "TcpListener", "UdpSocket", "std::os::unix::net", "socket2"];
const SHELL: [&str; 7] = ["tokio", "sqlx", "axum", "reqwest", "std::fs", "Instant::now", "SystemTime::now"];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every Rust file under a path, with its lines of code.
fn sources(path: &str) -> Vec<(String, Vec<(usize, String)>)> {
    let mut found = Vec::new();
    let mut to_visit = vec![workspace().join(path)];
    while let Some(path) = to_visit.pop() {
        if path.is_dir() {
            to_visit.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(workspace()).unwrap().display().to_string();
            found.push((name, code(&fs::read_to_string(&path).unwrap())));
        }
    }
    assert!(!found.is_empty(), "{path} is not there any more: change the map together with the house");
    found.sort();
    found
}

/// The numbered lines that are no comments.
fn code(text: &str) -> Vec<(usize, String)> {
    let lines = text.lines().enumerate().map(|(number, line)| (number + 1, line));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//")).map(|(n, line)| (n, line.to_owned())).collect()
}

/// Whether a line says this name, and not merely a longer one that contains it.
fn says(line: &str, name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(name).any(|(at, _)| {
        let before = line[..at].chars().next_back().is_some_and(is_word);
        let after = line[at + name.len()..].chars().next().is_some_and(is_word);
        !before && !after
    })
}

/// Finds every line under `path` that says a forbidden name.
#[track_caller]
fn check(path: &str, forbidden: &[&str], why: &str) {
    check_except(path, &[], forbidden, why);
}

#[track_caller]
fn check_except(path: &str, allowed_in: &[&str], forbidden: &[&str], why: &str) {
    let mut faults = Vec::new();
    for (file, lines) in sources(path) {
        if allowed_in.iter().any(|allowed| file.starts_with(allowed)) {
            continue;
        }
        for (number, line) in lines {
            if let Some(name) = forbidden.iter().find(|name| says(&line, name)) {
                faults.push(format!("{file}:{number} says `{name}`: {}", line.trim()));
            }
        }
    }
    assert!(faults.is_empty(), "{why}\n{}", faults.join("\n"));
}

#[test]
fn the_cores_of_the_gateway_know_neither_the_machine_nor_each_other() {
    let cores = ["sip", "media", "call", "routing"];
    for core in cores {
        let path = format!("telephony-gateway/src/{core}");
        check(&path, &SHELL, "a pure core reads no clock, no file and no database");
        check(&path, &SOCKETS, "a pure core opens no socket");
        let others: Vec<String> = cores
            .iter()
            .chain(&["switchboard", "net", "journal", "cli", "config", "shutdown"])
            .filter(|other| **other != core)
            .map(|other| format!("crate::{other}"))
            .collect();
        let others: Vec<&str> = others.iter().map(String::as_str).collect();
        check(&path, &others, "the cores know `shared` alone; the switchboard brings them together");
        check(&path, &["shared::store"], "the cores do not know that there is a database");
    }
}

#[test]
fn the_library_that_reads_sip_can_be_replaced_in_one_place() {
    let home = ["telephony-gateway/src/sip/message.rs", "telephony-gateway/src/sip/message/"];
    for package in ["telephony-gateway", "shared", "operator-app", "tests/src"] {
        check_except(package, &home, &["rsip"], "rsip is known in sip/message alone");
    }
}

#[test]
fn what_the_desk_knows_is_not_tied_to_how_it_is_painted() {
    let painting = ["egui", "eframe", "egui_plot"];
    check("operator-app/src/state", &painting, "the state can be tested without a window");
    check("operator-app/src/command.rs", &painting, "the commands are declared apart from any screen");
    check("operator-app/src/state", &["tokio", "reqwest", "tokio_tungstenite"], "the link speaks, the state listens");
}

#[test]
fn a_panel_knows_its_state_and_not_the_line() {
    check(
        "operator-app/src/panels",
        &["crate::link", "crate::screens", "crate::app"],
        "state ← panels ← screens ← app",
    );
    check("operator-app/src/kit", &["crate::state", "crate::panels", "crate::link"], "the kit is for every panel");
    check("operator-app/src/lang", &["crate::panels", "crate::link", "egui"], "words know no screen");
}

#[test]
fn the_desktop_and_the_gateway_meet_on_the_wire_alone() {
    check("operator-app", &["telephony_gateway"], "the desktop knows the gateway by the wire alone");
    check("operator-app/src", &["shared::store"], "the desktop has no way to the customers' database");
    let disk = ["operator-app/src/link/disk.rs", "operator-app/src/main.rs"];
    check_except("operator-app/src", &disk, &["sqlx"], "what the desktop keeps for itself is in link/disk.rs alone");
    check("telephony-gateway", &["operator_app"], "the gateway serves any desk");
}

#[test]
fn the_words_of_the_domain_come_first() {
    let later = ["crate::wire", "crate::store", "sqlx", "tokio"];
    check("shared/src/domain", &later, "the domain is spoken of by the wire and the store, not the other way");
    for file in ["ids", "phone", "money", "time", "pii"] {
        let path = format!("shared/src/{file}.rs");
        check(&path, &["crate::domain", "crate::wire", "crate::store"], "the smallest words know none of the larger");
    }
    check("shared/src/wire", &["crate::store", "sqlx", "tokio"], "the wire does not know where things are kept");
    check("shared/src/store", &["crate::wire::event"], "the store does not know what a desk is told");
}

#[test]
fn nobody_builds_on_the_tests() {
    for package in ["shared", "telephony-gateway", "operator-app", "tests/xtask"] {
        assert!(!dependencies(package).iter().any(|name| name == "tests"), "{package} depends on the tests");
    }
}

#[test]
fn the_developers_commands_build_before_everything_else() {
    let ours = ["shared", "telephony-gateway", "operator-app", "tests"];
    let found: Vec<String> = dependencies("tests/xtask").into_iter().filter(|name| ours.contains(&&**name)).collect();
    assert!(found.is_empty(), "xtask starts binaries and depends on no package of ours: {found:?}");
}

/// What a package depends on, in whatever section of its manifest.
fn dependencies(package: &str) -> Vec<String> {
    let manifest = fs::read_to_string(workspace().join(package).join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let sections = manifest.iter().filter(|(name, _)| name.ends_with("dependencies"));
    sections.flat_map(|(_, section)| section.as_table().unwrap().keys().cloned()).collect()
}

#[test]
fn the_rules_are_read_as_they_are_meant() {
    assert!(says("use tokio::net::UdpSocket;", "tokio") && !says("let tokio_like = 1;", "tokio"));
    assert!(says("    std::fs::read(path)", "std::fs") && !says("std::fspath", "std::fs"));
    assert_eq!(code("//! tokio\n/// tokio\nlet a = 1;\n"), [(3, "let a = 1;".to_owned())]);
}
