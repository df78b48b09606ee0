//! What the shell and those who play in it say to each other.

use serde_json::Value;
use shared::time::Moment;
use telephony_gateway::media::{leg::RemoteMedia, quality::Stats};

/// A call of one party; never used twice.
pub type CallNo = u64;

/// Somebody with a telephone (or with many). Messages and moments go in, [`Output`]s come out.
pub trait Party {
    fn start(&mut self, now: Moment);

    /// A datagram of SIP.
    fn receive(&mut self, datagram: &[u8], now: Moment);

    /// The connection to the other side was lost, and is there again.
    fn reconnected(&mut self, _now: Moment) {}

    /// The sound of a call has a port: the answer to [`Output::Open`].
    fn opened(&mut self, call: CallNo, rtp_port: u16, now: Moment);

    /// What has been heard up to now.
    fn hears(&mut self, call: CallNo, hearing: Hearing, now: Moment);

    /// The sound of a call is over, and so was heard: the answer to [`Output::Close`].
    fn closed(&mut self, call: CallNo, hearing: Hearing, now: Moment);

    /// Whatever is due.
    fn on_time(&mut self, now: Moment);

    fn next_deadline(&self) -> Option<Moment>;

    /// Takes leave: hangs up, signs off. [`Party::is_over`] follows soon, whether or not anybody answers.
    fn stop(&mut self, now: Moment);

    fn is_over(&self) -> bool;

    fn take_outputs(&mut self) -> Vec<Output>;
}

#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    Send(Vec<u8>),
    /// Opens a port for the sound of a call.
    Open(CallNo),
    /// Speaks to the other side and listens to it; said again, it moves to another address.
    Talk(CallNo, RemoteMedia),
    Close(CallNo),
    /// What happened, for whoever watches.
    Report(Value),
    /// One line of words on stderr.
    Tell(String),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hearing {
    pub stats: Stats,
    /// A person was heard, and not only music.
    pub voice: bool,
}
