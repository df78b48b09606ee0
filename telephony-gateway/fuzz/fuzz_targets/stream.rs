#![no_main]

use libfuzzer_sys::fuzz_target;
use telephony_gateway::sip::torture::feed::fuzz_stream;

fuzz_target!(|bytes: &[u8]| fuzz_stream(bytes));
