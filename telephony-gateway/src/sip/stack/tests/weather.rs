//! Bad networks: whatever is lost, doubled or overtaken, every leg comes to an end.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Copy, Debug)]
enum Act {
    Ring,
    Answer,
    Reject,
    GatewayHangsUp,
    CallerHangsUp,
    GatewayReoffers,
    CallerReoffers,
    AnswerReoffers,
}

fn acts() -> impl Strategy<Value = Vec<(u64, Act)>> {
    let act = prop_oneof![
        Just(Act::Ring),
        Just(Act::Answer),
        Just(Act::Answer),
        Just(Act::Reject),
        Just(Act::GatewayHangsUp),
        Just(Act::CallerHangsUp),
        Just(Act::GatewayReoffers),
        Just(Act::CallerReoffers),
        Just(Act::AnswerReoffers),
    ];
    proptest::collection::vec((0u64..4_000, act), 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn in_any_weather_every_leg_ends_and_is_told_once(seed in any::<[u8; 32]>(), loss in 0u32..50, acts in acts()) {
        let mut chance = StdRng::from_seed(seed);
        let mut pair = Pair::new(move |_, _| {
            (chance.random_range(0..100u32) >= loss).then(|| chance.random_range(1..900u64))
        });
        let caller = pair.call();
        for (pause, act) in acts {
            pair.run(pause);
            let now = pair.now();
            let invited = pair.events(Side::Gateway).iter().find_map(|e| match e {
                Event::Invited { leg, .. } => Some(*leg),
                _ => None,
            });
            let gateway = &mut pair.gateway;
            match (act, invited) {
                (Act::Ring, Some(leg)) => gateway.ring(leg, now),
                (Act::Answer, Some(leg)) => gateway.answer(leg, SDP.to_vec(), now),
                (Act::Reject, Some(leg)) => gateway.reject(leg, 486, None, "", now),
                (Act::GatewayHangsUp, Some(leg)) => gateway.hang_up(leg, None, now),
                (Act::GatewayReoffers, Some(leg)) => gateway.reoffer(leg, SDP.to_vec(), now),
                (Act::AnswerReoffers, Some(leg)) => {
                    gateway.answer_reoffer(leg, SDP.to_vec(), now);
                    pair.carrier.answer_reoffer(caller, SDP.to_vec(), now);
                }
                (Act::CallerHangsUp, _) => pair.carrier.hang_up(caller, None, now),
                (Act::CallerReoffers, _) => pair.carrier.reoffer(caller, SDP.to_vec(), now),
                (_, None) => {}
            }
        }
        let now = pair.now();
        pair.carrier.hang_up(caller, None, now);
        // An INVITE that was lost again and again may arrive as late as timer B; a desk would let it ring and give up.
        pair.run(40_000);
        let legs: Vec<LegId> = pair.events(Side::Gateway).iter().filter_map(|e| match e {
            Event::Invited { leg, .. } => Some(*leg),
            _ => None,
        }).collect();
        let now = pair.now();
        for leg in &legs {
            pair.gateway.hang_up(*leg, None, now);
        }
        pair.run(400_000);
        prop_assert_eq!((pair.gateway.n_legs(), pair.carrier.n_legs()), (0, 0));
        prop_assert_eq!((pair.gateway.n_remembered(), pair.carrier.n_remembered()), (0, 0));
        for (side, leg) in legs.into_iter().map(|leg| (Side::Gateway, leg)).chain([(Side::Carrier, caller)]) {
            let ends = pair.events(side).into_iter().filter(|event| match event {
                Event::HungUp { leg: it, .. } | Event::Refused { leg: it, .. } => *it == leg,
                _ => false,
            }).count();
            prop_assert_eq!(ends, 1);
        }
    }

    #[test]
    fn no_bytes_make_the_stack_panic_or_grow(
        noise in proptest::collection::vec(any::<u8>(), 0..60),
        at in 0usize..500,
        cut in 0usize..40,
        which in 0usize..4,
    ) {
        let mut pair = Pair::clear();
        let (leg, _) = pair.talking();
        let now = pair.now();
        pair.gateway.hang_up(leg, None, now);
        pair.call();
        let messages = [
            pair.on_the_way.iter().map(|(.., bytes)| bytes.clone()).collect::<Vec<_>>(),
            vec![Bytes::from_static(b"REGISTER sip:p SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:1@p>;tag=1\r\nTo: <sip:1@p>\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\n\r\n")],
        ].concat();
        let mut bytes = messages[which % messages.len()].to_vec();
        let at = at.min(bytes.len());
        let end = (at + cut).min(bytes.len());
        bytes.splice(at..end, noise);
        for local in [GATEWAY, CARRIER] {
            let remote = if local == GATEWAY { CARRIER } else { GATEWAY };
            let stack = if local == GATEWAY { &mut pair.gateway } else { &mut pair.carrier };
            stack.receive(&flow(local, remote), &bytes, now);
            stack.receive(&flow(local, "203.0.113.66:5060"), &bytes, now);
        }
        prop_assert!(pair.gateway.n_legs() <= 3);
    }
}
