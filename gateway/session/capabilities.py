"""IRCv3 capabilities: which there are, and negotiation as plain functions. Pure.

Source: IRCv3 capability-negotiation, sasl-3.2, account-registration, sts.
"""

from collections.abc import Iterable, Mapping

__all__ = [
    "ACCOUNT_NOTIFY",
    "ACCOUNT_REGISTRATION",
    "ACCOUNT_TAG",
    "AWAY_NOTIFY",
    "BATCH",
    "CAP_NOTIFY",
    "CHATHISTORY",
    "CHGHOST",
    "ECHO",
    "EVENT_PLAYBACK",
    "EXTENDED_ISUPPORT",
    "EXTENDED_JOIN",
    "EXTENDED_MONITOR",
    "IDEM",
    "INVITE_NOTIFY",
    "LABELED",
    "MULTILINE",
    "MULTI_PREFIX",
    "NO_IMPLICIT_NAMES",
    "PRE_AWAY",
    "READ_MARKER",
    "REDACTION",
    "RENAME",
    "RENDERED",
    "RESUME",
    "SASL",
    "SEARCH",
    "SERVER_TIME",
    "SETNAME",
    "STANDARD_REPLIES",
    "STS",
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
ACCOUNT_NOTIFY = 1 << 16
AWAY_NOTIFY = 1 << 19
SETNAME = 1 << 20
CHGHOST = 1 << 21
INVITE_NOTIFY = 1 << 22
MULTILINE = 1 << 27
REDACTION = 1 << 34
RENAME = 1 << 36
RENDERED = (
    TAGS
    | SERVER_TIME
    | ACCOUNT_TAG
    | EXTENDED_JOIN
    | ACCOUNT_NOTIFY
    | AWAY_NOTIFY
    | SETNAME
    | CHGHOST
    | INVITE_NOTIFY
    | MULTILINE
    | REDACTION
    | RENAME
)
"""Those that change how a room's event looks: what is left of a mask is the class of receiver."""
ECHO = 16
LABELED = 32
BATCH = 64
MULTI_PREFIX = 128
STANDARD_REPLIES = 256
CHATHISTORY = 512
CAP_NOTIFY = 1024
USERHOST_IN_NAMES = 2048
RESUME = 1 << 12
IDEM = 1 << 14
SASL = 1 << 17
ACCOUNT_REGISTRATION = 1 << 18
EVENT_PLAYBACK = 1 << 32
READ_MARKER = 1 << 33
SEARCH = 1 << 35
EXTENDED_MONITOR = 1 << 23
PRE_AWAY = 1 << 24
EXTENDED_ISUPPORT = 1 << 25
_NO_IMPLICIT_NAMES_DRAFT = 1 << 28
NO_IMPLICIT_NAMES = 1 << 29 | _NO_IMPLICIT_NAMES_DRAFT
"""Under either of its names: many clients know the older one."""
STS = 1 << 26  # a fact that is told, and nothing to ask for

VALUED = (MULTILINE, STS)  # their specifications require a value, which a client without 302 cannot be told

_BITS = {
    "account-notify": ACCOUNT_NOTIFY,
    "account-tag": ACCOUNT_TAG,
    "away-notify": AWAY_NOTIFY,
    "batch": BATCH,
    "cap-notify": CAP_NOTIFY,
    "chghost": CHGHOST,
    "draft/account-registration": ACCOUNT_REGISTRATION,
    "draft/channel-rename": RENAME,
    "draft/chathistory": CHATHISTORY,
    "draft/event-playback": EVENT_PLAYBACK,
    "draft/extended-isupport": EXTENDED_ISUPPORT,
    "draft/message-redaction": REDACTION,
    "draft/multiline": MULTILINE,
    "draft/no-implicit-names": _NO_IMPLICIT_NAMES_DRAFT,
    "draft/pre-away": PRE_AWAY,
    "draft/read-marker": READ_MARKER,
    "echo-message": ECHO,
    "extended-join": EXTENDED_JOIN,
    "extended-monitor": EXTENDED_MONITOR,
    "hubbub.chat/idem": IDEM,
    "hubbub.chat/resume": RESUME,
    "invite-notify": INVITE_NOTIFY,
    "labeled-response": LABELED,
    "message-tags": TAGS,
    "multi-prefix": MULTI_PREFIX,
    "no-implicit-names": NO_IMPLICIT_NAMES & ~_NO_IMPLICIT_NAMES_DRAFT,
    "sasl": SASL,
    "server-time": SERVER_TIME,
    "setname": SETNAME,
    "soju.im/search": SEARCH,
    "standard-replies": STANDARD_REPLIES,
    "sts": STS,
    "userhost-in-names": USERHOST_IN_NAMES,
}


def listed(withdrawn: int = 0, values: Mapping[int, str] | None = None) -> str:
    """What `CAP LS` answers. Without values, and the names with a slash, it fits one line: a client without 302
    understands no continuation.

    Args:
        withdrawn: the capabilities that cannot be had now.
        values: for a client with 302, what some of them say in addition.
    """
    said = {bit: f"={value}" for bit, value in (values or {}).items() if value}
    without = withdrawn | sum(bit for bit in VALUED if bit not in said)
    return " ".join(name + said.get(bit, "") for name, bit in _BITS.items() if not bit & without)


def names(mask: int) -> str:
    """The capabilities of a mask, as `CAP LIST` names them."""
    return " ".join(name for name, bit in _BITS.items() if mask & bit)


def requested(mask: int, wanted: Iterable[str], withdrawn: int = 0) -> int | None:
    """The mask after `CAP REQ`, or None: one of them cannot be had, and then none changes.

    Source: "The CAP REQ subcommand".
    """
    for name in wanted:
        bit = _BITS.get(name.removeprefix("-"))
        if bit is None or (bit & (withdrawn | STS) and not name.startswith("-")):
            return None
        mask = mask & ~bit if name.startswith("-") else mask | bit
    return mask
