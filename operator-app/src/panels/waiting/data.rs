use shared::domain::call::MissedCall;
use shared::ids::{CallId, CallbackId, CustomerId};
use shared::wire::event::WaitingCaller;

use crate::kit::tokens::Tone;
use crate::lang::format;
use crate::panels::{gateway_now, today, words};
use crate::state::Scene;

/// Which list is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum List {
    #[default]
    Queue,
    Missed,
}

/// One waiting caller.
#[derive(Debug)]
pub struct WaitingRow {
    pub call: CallId,
    pub who: String,
    pub queue: String,
    pub waited: String,
    pub tone: Tone,
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

/// Makes the row of one waiting caller; rows that are not seen are never made.
pub fn waiting_row(scene: &Scene<'_>, caller: &WaitingCaller) -> WaitingRow {
    let tr = words(scene);
    let waited_s = (gateway_now(scene).ms_since(caller.arrived_at) / 1000).max(0);
    let name = caller.name.as_ref().map(|name| name.reveal().to_owned());
    WaitingRow {
        call: caller.call,
        who: name.unwrap_or_else(|| format::caller(&caller.caller, tr.call.withheld)),
        queue: tr.queue_name(&caller.queue, &scene.desk.catalogue).to_owned(),
        waited: format::duration_s(waited_s),
        tone: match waited_s {
            ..DUE_S => Tone::Plain,
            DUE_S..TOO_LONG_S => Tone::Warn,
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
