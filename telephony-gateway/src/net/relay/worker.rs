//! One thread of the relay: waits for its ports and its mailbox, and carries what it finds.
//!
//! Packets of a port are read together, judged by the port's leg and sent through the peer's socket in the same
//! turn. A timer runs only while something plays or somebody is bridged.

use std::{
    collections::HashMap,
    io, mem,
    net::UdpSocket,
    sync::{Arc, Mutex},
    time::Duration,
};

use shared::time::{Clock, Moment};

use super::{
    PortId, RelayEvent,
    batch::{Bell, Inbox, Outbox, Poll},
    lock,
};
use crate::media::{
    leg::{Leg, RemoteMedia},
    playback::Playback,
};

/// How often bridged parties are looked at for silence.
const SILENCE_ROUND: Duration = Duration::from_secs(1);

/// Ids of ports begin at one, so this key is free for the mailbox.
const BELL_KEY: u64 = 0;

pub type Events = Arc<Mutex<Box<dyn Fn(RelayEvent) + Send>>>;

/// What threads share of a port. The lock is held for the length of one packet.
pub struct Port {
    pub id: PortId,
    /// The number of the thread which reads it.
    pub home: usize,
    pub rtp_port: u16,
    pub rtp: UdpSocket,
    pub _rtcp: UdpSocket,
    pub leg: Mutex<Leg>,
}

pub enum Command {
    Add(Arc<Port>),
    SetRemote(PortId, RemoteMedia),
    Bridge {
        id: PortId,
        peer: Arc<Port>,
        bridge: u64,
    },
    /// With a bridge: only if it is still in that one, which the peer has already left.
    Unbridge {
        id: PortId,
        bridge: Option<u64>,
    },
    Play {
        id: PortId,
        sound: Arc<[i16]>,
        looped: bool,
    },
    StopPlaying(PortId),
    Close(PortId),
    Stop,
}

pub struct Mailbox {
    commands: Mutex<Vec<Command>>,
    bell: Bell,
}

impl Mailbox {
    pub fn new() -> io::Result<Self> {
        Ok(Self { commands: Mutex::new(Vec::new()), bell: Bell::new()? })
    }

    pub fn send(&self, command: Command) {
        let mut commands = lock(&self.commands);
        commands.push(command);
        // Whoever finds others waiting need not ring again.
        let rings = commands.len() == 1;
        drop(commands);
        if rings {
            self.bell.ring();
        }
    }

    fn take_all(&self) -> Vec<Command> {
        self.bell.hush();
        mem::take(&mut *lock(&self.commands))
    }
}

pub struct Worker {
    number: usize,
    mailboxes: Arc<[Mailbox]>,
    clock: Clock,
    events: Events,
    poll: Poll,
    ports: HashMap<PortId, Entry>,
    playing: Vec<PortId>,
    /// When the next packet of any playback is due, in microseconds of the monotonic clock.
    next_play_us: Option<u64>,
    next_silence_round: Option<Moment>,
    inbox: Inbox,
    outbox: Outbox,
}

struct Entry {
    port: Arc<Port>,
    feed: Feed,
    fault_told: bool,
}

/// What the party of a port hears.
enum Feed {
    Nothing,
    /// Bridges are numbered, so that news of an old one cannot end a new one of the same two.
    Peer {
        peer: Arc<Port>,
        bridge: u64,
    },
    Playback(Playback),
}

impl Worker {
    pub fn new(number: usize, mailboxes: Arc<[Mailbox]>, clock: Clock, events: Events) -> io::Result<Self> {
        let poll = Poll::new()?;
        poll.watch(&mailboxes[number].bell, BELL_KEY)?;
        Ok(Self {
            number,
            mailboxes,
            clock,
            events,
            poll,
            ports: HashMap::new(),
            playing: Vec::new(),
            next_play_us: None,
            next_silence_round: None,
            inbox: Inbox::new(),
            outbox: Outbox::new(),
        })
    }

    pub fn run(mut self) {
        let mut ready = Vec::new();
        loop {
            if let Err(error) = self.poll.wait(self.wait_at_most(), &mut ready) {
                let what = format!("the thread media-{} cannot wait for packets: {error}", self.number);
                return self.tell(RelayEvent::Fault { what });
            }
            let now = self.clock.now();
            // Commands first: a packet that came after a command must find it obeyed.
            if ready.contains(&BELL_KEY) && self.obey_all(now) == Onward::Stop {
                return;
            }
            for &key in ready.iter().filter(|&&key| key != BELL_KEY) {
                self.relay(PortId(key), now);
            }
            self.play_what_is_due(now);
            self.look_for_silence(now);
        }
    }

    fn wait_at_most(&self) -> Option<Duration> {
        let due_us =
            [self.next_play_us, self.next_silence_round.map(|round| round.mono_us)].into_iter().flatten().min();
        due_us.map(|due_us| Duration::from_micros(due_us.saturating_sub(self.clock.now().mono_us)))
    }

    /// Reads what waits in a port and passes it to the peer.
    fn relay(&mut self, id: PortId, now: Moment) {
        let Some(entry) = self.ports.get_mut(&id) else { return };
        let received = self.inbox.receive(&entry.port.rtp);
        let mut is_first = false;
        for (datagram, from) in self.inbox.datagrams() {
            let Some(heard) = lock(&entry.port.leg).receive(datagram, from, now) else { continue };
            is_first |= heard.first;
            if let Feed::Peer { peer, .. } = &entry.feed {
                self.outbox.push(|slot| lock(&peer.leg).forward(&heard, now, slot));
            }
        }
        let sent = match &entry.feed {
            Feed::Peer { peer, .. } => self.outbox.send(&peer.rtp),
            Feed::Nothing | Feed::Playback(_) => Ok(()),
        };
        if is_first {
            self.tell(RelayEvent::FirstPacket { id });
        }
        self.tell_fault(id, "receive", received);
        self.tell_fault(id, "pass on", sent);
    }

    fn play_what_is_due(&mut self, now: Moment) {
        if self.next_play_us.is_none_or(|due_us| due_us > now.mono_us) {
            return;
        }
        for id in self.playing.clone() {
            let Some(Entry { port, feed: Feed::Playback(playback), .. }) = self.ports.get_mut(&id) else { continue };
            while let Some(piece) = playback.take_due(now) {
                self.outbox.push(|slot| lock(&port.leg).play(&piece, now, slot));
            }
            let sent = self.outbox.send(&port.rtp);
            if playback.is_over() {
                self.feed(id, Feed::Nothing, now);
            }
            self.tell_fault(id, "play", sent);
        }
        self.plan_playing();
    }

    fn plan_playing(&mut self) {
        let due_us = |id: &PortId| match &self.ports.get(id)?.feed {
            Feed::Playback(playback) => playback.next_due_us(),
            Feed::Nothing | Feed::Peer { .. } => None,
        };
        self.next_play_us = self.playing.iter().filter_map(due_us).min();
    }

    fn look_for_silence(&mut self, now: Moment) {
        if self.next_silence_round.is_none_or(|round| !round.is_due(now)) {
            return;
        }
        let bridged = || self.ports.values().filter(|entry| matches!(entry.feed, Feed::Peer { .. }));
        let silent = bridged().filter_map(|entry| {
            let silence = lock(&entry.port.leg).notice_silence(now)?;
            Some(RelayEvent::Silent { id: entry.port.id, for_ms: silence.as_millis() as u64 })
        });
        for event in silent.collect::<Vec<_>>() {
            self.tell(event);
        }
        self.next_silence_round = bridged().next().map(|_| now.after(SILENCE_ROUND));
    }

    fn obey_all(&mut self, now: Moment) -> Onward {
        for command in self.mailboxes[self.number].take_all() {
            if self.obey(command, now) == Onward::Stop {
                return Onward::Stop;
            }
        }
        Onward::Go
    }

    fn obey(&mut self, command: Command, now: Moment) -> Onward {
        match command {
            Command::Add(port) => self.add(port),
            Command::SetRemote(id, media) => {
                if let Some(entry) = self.ports.get(&id) {
                    lock(&entry.port.leg).set_remote(media);
                }
            }
            Command::Bridge { id, peer, bridge } => self.bridge(id, peer, bridge, now),
            Command::Unbridge { id, bridge: None } => {
                if self.part_from_peer(id) {
                    self.feed(id, Feed::Nothing, now);
                }
            }
            Command::Unbridge { id, bridge: Some(left) } => {
                if matches!(self.ports.get(&id), Some(Entry { feed: Feed::Peer { bridge, .. }, .. }) if *bridge == left)
                {
                    self.feed(id, Feed::Nothing, now);
                }
            }
            Command::Play { id, sound, looped } => {
                self.part_from_peer(id);
                self.feed(id, Feed::Playback(Playback::start(sound, looped, now)), now);
            }
            Command::StopPlaying(id) => {
                if self.playing.contains(&id) {
                    self.feed(id, Feed::Nothing, now);
                }
            }
            Command::Close(id) => self.close(id),
            Command::Stop => return Onward::Stop,
        }
        Onward::Go
    }

    fn add(&mut self, port: Arc<Port>) {
        let id = port.id;
        let watched = self.poll.watch(&port.rtp, id.0);
        self.ports.insert(id, Entry { port, feed: Feed::Nothing, fault_told: false });
        self.tell_fault(id, "listen", watched);
    }

    fn close(&mut self, id: PortId) {
        self.part_from_peer(id);
        self.playing.retain(|playing| *playing != id);
        if let Some(entry) = self.ports.remove(&id) {
            // The peer's thread may hold the socket a moment longer; it must not wake this one.
            self.poll.forget(&entry.port.rtp);
            let stats = lock(&entry.port.leg).stats();
            self.tell(RelayEvent::Closed { id, stats });
        }
        self.plan_playing();
    }

    /// Changes what the party hears.
    fn feed(&mut self, id: PortId, feed: Feed, now: Moment) {
        let Some(entry) = self.ports.get_mut(&id) else { return };
        self.playing.retain(|playing| *playing != id);
        let mut leg = lock(&entry.port.leg);
        leg.change_feed();
        match feed {
            Feed::Peer { .. } => {
                leg.await_sound(now);
                self.next_silence_round.get_or_insert(now.after(SILENCE_ROUND));
            }
            Feed::Playback(_) => {
                leg.await_nothing();
                self.playing.push(id);
            }
            Feed::Nothing => leg.await_nothing(),
        }
        drop(leg);
        entry.feed = feed;
        self.plan_playing();
    }

    fn bridge(&mut self, id: PortId, peer: Arc<Port>, bridge: u64, now: Moment) {
        match self.ports.get_mut(&id) {
            // The same two again: nobody hears a seam.
            Some(Entry { feed: Feed::Peer { peer: present, bridge: number }, .. }) if present.id == peer.id => {
                *number = bridge;
            }
            _ => {
                self.part_from_peer(id);
                self.feed(id, Feed::Peer { peer, bridge }, now);
            }
        }
    }

    /// Tells the peer, if there is one, that this port goes its own way.
    fn part_from_peer(&self, id: PortId) -> bool {
        let Some(Entry { feed: Feed::Peer { peer, bridge }, .. }) = self.ports.get(&id) else { return false };
        self.mailboxes[peer.home].send(Command::Unbridge { id: peer.id, bridge: Some(*bridge) });
        true
    }

    fn tell_fault(&mut self, id: PortId, verb: &str, outcome: io::Result<()>) {
        let Err(error) = outcome else { return };
        let Some(entry) = self.ports.get_mut(&id).filter(|entry| !entry.fault_told) else { return };
        entry.fault_told = true;
        let what = format!("cannot {verb} sound on the port {}: {error}", entry.port.rtp_port);
        self.tell(RelayEvent::Fault { what });
    }

    fn tell(&self, event: RelayEvent) {
        lock(&self.events)(event);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Onward {
    Go,
    Stop,
}
