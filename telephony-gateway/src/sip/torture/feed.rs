//! Any bytes into each door, one function a door. None of them may panic, and what they find is judged here, so that a
//! fuzzer and the tests ask the same.

use super::super::message::{Message, ReplyHead};

/// A datagram.
pub fn fuzz_message(bytes: &[u8]) {
    let Ok(message) = Message::parse(bytes) else { return };
    let _ = message.core();
    let _ = message.description();
    if let Ok(source) = "203.0.113.5:9".parse() {
        let _ = ReplyHead::of(&message, source);
    }
}
