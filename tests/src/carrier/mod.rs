//! A scripted carrier: the telephone world around the gateway, both of its sides, over real sockets.
//!
//! [`phone`] is an operator's desk phone, [`callers`] are the people who ring; each is a state machine without a
//! socket and without a clock (a [`Party`](party::Party)), and [`stage`] gives them both; the socket is a [`way`], over
//! UDP or TCP. What they hear and say is real G.711 over RTP ([`sound`]); who calls when is a plan, written or drawn by
//! lot ([`plan`]).
//!
//! Its SIP ([`message`], [`post`], [`sdp`], [`digest`]) is small and its own on purpose: a fault that stood at both
//! ends of the line would show at neither.

pub mod party;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod through_the_gateway;

pub mod callers;
pub mod phone;
pub mod plan;

pub mod stage;
pub mod way;

pub mod sound;

pub mod digest;
pub mod message;
pub mod post;
pub mod sdp;
