use shared::domain::agent::{Presence, ReasonCode, Wish};
use shared::domain::catalogue::Catalogue;
use shared::domain::queue::QueueCode;

use super::Tr;
use crate::settings::Language;

/// The call bar, the agent's state, faults and the frame of the screen.
#[derive(Debug)]
pub struct CallWords {
    pub(crate) no_call: &'static str,
    pub(crate) waiting: &'static str,
    pub(crate) ringing: &'static str,
    pub(crate) wrapup: &'static str,
    pub(crate) free: &'static str,
    pub(crate) rings: &'static str,
    pub(crate) talks: &'static str,
    pub(crate) dials: &'static str,
    pub(crate) held_for: fn(&str) -> String,
    pub(crate) three: &'static str,
    pub(crate) colleague_waits: &'static str,
    pub(crate) internal: &'static str,
    pub(crate) over_limit: &'static str,
    pub(crate) of_limit: fn(&str) -> String,
    pub(crate) withheld: &'static str,
    pub(crate) timer: &'static str,
    pub(crate) ready: &'static str,
    pub(crate) not_ready: fn(&str) -> String,
    pub(crate) logged_out: &'static str,
    pub(crate) connection_lost: &'static str,
    pub(crate) after_call: fn(&str) -> String,
    pub(crate) agent_state: &'static str,
    pub(crate) log_out: &'static str,
    pub(crate) linked: &'static str,
    pub(crate) not_linked: &'static str,
    pub(crate) phone_lost: &'static str,
    pub(crate) pop_latency: fn(i64) -> String,
    pub(crate) pop_latency_hint: &'static str,
    pub(crate) reason_login: &'static str,
    pub(crate) reason_no_answer: &'static str,
    pub(crate) reason_device: &'static str,
    pub(crate) offline: &'static str,
    pub(crate) retry_in: fn(u64) -> String,
    pub(crate) n_waiting_saves: fn(usize) -> String,
    pub(crate) clock_jumped: &'static str,
    pub(crate) database_away: &'static str,
    pub(crate) ledger_stuck: &'static str,
    pub(crate) overloaded: &'static str,
    pub(crate) descriptors_out: &'static str,
    pub(crate) toll_limit: &'static str,
    pub(crate) trunk_lost: &'static str,
    pub(crate) dismiss: &'static str,
    pub(crate) close: &'static str,
    pub(crate) close_question: &'static str,
    pub(crate) close_meaning: &'static str,
    pub(crate) close_stay: &'static str,
    pub(crate) close_leave: &'static str,
    pub(crate) operator_page: &'static str,
    pub(crate) supervisor_page: &'static str,
}

pub const RU: CallWords = CallWords {
    no_call: "Нет активного вызова",
    waiting: "Ожидание",
    ringing: "Входящий вызов",
    wrapup: "Постобработка",
    free: "свободен",
    rings: "звонит",
    talks: "разговор",
    dials: "набор",
    held_for: |time| format!("ждёт {time}"),
    three: "втроём",
    colleague_waits: "коллега ждёт",
    internal: "Внутренний вызов",
    over_limit: "сверх нормы",
    of_limit: |limit| format!("из {limit}"),
    withheld: "Номер скрыт",
    timer: "Таймер вызова",
    ready: "Готов",
    not_ready: |reason| format!("Не готов: {reason}"),
    logged_out: "Не в системе",
    connection_lost: "Нет связи",
    after_call: |state| format!("После вызова: {state}"),
    agent_state: "Состояние оператора",
    log_out: "Выйти",
    linked: "На связи со шлюзом",
    not_linked: "Нет связи со шлюзом",
    phone_lost: "Телефон не на связи: вызовы не поступают. Проверьте аппарат и гарнитуру.",
    pop_latency: |ms| format!("{ms} мс"),
    pop_latency_hint: "От поступления вызова до карточки на экране",
    reason_login: "Вход",
    reason_no_answer: "Не ответил",
    reason_device: "Телефон недоступен",
    offline: "Нет связи с сервером. Разговор не прерван, изменения сохраняются на этом компьютере.",
    retry_in: |s| format!("Повтор через {s} с"),
    n_waiting_saves: |n| format!("ждёт отправки: {n}"),
    clock_jumped: "Часы сервера переведены: время на экране может отличаться от настоящего. Сообщите администратору.",
    database_away: "База клиентов недоступна. Вызовы идут как обычно; записи сохранятся, когда она вернётся.",
    ledger_stuck: "Журнал не пишется: на сервере нет места. Сообщите администратору.",
    overloaded: "Вызовов больше, чем можно принять: часть звонящих слышит отказ. Ваш разговор не прервётся.",
    toll_limit: "Достигнут предел исходящих вызовов. Проверьте, кто и куда звонит: подробности в журнале сервера.",
    descriptors_out: "Серверу не хватает ресурсов для новых вызовов. Идущие разговоры не прервутся. Сообщите администратору.",
    trunk_lost: "Линия оператора связи не отвечает: новые вызовы могут не поступать.",
    dismiss: "Убрать",
    close: "Закрыть",
    close_question: "Закрыть программу во время вызова?",
    close_meaning: "Разговор на телефоне не прервётся, черновик сохранится. Новые вызовы сюда поступать не будут.",
    close_stay: "Остаться",
    close_leave: "Закрыть",
    operator_page: "Рабочее место",
    supervisor_page: "Панель супервизора",
};

pub const EN: CallWords = CallWords {
    no_call: "No active call",
    waiting: "Waiting",
    ringing: "Incoming call",
    wrapup: "Wrap-up",
    free: "idle",
    rings: "ringing",
    talks: "talking",
    dials: "dialing",
    held_for: |time| format!("held {time}"),
    three: "three-way",
    colleague_waits: "colleague held",
    internal: "Internal call",
    over_limit: "over the limit",
    of_limit: |limit| format!("of {limit}"),
    withheld: "Number withheld",
    timer: "Call timer",
    ready: "Ready",
    not_ready: |reason| format!("Not ready: {reason}"),
    logged_out: "Logged out",
    connection_lost: "Connection lost",
    after_call: |state| format!("After the call: {state}"),
    agent_state: "Agent state",
    log_out: "Log out",
    linked: "Connected to the gateway",
    not_linked: "No connection to the gateway",
    phone_lost: "The telephone is not registered: no calls arrive. Check the phone and the headset.",
    pop_latency: |ms| format!("{ms} ms"),
    pop_latency_hint: "From the call's arrival to the card on the screen",
    reason_login: "Login",
    reason_no_answer: "Ring no answer",
    reason_device: "Telephone unavailable",
    offline: "No connection to the server. The talk goes on; changes are kept on this computer.",
    retry_in: |s| format!("Next try in {s} s"),
    n_waiting_saves: |n| format!("waiting to be sent: {n}"),
    clock_jumped: "The server's clock was moved: times on the screen may be off. Tell the administrator.",
    database_away: "The customer base is away. Calls go on; records are saved when it is back.",
    ledger_stuck: "The journal cannot be written: the server's disk is full. Tell the administrator.",
    overloaded: "More calls than can be taken: some callers are refused. Your conversation goes on.",
    toll_limit: "A limit for outgoing calls was reached. See who dials what: the server's log has the details.",
    descriptors_out: "The server has no room for new calls. Conversations go on. Tell the administrator.",
    trunk_lost: "The carrier's line does not answer: new calls may not arrive.",
    dismiss: "Dismiss",
    close: "Close",
    close_question: "Close the program during a call?",
    close_meaning: "The talk on the telephone goes on and the draft is kept. New calls will not come here.",
    close_stay: "Stay",
    close_leave: "Close",
    operator_page: "Workplace",
    supervisor_page: "Supervisor's floor",
};

impl Tr {
    /// A reason for not being ready; the gateway's own ones have words here.
    pub(crate) fn reason<'w>(&self, reason: &'w ReasonCode, catalogue: &'w Catalogue) -> &'w str {
        if let Some(known) = catalogue.reason(reason.as_str()) {
            return self.of(&known.name);
        }
        match reason.as_str() {
            "login" => self.call.reason_login,
            "no_answer" => self.call.reason_no_answer,
            "device" => self.call.reason_device,
            other => other,
        }
    }

    pub(crate) fn presence(&self, presence: &Presence, catalogue: &Catalogue) -> String {
        match presence {
            Presence::LoggedOut => self.call.logged_out.to_owned(),
            Presence::NotReady { reason } => (self.call.not_ready)(self.reason(reason, catalogue)),
            Presence::Ready => self.call.ready.to_owned(),
            Presence::ConnectionLost { .. } => self.call.connection_lost.to_owned(),
        }
    }

    pub(crate) fn wish(&self, wish: &Wish, catalogue: &Catalogue) -> String {
        match wish {
            Wish::Ready => self.call.ready.to_owned(),
            Wish::NotReady { reason } => (self.call.not_ready)(self.reason(reason, catalogue)),
            Wish::LogOut => self.call.log_out.to_owned(),
        }
    }

    /// The queue's name, or its code while the catalogue does not know it.
    pub(crate) fn queue_name<'w>(&self, code: &'w QueueCode, catalogue: &'w Catalogue) -> &'w str {
        match catalogue.queues.iter().find(|queue| queue.code == *code) {
            Some(queue) => match self.language {
                Language::Ru => &queue.name_ru,
                Language::En => &queue.name_en,
            },
            None => code.as_str(),
        }
    }
}
