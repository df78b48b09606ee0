//! Whole calls through the real gateway: SIP and sound over loopback, desks over WebSocket, the database on disk.
//!
//! `answering` is the ordinary call, with SIPp at both ends of the line; `waiting` is the queue; `refusing` who gets
//! no call and who gets no connection; `desks` what happens to desks, and `restart` to the gateway itself.

mod answering;
