//! The mouth and the ear of a party: real G.711 over RTP, at its own pace, counted both ways.

use std::{
    f32::consts::TAU,
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use shared::time::{Clock, Moment};
use telephony_gateway::media::{
    PACKET_SAMPLES, SAMPLE_RATE,
    leg::{Heard, Leg, RemoteMedia, Sound},
    playback::Playback,
    rtp::Outgoing,
};
use tokio::{net::UdpSocket, task::JoinHandle, time::Instant};

use super::party::Hearing;

/// What scripted phones sing under their murmur, too high and too faint to disturb, so that scripted callers can
/// tell a person from music.
const PILOT_HZ: f32 = 3000.0;
const PILOT_LEVEL: f32 = 300.0;
/// So many packets with the pilot are a voice.
const VOICE_PACKETS: u32 = 5;

pub struct Mouth {
    socket: Arc<UdpSocket>,
    port: u16,
    state: Arc<State>,
    task: Option<JoinHandle<()>>,
}

struct State {
    leg: Mutex<Leg>,
    n_with_pilot: AtomicU32,
}

impl Mouth {
    pub fn open(address: IpAddr) -> io::Result<Self> {
        let socket = std::net::UdpSocket::bind((address, 0))?;
        socket.set_nonblocking(true)?;
        let port = socket.local_addr()?.port();
        let leg = Leg::new(Outgoing::new(rand::random(), rand::random(), rand::random()));
        let state = Arc::new(State { leg: Mutex::new(leg), n_with_pilot: AtomicU32::new(0) });
        Ok(Self { socket: Arc::new(UdpSocket::from_std(socket)?), port, state, task: None })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Begins to speak and to listen, or goes on to with another address.
    pub fn talk(&mut self, media: RemoteMedia, voice: Arc<[i16]>) {
        self.state.lock(|leg| leg.set_remote(media));
        if self.task.is_none() {
            self.task = Some(tokio::spawn(converse(self.socket.clone(), self.state.clone(), voice)));
        }
    }

    pub fn hearing(&self) -> Hearing {
        let voice = self.state.n_with_pilot.load(Ordering::Relaxed) >= VOICE_PACKETS;
        Hearing { stats: self.state.lock(|leg| leg.stats()), voice }
    }
}

impl Drop for Mouth {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl State {
    fn lock<T>(&self, f: impl FnOnce(&mut Leg) -> T) -> T {
        f(&mut self.leg.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn hear(&self, datagram: &mut [u8], from: SocketAddr, now: Moment) {
        let has_pilot = self.lock(|leg| leg.receive(datagram, from, now).is_some_and(|heard| has_pilot(&heard)));
        if has_pilot {
            self.n_with_pilot.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn converse(socket: Arc<UdpSocket>, state: Arc<State>, voice: Arc<[i16]>) {
    let clock = Clock::start();
    let mut playback = Playback::start(voice, true, clock.now());
    let mut incoming = [0; 2048];
    let mut outgoing = [0; 512];
    while let Some(due_us) = playback.next_due_us() {
        tokio::select! {
            received = socket.recv_from(&mut incoming) => {
                if let Ok((len, from)) = received {
                    state.hear(&mut incoming[..len], from, clock.now());
                }
            }
            () = tokio::time::sleep_until(when(&clock, due_us)) => {
                let now = clock.now();
                while let Some(piece) = playback.take_due(now) {
                    if let Some((len, to)) = state.lock(|leg| leg.play(&piece, now, &mut outgoing)) {
                        // What the network does not take now is lost, as sound is.
                        let _ = socket.try_send_to(&outgoing[..len], to);
                    }
                }
            }
        }
    }
}

fn when(clock: &Clock, due_us: u64) -> Instant {
    Instant::from_std(clock.instant_of(Moment { mono_us: due_us, ..Moment::default() }))
}

/// Four seconds of something like speech behind a closed door, to be repeated. `pitch` is the speaker's, in hertz.
pub fn murmur(pitch: f32, with_pilot: bool) -> Arc<[i16]> {
    const SECONDS: u32 = 4;
    // Whole cycles in the loop, so that it has no seam.
    let pitch = (pitch * SECONDS as f32).round() / SECONDS as f32;
    let pilot = if with_pilot { PILOT_LEVEL } else { 0.0 };
    (0..SECONDS * SAMPLE_RATE)
        .map(|n| {
            let t = n as f32 / SAMPLE_RATE as f32;
            let syllables = (TAU * 1.75 * t).sin().powi(2);
            let phrases = (0.6 + 0.6 * (TAU * 0.25 * t).sin()).clamp(0.0, 1.0);
            let tone: f32 = [(1.0, 1.0), (2.0, 0.6), (3.0, 0.5), (5.0, 0.25), (9.0, 0.08)]
                .iter()
                .map(|(harmonic, level)| level * (TAU * harmonic * pitch * t).sin())
                .sum();
            (2200.0 * syllables * phrases * tone + pilot * (TAU * PILOT_HZ * t).sin()) as i16
        })
        .collect()
}

/// Goertzel's filter at the pilot's frequency over one packet.
fn has_pilot(heard: &Heard<'_>) -> bool {
    let Sound::Voice(codec) = heard.sound else { return false };
    let turn = 2.0 * (TAU * PILOT_HZ / SAMPLE_RATE as f32).cos();
    let (mut last, mut before) = (0.0_f32, 0.0_f32);
    for &byte in heard.payload.iter().take(PACKET_SAMPLES) {
        (last, before) = (f32::from(codec.decode(byte)) + turn * last - before, last);
    }
    let power = last * last + before * before - turn * last * before;
    let level = 2.0 * power.max(0.0).sqrt() / heard.payload.len().min(PACKET_SAMPLES) as f32;
    level > PILOT_LEVEL / 2.5
}

#[cfg(test)]
mod tests {
    use telephony_gateway::media::{g711::Codec, music, rtp::Header};

    use super::*;

    /// How many of the packets of a sound seem to have the pilot in them.
    fn share_with_pilot(sound: &[i16], codec: Codec) -> f32 {
        let packets = sound.chunks_exact(PACKET_SAMPLES);
        let n = packets.len();
        let with_pilot = packets.filter(|samples| {
            let payload: Vec<u8> = samples.iter().map(|&sample| codec.encode(sample)).collect();
            let header = Header { payload_type: 8, marker: false, sequence: 0, timestamp: 0, ssrc: 0 };
            has_pilot(&Heard { header, sound: Sound::Voice(codec), payload: &payload, first: false })
        });
        with_pilot.count() as f32 / n as f32
    }

    #[test]
    fn a_caller_tells_a_person_from_music() {
        for codec in [Codec::Pcma, Codec::Pcmu] {
            assert_eq!(share_with_pilot(&music::on_hold(), codec), 0.0, "the music is no person");
            assert_eq!(share_with_pilot(&murmur(130.0, false), codec), 0.0);
            assert!(share_with_pilot(&murmur(130.0, true), codec) > 0.9);
            assert!(share_with_pilot(&murmur(215.0, true), codec) > 0.9);
        }
    }
}
