//! The shell of [`crate::media`]: sockets and threads which do nothing but sound.
//!
//! Signalling holds a [`Relay`] and tells it what should be heard where; every call returns at once, because it
//! only leaves a command in a thread's mailbox. The threads (`worker.rs`) are not tokio's, so that signalling and
//! sound never delay each other. A port belongs to one thread; when two bridged ports live on different threads,
//! each thread reads its own port and writes through the other's socket.
//!
//! RTCP is neither made nor relayed in this version: the streams get numbers of their own on the way, so a report
//! about one side says nothing to the other. The RTCP port is held so that nobody else gets it.

mod batch;
#[cfg(test)]
mod tests;
mod worker;

use std::{
    collections::HashMap,
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

use self::worker::{Command, Mailbox, Port, Worker};
use super::ports::{PortError, PortPair, PortPool};
pub use crate::media::{g711::Codec, leg::RemoteMedia, quality::Stats};
use crate::media::{leg::Leg, rtp::Outgoing};

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
    /// A bridged party that should speak has sent nothing for so long; told once for each silence.
    Silent {
        id: PortId,
        for_ms: u64,
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
    clock: Clock,
    mailboxes: Arc<[Mailbox]>,
    threads: Vec<JoinHandle<()>>,
    /// Only signalling takes this lock, the threads never do.
    register: Mutex<Register>,
}

struct Register {
    pool: PortPool,
    ports: HashMap<PortId, Arc<Port>>,
    last_id: u64,
    last_bridge: u64,
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
            clock,
            mailboxes: mailboxes.clone(),
            threads: Vec::new(),
            register: Mutex::new(Register { pool, ports: HashMap::new(), last_id: 0, last_bridge: 0 }),
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
        let mut register = lock(&self.0.register);
        let PortPair { rtp, rtcp, rtp_port } = register.pool.take(self.0.clock.now())?;
        register.last_id += 1;
        let id = PortId(register.last_id);
        let port = Arc::new(Port {
            id,
            home: register.last_id as usize % self.0.mailboxes.len(),
            rtp_port,
            rtp,
            _rtcp: rtcp,
            leg: Mutex::new(Leg::new(Outgoing::new(rand::random(), rand::random(), rand::random()))),
        });
        register.ports.insert(id, port.clone());
        drop(register);
        self.tell(&port, Command::Add(port.clone()));
        Ok(OpenPort { id, rtp_port })
    }

    /// What an offer or answer of the party says; the address it really sends from is learned anew.
    pub fn set_remote(&self, id: PortId, media: RemoteMedia) {
        self.tell_open(id, Command::SetRemote(id, media));
    }

    /// Lets two parties hear each other. What either heard before (music, another party) ends.
    pub fn bridge(&self, a: PortId, b: PortId) {
        let mut register = lock(&self.0.register);
        let (Some(a), Some(b)) = (register.ports.get(&a).cloned(), register.ports.get(&b).cloned()) else { return };
        register.last_bridge += 1;
        let bridge = register.last_bridge;
        drop(register);
        self.tell(&a, Command::Bridge { id: a.id, peer: b.clone(), bridge });
        self.tell(&b, Command::Bridge { id: b.id, peer: a.clone(), bridge });
    }

    /// Parts a party from the one it is bridged with; both hear nothing then.
    pub fn unbridge(&self, id: PortId) {
        self.tell_open(id, Command::Unbridge { id, bridge: None });
    }

    /// Plays the music on hold until something else is asked for.
    pub fn play_music(&self, id: PortId) {
        self.play(id, self.0.music.clone(), true);
    }

    /// Plays a recording (8 kHz mono), once or over and over; a bridge of the party ends.
    pub fn play(&self, id: PortId, sound: Arc<[i16]>, looped: bool) {
        self.tell_open(id, Command::Play { id, sound, looped });
    }

    pub fn stop_playing(&self, id: PortId) {
        self.tell_open(id, Command::StopPlaying(id));
    }

    /// Closes the port; its counts come back as [`RelayEvent::Closed`].
    pub fn close(&self, id: PortId) {
        let mut register = lock(&self.0.register);
        let Some(port) = register.ports.remove(&id) else { return };
        register.pool.give_back(port.rtp_port, self.0.clock.now());
        drop(register);
        self.tell(&port, Command::Close(id));
    }

    /// How many ports are open.
    pub fn n_open(&self) -> usize {
        lock(&self.0.register).ports.len()
    }

    /// Processor time which the threads have used since the start.
    pub fn processor_time(&self) -> Duration {
        self.0.threads.iter().filter_map(|thread| batch::processor_time(thread.as_pthread_t())).sum()
    }

    fn tell(&self, port: &Port, command: Command) {
        self.0.mailboxes[port.home].send(command);
    }

    /// A port that is already closed needs nothing any more: calls end while commands are on their way.
    fn tell_open(&self, id: PortId, command: Command) {
        let port = lock(&self.0.register).ports.get(&id).cloned();
        match port {
            Some(port) => self.tell(&port, command),
            None => tracing::debug!(port.id = id.0, "a closed media port is asked for something"),
        }
    }
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
