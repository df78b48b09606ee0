#!/usr/bin/python3 -B
"""Works through a shift in place of an operator and leaves a picture of each step.

    shift.py --pictures FOLDER --every SECONDS --operator PID [--operator PID …] [--supervisor PID]

The first operator takes calls until every kind of caller has been seen: somebody known, an unknown number, a number
shared by several customers, a withheld one. Whoever rings, the same keys are pressed: F2, F9, topic, result, Ctrl+Enter.
Runs on the display of private-display.sh.
"""

import argparse
import pathlib
import sys

from names import EN, RU
from screen import NotThere, Screen

KINDS = {"card": "known", "unknown_caller": "unknown", "candidates": "several", "withheld": "withheld"}
TOPIC = "показ"
SUMMARY = "Показания приняты, вопрос решён"
MOST_CALLS = 24


class Album:
    """The pictures, numbered in the order in which they were taken."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.n_pictures = 0

    def take(self, screen, title):
        self.n_pictures += 1
        path = self.folder / f"{self.n_pictures:02}-{title}.png"
        screen.front()
        screen.shot(path)
        print(f"  {path.name}", flush=True)


class Shift:
    """One operator's work."""

    def __init__(self, screen, album, every_s):
        self.screen = screen
        self.album = album
        # A call may have to pass through another operator before the next one comes to us.
        self.next_call_s = every_s * 6 + 30
        self.seen = set()

    def take_call(self, pictures):
        """One call from the first ring to the saved wrap-up. Returns the kind of caller."""
        screen = self.screen
        screen.wait(RU["ringing"], self.next_call_s)
        kind = KINDS[self._kind()]
        if pictures or kind not in self.seen:
            self.album.take(screen, f"ringing-{kind}")
        screen.key("F2")
        screen.wait(RU["talking"])
        if pictures or kind not in self.seen:
            self.album.take(screen, f"talking-{kind}")
        screen.key("F9")
        screen.wait(RU["wrapup"])
        screen.press(RU["topic"])
        screen.type(TOPIC)
        screen.key("Return")
        screen.key("ctrl+1")
        screen.press(RU["summary"])
        screen.type(SUMMARY)
        if pictures or kind not in self.seen:
            self.album.take(screen, f"wrapup-{kind}")
        screen.key("ctrl+Return")
        screen.gone(RU["wrapup"])
        if pictures:
            self.album.take(screen, "saved")
        self.seen.add(kind)
        return kind

    def _kind(self):
        names = {RU[key]: key for key in KINDS}
        return names[self.screen.wait_one_of(list(names))]

    def command(self, name):
        """Carries out a command of the palette by typing its name."""
        self.screen.key("ctrl+k")
        self.screen.type(name)
        self.screen.key("Return")


def work(arguments):
    album = Album(arguments.pictures)
    operator = Screen(arguments.operator[0])
    operator.wait(RU["free"], 60)
    album.take(operator, "ready")
    shift = Shift(operator, album, arguments.every)
    shift.take_call(pictures=True)
    n_calls = 1
    while shift.seen != set(KINDS.values()):
        if n_calls == MOST_CALLS:
            missing = ", ".join(sorted(set(KINDS.values()) - shift.seen))
            raise NotThere(f"after {n_calls} calls there was no caller of this kind: {missing}")
        shift.take_call(pictures=False)
        n_calls += 1
    shift.command(RU["light_theme"])
    album.take(operator, "light")
    shift.command(RU["english"])
    operator.wait(EN["free"])
    album.take(operator, "light-english")
    shift.command(EN["dark_theme"])
    album.take(operator, "dark-english")
    if arguments.supervisor:
        supervisor = Screen(arguments.supervisor)
        supervisor.key("F11")
        supervisor.wait(RU["queues"])
        album.take(supervisor, "supervisor")
    print(f"{n_calls} calls taken, {album.n_pictures} pictures")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", required=True, metavar="FOLDER")
    parser.add_argument("--every", type=int, default=20, metavar="SECONDS", help="seconds from one call to the next")
    parser.add_argument("--operator", type=int, action="append", required=True, metavar="PID")
    parser.add_argument("--supervisor", type=int, metavar="PID")
    try:
        work(parser.parse_args())
    except NotThere as sentence:
        sys.exit(str(sentence))


if __name__ == "__main__":
    main()
