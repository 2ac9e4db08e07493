"""One message of several lines, or of more than fits one: to parts on the wire and back. Pure.

Source: IRCv3 draft/multiline, client-batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.wire.message import Message
from gateway.wire.splitting import clip

__all__ = ["BATCH", "CONCAT", "Limits", "Part", "combined", "limits", "parts"]

BATCH = "draft/multiline"  # capability and type of batch
CONCAT = "draft/multiline-concat"
MAX_TEXT_BYTES = 65_536  # of one message, ours or theirs; a longer one of theirs is cut there


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server takes as one message: bytes with the line feeds between its lines, and lines on the wire."""

    max_bytes: int
    max_lines: int


@dataclass(frozen=True, slots=True)
class Part:
    """One line on the wire; `joined`: it goes on where the one before ended."""

    text: str
    joined: bool = False


def limits(value: str) -> Limits | None:
    """The value of the capability; None where it makes no sense."""
    found = dict(part.partition("=")[::2] for part in value.split(","))
    numbers = [int(text[:9]) if text.isascii() and text.isdigit() else 0 for text in
               (found.get("max-bytes", ""), found.get("max-lines", "1000000"))]  # fmt: skip
    return Limits(*numbers) if all(numbers) else None


def parts(text: str, limit_bytes: int, allowed: Limits) -> list[Part] | None:
    """Cut `text` for the wire, on word borders, nothing lost; None where it is more than the server takes at once."""
    if len(text.encode()) > min(allowed.max_bytes, MAX_TEXT_BYTES):
        return None
    found = []
    for line in text.split("\n"):
        rest, joined = line, False
        while len(rest.encode()) > limit_bytes:
            head = clip(rest, limit_bytes)
            # The space stays at the end: whoever gets the parts as messages sees none begin with one.
            cut = head.rfind(" ") + 1 or len(head)
            found.append(Part(rest[:cut], joined))
            rest, joined = rest[cut:], True
        if rest or not joined:
            found.append(Part(rest, joined))
    return found if len(found) <= allowed.max_lines else None


def combined(opening: Message, lines: Sequence[Message], parent: str) -> Message | None:
    """The message that a batch is; None for one without lines.

    Args:
        opening: the BATCH line that began it; what is known of the message stands there.
        parent: the batch around it, or empty.
    """
    said = [line for line in lines if line.command == "PRIVMSG" and len(line.params) >= 2]
    if not said:
        return None
    text = ""
    for number, line in enumerate(said):
        text += ("" if number == 0 or CONCAT in line.tags else "\n") + line.params[1]
    tags = {**said[0].tags, **opening.tags}
    tags.pop(CONCAT, None)
    tags.pop("batch", None)
    if parent:
        tags["batch"] = parent
    return Message("PRIVMSG", (said[0].params[0], clip(text, MAX_TEXT_BYTES)), opening.source or said[0].source, tags)
