//! Where a dialled number leads. Whatever is not named leads nowhere: nothing from outside may dial outside.

use std::collections::{HashMap, HashSet};

use shared::domain::queue::QueueCode;
use shared::phone::Phone;

/// Who dials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialler {
    /// A carrier or another exchange.
    Trunk,
    /// A registered phone of an operator.
    Phone,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    Queue(QueueCode),
    /// An emergency or service number that a phone may always dial, on a trunk.
    Outside(String),
    Refused(Refused),
}

/// Why a number leads nowhere, with the SIP answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Nobody has this number here.
    UnknownNumber,
    /// The number exists, but not for this dialler.
    NotAllowed,
}

impl Refused {
    pub const fn code(self) -> u16 {
        match self {
            Self::UnknownNumber => 404,
            Self::NotAllowed => 403,
        }
    }

    pub const fn words(self) -> &'static str {
        match self {
            Self::UnknownNumber => "no queue has this number",
            Self::NotAllowed => "this phone may dial emergency and service numbers only",
        }
    }
}

/// The numbers of the queues, and the few that a phone may dial.
#[derive(Clone, Debug, Default)]
pub struct DialPlan {
    queues: HashMap<String, QueueCode>,
    outside: HashSet<String>,
}

impl DialPlan {
    /// `queues` pairs a number, as the carrier sends it, with its queue; `outside` are emergency and short numbers.
    pub fn new(
        queues: impl IntoIterator<Item = (String, QueueCode)>,
        outside: impl IntoIterator<Item = String>,
    ) -> Self {
        Self {
            queues: queues.into_iter().map(|(number, queue)| (canonical(&number), queue)).collect(),
            outside: outside.into_iter().collect(),
        }
    }

    pub fn destination(&self, dialler: Dialler, dialled: &str) -> Destination {
        if dialler == Dialler::Phone && self.outside.contains(dialled) {
            return Destination::Outside(dialled.to_owned());
        }
        match (dialler, self.queues.get(&canonical(dialled))) {
            (Dialler::Trunk | Dialler::Phone, Some(queue)) => Destination::Queue(queue.clone()),
            (Dialler::Trunk, None) => Destination::Refused(Refused::UnknownNumber),
            (Dialler::Phone, None) => Destination::Refused(Refused::NotAllowed),
        }
    }
}

/// `8495…`, `+7495…` and `7495…` are one number; an internal number stays as it is written.
fn canonical(number: &str) -> String {
    Phone::parse(number).map_or_else(|| number.trim().to_owned(), Phone::digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> DialPlan {
        let billing = QueueCode::new("billing");
        DialPlan::new(
            [("+74952040000".to_owned(), billing.clone()), ("7001".to_owned(), billing)],
            ["112".to_owned(), "101".to_owned()],
        )
    }

    #[test]
    fn a_queue_is_found_however_the_carrier_writes_its_number() {
        for dialled in ["+74952040000", "84952040000", "74952040000", "7001"] {
            assert_eq!(plan().destination(Dialler::Trunk, dialled), Destination::Queue(QueueCode::new("billing")));
        }
    }

    #[test]
    fn nothing_from_outside_may_dial_outside() {
        for dialled in ["112", "+79162040000", "88002001122", "810442071234567", "", "*72"] {
            assert_eq!(plan().destination(Dialler::Trunk, dialled), Destination::Refused(Refused::UnknownNumber));
        }
    }

    #[test]
    fn a_phone_may_dial_for_help_and_nothing_else() {
        assert_eq!(plan().destination(Dialler::Phone, "112"), Destination::Outside("112".into()));
        assert_eq!(plan().destination(Dialler::Phone, "+79162040000"), Destination::Refused(Refused::NotAllowed));
    }
}
