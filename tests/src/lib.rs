//! The whole of Pult under test: what stands around it in the world, scripted.
//!
//! [`gateway`] starts the real program, [`desk`] is an operator's desk without a window, [`sipp`] and [`line`] are the
//! callers and telephones, [`puppet`] and [`baresip`] are telephones of other makers that do what a test tells them,
//! [`hearing`] compares what goes in at one end with what comes out at the other, [`cable`] is what may be pulled out
//! between them and the gateway, [`kamailio`] what may stand there, and [`street`] what a stranger does to it.
//! [`carrier`] is the telephone world itself. [`bench`] is what the benchmarks measure with.

pub mod left_out;

pub mod gateway;

pub mod desk;

pub mod baresip;
pub mod cable;
pub mod hearing;
pub mod kamailio;
pub mod line;
pub mod puppet;
pub mod sipp;
pub mod street;
pub mod window;

pub mod carrier;

pub mod bench;
