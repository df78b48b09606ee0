//! What was saved and has not been answered yet, and when it is sent. Pure: the disk is beside it.

use std::collections::BTreeMap;
use std::time::Duration;

use shared::time::Moment;
use shared::wire::command::{Command, CommandError, Done};
use uuid::Uuid;

/// Saves by their ids, which rise with time: they are sent in the order in which they were made.
#[derive(Debug, Default)]
pub struct Outbox {
    rows: BTreeMap<Uuid, Row>,
    online: bool,
}

#[derive(Debug)]
struct Row {
    command: Command,
    state: RowState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RowState {
    ToSend,
    /// Sent on this connection.
    Sent,
    /// The gateway asked for patience.
    Again {
        at: Moment,
    },
    /// The gateway said no; only the person sends it again.
    Refused,
}

/// What an answer means for a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It is answered for good: the disk may forget it.
    ForGood,
    Waits,
    /// It was no row of ours.
    NotOurs,
}

/// After a passing error a row rests this long.
const REST: Duration = Duration::from_secs(2);

impl Outbox {
    pub fn put(&mut self, id: Uuid, command: Command) {
        self.rows.entry(id).or_insert(Row { command, state: RowState::ToSend });
    }

    pub fn send_again(&mut self, id: Uuid) {
        if let Some(row) = self.rows.get_mut(&id) {
            row.state = RowState::ToSend;
        }
    }

    /// A connection stands. What an earlier one has sent may have been lost with it and is sent again; the gateway
    /// answers the same id the same.
    pub fn connected(&mut self) {
        self.online = true;
        for row in self.rows.values_mut().filter(|row| row.state == RowState::Sent) {
            row.state = RowState::ToSend;
        }
    }

    pub const fn disconnected(&mut self) {
        self.online = false;
    }

    /// What has to be sent now. Each row comes out once for each connection.
    pub fn take_due(&mut self, now: Moment) -> Vec<(Uuid, Command)> {
        if !self.online {
            return vec![];
        }
        let due = self.rows.iter_mut().filter(|(_, row)| match row.state {
            RowState::ToSend => true,
            RowState::Again { at } => at.is_due(now),
            RowState::Sent | RowState::Refused => false,
        });
        due.map(|(id, row)| {
            row.state = RowState::Sent;
            (*id, row.command.clone())
        })
        .collect()
    }

    /// When [`Self::take_due`] will have something by itself.
    pub fn next_due(&self) -> Option<Moment> {
        if !self.online {
            return None;
        }
        let waits = self.rows.values().filter_map(|row| match row.state {
            RowState::Again { at } => Some(at),
            RowState::ToSend | RowState::Sent | RowState::Refused => None,
        });
        waits.min()
    }

    pub fn answered(&mut self, id: Uuid, outcome: &Result<Done, CommandError>, now: Moment) -> Settled {
        let Some(row) = self.rows.get_mut(&id) else { return Settled::NotOurs };
        match outcome {
            Ok(_) => {
                self.rows.remove(&id);
                Settled::ForGood
            }
            Err(error) if error.is_passing() => {
                row.state = RowState::Again { at: now.after(REST) };
                Settled::Waits
            }
            Err(_) => {
                row.state = RowState::Refused;
                Settled::ForGood
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::ids::CallbackId;

    fn command() -> Command {
        Command::MarkMissed { callback: CallbackId(1), handled: true }
    }

    fn at(s: u64) -> Moment {
        Moment::at_ms(s * 1_000)
    }

    fn id(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    fn with_two() -> Outbox {
        let mut outbox = Outbox::default();
        outbox.put(id(2), command());
        outbox.put(id(1), command());
        outbox
    }

    fn due(outbox: &mut Outbox, s: u64) -> Vec<u128> {
        outbox.take_due(at(s)).into_iter().map(|(id, _)| id.as_u128()).collect()
    }

    #[test]
    fn a_save_is_sent_once_on_a_connection_and_in_the_order_it_was_made() {
        let mut outbox = with_two();
        assert!(due(&mut outbox, 0).is_empty());
        outbox.connected();
        assert_eq!(due(&mut outbox, 1), [1, 2]);
        assert!(due(&mut outbox, 100).is_empty());
    }

    #[test]
    fn an_unanswered_save_is_sent_again_on_the_next_connection_under_its_own_id() {
        let mut outbox = with_two();
        outbox.connected();
        due(&mut outbox, 0);
        assert_eq!(outbox.answered(id(1), &Ok(Done::Ok), at(1)), Settled::ForGood);
        outbox.disconnected();
        assert!(due(&mut outbox, 2).is_empty());
        outbox.connected();
        assert_eq!(due(&mut outbox, 3), [2]);
    }

    #[test]
    fn a_save_rests_while_the_database_is_away_and_goes_again() {
        let mut outbox = with_two();
        outbox.connected();
        due(&mut outbox, 0);
        assert_eq!(outbox.answered(id(1), &Err(CommandError::DatabaseAway), at(1)), Settled::Waits);
        assert_eq!(outbox.next_due(), Some(at(3)));
        assert!(due(&mut outbox, 2).is_empty());
        assert_eq!(due(&mut outbox, 3), [1]);
    }

    #[test]
    fn a_refused_save_goes_again_only_when_the_person_says_so() {
        let mut outbox = with_two();
        outbox.connected();
        due(&mut outbox, 0);
        assert_eq!(outbox.answered(id(2), &Err(CommandError::TooLate), at(1)), Settled::ForGood);
        outbox.connected();
        assert_eq!(due(&mut outbox, 9), [1]);
        outbox.send_again(id(2));
        assert_eq!(due(&mut outbox, 9), [2]);
    }

    #[test]
    fn an_answer_to_a_command_that_was_never_kept_is_not_ours() {
        assert_eq!(with_two().answered(id(9), &Ok(Done::Ok), at(0)), Settled::NotOurs);
    }
}
