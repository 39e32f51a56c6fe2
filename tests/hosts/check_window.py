"""The standalone's window on a display of its own: drawn, models loaded by typing their paths and by dropping files, a bad file refused,
bypass, copy and paste, resized, and a training of ten trials from the keyboard.

Wants `xdotool` and ImageMagick, and runs under `xvfb-run`. Judged by pixels: places follow `plugin/src/editor/panels`, colours
`theme.rs`. The pictures stay in the output folder.
"""

import os
import signal
import subprocess
import time

import common
import numpy as np
import xdnd

# Places, in pixels from the window's edges, and colours.
HEADER, FOOTER, LIBRARY = 48, 36, 224
# A model whose card differs from those of the look-ahead models.
DROPPED = "models/fixtures/conv_causal.onnx"
ERROR, NOTICE, ACCENT, TEXT = (0xF0, 0x71, 0x6B), (0xE6, 0xC0, 0x4F), (0xF2, 0xA3, 0x3C), (0xE8, 0xEA, 0xED)


class Window:
    """The program and what can be seen of it."""

    def __init__(self, args):
        home = args.out / "home"
        home.mkdir(exist_ok=True)
        environment = dict(os.environ, HOME=str(home), XDG_DATA_HOME=str(home / "data"), XDG_CONFIG_HOME=str(home / "config"))
        self.out = args.out
        self.log = (args.out / "standalone.log").open("wb")
        self.program = subprocess.Popen(
            [args.standalone, "--backend", "dummy", "--sample-rate", "48000"], env=environment, stdout=self.log, stderr=self.log,
            start_new_session=True,
        )
        self.id = self.wait_for_id()

    def wait_for_id(self):
        """The window's number; a program that ended, or shows none, ends the script."""
        end = time.monotonic() + 30
        while time.monotonic() < end:
            if self.program.poll() is not None:
                raise SystemExit(f"the standalone ended with {self.program.returncode}; see {self.log.name}")
            found = subprocess.run(["xdotool", "search", "--onlyvisible", "--name", "Tonegraft"], capture_output=True, text=True, check=False)
            if found.stdout.split():
                return found.stdout.split()[-1]
            time.sleep(0.2)
        raise SystemExit("no window in 30 s")

    def do(self, *words):
        """xdotool, and time for the next frame."""
        subprocess.run(["xdotool", *map(str, words)], check=True)
        time.sleep(0.25)

    def click(self, x, y):
        """At a place of the window."""
        self.do("mousemove", "--window", self.id, x, y)
        self.do("click", 1)

    def type(self, text):
        """Into what has the focus, then Enter."""
        self.do("type", "--delay", 15, text)
        self.do("key", "Return")

    def picture(self, name):
        """`[height, width, 3]`; also kept as a file."""
        path = self.out / f"{name}.png"
        subprocess.run(["import", "-window", self.id, path], check=True)
        size = subprocess.run(["identify", "-format", "%w %h", path], capture_output=True, text=True, check=True).stdout.split()
        raw = subprocess.run(["convert", path, "-depth", "8", "rgb:-"], capture_output=True, check=True).stdout
        return np.frombuffer(raw, dtype=np.uint8).reshape(int(size[1]), int(size[0]), 3)

    def until(self, name, holds, seconds=8.0):
        """Pictures until one satisfies `holds`; the last one, and whether it did."""
        end = time.monotonic() + seconds
        while True:
            picture = self.picture(name)
            if holds(picture):
                return picture, True
            if time.monotonic() > end:
                return picture, False
            time.sleep(0.3)

    def close(self):
        """Ends the program and says how it ended."""
        self.program.send_signal(signal.SIGTERM)
        try:
            code = self.program.wait(10)
        except subprocess.TimeoutExpired:
            self.program.kill()
            code = self.program.wait()
        self.log.close()
        return code


def count(region, colour):
    """Pixels near a colour."""
    return int((np.abs(region.astype(int) - np.array(colour)).max(axis=2) < 24).sum())


def footer(picture):
    """The line of messages."""
    return picture[-FOOTER:]


def title(picture, slot=0):
    """Name of the model in a slot's card."""
    half = (picture.shape[1] - LIBRARY - 98) // 2
    left = LIBRARY + slot * half
    return picture[HEADER + 4 : HEADER + 36, left + 46 : left + half - 160]


def header(picture):
    """The strip with the bypass button."""
    return picture[:HEADER, -120:]


def path_field(picture):
    """Middle of the text field under the library."""
    return LIBRARY // 2, picture.shape[0] - FOOTER - 20


def differs(a, b):
    """Whether enough of two regions is not the same for another text."""
    return a.shape != b.shape or int((np.abs(a.astype(int) - b.astype(int)).max(axis=2) > 40).sum()) > 40


def trial_marks(picture):
    """Pixels of the accent around the three buttons of a trial."""
    middle = picture.shape[1] // 2
    rows = slice(picture.shape[0] // 2 - 210, picture.shape[0] // 2 - 100)
    return [count(picture[rows, middle + at - 75 : middle + at + 75], ACCENT) for at in (-166, 0, 166)]


def train(window, checks, before, model):
    """A second model in slot B, then ten trials of a training by keys alone."""
    window.click(199, HEADER + 20)
    window.click(*path_field(before))
    window.do("key", "ctrl+a")
    window.type(str(model))
    loaded, changed = window.until("5-slot-b", lambda picture: differs(title(picture, 1), title(before, 1)))
    checks.that(changed, f"{model.name}, into slot B: its card shows it")
    # The tabs lie under the slots and the strip of the reference: the first row of pixels with the accent's line below "Rack".
    height = loaded.shape[0]
    rows = [y for y in range(HEADER + 200, height - 200) if count(loaded[y, LIBRARY + 8 : LIBRARY + 70][None], ACCENT) > 20]
    tabs = rows[-1] - 10 if rows else HEADER + 355
    window.click(LIBRARY + 112, tabs)
    time.sleep(0.5)
    window.click(LIBRARY + 78, tabs + 34)
    window.click(LIBRARY + 100, tabs + 94)
    planned = window.picture("6-planned")
    checks.that(differs(planned[tabs + 20 : -FOOTER, LIBRARY:-110], loaded[tabs + 20 : -FOOTER, LIBRARY:-110]), "the test is planned")
    window.click(LIBRARY + 70, height - FOOTER - 8 - 8 - 13)
    begun, running = window.until("7-trial", lambda picture: count(picture[HEADER : HEADER + 40, 8:120], TEXT) == 0)
    checks.that(running, "the training begins")
    for number in range(10):
        lit = []
        for key in ("1", "2", "3"):
            window.do("key", key)
            time.sleep(0.3)
            lit.append(trial_marks(window.picture("7-trial")))
        if number == 0:
            told = all(max(marks) == marks[index] > 500 for index, marks in enumerate(lit))
            checks.that(told, f"keys 1, 2 and 3 let A, B and X be heard: {lit}")
        window.do("key", "q" if number % 2 else "w")
        window.do("key", "Return")
    # A training goes on until the listener ends it: the left one of the two buttons at the bottom.
    time.sleep(0.5)
    window.click(begun.shape[1] // 2 - 93, begun.shape[0] // 2 + 233)
    done, shown = window.until("8-result", lambda picture: max(trial_marks(picture)) < 500 and differs(picture, begun))
    checks.that(shown, "ten answers by keyboard lead to the result")
    window.click(max((done.shape[1] - 820) // 2, 20) + 60, done.shape[0] // 2 + min(done.shape[0] - 32, 620) // 2 - 15)
    _, back = window.until("8-closed", lambda picture: count(picture[HEADER : HEADER + 40, LIBRARY:], ACCENT) > 100)
    checks.that(back, "and closing it leads back")


def slot_middle(picture, slot):
    """A place on a slot's card."""
    half = (picture.shape[1] - LIBRARY - 98) // 2
    return LIBRARY + slot * half + half // 2, HEADER + 120


def drops(window, checks, before, models):
    """Files dragged over the window and away again, then dropped: one on slot B, two at once."""
    first, second = models
    away = xdnd.Drag(window.id, [first])
    checks.that(away.aware() == xdnd.VERSION, "the window takes drops")
    checks.that(away.move(*slot_middle(before, 1)), "files over it are welcome")
    half = before.shape[1] // 2 + 60
    lit = lambda picture: count(picture[HEADER:-FOOTER, half:-100], ACCENT) > count(before[HEADER:-FOOTER, half:-100], ACCENT) + 500
    over, shown = window.until("10-dragged", lit)
    checks.that(shown, "the slot under them is marked")
    away.leave()
    left, unmarked = window.until("10-left", lambda picture: not lit(picture))
    checks.that(unmarked and not differs(title(left, 1), title(before, 1)), "away again: the mark is gone, nothing is loaded")
    away.close()

    one = xdnd.Drag(window.id, [first])
    one.move(*slot_middle(over, 1))
    checks.that(one.drop(), "a file dropped on slot B is taken")
    dropped, changed = window.until("11-dropped", lambda picture: differs(title(picture, 1), title(before, 1)))
    checks.that(changed, f"{first.name}: its card shows it")
    checks.that(not differs(title(dropped), title(before)), "and slot A keeps its model")
    one.close()

    two = xdnd.Drag(window.id, [second, first])
    two.move(*slot_middle(over, 0))
    checks.that(two.drop(), "two files dropped at once are taken")
    both, changed = window.until("12-both", lambda picture: differs(title(picture), title(dropped)))
    checks.that(changed and not differs(title(both, 1), title(dropped, 1)), f"{second.name} is in slot A, {first.name} in slot B")
    two.close()


def clipboard(window, checks, before):
    """A text is copied out of the field, which is emptied, and pasted back."""
    window.click(*path_field(before))
    window.do("key", "ctrl+a")
    window.do("type", "--delay", 15, "copied text")
    typed = window.picture("13-typed")
    window.do("key", "ctrl+a")
    window.do("key", "ctrl+x")
    cut = window.picture("14-cut")
    window.do("key", "ctrl+v")
    pasted = window.picture("15-pasted")
    x, y = path_field(before)
    field = lambda picture: picture[y - 8 : y + 8, 20:120]
    changed = differs(field(cut), field(typed))
    checks.that(changed and differs(field(pasted), field(cut)) and not differs(field(pasted), field(typed)), "cut and pasted back")
    window.do("key", "ctrl+a")
    window.do("key", "Delete")
    window.do("key", "Escape")


def main():
    args = common.arguments()
    cli, checks = common.Cli(args), common.Checks()
    window = Window(args)
    first, drawn = window.until("1-opened", lambda picture: len(np.unique(picture.reshape(-1, 3), axis=0)) > 50, seconds=20)
    time.sleep(1.0)
    first = window.picture("1-opened")
    checks.that(drawn, f"the window is drawn: {first.shape[1]} × {first.shape[0]}")
    colours, counts = np.unique(first.reshape(-1, 3), axis=0, return_counts=True)
    checks.that(counts.max() < 0.95 * counts.sum(), f"it is not blank: {len(colours)} colours, the commonest covers {counts.max() / counts.sum():.0%}")
    checks.that(count(first, ACCENT) > 50, "a shipped model is marked as playing")
    checks.that(count(footer(first), ERROR) == 0, "no error at the start")

    model, latency = common.with_lookahead(cli)[-1]
    window.click(*path_field(first))
    window.type(str(model))
    loaded, changed = window.until("2-loaded", lambda picture: differs(title(picture), title(first)))
    checks.that(changed, f"{model.name} (latency {latency}), typed as a path: the card shows another model")
    checks.that(count(footer(loaded), ERROR) == 0, "no error with it")

    bad = args.out / "bad.onnx"
    bad.write_bytes(b"this is not a model" * 40)
    window.click(*path_field(loaded))
    window.do("key", "ctrl+a")
    window.type(str(bad))
    refused, complained = window.until("3-refused", lambda picture: count(footer(picture), ERROR) > 100)
    checks.that(complained, "a file that is no model: a sentence in the colour of errors")
    checks.that(not differs(title(refused), title(loaded)), "and the model before stays")

    width = refused.shape[1]
    window.click(width - 14 - 41, HEADER // 2)
    bypassed, marked = window.until("4-bypassed", lambda picture: count(header(picture), NOTICE) > 20)
    checks.that(marked, "a click on bypass is shown")
    window.click(width - 14 - 41, HEADER // 2)

    clipboard(window, checks, bypassed)
    train(window, checks, bypassed, common.with_lookahead(cli)[0][0])
    drops(window, checks, window.picture("10-before"), [common.ROOT / DROPPED, common.with_lookahead(cli)[0][0]])

    window.do("windowsize", window.id, 1200, 800)
    resized, grown = window.until("9-resized", lambda picture: picture.shape[:2] == (800, 1200) and count(picture[-60:, 1100:], (0, 0, 0)) < 50)
    checks.that(grown, f"resized to 1200 × 800: {resized.shape[1]} × {resized.shape[0]}")
    code = window.close()
    checks.that(code in (0, -signal.SIGTERM), f"it ends when told to: {code}")
    checks.finish()


if __name__ == "__main__":
    main()
