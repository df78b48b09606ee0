//! What an operator does with a call from the desk, and what comes back.

use shared::domain::agent::Activity;
use shared::domain::call::{Party, PartyFailure, Target};
use shared::ids::{AgentId, CallId};
use shared::pii::Personal;
use shared::wire::command::{Command, CommandError, Done};
use shared::wire::event::{CallLine, Event, ParkedCall};

use super::Desk;

impl Desk {
    /// Who sits here.
    pub fn me(&self) -> AgentId {
        self.badge.profile.id
    }

    /// To call the one who sits here.
    pub fn target(&self) -> Target {
        Target::Agent { agent: self.me() }
    }

    /// A command that must work.
    pub async fn does(&mut self, command: Command) {
        let what = format!("{command:?}");
        match self.ask(command).await {
            Ok(Done::Ok | Done::Call { .. }) => {}
            other => panic!("{what} is answered by {other:?}; {}", self.context()),
        }
    }

    pub async fn hold(&mut self, call: CallId) {
        self.does(Command::Hold { call }).await;
        self.activity(call, Activity::OnHold).await;
    }

    pub async fn retrieve(&mut self, call: CallId) {
        self.does(Command::Retrieve { call }).await;
        self.activity(call, Activity::Talking).await;
    }

    pub async fn mute(&mut self, call: CallId, muted: bool) {
        self.does(Command::Mute { call, muted }).await;
        self.line(call, "the mute", |line| line.muted == muted).await;
    }

    pub async fn press(&mut self, call: CallId, digits: &str) {
        self.does(Command::SendDigits { call, digits: digits.to_owned() }).await;
    }

    pub async fn transfer(&mut self, call: CallId, to: Target, note: Option<&str>) {
        self.does(Command::Transfer { call, to, note: note.map(Personal::new) }).await;
    }

    pub async fn consult(&mut self, call: CallId, to: Target, note: Option<&str>) {
        self.does(Command::Consult { call, to, note: note.map(Personal::new) }).await;
    }

    pub async fn park(&mut self, call: CallId, note: Option<&str>) {
        self.does(Command::Park { call, note: note.map(Personal::new) }).await;
    }

    /// Dials, and gives the call.
    pub async fn dial(&mut self, to: Target) -> Result<CallId, CommandError> {
        match self.ask(Command::Dial { to, customer: None, callback: None }).await? {
            Done::Call { id } => Ok(id),
            other => panic!("dialling is answered by {other:?}"),
        }
    }

    pub async fn hang_up(&mut self, call: CallId) {
        self.does(Command::HangUp { call }).await;
    }

    /// Waits until the line of the call is like this.
    pub async fn line(&mut self, call: CallId, what: &str, mut fits: impl FnMut(&CallLine) -> bool) -> CallLine {
        self.expect(what, |event| match event {
            Event::Line { call: of, line } if *of == call && fits(line) => Some(line.clone()),
            _ => None,
        })
        .await
    }

    /// Waits until this is what the one who sits here does in the call.
    pub async fn activity(&mut self, call: CallId, activity: Activity) -> CallLine {
        self.line(call, &format!("{activity:?}"), |line| line.activity == activity).await
    }

    /// Somebody did not come, or has left.
    pub async fn party_failed(&mut self, call: CallId) -> (Party, PartyFailure) {
        self.expect("the failure of a party", |event| match event {
            Event::PartyFailed { call: of, party, why } if *of == call => Some((party.clone(), *why)),
            _ => None,
        })
        .await
    }

    /// Waits until this desk is out of the call, with nothing to write.
    pub async fn released(&mut self, call: CallId) {
        self.expect("the release", |event| matches!(event, Event::Released { call: of } if *of == call).then_some(()))
            .await;
    }

    /// The next keys that somebody presses in the call.
    pub async fn keys(&mut self, call: CallId, n: usize) -> String {
        let mut digits = String::new();
        while digits.len() < n {
            let digit = self
                .expect("a key", |event| match event {
                    Event::Digit { call: of, digit } if *of == call => Some(*digit),
                    _ => None,
                })
                .await;
            digits.push(digit);
        }
        digits
    }

    /// Waits until so many calls are parked.
    pub async fn parked(&mut self, n: usize) -> Vec<ParkedCall> {
        self.expect("the list of parked calls", |event| match event {
            Event::Parked { calls } if calls.len() == n => Some(calls.clone()),
            _ => None,
        })
        .await
    }
}
