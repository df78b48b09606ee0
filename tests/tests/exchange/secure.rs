//! Telephones that speak TLS, seal their sound, and prove who they are with SHA-256.

use tests::gateway::{QUEUE_NUMBER, Setup as GatewaySetup, VERA};
use tests::puppet::Setup;

use crate::floor::{ANNAS, CUSTOMER, House, Person, both_hear, comes_through, known_number, setup};

/// Vera's telephone knows the newer digest too; Anna's is set to the old one.
async fn talks_sealed(test: &str, phones_secure: &'static str) {
    let secure = GatewaySetup { phones_secure: Some(phones_secure), ..setup() };
    let Some(house) = House::open_with(test, secure).await else { return };
    let sealed = Setup::phone(&house.gateway, VERA).sealed(&house.gateway);
    let mut phone = house.puppets.open(sealed).await;
    phone.sing(ANNAS).await;
    let mut vera = Person { phone, desk: tests::desk::Desk::ready(&house.gateway, VERA).await };
    let mut customer = house.puppets.open(Setup::customer(&house.gateway, &known_number())).await;
    customer.sing(CUSTOMER).await;
    let at_customer = customer.dial(QUEUE_NUMBER).await;
    let at_vera = vera.phone.answer().await;
    customer.is_up(at_customer).await;
    let heard = both_hear(&mut vera.phone, &mut customer).await;
    assert_eq!(heard, (vec![CUSTOMER], vec![ANNAS]));
    let (at_vera_heard, at_customer_heard) = vera.phone.converses(&mut customer).await;
    comes_through(at_vera_heard);
    comes_through(at_customer_heard);
    vera.phone.hang_up(at_vera).await;
    customer.is_over(at_customer).await;

    let log = vera.phone.log();
    assert!(log.contains("algorithm=SHA-256"), "it proves who it is with SHA-256");
    assert!(log.contains("RTP/SAVP") && log.contains("a=crypto:"), "its sound is sealed");
    assert!(log.contains("TLS"), "and it speaks TLS");
}

#[tokio::test]
async fn a_telephone_over_tls_talks_with_sealed_sound_to_a_caller_without() {
    talks_sealed("a sealed telephone", "offer").await;
}

#[tokio::test]
async fn a_house_that_demands_sealed_sound_gets_it() {
    talks_sealed("a house that demands sealed sound", "require").await;
}
