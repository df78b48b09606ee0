//! What signalling tells a thread of the relay, and what the threads share of a port.

use std::{
    io, mem,
    net::UdpSocket,
    sync::{Arc, Mutex},
};

use super::{PortId, batch::Bell, lock, room::Room};
use crate::media::leg::{Leg, RemoteMedia};

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
    SetRemote(PortId, Box<RemoteMedia>),
    Bridge {
        id: PortId,
        peer: Arc<Port>,
        bridge: u64,
    },
    /// If it is still in this bridge, which the peer has already left.
    Unbridge {
        id: PortId,
        bridge: u64,
    },
    /// The port takes a seat of a conference.
    Join {
        id: PortId,
        room: Arc<Room>,
        seat: usize,
    },
    Play {
        id: PortId,
        sound: Arc<[i16]>,
        looped: bool,
    },
    StopPlaying(PortId),
    Silence(PortId),
    Mute(PortId, bool),
    TypeKeys(PortId, Box<str>),
    Close(PortId),
    /// This thread keeps the time of a conference, until it is over.
    Host(Arc<Room>),
    Dissolve(Arc<Room>),
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

    pub fn bell(&self) -> &Bell {
        &self.bell
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

    pub fn take_all(&self) -> Vec<Command> {
        self.bell.hush();
        mem::take(&mut *lock(&self.commands))
    }
}
