"""What a msgid is made of where its message has a key, and what it tells of its time. Pure.

A message that is said again under its key has the same msgid, whichever gateway makes it. So wherever a log has lost
the first and gets the second, both are known for the same. Source: docs/protocol.md, "Sending again".
"""

import base64
import hashlib

from gateway.model import LogKey, MsgId, SendKey

__all__ = ["keyed_msgid", "made_at_ms"]

_HEX = frozenset(b"0123456789abcdef")


def keyed_msgid(send_key: SendKey, log: LogKey, command: str, text: str, *more: bytes) -> MsgId:
    """The id of what an author says, in a line or in `more`, under a key into one log; another text under the same key
    has another.

    Where the key begins as our msgids do, with a time, so does the id.
    """
    digest = hashlib.blake2b(digest_size=15)
    for part in (send_key.owner, log.encode(), send_key.key, command.encode(), text.encode(), *more):
        digest.update(b"%d:%b" % (len(part), part))
    head = send_key.key.partition(b"-")[0] if made_at_ms(send_key.key) else b"0"
    return MsgId(b"%b-k%b" % (head, base64.urlsafe_b64encode(digest.digest()).replace(b"-", b".")))


def made_at_ms(msgid: bytes) -> int:
    """When a message was made, by the clock of who made it, in ms since 1970, as far as its id says; 0: it does not.

    A hint where in a log to look for it.
    """
    head, dash, _ = msgid.partition(b"-")
    return int(head, 16) if dash and 8 <= len(head) <= 12 and _HEX.issuperset(head) else 0
