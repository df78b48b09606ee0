//! The kinds of people who call, and those who get no call.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use shared::phone::CallerNumber;
use shared::wire::card::CardState;
use shared::wire::event::WithdrawnBecause;
use tests::desk::Desk;
use tests::gateway::{ANNA, City, Gateway, QUEUE_NUMBER};
use tests::line::{self, NOBODY_THERE};
use tests::sipp::Sipp;
use tokio::net::UdpSocket;

use crate::known_number;

#[tokio::test]
async fn the_operator_sees_who_calls_or_why_nobody_knows_it() {
    let gateway = Gateway::start().await;
    let numbers = &City::get().numbers;
    let _phone = line::phone(&gateway, ANNA, NOBODY_THERE).await;
    let mut desk = Desk::ready(&gateway, ANNA).await;
    for from in [Some(&numbers.shared[0]), Some(&numbers.unknown[0]), None] {
        let caller = line::caller(&gateway, from.map(|digits| format!("+{digits}")).as_deref()).await;
        let offer = desk.offered().await;
        let (customer, card) = desk.card(&offer).await;
        assert_eq!(customer, None, "no customer is bound to the call");
        match card {
            CardState::Several { candidates } => {
                assert_eq!(from, Some(&numbers.shared[0]));
                assert!(candidates.len() >= 2, "a choice: {candidates:?}");
            }
            CardState::Unknown => assert_eq!(from, Some(&numbers.unknown[0])),
            CardState::Withheld => {
                assert_eq!((from, &offer.caller), (None, &CallerNumber::Withheld));
                assert_eq!(offer.display_name, None, "nobody is called Anonymous");
            }
            other => panic!("{from:?}: {other:?}"),
        }
        caller.hang_up().await;
        assert_eq!(desk.withdrawn(offer.call).await, WithdrawnBecause::CallerGone);
    }
}

/// An INVITE as a carrier writes it, with lines of its own, and the CANCEL that takes it back.
fn invite_and_cancel(gateway: &Gateway, from: SocketAddr, nth: usize, lines: &str) -> [String; 2] {
    let (to, sdp) = (gateway.sip_address(), format!("v=0\r\nc=IN IP4 {}\r\nm=audio 4000 RTP/AVP 8\r\n", from.ip()));
    let head = |method: &str| {
        format!(
            "{method} sip:{QUEUE_NUMBER}@{to} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bKvouched{nth}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:+78001112233@{from}>;tag=caller{nth}\r\n\
             To: <sip:{QUEUE_NUMBER}@{to}>\r\nCall-ID: vouched{nth}\r\nCSeq: 1 {method}\r\n"
        )
    };
    let body = format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}", sdp.len());
    [
        format!("{}Contact: <sip:{from}>\r\n{lines}{body}", head("INVITE")),
        format!("{}Content-Length: 0\r\n\r\n", head("CANCEL")),
    ]
}

#[tokio::test]
async fn the_number_that_the_carrier_vouches_for_counts_unless_the_caller_keeps_it_back() {
    let gateway = Gateway::start().await;
    let _phone = line::phone(&gateway, ANNA, NOBODY_THERE).await;
    let mut desk = Desk::ready(&gateway, ANNA).await;
    let carrier = UdpSocket::bind((gateway.carrier_host(), 0)).await.unwrap();
    let from = carrier.local_addr().unwrap();
    let vouched = format!("P-Asserted-Identity: <sip:{}@carrier>\r\n", known_number());
    let kept_back = format!("{vouched}Privacy: id\r\n");
    for (nth, (lines, expected)) in [
        (vouched.as_str(), CallerNumber::parse(&known_number())),
        (kept_back.as_str(), CallerNumber::Withheld),
        ("", CallerNumber::parse("+78001112233")),
    ]
    .into_iter()
    .enumerate()
    {
        let [invite, cancel] = invite_and_cancel(&gateway, from, nth, lines);
        carrier.send_to(invite.as_bytes(), gateway.sip_address()).await.unwrap();
        let offer = desk.offered().await;
        assert_eq!(offer.caller, expected, "{lines}");
        carrier.send_to(cancel.as_bytes(), gateway.sip_address()).await.unwrap();
        assert_eq!(desk.withdrawn(offer.call).await, WithdrawnBecause::CallerGone);
    }
}

#[tokio::test]
async fn a_number_that_no_queue_has_is_not_found() {
    let gateway = Gateway::start().await;
    let plan = json!([{ "from": known_number(), "talk_s": 1, "patience_s": 20 }]);
    for dialled in ["9999", "112", "+79161234567"] {
        let mut caller = line::callers_from(&gateway, gateway.carrier_host(), dialled, &plan).await;
        assert_eq!(caller.report("ended").await["ended_by"], "refused 404", "{dialled}");
    }
}

#[tokio::test]
async fn nobody_calls_in_from_an_address_that_is_no_trunk() {
    let gateway = Gateway::start().await;
    let plan = json!([{ "from": known_number(), "talk_s": 1, "patience_s": 20 }]);
    let mut caller = line::callers_from(&gateway, gateway.stranger_host(), QUEUE_NUMBER, &plan).await;
    assert_eq!(caller.report("ended").await["ended_by"], "refused 403");
    assert_eq!(gateway.metric("calls_arrived_total").await, None, "no call has arrived");
}

#[tokio::test]
async fn an_operator_can_always_call_for_help() {
    let Some(sipp) = Sipp::find("an emergency call") else { return };
    let gateway = Gateway::start().await;
    sipp.register(&gateway, "101", "talk").await;
    let help = sipp.trunk(&gateway, "uas_phone.xml");
    let phone = sipp.dials(&gateway, "101", "112", Duration::from_millis(300)).finish().await;
    phone.must_be_good();
    let help = help.put_away().await;
    assert_eq!((help.n_successful(), help.n_failed()), (1, 0), "{help:?}");
}

#[tokio::test]
async fn a_telephone_with_a_wrong_password_stays_outside() {
    let Some(sipp) = Sipp::find("a telephone with a wrong password") else { return };
    let gateway = Gateway::start().await;
    sipp.register_wrongly(&gateway, "101").await;
    let desk = Desk::sit_down(&gateway, ANNA).await;
    let state = desk.snapshot.as_ref().map(|snapshot| snapshot.state.phone_registered);
    assert_eq!(state, Some(Some(false)), "the telephone counts as absent");
}
