//! Bad networks: whatever is lost, doubled or overtaken, every leg comes to an end.

use proptest::prelude::*;

use super::super::super::message::{Body, Method};
use super::super::clients::Purpose;
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
    Progress,
    CallerUpdates,
    CallerRefers,
    AcceptRefer,
    TellRefer,
    Digits,
    Restart,
    Wait,
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
        Just(Act::AnswerReoffers),
        Just(Act::Progress),
        Just(Act::CallerUpdates),
        Just(Act::CallerRefers),
        Just(Act::AcceptRefer),
        Just(Act::TellRefer),
        Just(Act::Digits),
        Just(Act::Restart),
        Just(Act::Wait),
    ];
    proptest::collection::vec((0u64..4_000, act), 0..16)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn in_any_weather_every_leg_ends_and_is_told_once(
        seed in any::<[u8; 32]>(),
        loss in 0u32..50,
        requires_reliable in any::<bool>(),
        is_answered in any::<bool>(),
        acts in acts(),
    ) {
        let mut chance = StdRng::from_seed(seed);
        let mut pair = Pair::new(move |_, _| {
            (chance.random_range(0..100u32) >= loss).then(|| chance.random_range(1..900u64))
        });
        pair.requires_reliable = requires_reliable;
        pair.gateway.config.session_interval = Duration::from_secs(90);
        pair.carrier.config.session_interval = Duration::from_secs(90);
        let caller = pair.call();
        let (mut revived, mut next_seed) = (None, seed);
        let begin = if is_answered { vec![(2_000, Act::Progress), (500, Act::Answer), (3_000, Act::Digits)] } else { vec![] };
        let acts: Vec<(u64, Act)> = begin.into_iter().chain(acts).collect();
        for (pause, act) in acts {
            pair.run(pause);
            let now = pair.now();
            let invited = pair.events(Side::Gateway).iter().find_map(|e| match e {
                Event::Invited { leg, .. } => Some(*leg),
                _ => None,
            });
            let invited = revived.or(invited);
            if let Some(leg) = invited.and_then(|leg| pair.gateway.legs.get_mut(leg.0)) {
                // The other side may hand its call over.
                leg.phone = Some("101".into());
            }
            if matches!(act, Act::Wait) {
                pair.run(50_000);
                continue;
            }
            if let (Act::Restart, Some(leg)) = (act, invited) {
                if let Some(keepsake) = pair.gateway.keepsake(leg) {
                    pair.collect();
                    // Each process has a chance of its own.
                    next_seed[0] = next_seed[0].wrapping_add(1);
                    pair.gateway = Stack::new(pair.gateway.config.clone(), next_seed);
                    pair.told.retain(|(side, _)| *side == Side::Carrier);
                    revived = Some(pair.gateway.revive(keepsake, now).unwrap());
                }
                continue;
            }
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
                (Act::Progress, Some(leg)) => gateway.progress(leg, 183, Some(b"v=0\r\nearly".to_vec()), now),
                (Act::CallerUpdates, _) => {
                    let body = Body { kind: "application/sdp", bytes: SDP };
                    let carrier = &mut pair.carrier;
                    if carrier.legs.get(caller.0).is_some_and(|leg| !leg.dialog.remote_tag.is_empty() && !leg.told) {
                        carrier.request_with_body(caller.0, Method::Update, Purpose::Notify, Some(body), |_| {});
                    }
                }
                (Act::CallerRefers, _) => {
                    let carrier = &mut pair.carrier;
                    if carrier.legs.get(caller.0).is_some_and(|leg| matches!(leg.phase, Phase::Established)) {
                        carrier.request_inside(caller.0, Method::Refer, Purpose::Notify, |writer| {
                            writer.lines(b"Refer-To: <sip:102@pult>\r\n");
                        });
                    }
                }
                (Act::AcceptRefer, Some(leg)) => gateway.accept_refer(leg, now),
                (Act::TellRefer, Some(leg)) => gateway.tell_refer(leg, 200, now),
                (Act::Digits, Some(leg)) => {
                    gateway.send_digit(leg, '1', now);
                    gateway.send_digit(leg, '2', now);
                    pair.carrier.send_digit(caller, '3', now);
                }
                (Act::Restart | Act::Wait, Some(_)) => {}
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
        }).chain(revived).collect();
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
