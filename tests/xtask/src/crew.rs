//! The processes that a command has started, and how they end.
//!
//! Each of them has a name, a log file of its own and a process group of its own: Ctrl+C in the
//! terminal reaches only us, and we end the crew in the reverse order of its start, politely
//! (SIGTERM), and after a while less so (SIGKILL), always by the id that we were given at the start.
//! If we are killed ourselves, the kernel sends SIGTERM to every one of them.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::trouble::{Outcome, Trouble, Trying};

/// How long a process may take to end after SIGTERM.
const POLITE_STOP: Duration = Duration::from_secs(15);
/// How often we look whether what a process has started is gone too: nobody tells us of grandchildren.
const GROUP_PAUSE: Duration = Duration::from_millis(20);
/// How often a waiting person hears of progress.
const TICK: Duration = Duration::from_secs(1);

/// What can happen while we wait.
enum Event {
    /// A process has ended; it has not been reaped yet, so that its id cannot be given to another.
    Ended,
    /// Somebody asked us to stop.
    StopRequested,
}

/// Where the output of a process goes.
pub enum Output {
    /// Everything into its log file.
    Log,
    /// Everything to our own terminal: for progress bars and results that the process draws itself.
    Terminal,
}

/// One process of the crew.
struct Member {
    name: String,
    child: Child,
    ended: Option<ExitStatus>,
}

/// All processes that a command has started.
pub struct Crew {
    logs: PathBuf,
    members: Vec<Member>,
    events: Receiver<Event>,
    sender: Sender<Event>,
    stop_requested: bool,
}

impl Crew {
    /// A crew without members whose logs go to this folder. From here on Ctrl+C is an event, not a sudden end.
    pub fn new(logs: &Path) -> Outcome<Crew> {
        std::fs::create_dir_all(logs).trying(format!("make the folder for logs {}", logs.display()))?;
        let (sender, events) = channel();
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).trying("listen for Ctrl+C")?;
        let to_crew = sender.clone();
        std::thread::Builder::new()
            .name("signals".into())
            .spawn(move || {
                for _ in signals.forever() {
                    if to_crew.send(Event::StopRequested).is_err() {
                        break;
                    }
                }
            })
            .trying("start the thread that listens for Ctrl+C")?;
        Ok(Crew { logs: logs.to_path_buf(), members: Vec::new(), events, sender, stop_requested: false })
    }

    /// Where the process of this name writes.
    pub fn log(&self, name: &str) -> PathBuf {
        self.logs.join(format!("{name}.log"))
    }

    /// Starts a process whose input is closed.
    pub fn start(&mut self, name: &str, command: &mut Command, output: Output) -> Outcome {
        command.stdin(Stdio::null());
        self.start_with(name, command, output)
    }

    /// Starts a process which lives as long as the returned end of its input stays open.
    pub fn start_held(&mut self, name: &str, command: &mut Command) -> Outcome<ChildStdin> {
        command.stdin(Stdio::piped());
        self.start_with(name, command, Output::Log)?;
        let member = self.members.last_mut().expect("a member was added one line above");
        Ok(member.child.stdin.take().expect("its input was asked to be a pipe"))
    }

    fn start_with(&mut self, name: &str, command: &mut Command, output: Output) -> Outcome {
        if let Output::Log = output {
            let path = self.log(name);
            let log = OpenOptions::new().create(true).append(true).open(&path);
            let log = log.trying(format!("open the log {}", path.display()))?;
            // What a script has printed into this log before (a header) stays; one description serves both streams,
            // so that their lines keep the order in which they were written.
            let second = log.try_clone().trying(format!("share the log {}", path.display()))?;
            command.stdout(log).stderr(second);
        }
        command.process_group(0);
        // SAFETY: between fork and exec only prctl is called, which is async-signal-safe and allocates nothing.
        unsafe {
            command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            });
        }
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command.spawn().trying(format!("start {name} ({program})"))?;
        self.announce_end(name, child.id())?;
        self.members.push(Member { name: name.to_owned(), child, ended: None });
        Ok(())
    }

    /// A thread that waits for the process and leaves it to be reaped by its owner.
    fn announce_end(&self, name: &str, pid: u32) -> Outcome {
        let to_crew = self.sender.clone();
        let waiting = move || {
            while wait_unreaped(pid, 0).is_err_and(|error| error.kind() == std::io::ErrorKind::Interrupted) {}
            // The crew may be gone already, with nobody left to tell.
            let _ = to_crew.send(Event::Ended);
        };
        std::thread::Builder::new().name(format!("wait {name}")).spawn(waiting).trying("start a waiting thread")?;
        Ok(())
    }

    /// Waits until the process of this name ends; `tick` is called every second with the time that has passed.
    pub fn wait(&mut self, name: &str, limit: Duration, mut tick: impl FnMut(Duration)) -> Outcome<ExitStatus> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.status(name) {
                return Ok(status);
            }
            if self.stop_requested {
                return Err(Trouble::interrupted());
            }
            let elapsed = began.elapsed();
            if elapsed >= limit {
                self.stop(name);
                let minutes = limit.as_secs().div_ceil(60);
                return Err(Trouble::new(format!("{name} was still running after {minutes} min and was stopped")));
            }
            self.next_event(TICK.min(limit - elapsed));
            tick(began.elapsed());
        }
    }

    /// Waits until any one of these processes ends and says which.
    pub fn wait_any(&mut self, names: &[String]) -> Outcome<(String, ExitStatus)> {
        loop {
            for name in names {
                if let Some(status) = self.status(name) {
                    return Ok((name.clone(), status));
                }
            }
            if self.stop_requested {
                return Err(Trouble::interrupted());
            }
            self.next_event(Duration::from_secs(3600));
        }
    }

    /// Waits until `ready` says so, asking again after each `pause`. It fails at once when the process ends first.
    pub fn wait_ready(
        &mut self,
        name: &str,
        limit: Duration,
        pause: Duration,
        mut ready: impl FnMut() -> bool,
    ) -> Outcome {
        let began = Instant::now();
        while !ready() {
            if let Some(status) = self.status(name) {
                return Err(self.told_by(name, &format!("{name} ended before it was ready ({})", in_words(status))));
            }
            if self.stop_requested {
                return Err(Trouble::interrupted());
            }
            if began.elapsed() >= limit {
                let seconds = limit.as_secs();
                return Err(self.told_by(name, &format!("{name} did not become ready within {seconds} s")));
            }
            self.next_event(pause);
        }
        Ok(())
    }

    /// A trouble that quotes the last lines of a log.
    pub fn told_by(&self, name: &str, sentence: &str) -> Trouble {
        let log = self.log(name);
        let tail = tail(&log, 20);
        Trouble::new(format!("{sentence}; its last words, from {}:\n{}", log.display(), tail.trim_end()))
    }

    /// How the process ended, when it has.
    pub fn status(&mut self, name: &str) -> Option<ExitStatus> {
        let member = self.members.iter_mut().rev().find(|member| member.name == name)?;
        member.reap()
    }

    /// The id of a process of the crew.
    pub fn pid(&self, name: &str) -> Option<u32> {
        self.members.iter().rev().find(|member| member.name == name).map(|member| member.child.id())
    }

    /// Ends one process: SIGTERM to its group, and SIGKILL when it does not go.
    pub fn stop(&mut self, name: &str) {
        let Some(index) = self.members.iter().rposition(|member| member.name == name) else { return };
        self.stop_member(index);
    }

    /// Ends everything, the youngest first.
    pub fn stop_all(&mut self) {
        for index in (0..self.members.len()).rev() {
            self.stop_member(index);
        }
    }

    fn stop_member(&mut self, index: usize) {
        if self.members[index].reap().is_some() {
            return;
        }
        self.members[index].signal(libc::SIGTERM);
        let began = Instant::now();
        // The process itself is waited for, and then whatever it has started: its id stays taken until it is reaped,
        // so that the signal at the end can reach nobody else.
        while self.members[index].is_alive() {
            let Some(left) = POLITE_STOP.checked_sub(began.elapsed()) else { break };
            let pause = if self.members[index].has_ended() { GROUP_PAUSE } else { left };
            self.next_event(pause);
        }
        let member = &mut self.members[index];
        if member.is_alive() {
            eprintln!("{} did not end within {} s and was killed", member.name, POLITE_STOP.as_secs());
            member.signal(libc::SIGKILL);
        }
        member.ended = member.child.wait().ok();
    }

    fn next_event(&mut self, at_most: Duration) {
        match self.events.recv_timeout(at_most) {
            Ok(Event::StopRequested) => self.stop_requested = true,
            // Whoever waits for this process looks at it next; the others wait on.
            Ok(Event::Ended) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.stop_all();
    }
}

impl Member {
    fn reap(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
        }
        self.ended
    }

    /// Whether the process itself is no more, though its id is still its own.
    fn has_ended(&self) -> bool {
        self.ended.is_some() || wait_unreaped(self.child.id(), libc::WNOHANG).unwrap_or(true)
    }

    /// Whether the process, or anything that it has started in its group, still runs.
    fn is_alive(&self) -> bool {
        !self.has_ended() || group_runs(self.child.id())
    }

    /// Sends a signal to the process and to everything that it has started in its group.
    /// The process is not reaped yet, so the id is still its own.
    fn signal(&self, signal: libc::c_int) {
        let Ok(group) = libc::pid_t::try_from(self.child.id()) else { return };
        // SAFETY: kill only sends a signal; the group is the one that this child leads.
        unsafe { libc::kill(-group, signal) };
    }
}

/// Waits for a child of ours and leaves it to be reaped; says whether it has ended.
fn wait_unreaped(pid: u32, options: libc::c_int) -> std::io::Result<bool> {
    // SAFETY: siginfo_t is a plain structure, for which zeros are a value, and which waitid fills.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: WNOWAIT leaves the process to its owner; `info` lives through the call.
    match unsafe { libc::waitid(libc::P_PID, pid, &raw mut info, libc::WEXITED | libc::WNOWAIT | options) } {
        // SAFETY: the system writes the id there, or leaves the zero when nothing has ended.
        0 => Ok(unsafe { info.si_pid() } != 0),
        _ => Err(std::io::Error::last_os_error()),
    }
}

/// Whether a process of this group still runs. Those which have ended and wait to be reaped do not count.
fn group_runs(group: u32) -> bool {
    let Ok(processes) = std::fs::read_dir("/proc") else { return false };
    let stats = processes.flatten().filter_map(|process| std::fs::read_to_string(process.path().join("stat")).ok());
    stats.filter_map(|stat| state_and_group(&stat)).any(|(state, of)| of == group && state != 'Z' && state != 'X')
}

/// The state and the group in a line of `/proc/PID/stat`; the name in brackets may hold anything.
fn state_and_group(stat: &str) -> Option<(char, u32)> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    let group = fields.nth(1)?.parse().ok()?;
    Some((state, group))
}

/// How a process ended, in words.
pub fn in_words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(0), _) => "it ended well".into(),
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("ended by signal {signal}"),
        (None, None) => "it ended in a way the system does not name".into(),
    }
}

/// The last lines of a file, without reading all of it.
pub fn tail(path: &Path, n_lines: usize) -> String {
    const ENOUGH: u64 = 64 * 1024;
    let read = || -> std::io::Result<String> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(ENOUGH)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(n_lines)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logs(test: &str) -> PathBuf {
        std::env::temp_dir().join(format!("pult-xtask-{test}-{}", std::process::id()))
    }

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_process_writes_both_streams_into_its_log_and_tells_how_it_ended() {
        let folder = logs("streams");
        let mut crew = Crew::new(&folder).unwrap();
        crew.start("speaker", &mut shell("echo one; echo two >&2; exit 3"), Output::Log).unwrap();
        let status = crew.wait("speaker", Duration::from_secs(30), |_| {}).unwrap();
        assert_eq!(in_words(status), "exit code 3");
        assert_eq!(tail(&crew.log("speaker"), 5), "one\ntwo");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn stopping_reaches_the_grandchildren_too() {
        let folder = logs("grandchildren");
        let mut crew = Crew::new(&folder).unwrap();
        crew.start("family", &mut shell("sleep 600 & echo $!; wait"), Output::Log).unwrap();
        let log = crew.log("family");
        crew.wait_ready("family", Duration::from_secs(30), Duration::from_millis(20), || !tail(&log, 1).is_empty())
            .unwrap();
        let grandchild: u32 = tail(&log, 1).trim().parse().unwrap();
        crew.stop_all();
        let state = std::fs::read_to_string(format!("/proc/{grandchild}/stat")).unwrap_or_default();
        assert!(state.is_empty() || state.contains(") Z "), "the grandchild lives on: {state}");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_process_with_a_strange_name_is_read_all_the_same() {
        assert_eq!(state_and_group("77 (a ) S b) S 1 42 42 0"), Some(('S', 42)));
        assert_eq!(state_and_group("77 (a"), None);
    }

    #[test]
    fn a_step_that_takes_too_long_is_stopped_and_named() {
        let folder = logs("too-long");
        let mut crew = Crew::new(&folder).unwrap();
        crew.start("sleeper", &mut shell("exec sleep 600"), Output::Log).unwrap();
        let trouble = crew.wait("sleeper", Duration::from_millis(50), |_| {}).unwrap_err();
        assert!(trouble.to_string().starts_with("sleeper was still running"), "{trouble}");
        assert!(crew.status("sleeper").is_some());
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_server_that_dies_before_it_is_ready_is_quoted() {
        let folder = logs("dies");
        let mut crew = Crew::new(&folder).unwrap();
        crew.start("server", &mut shell("echo port taken; exit 1"), Output::Log).unwrap();
        let trouble =
            crew.wait_ready("server", Duration::from_secs(30), Duration::from_millis(10), || false).unwrap_err();
        assert!(trouble.to_string().contains("port taken"), "{trouble}");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
