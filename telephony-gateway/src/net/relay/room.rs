//! A conference whose parties may live on different threads.
//!
//! Each party's own thread brings what it says ([`Room::hear`]); one thread, the host, mixes each 20 ms and sends every
//! party its sum through that party's socket ([`Room::give_what_is_due`]). Who sits where is decided by
//! `register.rs`.

use std::{
    io,
    sync::{Arc, Mutex},
};

use shared::time::Moment;

use super::{batch::Outbox, lock, mailbox::Port};
use crate::media::{
    leg::{Heard, Sound},
    mix::{MAX_PARTIES, Mixer},
    pace::Pace,
    playback::Piece,
};

pub struct Room {
    /// The number of the thread that mixes.
    pub host: usize,
    /// Held for the length of one packet by whoever speaks, and of one beat by the host. Before it no leg is locked.
    table: Mutex<Table>,
}

struct Table {
    pace: Pace,
    mixer: Mixer,
    /// Whose thread has obeyed and lets the party hear the conference.
    seats: [Option<Arc<Port>>; MAX_PARTIES],
}

impl Room {
    pub fn new(host: usize, now: Moment) -> Self {
        let table = Table { pace: Pace::start(now), mixer: Mixer::default(), seats: Default::default() };
        Self { host, table: Mutex::new(table) }
    }

    pub fn sit(&self, seat: usize, port: Arc<Port>) {
        let mut table = lock(&self.table);
        table.mixer.sit(seat);
        if let Some(place) = table.seats.get_mut(seat) {
            *place = Some(port);
        }
    }

    /// From its return on the party hears nothing of this room and is not heard in it.
    pub fn leave(&self, seat: usize) {
        let mut table = lock(&self.table);
        table.mixer.leave(seat);
        if let Some(place) = table.seats.get_mut(seat) {
            *place = None;
        }
    }

    /// What the party on this seat says. Keys are told to signalling and not to a conference.
    pub fn hear(&self, seat: usize, heard: &Heard<'_>) {
        if let Sound::Voice(codec) = heard.sound {
            lock(&self.table).mixer.hear(seat, heard.header, codec, heard.payload);
        }
    }

    /// When the next beat is due, in microseconds of the monotonic clock.
    pub fn next_due_us(&self) -> u64 {
        lock(&self.table).pace.next_due_us()
    }

    /// Mixes what is due and sends it. An error is told for the first party that could not be sent to; the others
    /// still hear.
    pub fn give_what_is_due(&self, now: Moment, outbox: &mut Outbox) -> Result<(), (Arc<Port>, io::Error)> {
        let mut outcome = Ok(());
        let mut table = lock(&self.table);
        let Table { pace, mixer, seats } = &mut *table;
        while let Some(due) = pace.take_due(now) {
            mixer.mix(|seat, samples| {
                let Some(Some(port)) = seats.get(seat) else { return };
                let piece = Piece { header: due.header, samples: *samples };
                outbox.push(|slot| lock(&port.leg).play(&piece, now, slot));
                if let Err(error) = outbox.send(&port.rtp)
                    && outcome.is_ok()
                {
                    outcome = Err((port.clone(), error));
                }
            });
        }
        outcome
    }
}
