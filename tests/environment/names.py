"""What the operator's screen calls its parts, in both languages: the one place where tests of the window learn it.

These are the names that a screen reader hears, the same words as in `operator-app/src/lang`. A name ending in `…`
stands for everything that begins with what is before it.
"""

RU = {
    # The state of the call, spoken by the call bar with queue, caller and number after it.
    "no_call": "Ожидание, …",
    "ringing": "Входящий вызов, …",
    "talking": "Разговор, …",
    "wrapup": "Постобработка, …",
    # The operator's own state.
    "ready": "Состояние оператора: Готов…",
    "not_ready": "Состояние оператора: Не готов…",
    # What the card can be.
    "known": "Корректировочные счета…",
    "unknown": "Номер не найден в базе клиентов…",
    "several": "На этом номере…",
    "withheld": "Звонящий скрыл номер…",
    # The wrap-up.
    "about": "О чём обращение",
    "summary": "Комментарий",
    # Commands, as the palette lists them.
    "be_ready": "Готов",
    "switch_theme": "Сменить тему",
    "switch_language": "Switch to English",
    # The supervisor's screen.
    "floor": "Уровень обслуживания (SL)…",
}

EN = {
    "no_call": "Waiting, …",
    "ringing": "Incoming call, …",
    "talking": "Talking, …",
    "wrapup": "Wrap-up, …",
    "ready": "Agent state: Ready…",
    "not_ready": "Agent state: Not ready…",
    "known": "Corrective invoices…",
    "unknown": "This number is not in the customer base…",
    "several": "This number has…",
    "withheld": "The caller keeps the number to themselves…",
    "about": "What it is about",
    "summary": "Comment",
    "be_ready": "Ready",
    "switch_theme": "Switch the theme",
    "switch_language": "Перейти на русский",
    "floor": "Service level (SL)…",
}


def matches(pattern, name):
    """Whether a name is the one meant: the whole of it, or its beginning when the pattern ends in `…`."""
    if pattern.endswith("…"):
        return name.startswith(pattern[:-1])
    return name == pattern
