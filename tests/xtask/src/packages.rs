//! The system packages that Pult's commands need, with the reason for each, and how they get installed.
//!
//! Nothing is ever asked: as root, or where `sudo -n` works without a password, missing packages are
//! installed; everywhere else the exact command is printed and the run stops.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use crate::console;
use crate::place;
use crate::trouble::{Outcome, Trouble, Trying};

/// A Debian package and what it is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Package {
    pub name: &'static str,
    pub why: &'static str,
}

const fn package(name: &'static str, why: &'static str) -> Package {
    Package { name, why }
}

/// What the operator's window needs in order to open.
pub const WINDOW: &[Package] = &[
    package("libx11-6", "windows under X"),
    package("libx11-xcb1", "windows under X"),
    package("libxcb1", "windows under X"),
    package("libxcursor1", "the mouse pointer"),
    package("libxi6", "keyboard and mouse"),
    package("libxkbcommon0", "keyboard layouts"),
    package("libxkbcommon-x11-0", "keyboard layouts under X"),
    package("libwayland-client0", "windows under Wayland"),
    package("libgl1", "drawing through OpenGL"),
    package("libglx-mesa0", "drawing through OpenGL under X"),
    package("libgl1-mesa-dri", "drawing without a graphics card"),
    package("libegl1", "drawing through OpenGL under Wayland"),
    package("libfontconfig1", "names in scripts that the program's own fonts lack"),
];

/// A private display with a window manager, the accessibility bus, and hands to press keys.
pub const DISPLAY: &[Package] = &[
    package("xvfb", "a private display for the window"),
    package("openbox", "a window manager on that display"),
    package("dbus", "the session bus of that display"),
    package("at-spi2-core", "reading the window as a screen reader does"),
    package("libglib2.0-bin", "switching accessibility on (gdbus)"),
    package("gir1.2-atspi-2.0", "reading the window from Python"),
    package("python3-gi", "reading the window from Python"),
    package("xdotool", "pressing keys in the window"),
    package("x11-utils", "asking whether the window manager is ready (xprop)"),
    package("x11-xkb-utils", "switching to the Russian keyboard layout (setxkbmap)"),
    package("xkb-data", "the Russian keyboard layout"),
    package("imagemagick", "pictures of the screen (import)"),
];

/// PostgreSQL's server and tools.
pub const DATABASE: &[Package] = &[package("postgresql", "the tests on PostgreSQL, on a private server")];

/// A caller and phones that are not our own code.
pub const SIP: &[Package] = &[
    package("sip-tester", "callers and phones that are not our own code (SIPp)"),
    package("sipsak", "a flood that is not our own code"),
    package("libfaketime", "a gateway whose clock is moved in the middle of a talk"),
];

/// A proxy in front of the gateway that is not our own code.
pub const PROXY: &[Package] = &[package("kamailio", "calls through a proxy, with the example that is shipped")];

/// SIP stacks of others: baresip, and Python for PJSIP (`peers.rs`).
pub const PEERS: &[Package] = &[
    package("baresip-core", "a telephone that is not our own code (baresip)"),
    package("python3-venv", "a place of its own for PJSIP's Python binding"),
];

/// A network of its own with a NAT in it.
pub const NAT: &[Package] = &[
    package("iproute2", "a private network for a telephone behind a NAT (ip netns)"),
    package("nftables", "the NAT in that network"),
];

/// What only the tests draw with.
pub const SNAPSHOTS: &[Package] = &[
    package("mesa-vulkan-drivers", "drawing snapshots of the screens without a graphics card"),
    package("libvulkan1", "drawing snapshots of the screens without a graphics card"),
];

/// Before Debian's `postgresql` is installed: do not let it start a server of its own.
const NO_MAIN_CLUSTER: &str = "mkdir -p /etc/postgresql-common/createcluster.d && \
     echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.d/pult.conf";

/// Before Debian's `kamailio` is installed: do not let it take port 5060 on every address of this machine.
const NO_PROXY_OF_ITS_OWN: &str = "mkdir -p /etc/systemd/system && \
     ln -sf /dev/null /etc/systemd/system/kamailio.service";

/// Installs what is missing of these packages.
pub fn ensure(groups: &[&[Package]]) -> Outcome {
    let wanted: Vec<Package> = groups.iter().flat_map(|group| group.iter().copied()).collect();
    if place::program("dpkg-query").is_none() {
        return Err(Trouble::new(format!(
            "this system has no Debian packages; install the equivalents of these by hand and add --no-install:\n  {}",
            names(&wanted).join(" ")
        )));
    }
    let missing = missing(&wanted)?;
    if missing.is_empty() {
        return Ok(());
    }
    console::say("system packages to install:");
    for package in &missing {
        console::say(&format!("  {:<22} {}", package.name, package.why));
    }
    let script = install_script(&missing);
    if place::is_root() {
        run_as_root(Command::new("sh").args(["-c", &script]), &script)?;
    } else if sudo_needs_no_password() {
        run_as_root(Command::new("sudo").args(["-n", "sh", "-c", &script]), &script)?;
    } else {
        return Err(Trouble::new(format!(
            "they need root; run this once, and then the same command again:\n  {}",
            by_hand(&script)
        )));
    }
    let left = self::missing(&wanted)?;
    if left.is_empty() {
        return Ok(());
    }
    Err(Trouble::new(format!("apt-get has ended well, yet these packages are not there: {}", names(&left).join(" "))))
}

/// The packages that dpkg does not know as installed.
fn missing(wanted: &[Package]) -> Outcome<Vec<Package>> {
    // dpkg-query ends with 1 when it has never heard of a name; what it prints is complete all the same.
    let output = Command::new("dpkg-query")
        .args(["--show", "--showformat", "${Package} ${db:Status-Status}\n"])
        .args(names(wanted))
        .stdin(Stdio::null())
        .output()
        .trying("ask dpkg-query which packages are installed")?;
    Ok(not_installed(wanted, &String::from_utf8_lossy(&output.stdout)))
}

fn not_installed(wanted: &[Package], listing: &str) -> Vec<Package> {
    let installed: BTreeSet<&str> = listing.lines().filter_map(|line| line.strip_suffix(" installed")).collect();
    wanted.iter().copied().filter(|package| !installed.contains(package.name)).collect()
}

/// The shell line that installs these packages without a question.
fn install_script(missing: &[Package]) -> String {
    let mut script = String::from("export DEBIAN_FRONTEND=noninteractive; ");
    if missing.iter().any(|package| package.name == "postgresql") {
        script += NO_MAIN_CLUSTER;
        script += " && ";
    }
    if missing.iter().any(|package| package.name == "kamailio") {
        script += NO_PROXY_OF_ITS_OWN;
        script += " && ";
    }
    // An index that cannot be refreshed may still be good enough, so only the installation decides.
    script += "{ apt-get update -q || true; } && apt-get install -q -y --no-install-recommends ";
    script += &names(missing).join(" ");
    script
}

fn by_hand(script: &str) -> String {
    format!("sudo sh -c \"{script}\"")
}

fn names(packages: &[Package]) -> Vec<&'static str> {
    packages.iter().map(|package| package.name).collect()
}

fn sudo_needs_no_password() -> bool {
    let mut asking = Command::new("sudo");
    asking.args(["-n", "true"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    asking.status().is_ok_and(|status| status.success())
}

fn run_as_root(command: &mut Command, script: &str) -> Outcome {
    let status = command.stdin(Stdio::null()).status().trying("start the installation of packages")?;
    if status.success() {
        return Ok(());
    }
    Err(Trouble::new(format!("the installation of packages failed; by hand it is:\n  {}", by_hand(script))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_dpkg_calls_installed_is_there() {
        let listing = "xvfb installed\nopenbox config-files\nxdotool not-installed\n";
        let wanted = [package("xvfb", ""), package("openbox", ""), package("xdotool", ""), package("dbus", "")];
        assert_eq!(names(&not_installed(&wanted, listing)), ["openbox", "xdotool", "dbus"]);
    }

    #[test]
    fn debian_is_told_to_start_no_server_of_its_own_before_postgresql_comes() {
        let script = install_script(DATABASE);
        let told = script.find("create_main_cluster = false").unwrap();
        assert!(told < script.find("apt-get install").unwrap(), "{script}");
        assert!(!install_script(SIP).contains("create_main_cluster"));
    }

    #[test]
    fn debian_starts_no_proxy_of_its_own() {
        let script = install_script(PROXY);
        let told = script.find("kamailio.service").unwrap();
        assert!(told < script.find("apt-get install").unwrap(), "{script}");
        assert!(!install_script(SIP).contains("kamailio"));
    }

    #[test]
    fn the_installation_asks_nothing() {
        let script = install_script(SIP);
        assert!(script.starts_with("export DEBIAN_FRONTEND=noninteractive;"), "{script}");
        assert!(
            script.ends_with("apt-get install -q -y --no-install-recommends sip-tester sipsak libfaketime"),
            "{script}"
        );
    }

    #[test]
    fn every_package_is_listed_once_and_says_why() {
        let all: Vec<Package> = [WINDOW, DISPLAY, DATABASE, SIP, PEERS, PROXY, NAT, SNAPSHOTS].concat();
        let distinct: BTreeSet<&str> = names(&all).into_iter().collect();
        assert_eq!(distinct.len(), all.len());
        assert!(all.iter().all(|package| !package.why.is_empty()));
    }
}
