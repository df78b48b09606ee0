//! A house with a few operators, whose telephones are puppets, and customers behind the carrier. Everybody speaks a
//! tone of their own, so that it can be told who hears whom.

use shared::ids::CallId;
use shared::wire::event::Offer;
use tests::desk::Desk;
use tests::gateway::{ANNA, City, Employee, Gateway, QUEUE_NUMBER, Setup};
use tests::hearing::{Followed, RATE, Sound};
use tests::puppet::{Line, Puppet, Puppets};

/// What each of them speaks, in Hz.
pub const CUSTOMER: u32 = 500;
pub const ANNAS: u32 = 820;
pub const BORIS_S: u32 = 1180;
pub const OUTSIDE: u32 = 1570;
pub const MUSIC: u32 = 2050;
/// The tone in the ear of whoever waits for an answer.
pub const RINGBACK: u32 = 425;
const ALL: [u32; 6] = [CUSTOMER, ANNAS, BORIS_S, OUTSIDE, MUSIC, RINGBACK];

/// Any number outside that operators may dial, one that nobody may, and the number of the queue `general`.
pub const OUTSIDE_NUMBER: &str = "+74952040000";
pub const CLOSED_NUMBER: &str = "+78095550000";
pub const GENERAL_NUMBER: &str = "1002";

const MORE: &str = r#"
[dial_plan.operator]
allowed = ["+7"]
denied = ["+7809"]
calls_at_once = 2
calls_an_hour = 60

[[routes]]
name = "russia"
numbers = ["+7"]
trunks = [{ trunk = "carrier" }]

[[queues]]
code = "general"
name_ru = "Общая линия"
name_en = "General line"
numbers = ["1002"]
ring_s = 60
wrapup_s = 60
"#;

/// A house that is open: the gateway and the stack of the puppets.
pub struct House {
    pub gateway: Gateway,
    pub puppets: Puppets,
}

/// An operator with telephone and screen.
pub struct Person {
    pub phone: Puppet,
    pub desk: Desk,
}

/// Anna and a customer who talk.
pub struct Talk {
    pub house: House,
    pub anna: Person,
    pub customer: Puppet,
    pub number: String,
    pub call: CallId,
    pub offer: Offer,
    /// The call at Anna's telephone, and at the customer's.
    pub at_anna: Line,
    pub at_customer: Line,
}

pub fn setup() -> Setup {
    Setup { music_hz: Some(MUSIC), more: MORE, ..Setup::default() }
}

/// The number of exactly one customer.
pub fn known_number() -> String {
    format!("+{}", City::get().numbers.known[0])
}

impl House {
    pub async fn open(test: &str) -> Option<Self> {
        Self::open_with(test, setup()).await
    }

    pub async fn open_with(test: &str, setup: Setup) -> Option<Self> {
        let puppets = Puppets::find(test)?;
        Some(Self { gateway: Gateway::start_with(setup).await, puppets })
    }

    /// Somebody who takes calls and speaks this tone.
    pub async fn person(&self, who: Employee, hz: u32) -> Person {
        let mut phone = self.puppets.phone(&self.gateway, who).await;
        phone.sing(hz).await;
        Person { phone, desk: Desk::ready(&self.gateway, who).await }
    }

    /// Somebody who is there and can be called, but takes no calls of the queues.
    pub async fn colleague(&self, who: Employee, hz: u32) -> Person {
        let mut phone = self.puppets.phone(&self.gateway, who).await;
        phone.sing(hz).await;
        Person { phone, desk: Desk::sit_down(&self.gateway, who).await }
    }
}

impl Talk {
    /// Lets a customer call Anna.
    pub async fn begin(test: &str) -> Option<Self> {
        Some(Self::begin_in(House::open(test).await?).await)
    }

    pub async fn begin_in(house: House) -> Self {
        let customer = tests::puppet::Setup::customer(&house.gateway, &known_number());
        Self::begin_with(house, customer).await
    }

    /// With a customer who is somehow special.
    pub async fn begin_with(house: House, customer: tests::puppet::Setup) -> Self {
        let mut anna = house.person(ANNA, ANNAS).await;
        let number = customer.user.clone();
        let mut customer = house.puppets.open(customer).await;
        customer.sing(CUSTOMER).await;
        let at_customer = customer.dial(QUEUE_NUMBER).await;
        let at_anna = anna.phone.answer().await;
        customer.is_up(at_customer).await;
        let offer = anna.desk.offered().await;
        let call = offer.call;
        anna.desk.answered(call).await;
        Self { house, anna, customer, number, call, offer, at_anna, at_customer }
    }
}

/// Lets everybody listen for a second, and says who hears whom.
pub async fn hear(listener: &mut Puppet) -> Vec<u32> {
    heard_in(&listener.listen(1000).await)
}

/// The same for two at the same time.
pub async fn both_hear(one: &mut Puppet, other: &mut Puppet) -> (Vec<u32>, Vec<u32>) {
    tokio::join!(hear(one), hear(other))
}

/// The same for three.
pub async fn all_hear(one: &mut Puppet, other: &mut Puppet, third: &mut Puppet) -> (Vec<u32>, Vec<u32>, Vec<u32>) {
    tokio::join!(hear(one), hear(other), hear(third))
}

/// Which of the tones are in a recording. Each must be there nearly all the time or not at all.
pub fn heard_in(sound: &Sound) -> Vec<u32> {
    let heard = |hz: &u32| {
        let share = sound.hears(*hz);
        assert!(share == 0.0 || share >= 0.9, "{hz} Hz is heard for {share} of the time");
        share > 0.0
    };
    ALL.into_iter().filter(heard).collect()
}

/// What was said has come out as it was: nothing to be heard is missing.
pub fn comes_through(followed: Option<Followed>) {
    let followed = followed.expect("what was said is heard at all");
    assert!(followed.correlation >= 0.95, "{followed:?}");
    assert!(followed.longest_gap_ms(RATE) <= 60, "{followed:?}");
    assert!(followed.n_lost * 20 <= followed.n_pieces, "{followed:?}");
    assert!(followed.n_pieces >= 35, "all of it: {followed:?}");
}

impl House {
    /// Who talked with the customer of a call and when, as it stands in the database, oldest first.
    pub async fn talks(&self, call: CallId) -> Vec<shared::domain::call::Talk> {
        let database = self.gateway.database().await;
        let rows: Vec<(i64, i64, i64)> = sqlx::query_as(
            "select agent_id, from_at, until_at from call_talk where call_id = ? order by from_at, until_at",
        )
        .bind(call.0)
        .fetch_all(&database)
        .await
        .unwrap();
        rows.into_iter()
            .map(|(agent, from, until)| shared::domain::call::Talk {
                agent: agent.into(),
                from: shared::time::UtcMs(from),
                until: shared::time::UtcMs(until),
            })
            .collect()
    }

    /// How a call ended, as it stands in the database.
    pub async fn ending(&self, call: CallId) -> String {
        let database = self.gateway.database().await;
        let ending = sqlx::query_scalar("select ending from call where id = ?").bind(call.0);
        ending.fetch_one(&database).await.unwrap()
    }

    /// How many entries of the history belong to a call.
    pub async fn entries(&self, call: CallId) -> i64 {
        let database = self.gateway.database().await;
        let count = sqlx::query_scalar("select count(*) from interaction where call_id = ?").bind(call.0);
        count.fetch_one(&database).await.unwrap()
    }
}
