#![no_main]

use libfuzzer_sys::fuzz_target;
use telephony_gateway::sip::torture::feed::fuzz_client_frame;

fuzz_target!(|bytes: &[u8]| fuzz_client_frame(bytes));
