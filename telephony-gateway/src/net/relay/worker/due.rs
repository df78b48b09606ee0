//! What a thread sends by itself, at the beat of 20 ms: recordings, keys, and the conferences that it hosts.

use shared::time::Moment;

use super::{Entry, Feed, Worker, lock};

impl Worker {
    pub(super) fn send_what_is_due(&mut self, now: Moment) {
        if self.next_due_us.is_none_or(|due_us| due_us > now.mono_us) {
            return;
        }
        self.play_what_is_due(now);
        self.press_what_is_due(now);
        self.mix_what_is_due(now);
        self.plan();
    }

    fn play_what_is_due(&mut self, now: Moment) {
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
    }

    fn press_what_is_due(&mut self, now: Moment) {
        for id in self.typing.clone() {
            let Some(Entry { port, .. }) = self.ports.get(&id) else { continue };
            let mut leg = lock(&port.leg);
            while leg.next_key_due_us().is_some_and(|due_us| due_us <= now.mono_us) {
                self.outbox.push(|slot| leg.press_due(now, slot));
            }
            let is_over = leg.next_key_due_us().is_none();
            drop(leg);
            let sent = self.outbox.send(&port.rtp);
            if is_over {
                self.typing.retain(|typing| *typing != id);
            }
            self.tell_fault(id, "press a key", sent);
        }
    }

    fn mix_what_is_due(&mut self, now: Moment) {
        for room in self.rooms.clone() {
            if let Err((port, error)) = room.give_what_is_due(now, &mut self.outbox) {
                // The port may live on another thread, whose business its faults are; here it is only not hidden.
                tracing::debug!(port = port.rtp_port, %error, "cannot send a conference's sound");
                self.tell_fault(port.id, "send a conference's", Err(error));
            }
        }
    }

    /// Looks when it is to be awake next.
    pub(super) fn plan(&mut self) {
        let playing = self.playing.iter().filter_map(|id| match &self.ports.get(id)?.feed {
            Feed::Playback(playback) => playback.next_due_us(),
            Feed::Nothing | Feed::Peer { .. } | Feed::Room { .. } => None,
        });
        let typing = self.typing.iter().filter_map(|id| lock(&self.ports.get(id)?.port.leg).next_key_due_us());
        let rooms = self.rooms.iter().map(|room| room.next_due_us());
        self.next_due_us = playing.chain(typing).chain(rooms).min();
    }
}
