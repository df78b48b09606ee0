#!/usr/bin/python3 -B
"""A window as a screen reader sees it, and hands that press its keys.

As a module it gives `Screen`. As a program, for tests written in other languages:

    screen.py PID tree                      prints everything: role, name, state, place
    screen.py PID wait NAME [SECONDS]       waits until a part of this name is on the screen, and prints its line
    screen.py PID gone NAME [SECONDS]       waits until there is none
    screen.py PID press NAME                presses a button, tab or field
    screen.py PID value NAME                prints the text that a field holds
    screen.py PID key F2 ctrl+Return …      presses keys in the window, whatever the keyboard layout
    screen.py PID put-away                  makes the window small; nobody finds it any more
    screen.py PID type TEXT                 types, switching to the Russian layout where the text needs it
    screen.py PID shot FILE.png             waits until the picture stands still, and saves it

PID is that of the program whose window is meant. NAME is the whole name, or its beginning followed by `…`.
The display is that of private-display.sh. Exit code 1, with a sentence, when something is not there in time.
"""

import subprocess
import sys
import time
import warnings

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, GLib  # noqa: E402

from names import matches  # noqa: E402

# The bindings call the ways of asking deprecated for which the library itself has no others.
warnings.filterwarnings("ignore", category=DeprecationWarning)
PATIENCE_S = 20.0
PAUSE_S = 0.05
RUSSIAN = set("абвгдеёжзийклмнопрстуфхцчшщъыьэюя")


class NotThere(Exception):
    """Something that should be on the screen is not, or the other way round."""


class Part:
    """One thing on the screen: a button, a field, a line of text."""

    def __init__(self, node, depth):
        self.node = node
        self.depth = depth
        self.role = node.get_role_name()
        self.name = node.get_name() or ""

    def states(self):
        states = self.node.get_state_set()
        known = (
            ("focused", Atspi.StateType.FOCUSED),
            ("focusable", Atspi.StateType.FOCUSABLE),
            ("enabled", Atspi.StateType.ENABLED),
            ("selected", Atspi.StateType.SELECTED),
            ("checked", Atspi.StateType.CHECKED),
        )
        return [word for word, state in known if states.contains(state)]

    def place(self):
        component = self.node.get_component_iface()
        if component is None:
            return None
        extents = component.get_extents(Atspi.CoordType.SCREEN)
        return extents.x, extents.y, extents.width, extents.height

    def text(self):
        text = self.node.get_text_iface()
        return Atspi.Text.get_text(text, 0, Atspi.Text.get_character_count(text)) if text else ""

    def is_field(self):
        return self.node.get_editable_text_iface() is not None

    def press(self):
        """Presses a button; gives a field the focus, which a press from outside does not."""
        if self.is_field():
            return self.node.get_component_iface().grab_focus()
        action = self.node.get_action_iface()
        return action is not None and action.get_n_actions() > 0 and action.do_action(0)

    def __str__(self):
        return "  " * self.depth + f"[{self.role}] {self.name!r} {' '.join(self.states())} {self.place() or ''}"


class Screen:
    """The window of one process."""

    def __init__(self, pid, patience_s=PATIENCE_S):
        Atspi.init()
        self.pid = int(pid)
        self.patience_s = patience_s
        self.window = self._wait("its window", self._find_window)
        # A program describes its window only after the first question, a frame later; and it draws no frames
        # while another window covers it.
        self.front()
        self._wait("a described window", lambda: any(part.depth > 0 for part in self.parts()))

    def _find_window(self):
        asked = ["xdotool", "search", "--onlyvisible", "--pid", str(self.pid)]
        found = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.split()
        return found[-1] if found else None

    def _applications(self):
        desktop = Atspi.get_desktop(0)
        for index in range(desktop.get_child_count()):
            application = desktop.get_child_at_index(index)
            if application is not None and application.get_process_id() == self.pid:
                # Without an event loop nothing would ever tell the library that what it remembers is no longer so.
                application.set_cache_mask(Atspi.Cache.NONE)
                yield application

    def parts(self):
        """Everything on the screen, from the top down."""
        for application in self._applications():
            yield from self._below(application, 0)

    def _below(self, node, depth):
        try:
            part = Part(node, depth)
            children = node.get_child_count()
        except GLib.Error:
            # The part went away while we were looking at it.
            return
        yield part
        for index in range(children):
            try:
                child = node.get_child_at_index(index)
            except GLib.Error:
                return
            if child is not None:
                yield from self._below(child, depth + 1)

    def find(self, name):
        """The first part of this name, or None."""
        return next((part for part in self.parts() if matches(name, part.name)), None)

    def find_control(self, name):
        """The part of this name that can have the focus: a field, and not the label which gives it the name."""
        return next((part for part in self.parts() if matches(name, part.name) and "focusable" in part.states()), None)

    def wait(self, name, seconds=None):
        """Waits for a part of this name."""
        return self._wait(f"«{name}»", lambda: self.find(name), seconds)

    def wait_one_of(self, names, seconds=None):
        """Waits until one of these names is on the screen, and says which."""

        def look():
            for part in self.parts():
                for name in names:
                    if matches(name, part.name):
                        return name
            return None

        return self._wait(" or ".join(f"«{name}»" for name in names), look, seconds)

    def gone(self, name, seconds=None):
        """Waits until no part of this name is left."""
        self._wait(f"the end of «{name}»", lambda: self.find(name) is None, seconds)

    def press(self, name):
        """Presses a button, or puts the focus into a field."""
        part = self._wait(f"«{name}» as something to press", lambda: self.find_control(name))
        if not part.press():
            raise NotThere(f"«{part.name}» ({part.role}) can be neither pressed nor focused")
        if part.is_field():
            self._wait(f"the caret in «{name}»", lambda: "focused" in self.find_control(name).states())

    def value(self, name):
        """The text that a field holds."""
        return self._wait(f"«{name}» as a field", lambda: self.find_control(name)).text()

    def _wait(self, what, look, seconds=None):
        limit = self.patience_s if seconds is None else seconds
        end = time.monotonic() + limit
        while True:
            found = look()
            if found:
                return found
            if time.monotonic() >= end:
                raise NotThere(f"the screen of process {self.pid} did not show {what} within {limit:g} s")
            time.sleep(PAUSE_S)

    def front(self):
        """Brings the window to the front and gives it the keyboard."""
        subprocess.run(["xdotool", "windowactivate", "--sync", self.window], check=True)

    def key(self, *keys):
        """Presses keys: F2, ctrl+Return, alt+3."""
        self.front()
        subprocess.run(["xdotool", "key", "--clearmodifiers", *keys], check=True)

    def put_away(self):
        """Makes the window small, as somebody does who works in another program."""
        subprocess.run(["xdotool", "windowminimize", "--sync", self.window], check=True)

    def type(self, text):
        """Types into whatever has the focus, in stretches of one keyboard layout each."""
        self.front()
        for layout, stretch in stretches(text):
            # Without the right layout xdotool borrows a spare key for each letter, and a busy program mixes them up.
            subprocess.run(["setxkbmap", "-layout", layout], check=True)
            time.sleep(0.3)
            subprocess.run(["xdotool", "type", "--delay", "30", stretch], check=True)
            time.sleep(0.2)
        subprocess.run(["setxkbmap", "-layout", "us"], check=True)
        time.sleep(0.2)

    def shot(self, path):
        """Saves what is really on the screen, once two pictures in a row are the same (timers may keep them apart)."""
        before = None
        for _ in range(12):
            now = subprocess.run(["import", "-silent", "-window", "root", "rgb:-"], capture_output=True, check=True).stdout
            if now == before:
                break
            before = now
            time.sleep(0.15)
        subprocess.run(["import", "-silent", "-window", "root", f"png24:{path}"], check=True)


def stretches(text):
    """Cuts a text where the keyboard layout has to change: [("ru", "счёт "), ("us", "PDF")]."""
    cut = []
    for letter in text:
        layout = "ru" if letter.lower() in RUSSIAN else "us" if letter.isalpha() else None
        if cut and layout in (None, cut[-1][0]):
            cut[-1][1] += letter
        else:
            cut.append([layout or "us", letter])
    return [(layout, stretch) for layout, stretch in cut]


def main(arguments):
    if len(arguments) < 2:
        sys.exit(__doc__)
    screen = Screen(arguments[0])
    verb, rest = arguments[1], arguments[2:]
    seconds = float(rest[1]) if verb in ("wait", "gone") and len(rest) > 1 else None
    if verb == "tree":
        for part in screen.parts():
            print(part)
    elif verb == "wait":
        print(str(screen.wait(rest[0], seconds)).strip())
    elif verb == "gone":
        screen.gone(rest[0], seconds)
    elif verb == "press":
        screen.press(rest[0])
    elif verb == "value":
        print(screen.value(rest[0]))
    elif verb == "key":
        screen.key(*rest)
    elif verb == "put-away":
        screen.put_away()
    elif verb == "type":
        screen.type(rest[0])
    elif verb == "shot":
        screen.shot(rest[0])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except NotThere as sentence:
        sys.exit(str(sentence))
