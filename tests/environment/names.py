"""What the operator's screen calls its parts, in both languages: the one place where tests of the window learn it.

These are the names that a screen reader hears. A name ending in `…` stands for everything that begins with it.
"""

RU = {
    # The state of the call, spoken by the call bar (a status).
    "ringing": "Входящий…",
    "talking": "Разговор…",
    "wrapup": "Обработка…",
    "free": "Свободен…",
    # Buttons of the call bar.
    "answer": "Ответить",
    "hang_up": "Завершить",
    # What the card can be.
    "card": "Карточка клиента…",
    "unknown_caller": "Неизвестный номер…",
    "candidates": "Несколько клиентов…",
    "withheld": "Номер скрыт…",
    # Fields of the wrap-up.
    "topic": "Тема…",
    "result": "Результат…",
    "summary": "Итог…",
    "save": "Сохранить…",
    # The command palette, and commands in it.
    "palette": "Команды…",
    "light_theme": "Светлая тема",
    "dark_theme": "Тёмная тема",
    "english": "English",
    # The supervisor's screen.
    "queues": "Очереди…",
}

EN = {
    "ringing": "Incoming…",
    "talking": "Talking…",
    "wrapup": "Wrap-up…",
    "free": "Ready…",
    "answer": "Answer",
    "hang_up": "Hang up",
    "card": "Customer card…",
    "unknown_caller": "Unknown number…",
    "candidates": "Several customers…",
    "withheld": "Number withheld…",
    "topic": "Topic…",
    "result": "Result…",
    "summary": "Summary…",
    "save": "Save…",
    "palette": "Commands…",
    "light_theme": "Light theme",
    "dark_theme": "Dark theme",
    "russian": "Русский",
    "queues": "Queues…",
}


def matches(pattern, name):
    """Whether a name is the one meant: the whole of it, or its beginning when the pattern ends in `…`."""
    if pattern.endswith("…"):
        return name.startswith(pattern[:-1])
    return name == pattern
