//! Where a dialled number leads. Whatever is not named leads nowhere: nothing from outside may dial outside.
//!
//! What leads outside is not allowed yet: [`TollBook`](super::toll::TollBook) has the last word on it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use shared::domain::queue::QueueCode;

use super::number::Dialled;

/// Who dials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialler {
    /// A carrier or another exchange.
    Trunk,
    /// One of the house: a registered phone or a desk.
    Phone,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    Queue(QueueCode),
    /// A phone of the house, by its user name.
    Phone(Arc<str>),
    /// An emergency number: let through, whatever else is going on.
    Help(Dialled),
    /// A service number that everybody of the house may dial.
    Short(Dialled),
    /// Any other number, on a trunk, if the toll book lets it.
    Outside(Dialled),
    Refused(Refused),
}

/// Why a number leads nowhere, with the SIP answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Nobody has this number here.
    UnknownNumber,
    /// What was dialled is no number.
    Unreadable,
}

impl Refused {
    pub const fn code(self) -> u16 {
        match self {
            Self::UnknownNumber => 404,
            Self::Unreadable => 484,
        }
    }

    pub const fn words(self) -> &'static str {
        match self {
            Self::UnknownNumber => "nobody has this number here",
            Self::Unreadable => "this cannot be dialled",
        }
    }
}

/// The numbers of the house: of its queues, its phones, and those that everybody may dial.
#[derive(Clone, Debug, Default)]
pub struct DialPlan {
    queues: HashMap<String, QueueCode>,
    phones: HashMap<String, Arc<str>>,
    help: HashSet<Dialled>,
    short: HashSet<Dialled>,
}

impl DialPlan {
    /// `queues` pairs a number, as the carrier sends it, with its queue; `help` are the emergency numbers, `short` the
    /// other ones that everybody may dial.
    pub fn new(
        queues: impl IntoIterator<Item = (String, QueueCode)>,
        help: impl IntoIterator<Item = String>,
        short: impl IntoIterator<Item = String>,
    ) -> Self {
        let known = |numbers: &mut dyn Iterator<Item = String>| numbers.filter_map(|n| Dialled::parse(&n)).collect();
        Self {
            queues: queues.into_iter().map(|(number, queue)| (canonical(&number), queue)).collect(),
            phones: HashMap::new(),
            help: known(&mut help.into_iter()),
            short: known(&mut short.into_iter()),
        }
    }

    /// Internal numbers: a phone's user name, and its extension where it has one, each with the user name. Replaces
    /// the earlier list.
    pub fn set_phones(&mut self, phones: impl IntoIterator<Item = (String, Arc<str>)>) {
        self.phones = phones.into_iter().collect();
    }

    pub fn destination(&self, dialler: Dialler, dialled: &str) -> Destination {
        let number = Dialled::parse(dialled);
        let queue = self.queues.get(&canonical(dialled));
        if dialler == Dialler::Trunk {
            return queue
                .map_or(Destination::Refused(Refused::UnknownNumber), |queue| Destination::Queue(queue.clone()));
        }
        // Nothing may stand in the way of a call for help, not even a queue or a phone of that name.
        if let Some(help) = number.as_ref().filter(|number| self.help.contains(number)) {
            return Destination::Help(help.clone());
        }
        if let Some(queue) = queue {
            return Destination::Queue(queue.clone());
        }
        if let Some(phone) = self.phones.get(dialled.trim()) {
            return Destination::Phone(phone.clone());
        }
        match number {
            None => Destination::Refused(Refused::Unreadable),
            Some(number) if self.short.contains(&number) => Destination::Short(number),
            Some(number) => Destination::Outside(number),
        }
    }
}

/// `8495…`, `+7495…` and `7495…` are one number; an internal number stays as it is written.
fn canonical(number: &str) -> String {
    Dialled::parse(number).map_or_else(|| number.trim().to_owned(), |number| number.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> DialPlan {
        let billing = QueueCode::new("billing");
        let mut plan = DialPlan::new(
            [("+74952040000".to_owned(), billing.clone()), ("7001".to_owned(), billing)],
            ["112".to_owned(), "101".to_owned()],
            ["122".to_owned()],
        );
        let anna: Arc<str> = "anna-phone".into();
        plan.set_phones([("anna-phone".to_owned(), anna.clone()), ("201".to_owned(), anna)]);
        plan
    }

    fn number(text: &str) -> Dialled {
        Dialled::parse(text).unwrap()
    }

    #[test]
    fn a_queue_is_found_however_the_carrier_writes_its_number() {
        for dialled in ["+74952040000", "84952040000", "74952040000", "7001"] {
            for dialler in [Dialler::Trunk, Dialler::Phone] {
                assert_eq!(plan().destination(dialler, dialled), Destination::Queue(QueueCode::new("billing")));
            }
        }
    }

    #[test]
    fn nothing_from_outside_may_dial_outside_nor_a_phone_of_the_house() {
        for dialled in ["112", "122", "201", "anna-phone", "+79162040000", "88002001122", "810442071234567", "", "*72"]
        {
            assert_eq!(plan().destination(Dialler::Trunk, dialled), Destination::Refused(Refused::UnknownNumber));
        }
    }

    #[test]
    fn colleagues_call_each_other_by_name_or_extension() {
        for dialled in ["anna-phone", "201", " 201 "] {
            assert_eq!(plan().destination(Dialler::Phone, dialled), Destination::Phone("anna-phone".into()));
        }
    }

    #[test]
    fn a_call_for_help_is_told_from_every_other_call_to_outside() {
        let dialled = |text| plan().destination(Dialler::Phone, text);
        assert_eq!(dialled("112"), Destination::Help(number("112")));
        assert_eq!(dialled("122"), Destination::Short(number("122")));
        assert_eq!(dialled("8 916 204-00-00"), Destination::Outside(number("+79162040000")));
        assert_eq!(dialled("*72"), Destination::Outside(number("*72")));
        for unreadable in ["", "boris", "112;x"] {
            assert_eq!(dialled(unreadable), Destination::Refused(Refused::Unreadable));
        }
    }

    #[test]
    fn no_phone_can_take_the_name_of_an_emergency_number() {
        let mut plan = plan();
        plan.set_phones([("112".to_owned(), "thief".into())]);
        assert_eq!(plan.destination(Dialler::Phone, "112"), Destination::Help(number("112")));
    }
}
