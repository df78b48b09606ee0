use super::{plural_en, plural_ru};

/// The list at the left: who waits and who was missed.
#[derive(Debug)]
pub struct WaitingWords {
    pub queue: &'static str,
    pub missed: &'static str,
    pub lists: &'static str,
    pub nobody_waits: &'static str,
    pub nobody_waits_hint: &'static str,
    pub nobody_missed: &'static str,
    pub nobody_missed_hint: &'static str,
    pub unknown: &'static str,
    pub waits: fn(&str, &str, &str) -> String,
    pub was_lost: fn(&str, &str, &str) -> String,
    pub mark_handled: &'static str,
    pub mark_open: &'static str,
    pub n_waiting: fn(usize) -> String,
}

pub const RU: WaitingWords = WaitingWords {
    queue: "Очередь",
    missed: "Пропущенные",
    lists: "Списки вызовов",
    nobody_waits: "Никто не ждёт",
    nobody_waits_hint: "Новый вызов появится здесь сам",
    nobody_missed: "Пропущенных нет",
    nobody_missed_hint: "Потерянный вызов появится здесь, чтобы перезвонить",
    unknown: "Неизвестный номер",
    waits: |name, queue, time| format!("{name}, {queue}, ждёт {time}"),
    was_lost: |name, queue, time| format!("{name}, {queue}, пропущен {time}"),
    mark_handled: "Отметить: перезвонили",
    mark_open: "Вернуть в список",
    n_waiting: |n| format!("{n} {}", plural_ru(n, "ждёт", "ждут", "ждут")),
};

pub const EN: WaitingWords = WaitingWords {
    queue: "Queue",
    missed: "Missed",
    lists: "Call lists",
    nobody_waits: "Nobody is waiting",
    nobody_waits_hint: "A new call appears here by itself",
    nobody_missed: "No missed calls",
    nobody_missed_hint: "A lost call appears here to be called back",
    unknown: "Unknown number",
    waits: |name, queue, time| format!("{name}, {queue}, waiting {time}"),
    was_lost: |name, queue, time| format!("{name}, {queue}, missed {time}"),
    mark_handled: "Mark as called back",
    mark_open: "Back to the list",
    n_waiting: |n| format!("{n} {}", plural_en(n, "waits", "wait")),
};
