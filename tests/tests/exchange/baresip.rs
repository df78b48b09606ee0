//! The same duties with a telephone of one more maker (baresip), and a customer on PJSIP.

use shared::domain::agent::Activity;
use tests::baresip::Baresips;
use tests::desk::Desk;
use tests::gateway::{ANNA, BORIS, QUEUE_NUMBER};
use tests::puppet::{Keys, Setup};

use crate::floor::{ANNAS, BORIS_S, CUSTOMER, House, MUSIC, hear, known_number};

#[tokio::test]
async fn a_telephone_of_another_maker_talks_holds_and_presses_keys() {
    let Some(baresips) = Baresips::find("baresip") else { return };
    let Some(house) = House::open("baresip").await else { return };
    let mut phone = baresips.phone(&house.gateway, ANNA, ANNAS).await;
    let mut anna = Desk::ready(&house.gateway, ANNA).await;
    let mut customer = house.puppets.open(Setup::customer(&house.gateway, &known_number())).await;
    customer.sing(CUSTOMER).await;
    let at_customer = customer.dial(QUEUE_NUMBER).await;
    phone.answer().await;
    let call = anna.offered().await.call;
    anna.answered(call).await;
    customer.is_up(at_customer).await;
    let heard = hear(&mut customer).await;
    assert_eq!(heard, [ANNAS], "they talk");

    phone.hold().await;
    anna.activity(call, Activity::OnHold).await;
    let heard = hear(&mut customer).await;
    assert_eq!(heard, [MUSIC], "on hold");
    phone.retrieve().await;
    anna.activity(call, Activity::Talking).await;
    let heard = hear(&mut customer).await;
    assert_eq!(heard, [ANNAS], "back");

    // Last, because baresip presses keys beside its sound, and the puppet's buffer, which throws nothing away, keeps
    // a place for each of them.
    phone.press("12#").await;
    assert_eq!(customer.hears_keys(3).await, ("12#".to_owned(), Keys::Rfc4733));
    customer.press(at_customer, "45", Keys::Rfc4733).await;
    assert_eq!(anna.keys(call, 2).await, "45");
    assert_eq!(phone.hears_keys(2).await, "45");

    phone.hang_up().await;
    customer.is_over(at_customer).await;
    let at_phone = phone.heard();
    assert!(at_phone.ms() >= 1000, "{} ms were decoded", at_phone.ms());
    assert!(at_phone.part(500..1500).hears(CUSTOMER) >= 0.9, "it has heard the customer");
}

#[tokio::test]
async fn telephones_of_different_makers_call_each_other() {
    let Some(baresips) = Baresips::find("baresip and PJSIP") else { return };
    let Some(house) = House::open("baresip and PJSIP").await else { return };
    let mut phone = baresips.phone(&house.gateway, ANNA, ANNAS).await;
    let _anna = Desk::sit_down(&house.gateway, ANNA).await;
    let mut boris = house.colleague(BORIS, BORIS_S).await;
    phone.dial(BORIS.phone.unwrap()).await;
    let at_boris = boris.phone.answer().await;
    phone.is_up().await;
    let heard = hear(&mut boris.phone).await;
    assert_eq!(heard, [ANNAS]);
    boris.phone.hang_up(at_boris).await;
    phone.is_over().await;
}
