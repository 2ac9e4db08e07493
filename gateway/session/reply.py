"""The answer to one command: plain lines, or held together by the client's label. Pure.

Source: IRCv3 labeled-response: no line is answered with ACK, one carries the label, more travel in a batch.
"""

from itertools import chain

from gateway.session.capabilities import BATCH, LABELED, STANDARD_REPLIES
from gateway.session.render import in_batch, with_label
from gateway.session.session import Session
from gateway.wire.errors import MalformedLineError
from gateway.wire.limits import MAX_BODY_BYTES, MAX_LABEL_BYTES
from gateway.wire.numerics import RPL_TRYAGAIN
from gateway.wire.splitting import clip

__all__ = ["Reply"]

MAX_MIDDLE_BYTES = 100  # of what a peer made us repeat; every name of ours is shorter, and four of them fit a line


class Reply:
    """Collects the lines of one answer; `finish` sends them, once."""

    __slots__ = ("_lines", "label", "server", "session", "under_way")

    def __init__(self, session: Session, server: str, label: str = "") -> None:
        self.session = session
        self.server = server
        self.label = label if label and _usable(session, label) else ""
        self._lines: list[bytes] = []
        self.under_way = False  # a part of it is out, and the rest follows as fast as the peer reads

    def add(self, line: bytes) -> None:
        """A finished line, CR LF included."""
        self._lines.append(line)

    def numeric(self, number: str, *params: str) -> None:
        """A numeric to the peer; a last parameter that is too long for one line is cut at a character's border."""
        self.message(number, self.session.name, *params)

    def message(self, command: str, *params: str) -> None:
        """A line from the server."""
        line = f":{self.server} {' '.join([command, *map(_middle, params[:-1])])}"
        if params:
            line += f" :{clip(params[-1], MAX_BODY_BYTES - len(line.encode()) - 2)}"
        self.add(_checked(line))

    def fail(self, command: str, code: str, *context: str, numeric: str = RPL_TRYAGAIN, text: str) -> None:
        """A refusal: `FAIL` where standard-replies was negotiated, else the numeric with the context."""
        if self.session.has(STANDARD_REPLIES):
            self.message("FAIL", command, code, *context, text)
        elif numeric == RPL_TRYAGAIN:
            self.numeric(numeric, command, text)
        else:
            self.numeric(numeric, *context, text)

    def fail_only(self, command: str, code: str, *context: str, text: str) -> None:
        """A refusal that has no numeric: `FAIL`, or a NOTICE for a client that knows no standard replies."""
        if self.session.has(STANDARD_REPLIES):
            self.message("FAIL", command, code, *context, text)
        else:
            self.message("NOTICE", self.session.name, f"{command}: {text}")

    def fail_for(self, cap: int, command: str, code: str, *context: str, text: str) -> None:
        """A refusal of a command whose specification knows no other than `FAIL`: that is what who negotiated its
        capability gets, whether it did standard-replies too or not."""
        words = (word.split(" ")[0][:100] or "*" for word in context)
        if self.session.has(cap):
            self.message("FAIL", command, code, *words, text)
        else:
            self.fail_only(command, code, *words, text=text)

    def note(self, command: str, code: str, *context: str, text: str) -> None:
        """Something was done, or is so: `NOTE`, or a NOTICE for a client that knows no standard replies."""
        if self.session.has(STANDARD_REPLIES):
            self.message("NOTE", command, code, *context, text)
        else:
            self.message("NOTICE", self.session.name, f"{command}: {text}")

    def batch(self, kind: str, *params: str, lines: list[bytes], reference: str) -> None:
        """Lines in a batch of their own, or plain where the client knows no batches."""
        if not self.session.has(BATCH):
            self._lines += lines
            return
        self.message("BATCH", f"+{reference}", kind, *params)
        self._lines += [in_batch(line, reference) for line in lines]
        self.message("BATCH", f"-{reference}")

    @property
    def size(self) -> int:
        """Bytes of the lines collected so far."""
        return sum(map(len, self._lines))

    def take(self) -> bytes:
        """All collected lines as one piece of bytes, labelled; nothing is collected any more after it."""
        return b"".join(self._taken())

    def pieces(self, size: int) -> list[bytes]:
        """The same in pieces of `size` bytes and what the last line of each has beyond."""
        pieces, piece, held = [], [], 0
        for line in chain.from_iterable(map(_uncut, self._taken())):
            piece.append(line)
            held += len(line)
            if held >= size:
                pieces.append(b"".join(piece))
                piece, held = [], 0
        return [*pieces, b"".join(piece)] if piece else pieces

    def _taken(self) -> list[bytes]:
        lines, self._lines = self._lines, []
        label, self.label = self.label, ""
        if not label:
            return lines
        if not lines:
            return [with_label(f":{self.server} ACK\r\n".encode(), label)]
        if len(lines) == 1:
            return [with_label(lines[0], label)]
        reference = "reply"  # no two are open at once: the next command waits until this answer is written
        start = with_label(f":{self.server} BATCH +{reference} labeled-response\r\n".encode(), label)
        end = f":{self.server} BATCH -{reference}\r\n".encode()
        # Lines of an inner batch keep its reference; only its start and end belong to the outer one.
        inner = (line if line.startswith(b"@batch=") else in_batch(line, reference) for line in lines)
        return [start, *inner, end]

    def finish(self) -> None:
        """Send the answer."""
        if answer := self.take():
            self.session.write(answer)


def _uncut(line: bytes) -> list[bytes]:
    """What of a finished line, which may be several, must be written together: a batch within it, whose reference
    others have too."""
    return [line] if b" BATCH +" in line else line.splitlines(keepends=True)


def _usable(session: Session, label: str) -> bool:
    return session.has(LABELED) and session.has(BATCH) and len(label.encode()) <= MAX_LABEL_BYTES


def _middle(param: str) -> str:
    return clip(param, MAX_MIDDLE_BYTES) if param and " " not in param and param[0] != ":" else "*"


def _checked(line: str) -> bytes:
    if "\r" in line or "\n" in line or "\0" in line:
        raise MalformedLineError("a reply cannot hold a line break")
    return line.encode() + b"\r\n"
