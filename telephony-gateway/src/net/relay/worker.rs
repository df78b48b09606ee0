//! One thread of the relay: waits for its ports and its mailbox, and carries what it finds.
//!
//! Packets of a port are read together, judged by the port's leg and sent through the peer's socket in the same
//! turn. A timer runs only while something plays, somebody is bridged or a conference is hosted here.

mod due;

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use shared::time::{Clock, Moment};
use smallvec::SmallVec;

use super::{
    PortId, RelayEvent,
    batch::{Inbox, Outbox, Poll},
    lock,
    mailbox::{Command, Mailbox, Port},
    room::Room,
};
use crate::media::playback::Playback;

/// How often bridged parties are looked at for silence.
const SILENCE_ROUND: Duration = Duration::from_secs(1);

/// A thread with so many parties in talks lets a few packets come together before it looks again: to be woken for each
/// costs more than to carry it. The wait is a tenth of a packet's sound, far less than any jitter buffer holds.
const MANY_TALK: usize = 16;
const BREATH: Duration = Duration::from_millis(2);

/// Ids of ports begin at one, so this key is free for the mailbox.
const BELL_KEY: u64 = 0;

pub type Events = Arc<Mutex<Box<dyn Fn(RelayEvent) + Send>>>;

pub struct Worker {
    number: usize,
    mailboxes: Arc<[Mailbox]>,
    clock: Clock,
    events: Events,
    poll: Poll,
    ports: HashMap<PortId, Entry>,
    playing: Vec<PortId>,
    /// Ports whose parties have keys pressed at them.
    typing: Vec<PortId>,
    /// Conferences that are mixed here.
    rooms: Vec<Arc<Room>>,
    /// When the next packet of any playback, key or conference is due, in microseconds of the monotonic clock.
    next_due_us: Option<u64>,
    next_silence_round: Option<Moment>,
    /// How many parties were in talks at the last round.
    n_talking: usize,
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
    Room {
        room: Arc<Room>,
        seat: usize,
    },
}

impl Feed {
    /// Whether somebody waits for what the party says.
    const fn is_talk(&self) -> bool {
        matches!(self, Self::Peer { .. } | Self::Room { .. })
    }
}

impl Worker {
    pub fn new(number: usize, mailboxes: Arc<[Mailbox]>, clock: Clock, events: Events) -> io::Result<Self> {
        let poll = Poll::new()?;
        poll.watch(mailboxes[number].bell(), BELL_KEY)?;
        Ok(Self {
            number,
            mailboxes,
            clock,
            events,
            poll,
            ports: HashMap::new(),
            playing: Vec::new(),
            typing: Vec::new(),
            rooms: Vec::new(),
            next_due_us: None,
            next_silence_round: None,
            n_talking: 0,
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
            self.send_what_is_due(now);
            self.look_for_silence(now);
            self.take_breath(now);
        }
    }

    fn take_breath(&self, awake_since: Moment) {
        if self.n_talking < MANY_TALK {
            return;
        }
        let worked = self.clock.now().since(awake_since);
        if let Some(rest) = BREATH.checked_sub(worked) {
            thread::sleep(rest);
        }
    }

    fn wait_at_most(&self) -> Option<Duration> {
        let due_us = [self.next_due_us, self.next_silence_round.map(|round| round.mono_us)].into_iter().flatten().min();
        due_us.map(|due_us| Duration::from_micros(due_us.saturating_sub(self.clock.now().mono_us)))
    }

    /// Reads what waits in a port and passes it on.
    fn relay(&mut self, id: PortId, now: Moment) {
        let Some(entry) = self.ports.get_mut(&id) else { return };
        let received = self.inbox.receive(&entry.port.rtp);
        let mut is_first = false;
        let mut digits: SmallVec<[char; 4]> = SmallVec::new();
        for (datagram, from) in self.inbox.datagrams() {
            let mut leg = lock(&entry.port.leg);
            let Some(heard) = leg.receive(datagram, from, now) else { continue };
            digits.extend(leg.digit(&heard, now));
            drop(leg);
            is_first |= heard.first;
            match &entry.feed {
                Feed::Peer { peer, .. } => self.outbox.push(|slot| lock(&peer.leg).forward(&heard, now, slot)),
                Feed::Room { room, seat } => room.hear(*seat, &heard),
                Feed::Nothing | Feed::Playback(_) => {}
            }
        }
        let sent = match &entry.feed {
            Feed::Peer { peer, .. } => self.outbox.send(&peer.rtp),
            Feed::Nothing | Feed::Playback(_) | Feed::Room { .. } => Ok(()),
        };
        if is_first {
            self.tell(RelayEvent::FirstPacket { id });
        }
        for digit in digits {
            self.tell(RelayEvent::Digit { id, digit });
        }
        self.tell_fault(id, "receive", received);
        self.tell_fault(id, "pass on", sent);
    }

    fn look_for_silence(&mut self, now: Moment) {
        if self.next_silence_round.is_none_or(|round| !round.is_due(now)) {
            return;
        }
        let talking = || self.ports.values().filter(|entry| entry.feed.is_talk());
        let silent = talking().filter_map(|entry| {
            let silence = lock(&entry.port.leg).notice_silence(now)?;
            Some(RelayEvent::Silent { id: entry.port.id, for_ms: silence.as_millis() as u64 })
        });
        for event in silent.collect::<Vec<_>>() {
            self.tell(event);
        }
        let n_talking = talking().count();
        self.n_talking = n_talking;
        self.next_silence_round = (n_talking > 0).then(|| now.after(SILENCE_ROUND));
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
                    lock(&entry.port.leg).set_remote(*media);
                }
            }
            Command::Bridge { id, peer, bridge } => self.bridge(id, peer, bridge, now),
            Command::Unbridge { id, bridge: left } => {
                if matches!(self.ports.get(&id), Some(Entry { feed: Feed::Peer { bridge, .. }, .. }) if *bridge == left)
                {
                    self.feed(id, Feed::Nothing, now);
                }
            }
            Command::Join { id, room, seat } => {
                self.part_from_peer(id);
                self.feed(id, Feed::Room { room, seat }, now);
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
            Command::Silence(id) => {
                self.part_from_peer(id);
                self.feed(id, Feed::Nothing, now);
            }
            Command::Mute(id, muted) => {
                if let Some(entry) = self.ports.get(&id) {
                    lock(&entry.port.leg).set_muted(muted);
                }
            }
            Command::TypeKeys(id, keys) => self.type_keys(id, &keys, now),
            Command::Close(id) => self.close(id),
            Command::Host(room) => {
                self.rooms.push(room);
                self.plan();
            }
            Command::Dissolve(room) => {
                self.rooms.retain(|hosted| !Arc::ptr_eq(hosted, &room));
                self.plan();
            }
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
        self.typing.retain(|typing| *typing != id);
        if let Some(entry) = self.ports.remove(&id) {
            entry.leave_room();
            // The peer's thread may hold the socket a moment longer; it must not wake this one.
            self.poll.forget(&entry.port.rtp);
            let stats = lock(&entry.port.leg).stats();
            self.tell(RelayEvent::Closed { id, stats });
        }
        self.plan();
    }

    /// Changes what the party hears.
    fn feed(&mut self, id: PortId, feed: Feed, now: Moment) {
        let Some(entry) = self.ports.get_mut(&id) else { return };
        self.playing.retain(|playing| *playing != id);
        entry.leave_room();
        let mut leg = lock(&entry.port.leg);
        leg.change_feed();
        if feed.is_talk() {
            leg.await_sound(now);
            self.next_silence_round.get_or_insert(now.after(SILENCE_ROUND));
        } else {
            leg.await_nothing();
        }
        drop(leg);
        match &feed {
            Feed::Room { room, seat } => room.sit(*seat, entry.port.clone()),
            Feed::Playback(_) => self.playing.push(id),
            Feed::Nothing | Feed::Peer { .. } => {}
        }
        entry.feed = feed;
        self.plan();
    }

    fn type_keys(&mut self, id: PortId, keys: &str, now: Moment) {
        let Some(entry) = self.ports.get(&id) else { return };
        if !lock(&entry.port.leg).type_keys(keys, now) {
            tracing::warn!(
                port = entry.port.rtp_port,
                "keys cannot be told: the party has agreed to no telephone events"
            );
        } else if !self.typing.contains(&id) {
            self.typing.push(id);
        }
        self.plan();
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
        self.mailboxes[peer.home].send(Command::Unbridge { id: peer.id, bridge: *bridge });
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

impl Entry {
    fn leave_room(&self) {
        if let Feed::Room { room, seat } = &self.feed {
            room.leave(*seat);
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Onward {
    Go,
    Stop,
}
