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

KINDS = ("known", "unknown", "several", "withheld")
# A topic without a form of its own, and what is written about it.
TOPIC = "тариф"
SUMMARY = "Рассказала о тарифах, вопрос решён"
MOST_CALLS = 24
SIGN_IN_S = 60


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
        # Several operators share the callers, so that ours may have to wait for more than one of them.
        self.next_call_s = every_s * 6 + 30
        self.seen = set()

    def begin(self):
        """Waits for the desk to be signed in, and says that we are ready where nobody has said so yet."""
        self.screen.wait(RU["no_call"], SIGN_IN_S)
        # The picture comes first: the moment that somebody is ready, the next caller rings.
        self.album.take(self.screen, "signed-in")
        if self.screen.wait_one_of([RU["ready"], RU["not_ready"]]) == RU["not_ready"]:
            self.command(RU["be_ready"])
            self.screen.gone(RU["not_ready"])

    def take_call(self):
        """One call from the first ring to the saved wrap-up; the first of each kind is pictured."""
        screen = self.screen
        screen.wait(RU["ringing"], self.next_call_s)
        shown = screen.wait_one_of([RU[kind] for kind in KINDS])
        kind = next(kind for kind in KINDS if RU[kind] == shown)
        take = self.album.take if kind not in self.seen else lambda *_: None
        take(screen, f"{kind}-ringing")
        screen.key("F2")
        screen.wait(RU["talking"])
        take(screen, f"{kind}-talking")
        screen.key("F9")
        screen.wait(RU["wrapup"])
        screen.key("F8")
        screen.type(TOPIC)
        screen.key("Return")
        screen.key("ctrl+1")
        screen.press(RU["summary"])
        screen.type(SUMMARY)
        take(screen, f"{kind}-wrapup")
        screen.key("ctrl+Return")
        screen.gone(RU["wrapup"])
        take(screen, f"{kind}-saved")
        self.seen.add(kind)

    def command(self, name):
        """Carries out a command of the palette by typing its name."""
        self.screen.key("ctrl+k")
        self.screen.type(name)
        self.screen.key("Return")


def work(arguments):
    album = Album(arguments.pictures)
    operator = Screen(arguments.operator[0])
    shift = Shift(operator, album, arguments.every)
    shift.begin()
    n_calls = 0
    while shift.seen != set(KINDS):
        if n_calls == MOST_CALLS:
            missing = ", ".join(kind for kind in KINDS if kind not in shift.seen)
            raise NotThere(f"after {n_calls} calls there was no caller of this kind: {missing}")
        shift.take_call()
        n_calls += 1
    if arguments.supervisor:
        supervisor = Screen(arguments.supervisor)
        if supervisor.find(RU["floor"]) is None:
            supervisor.key("F11")
        supervisor.wait(RU["floor"])
        album.take(supervisor, "supervisor")
    # The next caller's card in the other looks: a dark screen in Russian has been seen enough.
    operator.front()
    operator.wait(RU["ringing"], shift.next_call_s)
    shift.command(RU["switch_theme"])
    album.take(operator, "light")
    shift.command(RU["switch_language"])
    operator.wait_one_of([EN["ringing"], EN["talking"], EN["no_call"]])
    album.take(operator, "light-english")
    shift.command(EN["switch_theme"])
    album.take(operator, "dark-english")
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
