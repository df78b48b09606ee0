//! What the outside world has to do after a step.

use shared::domain::agent;
use shared::domain::call::{CallEnding, PartyFailure};
use shared::ids::AgentId;
use shared::time::Moment;
use shared::wire::event::WithdrawnBecause;
use smallvec::SmallVec;

use super::sound::Ear;

/// A step rarely asks for more than this many things.
pub type Effects = SmallVec<[Effect; 6]>;

/// One thing to do. The shell carries them out in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// 180 to the caller.
    RingCaller,
    /// 200 to the caller; the talk, or the music, begins.
    AnswerCaller,
    /// The final refusal to a caller who was never answered, CANCEL to a customer who is being called, or BYE.
    EndCaller,
    /// INVITE to the number that the agent has dialled.
    CallCustomer,
    /// INVITE to the number outside that is to join, or to take over.
    CallPeer,
    /// CANCEL or BYE to that number.
    EndPeer,
    /// A colleague is called, if that is possible at this moment: reserved, shown the card, rung. If not, that comes
    /// back as [`PhoneFailure::NotFree`](super::PhoneFailure::NotFree).
    CallColleague(AgentId, Moment),
    /// INVITE to the agent's telephone.
    RingPhone(AgentId),
    /// INVITE to the agent's telephone that lifts itself: the agent has asked for it on the screen.
    LiftOwnPhone(AgentId),
    /// The ringing telephone is asked to lift itself.
    LiftPhone(AgentId),
    /// CANCEL or BYE to the agent's telephone, whichever fits.
    EndPhone(AgentId),
    /// Who hears whom has changed: [`Call::scenes`](super::Call::scenes) says how.
    Sound,
    /// The offer with the card goes to the desk.
    Pop(AgentId),
    /// The offer disappears from the desk.
    Withdraw(AgentId, WithdrawnBecause),
    /// The desk learns that the talk has begun.
    TellAnswered(AgentId),
    /// The desk learns that its part of the call is over; the wrap-up begins.
    TellEnded(AgentId, CallEnding),
    /// The desk learns that it is out of the call, with nothing to write.
    TellReleased(AgentId),
    /// The desk learns that somebody did not come, or has left: the one who was called, or its own telephone.
    TellFailed(AgentId, Ear, PartyFailure),
    /// The agent's own state moves.
    Agent(AgentId, agent::Input),
    /// The call waits, in its place by arrival.
    Wait,
    /// The call waits no more.
    LeaveQueue,
    /// The caller waits parked.
    Park,
    /// The record is written. The last effect of a call.
    Close(CallEnding),
}
