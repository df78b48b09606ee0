//! Calls that come and go through Kamailio, with the configuration shipped in `config/examples`.

use std::net::SocketAddr;
use std::time::Duration;

use shared::domain::call::CallEnding;
use shared::wire::command::{Command, Done};
use tests::desk::Desk;
use tests::gateway::{ANNA, Gateway};
use tests::kamailio::Kamailio;
use tests::line::{self, AT_ONCE, WHEN_TOLD};
use tests::sipp::Sipp;

use crate::known_number;

/// Nobody listens here, so that it is a gateway that has died.
fn dead(gateway: &Gateway) -> SocketAddr {
    SocketAddr::new(gateway.stranger_host(), 5060)
}

async fn front(test: &str, gateway: &Gateway, gateways: &[SocketAddr]) -> Option<Kamailio> {
    // Kamailio stands where the carrier stands for the gateway; who calls through it comes from another port there.
    let carrier = SocketAddr::new(gateway.carrier_host(), 5080);
    Kamailio::start(test, gateway.carrier_host(), gateways, carrier).await
}

#[tokio::test]
async fn a_call_through_kamailio_is_answered_and_ended_by_either_side() {
    let Some(sipp) = Sipp::find("a call through Kamailio") else { return };
    for ended_by_desk in [false, true] {
        let gateway = Gateway::start().await;
        let test = "a call through Kamailio";
        let Some(kamailio) = front(test, &gateway, &[gateway.sip_address()]).await else { return };
        let _phone = line::phone(&gateway, ANNA, if ended_by_desk { WHEN_TOLD } else { AT_ONCE }).await;
        let mut desk = Desk::ready(&gateway, ANNA).await;
        let scenario = if ended_by_desk { "uac_hangup_by_us.xml" } else { "uac_call.xml" };
        let caller = sipp.through(kamailio.address());
        let caller = caller.callers(&gateway, scenario, &[&known_number()], Duration::from_millis(300));
        let offer = desk.offered().await;
        if ended_by_desk {
            assert_eq!(desk.ask(Command::Answer { call: offer.call }).await, Ok(Done::Ok));
        }
        desk.answered(offer.call).await;
        if ended_by_desk {
            assert_eq!(desk.ask(Command::HangUp { call: offer.call }).await, Ok(Done::Ok));
        }
        let expected = if ended_by_desk { CallEnding::AgentHungUp } else { CallEnding::CallerHungUp };
        assert_eq!(desk.ended(offer.call).await, expected);
        let outcome = caller.finish().await;
        outcome.must_be_good();
        assert_eq!((outcome.n_successful(), outcome.n_failed()), (1, 0), "{}", kamailio.log());
    }
}

#[tokio::test]
async fn a_caller_does_not_notice_that_the_first_gateway_is_dead() {
    let Some(sipp) = Sipp::find("a dead gateway behind Kamailio") else { return };
    let gateway = Gateway::start().await;
    let gateways = [dead(&gateway), gateway.sip_address()];
    let Some(kamailio) = front("a dead gateway behind Kamailio", &gateway, &gateways).await else { return };
    let _phone = line::phone(&gateway, ANNA, AT_ONCE).await;
    let mut desk = Desk::ready(&gateway, ANNA).await;
    // One call after the other: whichever gateway's turn it is, each arrives at the one that lives.
    let numbers = [known_number(), known_number()];
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    for number in numbers {
        let caller = sipp.through(kamailio.address());
        let caller = caller.callers(&gateway, "uac_call.xml", &[number], Duration::from_millis(100));
        let offer = desk.offered().await;
        desk.answered(offer.call).await;
        assert_eq!(desk.ended(offer.call).await, CallEnding::CallerHungUp);
        caller.finish().await.must_be_good();
        desk.save_wrapup(offer.call).await;
    }
}
