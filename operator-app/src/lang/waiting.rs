/// The list at the left: who waits and who was missed.
#[derive(Debug)]
pub struct WaitingWords {
    pub(crate) queue: &'static str,
    pub(crate) missed: &'static str,
    pub(crate) lists: &'static str,
    pub(crate) nobody_waits: &'static str,
    pub(crate) nobody_waits_hint: &'static str,
    pub(crate) nobody_missed: &'static str,
    pub(crate) nobody_missed_hint: &'static str,
    pub(crate) waits: fn(&str, &str, &str) -> String,
    pub(crate) was_lost: fn(&str, &str, &str) -> String,
    pub(crate) mark_handled: &'static str,
    pub(crate) mark_open: &'static str,
}

pub const RU: WaitingWords = WaitingWords {
    queue: "Очередь",
    missed: "Пропущенные",
    lists: "Списки вызовов",
    nobody_waits: "Никто не ждёт",
    nobody_waits_hint: "Новый вызов появится здесь сам",
    nobody_missed: "Пропущенных нет",
    nobody_missed_hint: "Потерянный вызов появится здесь, чтобы перезвонить",
    waits: |name, queue, time| format!("{name}, {queue}, ждёт {time}"),
    was_lost: |name, queue, time| format!("{name}, {queue}, пропущен {time}"),
    mark_handled: "Отметить: перезвонили",
    mark_open: "Вернуть в список",
};

pub const EN: WaitingWords = WaitingWords {
    queue: "Queue",
    missed: "Missed",
    lists: "Call lists",
    nobody_waits: "Nobody is waiting",
    nobody_waits_hint: "A new call appears here by itself",
    nobody_missed: "No missed calls",
    nobody_missed_hint: "A lost call appears here to be called back",
    waits: |name, queue, time| format!("{name}, {queue}, waiting {time}"),
    was_lost: |name, queue, time| format!("{name}, {queue}, missed {time}"),
    mark_handled: "Mark as called back",
    mark_open: "Back to the list",
};
