//! A talk in which anything may be said.

use std::collections::HashMap;

use shared::time::Moment;

use super::super::super::{Event, LegId};
use super::super::golden::{Bench, flow_of};
use super::super::script::message;
use super::{SDP, TO, request, talks};

/// What fits into the talk that [`survives`] has, and what only nearly does.
pub fn messages() -> Vec<Vec<u8>> {
    let mut bench = Bench::new();
    talks(&mut bench, "");
    let inside = ["BYE", "UPDATE", "INVITE", "INFO", "OPTIONS", "NOTIFY", "REFER", "PRACK", "ACK", "CANCEL"];
    let mut templates: Vec<String> =
        inside.iter().zip(2..).map(|(method, cseq)| request(method, cseq, "{answered to}", "")).collect();
    let with_sdp = |method: &str, cseq: u32, to: &str| {
        let more = "Content-Type: application/sdp\r\n";
        let text = request(method, cseq, to, more);
        format!("{}{SDP}", text.replace("Content-Length: 0", "Content-Length: {length}"))
    };
    templates.push(with_sdp("INVITE", 30, "{answered to}"));
    templates.push(with_sdp("UPDATE", 31, "{answered to}"));
    templates.push(request("ACK", 30, "{answered to}", ""));
    templates.push(request("ACK", 1, "{answered to}", ""));
    templates.push(with_sdp("INVITE", 40, TO).replace("Call-ID: street", "Call-ID: other"));
    templates.push(request("CANCEL", 40, TO, "").replace("streetCANCEL40", "streetINVITE40"));
    let known: HashMap<String, String> = bench.known;
    templates.iter().map(|template| message(template, &known)).collect()
}

/// Has a talk, lets all this be said in it, and ends it: nothing is left then, and each leg has ended exactly once.
pub fn survives(said: &[(Vec<u8>, bool)]) {
    let mut bench = Bench::new();
    let mut ends = HashMap::from([(talks(&mut bench, ""), 0)]);
    let mut now_ms = 1000;
    for (bytes, agreed) in said {
        now_ms += 10;
        bench.stack.receive(&flow_of("the trunk"), bytes, Moment::at_ms(now_ms));
        hear(&mut bench, &mut ends, *agreed, now_ms);
    }
    for leg in ends.keys().copied().collect::<Vec<_>>() {
        bench.stack.hang_up(leg, None, Moment::at_ms(now_ms));
    }
    for _ in 0..1000 {
        hear(&mut bench, &mut ends, false, now_ms);
        let Some(due) = bench.stack.next_deadline() else { break };
        now_ms = now_ms.max(due.mono_us.div_ceil(1000));
        bench.stack.on_deadline(Moment::at_ms(now_ms));
    }
    assert!(ends.values().all(|n_ends| *n_ends == 1), "{ends:?}");
    assert_eq!((bench.stack.n_legs(), bench.stack.n_remembered()), (0, 0));
}

fn hear(bench: &mut Bench, ends: &mut HashMap<LegId, u32>, agreed: bool, now_ms: u64) {
    let now = Moment::at_ms(now_ms);
    while let Some(event) = bench.stack.poll_event() {
        match event {
            Event::Invited { leg, .. } => {
                ends.insert(leg, 0);
                if agreed {
                    bench.stack.answer(leg, SDP.as_bytes().to_vec(), now);
                }
            }
            Event::Reoffered { leg, .. } if agreed => bench.stack.answer_reoffer(leg, SDP.as_bytes().to_vec(), now),
            Event::Reoffered { leg, .. } => bench.stack.refuse_reoffer(leg, 488, now),
            Event::HungUp { leg, .. } | Event::Refused { leg, .. } => *ends.entry(leg).or_insert(0) += 1,
            _ => {}
        }
    }
    while bench.stack.poll_transmit().is_some() {}
}
