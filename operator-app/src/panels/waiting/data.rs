use shared::domain::call::MissedCall;
use shared::ids::{CallId, CallbackId, CustomerId};
use shared::phone::CallerNumber;
use shared::wire::event::{ParkedCall, WaitingCaller};

use crate::kit::icons;
use crate::kit::tokens::Tone;
use crate::lang::format;
use crate::panels::{gateway_now, target_of, today, words};
use crate::state::Scene;
use crate::state::reach::Dialled;

/// Which list is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum List {
    #[default]
    Queue,
    Missed,
}

/// One caller who waits in a queue, or was parked.
#[derive(Debug)]
pub struct WaitingRow {
    pub call: CallId,
    pub icon: &'static str,
    pub who: String,
    /// The queue, or who has parked it.
    pub queue: String,
    pub waited: String,
    pub tone: Tone,
}

/// Whoever can be picked up stands over those whom the gateway will send by itself.
#[derive(Clone, Copy, Debug)]
pub enum Waiter<'a> {
    Parked(&'a ParkedCall),
    Queued(&'a WaitingCaller),
}

impl Waiter<'_> {
    pub const fn call(&self) -> CallId {
        match self {
            Self::Parked(parked) => parked.call,
            Self::Queued(caller) => caller.call,
        }
    }

    const fn number(&self) -> &CallerNumber {
        match self {
            Self::Parked(parked) => &parked.caller,
            Self::Queued(caller) => &caller.caller,
        }
    }
}

pub fn waiters<'a>(scene: &Scene<'a>) -> Vec<Waiter<'a>> {
    let parked = scene.desk.parked.iter().map(Waiter::Parked);
    parked.chain(scene.desk.waiting.iter().map(Waiter::Queued)).collect()
}

/// What is called when a waiting caller is called; nobody calls a withheld number.
pub fn dial_waiter(waiter: &Waiter<'_>) -> Option<Dialled> {
    Some(Dialled { to: target_of(waiter.number())?, customer: None, callback: None })
}

/// What answers a missed call.
pub fn dial_missed(missed: &MissedCall) -> Option<Dialled> {
    let callback = missed.handled_at.is_none().then_some(missed.id);
    Some(Dialled { to: target_of(&missed.caller)?, customer: missed.customer, callback })
}

/// One missed call.
#[derive(Debug)]
pub struct MissedRow {
    pub callback: CallbackId,
    pub customer: Option<CustomerId>,
    pub who: String,
    pub note: String,
    pub lost_at: String,
    pub handled: bool,
}

/// Waiting longer than this is shown as due, and longer than the second as too long.
const DUE_S: i64 = 20;
const TOO_LONG_S: i64 = 40;
/// A parked caller was told that somebody is being looked for, and has a little more patience.
const PARKED_TOO_LONG_S: i64 = 60;

/// Makes the row of one waiting caller; rows that are not seen are never made.
pub fn waiting_row(scene: &Scene<'_>, waiter: &Waiter<'_>) -> WaitingRow {
    let tr = words(scene);
    let (since, name, queue) = match waiter {
        Waiter::Parked(parked) => (parked.parked_at, &parked.name, (tr.reach.parked_by)(&parked.parked_by_name)),
        Waiter::Queued(caller) => {
            (caller.arrived_at, &caller.name, tr.queue_name(&caller.queue, &scene.desk.catalogue).to_owned())
        }
    };
    let waited_s = (gateway_now(scene).ms_since(since) / 1000).max(0);
    let name = name.as_ref().map(|name| name.reveal().to_owned());
    WaitingRow {
        call: waiter.call(),
        icon: match waiter {
            Waiter::Parked(_) => icons::PHONE_PAUSE,
            Waiter::Queued(_) => icons::PHONE_INCOMING,
        },
        who: name.unwrap_or_else(|| format::caller(waiter.number(), tr.call.withheld)),
        queue,
        waited: format::duration_s(waited_s),
        tone: match (waiter, waited_s) {
            (Waiter::Queued(_), ..DUE_S) => Tone::Plain,
            (Waiter::Queued(_), DUE_S..TOO_LONG_S) | (Waiter::Parked(_), ..PARKED_TOO_LONG_S) => Tone::Warn,
            _ => Tone::Bad,
        },
    }
}

pub fn missed_row(scene: &Scene<'_>, missed: &MissedCall) -> MissedRow {
    let tr = words(scene);
    let number = format::caller(&missed.caller, tr.call.withheld);
    let queue = tr.queue_name(&missed.queue, &scene.desk.catalogue);
    let name = missed.customer_name.as_ref().map(|name| name.reveal().to_owned());
    let lost_on = format::local(missed.lost_at).date_naive();
    MissedRow {
        callback: missed.id,
        customer: missed.customer,
        note: if name.is_some() { format!("{number} · {queue}") } else { queue.to_owned() },
        who: name.unwrap_or(number),
        lost_at: if lost_on == today(scene) { format::time_of(missed.lost_at) } else { format::day_month(lost_on) },
        handled: missed.handled_at.is_some(),
    }
}
