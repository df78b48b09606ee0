//! Gives a party its socket, its clock and its sound, and plays until it is over.

use std::{collections::HashMap, io::Write as _, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use serde_json::Value;
use shared::time::Clock;
use tokio::{net::UdpSocket, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    party::{CallNo, Output, Party},
    sound::{self, Mouth},
};

/// How often a talking party is told what it hears.
const HEARING: Duration = Duration::from_millis(100);

/// Where a party stands and how it sounds.
pub struct Place {
    pub socket: UdpSocket,
    pub server: SocketAddr,
    /// Whether this is a person on the desk's side, whom callers should know from music.
    pub sings_pilot: bool,
    /// Where its reports go.
    pub reports: Box<dyn Fn(Value) + Send + Sync>,
}

/// One line of JSON on stdout for each report. Whoever no longer reads them does not stop the calls.
pub fn print(report: Value) {
    let _ = writeln!(std::io::stdout(), "{report}");
}

/// Plays a party until it is over; `stop` makes it take its leave.
pub async fn perform(mut party: impl Party, place: Place, stop: CancellationToken) -> anyhow::Result<()> {
    let clock = Clock::start();
    let mut mouths: HashMap<CallNo, Mouth> = HashMap::new();
    let mut datagram = vec![0; 65_536];
    let mut stopping = false;
    party.start(clock.now());
    loop {
        carry_out(&mut party, &place, &clock, &mut mouths).await?;
        if party.is_over() {
            return Ok(());
        }
        let mut wakes_at = party.next_deadline().map(|deadline| Instant::from_std(clock.instant_of(deadline)));
        if !mouths.is_empty() {
            let hears_at = Instant::now() + HEARING;
            wakes_at = Some(wakes_at.map_or(hears_at, |at| at.min(hears_at)));
        }
        let due = async {
            match wakes_at {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            received = place.socket.recv_from(&mut datagram) => {
                let (len, _) = received.context("cannot receive SIP")?;
                party.receive(&datagram[..len], clock.now());
            }
            () = due => {}
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                party.stop(clock.now());
            }
        }
        let now = clock.now();
        for (&call, mouth) in &mouths {
            party.hears(call, mouth.hearing(), now);
        }
        party.on_time(now);
    }
}

/// Does what the party wants, and what it wants because of that, until it wants nothing more.
async fn carry_out(
    party: &mut impl Party,
    place: &Place,
    clock: &Clock,
    mouths: &mut HashMap<CallNo, Mouth>,
) -> anyhow::Result<()> {
    loop {
        let outputs = party.take_outputs();
        if outputs.is_empty() {
            return Ok(());
        }
        for output in outputs {
            match output {
                Output::Send(bytes) => {
                    let sent = place.socket.send_to(&bytes, place.server).await;
                    sent.with_context(|| format!("cannot send SIP to {}", place.server))?;
                }
                Output::Open(call) => {
                    let address = place.socket.local_addr().context("cannot tell the own address")?.ip();
                    let mouth =
                        Mouth::open(address).with_context(|| format!("cannot open an RTP port on {address}"))?;
                    party.opened(call, mouth.port(), clock.now());
                    mouths.insert(call, mouth);
                }
                Output::Talk(call, media) => {
                    if let Some(mouth) = mouths.get_mut(&call) {
                        mouth.talk(media, voice_of(call, place.sings_pilot));
                    }
                }
                Output::Close(call) => {
                    let hearing = mouths.remove(&call).map(|mouth| mouth.hearing()).unwrap_or_default();
                    party.closed(call, hearing, clock.now());
                }
                Output::Report(report) => (place.reports)(report),
                Output::Tell(words) => drop(writeln!(std::io::stderr(), "{words}")),
            }
        }
    }
}

/// People differ: each has a pitch between 110 and 219 Hz.
fn voice_of(call: CallNo, sings_pilot: bool) -> Arc<[i16]> {
    let pitch = 110 + (call * 37) % 110;
    sound::murmur(pitch as f32, sings_pilot)
}
