//! The people at both ends of the line, from the scripted carrier, for tests that run in real time: they say what
//! happens to them, and count the sound that they hear.

use std::net::IpAddr;
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

/// Puts a telephone on somebody's table, registered.
pub async fn phone(gateway: &Gateway, of: Employee, manners: Manners) -> Playing {
    let number = of.phone.expect("somebody with a telephone");
    let config = PhoneConfig {
        user: number.to_owned(),
        password: Secret::new(PASSWORD),
        answers: manners.answers,
        knows_talk: manners.knows_talk,
        hangs_up_after: manners.hangs_up_after,
    };
    let socket = socket(gateway.phone_host(number)).await;
    let post = Post::new(socket.local_addr().expect("a bound socket"), gateway.sip_address(), rand::random());
    let mut playing = play(Phone::new(config, post), socket, gateway, true);
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
    let socket = socket(host).await;
    let post = Post::new(socket.local_addr().expect("a bound socket"), gateway.sip_address(), rand::random());
    let config = CallersConfig { to: to.to_owned(), any_answer_is_a_person: false };
    let plan = Plan::read(&plan.to_string()).expect("a plan that can be read");
    play(Callers::new(config, plan, post), socket, gateway, false)
}

fn play(party: impl Party + Send + 'static, socket: UdpSocket, gateway: &Gateway, sings_pilot: bool) -> Playing {
    let (reported, reports) = mpsc::unbounded_channel();
    let stop = CancellationToken::new();
    let place = Place {
        socket,
        server: gateway.sip_address(),
        sings_pilot,
        reports: Box::new(move |report| drop(reported.send(report))),
    };
    let task = tokio::spawn(perform(party, place, stop.clone()));
    Playing { reports, stop, task }
}

async fn socket(host: IpAddr) -> UdpSocket {
    UdpSocket::bind((host, 0)).await.expect("a free port on loopback")
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
