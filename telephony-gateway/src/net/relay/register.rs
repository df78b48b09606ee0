//! Which ports are open, and who confers with whom.
//!
//! Only signalling comes here; the threads never do. A conference is begun, joined and left by commands to the threads
//! of its ports, in the order in which signalling asked. When it has no more than two parties left, it becomes a bridge.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use super::{
    PortId,
    mailbox::{Command, Mailbox, Port},
    room::Room,
};
use crate::media::mix::MAX_PARTIES;
use crate::net::ports::PortPool;
use shared::time::Moment;

pub struct Register {
    pub pool: PortPool,
    pub ports: HashMap<PortId, Arc<Port>>,
    pub last_id: u64,
    mailboxes: Arc<[Mailbox]>,
    last_bridge: u64,
    last_room: u64,
    rooms: HashMap<u64, Conference>,
    /// In which room a port is.
    seated: HashMap<PortId, u64>,
}

struct Conference {
    room: Arc<Room>,
    seats: [Option<PortId>; MAX_PARTIES],
}

impl Register {
    pub fn new(pool: PortPool, mailboxes: Arc<[Mailbox]>) -> Self {
        Self {
            pool,
            ports: HashMap::new(),
            last_id: 0,
            mailboxes,
            last_bridge: 0,
            last_room: 0,
            rooms: HashMap::new(),
            seated: HashMap::new(),
        }
    }

    pub fn tell(&self, port: &Port, command: Command) {
        self.mailboxes[port.home].send(command);
    }

    /// A port that is already closed needs nothing any more: calls end while commands are on their way.
    pub fn tell_open(&self, id: PortId, command: Command) {
        match self.ports.get(&id) {
            Some(port) => self.tell(port, command),
            None => tracing::debug!(port.id = id.0, "a closed media port is asked for something"),
        }
    }

    pub fn bridge(&mut self, a: PortId, b: PortId) {
        if a == b || !self.ports.contains_key(&a) || !self.ports.contains_key(&b) {
            tracing::debug!(port.id = a.0, other.id = b.0, "two ports are to be bridged, and are not both there");
            return;
        }
        self.leave(&[a, b]);
        self.join_two(a, b);
    }

    /// Lets these hear the sum of each other. Who was with them and is not named hears nothing from now on.
    pub fn conference(&mut self, ids: &[PortId], now: Moment) {
        let mut named: Vec<PortId> = Vec::new();
        for id in ids {
            if self.ports.contains_key(id) && !named.contains(id) {
                named.push(*id);
            }
        }
        if named.len() > MAX_PARTIES {
            tracing::error!(n = named.len(), "a conference has room for {MAX_PARTIES}; the others hear nothing");
            for id in named.split_off(MAX_PARTIES) {
                self.silence(id);
            }
        }
        match named[..] {
            [] => {}
            [alone] => self.silence(alone),
            [a, b] => self.conference_of_two(a, b),
            _ => self.gather(&named, now),
        }
    }

    /// The rest of a conference, or two who want nothing but a bridge.
    fn conference_of_two(&mut self, a: PortId, b: PortId) {
        let others: BTreeSet<PortId> =
            [a, b].iter().flat_map(|id| self.with(*id)).filter(|id| ![a, b].contains(id)).collect();
        self.bridge(a, b);
        others.into_iter().for_each(|id| self.silence(id));
    }

    fn gather(&mut self, named: &[PortId], now: Moment) {
        let number = match named.iter().find_map(|id| self.seated.get(id)) {
            Some(&number) => number,
            None => self.open_room(named[0], now),
        };
        let here = self.members(number);
        let (goes, comes): (Vec<PortId>, Vec<PortId>) = (
            here.iter().copied().filter(|id| !named.contains(id)).collect(),
            named.iter().copied().filter(|id| !here.contains(id)).collect(),
        );
        for id in goes {
            self.unseat(id);
            self.tell_open(id, Command::Silence(id));
        }
        // Who comes from another conference leaves it to the others there.
        self.leave(&comes);
        for id in comes {
            self.seat(number, id);
        }
    }

    fn open_room(&mut self, first: PortId, now: Moment) -> u64 {
        self.last_room += 1;
        let host = self.ports.get(&first).map_or(0, |port| port.home);
        let room = Arc::new(Room::new(host, now));
        self.mailboxes[host].send(Command::Host(room.clone()));
        self.rooms.insert(self.last_room, Conference { room, seats: [None; MAX_PARTIES] });
        self.last_room
    }

    fn seat(&mut self, number: u64, id: PortId) {
        let Some(Conference { room, seats }) = self.rooms.get_mut(&number) else { return };
        let Some(seat) = seats.iter().position(Option::is_none) else { return };
        seats[seat] = Some(id);
        let command = Command::Join { id, room: room.clone(), seat };
        self.seated.insert(id, number);
        self.tell_open(id, command);
    }

    /// Takes the seat away; the port's thread must be told by whoever calls.
    fn unseat(&mut self, id: PortId) -> Option<u64> {
        let number = self.seated.remove(&id)?;
        let conference = self.rooms.get_mut(&number)?;
        conference.seats.iter_mut().filter(|seat| **seat == Some(id)).for_each(|seat| *seat = None);
        Some(number)
    }

    /// These go their own ways. The conferences which they leave go on, as a bridge where only two are left; their own
    /// threads must be told by whoever calls.
    pub fn leave(&mut self, ids: &[PortId]) {
        let left: BTreeSet<u64> = ids.iter().filter_map(|id| self.unseat(*id)).collect();
        for number in left {
            let members = self.members(number);
            if members.len() > 2 {
                continue;
            }
            if let Some(conference) = self.rooms.remove(&number) {
                self.mailboxes[conference.room.host].send(Command::Dissolve(conference.room));
            }
            for id in &members {
                self.seated.remove(id);
            }
            match members[..] {
                [a, b] => self.join_two(a, b),
                [alone] => self.tell_open(alone, Command::Silence(alone)),
                _ => {}
            }
        }
    }

    pub fn silence(&mut self, id: PortId) {
        self.leave(&[id]);
        self.tell_open(id, Command::Silence(id));
    }

    fn join_two(&mut self, a: PortId, b: PortId) {
        let (Some(a), Some(b)) = (self.ports.get(&a), self.ports.get(&b)) else { return };
        self.last_bridge += 1;
        let bridge = self.last_bridge;
        self.tell(a, Command::Bridge { id: a.id, peer: b.clone(), bridge });
        self.tell(b, Command::Bridge { id: b.id, peer: a.clone(), bridge });
    }

    fn members(&self, number: u64) -> Vec<PortId> {
        self.rooms.get(&number).map_or_else(Vec::new, |room| room.seats.iter().flatten().copied().collect())
    }

    /// Everybody in the conference of this port, itself included; nobody when it is in none.
    fn with(&self, id: PortId) -> Vec<PortId> {
        self.seated.get(&id).map_or_else(Vec::new, |number| self.members(*number))
    }
}

#[cfg(test)]
mod tests;
