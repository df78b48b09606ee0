//! What the outside world has to do after a step.

use shared::domain::agent;
use shared::domain::call::CallEnding;
use shared::ids::AgentId;
use shared::wire::event::WithdrawnBecause;
use smallvec::SmallVec;

/// A step rarely asks for more than this many things.
pub type Effects = SmallVec<[Effect; 6]>;

/// One thing to do. The shell carries them out in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// 180 to the caller.
    RingCaller,
    /// 200 to the caller; the talk, or the music, begins.
    AnswerCaller,
    /// Music to the caller.
    PlayMusic,
    /// The final refusal to a caller who was never answered, or BYE to one who was.
    EndCaller,
    /// INVITE to the agent's telephone.
    RingPhone(AgentId),
    /// The telephone is asked to lift itself.
    LiftPhone(AgentId),
    /// CANCEL or BYE to the agent's telephone, whichever fits.
    EndPhone(AgentId),
    /// The sound of both goes to the other.
    Bridge(AgentId),
    /// The offer with the card goes to the desk.
    Pop(AgentId),
    /// The offer disappears from the desk.
    Withdraw(AgentId, WithdrawnBecause),
    /// The desk learns that the talk has begun.
    TellAnswered(AgentId),
    /// The desk learns that the talk is over; the wrap-up begins.
    TellEnded(AgentId, CallEnding),
    /// The agent's own state moves.
    Agent(AgentId, agent::Input),
    /// The call waits, in its place by arrival.
    Wait,
    /// The call waits no more.
    LeaveQueue,
    /// The record is written. The last effect of a call.
    Close(CallEnding),
}
