use shared::domain::agent::{Activity, Presence, Work};
use shared::domain::call::{DialRule, Party, PartyFailure, PartyState, Stop};
use shared::domain::catalogue::Catalogue;
use shared::wire::event::{OfferedBy, OfferedHow};

use super::{Tr, format, plural_en, plural_ru};
use crate::state::reach::Purpose;

/// Calls with several parties: handing over, asking, calling, parking, and the way a call has come.
#[derive(Debug)]
pub struct ReachWords {
    pub(crate) transfer: &'static str,
    pub(crate) consult: &'static str,
    pub(crate) dial: &'static str,
    pub(crate) tones: &'static str,
    pub(crate) field_hint: &'static str,
    pub(crate) dial_hint: &'static str,
    pub(crate) tones_hint: &'static str,
    pub(crate) chosen: &'static str,
    pub(crate) unchoose: &'static str,
    pub(crate) note: &'static str,
    pub(crate) note_hint: &'static str,
    pub(crate) hand_over: &'static str,
    pub(crate) ask: &'static str,
    pub(crate) number_as_typed: &'static str,
    pub(crate) queue: &'static str,
    pub(crate) n_waiting: fn(usize) -> String,
    pub(crate) reading: &'static str,
    pub(crate) nobody: &'static str,
    pub(crate) nothing_fits: &'static str,
    pub(crate) underway: &'static str,
    pub(crate) choose_hint: &'static str,
    pub(crate) free: &'static str,
    pub(crate) muted: &'static str,
    pub(crate) heard: fn(&str) -> String,
    pub(crate) guest_of: fn(&str) -> String,
    pub(crate) customer: &'static str,
    pub(crate) path: &'static str,
    pub(crate) note_of: fn(&str, &str) -> String,
    pub(crate) parked_by: fn(&str) -> String,
    pub(crate) waits_parked: fn(&str, &str, &str) -> String,
    pub(crate) pick_up: &'static str,
    pub(crate) call_back: &'static str,
    pub(crate) call_them: &'static str,
    pub(crate) key_name: fn(char) -> String,
    pub(crate) tones_meaning: &'static str,
    pub(crate) refused: fn(&str, &str) -> String,
    pub(crate) call_to: fn(&str) -> String,
    pub(crate) note_title: &'static str,
}

pub const RU: ReachWords = ReachWords {
    transfer: "Перевод без консультации",
    consult: "Консультация с коллегой",
    dial: "Новый вызов",
    tones: "Тональный набор",
    field_hint: "Имя, номер или очередь",
    dial_hint: "Имя коллеги или номер",
    tones_hint: "0–9, * и #",
    chosen: "Выбран",
    unchoose: "Выбрать другого",
    note: "Заметка для коллеги",
    note_hint: "Что ему нужно знать",
    hand_over: "Перевести",
    ask: "Посоветоваться",
    number_as_typed: "номер",
    queue: "очередь",
    n_waiting: |n| match n {
        0 => "никто не ждёт".to_owned(),
        n => format!("{} {n}", plural_ru(n, "ждёт", "ждут", "ждут")),
    },
    reading: "Список коллег загружается",
    nobody: "Из коллег никого нет в системе",
    nothing_fits: "Никто не подходит. Номер можно набрать цифрами.",
    underway: "Соединяем…",
    choose_hint: "Стрелки и Enter выбирают, Esc закрывает",
    free: "Свободен",
    muted: "микрофон выключен",
    heard: |keys| format!("клиент нажал: {keys}"),
    guest_of: |name| format!("Вас позвали: {name}"),
    customer: "Клиент",
    path: "Путь вызова",
    note_of: |name, note| format!("{name}: {note}"),
    parked_by: |name| format!("Парковка · {name}"),
    waits_parked: |who, by, time| format!("{who}, на парковке {time}, поставил: {by}. Enter — принять"),
    pick_up: "Принять с парковки",
    call_back: "Перезвонить",
    call_them: "Позвонить",
    key_name: |key| format!("Клавиша {key}"),
    tones_meaning: "Каждая клавиша уходит сразу: для голосовых меню и добавочных номеров",
    refused: |who, why| format!("{who}: {why}"),
    call_to: |number| format!("Позвонить на {number}"),
    note_title: "Заметка",
};

pub const EN: ReachWords = ReachWords {
    transfer: "Blind transfer",
    consult: "Consult a colleague",
    dial: "New call",
    tones: "Dial pad",
    field_hint: "A name, a number or a queue",
    dial_hint: "A colleague's name or a number",
    tones_hint: "0–9, * and #",
    chosen: "Chosen",
    unchoose: "Choose another",
    note: "Note for the colleague",
    note_hint: "What they need to know",
    hand_over: "Transfer",
    ask: "Consult",
    number_as_typed: "number",
    queue: "queue",
    n_waiting: |n| match n {
        0 => "nobody waits".to_owned(),
        n => format!("{n} {}", plural_en(n, "waits", "wait")),
    },
    reading: "The list of colleagues is loading",
    nobody: "No colleague is signed in",
    nothing_fits: "Nobody fits. A number can be typed in digits.",
    underway: "Connecting…",
    choose_hint: "Arrows and Enter choose, Esc closes",
    free: "Idle",
    muted: "microphone off",
    heard: |keys| format!("customer pressed: {keys}"),
    guest_of: |name| format!("Called in by {name}"),
    customer: "Customer",
    path: "The call's path",
    note_of: |name, note| format!("{name}: {note}"),
    parked_by: |name| format!("Parked · {name}"),
    waits_parked: |who, by, time| format!("{who}, parked for {time} by {by}. Enter picks it up"),
    pick_up: "Pick up",
    call_back: "Call back",
    call_them: "Call",
    key_name: |key| format!("Key {key}"),
    tones_meaning: "Each key goes out at once: for voice menus and extensions",
    refused: |who, why| format!("{who}: {why}"),
    call_to: |number| format!("Call {number}"),
    note_title: "Note",
};

impl Tr {
    /// Why somebody did not come, as what follows their name.
    pub(crate) const fn party_failure(&self, why: PartyFailure) -> &'static str {
        let (ru, en) = match why {
            PartyFailure::Busy => ("занято", "busy"),
            PartyFailure::NoAnswer => ("не отвечает", "does not answer"),
            PartyFailure::Rejected => ("вызов отклонён", "declined the call"),
            PartyFailure::Unreachable => ("связи нет, попробуйте позже", "cannot be reached, try later"),
            PartyFailure::WrongNumber => ("такого номера нет, проверьте цифры", "no such number, check the digits"),
            PartyFailure::NotFree => ("сейчас не может ответить, выберите другого", "is not free, choose another"),
            PartyFailure::HungUp => ("вызов завершён", "the call is over"),
        };
        self.pick(ru, en)
    }

    /// Why the dial plan refuses a number, with the next step.
    pub(crate) const fn dial_rule(&self, rule: DialRule) -> &'static str {
        let (ru, en) = match rule {
            DialRule::UnknownNumber => {
                ("такого номера нет: проверьте, все ли цифры набраны", "no such number: check that no digit is missing")
            }
            DialRule::NotAllowed => (
                "вам этот номер набирать нельзя: попросите супервизора",
                "you may not dial this number: ask a supervisor",
            ),
            DialRule::ClosedPrefix => (
                "это направление закрыто для всех: за границу или платный номер",
                "this destination is closed for everybody: abroad or a paid number",
            ),
            DialRule::TooManyAtOnce => (
                "у вас уже идёт внешний вызов: сначала завершите его",
                "you have a call outside already: finish it first",
            ),
            DialRule::TooManyPerHour => (
                "исчерпан лимит вызовов в час: подождите или попросите супервизора",
                "your calls for this hour are used up: wait or ask a supervisor",
            ),
            DialRule::CostOfPerson => (
                "исчерпана ваша сумма на вызовы за день: попросите супервизора",
                "your day's money for calls is used up: ask a supervisor",
            ),
            DialRule::CostOfDay => (
                "исчерпана сумма на вызовы за день для всех: сообщите администратору",
                "the day's money for all calls is used up: tell the administrator",
            ),
            DialRule::NoTrunk => (
                "нет линии для этого номера: попробуйте через минуту",
                "no line carries this number now: try in a minute",
            ),
        };
        self.pick(ru, en)
    }

    /// A colleague's name, or the number.
    pub(crate) fn party(&self, party: &Party) -> String {
        match party {
            Party::Agent { name, .. } => name.clone(),
            Party::Number { number } => format::caller(number, self.call.withheld),
        }
    }

    pub(crate) const fn party_state(&self, state: PartyState) -> &'static str {
        let (ru, en) = match state {
            PartyState::Ringing => ("звонит", "ringing"),
            PartyState::Talking => ("на линии", "on the line"),
            PartyState::OnHold => ("на удержании", "on hold"),
        };
        self.pick(ru, en)
    }

    pub(crate) const fn activity(&self, activity: Activity) -> &'static str {
        let (ru, en) = match activity {
            Activity::Dialing => ("Набор номера", "Dialing"),
            Activity::Talking => ("Разговор", "Talking"),
            Activity::OnHold => ("Удержание", "On hold"),
            Activity::Consulting => ("Консультация", "Consulting"),
            Activity::Conference => ("Конференция", "Conference"),
        };
        self.pick(ru, en)
    }

    /// Who stands behind an offer, and why: no name is bent into another case.
    pub(crate) fn offered_by(&self, by: &OfferedBy) -> String {
        let (ru, en) = match by.how {
            OfferedHow::Transfer => ("Перевод", "Transfer"),
            OfferedHow::Consult => ("Консультация", "Consultation"),
            OfferedHow::Internal => ("Внутренний вызов", "Internal call"),
            OfferedHow::Returned => ("Возврат вызова", "Returned call"),
        };
        format!("{} · {}", self.pick(ru, en), by.name)
    }

    /// What that means for the one who is to answer.
    pub(crate) const fn offered_meaning(&self, how: OfferedHow) -> &'static str {
        let (ru, en) = match how {
            OfferedHow::Transfer => {
                ("Клиент на линии и ждёт вашего ответа", "The customer is on the line and waits for you")
            }
            OfferedHow::Consult => (
                "Сначала вы говорите с коллегой, клиент слышит музыку",
                "You speak with the colleague first; the customer hears music",
            ),
            OfferedHow::Internal => {
                ("Звонит коллега, клиента на линии нет", "A colleague calls; no customer is on the line")
            }
            OfferedHow::Returned => (
                "Тот, кому передавали, не ответил: клиент снова ваш",
                "Whom it was handed to did not answer: the customer is yours again",
            ),
        };
        self.pick(ru, en)
    }

    /// A place where the call has been, in a few words.
    pub(crate) fn stop(&self, stop: &Stop, catalogue: &Catalogue) -> String {
        match stop {
            Stop::Queue { queue } => self.queue_name(queue, catalogue).to_owned(),
            Stop::Agent { name, .. } => name.clone(),
            Stop::Parked { name, .. } => (self.reach.parked_by)(name),
        }
    }

    /// What a colleague does, as one reads it before calling.
    pub(crate) fn colleague(&self, presence: &Presence, work: &Work, catalogue: &Catalogue) -> String {
        let (ru, en) = match (presence, work) {
            (Presence::LoggedOut | Presence::NotReady { .. } | Presence::ConnectionLost { .. }, Work::Idle) => {
                return self.presence(presence, catalogue);
            }
            (Presence::ConnectionLost { .. }, _) => return self.presence(presence, catalogue),
            (Presence::Ready, Work::Idle) => return self.reach.free.to_owned(),
            (_, Work::Reserved { .. } | Work::Ringing { .. }) => ("Звонит вызов", "A call rings"),
            (_, Work::Dialing { .. }) => return self.activity(Activity::Dialing).to_owned(),
            (_, Work::Talking { .. }) => return self.activity(Activity::Talking).to_owned(),
            (_, Work::OnHold { .. }) => return self.activity(Activity::OnHold).to_owned(),
            (_, Work::Consulting { .. }) => return self.activity(Activity::Consulting).to_owned(),
            (_, Work::Conference { .. }) => return self.activity(Activity::Conference).to_owned(),
            (_, Work::Wrapup { .. }) => ("Постобработка", "Wrap-up"),
        };
        self.pick(ru, en).to_owned()
    }

    pub(crate) const fn purpose(&self, purpose: Purpose) -> &'static str {
        match purpose {
            Purpose::Transfer => self.reach.transfer,
            Purpose::Consult => self.reach.consult,
            Purpose::Dial => self.reach.dial,
            Purpose::Tones => self.reach.tones,
        }
    }
}
