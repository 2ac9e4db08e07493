"""Cut long text into pieces that each fit one line on the wire. Imports `gateway.wire` only.

Source: RFC 1459 section 2.3 (512 bytes with CR LF), counted as the server relays it: with our full prefix in front.
"""

from gateway.wire.limits import HOSTLEN, MAX_BODY_BYTES, NICKLEN, USERLEN
from gateway.wire.splitting import clip

__all__ = ["ACTION_BYTES", "pieces", "room_for_text"]

ACTION_BYTES = len("\x01ACTION \x01")
# The longest prefix a server may put before our line. The true one is shorter, but it may grow while a line waits in
# the outbox (another nick, another host), and a piece is cut once.
_PREFIX_BYTES = len(":! @ ") - 1 + NICKLEN + USERLEN + HOSTLEN


def room_for_text(target: str, *, action: bool = False) -> int:
    """Bytes of UTF-8 that one line to `target` has for text, at least 1."""
    head = _PREFIX_BYTES + len("PRIVMSG ") + len(target.encode()) + len(" :")
    return max(1, MAX_BODY_BYTES - head - (ACTION_BYTES if action else 0))


def pieces(text: str, limit_bytes: int) -> list[str]:
    """Cut `text` so that each piece takes at most `limit_bytes` (4 or more, or a wide character would not fit).

    Cuts stand on spaces, and the one space at a cut is dropped; a word longer than a piece is cut between characters.
    Nothing else is lost: joined by the same spaces, the pieces are `text`.
    """
    found = []
    rest = text
    while len(rest.encode()) > limit_bytes:
        head = clip(rest, limit_bytes)
        # One character more is looked at: a word that ends just at the limit stays whole.
        border = rest.rfind(" ", 0, len(head) + 1)
        if border > 0:
            found.append(rest[:border])
            rest = rest[border + 1 :]
        else:
            found.append(head)
            rest = rest[len(head) :]
    if rest or not found:
        found.append(rest)
    return found
