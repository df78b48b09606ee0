//! Gives a party its socket, its clock and its sound, and plays until it is over.

use std::{collections::HashMap, io::Write as _, sync::Arc, time::Duration};

use anyhow::Context as _;
use serde_json::Value;
use shared::time::Clock;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    party::{CallNo, Output, Party},
    sound::{self, Mouth},
    way::{Heard, Way},
};

/// How often a talking party is told what it hears.
const HEARING: Duration = Duration::from_millis(100);

/// Where a party stands and how it sounds.
pub struct Place {
    pub way: Way,
    /// Whether it thinks that it stands in another network than it does. Its ports have other numbers there.
    pub behind_nat: bool,
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
pub async fn perform(mut party: impl Party, mut place: Place, stop: CancellationToken) -> anyhow::Result<()> {
    let clock = Clock::start();
    let mut mouths: HashMap<CallNo, Mouth> = HashMap::new();
    let mut stopping = false;
    party.start(clock.now());
    loop {
        carry_out(&mut party, &mut place, &clock, &mut mouths).await?;
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
            heard = place.way.hear() => match heard.context("cannot receive SIP")? {
                Heard::Message(message) => party.receive(&message, clock.now()),
                Heard::Reconnected => party.reconnected(clock.now()),
            },
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
    place: &mut Place,
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
                    place.way.say(&bytes).await.context("cannot send SIP")?;
                }
                Output::Open(call) => {
                    let address = place.way.local().context("cannot tell the own address")?.ip();
                    let mouth =
                        Mouth::open(address).with_context(|| format!("cannot open an RTP port on {address}"))?;
                    let known_as = if place.behind_nat { mouth.port() ^ 0x0400 } else { mouth.port() };
                    party.opened(call, known_as, clock.now());
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
