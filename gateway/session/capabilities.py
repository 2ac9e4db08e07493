"""IRCv3 capabilities: which there are, and negotiation as plain functions. Pure.

Source: IRCv3 capability-negotiation.
"""

from collections.abc import Iterable

__all__ = [
    "ACCOUNT_TAG",
    "BATCH",
    "CAP_NOTIFY",
    "CHATHISTORY",
    "ECHO",
    "EXTENDED_JOIN",
    "LABELED",
    "MULTI_PREFIX",
    "RENDERED",
    "RESUME",
    "SERVER_TIME",
    "STANDARD_REPLIES",
    "TAGS",
    "USERHOST_IN_NAMES",
    "listed",
    "names",
    "requested",
]

TAGS = 1
SERVER_TIME = 2
ACCOUNT_TAG = 4
EXTENDED_JOIN = 8
RENDERED = TAGS | SERVER_TIME | ACCOUNT_TAG | EXTENDED_JOIN
"""Those that change how a room's event looks: what is left of a mask is the class of receiver."""
ECHO = 16
LABELED = 32
BATCH = 64
MULTI_PREFIX = 128
STANDARD_REPLIES = 256
CHATHISTORY = 512
CAP_NOTIFY = 1024
USERHOST_IN_NAMES = 2048
RESUME = 4096

_BITS = {
    "account-tag": ACCOUNT_TAG,
    "batch": BATCH,
    "cap-notify": CAP_NOTIFY,
    "draft/chathistory": CHATHISTORY,
    "echo-message": ECHO,
    "extended-join": EXTENDED_JOIN,
    "hubbub.chat/resume": RESUME,
    "labeled-response": LABELED,
    "message-tags": TAGS,
    "multi-prefix": MULTI_PREFIX,
    "server-time": SERVER_TIME,
    "standard-replies": STANDARD_REPLIES,
    "userhost-in-names": USERHOST_IN_NAMES,
}


def listed() -> str:
    """What `CAP LS` answers; fits one line (a client without 302 understands no continuation)."""
    return " ".join(_BITS)


def names(mask: int) -> str:
    """The capabilities of a mask, as `CAP LIST` names them."""
    return " ".join(name for name, bit in _BITS.items() if mask & bit)


def requested(mask: int, wanted: Iterable[str]) -> int | None:
    """The mask after `CAP REQ`, or None: one of them is unknown, and then none changes ("The CAP REQ subcommand")."""
    for name in wanted:
        bit = _BITS.get(name.removeprefix("-"))
        if bit is None:
            return None
        mask = mask & ~bit if name.startswith("-") else mask | bit
    return mask
