//! File descriptors: the system gives a process so many, and a few of them are kept back.
//!
//! The sound of calls and the connections of SIP may take descriptors up to [`ceiling`]; what lies above is for the
//! ledger, the database, and the door at which somebody asks what is wrong. The system always gives the lowest number
//! that is free, so the number itself tells how many are taken, and nothing has to be counted.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::OnceLock;

/// A call that cannot have so many is refused; and one may be about to open them.
const OF_A_CALL: u64 = 8;
/// Kept back, at least and at most; between them an eighth of all.
const KEPT_BACK: (u64, u64) = (48, 512);

/// Asks the system for as many descriptors as it may give this process, and gives how many that is.
///
/// # Errors
/// When the system does not say.
pub fn raise_limit() -> io::Result<u64> {
    let mut limit = limits()?;
    if limit.rlim_cur < limit.rlim_max {
        let wanted = libc::rlimit { rlim_cur: limit.rlim_max, ..limit };
        // SAFETY: setrlimit only reads the structure.
        if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const wanted) } == 0 {
            limit = wanted;
        }
    }
    Ok(limit.rlim_cur)
}

fn limits() -> io::Result<libc::rlimit> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: getrlimit fills the structure that it is given.
    match unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } {
        0 => Ok(limit),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The first number that calls and connections of SIP may not have. The limit is read once, after it was raised.
fn ceiling() -> u64 {
    static CEILING: OnceLock<u64> = OnceLock::new();
    *CEILING.get_or_init(|| limits().map_or(u64::MAX, |limit| ceiling_of(limit.rlim_cur)))
}

fn ceiling_of(limit: u64) -> u64 {
    limit.saturating_sub((limit / 8).clamp(KEPT_BACK.0, KEPT_BACK.1))
}

/// How many connections desks may have at once: a quarter of everything, and never what is needed elsewhere.
pub fn for_desks(most: usize) -> usize {
    let quarter = limits().map_or(most as u64, |limit| limit.rlim_cur / 4);
    most.min(usize::try_from(quarter).unwrap_or(most))
}

/// Refuses a descriptor that was just opened and is one of those kept back; it is closed then.
///
/// # Errors
/// As if the system had none left (`EMFILE`).
pub fn unless_kept_back<T: AsRawFd>(opened: T) -> io::Result<T> {
    if number(&opened) < ceiling() { Ok(opened) } else { Err(io::Error::from_raw_os_error(libc::EMFILE)) }
}

/// Whether the next call could not have its descriptors.
pub fn are_short() -> bool {
    match File::open("/dev/null") {
        Ok(probe) => number(&probe) + OF_A_CALL >= ceiling(),
        Err(error) => is_out(&error),
    }
}

/// Whether the process, or the whole machine, has no descriptor left.
pub fn is_out(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

fn number(of: &impl AsRawFd) -> u64 {
    u64::try_from(of.as_raw_fd()).unwrap_or(u64::MAX)
}

/// One descriptor kept in hand. When none is left, it is let go for a moment, so that a connection can be taken and
/// closed: the other side learns at once, and does not knock in vain for minutes.
pub struct InHand(Option<File>);

impl InHand {
    pub fn take() -> Self {
        Self(File::open("/dev/null").ok())
    }

    /// Runs `accept_and_close` with one descriptor free.
    pub fn lend(&mut self, accept_and_close: impl FnOnce()) {
        self.0 = None;
        accept_and_close();
        *self = Self::take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_eighth_of_the_descriptors_is_kept_back_within_bounds() {
        assert_eq!((ceiling_of(128), ceiling_of(1024), ceiling_of(65_536)), (80, 896, 65_024));
        assert_eq!(ceiling_of(10), 0, "with so few there is no room for calls at all");
    }

    #[test]
    fn there_are_enough_as_long_as_nobody_takes_them() {
        assert!(!are_short());
        assert!(unless_kept_back(File::open("/dev/null").unwrap()).is_ok());
        assert!(is_out(&io::Error::from_raw_os_error(libc::EMFILE)));
        let mut in_hand = InHand::take();
        let mut lent = false;
        in_hand.lend(|| lent = true);
        assert!(lent && in_hand.0.is_some());
    }
}
