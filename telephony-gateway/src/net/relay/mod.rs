//! The shell of [`crate::media`]: sockets and threads which do nothing but sound.
//!
//! Signalling holds a [`Relay`] and tells it what should be heard where; every call returns at once, because it
//! only leaves a command in a thread's mailbox. The threads (`worker.rs`) are not tokio's, so that signalling and
//! sound never delay each other. A port belongs to one thread; when two bridged ports live on different threads,
//! each thread reads its own port and writes through the other's socket. A conference (`room.rs`) is mixed by one of
//! its parties' threads; who confers with whom is kept by `register.rs`.
//!
//! RTCP is neither made nor relayed in this version: the streams get numbers of their own on the way, so a report
//! about one side says nothing to the other. The RTCP port is held so that nobody else gets it.

mod batch;
mod mailbox;
mod register;
mod room;
mod worker;

#[cfg(test)]
mod tests;

use std::{
    io,
    net::IpAddr,
    ops::RangeInclusive,
    os::unix::thread::JoinHandleExt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use shared::time::Clock;

use self::{
    mailbox::{Command, Mailbox, Port},
    register::Register,
    worker::Worker,
};
use super::ports::{PortError, PortPair, PortPool};
use crate::media::{dtmf, leg::Leg, rtp::Outgoing, tones};
pub use crate::media::{
    g711::Codec,
    leg::RemoteMedia,
    mix::MAX_PARTIES,
    quality::Stats,
    srtp::{SrtpKeys, Suite},
};

/// One open port of the relay: the ear and the mouth which one party of a call has here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortId(pub u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenPort {
    pub id: PortId,
    /// What goes into the SDP, together with [`Relay::advertised`].
    pub rtp_port: u16,
}

pub struct RelayConfig {
    /// Where the sockets listen.
    pub address: IpAddr,
    /// What parties are told; another address than the first behind NAT.
    pub advertised: IpAddr,
    pub ports: RangeInclusive<u16>,
    /// How long a port rests between two calls.
    pub quarantine: Duration,
    pub threads: usize,
    /// What [`Relay::play_music`] plays, 8 kHz mono.
    pub music: Arc<[i16]>,
}

#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    #[error(transparent)]
    Port(#[from] PortError),
    #[error("cannot start the thread for the sound")]
    Start { source: io::Error },
}

/// What the relay tells signalling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RelayEvent {
    /// The party was heard for the first time.
    FirstPacket {
        id: PortId,
    },
    /// A bridged or conferring party that should speak has sent nothing for so long; told once for each silence.
    Silent {
        id: PortId,
        for_ms: u64,
    },
    /// The party has pressed a key (RFC 4733): `0` to `9`, `*`, `#` or `A` to `D`, once for each press.
    Digit {
        id: PortId,
        digit: char,
    },
    Closed {
        id: PortId,
        stats: Stats,
    },
    /// Something of the system failed; told once for each port.
    Fault {
        what: String,
    },
}

/// A handle; when the last clone is dropped, the threads stop and all ports close without a further event.
#[derive(Clone)]
pub struct Relay(Arc<Inner>);

struct Inner {
    advertised: IpAddr,
    music: Arc<[i16]>,
    ringing: Arc<[i16]>,
    clock: Clock,
    mailboxes: Arc<[Mailbox]>,
    threads: Vec<JoinHandle<()>>,
    /// Only signalling takes this lock, the threads never do.
    register: Mutex<Register>,
}

impl Relay {
    /// Starts the threads. `events` is called on them: it should only pass the event on, and must not hold a
    /// [`Relay`], which would keep its own threads alive.
    pub fn start(config: RelayConfig, events: impl Fn(RelayEvent) + Send + 'static) -> Result<Self, RelayError> {
        let pool = PortPool::new(config.address, config.ports, config.quarantine)?;
        let clock = Clock::start();
        let events: worker::Events = Arc::new(Mutex::new(Box::new(events)));
        let failed = |source| RelayError::Start { source };
        let mailboxes: Arc<[Mailbox]> =
            (0..config.threads.max(1)).map(|_| Mailbox::new()).collect::<io::Result<_>>().map_err(failed)?;
        // The handle is whole before the first thread runs, so that an error below stops those already running.
        let mut inner = Inner {
            advertised: config.advertised,
            music: config.music,
            ringing: tones::ringing(),
            clock,
            mailboxes: mailboxes.clone(),
            threads: Vec::new(),
            register: Mutex::new(Register::new(pool, mailboxes.clone())),
        };
        for number in 0..mailboxes.len() {
            let worker = Worker::new(number, mailboxes.clone(), clock, events.clone()).map_err(failed)?;
            let events = events.clone();
            let run = move || {
                if catch_unwind(AssertUnwindSafe(|| worker.run())).is_err() {
                    let what = format!("the thread media-{number} has died; calls on it are without sound");
                    lock(&events)(RelayEvent::Fault { what });
                }
            };
            let thread = thread::Builder::new().name(format!("media-{number}")).spawn(run).map_err(failed)?;
            inner.threads.push(thread);
        }
        Ok(Self(Arc::new(inner)))
    }

    /// The address that goes into SDP.
    pub fn advertised(&self) -> IpAddr {
        self.0.advertised
    }

    /// Opens a port for a party. It hears nobody until [`Relay::set_remote`].
    pub fn open(&self) -> Result<OpenPort, RelayError> {
        let mut register = self.register();
        let PortPair { rtp, rtcp, rtp_port } = register.pool.take(self.0.clock.now())?;
        register.last_id += 1;
        let id = PortId(register.last_id);
        let port = Arc::new(Port {
            id,
            home: register.last_id as usize % self.0.mailboxes.len(),
            rtp_port,
            rtp,
            _rtcp: rtcp,
            leg: Mutex::new(Leg::new(outgoing())),
        });
        register.ports.insert(id, port.clone());
        register.tell(&port, Command::Add(port.clone()));
        Ok(OpenPort { id, rtp_port })
    }

    /// What an offer or answer of the party says; the address it really sends from is learned anew.
    pub fn set_remote(&self, id: PortId, media: RemoteMedia) {
        self.register().tell_open(id, Command::SetRemote(id, Box::new(media)));
    }

    /// Lets two parties hear each other. What either heard before (music, another party, a conference) ends.
    pub fn bridge(&self, a: PortId, b: PortId) {
        self.register().bridge(a, b);
    }

    /// Lets up to [`MAX_PARTIES`] parties hear the sum of the others each. Who of them confers already goes on without a
    /// seam; who confers with them and is not named hears nothing any more. Two are bridged, one is alone and hears
    /// nothing. A party leaves as soon as it is bridged, played to, silenced or closed, and the others go on.
    pub fn conference(&self, ids: &[PortId]) {
        self.register().conference(ids, self.0.clock.now());
    }

    /// The party hears nothing, and what it says goes nowhere. Who was bridged with it hears nothing either.
    pub fn silence(&self, id: PortId) {
        self.register().silence(id);
    }

    /// What the party says reaches nobody, whomever it is joined with, until it is unmuted. It still hears.
    pub fn mute(&self, id: PortId, muted: bool) {
        self.register().tell_open(id, Command::Mute(id, muted));
    }

    /// Presses keys for the party to hear, in the place of sound (RFC 4733), behind those that are still on their way.
    /// What is no key is left out. A party that has agreed to no telephone events is told none.
    pub fn send_digits(&self, id: PortId, keys: &str) {
        if !dtmf::are_keys(keys) {
            tracing::warn!(port.id = id.0, "some of the characters to be pressed are no keys and are left out");
        }
        self.register().tell_open(id, Command::TypeKeys(id, keys.into()));
    }

    /// Plays the music on hold until something else is asked for.
    pub fn play_music(&self, id: PortId) {
        self.play(id, self.0.music.clone(), true);
    }

    /// Plays the tone that says that it rings at the other end, until something else is asked for.
    pub fn ringback(&self, id: PortId) {
        self.play(id, self.0.ringing.clone(), true);
    }

    /// Plays a recording (8 kHz mono), once or over and over; a bridge or conference of the party ends.
    pub fn play(&self, id: PortId, sound: Arc<[i16]>, looped: bool) {
        let mut register = self.register();
        register.leave(&[id]);
        register.tell_open(id, Command::Play { id, sound, looped });
    }

    pub fn stop_playing(&self, id: PortId) {
        self.register().tell_open(id, Command::StopPlaying(id));
    }

    /// Closes the port; its counts come back as [`RelayEvent::Closed`].
    pub fn close(&self, id: PortId) {
        let mut register = self.register();
        register.leave(&[id]);
        let Some(port) = register.ports.remove(&id) else { return };
        register.pool.give_back(port.rtp_port, self.0.clock.now());
        register.tell(&port, Command::Close(id));
    }

    /// How many ports are open.
    pub fn n_open(&self) -> usize {
        self.register().ports.len()
    }

    /// Processor time which the threads have used since the start.
    pub fn processor_time(&self) -> Duration {
        self.0.threads.iter().filter_map(|thread| batch::processor_time(thread.as_pthread_t())).sum()
    }

    fn register(&self) -> MutexGuard<'_, Register> {
        lock(&self.0.register)
    }
}

/// A stream that begins at random (RFC 3550 section 5.1), and with a number in the lower half, so that a listener of SRTP
/// who misses the first packets does not guess its rollover wrong (RFC 3711 section 3.3.1).
fn outgoing() -> Outgoing {
    Outgoing::new(rand::random(), rand::random::<u16>() >> 1, rand::random())
}

impl Drop for Inner {
    fn drop(&mut self) {
        for mailbox in self.mailboxes.iter() {
            mailbox.send(Command::Stop);
        }
        for thread in self.threads.drain(..) {
            // The last handle may go down inside `events`, on the very thread that is to stop.
            if thread.thread().id() != thread::current().id() {
                // A thread that has panicked has told so as a fault.
                let _ = thread.join();
            }
        }
    }
}

/// What the locks guard stays true even when a thread has died between two lines.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
