"""A file manager's side of drag and drop on X11: the XDND protocol, version 5 (freedesktop.org), as far as a source of files needs it."""

import pathlib
import time

from Xlib import X, Xatom, display
from Xlib.protocol import event

VERSION = 5


class Drag:
    """Files on their way over a window; the pointer itself stays where it is."""

    def __init__(self, target, paths):
        """`target`: number of the window under the pointer."""
        self.display = display.Display()
        screen = self.display.screen()
        self.root = screen.root
        self.target = self.display.create_resource_object("window", int(target))
        self.source = self.root.create_window(0, 0, 1, 1, 0, screen.root_depth)
        self.uris = "".join(pathlib.Path(path).resolve().as_uri() + "\r\n" for path in paths).encode()
        self.source.set_selection_owner(self.atom("XdndSelection"), X.CurrentTime)
        self.messages = {}
        self.tell("XdndEnter", VERSION << 24, self.atom("text/uri-list"))

    def atom(self, name):
        """Number of a name."""
        return self.display.intern_atom(name)

    def tell(self, kind, *words):
        """One message to the target; its first word is this source."""
        data = [self.source.id, *words, 0, 0, 0, 0][:5]
        message = event.ClientMessage(window=self.target, client_type=self.atom(kind), data=(32, data))
        self.target.send_event(message)
        self.display.flush()

    def aware(self):
        """The protocol's version that the window announces; none: it takes no drops."""
        value = self.target.get_full_property(self.atom("XdndAware"), Xatom.ATOM)
        return value.value[0] if value else None

    def move(self, x, y):
        """Over a place of the window, in its pixels; whether it would take the files there."""
        at = self.root.translate_coords(self.target, x, y)
        self.tell("XdndPosition", 0, at.x << 16 | at.y, X.CurrentTime, self.atom("XdndActionCopy"))
        status = self.wait("XdndStatus")
        return status is not None and bool(status[1] & 1)

    def drop(self):
        """Lets the files go; whether the window says that it has them."""
        self.tell("XdndDrop", 0, X.CurrentTime)
        finished = self.wait("XdndFinished")
        return finished is not None and bool(finished[1] & 1)

    def leave(self):
        """Goes away with the files."""
        self.tell("XdndLeave")

    def wait(self, kind, seconds=5.0):
        """The words of the next answer of a kind; meanwhile the files' names are given to who asks. `None`: no answer."""
        end, wanted = time.monotonic() + seconds, self.atom(kind)
        while time.monotonic() < end:
            if not self.display.pending_events():
                time.sleep(0.01)
                continue
            got = self.display.next_event()
            if got.type == X.SelectionRequest:
                self.hand_over(got)
            elif got.type == X.ClientMessage and got.client_type == wanted:
                return list(got.data[1])
        return None

    def hand_over(self, request):
        """The list of files, into the property that was asked for."""
        request.requestor.change_property(request.property, request.target, 8, self.uris)
        answer = event.SelectionNotify(
            time=request.time, requestor=request.requestor, selection=request.selection, target=request.target, property=request.property,
        )
        request.requestor.send_event(answer)
        self.display.flush()

    def close(self):
        """Ends the source."""
        self.source.destroy()
        self.display.close()
