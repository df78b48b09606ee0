//! How much work a message makes, counted in what is allocated for it: twice the message may be twice the work.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use shared::time::Moment;

use super::golden::{Bench, flow_of};

/// Counts for each thread, so that tests beside this one do not disturb it.
struct Counting;

thread_local! {
    static ALLOCATED: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

fn count(bytes: usize) {
    // A thread that ends counts no more.
    let _ = ALLOCATED.try_with(|allocated| {
        let (n, sum) = allocated.get();
        allocated.set((n + 1, sum + bytes));
    });
}

// SAFETY: everything is done by the system's allocator; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promise is handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Allocations, and bytes in them, while this is done.
fn work(done: impl FnOnce()) -> (usize, usize) {
    let before = ALLOCATED.get();
    done();
    let after = ALLOCATED.get();
    (after.0 - before.0, after.1 - before.1)
}

fn invite(more: &str, body: &str) -> Vec<u8> {
    format!(
        "INVITE sip:112@192.0.2.10 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKsteps\r\nMax-Forwards: 70\r\n\
         From: <sip:1@h>;tag=1\r\nTo: <sip:112@h>\r\nCall-ID: steps\r\nCSeq: 1 INVITE\r\nContact: <sip:1@192.0.2.1>\r\n\
         {more}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// The work that a message of `n` and of four times `n` pieces makes.
#[track_caller]
fn check(bomb: impl Fn(usize) -> Vec<u8>) {
    let cost = |n: usize| {
        let bytes = bomb(n);
        let mut bench = Bench::new();
        // The first message of a stack makes room for those to come.
        bench.stack.receive(&flow_of("the trunk"), &invite("Require: x\r\n", ""), Moment::at_ms(1));
        bench.take();
        let spent = work(|| {
            bench.stack.receive(&flow_of("the trunk"), &bytes, Moment::at_ms(2));
            bench.stack.receive(&flow_of("a stranger"), &bytes, Moment::at_ms(3));
        });
        (bytes.len(), spent)
    };
    let ((small, (n_small, sum_small)), (large, (n_large, sum_large))) = (cost(100), cost(400));
    assert!(n_large <= 5 * n_small + 20, "{n_small} allocations become {n_large}");
    assert!(sum_large <= 5 * sum_small + 4096, "{sum_small} bytes become {sum_large}");
    assert!(sum_small <= 16 * small + 32_768 && sum_large <= 16 * large + 32_768, "{sum_large} bytes for {large}");
}

#[test]
fn a_message_four_times_as_long_makes_four_times_the_work() {
    check(|n| invite(&"X-Y: z\r\n".repeat(n), ""));
    check(|n| invite(&format!("Via: SIP/2.0/UDP h{}\r\n", ",SIP/2.0/UDP h;branch=z".repeat(n)), ""));
    check(|n| invite(&"v: SIP/2.0/UDP h;branch=z\r\n".repeat(n / 2), ""));
    check(|n| invite(&format!("Subject: a{}\r\n", "\r\n b".repeat(n)), ""));
    check(|n| invite(&format!("Record-Route: <sip:a;lr>{}\r\n", ",<sip:b;lr>".repeat(n)), ""));
    check(|n| invite(&format!("Require: a{}\r\n", ",b".repeat(n)), ""));
    check(|n| invite(&format!("P-Asserted-Identity: \"{}\" <sip:1@h>\r\n", "\\\"<".repeat(n)), ""));
    check(|n| invite(&format!("Proxy-Authorization: Digest {}\r\n", "nonce=\"a,b\",".repeat(n)), ""));
    check(|n| invite(&"Authorization: Digest realm=\"pult\"\r\n".repeat(n / 2), ""));
    check(|n| invite(&format!("Privacy: {}\r\n", "x;".repeat(n)), ""));
    check(|n| invite(&"Accept: text/x, application/*\r\n".repeat(n / 2), ""));
    check(|n| {
        invite("Content-Type: multipart/mixed;boundary=b\r\n", &"--b\r\nContent-Type: x/y\r\n\r\n\r\n".repeat(n))
    });
    check(|n| invite("Content-Type: multipart/mixed;boundary=b\r\n", &"--b\n".repeat(n)));
    check(|n| invite("Content-Type: application/sdp\r\n", &format!("v=0\r\n{}", "m=audio 1 RTP/AVP 8\r\n".repeat(n))));
    check(|n| {
        let text = String::from_utf8(invite("", "")).unwrap();
        text.replace("<sip:1@h>", &format!("\"{}\" <sip:{}@h>", "\\\"<".repeat(n), "%41".repeat(n))).into_bytes()
    });
}

#[test]
fn a_guess_at_an_account_that_is_there_costs_no_other_work_than_at_one_that_is_not() {
    let cost = |user: &str, more: &str| {
        let mut bench = Bench::new();
        let text = super::street::register(user, more);
        work(|| bench.stack.receive(&flow_of("a stranger"), text.as_bytes(), Moment::at_ms(1)))
    };
    let wrong = |user: &str, nonce: &str| {
        format!(
            "Authorization: Digest username=\"{user}\", realm=\"pult\", nonce=\"{nonce}\", uri=\"sip:pult\", \
             response=\"{}\", algorithm=SHA-256, cnonce=\"c\", qop=auth, nc=00000001\r\n",
            "0".repeat(64)
        )
    };
    assert_eq!(cost("101", ""), cost("909", ""));
    let mut bench = Bench::new();
    bench.receive(&flow_of("a stranger"), &super::street::register("101", ""));
    let challenge = String::from_utf8_lossy(&bench.sent[0].bytes).into_owned();
    // All benches have one seed, so that this nonce is good in each of them.
    let nonce = challenge.split("nonce=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    assert_eq!(cost("101", &wrong("101", nonce)), cost("909", &wrong("909", nonce)));
    assert!(cost("101", "").0 > 10, "something is counted");
}
