//! The people at both ends of the line, from the scripted carrier, for tests that run in real time: they say what
//! happens to them, and count the sound that they hear.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde_json::{Value, json};
use shared::pii::Secret;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::carrier::callers::{Callers, CallersConfig};
use crate::carrier::party::Party;
use crate::carrier::phone::{Answers, Phone, PhoneConfig};
use crate::carrier::plan::Plan;
use crate::carrier::post::Post;
use crate::carrier::stage::{Place, perform};
use crate::carrier::way::Way;
use crate::gateway::{Employee, Gateway, PASSWORD, PATIENCE, QUEUE_NUMBER};

/// A party that plays, and what it reports.
pub struct Playing {
    reports: mpsc::UnboundedReceiver<Value>,
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

/// How a telephone behaves.
#[derive(Clone, Copy, Debug)]
pub struct Manners {
    pub answers: Answers,
    /// Whether NOTIFY `Event: talk` lifts it.
    pub knows_talk: bool,
    pub hangs_up_after: Option<Duration>,
}

/// Lifted when the screen says so.
pub const WHEN_TOLD: Manners = Manners { answers: Answers::WhenTold, knows_talk: true, hangs_up_after: None };
/// Lifted by hand as soon as it rings.
pub const AT_ONCE: Manners =
    Manners { answers: Answers::After(Duration::ZERO), knows_talk: true, hangs_up_after: None };
/// Rings, and nobody is there.
pub const NOBODY_THERE: Manners = Manners { answers: Answers::Never, knows_talk: true, hangs_up_after: None };

/// How a telephone reaches the gateway.
#[derive(Clone, Copy, Debug)]
pub enum Reach {
    Plainly,
    /// On a connection to this address, which may be a [`Cable`](crate::cable::Cable)'s.
    OverTcp(SocketAddr),
    /// It thinks that it is this host of another network, on ports that are others outside, and hears only whoever
    /// answers to where it speaks from. That is all that a NAT shows of itself to the gateway.
    BehindNat(IpAddr),
}

/// Puts a telephone on somebody's table, registered.
pub async fn phone(gateway: &Gateway, of: Employee, manners: Manners) -> Playing {
    phone_that_reaches(gateway, of, manners, Reach::Plainly).await
}

/// The same, for one that has a way of its own to the gateway.
pub async fn phone_that_reaches(gateway: &Gateway, of: Employee, manners: Manners, reach: Reach) -> Playing {
    let number = of.phone.expect("somebody with a telephone");
    let config = PhoneConfig {
        user: number.to_owned(),
        password: Secret::new(PASSWORD),
        answers: manners.answers,
        knows_talk: manners.knows_talk,
        hangs_up_after: manners.hangs_up_after,
    };
    let host = gateway.phone_host(number);
    let way = match reach {
        Reach::OverTcp(server) => Way::connect(host, server).await.expect("the gateway takes connections"),
        Reach::Plainly | Reach::BehindNat(_) => datagrams(host, gateway).await,
    };
    let local = way.local().expect("a bound socket");
    let post = |local| Post::new(local, gateway.sip_address(), rand::random());
    let (post, behind_nat) = match reach {
        Reach::Plainly => (post(local), false),
        Reach::OverTcp(_) => (post(local).over_tcp(), false),
        Reach::BehindNat(within) => (post(SocketAddr::new(within, 5060)), true),
    };
    let mut playing = play(Phone::new(config, post), way, behind_nat, true);
    playing.report("registered").await;
    playing
}

/// Somebody calls the queue, and hears music or a person. `None` keeps the number back.
pub async fn caller(gateway: &Gateway, from: Option<&str>) -> Playing {
    let plan = json!([{ "from": from, "talk_s": 3600, "patience_s": 3600 }]);
    callers_from(gateway, gateway.carrier_host(), QUEUE_NUMBER, &plan).await
}

/// Callers with a plan ([`Plan::read`]), who dial `to` from a host of theirs.
pub async fn callers_from(gateway: &Gateway, host: IpAddr, to: &str, plan: &Value) -> Playing {
    let way = datagrams(host, gateway).await;
    let post = Post::new(way.local().expect("a bound socket"), gateway.sip_address(), rand::random());
    let config = CallersConfig { to: to.to_owned(), any_answer_is_a_person: false };
    let plan = Plan::read(&plan.to_string()).expect("a plan that can be read");
    play(Callers::new(config, plan, post), way, false, false)
}

fn play(party: impl Party + Send + 'static, way: Way, behind_nat: bool, sings_pilot: bool) -> Playing {
    let (reported, reports) = mpsc::unbounded_channel();
    let stop = CancellationToken::new();
    let reports_to = Box::new(move |report| drop(reported.send(report)));
    let place = Place { way, behind_nat, sings_pilot, reports: reports_to };
    let task = tokio::spawn(perform(party, place, stop.clone()));
    Playing { reports, stop, task }
}

async fn datagrams(host: IpAddr, gateway: &Gateway) -> Way {
    let socket = UdpSocket::bind((host, 0)).await.expect("a free port on loopback");
    Way::Datagrams { socket, server: gateway.sip_address() }
}

impl Playing {
    /// The next report of this event. A caller's only report, at the end of a call, has none and counts as `ended`.
    pub async fn report(&mut self, event: &str) -> Value {
        loop {
            let report = tokio::time::timeout(PATIENCE, self.reports.recv()).await;
            let report = report.unwrap_or_else(|_| panic!("`{event}` was not reported within {PATIENCE:?}"));
            let report = report.unwrap_or_else(|| panic!("the party has gone before `{event}`"));
            if report["event"] == event || (event == "ended" && report.get("event").is_none()) {
                return report;
            }
        }
    }

    /// Hangs up, and gives the report of the call.
    pub async fn hang_up(mut self) -> Value {
        self.stop.cancel();
        self.report("ended").await
    }

    /// Takes its leave in order: hangs up, signs off.
    pub async fn leave(self) {
        self.stop.cancel();
        let over = tokio::time::timeout(PATIENCE, self.task).await;
        over.expect("it goes in time").expect("it does not panic").expect("its socket works");
    }

    /// Vanishes without a word, as if the cable were pulled.
    pub async fn pull_the_cable(self) {
        self.task.abort();
        // Only when the task is gone is the socket closed.
        _ = self.task.await;
    }
}
