//! The sound of a call, without the sockets: packets come in, packets go out.
//!
//! Begin with [`leg`], which is one party's sound as a whole: whom it listens to ([`latch`]), what it counts
//! ([`quality`]), and how whatever it hears from a peer or from a loop of music leaves as one unbroken stream
//! ([`rtp`]), in the open or sealed ([`srtp`]). [`g711`] is the one family of codecs, [`dtmf`] the keys of a telephone.
//! [`mix`] is the conference, behind a buffer for each party ([`jitter`]). [`playback`] makes packets of a recording at
//! the beat of [`pace`], [`wav`] reads a recording from a file, [`music`] makes one when there is no file, and [`tones`]
//! are those of the telephone network.
//!
//! Nothing here reads a clock or a socket: `now` is an argument, and `net::relay` is the shell.

pub mod leg;

pub mod latch;
pub mod quality;
pub mod rtp;
pub mod srtp;

pub mod dtmf;
pub mod g711;

pub mod jitter;
pub mod mix;

pub mod music;
pub mod pace;
pub mod playback;
pub mod tones;
pub mod wav;

/// Samples a second of everything in this module: G.711 knows no other rate.
pub const SAMPLE_RATE: u32 = 8_000;

/// How much sound one packet of ours carries.
pub const PACKET_MS: u64 = 20;

/// The same in samples, and for G.711 in bytes.
pub const PACKET_SAMPLES: usize = 160;
