//! The fairest simple strategy: whoever has been free longest. A stable id decides between equals.

use shared::ids::AgentId;

use super::floor::FreeAgents;

pub fn longest_idle(free: &FreeAgents) -> Option<AgentId> {
    free.by_idle().next().map(|(agent, _)| agent)
}
